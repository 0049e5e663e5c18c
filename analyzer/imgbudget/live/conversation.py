"""`imgbudget.prune_conversation`: prune an agent's messages so that the next turn keeps the image limits."""

from base64 import b64encode
from binascii import Error as Base64Error
from binascii import a2b_base64
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import lru_cache
from typing import Any

from imgbudget.errors import FixError, UsageError
from imgbudget.fixing.revisions import edit_image
from imgbudget.imageinfo.dispatch import probe_bytes
from imgbudget.limits.bound import Limits
from imgbudget.limits.geometry import Size
from imgbudget.linter.options import RunOptions
from imgbudget.linter.run import Session
from imgbudget.model.edits import ImageEdit

Block = Mapping[str, Any]
Change = Callable[[Block], Block]


def prune_conversation(  # noqa: PLR0913 - keyword options
    messages: Iterable[Any],
    *,
    model: str | None = None,
    platform: str | None = None,
    next_images: int = 1,
    keep: int | None = None,
    allow_local_packs: bool = False,
) -> list[Any]:
    """The messages of a conversation, pruned for a next turn with up to `next_images` more images.

    `keep` is the number of most recent images to keep; older ones, and those beyond the number that a request
    may hold, are replaced by a text that says so. If the next turn may exceed the many-image limit, base64
    images with a longer edge are downscaled to it, or to the size that the model uses if that is smaller.
    The input is not modified; unchanged messages are returned as the same objects. Continue with the returned
    list: an image is then downscaled only once and stays the same, so that a prompt cache remains valid.

    `model` and `platform` default to those of the configuration, whose rule packs must be installed unless
    `allow_local_packs` is set. Images given by url or file id are counted, but cannot be downscaled.

    Raises:
        UsageError: an unknown platform, a number below zero, or a single message instead of a list.
    """
    if next_images < 0 or (keep is not None and keep < 0):
        raise UsageError("next_images and keep are numbers of images and cannot be negative")
    if isinstance(messages, str | bytes | bytearray | Mapping):
        raise UsageError(f"expected a list of messages, found {type(messages).__name__}")
    limits = _limits(model, platform, allow_local_packs)
    messages = list(messages)
    images = [block for message in messages for block in _images(_content(message))]
    documents = sum(_documents(_content(message)) for message in messages)
    media = limits.least_request_media
    room = len(images) if media is None else max(media.value - documents - next_images, 0)
    stay = min(len(images), room if keep is None else min(keep, room))
    removed = {id(block) for block in images[: len(images) - stay]}
    many = limits.many_images(limits.counted_images(stay + next_images, documents))

    def change(block: Block) -> Block:
        if id(block) in removed:
            return _removed(block)
        return _shrunk(block, limits) if many else block

    return [_message(message, change) for message in messages]


@lru_cache(maxsize=16)
def _limits(model: str | None, platform: str | None, allow_local_packs: bool) -> Limits:  # noqa: FBT001
    options = RunOptions(model=model, platform=platform, allow_local_packs=allow_local_packs)
    return Session(options).context.limits()


def _content(message: Any) -> Any:
    return message.get("content") if isinstance(message, Mapping) else None


def _inner(block: Block) -> tuple[str, ...] | None:
    """The path to the blocks inside a block, None if it holds none."""
    if block.get("type") == "tool_result":
        return ("content",)
    if block.get("type") == "document" and isinstance(block.get("source"), Mapping):
        return ("source", "content")
    return None


def _images(content: Any) -> Iterator[Block]:
    """The image blocks of a message's content in order, including nested ones."""
    for block in content if isinstance(content, list) else ():
        if not isinstance(block, Mapping):
            continue
        if block.get("type") == "image":
            yield block
        elif path := _inner(block):
            yield from _images(_at(block, path))


def _documents(content: Any) -> int:
    blocks = [block for block in content if isinstance(block, Mapping)] if isinstance(content, list) else []
    return sum(
        block.get("type") == "document"
        or (block.get("type") == "tool_result" and _documents(block.get("content")))
        for block in blocks
    )


def _at(block: Any, path: tuple[str, ...]) -> Any:
    for key in path:
        block = block.get(key) if isinstance(block, Mapping) else None
    return block


def _message(message: Any, change: Change) -> Any:
    content = _content(message)
    changed = _changed(content, change)
    return message if changed is content else {**message, "content": changed}


def _changed(content: Any, change: Change) -> Any:
    """The content with its images changed; the same object if nothing changes."""
    if not isinstance(content, list):
        return content
    made = [_block(block, change) for block in content]
    return content if all(new is old for new, old in zip(made, content, strict=True)) else made


def _block(block: Any, change: Change) -> Any:
    if not isinstance(block, Mapping):
        return block
    if block.get("type") == "image":
        return change(block)
    path = _inner(block)
    return block if path is None else _with_inner(block, path, change)


def _with_inner(block: Block, path: tuple[str, ...], change: Change) -> Block:
    key, rest = path[0], path[1:]
    value = block.get(key)
    if rest:
        made = _with_inner(value, rest, change) if isinstance(value, Mapping) else value
    else:
        made = _changed(value, change)
    return block if made is value else {**block, key: made}


def _removed(block: Block) -> Block:
    """A text block in place of an image; it keeps the image's cache breakpoint."""
    size = _size(_bytes(block))
    described = f" of {size} px" if size else ""
    text = {"type": "text", "text": f"[an earlier image{described} was removed]"}
    return {**text, "cache_control": block["cache_control"]} if block.get("cache_control") else text


def _shrunk(block: Block, limits: Limits) -> Block:
    """The image within the edge of many-image requests; the same object if it fits or cannot be resized."""
    data = _bytes(block)
    size = _size(data)
    edge = limits.many_image_edge
    if data is None or size is None or edge is None or size.long_edge <= edge.value:
        return block
    try:
        made = edit_image(
            data, ImageEdit(size=limits.native_size(size, edge.value), upright=True, first_frame=True)
        )
    except FixError:
        return block
    source = block["source"]
    text = b64encode(made.data).decode("ascii")
    return {**block, "source": {**source, "media_type": f"image/{made.format}", "data": text}}


def _bytes(block: Block) -> bytes | None:
    """The image bytes of a block, None if it has no valid base64."""
    data = _at(block, ("source", "data"))
    if not isinstance(data, str):
        return None
    try:
        return a2b_base64(data.encode("ascii"))
    except (Base64Error, UnicodeEncodeError):
        return None


def _size(data: bytes | None) -> Size | None:
    return probe_bytes(data).size if data else None
