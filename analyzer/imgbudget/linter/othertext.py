"""Lints text that is no JSON: recordings in YAML, and other text with bodies or images in it."""

from collections.abc import Callable, Iterator

from imgbudget.discovery.filetypes import FileKind
from imgbudget.jsontext.source import JsonSource
from imgbudget.linter.context import LintContext
from imgbudget.linter.documents import DocumentCheck
from imgbudget.linter.requests import reason_of
from imgbudget.linter.rows import PartReceiver
from imgbudget.model.location import UNEDITED, Location
from imgbudget.model.results import FileResult
from imgbudget.requests.cassettes import Cassette, is_cassette, looks_like_cassette, read_cassette
from imgbudget.requests.finder import PACKED
from imgbudget.requests.foreign import ForeignBody, bodies_in_text, bodies_in_yaml
from imgbudget.requests.reader import NoRequest, read_foreign, read_recorded
from imgbudget.requests.textfinder import TextRange, holds_image, may_have_images
from imgbudget.slotted import dataclass

_TEXT_HEAD = 4096


def check_other_text(  # noqa: PLR0913 - what `check_file` is given
    context: LintContext,
    source: JsonSource,
    path: str,
    kind: FileKind,
    *,
    named: bool,
    parts: PartReceiver | None,
    reason: str,
) -> FileResult:
    """The result of a file that is no JSON; arguments and errors are those of `check_file`."""
    check = OtherTextCheck(
        context=context, source=source, path=path, lines=False, explicit=True, named=named, parts=parts
    )
    if kind is FileKind.YAML and looks_like_cassette(source):
        return check.run_cassette(read_cassette(source))
    if b"\0" in source.pread(_TEXT_HEAD, 0):
        return FileResult(path=path, skipped=reason)
    return check.run_text(reason, bodies_in_yaml if kind is FileKind.YAML else bodies_in_text)


def file_holds_subjects(path: str, kind: FileKind) -> bool:
    """Whether a file of a kind that may hold anything is a recording or a database, or has an image in it."""
    if kind is FileKind.DATABASE:
        from imgbudget.requests.databases import is_agents_database  # noqa: PLC0415 - rare

        return is_agents_database(path)
    return (kind is FileKind.YAML and is_cassette(path)) or holds_image(path)


@dataclass(slots=True, kw_only=True)
class OtherTextCheck(DocumentCheck):
    """The check of one file that is no JSON."""

    def run_cassette(self, cassette: Cassette) -> FileResult:
        """The result of a cassette."""
        recorded = list(read_recorded(cassette.bodies, Location(self.path, ()), self.reader.fields))
        self._items(cassette, recorded or [NoRequest("a recording without a request in it")], None)
        if cassette.unread and self.named:
            self.checked.leave_unread(PACKED)
        self.checked.sort()
        self.checked.add_unlisted()
        if not self.checked.requests:
            for body in bodies_in_yaml(self.source):  # bodies that were parsed when they were recorded
                self._body(body)
        if not self.checked.requests:
            return self._skipped(reason_of(self.reasons))
        return self.checked.result()

    def run_text(self, reason: str, bodies: Callable[[JsonSource], Iterator[ForeignBody]]) -> FileResult:
        """The result of other text: bodies and images in it are checked; skipped for `reason` without any.

        `bodies` finds the bodies; it is called only if they may have an image.
        """
        whole, location = TextRange(0, self.source.size), Location(self.path, ())
        if may_have_images(self.source, named=self.named):
            at = 0
            for body in bodies(self.source):
                at = self._foreign(body, at)
            whole = whole._replace(start=at)
        self._text(whole, location)
        self.checked.sort()
        self.checked.add_unlisted()
        if self.checked.images or self.checked.requests or self.parts_delivered:
            return self.checked.result()
        return self._skipped(reason)

    def _foreign(self, body: ForeignBody, at: int) -> int:
        """Check a body in other text, and the images between byte `at` and it; returns its end."""
        if not self._body(body):
            return at
        self._text(TextRange(at, body.start), Location(self.path, ()))
        return body.end

    def _body(self, body: ForeignBody) -> bool:
        """Check the requests of a body in other text; returns whether there are any."""
        location = Location(self.path, (), 0, body.number, outer_depth=UNEDITED)
        requests = list(read_foreign(body.inner, location, self.reader.fields, body.url))
        if requests:
            self._items(body, requests, body.inner)
        return bool(requests)
