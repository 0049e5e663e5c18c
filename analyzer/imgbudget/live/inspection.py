"""Checks and fixes request bodies in memory."""

import re
from collections.abc import Callable, Container, Iterable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, NamedTuple

from imgbudget.errors import UnreadableError
from imgbudget.fixing.convergence import converged
from imgbudget.fixing.edit_memory import EditMemory
from imgbudget.fixing.image import edit_image
from imgbudget.fixing.revisions import RequestRevision
from imgbudget.fixing.strategy import FindingFixes
from imgbudget.imageinfo.steps import TimeLimit
from imgbudget.jsontext.alphabet import ALPHABET
from imgbudget.jsontext.document import BadDocument, Document, open_documents
from imgbudget.jsontext.scanner import LongString, stats_of
from imgbudget.jsontext.source import JsonSource
from imgbudget.jsontext.strings import KEPT, StringStats, add_count
from imgbudget.linter.context import LintContext
from imgbudget.linter.documents import DocumentCheck
from imgbudget.linter.evaluate import Rules
from imgbudget.linter.memory import ImageRuleCache
from imgbudget.linter.options import RunOptions
from imgbudget.linter.rule_sets import RuleRunner
from imgbudget.linter.run import Session
from imgbudget.live.strings import BodySource, BodyStrings, KnownStrings
from imgbudget.model.budgets import Budgets
from imgbudget.model.location import Location
from imgbudget.model.subjects import Finding, ImageUse, Origin, ProbeField, Request, Severity
from imgbudget.output.base import count
from imgbudget.printable import one_line
from imgbudget.registry import AnyRule
from imgbudget.requests.base import time_for_pages
from imgbudget.requests.batches import BatchCount
from imgbudget.requests.finder import unseen_images
from imgbudget.requests.payloads import begins_like_payload
from imgbudget.requests.prompts import wanted
from imgbudget.requests.reader import read_requests
from imgbudget.slotted import replace

if TYPE_CHECKING:
    from imgbudget.limits.bound import Limits

_TAIL = 512
_HEAD = 256
_PLACES = 3
_LONGEST_PLACE = 80
_NOT_JSON = "not JSON"
_PADDED = ALPHABET + b"="
_URL_SAFE = b"-_"
_MOST_JUDGED = 2000
"""Images whose findings are kept, some more than there are strings that are remembered."""

_URI = re.compile(rb"data:[\w.+-]{1,40}/[\w.+-]{1,80};base64,")


class NotJsonError(UnreadableError):
    """A body that is called JSON is not: what it holds is unknown."""


class QuickScan:
    """The requests in a body, read without decoding or hashing its images.

    `unseen` are images at places where no request that is known has one.
    """

    __slots__ = ("requests", "source", "unseen")

    def __init__(self, body: bytes, path: str, known: KnownStrings) -> None:
        """Scan a body; `known` are the strings of earlier ones.

        Raises:
            NotJsonError: it is not JSON in UTF-8.
            UnreadableError: it has too many values, is nested too deeply, or is too long.
        """
        self.source: BodySource = BodySource(body)
        strings = BodyStrings(self.source, known, _look)
        quick = open_documents(self.source, lines=False, check=False, read_stats=strings.stats)
        try:
            documents = tuple(_readable(quick))
            self.requests: tuple[Request, ...] = tuple(_requests(documents, path))
            strings.remember()
        except UnreadableError:
            # not JSON, too much to read, or base64 with a flaw that its ends did not show
            documents = tuple(_readable(open_documents(self.source, lines=False)))
            self.requests = tuple(_requests(documents, path))
        self.unseen: tuple[ImageUse, ...] = self._unseen(documents, body, path)

    def _unseen(self, documents: Iterable[Document], body: bytes, path: str) -> tuple[ImageUse, ...]:
        """The images that are in no request. It takes long only where there are more than in requests."""
        uses = [use for request in self.requests for use in request.images]
        images = sum([use.origin is Origin.BASE64 for use in uses])
        cuts = [cut for document in documents for cut in document.long_strings.values()]
        if len(cuts) <= images:
            return ()
        heads = sum(begins_like_payload(body[cut.start : min(cut.start + _HEAD, cut.end)]) for cut in cuts)
        if heads <= images:
            return ()
        whole = _readable(open_documents(self.source, lines=False))
        found = [unseen_images(document, path, ProbeField.NONE, uses) for document in whole]
        return tuple(use for it in found for use in it.images)


