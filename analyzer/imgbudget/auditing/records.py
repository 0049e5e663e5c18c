"""Turns inputs into rows: an image, a file or a JSON document in, records of the facts table out."""

import os
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from types import MethodType
from typing import TYPE_CHECKING

from imgbudget.auditing.failures import attempted, reason_of, until_failure
from imgbudget.auditing.partition import NESTABLE, container_of, is_opened_alone
from imgbudget.auditing.references import Access, RowReferences
from imgbudget.auditing.rows import DOCUMENT, IMAGE, REQUEST, SKIP, WHOLE, FactsRecord, digest_of
from imgbudget.auditing.statistics import place_text
from imgbudget.auditing.trials import Trials, read_whole
from imgbudget.auditing.unopened import (
    APPLE_DOUBLE,
    HEAD,
    IMAGE_TEXTS,
    archive_by_bytes,
    has_image_text,
    is_apple_double,
    may_be_apple_double,
    unopened_archive,
)
from imgbudget.discovery.filetypes import FileKind, kind_of
from imgbudget.discovery.walk import NOT_CHECKABLE, FoundFile
from imgbudget.errors import AuditError
from imgbudget.imageinfo.dispatch import probe_bytes, probe_reader
from imgbudget.imageinfo.files import lfs_pointer, read_image
from imgbudget.imageinfo.reader import Read, bytes_reader
from imgbudget.limits.geometry import Size
from imgbudget.linter.run import Session
from imgbudget.model.location import Location
from imgbudget.model.pixels import PixelFacts
from imgbudget.model.results import UNFINISHED, FileResult
from imgbudget.model.subjects import Finding, ImageFacts, ImageUse, Origin, ProbeField
from imgbudget.namedtuples import NamedTuple
from imgbudget.positional import OPEN_FLAGS, pread

if TYPE_CHECKING:
    from imgbudget.linter.rule_sets import RuleRunner

AUDIT_FIELDS = ProbeField.ORIENTATION | ProbeField.FRAMES | ProbeField.QUALITY
"""Facts in the table beyond those that the rules need."""

DAMAGED = "damaged item"
IN_ARCHIVE = "JSON inside an archive is not read"
UNMEASURED = "too many pixels in an array to be measured"
PIXELS = "stored as pixels, counted as the PNG of them, whose bytes are not known"
WITH_IMAGES = "JSON with images in it, which is not read inside an archive; unpack it first"
NESTED = "a table or store inside an archive is not opened; unpack it first"
TOO_DEEP = "an archive inside an archive inside an archive is not opened; unpack the outer one first"


class RowLocation(NamedTuple):
    """The location of a row: the source, the name inside it, the row or line from 0, a pointer into that."""

    source: str
    member: str | None = None
    row: int | None = None
    pointer: str | None = None


class Content(NamedTuple):
    """The bytes of an image: their number, a positional reader, and the bytes if they were read already.

    `is_local` is False if each read is a request to a remote store: then no hash is computed.
    """

    size: int
    read: Read
    whole: bytes | None = None
    is_local: bool = True

    def load(self) -> bytes:
        """All bytes."""
        return self.read(self.size, 0) if self.whole is None else self.whole


