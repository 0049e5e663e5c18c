"""A run that fixes: each file is checked and edited, the result is linted, and only then written."""

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from hashlib import sha256
from typing import TYPE_CHECKING, NamedTuple

from imgbudget.discovery.filetypes import FileKind, kind_of
from imgbudget.discovery.search import is_ignored
from imgbudget.discovery.walk import (
    GONE,
    FoundFile,
    Paths,
    SkippedFile,
    path_list,
    spell,
)
from imgbudget.errors import UnreadableError, UsageError, WriteError, os_error_text
from imgbudget.fixing.configuration import ATTEMPTS, ELSEWHERE, UnusedEntries
from imgbudget.fixing.convergence import converged
from imgbudget.fixing.diff import difference
from imgbudget.fixing.edit_memory import EditMemory
from imgbudget.fixing.output_files import EXTENSIONS, OutputTarget, common_root
from imgbudget.fixing.places import FoundBelow
from imgbudget.fixing.removed import with_removed_parts
from imgbudget.fixing.revisions import ImageRevision, RequestRevision, Revision, edit_image
from imgbudget.fixing.strategy import FindingFixes, FixStrategy, makes_pages
from imgbudget.fixing.writer import ChangedError, Stamp, stamp
from imgbudget.jsontext.source import JsonSource
from imgbudget.linter.context import LintContext
from imgbudget.linter.end_of_run import RunTotals
from imgbudget.linter.files import is_lines
from imgbudget.linter.options import RunOptions
from imgbudget.linter.pool import cores
from imgbudget.linter.run import STDIN, Session
from imgbudget.model.edits import FailedFix, FileFix
from imgbudget.model.results import FileResult, Summary
from imgbudget.positional import open_file

if TYPE_CHECKING:
    from imgbudget.linter.reporting import Reporter
    from imgbudget.linter.rows import PartReceiver


IN_OUTPUT_TREE = "is inside the output folder"


class FixOptions(NamedTuple):
    """How a run fixes: which fixes are made, and where the results are written.

    `jobs` is the number of processes for the images of one request, None one for each core.
    `difference` shows the changes and writes nothing; `trial` only makes them, to know what they come to.
    `digests` adds size and SHA-256 of whole files.
    """

    strategy: FixStrategy = FindingFixes()
    output_dir: str | None = None
    backup: bool = False
    difference: bool = False
    trial: bool = False
    jobs: int | None = 1
    digests: bool = False

    @property
    def writes(self) -> bool:
        """Whether anything is written."""
        return not self.difference and not self.trial