def _readable(documents: Iterable[Document | BadDocument]) -> Iterator[Document]:
    for document in documents:
        if isinstance(document, BadDocument):
            if document.message.startswith(_NOT_JSON):
                raise NotJsonError(document.message)
            raise UnreadableError(document.message)
        yield document


def _requests(documents: Iterable[Document], path: str) -> Iterator[Request]:
    for document in documents:
        before = wanted.set(False)  # one request is compared with nothing
        try:
            items = list(read_requests(_unlike(document), path, ProbeField.NONE))
        finally:
            wanted.reset(before)
        yield from (item for item in items if isinstance(item, Request))


def _unlike(document: Document) -> Document:
    """The document without the search for equal strings, so that none is hashed."""
    return replace(document, lengths_may_repeat=False)


def _look(body: bytes, cut: LongString, source: JsonSource) -> StringStats:
    """Statistics of a long string from both ends; from the whole string if they are not plain base64.

    A data URI of base64 is its prefix and plain base64. Of the url-safe alphabet, which SDKs of Google write,
    only the characters at the ends are counted: whether there are any is what matters.
    """
    uri = _URI.match(body, cut.start, cut.end)
    start = uri.end() if uri else cut.start
    head, tail = (
        body[start : min(start + KEPT, cut.end)],
        body[max(cut.end - _TAIL, start) : cut.end],
    )
    padding = len(tail) - len(tail.rstrip(b"="))
    foreign = head.translate(None, _PADDED) + tail.translate(None, _PADDED)
    odd = foreign.translate(None, _URL_SAFE) or padding > 2
    if odd or cut.has_escape(body):
        return stats_of(cut, source)
    stats = StringStats(cut.start)
    stats.head = body[cut.start : min(cut.start + KEPT, cut.end)]
    stats.length = stats.width = cut.end - cut.start
    for character in body[cut.start : start].translate(None, ALPHABET).decode("ascii"):
        add_count(stats.foreign, character, 1)
    for character in foreign.decode("ascii"):
        add_count(stats.foreign, character, 1)
    if padding:
        stats.foreign["="] = padding
    return stats


PATH = "<request>"
"""The path in findings on a body in memory."""

PAGES_SECONDS = 0.05
"""CPU seconds in which the documents of one body have to be read: the program waits for the guard."""

_NO_TIME = f"the documents of this request take longer than {round(PAGES_SECONDS * 1e3)} ms to read"


@contextmanager
def _pages_within(limit: TimeLimit | None) -> Iterator[None]:
    """Read the documents of a body within a limit; those that are left are not counted."""
    token = time_for_pages.set(limit)
    try:
        yield
    finally:
        time_for_pages.reset(token)


class InspectionTarget(NamedTuple):
    """Model and platform that the URL of a request shows; None: body and configuration decide.

    `deployment` is a name that the user of Azure chose, which counts if it is that of a model.
    """

    model: str | None = None
    platform: str | None = None
    deployment: str | None = None


class Fixed(NamedTuple):
    """A body after its fixes, the findings that they resolved, and those that remain."""

    body: bytes
    converged: tuple[Finding, ...]
    left: tuple[Finding, ...]


