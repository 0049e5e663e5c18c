"""What fixes have made of a file, in lines for people."""

from collections.abc import Iterator

from imgbudget.fixed import FileFix
from imgbudget.model import Finding, Place
from imgbudget.report import FileResult, Summary
from imgbudget.reporters.base import RunningText, count, one_line
from imgbudget.session.reporting import Piece


def fix_lines(fix: FileFix) -> Iterator[str]:
    """A line for each image that is new, then one for each other fix; paths are those of the result."""
    name = fix.written or fix.path
    codes: dict[Place, list[str]] = {}
    for finding in fix.fixed:
        codes.setdefault(finding.place, []).append(finding.code)
    if fix.written and fix.written != fix.path and fix.changed:
        yield f"{fix.path}: written to {fix.written}"
    for change in fix.images:
        mine = codes.pop(change.place, None) or codes.pop(change.place._replace(path=fix.path), [])
        why = f": {', '.join(dict.fromkeys(mine))}" if mine else ""
        yield f"{_where(name, change.place)}: {change.before} -> {change.after}{change.how}{why}"
    for finding in fix.fixed:
        if finding.place in codes:
            yield f"{_where(name, finding.place)}: {_title(finding)}: {finding.code}"
    for body in fix.bodies:
        if body.bytes_before != body.bytes_after:
            yield (
                f"{_where(name, body.place)}: body {body.bytes_before:,} -> {body.bytes_after:,} bytes, "
                f"{body.tokens_before:,} -> {body.tokens_after:,} visual tokens"
            )


def _where(name: str, place: Place) -> str:
    line = f":{place.document + 1}" if place.document else ""
    return f"{name}{line}" + (f" {place.location}" if place.location else "")


def _title(finding: Finding) -> str:
    return finding.fix.title if finding.fix else finding.name


class FixLines(RunningText):
    """What was made of each file, and nothing of findings."""

    def render(self, result: FileResult) -> Piece:
        """The lines of one file."""
        lines = fix_lines(result.fix) if result.fix and not self.style.quiet else ()
        return ("".join(f"made {one_line(line)}\n" for line in lines),)

    def end(self, summary: Summary) -> str:
        """The sum."""
        return "" if self.style.quiet else f"{count(summary.changed, 'file')} changed\n"
