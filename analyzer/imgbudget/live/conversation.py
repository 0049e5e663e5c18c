"""`imgbudget.prune_conversation`: prune an agent's messages so that the next turn keeps the image limits."""

from base64 import b64encode
from binascii import Error as Base64Error
from binascii import a2b_base64
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import lru_cache
from itertools import count
from typing import Any, Literal, TypeVar

from imgbudget.errors import FixError, UsageError
from imgbudget.fixing.revisions import edit_image
from imgbudget.imageinfo.dispatch import probe_bytes
from imgbudget.limits.bound import Limits
from imgbudget.limits.geometry import Size
from imgbudget.linter.arguments import names_arguments
from imgbudget.linter.options import RunOptions
from imgbudget.linter.run import Session
from imgbudget.model.edits import ImageEdit
from imgbudget.planner.caching import CACHE_KINDS, CHARACTERS_PER_TOKEN, CacheRates
from imgbudget.planner.pruning import (
    KEPT,
    Pruned,
    PruneMarks,
    Step,
    Weight,
    pruned_steps,
    worthwhile,
)

Block = Mapping[str, Any]
Change = Callable[[Block], Block]
Turn = TypeVar("Turn")
"""A message: what a type checker knows of those given, it knows of those returned."""
Cache = Literal["5m", "1h", "none", "expired"]

_CACHES = (*CACHE_KINDS, "expired")
_DEEPEST = 100
_HEAD = 4 * 16384
"""Characters of base64 that are decoded to read the size of an image."""


@names_arguments
def prune_conversation(  # noqa: PLR0913 - keyword options
    messages: Iterable[Turn],
    *,
    model: str | None = None,
    platform: str | None = None,
    next_images: int = 1,
    keep: int | None = None,
    max_images: int | None = None,
    max_bytes: int | None = None,
    max_tokens: int | None = None,
    remaining_calls: int | None = None,
    cache: Cache = "5m",
    allow_local_packs: bool = False,
) -> list[Turn]:
    """The messages of a conversation, pruned for a next turn with up to `next_images` more images.

    Old images are replaced by a text that says so, in batches: each removal changes the beginning of the
    prompt, and all that follows, text too, is written to the prompt cache again. So nothing is removed until
    the next turn may exceed a limit of the API or a budget: `max_images`, `max_bytes` of the messages,
    `max_tokens` of the prompt. Then the oldest images go until `keep` are left, or without `keep` until half
    of the room is free.

    `keep` alone is a budget too: with more than twice as many images, the oldest go until `keep` are left.
    Images of the last message, which the model has not seen, go only if the next turn may exceed a number of
    images.
    With `remaining_calls`, the number of calls that are expected to follow, it is the least that stays, and
    what no limit forces is removed only if it saves more over these calls than it costs to write the rest
    again, at the prices of the model. `cache` is how the calls are cached: `5m` and `1h` are the lifetimes of
    the cache; with `none`, or `expired` if the last call was longer ago, a removal costs nothing.

    If the next turn may exceed the many-image limit, base64 images with a longer edge are downscaled to it,
    or to the size that the model uses if that is smaller. The input is not modified; unchanged messages are
    returned as the same objects. Continue with the returned list: an image is then downscaled only once.
    What is removed stays removed, also if the whole history is pruned again each time with the same options.

    `model` and `platform` default to those of the configuration, whose rule packs must be installed unless
    `allow_local_packs` is set. Images given by url or file id are counted, but cannot be downscaled; they
    have no bytes or tokens here. Tokens of text are estimated, 4 characters each.

    Raises:
        UsageError: an unknown platform or `cache`, a number below zero, a single message instead of a list.
    """
    numbers = (next_images, keep, max_images, max_bytes, max_tokens, remaining_calls)
    if any(number is not None and number < 0 for number in numbers):
        raise UsageError(
            "next_images, keep, max_images, max_bytes, max_tokens and remaining_calls cannot be negative"
        )
    if cache not in _CACHES:
        raise UsageError(f"cache: expected one of {', '.join(_CACHES)}, found {cache!r}")
    if isinstance(messages, str | bytes | bytearray | Mapping):
        raise UsageError(f"expected a list of messages, found {type(messages).__name__}")
    limits = _limits(model, platform, allow_local_packs)
    messages = list(messages)
    most_kept = None
    if max_images is None and keep is not None and remaining_calls is None:
        most_kept = keep * 2 if cache in CACHE_KINDS[:2] else keep
    marks = PruneMarks.of(
        limits,
        next_images=next_images,
        keep=keep,
        most_kept=most_kept,
        most_images=max_images,
        most_bytes=max_bytes,
        most_tokens=max_tokens,
    )
    steps = [step_of(message, limits) for message in messages]
    pruned = pruned_steps(steps, marks)
    gone = pruned[-1].removed if pruned else 0
    if remaining_calls is not None:
        rates = CacheRates.of(limits, "5m" if cache == "expired" else cache)
        least = max(KEPT if keep is None else keep, len(steps[-1].images) if steps else 0)
        gone += worthwhile(steps, gone, least, remaining_calls, rates, expired=cache == "expired")
    shrunk = {number for at in _many(pruned, next_images, limits) for number in range(at.removed, at.images)}
    order = count()  # not identities: one object may stand for several images

    def change(block: Block) -> Block:
        number = next(order)
        if number < gone:
            return _removed(block)
        return _shrunk(block, limits) if number in shrunk else block

    return [_message(message, change) for message in messages]


