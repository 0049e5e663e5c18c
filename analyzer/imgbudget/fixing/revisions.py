"""A file at each step of its fixing: its content, what was found in it, and the next step."""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import IO, NamedTuple, Protocol

from imgbudget.errors import FixError
from imgbudget.fixing.image import edit_image
from imgbudget.fixing.output_files import fitting_name
from imgbudget.fixing.request import EditImage, Remade, RequestFixer
from imgbudget.fixing.strategy import WHOLE, FindingKey, FixStrategy, failed_fixes, key_at, key_of
from imgbudget.imageinfo.files import image_from_bytes
from imgbudget.jsontext.edit import Region, copied
from imgbudget.jsontext.source import BEGINNING, JsonSource, Start
from imgbudget.limits.bound import Limits
from imgbudget.linter.context import LintContext
from imgbudget.linter.documents import DocumentCheck
from imgbudget.linter.rows import Scope
from imgbudget.model.edits import (
    BodyChange,
    EditedImage,
    FailedFix,
    FileFix,
    ImageChange,
    ImageSnapshot,
    RequestEdit,
)
from imgbudget.model.fixes import (
    DeclareType,
    DropBlock,
    ImagesFirst,
    LabelImages,
    ReplaceByText,
    ShrinkRequest,
    ShrinkTokens,
)
from imgbudget.model.location import Location
from imgbudget.model.request_under_test import RequestUnderTest
from imgbudget.model.results import FileResult, ImageResult, RequestResult
from imgbudget.model.subjects import Finding, ImageFacts, ImageUse, walk_blocks


class FixStep(NamedTuple):
    """A step of fixing: the file after it, the findings whose fixes it made, the fixes that were refused.

    `moved` says that blocks have other places than before.
    """

    revision: "Revision"
    active: tuple[Finding, ...]
    refused: Mapping[FindingKey, str]
    moved: bool = False


class Revision(Protocol):
    """A file as it is at one step."""

    @property
    def path(self) -> str:
        """The name that it has to have."""

    @property
    def result(self) -> FileResult:
        """What is found in it."""

    @property
    def images(self) -> tuple[ImageChange, ...]:
        """The images whose bytes are new."""

    def step(self, strategy: FixStrategy, refused: Mapping[FindingKey, str]) -> FixStep | None:
        """The next step, without the fixes that were refused; None where there is nothing left to do."""

    def pieces(self) -> Iterator[bytes]:
        """The content."""

    def read_back(self, fd: int) -> FileResult:
        """What is found in a file that was written with the content."""

    def close(self) -> None:
        """Let go of the content."""


class ImageRevision(NamedTuple):
    """An image file. `change` tells how it came from the original, None for the original itself."""

    context: LintContext
    path: str
    result: FileResult
    data: bytes
    change: ImageChange | None = None

    @classmethod
    def of(
        cls, context: LintContext, path: str, data: bytes, change: ImageChange | None = None
    ) -> "ImageRevision":
        """The draft of an image whose bytes are in hand."""
        return cls(context, path, context.check_image_file(_use(context, path, data)), data, change)

    @property
    def images(self) -> tuple[ImageChange, ...]:
        """The image, where its bytes are new."""
        return (self.change,) if self.change else ()

    def step(self, strategy: FixStrategy, refused: Mapping[FindingKey, str]) -> FixStep | None:
        """See Revision."""
        (image,) = self.result.images

        def judged(seen: ImageUse) -> list[Finding]:
            found = self.context.paths.runner(self.path).check_image(seen, image.limits)
            kept, _, _ = self.context.result(self.path, found, ((seen, image.limits),))
            return [finding for finding in kept if key_of(finding) not in refused]

        wanted = [finding for finding in judged(image.use) if strategy.selects(finding)]
        renames = [finding for finding in wanted if isinstance(finding.fix, DeclareType)]
        edit = None
        if key_at(WHOLE, image.use.location) not in refused:
            edit = strategy.of_image(image.use, image.limits, judged)
        redraws = [finding for finding in wanted if finding not in renames]
        made: EditedImage | None = None
        failed: dict[FindingKey, str] = {}
        if edit is not None:
            try:
                made = edit_image(self.data, edit)
            except FixError as error:
                failed = {key_of(finding): str(error) for finding in redraws}
                failed[key_at(WHOLE, image.use.location)] = str(error)
        form = image.use.facts.format if image.use.facts else None
        path, change, data = self.path, self.change, made.data if made else self.data
        if data != self.data and made:
            change = self._change(image, made)
        wanted_form = made.format if made else form
        if wanted_form and (renames or wanted_form != form):
            path = fitting_name(self.path, wanted_form, data)
        if data == self.data and path == self.path:
            return FixStep(self, (), failed) if failed else None
        active = (*(redraws if made else ()), *renames)
        return FixStep(ImageRevision.of(self.context, path, data, change), active, failed)

    def _change(self, image: ImageResult, made: EditedImage) -> ImageChange:
        """What has become of the original, seen over all steps."""
        before = self.change.before if self.change else picture(image.use, image.limits, digest_of(self.data))
        use = _use(self.context, self.path, made.data)
        return ImageChange(
            location=use.location,
            before=before,
            after=picture(use, image.limits, digest_of(made.data)),
            quality=made.quality,
            degraded=made.degraded,
            coordinates=made.coordinates,
        ).following(self.change)

    def pieces(self) -> Iterator[bytes]:
        """The bytes of the image."""
        yield self.data

    def read_back(self, fd: int) -> FileResult:
        """See Revision."""
        return self.context.check_image_file(_use(self.context, self.path, read_all(fd)))

    def close(self) -> None:
        """Nothing is held but bytes."""