class Inspector:
    """Checks the bodies that a program sends; rules and limits are loaded once."""

    def __init__(self, options: RunOptions, level: Severity) -> None:
        """Count findings of `level` and above. Raises as Session does."""
        self._session = Session(options)
        if suppressor := self._session.context.paths.suppressor:
            suppressor.unhashed = PATH
        self._contexts: dict[InspectionTarget, LintContext] = {InspectionTarget(): self._session.context}
        self._memory = EditMemory(edit_image)
        self.known: KnownStrings = KnownStrings()
        self._runner = _at_least(self._session.context.paths.runner(PATH), level)
        self.level = level

    def findings(
        self, body: bytes, target: InspectionTarget, say: Callable[[str], None] = lambda _text: None
    ) -> tuple[Finding, ...]:
        """The findings on a body that count, from a quick scan; also those on documents that were not read.

        The latter may be below the level: nothing that could not be checked passes without a word. `say` is
        called with a clause about images that were not checked.

        Raises:
            UnreadableError: the body cannot be read; NotJsonError if it is not JSON.
        """
        context = self._context(target)
        runner = self._runner
        found: list[Finding] = []
        unread: set[Location] = set()
        uses: list[tuple[ImageUse, Limits]] = []
        batch = BatchCount()
        with _pages_within(TimeLimit(PAGES_SECONDS, _NO_TIME)):
            scan = QuickScan(body, PATH, self.known)
        if scan.unseen:
            say(_places(scan.unseen))
        for request in scan.requests:
            unread.update(it.location for it in request.documents if it.uncounted is not None)
            test = context.bind(request)
            found += runner.check_request(test)
            uses += test.images
            if request.dialect == "batches":
                batch.add(_entry(request.location), request.id)
        if batch.count:
            found += runner.check_batch(batch.batch(Location(PATH, ()), len(body)), context.limits())
        if not any(finding.severity >= self.level or finding.location in unread for finding in found):
            return ()
        kept, _, _ = context.result(PATH, found, uses)
        return tuple(self._counted(kept, unread))

    def fixed(self, body: bytes, target: InspectionTarget) -> Fixed:
        """The body after its safe fixes, each verified by linting the result."""
        context = self._context(target)
        limit = TimeLimit(PAGES_SECONDS, _NO_TIME)
        with _pages_within(limit):
            QuickScan(body, PATH, self.known)
        # documents that are read in time once are read in time again, so the results can be compared
        with _pages_within(limit if limit.used_up else None), JsonSource.from_bytes(body) as source:
            check = DocumentCheck(context=context, source=source, path=PATH, lines=False, explicit=True)
            revision = RequestRevision(
                context=context,
                path=PATH,
                result=check.run(),
                source=source,
                lines=False,
                explicit=True,
                edit=self._memory,
            )
            with converged(revision, FindingFixes(level=self.level)) as (after, fix):
                left = tuple(self._counted(after.result.findings))
                if after is revision:
                    return Fixed(body, (), left)
                return Fixed(b"".join(after.pieces()), fix.fixed, left)

    def _context(self, target: InspectionTarget) -> LintContext:
        if target not in self._contexts:
            own = self._session.context
            named = target.deployment if own.data.normalize(target.deployment or "").known else None
            model, platform = target.model or named or own.model, target.platform or own.platform
            self._contexts[target] = own.for_model(model, platform)
        return self._contexts[target]

    def _counted(self, findings: Iterable[Finding], unread: Container[Location] = ()) -> Iterator[Finding]:
        """The findings of the level and above, and those on documents that were not read.

        Those about rules that failed are left out.
        """
        return (
            it for it in findings if (it.severity >= self.level or it.location in unread) and not it.internal
        )


def _places(unseen: tuple[ImageUse, ...]) -> str:
    """A clause about images outside of known requests, with the places of the first."""
    places = ", ".join(
        one_line(".".join(map(str, use.location.keys or ())))[:_LONGEST_PLACE] for use in unseen[:_PLACES]
    )
    more = ", …" if len(unseen) > _PLACES else ""
    return f"{count(len(unseen), 'image')} where no known shape of request has one ({places}{more})"


def _at_least(runner: RuleRunner, level: Severity) -> RuleRunner:
    """A runner of only those rules whose findings are of a level and above: the others take half the time."""
    rules, budgets = runner.rules, runner.budgets

    def kept(pairs: Iterable[tuple[AnyRule, Severity | None]]) -> tuple[tuple[AnyRule, Severity | None], ...]:
        return tuple((rule, override) for rule, override in pairs if (override or rule.severity) >= level)

    chosen = rules._replace(image=kept(rules.image), request=kept(rules.request), batch=kept(rules.batch))
    return RuleRunner.of(chosen, budgets)._replace(blocks=_JudgedImages(chosen.image, budgets))


class _JudgedImages(ImageRuleCache):
    """Checks the images of bodies; what an earlier body had at the same place is not checked again."""

    def __init__(self, rules: Rules, budgets: Budgets) -> None:
        super().__init__(rules, budgets)
        self._judged: dict[int, tuple[ImageUse, Limits, list[Finding]]] = {}

    def check_image(self, use: ImageUse, limits: "Limits") -> list[Finding]:
        """The findings of all rules on an image, in the order of the rules."""
        known = self._judged.get(id(use))
        if known is not None and known[0] is use and known[1] is limits:
            return known[2]
        found = super().check_image(use, limits)
        if len(self._judged) >= _MOST_JUDGED:
            self._judged.clear()
        self._judged[id(use)] = use, limits, found
        return found


def _entry(location: Location) -> Location:
    return Location(location.path, (location.keys or ())[:-1], 0, location.document)
