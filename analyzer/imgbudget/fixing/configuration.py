"""Removes unused ignores from a configuration, which another run may be changing at the same time."""

import codecs
import os
from collections.abc import Iterable
from difflib import unified_diff
from hashlib import sha256

from imgbudget.config.edit import moved_entries, without_ignores
from imgbudget.config.settings import Settings
from imgbudget.errors import WriteError, os_error_text
from imgbudget.fixing.places import NAMED, Bounds, FoundBelow
from imgbudget.fixing.writer import ChangedError, read_file, replace_file
from imgbudget.model.edits import FailedFix, FileFix
from imgbudget.model.fixes import DropEntry
from imgbudget.model.results import FileResult
from imgbudget.model.subjects import Finding
from imgbudget.printable import joined

ATTEMPTS = 3
"""How often a file is read again if other runs write it at the same time."""

ELSEWHERE = "was fixed by another run or changed by another program during the run; nothing is left to fix"

_WHY_NOT = "the entry cannot be removed automatically; remove it by hand"


class UnusedEntries:
    """The files of a configuration as they were loaded: findings name entries by their numbers in these."""

    def __init__(self, *, named: bool) -> None:
        """Begin without files; `named` is whether the user named the configuration."""
        self._named = named
        self._loaded: dict[str, bytes] = {}

    def remember(self, settings: Settings) -> None:
        """Remember the files with ignores."""
        for path in {entry.path for entry in settings.ignores}:
            if (real := os.path.realpath(path)) in self._loaded:
                continue
            try:
                data, _ = read_file(path)
            except OSError:  # the removal reports it
                continue
            self._loaded[real] = data

    def remove(self, result: FileResult, *, difference: bool, backup: bool) -> FileResult:
        """The result for a configuration after the unused entries that it reports are removed.

        The file is written, or with `difference` the result contains the difference instead. Any other result
        is unchanged.
        """
        requested = [finding for finding in result.findings if isinstance(finding.fix, DropEntry)]
        if not requested:
            return result
        path = result.path
        try:
            fix, gone = self._attempts(path, requested, difference=difference, backup=backup)
        except (WriteError, UnicodeDecodeError) as error:
            return result._replace(fix=FileFix(path=path, error=str(error)))
        except OSError as error:
            text = f"{path}: {os_error_text(error)}; nothing was changed"
            return result._replace(fix=FileFix(path=path, error=text))
        settled = (*fix.fixed, *gone)
        return result._replace(findings=tuple(one for one in result.findings if one not in settled), fix=fix)

    def _attempts(
        self, path: str, requested: list[Finding], *, difference: bool, backup: bool
    ) -> tuple[FileFix, list[Finding]]:
        bounds: Bounds = NAMED
        if not self._named:
            bounds = FoundBelow((os.path.realpath(os.path.dirname(path)),))
        for left in reversed(range(ATTEMPTS)):
            try:
                return self._attempt(path, requested, None if difference else bounds, backup=backup)
            except ChangedError:
                if not left:
                    raise
        raise AssertionError

    def _attempt(
        self, path: str, requested: list[Finding], bounds: Bounds | None, *, backup: bool
    ) -> tuple[FileFix, list[Finding]]:
        """The fix of the file as it is now, and the findings whose entries are no longer there.

        Without `bounds` nothing is written.
        """
        data, expected = read_file(path)
        bom = codecs.BOM_UTF8 if data.startswith(codecs.BOM_UTF8) else b""
        text = data[len(bom) :].decode("utf-8")
        numbers, gone = self._numbers(path, data, requested)
        after, removed = _remove_entries(text, path, numbers)
        failed = [one for one in requested if one not in removed and one not in gone]
        fix = FileFix(
            path=path,
            changed=bool(removed),
            fixed=tuple(removed),
            failed=tuple(FailedFix(one.location, one.code, _WHY_NOT) for one in failed),
            elsewhere=ELSEWHERE if gone and not removed else None,
        )
        written = bom + after.encode("utf-8")
        if removed:
            fix = fix._replace(
                bytes_before=len(data),
                digest_before=sha256(data).hexdigest(),
                bytes_after=len(written),
                digest_after=sha256(written).hexdigest(),
            )
        if bounds is None:
            return fix._replace(difference=_difference(path, text, after)), gone
        if removed:
            replace_file(path, written, bounds=bounds, backup=backup, expected=expected)
            fix = fix._replace(written=path, backup=backup)
        return fix, gone

    def _numbers(
        self, path: str, data: bytes, requested: Iterable[Finding]
    ) -> tuple[dict[Finding, int], list[Finding]]:
        """The numbers of the entries in the file as it is now, and the findings whose entries are gone."""
        numbers = {finding: _number(finding) for finding in requested}
        loaded = self._loaded.get(os.path.realpath(path))
        if loaded == data:
            return numbers, []
        moved = None
        if loaded is not None:
            moved = moved_entries(loaded.decode("utf-8-sig"), data.decode("utf-8-sig"), path)
        if moved is None:
            raise ChangedError(f"{path}: was changed during the run and was not overwritten; run again")
        return (
            {one: new for one, number in numbers.items() if (new := moved.get(number)) is not None},
            [one for one, number in numbers.items() if number not in moved],
        )


def _remove_entries(text: str, path: str, numbers: dict[Finding, int]) -> tuple[str, list[Finding]]:
    """The text without the entries that can be removed, and the findings that this resolves."""
    removed = []
    for finding in sorted(numbers, key=lambda one: numbers[one], reverse=True):
        after = without_ignores(text, path, [numbers[finding]])
        if after is not None:
            text = after
            removed.append(finding)
    return text, removed[::-1]


def _number(finding: Finding) -> int:
    last = (finding.location.keys or (0,))[-1]
    return last if isinstance(last, int) else 0


def _difference(path: str, before: str, after: str) -> str:
    lines = unified_diff(_split(before), _split(after), path, path, n=1, lineterm="")
    return joined(lines)


def _split(text: str) -> list[str]:
    return text.replace("\r\n", "\n").removesuffix("\n").split("\n")
