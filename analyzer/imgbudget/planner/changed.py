"""Images and requests as they will be once an edit is made, as far as that is known before it is."""

from collections.abc import Collection, Mapping

from imgbudget.edit import ImageEdit
from imgbudget.model import Block, DocumentUse, ImageUse, Nested, Place, Request
from imgbudget.planner.encodings import enough_bytes, text_length


def merged(first: ImageEdit, then: ImageEdit) -> ImageEdit:
    """Both edits as one, `then` being made for what the first makes."""
    bounds = [bound for bound in (first.max_bytes, then.max_bytes) if bound is not None]
    return ImageEdit(
        size=then.size or first.size,
        format=first.format or then.format,
        max_bytes=min(bounds, default=None),
        upright=first.upright or then.upright,
        strip=first.strip or then.strip,
        first_frame=first.first_frame or then.first_frame,
    )


def edited_use(use: ImageUse, edit: ImageEdit) -> ImageUse:
    """The image as it will be, as far as that is known before it is encoded.

    The size stays in the orientation of the stored pixels; bytes are an estimate on the generous side, but
    never more than they were.
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
            orientation=1,
            frames=1 if edit.first_frame else facts.frames,
            has_location=False,
            metadata_bytes=None if facts.metadata_bytes is None else 0,
        ),
        declared=f"image/{form}",
        base64_size=None if use.base64_size is None else text_length(byte_size),
        flaws=(),
    )


def with_images(request: Request, images: Mapping[Place, ImageUse]) -> Request:
    """The request with other images at some places, and its body as long as they make it."""
    uses = tuple(images.get(use.place, use) for use in request.images)
    grown = sum(use.base64_size or 0 for use in uses) - sum(use.base64_size or 0 for use in request.images)
    return request._replace(
        byte_size=request.byte_size + grown,
        images=uses,
        turns=tuple(turn._replace(blocks=_with_images(turn.blocks, images)) for turn in request.turns),
    )


def without_images(request: Request, places: Collection[Place]) -> Request:
    """The request without the images at some places, its body shorter by their base64 text."""
    gone = sum(use.base64_size or 0 for use in request.images if use.place in places)
    return request._replace(
        byte_size=request.byte_size - gone,
        images=tuple(use for use in request.images if use.place not in places),
    )


def _with_images(blocks: tuple[Block, ...], images: Mapping[Place, ImageUse]) -> tuple[Block, ...]:
    return tuple(
        images.get(block.place, block)
        if isinstance(block, ImageUse)
        else block._replace(blocks=_with_images(block.blocks, images))
        if isinstance(block, Nested | DocumentUse)
        else block
        for block in blocks
    )
