"""Long JSONL files, fixed part by part, so that memory does not grow with the file."""

import pickle
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from tempfile import TemporaryFile
from typing import BinaryIO, NamedTuple

from imgbudget.errors import WriteError
from imgbudget.fixing.convergence import converged
from imgbudget.fixing.edit_memory import EditImage
from imgbudget.fixing.output_files import OutputTarget
from imgbudget.fixing.revisions import RequestRevision
from imgbudget.fixing.strategy import FixStrategy, key_of
from imgbudget.fixing.writer import Stamp
from imgbudget.jsontext.document import open_documents
from imgbudget.jsontext.source import BEGINNING, JsonSource, Start
from imgbudget.linter.context import LintContext
from imgbudget.linter.documents import DocumentCheck
from imgbudget.linter.rows import PART_REQUESTS, PartReceiver, Scope
from imgbudget.model.edits import FileFix
from imgbudget.model.results import FileResult
from imgbudget.model.subjects import Finding

LONG = 1 << 20
"""Bytes from which on a file is fixed part by part: a smaller one takes little memory as a whole."""


class _Part(NamedTuple):
    """Some lines of a file: their start, and the offset of their end."""

    start: Start
    end: int


@dataclass(slots=True, eq=False, repr=False)
class RowScan(PartReceiver):
    """A first check of a file: whether its lines are independent, and whether any has something to fix."""

    strategy: FixStrategy
    independent: bool = True
    has_work: bool = False

    def on_partial_result(self, result: FileResult) -> None:
        """Take the result of a part."""
        # a session is sent as a whole with every turn
        self.independent &= all(one.request.dialect != "transcript" for one in result.requests)
        self.has_work |= self.strategy.applies_to(result)


@dataclass(slots=True, eq=False, repr=False)
class _FindingSum(PartReceiver):
    """The sum over the findings of all parts, see `_sum`."""

    value: int = 0

    def on_partial_result(self, result: FileResult) -> None:
        """Take the result of a part."""
        self.value += _sum(result.findings)


@dataclass(slots=True, eq=False, repr=False, kw_only=True)
class RowFixer:
    """Fixes one file."""

    context: LintContext
    strategy: FixStrategy
    output_target: OutputTarget
    path: str
    explicit: bool
    edit: EditImage

    def fix(self, expected: Stamp, parts: PartReceiver) -> FileResult:
        """Write the fixed file and pass the results of its parts to `parts`; the last result of the file.

        The results are passed once the new file has its name. If no row changes, nothing is written.

        Raises:
            WriteError: it cannot be written, or verification fails; the file is unchanged.
            UnreadableError: it was changed in the meantime.
            OSError: it cannot be read.
        """
        with JsonSource.open(self.path) as source, TemporaryFile() as results:
            total, changed = 0, False
            try:
                with self.output_target.open(self.path, self.path, expected) as out:
                    for part in _parts(source):
                        result = self._fixed(source, part, out)
                        total += _sum(result.findings)
                        changed |= result.fix is not None and result.fix.changed
                        pickle.dump(result, results)
                    out.flush()
                    _stop_unless(changed)
                    last = self._rest(JsonSource(out.fileno()), total)
                target = self.output_target.target(self.path, self.path)
                last = last._replace(fix=FileFix(self.path, written=target, changed=True))
            except _Unchanged:
                last, target = self._rest(source, total), None
            size = results.tell()
            results.seek(0)
            while results.tell() < size:
                part_of: FileResult = pickle.load(results)  # noqa: S301 - see above
                # the file is counted as changed once, at its end
                fix = part_of.fix and part_of.fix._replace(written=target, changed=False)
                parts.on_partial_result(part_of._replace(fix=fix))
            return last

    def _fixed(self, source: JsonSource, part: _Part, out: BinaryIO) -> FileResult:
        """The result of some lines after their fixes, once they are written."""
        revision = self._open_revision(source.until(part.end), part.start)
        with converged(revision, self.strategy) as (after, fix):
            begin = out.tell() - (part.start.offset if after is revision else 0)
            out.writelines(after.pieces())
            findings = tuple(_moved(finding, begin) for finding in after.result.findings)
            return after.result._replace(
                findings=findings, fix=fix if fix.changed or fix.failed else None, partial=True
            )

    def _open_revision(self, source: JsonSource, start: Start) -> RequestRevision:
        check = DocumentCheck(
            context=self.context,
            source=source,
            path=self.path,
            lines=True,
            explicit=self.explicit,
            known_requests=True,
            start=start,
            scope=Scope.PART,
        )
        return RequestRevision(
            context=self.context,
            path=self.path,
            result=check.run(),
            source=source,
            lines=True,
            explicit=self.explicit,
            start=start,
            scope=Scope.PART,
            edit=self.edit,
        )

    def _rest(self, source: JsonSource, total: int) -> FileResult:
        """The findings on the file beyond its lines, once its lines have the findings that the parts had.

        Raises:
            WriteError: they have not.
        """
        read = _FindingSum()
        rest = DocumentCheck(
            context=self.context,
            source=source,
            path=self.path,
            lines=True,
            explicit=self.explicit,
            known_requests=True,
            parts=read,
            scope=Scope.REST,
        ).run()
        if read.value != total:
            raise WriteError(
                f"{self.path}: verification failed: the written file differs from the planned result; "
                "original left unchanged"
            )
        return rest


class _Unchanged(Exception):  # noqa: N818 - no error: it leaves the block without writing the file
    """No line changes."""


def _stop_unless(changed: bool) -> None:  # noqa: FBT001 - a condition
    if not changed:
        raise _Unchanged


def _parts(source: JsonSource) -> Iterator[_Part]:
    """The lines of a file, some hundred at a time."""
    start = behind = BEGINNING
    for document in open_documents(source, lines=True, check=False):
        if document.number - start.number == PART_REQUESTS:
            yield _Part(start, behind.offset)
            start = behind
        behind = Start(document.end, document.line, document.number + 1)
    yield _Part(start, source.size)


def _sum(findings: Iterable[Finding]) -> int:
    """A checksum of findings, in whatever order."""
    return sum(hash(key_of(finding)) for finding in findings)


def _moved(finding: Finding, by: int) -> Finding:
    """The finding with its offsets in the whole file."""
    span, edit = finding.span, finding.edit
    return finding._replace(
        span=span and span._replace(start=span.start + by, end=span.end + by),
        edit=edit
        and edit._replace(span=edit.span._replace(start=edit.span.start + by, end=edit.span.end + by)),
    )
