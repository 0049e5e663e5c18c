"""`imgbudget clean`: removes the cache of facts."""

from typing import NamedTuple

from imgbudget.cli.command import Command
from imgbudget.cli.output import show
from imgbudget.imageinfo.cache import cache_folder, clear
from imgbudget.output.base import count
from imgbudget.printable import joined


class CleanOptions(NamedTuple):
    """The options of `clean`: none."""


def clean(_options: CleanOptions) -> int:
    """Remove the cache of image facts that --cache writes."""
    folder = cache_folder()
    removed = clear(folder)
    text = f"no cache at {folder}" if removed is None else f"removed {count(removed, 'file')} at {folder}"
    show(joined([text]))
    return 0


command: Command[CleanOptions] = Command("clean", CleanOptions, clean)
