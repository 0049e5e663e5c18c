"""A JSON file at one step of its fixing: its text in a spool file, never in memory."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import IO

from imgbudget.edit import RequestEdit
from imgbudget.fixed import BodyChange, ImageChange
from imgbudget.fixers.image import edit_image
from imgbudget.fixers.remake import EditImage, Remade
from imgbudget.fixers.request import RequestFixer
from imgbudget.fixers.splices import Region, copied
from imgbudget.intent import DropBlock, ImagesFirst, LabelImages, ReplaceByText, ShrinkRequest, ShrinkTokens
from imgbudget.model import Finding, Place, walk_blocks
from imgbudget.report import FileResult, RequestResult
from imgbudget.session.bench import Bench
from imgbudget.session.choices import Choice
from imgbudget.session.documents import DocumentCheck
from imgbudget.session.drafts import Step, picture
from imgbudget.session.parts import Scope
from imgbudget.session.proof import WHOLE, Key, key_at, key_of
from imgbudget.sources.jsonspans import BEGINNING, JsonSource, Start
from imgbudget.undertest import RequestUnderTest

_MOVING = (DropBlock, ImagesFirst, LabelImages)
"""Fixes after which blocks stand at other places; they are made in a step of their own."""
_SHRINKING = (ShrinkRequest, ShrinkTokens)


@dataclass(frozen=True, slots=True, eq=False, repr=False, kw_only=True)
class RequestDraft:
    """A JSON file. `lines`, `fails_closed`, `start` and `scope` are those of its check, see DocumentCheck."""

    bench: Bench
    path: str
    result: FileResult
    source: JsonSource
    lines: bool
    fails_closed: bool
    start: Start = BEGINNING
    scope: Scope = Scope.FILE
    changes: Mapping[Place, ImageChange] = field(default_factory=dict)
    spool: IO[bytes] | None = None
    edit: EditImage = edit_image
    """Edits one image; another one may remember what it has edited before."""

    @property
    def images(self) -> tuple[ImageChange, ...]:
        """The images whose bytes are new."""
        return tuple(self.changes.values())

    def step(self, choice: Choice, refused: Mapping[Key, str]) -> Step | None:
        """See Draft."""
        wanted = [finding for finding in self.result.findings if key_of(finding) not in refused]
        edits = [_without(edit, refused) for edit in self._edits(choice, wanted, refused)]
        moving = [
            edit._replace(images=(), blocks=tuple(it for it in edit.blocks if isinstance(it.fix, _MOVING)))
            for edit in edits
        ]
        moved = any(edit.blocks for edit in moving)
        if moved:
            edits = moving
        if all(edit.is_empty for edit in edits):
            return None
        fixer = RequestFixer(self.edit)
        draft = self._rewritten(fixer, edits)
        places = {edit.place for request in edits for edit in request.blocks}
        places |= {use.place for request in edits for use, _ in request.images}
        replaced = {
            edit.place for request in edits for edit in request.blocks if isinstance(edit.fix, ReplaceByText)
        }
        shrunk = {
            one.request.place for one, edit in zip(self.result.requests, edits, strict=True) if edit.images
        }
        active = [
            finding
            for finding in wanted
            if choice.intends(finding)
            and isinstance(finding.fix, _MOVING) is moved
            and finding.place in (shrunk if isinstance(finding.fix, _SHRINKING) else places)
        ]
        # no fix of their own: what was reported of an image that a text replaces is settled with it
        active += [finding for finding in wanted if finding.fix is None and finding.place in replaced]
        reasons = {refusal.place: refusal.reason for refusal in fixer.refused}
        failed = {key_of(finding): reasons[finding.place] for finding in active if finding.place in reasons}
        failed |= {key_at(WHOLE, place): reason for place, reason in reasons.items()}
        made = tuple(finding for finding in active if key_of(finding) not in failed)
        return Step(draft, made, failed, moved)

    def _edits(
        self, choice: Choice, wanted: Iterable[Finding], refused: Mapping[Key, str]
    ) -> Iterator[RequestEdit]:
        """The edits of each request."""
        owners = _owners(self.result.requests)
        found: dict[int, list[Finding]] = {}
        for finding in wanted:
            if (owner := owners.get(finding.place)) is not None:
                found.setdefault(owner, []).append(finding)
        for number, (test, _) in enumerate(self.result.requests):

            def judged(
                seen: RequestUnderTest, test: RequestUnderTest = test, number: int = number
            ) -> list[Finding]:
                if seen is test:
                    return found.get(number, [])
                return self._judged(seen, refused)

            yield choice.of_request(test, judged)

    def _judged(self, test: RequestUnderTest, refused: Mapping[Key, str]) -> list[Finding]:
        """What is found in a request as it will be."""
        found = self.bench.paths.judge(self.path).check_request(test)
        kept, _, _ = self.bench.result(self.path, found, test.images)
        return [finding for finding in kept if key_of(finding) not in refused]

    def _rewritten(self, fixer: RequestFixer, edits: Iterable[RequestEdit]) -> "RequestDraft":
        from tempfile import TemporaryFile  # noqa: PLC0415 - fixes only

        spool = TemporaryFile()  # noqa: SIM115 - lives as long as the draft
        try:
            spool.writelines(fixer.rewrite(self.source, edits, lines=self.lines, start=self.start))
            spool.flush()
            result = self.read_back(spool.fileno())
        except BaseException:
            spool.close()
            raise
        return RequestDraft(
            bench=self.bench,
            path=self.path,
            result=result,
            source=JsonSource(spool.fileno()),
            lines=self.lines,
            fails_closed=self.fails_closed,
            start=self.start._replace(offset=0),
            scope=self.scope,
            changes=self._changes(fixer.remade, result),
            spool=spool,
            edit=self.edit,
        )

    def _changes(self, remade: Iterable[Remade], result: FileResult) -> dict[Place, ImageChange]:
        before = {image.use.place: image for image in self.result.images}
        after = {image.use.place: image for image in result.images}
        changes = dict(self.changes)
        for made in remade:
            old, new = before.get(made.place), after.get(made.place)
            if old is None or new is None or made.digest == made.digest_before:
                continue
            changes[made.place] = ImageChange(
                place=made.place,
                before=picture(old.use, old.limits, made.digest_before),
                after=picture(new.use, new.limits, made.digest),
                quality=made.edited.quality,
                degraded=made.edited.degraded,
                coordinates=made.edited.coordinates,
            ).following(self.changes.get(made.place))
        return changes

    def pieces(self) -> Iterator[bytes]:
        """The text, in pieces."""
        return copied(self.source, Region(self.start.offset, self.source.size))

    def read_back(self, fd: int) -> FileResult:
        """See Draft."""
        return DocumentCheck(
            bench=self.bench,
            source=JsonSource(fd),
            path=self.path,
            lines=self.lines,
            fails_closed=self.fails_closed,
            told=self.scope is Scope.PART,
            start=self.start._replace(offset=0),
            scope=self.scope,
        ).run()

    def close(self) -> None:
        """Let go of the spool file."""
        if self.spool is not None:
            self.spool.close()


def _without(edit: RequestEdit, refused: Mapping[Key, str]) -> RequestEdit:
    """The edits less those of images that cannot be edited at all."""
    return edit._replace(images=tuple(it for it in edit.images if key_at(WHOLE, it[0].place) not in refused))


def _owners(requests: Iterable[RequestResult]) -> dict[Place, int]:
    """The number of the request that each place belongs to."""
    owners: dict[Place, int] = {}
    for number, ((request, *_), _) in enumerate(requests):
        owners[request.place] = number
        owners.update((use.place, number) for use in request.images)
        for turn in request.turns:
            owners.update((block.place, number) for block in walk_blocks(turn.blocks))
    return owners


def body_changes(before: FileResult, after: FileResult) -> tuple[BodyChange, ...]:
    """The requests of a file whose body is new."""
    return tuple(
        BodyChange(
            place=new.request.place,
            line=new.request.line,
            id=new.request.id,
            bytes_before=old.request.byte_size,
            bytes_after=new.request.byte_size,
            tokens_before=old.visual_tokens,
            tokens_after=new.visual_tokens,
        )
        for old, new in zip(before.requests, after.requests, strict=True)
        if (old.request.byte_size, old.visual_tokens) != (new.request.byte_size, new.visual_tokens)
    )