class RecordBuilder:
    """Makes the records of one partition and counts them by kind.

    `reached` is how far the reader of a table has come, `nested` whether it reads an archive in an archive.
    """

    def __init__(
        self, session: Session, references: RowReferences | None = None, *, trials: Trials | None = None
    ) -> None:
        self.session = session
        self.references: RowReferences = references or RowReferences(Access())
        self.trials = trials
        self.counts: Counter[str] = Counter()
        self.reached: RowLocation | None = None
        self.nested = False
        self._digest: bytes | None = None
        self._runner: RuleRunner | None = None
        self._facts = 0

    def guarded(
        self, where: RowLocation, rows: Iterable[FactsRecord], damage: str = DAMAGED, rest: str = ""
    ) -> Iterator[FactsRecord]:
        """The rows of one item or one input; a failure of its reader becomes the last row.

        `damage` and `rest` are the words of its reason, see `reason_of`.
        """

        def last(error: Exception) -> Iterator[FactsRecord]:
            yield self.skip(where, reason_of(error, damage, rest), missed=True)

        return until_failure(rows, last)

    def image(self, where: RowLocation, content: Content) -> FactsRecord:
        """The row of an image."""

        def probe(_path: str, fields: int) -> ImageFacts:
            if content.whole is not None:
                return probe_bytes(content.whole, fields)
            return probe_reader(content.read, content.size, fields)

        path = place_text(*where)
        use = read_image(path, self._fields_for(path), probe=probe)
        digest = digest_of(content.size, content.read, content.whole) if content.is_local else None
        return self._record(where, use, digest, None, content.load)

    def pixels(
        self,
        where: RowLocation,
        size: Size,
        data: bytes | None,
        mode: str | None = None,
        *,
        planar: bool = False,
    ) -> FactsRecord:
        """The row of an image that is stored as pixels and sent as PNG, whose bytes are not known before.

        `data` are the pixels, None if there are too many to be read. `mode` is that of Pillow if it is known,
        and `planar` pixels lie channel by channel.
        """
        path = place_text(*where)
        facts = ImageFacts(0, "png", size)
        if self._fields_for(path) & ProbeField.PIXELS:
            facts = facts._replace(pixels=_measured(data, size, mode, planar=planar))
            if facts.pixels and facts.pixels.flaw:
                self.session.context.note(f"{path}: not measured: {facts.pixels.flaw}")
        use = ImageUse(Location(path), Origin.PATH, facts)
        findings, silenced = self.session.context.check_facts(use)
        record = self._image_record(where, use, findings, silenced=silenced)
        digest = None
        if data is not None:
            content = str(size).encode() + data
            digest = digest_of(len(content), bytes_reader(content), content)
        return record._replace(byte_size=None, base64_bytes=None, digest=digest, note=PIXELS)

    def page(self, where: RowLocation, size: Size, note: str) -> FactsRecord:
        """The row of a page of a document, of which an API makes an image of that size."""
        self.counts[IMAGE] += 1
        return FactsRecord(*where, size=size, visible=size, note=note)

    def member(
        self, where: RowLocation, name: str, content: Content, *, note: str | None = None
    ) -> FactsRecord:
        """The row of a member of an archive; its name gives its type."""
        if is_apple_double(name, content.read):
            return self.skip(where, APPLE_DOUBLE)
        if (skipped := self._unread_by_name(where, name)) is not None:
            return skipped
        kind = kind_of(name)
        if kind in (FileKind.JSON, FileKind.JSONL):
            has_images = has_image_text(content.read(min(content.size, IMAGE_TEXTS), 0))
            return self.skip(where, WITH_IMAGES if has_images else IN_ARCHIVE, missed=has_images)
        if kind is FileKind.UNKNOWN:
            facts = probe_reader(content.read, content.size)
            if facts.format is None:
                head = content.read(min(content.size, HEAD), 0)
                if (reason := archive_by_bytes(head)) is not None:
                    return self.skip(where, reason, missed=True)
                return self.skip(where, f"neither an image nor a request: {facts.content or 'unknown bytes'}")
        record = self.image(where, content)
        return record if note is None else record._replace(note=note)

    def nested_kind(self, name: str) -> str | None:
        """The module that reads a member of this name as an archive inside the archive."""
        kind = container_of(name)
        return kind if kind in NESTABLE and not self.nested else None

    def unread_member(self, where: RowLocation, name: str) -> FactsRecord | None:
        """The row of a member that is skipped because of its name; None if its content is needed."""
        return None if may_be_apple_double(name) else self._unread_by_name(where, name)

    def _unread_by_name(self, where: RowLocation, name: str) -> FactsRecord | None:
        if self.nested_kind(name):
            return None
        if is_opened_alone(name):
            return self.skip(where, TOO_DEEP if container_of(name) in NESTABLE else NESTED, missed=True)
        if (reason := unopened_archive(name)) is not None:
            return self.skip(where, reason, missed=True)
        return self.skip(where, NOT_CHECKABLE) if kind_of(name) is None else None

    def file(
        self, where: RowLocation, found: FoundFile, claim: tuple[int, int] | None = None
    ) -> Iterator[FactsRecord]:
        """The rows of a local file: one of an image, those of the requests in it, or why it is skipped."""
        if found.kind is FileKind.IMAGE:
            yield self.image_file(where, found.path, claim)
            return
        if found.kind is FileKind.UNKNOWN:
            use, digest = self._read_file(found.path)
            if use.facts and use.facts.format is not None:
                yield self._file_record(where, use, digest, claim)
                return
        elif pointer := lfs_pointer(found.path):
            yield self.skip(where, f"is {pointer}", missed=True)
            return
        yield from self.result(where, self.session.check_found(found), lines=found.kind is FileKind.JSONL)

    def image_file(self, where: RowLocation, path: str, claim: tuple[int, int] | None = None) -> FactsRecord:
        """The row of a local file that is an image by its name."""
        return self._file_record(where, *self._read_file(path), claim)

    def image_files(self, files: Sequence[tuple[RowLocation, str]]) -> Iterator[FactsRecord]:
        """The rows of such files; a failure of a reader is the reason why its file is skipped.

        All are read before the first is checked. To read and hash one after each check takes a third longer:
        it drives what checks need out of the processor's cache.
        """
        read = [attempted(self._read_file, _itself, path) for _, path in files]
        for (where, _), found in zip(files, read, strict=True):
            if isinstance(found, Exception):
                yield self._failed(where, found)
                continue
            record = attempted(self._file_record, _itself, where, *found)
            yield self._failed(where, record) if isinstance(record, Exception) else record

    def _failed(self, where: RowLocation, error: Exception) -> FactsRecord:
        return self.skip(where, reason_of(error, DAMAGED), missed=True)

    def skip(self, where: RowLocation, reason: str, *, missed: bool = False) -> FactsRecord:
        """The row of something that is skipped."""
        self.counts[SKIP] += 1
        return FactsRecord(*where, subject=SKIP, skipped=reason, missed=missed)

    def lost(self, where: RowLocation, finding: Finding) -> FactsRecord:
        """The row of an image that could not be checked at all."""
        self.counts[IMAGE] += 1
        return FactsRecord(*where, findings=(finding,), damage="not read completely", missed=True)

    def result(self, where: RowLocation, result: FileResult, *, lines: bool) -> Iterator[FactsRecord]:
        """The rows of a checked file.

        Raises:
            AuditError: the row counts of a JSONL file are inconsistent.
        """
        rows = result.rows
        if rows and rows.total != rows.checked + rows.bad + sum(p.last - p.first + 1 for p in rows.passed):
            raise AuditError(
                f"{result.path}: {rows.total} rows were read, but the counts do not add up to that: {rows}"
            )
        if result.skipped is not None:
            yield self.skip(where, result.skipped, missed=result.missed)
            return
        records = self._records(where, result, lines=lines)
        first = next(records, None)
        if first is None:  # every finding in it is suppressed
            self.counts[DOCUMENT] += 1
            first = FactsRecord(*where, subject=DOCUMENT)
        has_row = any(passed.reason == UNFINISHED for passed in (result.rows.passed if result.rows else ()))
        missed = first.missed or (result.missed and not has_row)
        yield first._replace(silenced=result.suppressed, missed=missed)
        yield from records

    def _records(self, where: RowLocation, result: FileResult, *, lines: bool) -> Iterator[FactsRecord]:
        findings = _by_subject(result)
        at = _Lines(where, _lines_of(result) if lines else {})
        for image in result.images:
            location = image.use.location
            yield self._image_record(at.location(location), image.use, findings.pop(location, []))
        for request in result.requests:
            self.counts[REQUEST] += 1
            location = request.request.location
            found = findings.pop(location, [])
            size = request.request.byte_size
            yield FactsRecord(*at.location(location), subject=REQUEST, byte_size=size, findings=found)
        reported = set()
        for location, found in findings.items():
            self.counts[DOCUMENT] += 1
            record = FactsRecord(*at.location(location), subject=DOCUMENT, findings=found)
            reported.add(record.row)
            yield record
        for passed in result.rows.passed if result.rows else ():
            for line in range(passed.first - 1, passed.last):
                if line not in reported:  # otherwise it has a row with its finding already
                    missed = passed.reason == UNFINISHED
                    yield self.skip(where._replace(row=line, pointer=""), passed.reason, missed=missed)

    def _fields_for(self, path: str) -> int:
        context = self.session.context
        runner = context.paths.runner(path)
        if runner is not self._runner:
            self._runner, self._facts = runner, context.needed_fields(runner)
        return self._facts

    def _probe_file(self, path: str, fields: int) -> ImageFacts:
        """The facts of a local file; also computes its hash, from the same read if the file is small."""
        fd = os.open(path, OPEN_FLAGS)
        try:
            size = os.lseek(fd, 0, os.SEEK_END)
            read = MethodType(pread, fd)
            whole = read(size, 0) if size <= WHOLE else None
            if whole is None or len(whole) != size:
                self._digest = digest_of(size, read)
                return probe_reader(read, size, fields)
            self._digest = digest_of(size, read, whole)
            return probe_bytes(whole, fields)
        finally:
            os.close(fd)

    def _read_file(self, path: str) -> tuple[ImageUse, bytes | None]:
        """A local file as an image, and its hash, None if it cannot be read."""
        self._digest = None
        use = read_image(path, self._fields_for(path), probe=self._probe_file)
        return use, self._digest

    def _file_record(
        self, where: RowLocation, use: ImageUse, digest: bytes | None, claim: tuple[int, int] | None = None
    ) -> FactsRecord:
        load = partial(read_whole, use.location.path)
        return self._record(where, use, digest, claim, load)

    def _record(
        self,
        where: RowLocation,
        use: ImageUse,
        digest: bytes | None,
        claim: tuple[int, int] | None,
        load: Callable[[], bytes],
    ) -> FactsRecord:
        findings, silenced = self.session.context.check_facts(use)
        tried = self.trials.tried(use, digest, load) if self.trials else None
        note = None if claim is None else _claimed(use, claim)
        return self._image_record(
            where, use, findings, silenced=silenced, digest=digest, note=note, tried=tried
        )

    def _image_record(  # noqa: PLR0913 - the columns that are not facts
        self,
        where: RowLocation,
        use: ImageUse,
        findings: Sequence[Finding],
        *,
        silenced: int = 0,
        digest: bytes | None = None,
        note: str | None = None,
        tried: int | None = None,
    ) -> FactsRecord:
        facts = use.facts
        self.counts[IMAGE] += 1
        if facts is None:
            return FactsRecord(
                *where,
                base64_bytes=use.base64_size,
                digest=digest,
                findings=findings,
                silenced=silenced,
                note=note,
            )
        # positional arguments take half the time
        return FactsRecord(
            *where,
            IMAGE,
            facts.format,
            facts.size,
            use.visible_size,
            facts.orientation,
            facts.frames,
            facts.quality,
            facts.byte_size,
            use.base64_size,
            digest,
            findings,
            silenced,
            None,
            facts.unread,
            facts.damage or facts.not_image,
            note,
            tried,
            facts.pixels,
        )


