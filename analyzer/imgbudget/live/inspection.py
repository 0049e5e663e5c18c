"""Request bodies in memory held against the rules: what the API would refuse in them, and how to mend it."""

from collections import OrderedDict
from collections.abc import Iterable, Iterator, Mapping
from hashlib import sha256
from threading import Lock
from typing import NamedTuple

from imgbudget.edit import EditedImage, ImageEdit, RequestEdit
from imgbudget.engine import Judge
from imgbudget.fixers.image import edit_image
from imgbudget.limits import Limits
from imgbudget.live.glance import Seen
from imgbudget.model import Finding, ImageUse, Place, Severity
from imgbudget.registry import AnyRule
from imgbudget.report import FileResult
from imgbudget.session.bench import Bench
from imgbudget.session.choices import ByFindings, JudgeImage, JudgeRequest
from imgbudget.session.documents import DocumentCheck
from imgbudget.session.proof import Key
from imgbudget.session.requestdraft import RequestDraft
from imgbudget.session.run import Session
from imgbudget.session.steps import settled
from imgbudget.session.wishes import RunOptions
from imgbudget.sources.batchcount import BatchCount
from imgbudget.sources.jsonspans import JsonSource
from imgbudget.undertest import RequestUnderTest

PATH = "<request>"
"""What findings on a body in memory name in place of a file."""

_REMEMBERED = 64 << 20
"""Bytes of edited images that are kept: an agent sends its images again with each turn."""


class Target(NamedTuple):
    """Where a body goes, as far as its address tells: None leaves it to the body and the configuration."""

    model: str | None = None
    platform: str | None = None


class Fixed(NamedTuple):
    """A body after its fixes: what they settled, and what is left of the findings that count."""

    body: bytes
    settled: tuple[Finding, ...]
    left: tuple[Finding, ...]


class AtLeast(NamedTuple):
    """The safe fixes of findings of a severity and above."""

    level: Severity
    base: ByFindings = ByFindings()

    def intends(self, finding: Finding) -> bool:
        """See Choice."""
        return finding.severity >= self.level and self.base.intends(finding)

    def concerns(self, result: FileResult) -> bool:
        """See Choice."""
        return self.base.concerns(result)

    def left(self, result: FileResult, refused: Mapping[Key, str]) -> dict[Key, str]:
        """See Choice."""
        return self.base.left(result._replace(findings=self._graver(result.findings)), refused)

    def of_image(self, use: ImageUse, limits: Limits, judge: JudgeImage) -> ImageEdit | None:
        """See Choice."""
        return self.base.of_image(use, limits, lambda seen: self._graver(judge(seen)))

    def of_request(self, test: RequestUnderTest, judge: JudgeRequest) -> RequestEdit:
        """See Choice."""
        return self.base.of_request(test, lambda seen: self._graver(judge(seen)))

    def _graver(self, findings: Iterable[Finding]) -> tuple[Finding, ...]:
        return tuple(finding for finding in findings if finding.severity >= self.level)


class _Made(NamedTuple):
    """An edited image and the most bytes that it could have."""

    image: EditedImage
    max_bytes: int | None

    def serves(self, edit: ImageEdit) -> bool:
        """Whether the image is what the same edit with other bounds on its bytes would make."""
        if edit.max_bytes == self.max_bytes:
            return True
        fits = edit.max_bytes is None or len(self.image.data) <= edit.max_bytes
        return fits and not self.image.degraded


