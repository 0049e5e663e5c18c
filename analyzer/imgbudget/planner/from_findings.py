"""From findings to edits: all fixes for one image, or for one request, merged into one change."""

from collections.abc import Collection, Iterable, Mapping

from imgbudget.limits.bound import Limits
from imgbudget.limits.geometry import Size
from imgbudget.model.edits import BlockEdit, ImageEdit, RequestEdit
from imgbudget.model.fixes import (
    BakeOrientation,
    DeclareType,
    DropBlock,
    FirstFrame,
    Fix,
    ImagesFirst,
    LabelImages,
    Recode,
    RepairBase64,
    ReplaceByText,
    Resize,
    RewriteText,
    ShrinkRequest,
    ShrinkTokens,
    StripMetadata,
    TextToImages,
)
from imgbudget.model.location import Location
from imgbudget.model.request_under_test import RequestUnderTest
from imgbudget.model.safety import permitted_loss, pictures_in
from imgbudget.model.scale_notes import scale_notes
from imgbudget.model.subjects import (
    Block,
    DocumentUse,
    Finding,
    FixSafety,
    ImageUse,
    Nested,
    Origin,
    Request,
    Severity,
)
from imgbudget.planner.allocation import within_body, within_tokens
from imgbudget.planner.image import enough_bytes, takes_webp, text_length, tightest, written_format
from imgbudget.planner.sizes import smallest_size


def merged(first: ImageEdit, then: ImageEdit) -> ImageEdit:
    """Both edits as one; `then` was computed for the result of the first."""
    bounds = [bound for bound in (first.max_bytes, then.max_bytes) if bound is not None]
    return ImageEdit(
        size=then.size or first.size,
        format=first.format or then.format,
        max_bytes=min(bounds, default=None),
        upright=first.upright or then.upright,
        strip=first.strip or then.strip,
        first_frame=first.first_frame or then.first_frame,
        permits=first.permits | then.permits,
        may_grow=first.may_grow or then.may_grow,
        keeps_format=first.keeps_format and then.keeps_format,
        webp=first.webp and then.webp,
    )


def edited_use(use: ImageUse, edit: ImageEdit) -> ImageUse:
    """The image after an edit, as far as that is known before it is encoded.

    The size is in the orientation of the stored pixels; bytes are a generous estimate, but never more than
    before.
    """
    facts = use.facts
    if facts is None or facts.format is None:
        return use
    form = edit.format or facts.format
    bounds = [facts.byte_size, edit.max_bytes or facts.byte_size]
    if edit.size is not None:
        bounds.append(enough_bytes(facts, edit.size, form))
    byte_size = min(bounds)
    return use._replace(
        facts=facts._replace(
            byte_size=byte_size,
            format=form,
            size=edit.size or facts.size,
            orientation=1 if edit.upright else facts.orientation,
            frames=1 if edit.first_frame else facts.frames,
            has_location=False,
            metadata_bytes=None if facts.metadata_bytes is None else 0,
        ),
        declared=f"image/{form}",
        base64_size=None if use.base64_size is None else text_length(byte_size),
        flaws=(),
    )


def with_images(request: Request, images: Mapping[Location, ImageUse]) -> Request:
    """The request with some images replaced, and the length of its body adjusted."""
    uses = tuple(images.get(use.location, use) for use in request.images)
    grown = sum(use.base64_size or 0 for use in uses) - sum(use.base64_size or 0 for use in request.images)
    return request._replace(
        byte_size=request.byte_size + grown,
        images=uses,
        turns=tuple(turn._replace(blocks=_with_images(turn.blocks, images)) for turn in request.turns),
    )


def without_images(request: Request, locations: Collection[Location]) -> Request:
    """The request without the images at some locations, its body shorter by their base64 text."""
    gone = sum(use.base64_size or 0 for use in request.images if use.location in locations)
    return request._replace(
        byte_size=request.byte_size - gone,
        images=tuple(use for use in request.images if use.location not in locations),
    )


def _with_images(blocks: tuple[Block, ...], images: Mapping[Location, ImageUse]) -> tuple[Block, ...]:
    return tuple(
        images.get(block.location, block)
        if isinstance(block, ImageUse)
        else block._replace(blocks=_with_images(block.blocks, images))
        if isinstance(block, Nested | DocumentUse)
        else block
        for block in blocks
    )


TRANSCRIPT = "transcript"
"""The dialect of sessions, which send each image again with every turn."""


