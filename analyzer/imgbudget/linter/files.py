"""Checks one file by its kind: an image, JSON, JSON Lines or a cassette; and standard input."""

import os
from contextlib import suppress
from typing import TYPE_CHECKING

from imgbudget.discovery.filetypes import FileKind, kind_of, may_hold_requests
from imgbudget.discovery.walk import NOT_CHECKABLE, FoundFile
from imgbudget.errors import UnreadableError, os_error_text
from imgbudget.imageinfo.dispatch import probe_file
from imgbudget.imageinfo.files import DECLARED_TYPES, image_from_bytes, lfs_pointer, read_image
from imgbudget.linter.context import LintContext
from imgbudget.linter.rule_sets import RuleRunner
from imgbudget.model.location import Location
from imgbudget.model.results import FileResult
from imgbudget.model.subjects import ImageUse, ProbeField, Request, ShapeFlaw

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from imgbudget.discovery.walk import SkippedFile
    from imgbudget.linter.rows import PartReceiver
    from imgbudget.linter.verdicts import RunCache


_SUFFIX = len(".png")

_READ_AS_IMAGES = frozenset({FileKind.IMAGE, FileKind.UNKNOWN})


class FileCheck:
    """Checks one file at a time. `cache` keeps facts of images between runs, if it is not None.

    The text of images is then kept too, by their bytes, wherever they are.
    """

    __slots__ = ("cache", "context", "force_exclude")

    def __init__(
        self, context: LintContext, *, force_exclude: bool, cache: bool, verbose: bool = False
    ) -> None:
        """Check with a context; `verbose` adds a note to it for each part of the cache that is ignored."""
        self.context: LintContext = context
        self.force_exclude: bool = force_exclude
        if cache and context.paths.needs_text:
            context.fields |= ProbeField.KEPT_TEXT
        self.cache: RunCache | None = _open_cache(context if verbose else None) if cache else None

    def image(self, path: str, context: LintContext, runner: RuleRunner) -> ImageUse:
        """The image at a path, with the facts that its rules need."""
        fields = context.needed_fields(runner)
        if self.cache is None or context.needs_text:  # text is not kept between runs
            return read_image(path, fields)
        return read_image(path, fields, probe=self.cache.probe)

    def images(self, group: "Sequence[FoundFile | SkippedFile]") -> list[ImageUse | None]:
        """The images of a group of files; None for other files, and if reading one of them fails.

        Files of one suffix are read after another: the code of a format stays in the processor's caches.
        """
        read: list[ImageUse | None] = [None] * len(group)
        order: Iterable[int] = range(len(group))
        if self.cache is None:  # which reads folder by folder
            order = sorted(order, key=lambda at: group[at].path[-_SUFFIX:])
        with suppress(Exception):  # the file is read again later, where a failure becomes a finding
            for at in order:
                entry = group[at]
                if isinstance(entry, FoundFile) and entry.kind is FileKind.IMAGE:
                    context = self.context.at(entry.path)
                    read[at] = self.image(entry.path, context, context.paths.runner(entry.path))
        return read

    def file(
        self, found: FoundFile, parts: "PartReceiver | None" = None, *, read: ImageUse | None = None
    ) -> FileResult:
        """The result of a file; with `parts` that of its last part, see Session.check_all.

        `read` is its image, if it has been read already.
        """
        kind, explicit = found.kind, self.explicit(found)
        if kind is not FileKind.IMAGE and kind is not FileKind.UNKNOWN:
            result = self._document(found.path, kind, explicit=explicit, parts=parts)
            if kind is not FileKind.DATABASE or not explicit or result.skipped != NOT_CHECKABLE:
                return result
        context = self.context.at(found.path)
        runner = context.paths.runner(found.path)
        use = read or self.image(found.path, context, runner)
        if kind is FileKind.IMAGE or use.facts is None or use.facts.format is not None:
            return context.check_image_file(use, runner)
        if use.facts.content == "JSON":
            return self._document(found.path, FileKind.JSON, explicit=explicit)
        if explicit and use.facts.damage is not None:
            return context.check_image_file(use)
        if explicit:
            result = self._document(found.path, FileKind.TEXT, explicit=explicit, reason=_skip_reason(use))
            if result.skipped is not None and may_hold_requests(found.path):
                return result._replace(skipped=f"{result.skipped}, which a check does not open", missed=True)
            return result
        return FileResult(path=found.path, skipped=_skip_reason(use))

    def explicit(self, found: FoundFile) -> bool:
        """Whether the user named the file, so that unknown content is a finding and not skipped."""
        return found.explicit and not self.force_exclude

    def _document(  # noqa: PLR0913 - keyword arguments with defaults
        self,
        path: str,
        kind: FileKind,
        *,
        explicit: bool,
        text: bytes | None = None,
        parts: "PartReceiver | None" = None,
        reason: str = NOT_CHECKABLE,
    ) -> FileResult:
        """The result of a text file or a database, see `check_file`; what cannot be read is reported."""
        from imgbudget.linter.documents import check_file  # noqa: PLC0415 - request

        if kind is not FileKind.TEXT and text is None and (pointer := lfs_pointer(path)):
            return self._unread(path, f"is {pointer}", explicit=explicit)
        try:
            return check_file(
                self.context.at(path), path, kind, explicit=explicit, text=text, parts=parts, reason=reason
            )
        except UnreadableError as error:
            return self._unread(path, str(error), explicit=explicit)
        except OSError as error:
            return self._unread(path, f"cannot be read: {os_error_text(error)}", explicit=explicit)

    def _unread(self, path: str, why: str, *, explicit: bool) -> FileResult:
        """The result of a file that could not be read: a finding if the user named it, else a skip."""
        if explicit:
            location = Location(path, ())
            flaw = ShapeFlaw(location, why, "make it readable, or leave it out")
            request = Request(location=location, dialect="unknown", byte_size=0, flaws=(flaw,))
            context = self.context.at(path)
            findings = context.paths.runner(path).check_request(context.bind(request))
            if findings:
                return context.file_result(path, findings)._replace(missed=True)
        return FileResult(path=path, skipped=why, missed=True)

    def text(self, data: bytes, name: str, *, explicit: bool = True) -> FileResult:
        """The result of standard input, an image or a request, reported under `name`.

        `explicit` is as for a file: without it text that is not JSON is a finding only in what looks like a
        request.
        """
        extension = os.path.splitext(name)[1].lower()
        if extension in (".yaml", ".yml"):
            return self._document(name, FileKind.YAML, explicit=explicit, text=data)
        context = self.context.at(name)
        use = image_from_bytes(data, name, context.needed_fields(context.paths.runner(name)))
        text = data.lstrip(b"\xef\xbb\xbf \t\r\n")[:1]
        lines = is_lines(data, name)
        if lines or extension == ".json" or (use.facts and use.facts.format is None and text in (b"{", b"[")):
            return self._document(
                name, FileKind.JSONL if lines else FileKind.JSON, explicit=explicit, text=data
            )
        if use.facts and use.facts.format is None and use.facts.damage is None:
            result = self._document(name, FileKind.TEXT, explicit=explicit, text=data)
            if result.skipped is None:
                return result
            if not explicit:
                return result._replace(skipped=_skip_reason(use))
        return context.check_image_file(use)


