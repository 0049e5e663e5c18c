"""A file at each step of its fixing: its content, the findings in it, and the next step."""

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from typing import IO, NamedTuple, Protocol

from imgbudget.errors import FixError
from imgbudget.fixing.edit_memory import EditImage
from imgbudget.fixing.origins import paired_images
from imgbudget.fixing.output_files import fitting_name
from imgbudget.fixing.request import RequestFixer
from imgbudget.fixing.strategy import WHOLE, FindingKey, FixStrategy, key_at, key_of
from imgbudget.imageinfo.files import image_from_bytes
from imgbudget.jsontext.edit import Region, copied
from imgbudget.jsontext.source import BEGINNING, JsonSource, Start
from imgbudget.limits.bound import Limits
from imgbudget.linter.context import LintContext
from imgbudget.linter.documents import DocumentCheck
from imgbudget.linter.rows import Scope
from imgbudget.model.edits import (
    BlockChange,
    BodyChange,
    EditedImage,
    ImageChange,
    ImageEdit,
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
    TextToImages,
)
from imgbudget.model.location import Location
from imgbudget.model.request_under_test import RequestUnderTest
from imgbudget.model.results import FileResult, ImageResult, RequestResult
from imgbudget.model.subjects import Finding, ImageFacts, ImageUse, Severity, walk_blocks


def edit_image(data: bytes, edit: ImageEdit) -> EditedImage:
    """Edit an image; Pillow, which takes 17 ms to load, is loaded for the first one."""
    from imgbudget.fixing import image  # noqa: PLC0415 - rare

    return image.edit_image(data, edit)


class FixStep(NamedTuple):
    """A step of fixing: the file after it, the findings that it fixes, and the fixes that failed.

    `moved` is set if blocks have other locations than before.
    """

    revision: "Revision"
    active: tuple[Finding, ...]
    refused: Mapping[FindingKey, str]
    moved: bool = False
    blocks: tuple[BlockChange, ...] = ()


class Revision(Protocol):
    """A file at one step."""

    @property
    def path(self) -> str:
        """The name of the file at this step."""

    @property
    def result(self) -> FileResult:
        """The findings in it."""

    @property
    def images(self) -> tuple[ImageChange, ...]:
        """The images whose bytes are new."""

    @property
    def byte_size(self) -> int:
        """The bytes of the content."""

    def origin(self, location: Location) -> Location:
        """Where the block at a location was before all steps."""

    def step(self, strategy: FixStrategy, refused: Mapping[FindingKey, str]) -> FixStep | None:
        """The next step, without the refused fixes; None if there is nothing left to do."""

    def pieces(self) -> Iterator[bytes]:
        """The content."""

    def read_back(self, fd: int) -> FileResult:
        """The findings in a file that was written with the content."""

    def close(self) -> None:
        """Release the content."""


