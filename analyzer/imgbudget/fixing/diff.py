"""The difference that a fix makes: images in numbers, changed JSON values, long strings shortened."""

import json
from collections.abc import Iterator
from difflib import SequenceMatcher
from typing import Any, NamedTuple

from imgbudget.fixing.removed import image_at
from imgbudget.fixing.revisions import ImageRevision, RequestRevision, Revision, digest_of
from imgbudget.jsontext.document import BadDocument, Document, open_documents
from imgbudget.model.edits import ImageChange
from imgbudget.model.location import Keys, Location
from imgbudget.output.base import figure
from imgbudget.printable import joined

_SHOWN = 40
"""Characters of a shortened string."""

_LONG = 64
_PAYLOADS = ("data", "bytes", "url", "image_url")
"""Keys of the string that holds the bytes of an image."""

_STEP = 1 << 18


class Difference(NamedTuple):
    """A value of a document that changes: its path in the old document, and the old and new values as text.

    `one` is empty for an insertion, `other` for a removal.
    """

    path: Keys
    one: tuple[str, ...]
    other: tuple[str, ...]


def difference(before: Revision, after: Revision) -> str:
    """The difference as text."""
    lines = [f"--- {before.path}", f"+++ {after.path}"]
    if isinstance(before, ImageRevision):
        lines += _of_image(before, after)
    elif isinstance(before, RequestRevision) and isinstance(after, RequestRevision):
        lines += _of_text(before, after)
    return joined(lines)


def _of_image(before: ImageRevision, after: Revision) -> Iterator[str]:
    if before.path != after.path:
        yield f" renamed to {after.path}" + ("" if after.images else ", bytes unchanged")
    for change in after.images:
        yield f"-{change.before}"
        yield f"+{change.after}{change.how}"
        yield f" {_compared(before.data, b''.join(after.pieces()))}"


def _of_text(before: RequestRevision, after: RequestRevision) -> Iterator[str]:
    changes = {(location.document, location.keys or ()): change for location, change in after.changes.items()}
    olds = open_documents(before.source, lines=before.lines)
    news = open_documents(after.source, lines=after.lines)
    for old, new in zip(olds, news, strict=True):
        if isinstance(old, BadDocument) or isinstance(new, BadDocument):
            continue
        pair = _Pair(old, new)
        found = list(_differences(pair, old.value, new.value, ()))
        spans = old.spans(item.path for item in found)
        for item in found:
            line = spans[item.path].line if item.path in spans else old.line
            yield f"@@ line {line}, {Location('', item.path).pointer} @@"
            yield from (f"-{text}" for text in item.one)
            yield from (f"+{text}" for text in item.other)
            change = next((changes[key] for key in _prefixes(old.number, item.path) if key in changes), None)
            if change and item.path[-1] in _PAYLOADS:
                changes.pop((old.number, change.location.keys or ()))
                yield f" {change.before} -> {change.after}{change.how}"
                yield f" {_comparison(pair, before, change)}"
        # images in blocks that were moved
        for key in [key for key in changes if key[0] == old.number]:
            change = changes.pop(key)
            yield f"@@ {change.location.pointer} @@"
            yield f"-{change.before}"
            yield f"+{change.after}{change.how}"
            yield f" {_comparison(pair, before, change)}"


def _comparison(pair: "_Pair", before: RequestRevision, change: ImageChange) -> str:
    """The numbers of an image of a request; before the fix, its block may have been elsewhere."""
    places = (image.use.location for image in before.result.images)
    elsewhere = (place.keys or () for place in places if place.document == pair.old.number)
    for keys in (change.location.keys or (), *elsewhere):
        data = image_at(pair.old, keys)
        if data is not None and digest_of(data) == change.before.digest:
            return _compared(data, image_at(pair.new, change.location.keys or ()) or b"")
    return "not compared: the original is not found"


def _compared(before: bytes, after: bytes) -> str:
    from imgbudget.fixing.comparison import comparison  # noqa: PLC0415 - rare

    return comparison(before, after)


def _prefixes(number: int, path: Keys) -> Iterator[tuple[int, Keys]]:
    return ((number, path[:i]) for i in range(len(path), 0, -1))


class _Pair(NamedTuple):
    """A document before and after."""

    old: Document
    new: Document


def _differences(pair: _Pair, one: Any, other: Any, path: Keys) -> Iterator[Difference]:
    """The innermost values that differ."""
    if isinstance(one, dict) and isinstance(other, dict):
        for key in {**one, **other}:
            here = (*path, pair.old.text(key, _LONG) if key in one else pair.new.text(key, _LONG))
            if key not in one:
                yield Difference(here, (), (_shown(pair.new, other[key]),))
            elif key not in other:
                yield Difference(here, (_shown(pair.old, one[key]),), ())
            else:
                yield from _differences(pair, one[key], other[key], here)
    elif isinstance(one, list) and isinstance(other, list):
        yield from _of_arrays(pair, one, other, path)
    elif not _is_same(pair, one, other):
        yield Difference(path, (_shown(pair.old, one),), (_shown(pair.new, other),))


def _of_arrays(pair: _Pair, one: list[Any], other: list[Any], path: Keys) -> Iterator[Difference]:
    olds = [_shown(pair.old, item) for item in one]
    news = [_shown(pair.new, item) for item in other]
    if len(olds) == len(news) and (olds == news or sorted(olds) != sorted(news)):
        for i, (item, new) in enumerate(zip(one, other, strict=True)):
            yield from _differences(pair, item, new, (*path, i))
        return
    for kind, i, end, j, new_end in SequenceMatcher(None, olds, news, autojunk=False).get_opcodes():
        if kind == "equal" or (kind == "replace" and end - i == new_end - j):
            for at in range(end - i):
                yield from _differences(pair, one[i + at], other[j + at], (*path, i + at))
        else:
            yield Difference((*path, i), tuple(olds[i:end]), tuple(news[j:new_end]))


def _is_same(pair: _Pair, one: Any, other: Any) -> bool:
    if not (isinstance(one, str) and isinstance(other, str)):
        return bool(one == other) and type(one) is type(other)
    old, new = pair.old.payload(one), pair.new.payload(other)
    if old.length != new.length:
        return False
    return all(old.text(_STEP, at) == new.text(_STEP, at) for at in range(0, old.length, _STEP))


def _shown(document: Document, value: Any) -> str:
    """A value as JSON with its long strings shortened."""
    return json.dumps(_shortened(document, value), ensure_ascii=False)


def _shortened(document: Document, value: Any) -> Any:
    if isinstance(value, str):
        payload = document.payload(value)
        text = payload.text(min(payload.length, _LONG))
        if payload.length <= _LONG:
            return text
        return f"{text[:_SHOWN]}… ({figure(payload.length)} characters)"
    if isinstance(value, list):
        return [_shortened(document, item) for item in value]
    if isinstance(value, dict):
        return {document.text(key, _LONG): _shortened(document, item) for key, item in value.items()}
    return value
