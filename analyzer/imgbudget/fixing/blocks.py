"""Changes of the blocks of a request: left out, put in another order, labelled, replaced by a text."""

from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

from imgbudget.errors import FixError
from imgbudget.jsontext.document import Document
from imgbudget.jsontext.edit import Item, Layout, Splice, as_json, rewritten, value_at
from imgbudget.model.edits import BlockEdit
from imgbudget.model.fixes import DropBlock, ImagesFirst, LabelImages, ReplaceByText
from imgbudget.model.labels import is_label
from imgbudget.model.location import Keys

_IMAGES = ("image", "image_url", "input_image")


def route_of_block(document: Document, keys: Keys) -> Keys:
    """The route to the block in which an image stands.

    Raises:
        FixError: what stands there is no item of an array of blocks.
    """
    last = max((i for i, key in enumerate(keys) if isinstance(key, int)), default=-1)
    route = keys[: last + 1]
    block = value_at(document, route)
    if len(keys) - len(route) > 1 or not isinstance(block, dict) or not is_image(block):
        raise FixError("the image stands in no list of blocks")
    return route


def is_image(block: Any) -> bool:
    """Whether a block is an image, in any dialect."""
    if not isinstance(block, dict):
        return False
    return block.get("type") in _IMAGES or ("type" not in block and isinstance(block.get("image"), dict))


def text_block(text: str, like: dict[str, Any]) -> dict[str, Any]:
    """A text block as it is written where `like` is a block."""
    kind = like.get("type")
    if kind is None:
        return {"text": text}
    return {"type": "input_text" if str(kind).startswith("input_") else "text", "text": text}


def replaced(layout: Layout, route: Keys, fix: ReplaceByText) -> Splice:
    """The splice that puts a text in the place of the image block at a route."""
    block = layout.value(route)
    new = text_block(fix.text, block)
    if "cache_control" in block:  # what is cached ends here all the same
        new["cache_control"] = block["cache_control"]
    return Splice(*layout.region(route), (as_json(new),))


class Rearrangement(NamedTuple):
    """An array of blocks that is to have others, or in another order."""

    route: Keys
    items: tuple[Item, ...]

    def routes(self, document: Document) -> Iterator[Keys]:
        """The routes whose spans the splice needs."""
        yield from ((*self.route, i) for i in range(len(value_at(document, self.route))))

    def splice(self, layout: Layout) -> Splice:
        """What is written anew in the file."""
        return rewritten(layout, self.route, self.items)


class Emptied(NamedTuple):
    """A content that is nothing but an empty text and becomes a content of no blocks."""

    route: Keys

    def routes(self, _document: Document) -> Iterator[Keys]:
        """The route whose span the splice needs."""
        yield self.route

    def splice(self, layout: Layout) -> Splice:
        """What is written anew in the file."""
        return Splice(*layout.region(self.route), (b"[]",))


def rearrangements(document: Document, edits: Iterable[BlockEdit]) -> Iterator[Rearrangement | Emptied]:
    """The arrays in which blocks are left out, moved before the text or labelled, each once.

    Raises:
        FixError: a place leads to nothing that can be changed so.
    """
    arrays: dict[Keys, list[BlockEdit]] = {}
    for edit in edits:
        keys = edit.location.keys or ()
        if not isinstance(edit.fix, DropBlock):
            arrays.setdefault(route_of_block(document, keys)[:-1], []).append(edit)
        elif not isinstance(value_at(document, keys[:-1]), list):
            yield Emptied(keys)
        else:
            arrays.setdefault(keys[:-1], []).append(edit)
    for route, here in arrays.items():
        array = value_at(document, route)
        dropped = {
            edit.location.keys[-1] for edit in here if isinstance(edit.fix, DropBlock) and edit.location.keys
        }
        items: list[Item] = [i for i in range(len(array)) if i not in dropped]
        if any(isinstance(edit.fix, ImagesFirst) for edit in here):
            items = _images_first(document, array, items)
        if any(isinstance(edit.fix, LabelImages) for edit in here):
            items = _labelled(document, array, items)
        yield Rearrangement(route, tuple(items))


def _images_first(document: Document, array: list[Any], items: list[Item]) -> list[Item]:
    """The images, each with the label before it, before the first text that is more than a label."""
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
    """Whether an item is a text that is a label, or one that is none."""
    text = _text(document, array, item)
    return text is not None and is_label(text) is label


def _ends_with_label(document: Document, array: list[Any], item: Item) -> bool:
    text = _text(document, array, item)
    lines = text.strip().splitlines() if text else []
    return bool(lines) and is_label(lines[-1])
