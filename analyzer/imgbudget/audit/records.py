"""Where inputs become rows: an image, a file or a JSON document in, records of the facts table out."""

import os
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from types import MethodType
from typing import NamedTuple

from imgbudget.audit.rows import DOCUMENT, IMAGE, REQUEST, SKIP, WHOLE, FactsRecord, digest_of
from imgbudget.audit.statistics import place_text
from imgbudget.discovery.filetypes import FileKind, kind_of
from imgbudget.discovery.walk import NEITHER, FoundFile
from imgbudget.errors import AuditError
from imgbudget.imageinfo.dispatch import probe_bytes, probe_reader
from imgbudget.imageinfo.files import read_image
from imgbudget.imageinfo.reader import Read
from imgbudget.linter.rule_sets import RuleRunner
from imgbudget.linter.run import Session
from imgbudget.model.location import Location
from imgbudget.model.results import FileResult, ImageResult
from imgbudget.model.subjects import Finding, ImageFacts, ImageUse, ProbeField
from imgbudget.positional import OPEN_FLAGS, pread

WANTED = ProbeField.ORIENTATION | ProbeField.FRAMES | ProbeField.QUALITY
"""Facts that the table shows beside those of the rules."""

IN_ARCHIVE = "JSON inside an archive is not looked at"


class Where(NamedTuple):
    """The place of a row: the source, the name inside it, the row or line from 0, the pointer into that."""

    source: str
    member: str | None = None
    row: int | None = None
    pointer: str | None = None


class Content(NamedTuple):
    """The bytes of an image: how many, a positional reader, the bytes themselves where they are held.

    `near` is False where each read is a request to a remote store: then no hash is made.
    """

    size: int
    read: Read
    whole: bytes | None = None
    near: bool = True