class ImageRevision(NamedTuple):
    """An image file. `change` compares it with the original, None for the original itself."""

    context: LintContext
    path: str
    result: FileResult
    data: bytes
    change: ImageChange | None = None

    @classmethod
    def of(
        cls, context: LintContext, path: str, data: bytes, change: ImageChange | None = None
    ) -> "ImageRevision":
        """The revision of an image from its bytes."""
        return cls(context, path, context.check_image_file(_use(context, path, data)), data, change)

    @property
    def images(self) -> tuple[ImageChange, ...]:
        """The image, if its bytes are new."""
        return (self.change,) if self.change else ()

    @property
    def byte_size(self) -> int:
        """The bytes of the file."""
        return len(self.data)

    def origin(self, location: Location) -> Location:
        """See Revision."""
        return location

    def step(self, strategy: FixStrategy, refused: Mapping[FindingKey, str]) -> FixStep | None:
        """See Revision."""
        (image,) = self.result.images

        def check(candidate: ImageUse) -> list[Finding]:
            runner = self.context.paths.runner(self.path)
            found = self.context.check_file_image(candidate, runner, image.limits)
            kept, _, _ = self.context.result(self.path, found, ((candidate, image.limits),))
            return [finding for finding in kept if key_of(finding) not in refused]

        wanted = [finding for finding in check(image.use) if strategy.selects(finding)]
        renames = [finding for finding in wanted if isinstance(finding.fix, DeclareType)]
        edit = None
        if key_at(WHOLE, image.use.location) not in refused:
            edit = strategy.of_image(image.use, image.limits, check)
        reencodes = [finding for finding in wanted if finding not in renames]
        edited: EditedImage | None = None
        failed: dict[FindingKey, str] = {}
        if edit is not None:
            try:
                edited = edit_image(self.data, edit.for_file)
            except FixError as error:
                failed = {key_of(finding): str(error) for finding in reencodes}
                failed[key_at(WHOLE, image.use.location)] = str(error)
        form = image.use.facts.format if image.use.facts else None
        path, change, data = self.path, self.change, edited.data if edited else self.data
        if data != self.data and edited:
            change = self._change(image, edited)
        wanted_form = edited.format if edited else form
        if wanted_form and (renames or wanted_form != form):
            path = fitting_name(self.path, wanted_form, data)
        if data == self.data and path == self.path:
            return FixStep(self, (), failed) if failed else None
        active = (*(reencodes if edited else ()), *renames)
        return FixStep(ImageRevision.of(self.context, path, data, change), active, failed)

    def _change(self, image: ImageResult, edited: EditedImage) -> ImageChange:
        """The change of the original over all steps."""
        before = (
            self.change.before if self.change else snapshot(image.use, image.limits, digest_of(self.data))
        )
        use = _use(self.context, self.path, edited.data)
        return ImageChange(
            location=use.location,
            before=before,
            after=snapshot(use, image.limits, digest_of(edited.data)),
            quality=edited.quality,
            degraded=edited.degraded,
            coordinates=edited.coordinates,
        ).following(self.change)

    def pieces(self) -> Iterator[bytes]:
        """The bytes of the image."""
        yield self.data

    def read_back(self, fd: int) -> FileResult:
        """See Revision."""
        return self.context.check_image_file(_use(self.context, self.path, read_all(fd)))

    def close(self) -> None:
        """Nothing to release."""


def snapshot(use: ImageUse, limits: Limits, digest: str) -> ImageSnapshot:
    """An image as its facts describe it."""
    facts = use.facts or ImageFacts(byte_size=0)
    return ImageSnapshot(
        format=facts.format,
        size=facts.size,
        orientation=facts.orientation,
        frames=facts.frames,
        byte_size=facts.byte_size,
        digest=digest,
        tokens=limits.tokens(use.visible_size) if use.visible_size else None,
        tokens_range=limits.tokens_range(use.visible_size) if use.visible_size else None,
    )


def read_all(fd: int) -> bytes:
    """All bytes of an open file, whatever its position. Raises OSError."""
    source = JsonSource(fd)
    return source.pread(source.size, 0)


def _use(context: LintContext, path: str, data: bytes) -> ImageUse:
    return image_from_bytes(data, path, context.needed_fields(context.paths.runner(path)))


def digest_of(data: bytes) -> str:
    """The SHA-256 of bytes, in hexadecimal."""
    return sha256(data).hexdigest()


