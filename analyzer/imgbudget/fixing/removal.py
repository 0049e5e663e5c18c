"""Images that give way to texts: what is written in their place, by where a request or a session has them."""

import json
from collections.abc import Iterator
from typing import Any, NamedTuple

from imgbudget.errors import FixError
from imgbudget.fixing.blocks import path_of_block, replaced
from imgbudget.jsontext.document import Document
from imgbudget.jsontext.edit import Item, Layout, Region, Splice, as_json, rewritten, value_at
from imgbudget.model.fixes import ReplaceByText
from imgbudget.model.location import Key, Keys

_ADDRESSES = ("image_urls", "images_urls")
_PAGES = ("screenshot", "set_of_marks")


class Removal(NamedTuple):
    """The removal of images that are one place in the file.

    `path` is the block, or the list or string that the images are taken out of: `items` of the list, None for
    the whole value. `texts` come in their place, in `beside` where that is the path to a string they are
    appended to.
    """

    path: Keys
    texts: tuple[ReplaceByText, ...]
    items: frozenset[Key] | None = None
    beside: Keys | None = None

    def paths(self, document: Document) -> Iterator[Keys]:
        """The paths whose spans the splices need."""
        yield self.path
        if self.beside is not None:
            yield self.beside
        if self.items is not None:
            yield from ((*self.path, i) for i in range(len(value_at(document, self.path))))
            yield self.path[:-1]

    def splices(self, layout: Layout) -> Iterator[Splice]:
        """The changes of the file."""
        text = "\n".join(fix.text for fix in self.texts)
        if self.items is None and self.beside is None:
            yield _in_its_place(layout, self.path, ReplaceByText(text))
            return
        if self.items is None:
            yield Splice(*layout.region(self.path), (b'""',))
        else:
            kept: list[Item] = [i for i in range(len(layout.value(self.path))) if i not in self.items]
            if self.beside is None and not kept:  # nothing is left of the block
                yield Splice(*layout.region(self.path[:-1]), (_text_part(text),))
                return
            yield rewritten(layout, self.path, kept)
            if self.beside is None:
                block = layout.region(self.path[:-1])
                yield Splice(block.start, block.start, (_text_part(text) + b", ",))
        if self.beside is not None:
            yield _appended(layout, self.beside, text)


def removal_of(document: Document, keys: Keys, fix: ReplaceByText) -> Removal:
    """The removal of the image at a path of a document.

    Raises:
        FixError: there is no place for a text.
    """
    holder = value_at(document, keys[:-1])
    if keys[-1:] == ("file",) and isinstance(holder, dict) and holder.get("type") == "image":
        return Removal(keys[:-1], (fix,))
    if len(keys) > 2 and keys[-2] in _ADDRESSES:
        owner = value_at(document, keys[:-2])
        if isinstance(owner, dict) and owner.get("type") == "image" and isinstance(keys[-3], int):
            return Removal(keys[:-1], (fix,), frozenset(keys[-1:]))
        return Removal(keys[:-1], (fix,), frozenset(keys[-1:]), _text_of_event(document, keys[:-2]))
    if keys[-2:-1] == ("extras",) and keys[-1] in _PAGES:
        return Removal(keys, (fix,), None, _text_of_event(document, keys[:-1]))
    return Removal(path_of_block(document, keys), (fix,))


def joined_removals(removals: list[Removal]) -> list[Removal]:
    """The removals with those from one list as one."""
    found: dict[Keys, Removal] = {}
    for one in removals:
        first = found.get(one.path)
        if first is None or first.items is None or one.items is None:
            found[one.path] = one
        else:
            texts = (*first.texts, *one.texts)
            found[one.path] = first._replace(texts=texts, items=first.items | one.items)
    return list(found.values())


def _text_of_event(document: Document, holder: Keys) -> Keys:
    """The path to the text of an event of OpenHands whose images are in the object at a path."""
    path = (*holder, "content") if holder[-1:] == ("args",) else (*holder[:-1], "content")
    if not isinstance(value_at(document, path), str):
        raise FixError("there is no text beside the image that could say so")
    return path


def _in_its_place(layout: Layout, path: Keys, fix: ReplaceByText) -> Splice:
    block = layout.value(path)
    file = block.get("file") if isinstance(block, dict) else None
    if isinstance(file, dict):  # attached to a session of Claude Code, as an image or as lines of text
        lines = {"filePath": _attached_name(layout, path), "content": fix.text}
        new = {"type": "text", "file": lines | {"numLines": 1, "startLine": 1, "totalLines": 1}}
        return Splice(*layout.region(path), (as_json(new),))
    return replaced(layout, path, fix)


def _attached_name(layout: Layout, path: Keys) -> str:
    attachment: Any = layout.value(path[:-1])
    name = attachment.get("filename") if isinstance(attachment, dict) else None
    return layout.document.text(name) if isinstance(name, str) else ""


def _text_part(text: str) -> bytes:
    return as_json({"type": "text", "text": text})


def _appended(layout: Layout, path: Keys, text: str) -> Splice:
    """The splice that adds a text on a line to itself at the end of a string."""
    region = Region(*layout.region(path))
    before = "\n" if region.end - region.start > 2 else ""
    return Splice(region.end - 1, region.end - 1, (json.dumps(before + text)[1:-1].encode("ascii"),))