def holds_subjects(found: FoundFile) -> bool:
    """Whether a file is checked: YAML, logs and databases only are if there is something to check in them."""
    if found.kind in (FileKind.YAML, FileKind.TEXT, FileKind.DATABASE):
        from imgbudget.linter.othertext import file_holds_subjects  # noqa: PLC0415 - rare

        return file_holds_subjects(found.path, found.kind)
    return True


def is_read_alike(first: str, second: str) -> bool:
    """Whether a second name of a file would be checked as the first was, and yield no further finding.

    A JSON file is read by its suffix, and the suffix of an image is a finding if it names another format.
    """
    suffix = os.path.splitext(second)[1].lower()
    known = os.path.splitext(first)[1].lower()
    if suffix == known:
        return True
    try:
        facts = probe_file(second)
    except OSError:
        return False
    kinds = kind_of(first) or FileKind.UNKNOWN, kind_of(second) or FileKind.UNKNOWN
    if facts.format is not None:
        declared = DECLARED_TYPES.get(suffix[1:])
        fits = declared in {None, f"image/{facts.format}", DECLARED_TYPES.get(known[1:])}
        return kinds[0] in _READ_AS_IMAGES and fits
    if facts.content == "JSON":
        kinds = _with_json(kinds[0]), _with_json(kinds[1])
    return kinds[1] in {kinds[0], FileKind.UNKNOWN}


def _with_json(kind: FileKind) -> FileKind:
    return FileKind.JSON if kind is FileKind.UNKNOWN else kind


def _open_cache(context: LintContext | None) -> "RunCache":
    from imgbudget.linter.verdicts import RunCache  # noqa: PLC0415 - rare

    return RunCache.open(None if context is None else context.note)


def is_lines(data: bytes, name: str) -> bool:
    """Whether standard input is JSON Lines, by its name or else by its text."""
    extension = os.path.splitext(name)[1].lower()
    return extension in (".jsonl", ".ndjson") or (extension != ".json" and _has_document_per_line(data))


def _has_document_per_line(data: bytes) -> bool:
    """Whether text looks like JSON Lines: its first line is an object, and more text follows."""
    first, _, rest = data.partition(b"\n")
    return first.startswith(b"{") and first.rstrip().endswith(b"}") and bool(rest.strip())


def _skip_reason(use: ImageUse) -> str:
    if use.facts and use.facts.damage and not use.facts.content:
        return f"neither an image nor a request: {use.facts.damage}"
    content = use.facts.content if use.facts else None
    return f"neither an image nor a request: {content or 'unknown bytes'}"