def image_edit(
    use: ImageUse,
    limits: Limits,
    findings: Iterable[Finding],
    *,
    unsafe: bool,
    edge_limit: int | None = None,
) -> ImageEdit | None:
    """The merged fixes of the findings on one image; None if they change nothing.

    Only permitted fixes count: safe ones, and unsafe ones if `unsafe` is set. Findings at other locations are
    ignored. The smallest size and the fewest bytes win. An image that is resized also obeys `edge_limit`, the
    edge in px that its request imposes. Whatever is re-encoded is written in a format that the API takes and
    within its bytes per image, unless the image was over them before and no fix requires less. Only what the
    API refuses may become larger. Pages, frames and other pictures are lost only if `unsafe` is set; else a
    fixer refuses the edit.
    """
    facts = use.facts
    if facts is None or facts.format is None or facts.damage is not None:
        return None
    findings = [finding for finding in findings if finding.location == use.location]
    fixes = [fix for fix in _allowed(findings, unsafe=unsafe) if isinstance(fix, _OF_IMAGES)]
    size = _smallest(use.visible_size, fixes, limits, edge_limit)
    recodes = [fix for fix in fixes if isinstance(fix, Recode)]
    if size is None and all(isinstance(fix, Resize) for fix in fixes):
        return None
    form = written_format(facts.format, limits.media_types)
    formats = [fix.format for fix in recodes if fix.format]
    bounds, own = [fix.max_bytes for fix in recodes], limits.image_raw_bytes
    return ImageEdit(
        size=size,
        format=formats[0] if formats else form,
        max_bytes=tightest(None if own is None else max(own, facts.byte_size), *bounds),
        upright=any(not isinstance(fix, StripMetadata) for fix in fixes),
        strip=any(isinstance(fix, StripMetadata) for fix in fixes),
        first_frame=unsafe and pictures_in(facts) > 1,
        permits=permitted_loss(fixes, unsafe=unsafe),
        webp=takes_webp(limits),
        may_grow=any(
            is_allowed(finding, unsafe=unsafe)
            and finding.severity is Severity.ERROR
            and isinstance(finding.fix, _OF_IMAGES)
            for finding in findings
        ),
    )


_OF_IMAGES = (Resize, Recode, BakeOrientation, StripMetadata, FirstFrame)
_OF_BLOCKS = (
    *(DeclareType, RepairBase64, ImagesFirst, LabelImages),
    *(DropBlock, ReplaceByText, RewriteText, TextToImages),
)


def request_edit(test: RequestUnderTest, findings: Iterable[Finding], *, unsafe: bool) -> RequestEdit:
    """The merged fixes of the findings on a request and its images, within the limits of the request.

    Each image gets its edit (image_edit), bounded so that the body stays within the platform's limit or
    within what a fix requires; then the largest images are reduced first, down to one level, and those below
    it are not changed at all. In the transcript of a session, an image that cannot be decoded is replaced by
    a text that says so, because every later turn would send it again and fail; elsewhere it stays and is
    reported.
    """
    findings = tuple(findings)
    removed = _undecodable(test, _by_location(findings), unsafe=unsafe)
    kept = test.changed_to(without_images(test.request, removed))
    blocks = [
        BlockEdit(finding.location, finding.fix)
        for finding in findings
        if finding.fix
        and is_allowed(finding, unsafe=unsafe)
        and isinstance(finding.fix, _OF_BLOCKS)
        and finding.location not in removed
    ]
    edits = within_tokens(
        kept,
        image_edits(kept, findings, unsafe=unsafe),
        most=token_target(findings, unsafe=unsafe),
        unsafe=unsafe,
    )
    edits = within_body(kept, edits, most=body_target(findings, unsafe=unsafe), unsafe=unsafe)
    return RequestEdit(
        images=in_order(test.request, edits),
        blocks=(*dict.fromkeys(blocks), *(BlockEdit(location, text) for location, text in removed.items())),
    )


def with_notes(test: RequestUnderTest, edit: RequestEdit) -> RequestEdit:
    """The edit, with the notes on images that it resizes: each states the size that the model will see."""
    if not edit.images:
        return edit
    planned = {use.location: image for use, image in edit.images}
    limits = {use.location: its for use, its in test.images}
    blocks = list(edit.blocks)
    for note in scale_notes(test.request):
        image = planned.get(note.use.location)
        size = edited_use(note.use, image).visible_size if image else None
        if size is None or size == note.use.visible_size:
            continue
        seen = limits[note.use.location].native_size(size)
        rewrite = BlockEdit(note.text.location, RewriteText(note.note, note.at(seen)))
        blocks = [it for it in blocks if not _is_about(it, rewrite)]
        blocks.append(rewrite)
    return edit._replace(blocks=tuple(blocks))