@dataclass(slots=True, eq=False, repr=False)
class RecordBuilder:
    """The workplace of one partition: makes records and counts what it was given."""

    session: Session
    entry: Counter[str] = field(default_factory=Counter)
    _digest: bytes | None = None
    _runner: RuleRunner | None = None
    _facts: int = 0

    def image(self, where: Where, content: Content) -> FactsRecord:
        """The row of an image."""

        def probe(_path: str, fields: int) -> ImageFacts:
            if content.whole is not None:
                return probe_bytes(content.whole, fields)
            return probe_reader(content.read, content.size, fields)

        path = place_text(*where)
        use = read_image(path, self._wanted(path), probe=probe)
        digest = digest_of(content.size, content.read, content.whole) if content.near else None
        return self._record(where, use, digest, None)

    def member(self, where: Where, name: str, content: Content) -> FactsRecord:
        """The row of a member of an archive, of which the name says what it should be."""
        kind = kind_of(name)
        if kind is None:
            return self.skip(where, NEITHER)
        if kind in (FileKind.JSON, FileKind.JSONL):
            return self.skip(where, IN_ARCHIVE)
        if kind is FileKind.UNKNOWN:
            facts = probe_reader(content.read, content.size)
            if facts.format is None:
                return self.skip(where, f"neither an image nor a request: {facts.content or 'unknown bytes'}")
        return self.image(where, content)

    def file(
        self, where: Where, found: FoundFile, claim: tuple[int, int] | None = None
    ) -> Iterator[FactsRecord]:
        """The rows of a local file: one of an image, those of the requests in it, or why it is skipped."""
        if found.kind is FileKind.IMAGE or found.kind is FileKind.UNKNOWN:
            self._digest = None
            use = read_image(found.path, self._wanted(found.path), probe=self._probe_file)
            if found.kind is FileKind.IMAGE or (use.facts and use.facts.format is not None):
                yield self._record(where, use, self._digest, claim)
                return
        yield from self.result(where, self.session.check_found(found), lines=found.kind is FileKind.JSONL)

    def skip(self, where: Where, reason: str, *, missed: bool = False) -> FactsRecord:
        """The row of something that is passed over."""
        self.entry[SKIP] += 1
        return FactsRecord(*where, subject=SKIP, skipped=reason, missed=missed)

    def lost(self, where: Where, finding: Finding) -> FactsRecord:
        """The row of an image that could not be checked at all."""
        self.entry[IMAGE] += 1
        return FactsRecord(*where, findings=(finding,), damage="never read to its end", missed=True)

    def result(self, where: Where, result: FileResult, *, lines: bool) -> Iterator[FactsRecord]:
        """The rows of a checked file.

        Raises:
            AuditError: the rows of a JSONL file do not add up.
        """
        rows = result.rows
        if rows and rows.total != rows.checked + rows.bad + sum(p.last - p.first + 1 for p in rows.passed):
            raise AuditError(f"{result.path}: {rows.total} rows were read and others were told: {rows}")
        if result.skipped is not None:
            yield self.skip(where, result.skipped, missed=result.missed)
            return
        records = self._records(where, result, lines=lines)
        first = next(records, None)
        if first is None:  # every finding in it is silenced
            self.entry[DOCUMENT] += 1
            first = FactsRecord(*where, subject=DOCUMENT)
        yield first._replace(silenced=result.suppressed)
        yield from records

    def _records(self, where: Where, result: FileResult, *, lines: bool) -> Iterator[FactsRecord]:
        findings = _by_subject(result)
        at = _Lines(where, _lines_of(result) if lines else {})
        for image in result.images:
            location = image.use.location
            yield self._image_record(at.location(location), image, findings.pop(location, []))
        for request in result.requests:
            self.entry[REQUEST] += 1
            location = request.request.location
            found = findings.pop(location, [])
            size = request.request.byte_size
            yield FactsRecord(*at.location(location), subject=REQUEST, byte_size=size, findings=found)
        told = set()
        for location, found in findings.items():
            self.entry[DOCUMENT] += 1
            record = FactsRecord(*at.location(location), subject=DOCUMENT, findings=found)
            told.add(record.row)
            yield record
        for passed in result.rows.passed if result.rows else ():
            for line in range(passed.first - 1, passed.last):
                if line not in told:  # it is a row already, with its finding
                    yield self.skip(where._replace(row=line, pointer=""), passed.reason)

    def _wanted(self, path: str) -> int:
        context = self.session.context
        runner = context.paths.runner(path)
        if runner is not self._runner:
            self._runner, self._facts = runner, context.needed_fields(runner)
        return self._facts

    def _probe_file(self, path: str, fields: int) -> ImageFacts:
        """The facts of a local file, with its hash kept aside; a small one is read once for both."""
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

    def _record(
        self, where: Where, use: ImageUse, digest: bytes | None, claim: tuple[int, int] | None
    ) -> FactsRecord:
        result = self.session.context.check_image_file(use)
        record = self._image_record(where, result.images[0], result.findings)
        return record._replace(digest=digest, silenced=result.suppressed, note=_claimed(use, claim))

    def _image_record(
        self, where: Where, image: ImageResult, findings: list[Finding] | tuple[Finding, ...]
    ) -> FactsRecord:
        self.entry[IMAGE] += 1
        use, facts = image.use, image.use.facts
        if facts is None:
            return FactsRecord(*where, base64_bytes=use.base64_size, findings=findings)
        return FactsRecord(
            *where,
            format=facts.format,
            size=facts.size,
            visible=use.visible_size,
            orientation=facts.orientation,
            frames=facts.frames,
            quality=facts.quality,
            byte_size=facts.byte_size,
            base64_bytes=use.base64_size,
            findings=findings,
            damage=facts.damage,
        )


class _Lines(NamedTuple):
    """Where the documents of a JSON file stand: `lines`, from 0, by the number of the document."""

    where: Where
    lines: dict[int, int]

    def location(self, location: Location) -> Where:
        """The place of a row for a place inside the file."""
        row = self.lines.get(location.document, self.where.row)
        return self.where._replace(row=row, pointer=location.pointer)


def _lines_of(result: FileResult) -> dict[int, int]:
    lines = {finding.location.document: finding.span.line - 1 for finding in result.findings if finding.span}
    return lines | {one.request.location.document: one.request.line - 1 for one in result.requests}


def _by_subject(result: FileResult) -> dict[Location, list[Finding]]:
    """The findings by what they stand on: the image, else the request around it, else the place itself."""
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


def _claimed(use: ImageUse, claim: tuple[int, int] | None) -> str | None:
    """What to note of a size that a manifest claims and the image does not have, turned or not."""
    if claim is None or use.size is None or claim in (tuple(use.size), tuple(use.size.transposed)):
        return None
    return f"the manifest claims {claim[0]}x{claim[1]}"
