"""What a file is at one step of its fixing: its content, what was found in it, and the step from there."""

from collections.abc import Iterator, Mapping
from typing import NamedTuple, Protocol

from imgbudget.edit import EditedImage
from imgbudget.errors import FixError
from imgbudget.fixed import ImageChange, Picture
from imgbudget.fixers.image import edit_image
from imgbudget.fixers.names import fitting_name
from imgbudget.intent import DeclareType
from imgbudget.limits import Limits
from imgbudget.model import Finding, ImageFacts, ImageUse
from imgbudget.report import FileResult, ImageResult
from imgbudget.session.bench import Bench
from imgbudget.session.choices import Choice
from imgbudget.session.proof import WHOLE, Key, key_at, key_of
from imgbudget.sources.images import image_from_bytes


class Step(NamedTuple):
    """A step of fixing: the file after it, the findings whose fixes it made, the fixes that were refused.

    `moved` says that blocks have other places than before.
    """

    draft: "Draft"
    active: tuple[Finding, ...]
    refused: Mapping[Key, str]
    moved: bool = False


class Draft(Protocol):
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

    def step(self, choice: Choice, refused: Mapping[Key, str]) -> Step | None:
        """The next step, without the fixes that were refused; None where there is nothing left to do."""

    def pieces(self) -> Iterator[bytes]:
        """The content."""

    def read_back(self, fd: int) -> FileResult:
        """What is found in a file that was written with the content."""

    def close(self) -> None:
        """Let go of the content."""


class ImageDraft(NamedTuple):
    """An image file. `change` tells how it came from the original, None for the original itself."""

    bench: Bench
    path: str
    result: FileResult
    data: bytes
    change: ImageChange | None = None

    @classmethod
    def of(cls, bench: Bench, path: str, data: bytes, change: ImageChange | None = None) -> "ImageDraft":
        """The draft of an image whose bytes are in hand."""
        return cls(bench, path, bench.file_of_image(_use(bench, path, data)), data, change)

    @property
    def images(self) -> tuple[ImageChange, ...]:
        """The image, where its bytes are new."""
        return (self.change,) if self.change else ()

    def step(self, choice: Choice, refused: Mapping[Key, str]) -> Step | None:
        """See Draft."""
        (image,) = self.result.images

        def judged(seen: ImageUse) -> list[Finding]:
            found = self.bench.paths.judge(self.path).judge_image(seen, image.limits)
            kept, _, _ = self.bench.result(self.path, found, ((seen, image.limits),))
            return [finding for finding in kept if key_of(finding) not in refused]

        wanted = [finding for finding in judged(image.use) if choice.intends(finding)]
        renames = [finding for finding in wanted if isinstance(finding.fix, DeclareType)]
        edit = None
        if key_at(WHOLE, image.use.place) not in refused:
            edit = choice.of_image(image.use, image.limits, judged)
        redraws = [finding for finding in wanted if finding not in renames]
        made: EditedImage | None = None
        failed: dict[Key, str] = {}
        if edit is not None:
            try:
                made = edit_image(self.data, edit)
            except FixError as error:
                failed = {key_of(finding): str(error) for finding in redraws}
                failed[key_at(WHOLE, image.use.place)] = str(error)
        form = image.use.facts.format if image.use.facts else None
        path, change, data = self.path, self.change, made.data if made else self.data
        if data != self.data and made:
            change = self._change(image, made)
        wanted_form = made.format if made else form
        if wanted_form and (renames or wanted_form != form):
            path = fitting_name(self.path, wanted_form, data)
        if data == self.data and path == self.path:
            return Step(self, (), failed) if failed else None
        active = (*(redraws if made else ()), *renames)
        return Step(ImageDraft.of(self.bench, path, data, change), active, failed)

    def _change(self, image: ImageResult, made: EditedImage) -> ImageChange:
        """What has become of the original, seen over all steps."""
        before = self.change.before if self.change else picture(image.use, image.limits, digest_of(self.data))
        use = _use(self.bench, self.path, made.data)
        return ImageChange(
            place=use.place,
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
        """See Draft."""
        return self.bench.file_of_image(_use(self.bench, self.path, read_all(fd)))

    def close(self) -> None:
        """Nothing is held but bytes."""


def picture(use: ImageUse, limits: Limits, digest: str) -> Picture:
    """An image as its facts tell it."""
    facts = use.facts or ImageFacts(byte_size=0)
    return Picture(
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
    from imgbudget.sources.jsonspans import JsonSource  # noqa: PLC0415 - fixes only

    source = JsonSource(fd)
    return source.pread(source.size, 0)


def _use(bench: Bench, path: str, data: bytes) -> ImageUse:
    return image_from_bytes(data, path, bench.facts(bench.paths.judge(path)))


def digest_of(data: bytes) -> str:
    """The SHA-256 of bytes, in hexadecimal."""
    from hashlib import sha256  # noqa: PLC0415 - fixes only

    return sha256(data).hexdigest()
