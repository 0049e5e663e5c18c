"""A run that fixes: each file is checked, edited, linted again as it will be, and only then written."""

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

from imgbudget.errors import UnreadableError, WriteError, os_error_text
from imgbudget.fixed import FileFix
from imgbudget.fixers.writer import Stamp, stamp
from imgbudget.intent import DropEntry
from imgbudget.report import FileResult, Summary
from imgbudget.session.bench import Bench
from imgbudget.session.choices import ByFindings, Choice
from imgbudget.session.drafts import Draft, ImageDraft
from imgbudget.session.filecheck import is_lines
from imgbudget.session.outlets import Outlet, common_root
from imgbudget.session.requestdraft import RequestDraft
from imgbudget.session.run import STDIN, RunOptions, Session
from imgbudget.session.steps import settled
from imgbudget.session.tally import Tally
from imgbudget.sources.jsonspans import JsonSource
from imgbudget.sources.walk import FileKind, Found, Passed

if TYPE_CHECKING:
    from imgbudget.session.parts import PartReceiver

IN_MIRROR = "stands in the output folder"


class FixOptions(NamedTuple):
    """How a run fixes: by which choice of edits, and where the results go.

    `difference` shows what would be written and writes nothing. `digests` asks for size and SHA-256 of whole
    files.
    """

    choice: Choice = ByFindings()
    output_dir: str | None = None
    backup: bool = False
    difference: bool = False
    digests: bool = False


