"""A baseline: the findings that were known when it was written, which are not reported again.

An image file is known by a rule and its content, so that a moved or renamed one stays known and a changed
one is new. A finding in a request is known by rule, file, pointer and custom_id (without one, by the number
of its document in the file). Copies of files are known by their place as well: a further copy is new. What is
said of the run as a whole, and a rule that failed, is never known.
"""

from collections.abc import Collection, Iterable, Mapping
from typing import Any, NamedTuple

from imgbudget.errors import UsageError
from imgbudget.model import Finding

VERSION = 1
NAME = ".imgbudget-baseline.json"
"""The file that `imgbudget baseline` writes beside the configuration unless another is named."""

_FIELDS = ("path", "rule", "pointer", "document", "custom_id", "sha256")


class Entry(NamedTuple):
    """One known finding. `path` is relative to the folder of the baseline, with `/`.

    `document` counts the documents of a JSONL file from 0, `sha256` is that of an image file's content.
    """

    path: str
    rule: str
    pointer: str | None = None
    document: int = 0
    custom_id: str | None = None
    sha256: str | None = None


def entry_of(finding: Finding, path: str, sha256: str | None) -> Entry:
    """The entry of a finding in the file at `path`."""
    named = finding.request_id is not None
    return Entry(
        path=path,
        rule=finding.code,
        pointer=finding.place.pointer,
        document=0 if named else finding.place.document,
        custom_id=finding.request_id,
        sha256=sha256,
    )


class Baseline:
    """Known findings, to be asked for one at a time."""

    def __init__(self, entries: Iterable[Entry], *, placed: Collection[str] = ()) -> None:
        """Take entries in any order; the rules in `placed` are known by their place too."""
        self.entries = tuple(sorted(set(entries), key=_order))
        self._placed = frozenset(placed)
        self._known: dict[object, list[int]] = {}
        for number, entry in enumerate(self.entries):
            self._known.setdefault(self._key(entry), []).append(number)

    def _key(self, entry: Entry) -> object:
        if entry.sha256 is None:
            return entry
        return entry if entry.rule in self._placed else (entry.rule, entry.sha256)

    def find(self, entry: Entry) -> int | None:
        """The number of the entry that knows a finding, that of the same path if there is one."""
        numbers = self._known.get(self._key(entry))
        if not numbers:
            return None
        return next((number for number in numbers if self.entries[number].path == entry.path), numbers[0])

    def text(self) -> str:
        """The baseline as it is written: JSON, sorted, one entry a line, so that diffs are of lines."""
        import json  # noqa: PLC0415 - images need no JSON

        lines = []
        for entry in self.entries:
            record = {
                name: value for name in _FIELDS if (value := getattr(entry, name)) is not None and value != 0
            }
            lines.append(json.dumps(record, ensure_ascii=True))
        listed = "\n" + ",\n".join(lines) + "\n" if lines else ""
        return f'{{"version": {VERSION}, "findings": [{listed}]}}\n'


def _order(entry: Entry) -> tuple[Any, ...]:
    return tuple(str(value or "") if not isinstance(value, int) else f"{value:012}" for value in entry)


def read_baseline(data: bytes, name: str, *, placed: Collection[str] = ()) -> Baseline:
    """The baseline in the bytes of a file that people know as `name`.

    Raises:
        UsageError: it is no baseline; the text says where and what to do.
    """
    import json  # noqa: PLC0415 - images need no JSON

    remedy = "write it again with imgbudget baseline --write --force"
    try:
        tree = json.loads(data)
    except RecursionError:
        raise UsageError(f"{name}: is no baseline: nested too deep; {remedy}") from None
    except ValueError as error:
        where = f"line {error.lineno}: " if isinstance(error, json.JSONDecodeError) else ""
        raise UsageError(f"{name}: is no baseline: {where}not JSON; {remedy}") from None
    if not isinstance(tree, Mapping) or not isinstance(tree.get("findings"), list):
        raise UsageError(f"{name}: is no baseline: it has no list of findings; {remedy}")
    if tree.get("version") != VERSION:
        told = f"version {tree.get('version')!r} of a baseline is not known, only {VERSION}"
        raise UsageError(f"{name}: {told}; take the imgbudget that wrote it, or {remedy}")
    return Baseline(
        [_entry(record, number, name, remedy) for number, record in enumerate(tree["findings"])],
        placed=placed,
    )


def _entry(record: Any, number: int, name: str, remedy: str) -> Entry:
    kinds = {"document": int}
    if (
        not isinstance(record, Mapping)
        or not {"path", "rule"} <= record.keys() <= set(_FIELDS)
        or not all(type(value) is kinds.get(key, str) for key, value in record.items())
    ):
        raise UsageError(f"{name}: findings[{number}] is no entry of a baseline; {remedy}")
    return Entry(**record)