class Fixer:
    """Fixes the files of a session, each independently."""

    chunk_size = 2
    """Files that a worker takes at once: few, so that all workers end together; a photo takes 0.06 s."""

    spare_workers = 1
    """Processes beyond the number of cores: each waits for the disk after each file."""

    pool_threshold = 6
    """Files from which on two processes are quicker than one: two are there in 0.03 s."""

    def __init__(self, session: Session, options: FixOptions, paths: Paths) -> None:
        """Fix the files under `paths`.

        Raises:
            UsageError: all of them are in the output folder, whose files are results and are not fixed.
        """
        self.session = session
        self.options = options
        self.strategy: FixStrategy = options.strategy.bound(session)
        self.paths: tuple[str, ...] = path_list(paths)
        named = [path for path in self.paths if path != STDIN]
        self.output_target: OutputTarget = OutputTarget(
            options.output_dir,
            common_root(named) if named else ".",
            options.backup,
            named=frozenset(spell(path) for path in named if not os.path.isdir(path)),
            found=FoundBelow(
                tuple(os.path.realpath(path) for path in named if os.path.isdir(path)), self._is_excluded
            ),
        )
        if named and all(os.path.exists(path) and self.output_target.holds(path) for path in named):
            folder = options.output_dir or "''"
            raise UsageError(f"{named[0]}: {IN_OUTPUT_TREE} {folder}, where nothing is fixed; name another")
        self._memory = EditMemory(edit_image)
        self._tidied: set[str] = set()
        self._leftovers: list[str] = []
        self._unused = UnusedEntries(named=session.options.config is not None)
        self._unused.remember(session.settings)

    def _is_excluded(self, path: str, root: str) -> bool:
        """Whether a search of a folder leaves out a file: by the configuration, or by git's ignore files."""
        return self.session.why_left_out(path) is not None or is_ignored(path, root)

    @property
    def context(self) -> LintContext:
        """The context of the session."""
        return self.session.context

    @property
    def factory(self) -> "Callable[[], Fixer]":
        """Makes another one that fixes alike."""
        return partial(_new_fixer, self.session.options, self.options, self.paths)

    @property
    def notes(self) -> tuple[str, ...]:
        """Notes for the reader besides the findings."""
        return self.session.notes

    def walk(self, paths: Paths) -> Iterator[FoundFile | SkippedFile]:
        """The files under `paths`, see Session; all of them, because fixing gives files new inodes."""
        found = list(self.session.walk(paths))
        for context in self.session.contexts:
            self._unused.remember(context.paths.settings)
        return iter(found)

    def verdicts(self, _reporters: "Sequence[Reporter]") -> None:
        """None: files are fixed by their findings."""

    def flush(self) -> None:
        """Write the cache."""
        self.session.flush()

    @property
    def totals(self) -> RunTotals:
        """The totals that the session collects for the end of the run."""
        return self.session.totals

    def drain(self) -> RunTotals:
        """The totals for the end of the run, see Session."""
        return self.session.drain()

    def merge_totals(self, totals: RunTotals) -> None:
        """Add the totals of another process, see Session."""
        self.session.merge_totals(totals)

    def finish(self, summary: Summary) -> Iterator[FileResult]:
        """The findings on the run as a whole, after unused ignores were removed from the configuration.

        With an output tree the configuration is not changed.
        """
        results = self.session.finish(summary)
        if self.options.output_dir is not None:
            yield from results
            return
        for result in results:
            yield self._unused.remove(result, difference=self.options.difference, backup=self.options.backup)

    def check_all(
        self, files: Iterable[FoundFile | SkippedFile], parts: "PartReceiver | None" = None
    ) -> Iterator[FileResult]:
        """The results of files, in order, after their fixes; see Session."""
        for file in files:
            passed = isinstance(file, FoundFile) and self.output_target.holds(file.path)
            work = partial(self._fix_file, parts=parts)
            if isinstance(file, SkippedFile) and file.is_other_name and self.options.output_dir is not None:
                work = partial(self._fix_other_name, reason=file.reason)
                file = FoundFile(file.path, kind_of(file.path) or FileKind.UNKNOWN)  # noqa: PLW2901 - as found
            yield self.session.guarded(SkippedFile(file.path, IN_OUTPUT_TREE) if passed else file, work)

    def process_stdin(self, data: bytes, name: str) -> tuple[FileResult, bytes | None]:
        """The result for standard input and its fixed bytes; None for the bytes with a difference."""
        result, text = self.fixed_stdin(data, name)
        self.totals.add(result, is_file=False)
        return result, text if self.options.writes else None

    def fixed_stdin(self, data: bytes, name: str) -> tuple[FileResult, bytes]:
        """The result for standard input and its fixed bytes, not yet added to the totals."""
        result = self.session.read_stdin(data, name)
        if result.skipped is not None or not self.strategy.applies_to(result):
            return result, data
        revision: Revision | None = None
        if result.requests:
            revision = self._request(
                result, JsonSource.from_bytes(data), lines=is_lines(data, name), explicit=True
            )
        elif _is_image(result):
            revision = ImageRevision.of(self.context.at(name), name, data)
        if revision is None:
            return result, data
        with converged(revision, self.strategy) as (after, fix):
            if after is revision:
                return result._replace(fix=fix if fix.failed else None), data
            return self._with_details(revision, after, fix), b"".join(after.pieces())

    def _fix_file(self, found: FoundFile, parts: "PartReceiver | None") -> FileResult:
        """The result of a file after its fixes; it is read again if another run has written it meanwhile."""
        reason = ""
        for _ in range(ATTEMPTS):
            try:
                result = self._attempt(found, parts)
            except ChangedError as error:
                reason = str(error)
                continue
            if self._leftovers:
                fix = result.fix or FileFix(found.path)
                result = result._replace(fix=fix._replace(removed=(*fix.removed, *self._leftovers)))
                self._leftovers.clear()
            if reason and result.skipped is None and (result.fix is None or not result.fix.changed):
                fix = result.fix or FileFix(found.path)
                return result._replace(fix=fix._replace(elsewhere=ELSEWHERE))
            return result
        return _unwritten(self.session.file_check.file(found, parts), reason)

    def _fix_other_name(self, found: FoundFile, reason: str) -> FileResult:
        """The result of a second name of a file: an output tree has all names, but only one is counted."""
        result = self._fix_file(found, None)
        return FileResult(path=found.path, skipped=reason, fix=result.fix)

    def _attempt(self, found: FoundFile, parts: "PartReceiver | None") -> FileResult:
        """The result of a file after its fixes.

        Raises:
            ChangedError: it has changed since it was read.
        """
        try:
            expected = stamp(found.path)
        except FileNotFoundError:
            return FileResult(path=found.path, skipped=_why_gone(found.path), missed=True)
        except OSError:  # the check reports it
            return self.session.file_check.file(found)
        if parts is not None and (result := self._fix_rows(found, expected, parts)) is not None:
            return result
        result = self.session.file_check.file(found)
        return result if result.skipped is not None else self._fixed(found, result, expected)

    def _fixed(self, found: FoundFile, result: FileResult, expected: Stamp) -> FileResult:
        """The result of a file that was checked as a whole, after its fixes. Raises ChangedError."""
        path = found.path
        if result.findings and not os.path.lexists(path):
            raise _gone(path)
        try:
            self._tidy(path)
            with self._open_revision(found, result, expected) as revision:
                if revision is None:
                    return self._kept(
                        result if found.kind is not FileKind.DATABASE else self._refused(result)
                    )
                if isinstance(revision, ImageRevision) and makes_pages(self.strategy, result):
                    from imgbudget.fixing.pages import split  # noqa: PLC0415 - rare

                    show = not self.options.writes
                    if not self.options.trial:
                        self.output_target.check(revision.path, revision.path)
                    made = split(revision, self.strategy, self.output_target, expected, show=show)
                    return made if made.fix and made.fix.changed else self._kept(made)
                with converged(revision, self.strategy) as (after, fix):
                    if after is revision:
                        return self._kept(result._replace(fix=fix if fix.failed else None))
                    if not self.options.trial:
                        self.output_target.check(revision.path, after.path)
                    fixed = self._with_details(revision, after, fix)
                    return self._written(revision, after, fixed, expected) if self.options.writes else fixed
        except ChangedError:
            raise
        except (UnreadableError, WriteError, OSError) as error:
            if not os.path.lexists(path):
                raise _gone(path) from error
            return _unwritten(result, _reason(path, error))

    def _fix_rows(self, found: FoundFile, expected: Stamp, parts: "PartReceiver") -> FileResult | None:
        """The last result of a long file of independent lines; None for any other file."""
        options = self.options
        if found.kind is not FileKind.JSONL or not options.writes or options.digests:
            return None
        from imgbudget.fixing.long_files import LONG, RowFixer, RowScan  # noqa: PLC0415 - rare

        context = self.context.at(found.path)
        if expected.byte_size < LONG or context.paths.suppressor is not None:
            return None
        rows = RowScan(self.strategy)
        result = self.session.file_check.file(found, rows)
        rows.on_partial_result(result)
        if result.skipped is not None or not rows.independent:
            return None
        if not rows.has_work:
            return self._kept(self.session.file_check.file(found, parts))
        explicit = self.session.file_check.explicit(found)
        fixer = RowFixer(
            context=context,
            strategy=self.strategy,
            output_target=self.output_target,
            path=found.path,
            explicit=explicit,
            edit=self._memory,
        )
        try:
            self._tidy(found.path)
            result = fixer.fix(expected, parts)
        except ChangedError:
            raise
        except (UnreadableError, WriteError, OSError) as error:
            return _unwritten(self.session.file_check.file(found, parts), _reason(found.path, error))
        return result if result.fix else self._kept(result)

    @contextmanager
    def _open_revision(
        self, found: FoundFile, result: FileResult, expected: Stamp
    ) -> Iterator[Revision | None]:
        """The file before its fixes; None if nothing in it can be fixed.

        Raises:
            ChangedError: it is not the file that `expected` describes.
        """
        if self.strategy.applies_to(result) and result.requests and found.kind is not FileKind.DATABASE:
            with JsonSource.open(found.path) as source:
                _require(found.path, source.fileno(), expected)
                lines, explicit = found.kind is FileKind.JSONL, self.session.file_check.explicit(found)
                yield self._request(result, source, lines=lines, explicit=explicit)
        elif self.strategy.applies_to(result) and _is_image(result):
            with open_file(found.path) as file:
                _require(found.path, file.fileno(), expected)
                yield ImageRevision.of(self.context.at(found.path), found.path, file.read())
        else:
            yield None

    def _request(self, result: FileResult, source: JsonSource, *, lines: bool, explicit: bool) -> Revision:
        return RequestRevision(
            context=self.context.at(result.path),
            path=result.path,
            result=result,
            source=source,
            lines=lines,
            explicit=explicit,
            edit=self._memory,
            jobs=cores() if self.options.jobs is None else self.options.jobs,
        )

    def _refused(self, result: FileResult) -> FileResult:
        """The result of a database, in which no fix is made."""
        failed = tuple(
            FailedFix(location._replace(path=result.path), code or None, "databases are never changed")
            for code, location in self.strategy.unfixed(result, {})
        )
        return result._replace(fix=FileFix(result.path, failed=failed)) if failed else result

    def _with_details(self, revision: Revision, after: Revision, fix: FileFix) -> FileResult:
        """The result after the fixes, with the difference and digests that the options require."""
        if self.options.difference:
            fix = fix._replace(difference=difference(revision, after))
        if self.options.digests:
            fix = with_removed_parts(fix, revision, after)
            size, digest = _measured(revision.pieces())
            size_after, digest_after = _measured(after.pieces())
            fix = fix._replace(
                bytes_before=size, digest_before=digest, bytes_after=size_after, digest_after=digest_after
            )
        return after.result._replace(fix=fix)

    def _kept(self, result: FileResult) -> FileResult:
        """The result of an unchanged file; it is copied into an output tree."""
        try:
            target = self.output_target.keep(result.path) if self.options.writes else None
        except (WriteError, OSError) as error:
            return _unwritten(result, str(error))
        if target is None:
            return result
        return result._replace(fix=(result.fix or FileFix(result.path))._replace(written=target))

    def _written(self, revision: Revision, after: Revision, fixed: FileResult, expected: Stamp) -> FileResult:
        """Write the fixed file, and verify it by linting what was written before it takes its name.

        Raises:
            WriteError: it cannot be written, or verification fails; the original is unchanged.
        """
        target = self.output_target.target(revision.path, after.path)
        if self.output_target.is_done(revision.path, after.path):
            self.output_target.finish(revision.path, expected)
        else:
            with self.output_target.open(revision.path, after.path, expected) as out:
                out.writelines(after.pieces())
                out.flush()
                if after.read_back(out.fileno()).findings != after.result.findings:
                    raise WriteError(
                        f"{revision.path}: verification failed: the written file differs from the planned"
                        " result; original left unchanged"
                    )
        in_place = self.options.output_dir is None
        gone = (revision.path,) if in_place and target != revision.path else ()
        fix = fixed.fix or FileFix(revision.path)
        return fixed._replace(
            fix=fix._replace(written=target, removed=gone, backup=in_place and self.options.backup)
        )

    def _tidy(self, path: str) -> None:
        """Remove leftovers of killed runs, once per folder. Raises WriteError."""
        folder = os.path.dirname(path)
        if folder not in self._tidied and self.options.writes:
            self._tidied.add(folder)
            for removed in self.output_target.tidy(path):
                self._leftovers.append(removed)
                self.context.note(f"removed {removed}, which an interrupted run has left behind")