def picture(use: ImageUse, limits: Limits, digest: str) -> ImageSnapshot:
    """An image as its facts tell it."""
    facts = use.facts or ImageFacts(byte_size=0)
    return ImageSnapshot(
        format=facts.format,
        size=facts.size,
        orientation=facts.orientation,
        frames=facts.frames,
        byte_size=facts.byte_size,
        digest=digest,
        tokens=limits.tokens(use.visible_size) if use.visible_size else None,
    )


def read_all(fd: int) -> bytes:
    """All bytes of an open file, wherever its position is. Raises OSError."""
    from imgbudget.jsontext.source import JsonSource  # noqa: PLC0415 - fixes only

    source = JsonSource(fd)
    return source.pread(source.size, 0)


def _use(context: LintContext, path: str, data: bytes) -> ImageUse:
    return image_from_bytes(data, path, context.needed_fields(context.paths.runner(path)))


def digest_of(data: bytes) -> str:
    """The SHA-256 of bytes, in hexadecimal."""
    from hashlib import sha256  # noqa: PLC0415 - fixes only

    return sha256(data).hexdigest()


_MOVING = (DropBlock, ImagesFirst, LabelImages)
"""Fixes after which blocks stand at other places; they are made in a step of their own."""
_SHRINKING = (ShrinkRequest, ShrinkTokens)


@dataclass(frozen=True, slots=True, eq=False, repr=False, kw_only=True)
class RequestRevision:
    """A JSON file. `lines`, `explicit`, `start` and `scope` are those of its check, see DocumentCheck."""

    context: LintContext
    path: str
    result: FileResult
    source: JsonSource
    lines: bool
    explicit: bool
    start: Start = BEGINNING
    scope: Scope = Scope.FILE
    changes: Mapping[Location, ImageChange] = field(default_factory=dict)
    spool: IO[bytes] | None = None
    edit: EditImage = edit_image
    """Edits one image; another one may remember what it has edited before."""

    @property
    def images(self) -> tuple[ImageChange, ...]:
        """The images whose bytes are new."""
        return tuple(self.changes.values())

    def step(self, strategy: FixStrategy, refused: Mapping[FindingKey, str]) -> FixStep | None:
        """See Draft."""
        wanted = [finding for finding in self.result.findings if key_of(finding) not in refused]
        edits = [_without(edit, refused) for edit in self._edits(strategy, wanted, refused)]
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
        revision = self._rewritten(fixer, edits)
        locations = {edit.location for request in edits for edit in request.blocks}
        locations |= {use.location for request in edits for use, _ in request.images}
        replaced = {
            edit.location
            for request in edits
            for edit in request.blocks
            if isinstance(edit.fix, ReplaceByText)
        }
        shrunk = {
            one.request.location for one, edit in zip(self.result.requests, edits, strict=True) if edit.images
        }
        active = [
            finding
            for finding in wanted
            if strategy.selects(finding)
            and isinstance(finding.fix, _MOVING) is moved
            and finding.location in (shrunk if isinstance(finding.fix, _SHRINKING) else locations)
        ]
        # no fix of their own: what was reported of an image that a text replaces is settled with it
        active += [finding for finding in wanted if finding.fix is None and finding.location in replaced]
        reasons = {refusal.location: refusal.reason for refusal in fixer.refused}
        failed = {
            key_of(finding): reasons[finding.location] for finding in active if finding.location in reasons
        }
        failed |= {key_at(WHOLE, location): reason for location, reason in reasons.items()}
        made = tuple(finding for finding in active if key_of(finding) not in failed)
        return FixStep(revision, made, failed, moved)

    def _edits(
        self, strategy: FixStrategy, wanted: Iterable[Finding], refused: Mapping[FindingKey, str]
    ) -> Iterator[RequestEdit]:
        """The edits of each request."""
        owners = _owners(self.result.requests)
        found: dict[int, list[Finding]] = {}
        for finding in wanted:
            if (owner := owners.get(finding.location)) is not None:
                found.setdefault(owner, []).append(finding)
        for number, (test, _) in enumerate(self.result.requests):

            def judged(
                seen: RequestUnderTest, test: RequestUnderTest = test, number: int = number
            ) -> list[Finding]:
                if seen is test:
                    return found.get(number, [])
                return self._judged(seen, refused)

            yield strategy.of_request(test, judged)

    def _judged(self, test: RequestUnderTest, refused: Mapping[FindingKey, str]) -> list[Finding]:
        """What is found in a request as it will be."""
        found = self.context.paths.runner(self.path).check_request(test)
        kept, _, _ = self.context.result(self.path, found, test.images)
        return [finding for finding in kept if key_of(finding) not in refused]

    def _rewritten(self, fixer: RequestFixer, edits: Iterable[RequestEdit]) -> "RequestRevision":
        from tempfile import TemporaryFile  # noqa: PLC0415 - fixes only

        spool = TemporaryFile()  # noqa: SIM115 - lives as long as the draft
        try:
            spool.writelines(fixer.rewrite(self.source, edits, lines=self.lines, start=self.start))
            spool.flush()
            result = self.read_back(spool.fileno())
        except BaseException:
            spool.close()
            raise
        return RequestRevision(
            context=self.context,
            path=self.path,
            result=result,
            source=JsonSource(spool.fileno()),
            lines=self.lines,
            explicit=self.explicit,
            start=self.start._replace(offset=0),
            scope=self.scope,
            changes=self._changes(fixer.remade, result),
            spool=spool,
            edit=self.edit,
        )

    def _changes(self, remade: Iterable[Remade], result: FileResult) -> dict[Location, ImageChange]:
        before = {image.use.location: image for image in self.result.images}
        after = {image.use.location: image for image in result.images}
        changes = dict(self.changes)
        for made in remade:
            old, new = before.get(made.location), after.get(made.location)
            if old is None or new is None or made.digest == made.digest_before:
                continue
            changes[made.location] = ImageChange(
                location=made.location,
                before=picture(old.use, old.limits, made.digest_before),
                after=picture(new.use, new.limits, made.digest),
                quality=made.edited.quality,
                degraded=made.edited.degraded,
                coordinates=made.edited.coordinates,
            ).following(self.changes.get(made.location))
        return changes

    def pieces(self) -> Iterator[bytes]:
        """The text, in pieces."""
        return copied(self.source, Region(self.start.offset, self.source.size))

    def read_back(self, fd: int) -> FileResult:
        """See Draft."""
        return DocumentCheck(
            context=self.context,
            source=JsonSource(fd),
            path=self.path,
            lines=self.lines,
            explicit=self.explicit,
            known_requests=self.scope is Scope.PART,
            start=self.start._replace(offset=0),
            scope=self.scope,
        ).run()

    def close(self) -> None:
        """Let go of the spool file."""
        if self.spool is not None:
            self.spool.close()


