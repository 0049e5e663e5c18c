"""Arguments of an audit in which no image was found: each is reported with the reason and what to do."""

from collections.abc import Iterable, Sequence

from imgbudget.auditing.references import NOT_BELOW, named
from imgbudget.auditing.rows import IMAGE, SKIP
from imgbudget.auditing.store import Store, quoted
from imgbudget.auditing.urls import is_url
from imgbudget.discovery.walk import is_other_name, spell
from imgbudget.namedtuples import NamedTuple
from imgbudget.output.base import count


class EmptyArgument(NamedTuple):
    """An argument in which no image was found, why, and what to do: two clauses."""

    argument: str
    reason: str
    hint: str


INSTALLS = "pip install "
"""In the reasons of files that a package is needed for."""

_ANOTHER = "name the folder, archive, table or list that has images"


class _SourceRows(NamedTuple):
    """How many rows a source has of one kind; `reason` is why they were skipped."""

    source: str
    subject: str
    reason: str | None
    missed: bool
    rows: int


def without_images(store: Store | None, datasets: Sequence[str]) -> tuple[EmptyArgument, ...]:
    """The arguments without an image; those whose images were found under another name are not among them.

    Without a store nothing at all was found.
    """
    found = _rows(store, "true") if store else []
    full = {row.source: _key(row.source) for row in found if row.subject == IMAGE}
    empty = []
    for name in dict.fromkeys(datasets):
        key = _key(name)
        if any(_below(source, key) for source in full.values()):
            continue
        mine = [row for row in found if _below(_key(row.source), key)]
        if store and not mine:
            mine = _in_folders(store, {row.source for row in found}, key)
        if not any(row.subject == IMAGE or is_other_name(row.reason or "") for row in mine):
            empty.append(_empty(name, mine))
    return tuple(empty)


def _rows(store: Store, where: str) -> list[_SourceRows]:
    group = "source, subject, skipped, missed"
    found = store.all(f"select {group}, count(*) from rows where {where} group by {group}")  # noqa: S608 - quoted
    return [_SourceRows._make(values) for values in found]


def _in_folders(store: Store, sources: Iterable[str], key: str) -> list[_SourceRows]:
    """The rows of a path that was found in a folder, another argument above it."""
    rows = []
    for source in sources:
        folder = _key(source)
        if folder != key and _below(key, folder):
            member = key if folder in ("", ".") else key[len(folder.rstrip("/")) + 1 :]
            inside = f"substr(member, 1, {len(member) + 1}) = {quoted(member + '/')}"
            where = f"source = {quoted(source)} and (member = {quoted(member)} or {inside})"
            rows += _rows(store, where)
    return rows


def _empty(name: str, rows: Sequence[_SourceRows]) -> EmptyArgument:
    others = sum(row.rows for row in rows if row.subject != SKIP)
    if others:
        reason = f"{count(others, 'request or document', 'requests or documents')} without an image"
        return EmptyArgument(name, reason, "if it should have images, look at how it names them")
    if not rows:
        return EmptyArgument(name, "it holds no files", _ANOTHER)
    reasons: dict[tuple[bool, str], int] = {}
    for row in rows:
        key = row.missed, row.reason or ""
        reasons[key] = reasons.get(key, 0) + row.rows
    # what could not be read explains more than what need not be
    (missed, text), most = max(reasons.items(), key=lambda item: (item[0][0], item[1], item[0][1]))
    total = sum(reasons.values())
    reason = text if total == 1 else f"{count(total, 'item')} in it, {most} of them: {text}"
    return EmptyArgument(name, reason, _hint(text, missed=missed))


def _hint(reason: str, *, missed: bool) -> str:
    if reason == NOT_BELOW:
        return "--image-root DIR names the folder that its paths begin at"
    if INSTALLS in reason:
        return "install that, and run the audit again"
    return "see what was not read" if missed else _ANOTHER


def _key(name: str) -> str:
    """A path or URL such that equal ones are equal: stores are spelled with several schemes."""
    name = named(name)
    return name.partition("://")[2].strip("/") if is_url(name) else spell(name)


def _below(source: str, argument: str) -> bool:
    return argument in ("", ".") or source == argument or source.startswith(argument.rstrip("/") + "/")
