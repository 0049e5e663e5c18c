"""From findings to edits: all that rules want of one image, or of one request, merged into one change."""

from collections.abc import Iterable, Mapping

from imgbudget.edit import BlockEdit, ImageEdit, RequestEdit
from imgbudget.geometry import Size
from imgbudget.intent import (
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
    ShrinkRequest,
    ShrinkTokens,
    StripMetadata,
)
from imgbudget.limits import Limits
from imgbudget.model import Finding, FixSafety, ImageUse, Origin, Place, Request, Severity
from imgbudget.planner.body import within_body
from imgbudget.planner.changed import without_images
from imgbudget.planner.encodings import written_format
from imgbudget.planner.image import tightest
from imgbudget.planner.sizes import smallest_size
from imgbudget.planner.tokens import within_tokens
from imgbudget.undertest import RequestUnderTest

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
    """What the findings on one image come to; None when they ask for no change of it.

    Only fixes that may be made count: safe ones, and unsafe ones where `unsafe` allows them. Findings on
    other places are passed over. The smallest size and the fewest bytes that one asks for win. An image
    that is resized also obeys `edge_limit`, the edge in px that its request imposes. Whatever is encoded
    anew is written in a format that the API takes and within its bytes an image, unless the image was over
    them before and nobody asks for less. An animation loses its other frames only where `unsafe` allows it;
    else its edit is one that a fixer refuses.
    """
    facts = use.facts
    if facts is None or facts.format is None or facts.damage is not None:
        return None
    fixes = [fix for fix in _allowed(findings, use.place, unsafe=unsafe) if isinstance(fix, _OF_IMAGES)]
    size = _smallest(use.visible_size, fixes, limits, edge_limit)
    recodes = [fix for fix in fixes if isinstance(fix, Recode)]
    if size is None and all(isinstance(fix, Resize) for fix in fixes):
        return None
    form = written_format(facts.format, limits.media_types)
    wished = [fix.format for fix in recodes if fix.format]
    bounds, own = [fix.max_bytes for fix in recodes], limits.image_raw_bytes
    return ImageEdit(
        size=size,
        format=wished[0] if wished else form,
        max_bytes=tightest(None if own is None else max(own, facts.byte_size), *bounds),
        upright=True,
        strip=any(isinstance(fix, StripMetadata) for fix in fixes),
        first_frame=facts.animated and (unsafe or form is not None),
    )


_OF_IMAGES = (Resize, Recode, BakeOrientation, StripMetadata, FirstFrame)
_OF_BLOCKS = (DeclareType, RepairBase64, ImagesFirst, LabelImages, DropBlock, ReplaceByText)


def request_edit(test: RequestUnderTest, findings: Iterable[Finding], *, unsafe: bool) -> RequestEdit:
    """What the findings on a request and on its images come to, under what the request imposes on them all.

    Each image gets its edit (image_edit), bounded so that the body stays within the platform's limit, or
    within what a fix asks for: then the largest images give first, down to one level, and those below it
    stay byte for byte. In the transcript of a session an image that nobody can decode is replaced by a text
    that says so, because every later turn would send it again and fail; elsewhere it stays and is reported.
    """
    findings = tuple(findings)
    removed = _undecodable(test, _by_place(findings))
    kept = test.changed_to(without_images(test.request, removed))
    blocks = [
        BlockEdit(finding.place, finding.fix)
        for finding in findings
        if finding.fix and is_allowed(finding, unsafe=unsafe) and isinstance(finding.fix, _OF_BLOCKS)
    ]
    edits = within_tokens(
        kept,
        image_edits(kept, findings, unsafe=unsafe),
        most=token_wish(findings, unsafe=unsafe),
        unsafe=unsafe,
    )
    edits = within_body(kept, edits, most=body_wish(findings, unsafe=unsafe), unsafe=unsafe)
    return RequestEdit(
        images=in_order(test.request, edits),
        blocks=(*dict.fromkeys(blocks), *(BlockEdit(place, text) for place, text in removed.items())),
    )


def image_edits(
    test: RequestUnderTest, findings: Iterable[Finding], *, unsafe: bool
) -> dict[Place, ImageEdit]:
    """The edit of each image of a request on which findings ask for one, not yet bounded by the body."""
    by_place, edge = _by_place(findings), test.edge_limit
    return {
        use.place: edit
        for use, limits in test.images
        if (found := by_place.get(use.place))
        and (edit := image_edit(use, limits, found, unsafe=unsafe, edge_limit=edge))
    }


def body_wish(findings: Iterable[Finding], *, unsafe: bool) -> int | None:
    """The bytes that the body is to be brought within; None when no finding asks for that."""
    fixes = _allowed(findings, unsafe=unsafe)
    return min((fix.max_bytes for fix in fixes if isinstance(fix, ShrinkRequest)), default=None)


def token_wish(findings: Iterable[Finding], *, unsafe: bool) -> int | None:
    """The visual tokens that the images are to be brought within; None when no finding asks for that."""
    fixes = _allowed(findings, unsafe=unsafe)
    return min((fix.max_tokens for fix in fixes if isinstance(fix, ShrinkTokens)), default=None)


def in_order(request: Request, edits: Mapping[Place, ImageEdit]) -> tuple[tuple[ImageUse, ImageEdit], ...]:
    """The images that have an edit, in the order of the request."""
    return tuple((use, edits[use.place]) for use in request.images if use.place in edits)


def _by_place(findings: Iterable[Finding]) -> dict[Place, list[Finding]]:
    by_place: dict[Place, list[Finding]] = {}
    for finding in findings:
        by_place.setdefault(finding.place, []).append(finding)
    return by_place


def is_allowed(finding: Finding, *, unsafe: bool) -> bool:
    """Whether the finding has a fix that may be made: a safe one, or any where `unsafe` allows it."""
    return finding.fix is not None and (unsafe or finding.fix_safety is FixSafety.SAFE)


def _allowed(findings: Iterable[Finding], place: Place | None = None, *, unsafe: bool) -> list[Fix]:
    return [
        finding.fix
        for finding in findings
        if finding.fix and is_allowed(finding, unsafe=unsafe) and place in (None, finding.place)
    ]


def _smallest(size: Size | None, fixes: Iterable[Fix], limits: Limits, edge_limit: int | None) -> Size | None:
    """The smallest size asked for; None when none is smaller than the image."""
    if size is None:
        return None
    found = smallest_size(size, fixes)
    if found == size:
        return None
    if edge_limit is not None and found.long_edge > edge_limit:
        return limits.planned_size(size, edge_limit)
    return found


def _undecodable(
    test: RequestUnderTest, by_place: Mapping[Place, list[Finding]]
) -> dict[Place, ReplaceByText]:
    """The images of a session that are errors because nobody can decode them, with what to put there."""
    if test.request.dialect != TRANSCRIPT:
        return {}
    return {
        use.place: ReplaceByText(f"[image removed, because it cannot be decoded: {reason}]")
        for use, limits in test.images
        if (reason := _why_undecodable(use, limits))
        and any(
            finding.severity is Severity.ERROR and finding.fix is None
            for finding in by_place.get(use.place, ())
        )
    }


def _why_undecodable(use: ImageUse, limits: Limits) -> str | None:
    """Why the bytes of an image cannot be decoded by the API nor be made into what it takes."""
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