class EditMemory:
    """Edits images and remembers the results, the latest first, so that a resent image is edited once.

    The bytes that an image may have change with each turn of a conversation, and seldom bind.
    """

    def __init__(self, most: int = _REMEMBERED) -> None:
        """Keep at most so many bytes."""
        self._most = most
        self._size = 0
        self._made: OrderedDict[tuple[bytes, ImageEdit], _Made] = OrderedDict()
        self._lock = Lock()

    def __call__(self, data: bytes, edit: ImageEdit) -> EditedImage:
        """The edited image. Raises FixError as `edit_image` does."""
        key = sha256(data).digest(), edit._replace(max_bytes=None)
        with self._lock:
            known = self._made.get(key)
            if known is not None and known.serves(edit):
                self._made.move_to_end(key)
                return known.image
        made = edit_image(data, edit)
        with self._lock:
            if old := self._made.pop(key, None):
                self._size -= len(old.image.data)
            self._made[key] = _Made(made, edit.max_bytes)
            self._size += len(made.data)
            while self._size > self._most and len(self._made) > 1:
                self._size -= len(self._made.popitem(last=False)[1].image.data)
        return made


class Inspector:
    """Rules and limits, loaded once, for bodies that a program sends."""

    def __init__(self, wishes: RunOptions, level: Severity) -> None:
        """Count findings of `level` and above. Raises as Session does."""
        self._session = Session(wishes)
        if silencer := self._session.bench.paths.silencer:
            silencer.unhashed = PATH
        self._benches: dict[Target, Bench] = {Target(): self._session.bench}
        self._memory = EditMemory()
        self._judge = _graver(self._session.bench.paths.judge(PATH), level)
        self.level = level

    def look(self, body: bytes, target: Target) -> tuple[Finding, ...]:
        """What counts of a body, as one look at it tells."""
        bench = self._bench(target)
        judge = self._judge
        found: list[Finding] = []
        uses: list[tuple[ImageUse, Limits]] = []
        batch = BatchCount()
        for request in Seen(body, PATH, bench.data.normalize).requests:
            test = bench.bind(request)
            found += judge.check_request(test)
            uses += test.images
            if request.dialect == "batches":
                batch.add(_entry(request.place), request.id)
        if batch.count:
            found += judge.judge_batch(batch.batch(Place(PATH, ()), len(body)), bench.limits())
        if not any(finding.severity >= self.level for finding in found):
            return ()
        kept, _, _ = bench.result(PATH, found, uses)
        return tuple(self._counted(kept))

    def fixed(self, body: bytes, target: Target) -> Fixed:
        """The body after its safe fixes, each proven by judging the result."""
        bench = self._bench(target)
        with JsonSource.from_bytes(body) as source:
            check = DocumentCheck(bench=bench, source=source, path=PATH, lines=False, fails_closed=True)
            draft = RequestDraft(
                bench=bench,
                path=PATH,
                result=check.run(),
                source=source,
                lines=False,
                fails_closed=True,
                edit=self._memory,
            )
            with settled(draft, AtLeast(self.level)) as (after, fix):
                left = tuple(self._counted(after.result.findings))
                if after is draft:
                    return Fixed(body, (), left)
                return Fixed(b"".join(after.pieces()), fix.fixed, left)

    def _bench(self, target: Target) -> Bench:
        if target not in self._benches:
            own = self._session.bench
            model, platform = target.model or own.model, target.platform or own.platform
            self._benches[target] = own.other(model, platform)
        return self._benches[target]

    def _counted(self, findings: Iterable[Finding]) -> Iterator[Finding]:
        """Those of the level; that a rule failed is no mistake of the request."""
        return (it for it in findings if it.severity >= self.level and not it.internal)


def _graver(judge: Judge, level: Severity) -> Judge:
    """A judge with only the rules whose findings are of a level and above: the others cost half of a look."""
    rules = judge.rules

    def kept(pairs: Iterable[tuple[AnyRule, Severity | None]]) -> tuple[tuple[AnyRule, Severity | None], ...]:
        return tuple((rule, override) for rule, override in pairs if (override or rule.severity) >= level)

    chosen = rules._replace(image=kept(rules.image), request=kept(rules.request), batch=kept(rules.batch))
    return Judge.of(chosen, judge.budgets)


def _entry(place: Place) -> Place:
    return Place(place.path, (place.keys or ())[:-1], 0, place.document)