class Fixer:
    """Fixes the files of a session, each for itself."""

    chunk = 4
    """Files that a worker takes at once: a photo takes about 0.2 s."""

    pool_worth = 6
    """Files from which on two processes are quicker than one: two are there in 0.03 s."""

    def __init__(self, session: Session, wishes: FixOptions, paths: Sequence[str]) -> None:
        """Fix what is met under `paths`."""
        self.session = session
        self.wishes = wishes
        self.paths = tuple(paths)
        named = [path for path in paths if path != STDIN]
        self.outlet = Outlet(wishes.output_dir, common_root(named) if named else ".", wishes.backup)
        self._tidied: set[str] = set()

    @property
    def bench(self) -> Bench:
        """The workplace of the session."""
        return self.session.bench

    @property
    def again(self) -> "Callable[[], Fixer]":
        """Makes another one that fixes alike."""
        return partial(_made_again, self.session.wishes, self.wishes, self.paths)

    @property
    def notes(self) -> tuple[str, ...]:
        """What a reader should know beside the findings."""
        return self.session.notes

    def walk(self, paths: Sequence[str]) -> Iterator[Found | Passed]:
        """The files under `paths`, see Session."""
        return self.session.walk(paths)

    def flush(self) -> None:
        """Write what the cache has learnt."""
        self.session.flush()

    @property
    def tally(self) -> Tally:
        """What the session keeps for the end of the run."""
        return self.session.tally

    def hand_over(self) -> Tally:
        """What was kept for the end of the run, see Session."""
        return self.session.hand_over()

    def take_in(self, tally: Tally) -> None:
        """Keep what another process kept, see Session."""
        self.session.take_in(tally)

    def finish(self, summary: Summary) -> Iterator[FileResult]:
        """What is said of the run as a whole, once unused ignores are out of the configuration.

        Where results go into a tree of their own the configuration stays as it is.
        """
        results = self.session.finish(summary)
        if self.wishes.output_dir is not None:
            yield from results
            return
        difference, backup = self.wishes.difference, self.wishes.backup
        for result in results:
            if any(isinstance(finding.fix, DropEntry) for finding in result.findings):
                from imgbudget.session.entries import without_entries  # noqa: PLC0415 - it may not be needed

                yield without_entries(result, difference=difference, backup=backup)
            else:
                yield result

    def check_all(
        self, files: Iterable[Found | Passed], parts: "PartReceiver | None" = None
    ) -> Iterator[FileResult]:
        """The results of files, in order, after their fixes; see Session."""
        for file in files:
            passed = isinstance(file, Found) and self.outlet.holds(file.path)
            work = partial(self._fix_file, parts=parts)
            yield self.session.guarded(Passed(file.path, IN_MIRROR) if passed else file, work)

    def process_stdin(self, data: bytes, name: str) -> tuple[FileResult, bytes | None]:
        """The result of what came on standard input, and what it becomes; with a difference None."""
        result, text = self._fixed_stdin(data, name)
        self.tally.add(result, is_file=False)
        return result, None if self.wishes.difference else text

    def _fixed_stdin(self, data: bytes, name: str) -> tuple[FileResult, bytes]:
        result = self.session.read_stdin(data, name)
        if result.skipped is not None or not self.wishes.choice.concerns(result):
            return result, data
        draft: Draft | None = None
        if result.requests:
            draft = self._request(
                result, JsonSource.from_bytes(data), lines=is_lines(data, name), closed=True
            )
        elif _is_image(result):
            draft = ImageDraft.of(self.bench, name, data)
        if draft is None:
            return result, data
        with settled(draft, self.wishes.choice) as (after, fix):
            if after is draft:
                return result._replace(fix=fix if fix.failed else None), data
            return self._told(draft, after, fix), b"".join(after.pieces())

    def _fix_file(self, found: Found, parts: "PartReceiver | None") -> FileResult:
        path = found.path
        try:
            seen = stamp(path)
        except OSError:  # the check says so
            return self.session.one.file(found)
        if parts is not None and (result := self._fix_rows(found, seen, parts)) is not None:
            return result
        result = self.session.one.file(found)
        if result.skipped is not None:
            return result
        try:
            self._tidy(path)
            with self._draft(found, result) as draft:
                if draft is None:
                    return self._kept(result)
                with settled(draft, self.wishes.choice) as (after, fix):
                    if after is draft:
                        return self._kept(result._replace(fix=fix if fix.failed else None))
                    told = self._told(draft, after, fix)
                    return told if self.wishes.difference else self._written(draft, after, told, seen)
        except (UnreadableError, WriteError, OSError) as error:
            return _unwritten(result, _reason(path, error))

    def _fix_rows(self, found: Found, seen: Stamp, parts: "PartReceiver") -> FileResult | None:
        """The last result of a long file of lines that stand for themselves; None for any other."""
        wishes = self.wishes
        if found.kind is not FileKind.JSONL or wishes.difference or wishes.digests:
            return None
        from imgbudget.session.rowfixing import LONG, RowFixer, Rows  # noqa: PLC0415 - few files are long

        if seen.byte_size < LONG or self.bench.paths.silencer is not None:
            return None
        rows = Rows(wishes.choice)
        result = self.session.one.file(found, rows)
        rows.on_partial_result(result)
        if result.skipped is not None or not rows.alone:
            return None
        if not rows.concerned:
            return self._kept(self.session.one.file(found, parts))
        closed = self.session.one.fails_closed(found)
        fixer = RowFixer(
            bench=self.bench, choice=wishes.choice, outlet=self.outlet, path=found.path, fails_closed=closed
        )
        try:
            self._tidy(found.path)
            result = fixer.fix(seen, parts)
        except (UnreadableError, WriteError, OSError) as error:
            return _unwritten(self.session.one.file(found, parts), _reason(found.path, error))
        return result if result.fix else self._kept(result)

    @contextmanager
    def _draft(self, found: Found, result: FileResult) -> Iterator[Draft | None]:
        """The file as it is; None where nothing in it can be fixed."""
        if self.wishes.choice.concerns(result) and result.requests:
            with JsonSource.open(found.path) as source:
                lines, closed = found.kind is FileKind.JSONL, self.session.one.fails_closed(found)
                yield self._request(result, source, lines=lines, closed=closed)
        elif self.wishes.choice.concerns(result) and _is_image(result):
            with open(found.path, "rb") as file:
                yield ImageDraft.of(self.bench, found.path, file.read())
        else:
            yield None

    def _request(self, result: FileResult, source: JsonSource, *, lines: bool, closed: bool) -> Draft:
        return RequestDraft(
            bench=self.bench, path=result.path, result=result, source=source, lines=lines, fails_closed=closed
        )

    def _told(self, draft: Draft, after: Draft, fix: FileFix) -> FileResult:
        """The result after the fixes, with all that is asked to be told of them."""
        if self.wishes.difference:
            from imgbudget.session.difference import difference  # noqa: PLC0415 - when asked for only

            fix = fix._replace(difference=difference(draft, after))
        if self.wishes.digests:
            size, digest = _measured(draft.pieces())
            size_after, digest_after = _measured(after.pieces())
            fix = fix._replace(
                bytes_before=size, digest_before=digest, bytes_after=size_after, digest_after=digest_after
            )
        return after.result._replace(fix=fix)

    def _kept(self, result: FileResult) -> FileResult:
        """The result of a file that stays; the mirror takes it over as it is."""
        try:
            target = self.outlet.keep(result.path) if not self.wishes.difference else None
        except (WriteError, OSError) as error:
            return _unwritten(result, str(error))
        if target is None:
            return result
        return result._replace(fix=(result.fix or FileFix(result.path))._replace(written=target))

    def _written(self, draft: Draft, after: Draft, told: FileResult, seen: Stamp) -> FileResult:
        """Write what the file becomes, and prove it by linting what was written before it takes its name.

        Raises:
            WriteError: it cannot be written; the file stands as it was.
        """
        target = self.outlet.target(draft.path, after.path)
        if self.outlet.is_done(draft.path, after.path):
            self.outlet.finish(draft.path, seen)
        else:
            with self.outlet.open(draft.path, after.path, seen) as out:
                out.writelines(after.pieces())
                out.flush()
                if after.read_back(out.fileno()).findings != after.result.findings:
                    raise WriteError(f"{draft.path}: reads back otherwise than it was made; left as it was")
        return told._replace(fix=(told.fix or FileFix(draft.path))._replace(written=target))

    def _tidy(self, path: str) -> None:
        """Remove what killed runs have left, once a folder. Raises WriteError."""
        folder = os.path.dirname(path)
        if folder not in self._tidied and not self.wishes.difference:
            self._tidied.add(folder)
            self.outlet.tidy(path)


def _made_again(wishes: RunOptions, fixes: FixOptions, paths: Sequence[str]) -> Fixer:
    return Fixer(Session(wishes), fixes, paths)


def _unwritten(result: FileResult, error: str) -> FileResult:
    return result._replace(fix=FileFix(path=result.path, error=error))


def _reason(path: str, error: Exception) -> str:
    if isinstance(error, OSError):
        return f"{path}: {os_error_text(error)}; nothing was changed"
    return str(error)


def _is_image(result: FileResult) -> bool:
    return len(result.images) == 1 and not result.images[0].use.in_request


def _measured(pieces: Iterable[bytes]) -> tuple[int, str]:
    """How many bytes, and their SHA-256."""
    from hashlib import sha256  # noqa: PLC0415 - when asked for only

    size, text = 0, sha256()
    for piece in pieces:
        size += len(piece)
        text.update(piece)
    return size, text.hexdigest()
