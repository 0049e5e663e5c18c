"""Baselines: files of known findings, which are not reported again."""

import json
import os
from collections.abc import Collection, Iterable, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from imgbudget.errors import NO_FILE, UsageError, os_error_text
from imgbudget.model.subjects import Finding, RunData
from imgbudget.positional import read_named
from imgbudget.registry import Registry

if TYPE_CHECKING:
    from imgbudget.linter.run import Session


VERSION = 1
NAME = ".imgbudget-baseline.json"
"""The file that `imgbudget baseline` writes next to the configuration by default."""

MAX_BYTES = 64 << 20
"""Most bytes of a baseline; about 400,000 findings fit in."""

MAX_VERSION = 1000
"""Versions from here on are not repeated in messages."""

_FIELDS = ("path", "rule", "pointer", "document", "custom_id", "sha256")


class BaselineEntry(NamedTuple):
    """One known finding. `path` is relative to the folder of the baseline, with `/`.

    `document` counts the documents of a JSONL file from 0, `sha256` is that of an image file's content.
    """

    path: str
    rule: str
    pointer: str | None = None
    document: int = 0
    custom_id: str | None = None
    sha256: str | None = None


def entry_of(finding: Finding, path: str, sha256: str | None) -> BaselineEntry:
    """The entry of a finding in the file at `path`."""
    has_id = finding.request_id is not None
    return BaselineEntry(
        path=path,
        rule=finding.code,
        pointer=finding.location.pointer,
        document=0 if has_id else finding.location.document,
        custom_id=finding.request_id,
        sha256=sha256,
    )


class Baseline:
    """A set of known findings."""

    def __init__(self, entries: Iterable[BaselineEntry], *, placed: Collection[str] = ()) -> None:
        """Create a baseline of entries in any order; those of rules in `placed` match only at their path."""
        self.entries: tuple[BaselineEntry, ...] = tuple(sorted(set(entries), key=_order))
        self._placed = frozenset(placed)
        self._known: dict[object, list[int]] = {}
        for number, entry in enumerate(self.entries):
            self._known.setdefault(self._key(entry), []).append(number)

    def _key(self, entry: BaselineEntry) -> object:
        if entry.sha256 is None:
            return entry
        return entry if entry.rule in self._placed else (entry.rule, entry.sha256)

    def find(self, entry: BaselineEntry) -> int | None:
        """The number of the entry that matches, preferably one with the same path; None if none does."""
        numbers = self._known.get(self._key(entry))
        if not numbers:
            return None
        return next((number for number in numbers if self.entries[number].path == entry.path), numbers[0])

    def text(self) -> str:
        """The baseline as JSON: sorted, one entry per line, so that diffs are readable."""
        lines = []
        for entry in self.entries:
            record = {
                name: value for name in _FIELDS if (value := getattr(entry, name)) is not None and value != 0
            }
            lines.append(json.dumps(record, ensure_ascii=True))
        listed = "\n" + ",\n".join(lines) + "\n" if lines else ""
        return f'{{"version": {VERSION}, "findings": [{listed}]}}\n'


def _order(entry: BaselineEntry) -> tuple[Any, ...]:
    return tuple(str(value or "") if not isinstance(value, int) else f"{value:012}" for value in entry)


def read_baseline(data: bytes, name: str, *, placed: Collection[str] = ()) -> Baseline:
    """The baseline in the content of a file, which messages call `name`.

    Raises:
        UsageError: it is not a baseline; the text says where and what to do.
    """
    remedy = "write it again with imgbudget baseline --write --force"
    try:
        tree = json.loads(data)
    except RecursionError:
        raise UsageError(f"{name}: not a baseline: nested too deeply; {remedy}") from None
    except ValueError as error:
        where = f"line {error.lineno}: " if isinstance(error, json.JSONDecodeError) else ""
        raise UsageError(f"{name}: not a baseline: {where}not JSON; {remedy}") from None
    if not isinstance(tree, Mapping) or not isinstance(tree.get("findings"), list):
        raise UsageError(f"{name}: not a baseline: it has no list of findings; {remedy}")
    if tree.get("version") != VERSION:
        version = tree.get("version")
        found = f" {version}" if type(version) is int and 0 <= version < MAX_VERSION else ""
        unknown = f"unknown baseline version{found} (known: {VERSION})"
        raise UsageError(f"{name}: {unknown}; use the imgbudget that wrote it, or {remedy}")
    return Baseline(
        [_entry(record, number, name, remedy) for number, record in enumerate(tree["findings"])],
        placed=placed,
    )


def _entry(record: Any, number: int, name: str, remedy: str) -> BaselineEntry:
    kinds = {"document": int}
    if (
        not isinstance(record, Mapping)
        or not {"path", "rule"} <= record.keys() <= set(_FIELDS)
        or not all(type(value) is kinds.get(key, str) for key, value in record.items())
    ):
        raise UsageError(f"{name}: findings[{number}] is not a baseline entry; {remedy}")
    return BaselineEntry(**record)


class KnownFindings(NamedTuple):
    """A baseline, if one was read, and the folder that its paths are relative to."""

    baseline: Baseline | None
    folder: str


def load_baseline(name: str, registry: Registry, *, read: bool) -> KnownFindings:
    """The baseline in a file and its folder; without `read` only the folder.

    Raises:
        UsageError: the file does not exist, cannot be read or is not a baseline.
    """
    folder = os.path.dirname(os.path.abspath(name))
    return KnownFindings(read_file(name, registry) if read else None, folder)


def read_file(name: str, registry: Registry) -> Baseline:
    """The baseline in a file.

    Raises:
        UsageError: it does not exist, cannot be read or is not a baseline.
    """
    try:
        data = read_named(name, MAX_BYTES + 1)
    except FileNotFoundError:
        raise UsageError(f"{name}: {NO_FILE}; imgbudget baseline --write makes a baseline") from None
    except OSError as error:
        raise UsageError(f"{name}: baseline cannot be read: {os_error_text(error)}") from error
    if len(data) > MAX_BYTES:
        raise UsageError(f"{name}: larger than the {MAX_BYTES >> 20} MB that a baseline may have")
    return read_baseline(data, name, placed=placed(registry))


def placed(registry: Registry) -> frozenset[str]:
    """The codes of rules whose findings are identified by path, not by content alone."""
    by_path = (RunData.COPIES, RunData.LIKENESS, RunData.LEAKS)
    return frozenset(rule.code for rule in registry.rules if rule.run_data in by_path)


def fixed_entries(session: "Session", missed: Collection[str]) -> tuple[BaselineEntry, ...]:
    """The entries of the baseline whose findings are gone, as far as the run can tell.

    An entry counts only if its rule ran and its file is under the checked paths and was not `missed`, that
    is, could be checked.
    """
    context, suppressor = session.context, session.context.paths.suppressor
    if suppressor is None or suppressor.baseline is None:
        return ()
    folders = [_real(path) for path in session.checked_paths]
    unchecked = {_real(path) for path in missed}
    base, fixed = _real(suppressor.base), []
    for number, entry in enumerate(suppressor.baseline.entries):
        path = os.path.normpath(f"{base}/{entry.path}").replace(os.sep, "/")
        ran = context.at(path).paths.base_runner.rules
        if number in context.paths.usage.entries or not ran.has(entry.rule):
            continue
        if path not in unchecked and any(
            path == folder or path.startswith(folder + "/") for folder in folders
        ):
            fixed.append(entry)
    return tuple(fixed)


def _real(path: str) -> str:
    return os.path.realpath(path).replace(os.sep, "/").rstrip("/")
