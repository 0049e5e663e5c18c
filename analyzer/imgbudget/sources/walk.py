"""From the paths of a command line to files, one at a time: folders are searched, nothing is lost on the way.

Every file that is met and not left out comes exactly once, as `Found` or as `Passed` with a reason, so that
files = checked + skipped. Nothing is opened but ignore files. The order is that of the arguments; in a
folder its files come first and then the folders inside, both by the bytes of their names. No more is held
than the names in the folder at hand and those of the folders still to come on the way down to it.

Left out are DEFAULT_PRUNED, what `exclude` matches and what git ignores (ignores.py says when). A named
file is looked at, and a named folder searched, even so. A link to a file is a file; a link to a folder is
followed only where it is named.
"""

from collections.abc import Iterator, Sequence
from functools import cache
from typing import TYPE_CHECKING

from imgbudget.sources.arguments import Named, missing, read_arguments
from imgbudget.sources.entry import LEFT_OUT, Entry, Found, Passed
from imgbudget.sources.filetypes import DEFAULT_PRUNED, FileKind, kind_of

if TYPE_CHECKING:
    from imgbudget.sources.search import Search

__all__ = ["DEFAULT_PRUNED", "FileKind", "Found", "Passed", "find_files", "missing"]


def find_files(
    paths: Sequence[str],
    *,
    exclude: Sequence[str] = (),
    exclude_root: str,
    force_exclude: bool = False,
    respect_gitignore: bool = True,
) -> Iterator[Found | Passed]:
    """The files that the paths name and those in the folders that they name, each once.

    `exclude` are gitignore patterns relative to `exclude_root`. With `force_exclude` a named path is left
    out as a search would leave it out, and passed with that reason. A path that does not exist is passed:
    ask `missing` before. Paths come out relative where they went in relative, with `/`.
    """
    named = Named()
    arguments = [argument for argument in read_arguments(paths) if named.add(argument)]
    search = None
    if force_exclude or any(argument.entry is Entry.FOLDER for argument in arguments):
        search = _search(exclude, exclude_root, git=respect_gitignore, named=named)
    for argument in arguments:
        if search and force_exclude and search.leaves_out(argument):
            yield Passed(argument.path, LEFT_OUT)
        elif search and argument.entry is Entry.FOLDER:
            yield from search.walk(argument)
        elif isinstance(argument.entry, str):
            yield Passed(argument.path, argument.entry)
        else:
            yield Found(argument.path, kind_of(argument.path) or FileKind.UNKNOWN, named=True)


def _search(exclude: Sequence[str], root: str, *, git: bool, named: Named) -> "Search":
    from imgbudget.sources.exclusion import Exclusion  # noqa: PLC0415 - files that are named do without
    from imgbudget.sources.ignores import layers_around  # noqa: PLC0415
    from imgbudget.sources.search import Search  # noqa: PLC0415

    exclusion, around = Exclusion.of(exclude, root), cache(layers_around)
    return Search(exclusion=exclusion, git=git, named=named, around=around)