def _without(edit: RequestEdit, refused: Mapping[FindingKey, str]) -> RequestEdit:
    """The edits less those of images that cannot be edited at all."""
    return edit._replace(
        images=tuple(it for it in edit.images if key_at(WHOLE, it[0].location) not in refused)
    )


def _owners(requests: Iterable[RequestResult]) -> dict[Location, int]:
    """The number of the request that each place belongs to."""
    owners: dict[Location, int] = {}
    for number, ((request, *_), _) in enumerate(requests):
        owners[request.location] = number
        owners.update((use.location, number) for use in request.images)
        for turn in request.turns:
            owners.update((block.location, number) for block in walk_blocks(turn.blocks))
    return owners


def body_changes(before: FileResult, after: FileResult) -> tuple[BodyChange, ...]:
    """The requests of a file whose body is new."""
    return tuple(
        BodyChange(
            location=new.request.location,
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


STEPS = 16
"""Most steps for one file: two are what sound rules need, each round of refused fixes costs one more."""


@contextmanager
def converged(revision: Revision, strategy: FixStrategy) -> Iterator[tuple[Revision, FileFix]]:
    """A file after all steps, which may be itself, and what they have made of it.

    A step counts when each finding that it was to settle is gone and no other has come; else the fixes that
    failed are left out and it is made again.
    """
    refused: dict[FindingKey, str] = {}
    fixed: list[Finding] = []
    after = revision
    try:
        for _ in range(STEPS):
            step = after.step(strategy, refused)
            if step is None:
                break
            unsettled = _unresolved(after, step)
            failed = {**step.refused, **unsettled}
            if not unsettled and (step.active or step.revision.images != after.images):
                gone, after = after, step.revision
                fixed += step.active
            else:
                gone = step.revision
                if not failed.keys() - refused.keys():
                    break
            refused |= failed
            if gone is not revision and gone is not after:
                gone.close()
        refused |= strategy.left(after.result, refused)
        yield after, _fix_of(revision, after, fixed, refused)
    finally:
        if after is not revision:
            after.close()


def _unresolved(before: Revision, step: FixStep) -> dict[FindingKey, str]:
    """The fixes of a step that did not do what they were to do."""
    if step.revision is before:
        return {}
    return failed_fixes(before.result.findings, step.revision.result.findings, step.active, moved=step.moved)


def _fix_of(
    revision: Revision, after: Revision, fixed: list[Finding], refused: dict[FindingKey, str]
) -> FileFix:
    coded = {location for code, location in refused if code != WHOLE}
    return FileFix(
        path=revision.path,
        changed=after is not revision,
        fixed=tuple(fixed),
        failed=tuple(
            FailedFix(location._replace(path=revision.path), code or None, reason)
            for (code, location), reason in refused.items()
            if code != WHOLE or location not in coded
        ),
        images=after.images,
        bodies=body_changes(revision.result, after.result),
    )
