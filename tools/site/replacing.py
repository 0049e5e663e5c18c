"""Puts a built site in the place of an earlier one, and touches nothing that no build has made."""

import hashlib
import shutil
from collections.abc import Iterable
from pathlib import Path

MARKER = ".imgbudget-site"
"""A file in each site: its files with their hashes, as `sha256sum` writes them."""

_NAMED = 5


class PlaceError(Exception):
    """A site cannot be put into a folder; the text says why, and what to do."""


def earlier_files(out: Path) -> set[str]:
    """The files of an earlier site in a folder, which is new, empty or has one.

    Raises:
        PlaceError: it is something else, or files of the site were changed since.
    """
    if not out.exists():
        return set()
    if not out.is_dir() or (any(out.iterdir()) and not (out / MARKER).is_file()):
        raise PlaceError(f"{out} exists and is no earlier site: name a new folder, or remove it")
    made: set[str] = set()
    changed: list[str] = []
    inside = out.resolve()
    lines = (out / MARKER).read_text("utf-8").splitlines() if (out / MARKER).exists() else []
    for line in lines:
        digest, _, name = line.partition("  ")
        path = out / name
        if not path.is_file() or not path.resolve().is_relative_to(inside):
            continue
        made.add(name)
        if _digest(path) != digest:
            changed.append(name)
    if changed:
        raise PlaceError(f"{_list(out, changed)} that were changed since the site was built: {_REMEDY}")
    return made


def replace(out: Path, site: Path, earlier: set[str]) -> None:
    """Put a site into a folder in place of these files; whatever else is there stays.

    Raises:
        PlaceError: a file that no build has made is where one of the site belongs. Nothing was changed.
    """
    names = sorted(path.relative_to(site).as_posix() for path in site.rglob("*") if path.is_file())
    others = [name for name in names if name not in earlier and (out / name).exists()]
    if others:
        raise PlaceError(
            f"{_list(out, others)} that no build has made, where those of the site belong: {_REMEDY}"
        )
    out.mkdir(parents=True, exist_ok=True)
    sums = "".join(f"{_digest(site / name)}  {name}\n" for name in names)
    (out / MARKER).write_text(sums, encoding="utf-8")  # first: what follows may be interrupted
    for name in earlier:
        (out / name).unlink(missing_ok=True)
    for folder in sorted({parent for name in earlier for parent in Path(name).parents}, reverse=True):
        if folder.name and not any((out / folder).iterdir()):
            (out / folder).rmdir()
    shutil.copytree(site, out, dirs_exist_ok=True)


_REMEDY = "move them away, or name another folder"


def _list(out: Path, names: Iterable[str]) -> str:
    found = list(names)
    more = f" and {len(found) - _NAMED} more" if len(found) > _NAMED else ""
    return f"{out} has files ({', '.join(found[:_NAMED])}{more})"


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