_MOVING = (DropBlock, ImagesFirst, LabelImages, TextToImages)
"""Fixes that change the locations of blocks; they get a step of their own."""
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
    origins: Mapping[Location, Location] = field(default_factory=dict)
    """The images that have another location than in the original file, each with that one."""
    spool: IO[bytes] | None = None
    edit: EditImage = edit_image
    """Edits one image; another function may cache earlier results."""
    jobs: int = 1
    """Processes that edit the images of one document."""

    @property
    def images(self) -> tuple[ImageChange, ...]:
        """The images whose bytes are new."""
        return tuple(self.changes.values())

    @property
    def byte_size(self) -> int:
        """The bytes of the text."""
        return self.source.size - self.start.offset

    def origin(self, location: Location) -> Location:
        """See Revision."""
        return self.origins.get(location, location)

    def step(self, strategy: FixStrategy, refused: Mapping[FindingKey, str]) -> FixStep | None:
        """See Revision."""
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
        fixer = RequestFixer(self.edit, self.jobs)
        revision = self.rewritten(fixer, edits)
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
        # errors without a fix on an image that a text replaces are resolved by the replacement
        active += [
            finding
            for finding in wanted
            if finding.fix is None and finding.severity is Severity.ERROR and finding.location in replaced
        ]
        reasons = {refusal.location: refusal.reason for refusal in fixer.failed}
        failed = {
            key_of(finding): reasons[finding.location] for finding in active if finding.location in reasons
        }
        failed |= {key_at(WHOLE, location): reason for location, reason in reasons.items()}
        succeeded = tuple(finding for finding in active if key_of(finding) not in failed)
        return FixStep(revision, succeeded, failed, moved, tuple(fixer.blocks))

    def _edits(
        self, strategy: FixStrategy, wanted: Iterable[Finding], refused: Mapping[FindingKey, str]
    ) -> Iterator[RequestEdit]:
        """The edits of each request."""
        owners = _owners(self.result.requests)
        found: dict[int, list[Finding]] = {}
        for finding in wanted:
            if (owner := owners.get(finding.location)) is not None:
                found.setdefault(owner, []).append(finding)
        for number, (test, *_) in enumerate(self.result.requests):

            def check(
                candidate: RequestUnderTest, test: RequestUnderTest = test, number: int = number
            ) -> list[Finding]:
                if candidate is test:
                    return found.get(number, [])
                return self._check(candidate, refused)

            yield strategy.of_request(test, check)

    def _check(self, test: RequestUnderTest, refused: Mapping[FindingKey, str]) -> list[Finding]:
        """The findings on a request as it would be after an edit."""
        found = self.context.paths.runner(self.path).check_request(test)
        kept, _, _ = self.context.result(self.path, found, test.images)
        return [finding for finding in kept if key_of(finding) not in refused]

    def rewritten(self, fixer: RequestFixer, edits: Iterable[RequestEdit]) -> "RequestRevision":
        """The file with these edits, in a temporary file. Raises UnreadableError and OSError."""
        from tempfile import TemporaryFile  # noqa: PLC0415 - rare

        spool = TemporaryFile()  # noqa: SIM115 - closed with the revision
        try:
            spool.writelines(fixer.rewrite(self.source, edits, lines=self.lines, start=self.start))
            spool.flush()
            result = self.read_back(spool.fileno())
        except BaseException:
            spool.close()
            raise
        gone = {change.location for change in fixer.blocks if change.text is not None}
        pairs = paired_images(self.result, result, gone)
        return RequestRevision(
            context=self.context,
            path=self.path,
            result=result,
            source=JsonSource(spool.fileno()),
            lines=self.lines,
            explicit=self.explicit,
            start=self.start._replace(offset=0),
            scope=self.scope,
            changes=self._changes(fixer, result, gone, pairs),
            origins={new: first for old, new in pairs.items() if (first := self.origin(old)) != new},
            spool=spool,
            edit=self.edit,
            jobs=self.jobs,
        )

    def _changes(
        self,
        fixer: RequestFixer,
        result: FileResult,
        gone: Collection[Location],
        pairs: Mapping[Location, Location],
    ) -> dict[Location, ImageChange]:
        before = {image.use.location: image for image in self.result.images}
        after = {image.use.location: image for image in result.images}
        changes = {
            (at := pairs.get(location, location)): change._replace(
                location=at, origin=change.origin or location
            )
            for location, change in self.changes.items()
            if location not in gone
        }
        for image in fixer.rewritten:
            at = pairs.get(image.location, image.location)
            old, new = before.get(image.location), after.get(at)
            if old is None or new is None or image.digest == image.digest_before:
                continue
            first = self.origin(image.location)
            changes[at] = ImageChange(
                location=at,
                origin=first if first != at else None,
                before=snapshot(old.use, old.limits, image.digest_before),
                after=snapshot(new.use, new.limits, image.digest),
                quality=image.edited.quality,
                degraded=image.edited.degraded,
                coordinates=image.edited.coordinates,
            ).following(self.changes.get(image.location))
        return changes

    def pieces(self) -> Iterator[bytes]:
        """The text, in pieces."""
        return copied(self.source, Region(self.start.offset, self.source.size))

    def read_back(self, fd: int) -> FileResult:
        """See Revision."""
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
        """Close the temporary file."""
        if self.spool is not None:
            self.spool.close()


def _without(edit: RequestEdit, refused: Mapping[FindingKey, str]) -> RequestEdit:
    """The edits without those of images that cannot be edited at all."""
    return edit._replace(
        images=tuple(it for it in edit.images if key_at(WHOLE, it[0].location) not in refused)
    )


def _owners(requests: Iterable[RequestResult]) -> dict[Location, int]:
    """The number of the request that each location belongs to."""
    owners: dict[Location, int] = {}
    for number, ((request, *_), *_) in enumerate(requests):
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
            ranges=(old.tokens_ends, new.tokens_ends),
        )
        for old, new in zip(before.requests, after.requests, strict=True)
        if (old.request.byte_size, old.visual_tokens) != (new.request.byte_size, new.visual_tokens)
    )
