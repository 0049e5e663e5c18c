"""`imgbudget clean`: removes the cache of facts."""

from typing import NamedTuple

from imgbudget.cli.command import Command
from imgbudget.cli.options import OutputOptions
from imgbudget.cli.output import chosen_formats, write_formats
from imgbudget.imageinfo.cachefiles import cache_folder, clear
from imgbudget.output.base import count
from imgbudget.output.records import TOOL, VERSION
from imgbudget.printable import joined

FORMATS = ("full", "json")


class CleanOptions(NamedTuple):
    """The options of `clean`."""

    output: OutputOptions = OutputOptions()


def clean(options: CleanOptions) -> int:
    """Remove the cache of image facts that --cache writes."""
    formats = chosen_formats(options.output.formats, FORMATS)
    folder = cache_folder()
    removed = clear(folder)
    text = f"no cache at {folder}" if removed is None else f"removed {count(removed, 'file')} at {folder}"
    write_formats(
        formats,
        options.output.color,
        text=lambda _: joined([text]),
        document=lambda: {"version": VERSION, "tool": TOOL, "folder": folder, "removed": removed},
    )
    return 0


command: Command[CleanOptions] = Command("clean", CleanOptions, clean, formats=FORMATS)
