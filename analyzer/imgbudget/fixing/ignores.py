"""Removes unused ignore entries from the configuration, in a run with --fix."""

import codecs
from difflib import unified_diff

from imgbudget.config.edit import without_ignores
from imgbudget.errors import WriteError, os_error_text
from imgbudget.fixing.writer import read_file, replace_file
from imgbudget.model.edits import FailedFix, FileFix
from imgbudget.model.fixes import DropEntry
from imgbudget.model.results import FileResult
from imgbudget.model.subjects import Finding

_WHY_NOT = "the entry cannot be removed on its own; remove it by hand"


def without_entries(result: FileResult, *, difference: bool, backup: bool) -> FileResult:
    """The result of a configuration after the entries that its findings ask to remove are removed.

    The file is written, or with `difference` the result has the difference instead.
    """
    asking = [finding for finding in result.findings if isinstance(finding.fix, DropEntry)]
    path = result.path
    try:
        data, seen = read_file(path)
        bom = codecs.BOM_UTF8 if data.startswith(codecs.BOM_UTF8) else b""
        text = data[len(bom) :].decode("utf-8")
        after, gone = _remove_entries(text, path, asking)
        fix = FileFix(
            path=path,
            changed=bool(gone),
            fixed=tuple(gone),
            failed=tuple(FailedFix(one.location, one.code, _WHY_NOT) for one in asking if one not in gone),
        )
        if difference:
            fix = fix._replace(difference=_difference(path, text, after))
        elif gone:
            replace_file(path, bom + after.encode("utf-8"), backup=backup, seen=seen)
            fix = fix._replace(written=path)
    except (WriteError, UnicodeDecodeError) as error:
        return result._replace(fix=FileFix(path=path, error=str(error)))
    except OSError as error:
        return result._replace(
            fix=FileFix(path=path, error=f"{path}: {os_error_text(error)}; nothing was changed")
        )
    return result._replace(findings=tuple(one for one in result.findings if one not in gone), fix=fix)


def _remove_entries(text: str, path: str, asking: list[Finding]) -> tuple[str, list[Finding]]:
    """The text without the entries that can be removed, and the findings that this resolves."""
    gone = []
    for finding in sorted(asking, key=_number, reverse=True):
        after = without_ignores(text, path, [_number(finding)])
        if after is not None:
            text = after
            gone.append(finding)
    return text, gone[::-1]


def _number(finding: Finding) -> int:
    last = (finding.location.keys or (0,))[-1]
    return last if isinstance(last, int) else 0


def _difference(path: str, before: str, after: str) -> str:
    lines = unified_diff(before.splitlines(keepends=True), after.splitlines(keepends=True), path, path, n=1)
    return "".join(line if line.endswith("\n") else f"{line}\n" for line in lines)
