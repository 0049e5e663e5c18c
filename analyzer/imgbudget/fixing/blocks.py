"""Changes to the blocks of a request: removal, order, labels, replacement by text."""

from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

from imgbudget.errors import FixError
from imgbudget.jsontext.document import Document
from imgbudget.jsontext.edit import Item, Layout, Splice, as_json, rewritten, value_at
from imgbudget.model.edits import BlockEdit
from imgbudget.model.fixes import DropBlock, ImagesFirst, LabelImages, ReplaceByText, RewriteText
from imgbudget.model.labels import is_label
from imgbudget.model.location import Keys, Location

_IMAGES = ("image", "image_url", "input_image", "imageUrl")
_UNTYPED_IMAGES = ("image", "inlineData", "inline_data", "fileData", "file_data")
"""Keys of images in blocks without a type: of Bedrock, and of Gemini in REST and in Python."""

_IDS = ("id", "sessionID", "messageID")
"""Keys of each part of opencode, without which it cannot read one."""


def path_of_block(document: Document, keys: Keys) -> Keys:
    """The path to the block that contains an image.

    Raises:
        FixError: the location is not in an item of an array of blocks.
    """
    last = max((i for i, key in enumerate(keys) if isinstance(key, int)), default=-1)
    path = keys[: last + 1]
    block = value_at(document, path)
    if "attachments" in keys[-2:]:
        raise FixError("only files can be attached to the result of a tool; revert the session to before it")
    if len(keys) - len(path) > 1 or not isinstance(block, dict) or not is_image(block):
        raise FixError("the image is not in a list of blocks")
    return path


def is_image(block: Any) -> bool:
    """Whether a block is an image, in any dialect."""
    if not isinstance(block, dict):
        return False
    if block.get("type") == "file":  # a part of opencode
        return isinstance(mime := block.get("mime"), str) and mime.startswith("image/")
    if "type" in block:
        return block["type"] in _IMAGES
    return any(isinstance(block.get(key), dict) for key in _UNTYPED_IMAGES)


def text_block(text: str, like: dict[str, Any]) -> dict[str, Any]:
    """A text block in the dialect of the block `like`."""
    kind = like.get("type")
    if kind is None:
        return {"text": text}
    if kind == "file":
        return {key: like[key] for key in _IDS if key in like} | {"type": "text", "text": text}
    return {"type": "input_text" if str(kind).startswith("input_") else "text", "text": text}


def replaced(layout: Layout, path: Keys, fix: ReplaceByText) -> Splice:
    """The splice that replaces the image block at a path by a text."""
    block = layout.value(path)
    new = text_block(fix.text, block)
    if "cache_control" in block:  # the cached prefix still ends here
        new["cache_control"] = block["cache_control"]
    return Splice(*layout.region(path), (as_json(new),))


def path_of_text(document: Document, location: Location) -> Keys:
    """The path to the string of a text block, or of a content that is a string."""
    keys = location.keys or ()
    return (*keys, "text") if isinstance(value_at(document, keys), dict) else keys


def reworded(document: Document, layout: Layout, path: Keys, fixes: Iterable[RewriteText]) -> Splice:
    """The splice that corrects the notes in a text."""
    text = document.text(value_at(document, path))
    for fix in fixes:
        text = text.replace(fix.before, fix.after, 1)
    return Splice(*layout.region(path), (as_json(text),))


class Rearrangement(NamedTuple):
    """An array of blocks that gets other blocks or another order."""

    path: Keys
    items: tuple[Item, ...]

    def paths(self, document: Document) -> Iterator[Keys]:
        """The paths whose spans the splice needs."""
        yield from ((*self.path, i) for i in range(len(value_at(document, self.path))))

    def splice(self, layout: Layout) -> Splice:
        """The change of the file."""
        return rewritten(layout, self.path, self.items)


class Emptied(NamedTuple):
    """A content of nothing but an empty text, which becomes an empty array of blocks."""

    path: Keys

    def paths(self, _document: Document) -> Iterator[Keys]:
        """The path whose span the splice needs."""
        yield self.path

    def splice(self, layout: Layout) -> Splice:
        """The change of the file."""
        return Splice(*layout.region(self.path), (b"[]",))


def rearrangements(document: Document, edits: Iterable[BlockEdit]) -> Iterator[Rearrangement | Emptied]:
    """The arrays in which blocks are removed, moved before the text or labelled, each once.

    Raises:
        FixError: a location cannot be changed in this way.
    """
    arrays: dict[Keys, list[BlockEdit]] = {}
    for edit in edits:
        keys = edit.location.keys or ()
        if not isinstance(edit.fix, DropBlock):
            path = path_of_block(document, keys)
            if value_at(document, path).get("type") == "file":
                raise FixError("opencode orders the parts of a message by their ids")
            arrays.setdefault(path[:-1], []).append(edit)
        elif not isinstance(value_at(document, keys[:-1]), list):
            yield Emptied(keys)
        else:
            arrays.setdefault(keys[:-1], []).append(edit)
    for path, here in arrays.items():
        array = value_at(document, path)
        dropped = {
            edit.location.keys[-1] for edit in here if isinstance(edit.fix, DropBlock) and edit.location.keys
        }
        items: list[Item] = [i for i in range(len(array)) if i not in dropped]
        if any(isinstance(edit.fix, ImagesFirst) for edit in here):
            items = _images_first(document, array, items)
        if any(isinstance(edit.fix, LabelImages) for edit in here):
            items = _labelled(document, array, items)
        yield Rearrangement(path, tuple(items))


def _images_first(document: Document, array: list[Any], items: list[Item]) -> list[Item]:
    """The images, each with its label, before the first text that is more than a label."""
    first = next((i for i, item in enumerate(items) if _is_text(document, array, item, label=False)), None)
    if first is None:
        return items
    head, rest = items[:first], items[first:]
    front: list[Item] = []
    back: list[Item] = []
    for item in rest:
        if is_image(_block(array, item)):
            if back and _is_text(document, array, back[-1], label=True):
                front.append(back.pop())
            front.append(item)
        else:
            back.append(item)
    return [*head, *front, *back]


def _labelled(document: Document, array: list[Any], items: list[Item]) -> list[Item]:
    """The items with a label before each image that has none."""
    made: list[Item] = []
    number = 0
    for item in items:
        block = _block(array, item)
        if is_image(block):
            number += 1
            if not (made and _ends_with_label(document, array, made[-1])):
                made.append(text_block(f"Image {number}:", block))
        made.append(item)
    return made


def _block(array: list[Any], item: Item) -> Any:
    return array[item] if isinstance(item, int) else item


def _text(document: Document, array: list[Any], item: Item) -> str | None:
    block = _block(array, item)
    text = block.get("text") if isinstance(block, dict) else None
    return document.text(text) if isinstance(text, str) else None


def _is_text(document: Document, array: list[Any], item: Item, *, label: bool) -> bool:
    """Whether an item is a text that is a label, or one that is not."""
    text = _text(document, array, item)
    return text is not None and is_label(text) is label


def _ends_with_label(document: Document, array: list[Any], item: Item) -> bool:
    text = _text(document, array, item)
    lines = text.strip().splitlines() if text else []
    return bool(lines) and is_label(lines[-1])
