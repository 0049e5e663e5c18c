"""The check of what may hold requests: a file of JSON or JSONL, a cassette in YAML, standard input."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager

from imgbudget.errors import UnreadableError
from imgbudget.report import FileResult
from imgbudget.session.bench import Bench
from imgbudget.session.documents import DocumentCheck
from imgbudget.session.parts import PartCount, PartReceiver, Scope
from imgbudget.sources.cassettes import looks_like_cassette, read_cassette
from imgbudget.sources.entry import NEITHER
from imgbudget.sources.jsonspans import JsonSource
from imgbudget.sources.stretches import Stretch


def check_cassette(bench: Bench, path: str, text: bytes | None = None) -> FileResult:
    """The result of the YAML at `path`, or of `text` that stands for it; what is no cassette is passed over.

    Raises:
        OSError: the file cannot be read.
        UnreadableError: a cassette that is no YAML, or too large.
    """
    opened = JsonSource.open(path) if text is None else JsonSource.from_bytes(text)
    with opened as source, _without_collector():
        if not looks_like_cassette(source):
            return FileResult(path=path, skipped=NEITHER)
        check = DocumentCheck(bench=bench, source=source, path=path, lines=False, fails_closed=True)
        return check.run_cassette(read_cassette(source))


def check_document(
    bench: Bench, path: str, *, lines: bool, fails_closed: bool, parts: PartReceiver | None = None
) -> FileResult:
    """The result of the JSON file at `path`; `lines` for one document a line.

    With `parts`, that of its last part: `parts` takes the results of the others as they are read.

    Raises:
        OSError: the file cannot be read.
        UnreadableError: it changed while it was read.
    """
    with JsonSource.open(path) as source, _without_collector():
        return DocumentCheck(
            bench=bench,
            source=source,
            path=path,
            lines=lines,
            fails_closed=fails_closed,
            parts=parts,
        ).run()


def check_part(bench: Bench, path: str, stretch: Stretch) -> tuple[FileResult, PartCount]:
    """The result of some rows of the file at `path`, which is known to hold requests, and what they count.

    Raises:
        OSError: the file cannot be read.
        UnreadableError: it changed while it was read.
    """
    with JsonSource.open(path) as source, _without_collector():
        if source.size < stretch.end:
            raise UnreadableError("became shorter while it was read")
        check = DocumentCheck(
            bench=bench,
            source=source.until(stretch.end),
            path=path,
            lines=True,
            fails_closed=True,
            told=True,
            start=stretch.start,
            scope=Scope.PART,
        )
        result = check.run()
        return result, PartCount(stretch, not check.rows.session, check.end, check.rows, check.batch)


def check_text(bench: Bench, text: bytes, name: str, *, lines: bool) -> FileResult:
    """The result of JSON text that came from standard input, under `name`."""
    with JsonSource.from_bytes(text) as source:
        return check_source(bench, source, name, lines=lines)


def check_source(bench: Bench, source: JsonSource, name: str, *, lines: bool) -> FileResult:
    """The result of JSON that is open already, from standard input or a remote store, under `name`.

    Raises:
        UnreadableError: it changed while it was read.
    """
    with _without_collector():
        return DocumentCheck(bench=bench, source=source, path=name, lines=lines, fails_closed=True).run()


@contextmanager
def _without_collector() -> Iterator[None]:
    """Keep Python from looking for cycles: JSON and what is read from it have none, and may be very many."""
    if not gc.isenabled():
        yield
        return
    gc.disable()
    try:
        yield
    finally:
        if not gc.get_freeze_count():
            # puts what there is among the old objects, unseen: it would all be looked through at once
            gc.freeze()
            gc.unfreeze()
        gc.enable()