def _many(pruned: Iterable[Pruned], next_images: int, limits: Limits) -> Iterator[Pruned]:
    """The states in which the next turn may exceed the many-image limit; their images are downscaled."""
    return (
        at for at in pruned if limits.many_images(limits.counted_images(at.left + next_images, at.documents))
    )


def step_of(message: Any, limits: Limits) -> Step:
    """What a message adds to body and prompt."""
    content = _content(message)
    images = tuple(_weight(block, limits) for block in _images(content))
    rest = _rest(content)
    is_call = isinstance(message, Mapping) and message.get("role") == "user"
    return Step(images, rest, _documents(content), is_call)


def _weight(block: Block, limits: Limits) -> Weight:
    """The bytes of base64 of an image, and its tokens; none of an image elsewhere."""
    data = _at(block, ("source", "data"))
    if not isinstance(data, str):
        return Weight()
    size = _size(_beginning(data))
    return Weight(len(data), (limits.tokens(size) or 0) if size else 0)


def _rest(content: Any) -> Weight:
    """What a content adds without its images. A PDF has bytes only, as its pages are not counted here."""
    texts = payloads = 0
    pending: list[tuple[Any, int]] = [(content, 0)]
    while pending:
        value, depth = pending.pop()
        if isinstance(value, str):
            texts += len(value)
        elif isinstance(value, Mapping):
            if value.get("type") == "image":
                continue
            data = value.get("data") if value.get("type") == "base64" else None
            if isinstance(data, str):
                payloads += len(data)
            elif depth < _DEEPEST:
                texts += sum(len(str(key)) for key in value)
                pending += ((item, depth + 1) for item in value.values())
        elif isinstance(value, list | tuple):
            pending += ((item, depth + 1) for item in value if depth < _DEEPEST)
        elif callable(to_json := getattr(value, "model_dump_json", None)):  # an object of the SDK
            made = to_json()
            texts += len(made) if isinstance(made, str) else 0
    return Weight(texts + payloads, texts // CHARACTERS_PER_TOKEN)


@lru_cache(maxsize=16)
def _limits(model: str | None, platform: str | None, allow_local_packs: bool) -> Limits:  # noqa: FBT001
    options = RunOptions(model=model, platform=platform, allow_local_packs=allow_local_packs, pixels=False)
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


def _beginning(data: str) -> bytes | None:
    """The first bytes of an image, which have its size; all of it if they do not."""
    head = data[:_HEAD]
    try:
        start = a2b_base64(head.encode("ascii"))
        return start if len(head) == len(data) or _size(start) else a2b_base64(data.encode("ascii"))
    except (Base64Error, UnicodeEncodeError):
        return None


def _size(data: bytes | None) -> Size | None:
    return probe_bytes(data).size if data else None