def _is_about(edit: BlockEdit, rewrite: BlockEdit) -> bool:
    """Whether both rewrite the same note."""
    return (
        edit.location == rewrite.location
        and isinstance(edit.fix, RewriteText)
        and isinstance(rewrite.fix, RewriteText)
        and edit.fix.before == rewrite.fix.before
    )


def image_edits(
    test: RequestUnderTest, findings: Iterable[Finding], *, unsafe: bool
) -> dict[Location, ImageEdit]:
    """The edit of each image that findings change, before the body is bounded."""
    by_location, edge = _by_location(findings), test.edge_limit
    return {
        use.location: edit
        for use, limits in test.images
        if (found := by_location.get(use.location))
        and (edit := image_edit(use, limits, found, unsafe=unsafe, edge_limit=edge))
    }


def body_target(findings: Iterable[Finding], *, unsafe: bool) -> int | None:
    """The bytes that fixes want the body to be within; None if there is no such fix."""
    fixes = _allowed(findings, unsafe=unsafe)
    return min((fix.max_bytes for fix in fixes if isinstance(fix, ShrinkRequest)), default=None)


def token_target(findings: Iterable[Finding], *, unsafe: bool) -> int | None:
    """The visual tokens that fixes want the images to be within; None if there is no such fix."""
    fixes = _allowed(findings, unsafe=unsafe)
    return min((fix.max_tokens for fix in fixes if isinstance(fix, ShrinkTokens)), default=None)


def in_order(request: Request, edits: Mapping[Location, ImageEdit]) -> tuple[tuple[ImageUse, ImageEdit], ...]:
    """The images that have an edit, in the order of the request."""
    return tuple((use, edits[use.location]) for use in request.images if use.location in edits)


def _by_location(findings: Iterable[Finding]) -> dict[Location, list[Finding]]:
    by_location: dict[Location, list[Finding]] = {}
    for finding in findings:
        by_location.setdefault(finding.location, []).append(finding)
    return by_location


def is_allowed(finding: Finding, *, unsafe: bool) -> bool:
    """Whether the finding has a fix that may be made: a safe one, or any if `unsafe` is set."""
    return finding.fix is not None and (unsafe or finding.fix_safety is FixSafety.SAFE)


def _allowed(findings: Iterable[Finding], location: Location | None = None, *, unsafe: bool) -> list[Fix]:
    return [
        finding.fix
        for finding in findings
        if finding.fix and is_allowed(finding, unsafe=unsafe) and location in (None, finding.location)
    ]


def _smallest(size: Size | None, fixes: Iterable[Fix], limits: Limits, edge_limit: int | None) -> Size | None:
    """The smallest size of the resizes; None if none is smaller than the image."""
    if size is None:
        return None
    found = smallest_size(size, fixes)
    if found == size:
        return None
    if edge_limit is not None and found.long_edge > edge_limit:
        return limits.planned_size(size, edge_limit)
    return found


def replacements(test: RequestUnderTest) -> dict[Location, ReplaceByText]:
    """The images of a session that cannot be decoded, with the text that each can give way to."""
    if test.request.dialect != TRANSCRIPT:
        return {}
    return {
        use.location: ReplaceByText(f"[image removed, because it cannot be decoded: {reason}]")
        for use, limits in test.images
        if (reason := _why_undecodable(use, limits))
    }


def _undecodable(
    test: RequestUnderTest, by_location: Mapping[Location, list[Finding]], *, unsafe: bool
) -> dict[Location, ReplaceByText]:
    """The images of a session that are errors because they cannot be decoded, with their replacement."""
    return {
        location: text
        for location, text in replacements(test).items()
        if any(_needs_removal(finding, unsafe=unsafe) for finding in by_location.get(location, ()))
    }


def _needs_removal(finding: Finding, *, unsafe: bool) -> bool:
    """Whether a finding on an image that cannot be decoded is an error that no other fix mends."""
    if finding.severity is not Severity.ERROR:
        return False
    return finding.fix is None or (
        isinstance(finding.fix, ReplaceByText) and is_allowed(finding, unsafe=unsafe)
    )


def _why_undecodable(use: ImageUse, limits: Limits) -> str | None:
    """Why the API cannot decode the bytes of an image, nor a fixer convert them."""
    if use.origin is not Origin.BASE64:
        return None
    if not use.base64_size:
        return "it was empty"
    if use.facts is None:
        return f"its base64 text {', '.join(use.flaws)}" if use.flaws else None
    facts = use.facts
    if facts.format is None:
        return f"the bytes were {facts.content or 'of no known kind'}"
    what = f"{facts.format} {facts.size}" if facts.size else facts.format
    if facts.damage is not None:
        return f"{what} that {facts.damage}"
    return None if f"image/{facts.format}" in limits.media_types else what