def _measured(data: bytes | None, size: Size, mode: str | None, *, planar: bool) -> PixelFacts:
    if data is None:
        return PixelFacts(flaw=UNMEASURED)
    from imgbudget.pixels.measure import measured_array  # noqa: PLC0415 - extra

    return measured_array(data, size, mode, planar=planar)


def _itself(error: Exception) -> Exception:
    return error


class _Lines(NamedTuple):
    """The lines (from 0) of the documents of a JSON file, by document number."""

    where: RowLocation
    lines: dict[int, int]

    def location(self, location: Location) -> RowLocation:
        """The row location for a location inside the file."""
        row = self.lines.get(location.document, self.where.row)
        return self.where._replace(row=row, pointer=location.pointer)


def _lines_of(result: FileResult) -> dict[int, int]:
    lines = {finding.location.document: finding.span.line - 1 for finding in result.findings if finding.span}
    return lines | {one.request.location.document: one.request.line - 1 for one in result.requests}


def _by_subject(result: FileResult) -> dict[Location, list[Finding]]:
    """The findings by their subject: the image, else the request around it, else the location itself."""
    images = {image.use.location for image in result.images}
    requests = [request.request.location for request in result.requests]
    found: dict[Location, list[Finding]] = {}
    for finding in result.findings:
        location = finding.location
        if location not in images:
            around = [one for one in requests if _holds(one, location)]
            location = max(around, key=lambda one: len(one.keys or ())) if around else location
        found.setdefault(location, []).append(finding)
    return found


def _holds(request: Location, location: Location) -> bool:
    keys = request.keys or ()
    return request.document == location.document and (location.keys or ())[: len(keys)] == keys


def _claimed(use: ImageUse, claim: tuple[int, int]) -> str | None:
    """The note if a manifest claims a size that the image has neither as stored nor rotated."""
    if use.size is None or claim in (tuple(use.size), tuple(use.size.transposed)):
        return None
    return f"the manifest claims {claim[0]}x{claim[1]}"