def _new_fixer(options: RunOptions, fixes: FixOptions, paths: Paths) -> Fixer:
    return Fixer(Session(options), fixes, paths)


def _require(path: str, fd: int, expected: Stamp) -> None:
    """Require the state in which a file was first seen. Raises ChangedError."""
    if stamp(fd) != expected:
        raise ChangedError(f"{path}: was changed during the run and was not overwritten; run again")


def _gone(path: str) -> ChangedError:
    return ChangedError(f"{path}: was removed or renamed during the run")


def _why_gone(path: str) -> str:
    """Why a file that was found is no longer there: another run may have given it a fitting extension."""
    stem, extension = os.path.splitext(path)
    for other in EXTENSIONS.values():
        for name in (stem + other, stem + other.upper(), path + other):
            if name != stem + extension and os.path.isfile(name):
                return f"was renamed during the run, probably to {os.path.basename(name)} by another run"
    return GONE


def _unwritten(result: FileResult, error: str) -> FileResult:
    return result._replace(fix=FileFix(path=result.path, error=error))


def _reason(path: str, error: Exception) -> str:
    if isinstance(error, OSError):
        return f"{path}: {os_error_text(error)}; nothing was changed"
    return str(error)


def _is_image(result: FileResult) -> bool:
    return len(result.images) == 1 and not result.images[0].use.in_request


def _measured(pieces: Iterable[bytes]) -> tuple[int, str]:
    """The number of bytes, and their SHA-256."""
    size, text = 0, sha256()
    for piece in pieces:
        size += len(piece)
        text.update(piece)
    return size, text.hexdigest()
