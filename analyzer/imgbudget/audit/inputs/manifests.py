"""Lists of images: LLaVA and OpenAI style JSONL or JSON with image paths, HF metadata, COCO annotations.

The list is read when the run is planned; partitions contain the paths, which are relative to a root.
"""

import json
import os
from collections.abc import Iterator
from itertools import islice
from typing import IO, Any

from imgbudget.audit.inputs.objects import SkipReasons, named_image
from imgbudget.audit.inputs.opening import fingerprint, open_stream
from imgbudget.audit.partition import SHARE, ManifestEntry, Naming, Partition
from imgbudget.audit.records import RecordBuilder, RowLocation
from imgbudget.audit.references import (
    MOST_CHARACTERS,
    TOO_LONG,
    LocalFile,
    RefusedReference,
    RemoteFile,
    RowReferences,
    Target,
    folder_of,
)
from imgbudget.audit.rows import FactsRecord

DAMAGE = "damaged list"

_SNIFFED = 1 << 16
_KEYS = ("image", "images", "image_path", "file_name", "img_path", "image_paths")
"""Keys under which manifests name images, each a path or a list of them."""

_NAMED = SkipReasons("named in the list: ", "named in the list: no such file")

_BEFORE = "\ufeff \t\r\n["
"""What is before the first object of a file."""

_TURNS = ("messages", "contents", "input")
"""Keys of requests: an API reads the URLs in them, so they are checked as requests."""

_BROKEN = "not JSON, or not an object"
_EMPTY = "the entry names no image"
_UNUSABLE = "what the entry names an image by is not a path"
_INLINE = "the list contains the image as base64; expected a path"
"""The reasons of entries without a path."""


def is_manifest(where: str) -> bool:
    """Whether a JSON or JSONL file lists images by path, judging by the first entry that tells.

    Raises:
        OSError: it cannot be read.
    """
    with open_stream(where) as stream:
        head = stream.read(_SNIFFED)
    verdicts = (_lists_images(value) for value in _objects(head, lines=_has_lines(where)))
    return next((verdict for verdict in verdicts if verdict is not None), False)


def _has_lines(where: str) -> bool:
    return where.lower().endswith((".jsonl", ".ndjson"))


def _lists_images(value: dict[str, Any]) -> bool | None:
    """Whether this is the entry of a list of images; None if the next one has to tell."""
    if _is_coco(value):
        return True
    is_request = any(key in value for key in _TURNS)
    if any(not _is_inline(name) and not (is_request and _on_the_web(name)) for name, _ in _names(value)):
        return True
    return None if "conversations" in value else False  # LLaVA's entry without an image


def _on_the_web(name: str) -> bool:
    return name.lower().startswith(("http://", "https://"))


def _objects(head: bytes, *, lines: bool) -> Iterator[dict[str, Any]]:
    """The objects with which a list or lines begin; what is broken or something else is passed over in lines.

    A first object that is longer than the head has a stand-in if it starts like COCO.
    """
    text = head.decode("utf-8", "replace")
    found = False
    for value in _values_of_lines(text) if lines else _values_of_list(text):
        if isinstance(value, dict):
            found = True
            yield value
    start = text.lstrip(_BEFORE)[:4096]
    coco = start.startswith("{") and any(f'"{key}"' in text for key in ("images", "annotations"))
    if not found and coco and '"file_name"' in text:
        yield {"images": [{"file_name": ""}]}


def _values_of_lines(text: str) -> Iterator[Any]:
    for line in text.split("\n"):
        try:
            yield json.loads(line.lstrip("\ufeff"))
        except (ValueError, RecursionError):
            continue


def _values_of_list(text: str) -> Iterator[Any]:
    """The values of a list, or the only value, up to where the text ends or is broken."""
    decoder = json.JSONDecoder()
    at = len(text) - len(text.lstrip(_BEFORE))
    while at < len(text):
        try:
            value, at = decoder.raw_decode(text, at)
        except (ValueError, RecursionError):
            return
        yield value
        while at < len(text) and text[at] in ", \t\r\n":
            at += 1


def _is_coco(value: dict[str, Any]) -> bool:
    images = value.get("images")
    return (
        isinstance(images, list) and bool(images) and isinstance(images[0], dict) and "file_name" in images[0]
    )


def plan(source: str, where: str, naming: Naming, *, root: str | None = None) -> Iterator[Partition]:
    """Partitions of a thousand images; their paths are relative to `root`, by default the list's folder.

    Raises:
        OSError: the list cannot be read.
    """
    base = root or folder_of(where)
    state = f"{fingerprint(where)} {base}"
    references = RowReferences(naming.access)
    entries = _entries(where)
    number = 0
    while items := tuple(islice(entries, SHARE)):
        whole = Partition("", "manifests", source, base, start=number, items=items, fingerprint=state)
        states = (
            f"{item.name}\0{item.flaw or _state(_target(item.name, whole, references))}" for item in items
        )
        yield naming.name(whole, "\n".join(states))
        number += len(items)
    if not number:
        empty = ManifestEntry(None, flaw=_EMPTY)
        yield naming.name(Partition("", "manifests", source, base, items=(empty,), fingerprint=state))


def _target(name: str | None, partition: Partition, references: RowReferences) -> Target:
    """What an entry of the list means; rows may also name what lies beside the list."""
    return references.resolve(name or "", partition.where, folder_of(partition.source))


def _state(target: Target) -> str:
    """A text that changes with the file, or with whether it may be opened."""
    match target:
        case RefusedReference(reason):
            return reason
        case RemoteFile(url):
            return str(url)
        case LocalFile(path):
            try:
                stat = os.stat(path)
            except (OSError, ValueError):
                return ""
            return f"{stat.st_size} {stat.st_mtime_ns}"


def _entries(where: str) -> Iterator[ManifestEntry]:
    with open_stream(where) as stream:
        if _has_lines(where):
            yield from _lines(stream)
        else:
            yield from _whole(json.load(stream))


def _lines(stream: IO[bytes]) -> Iterator[ManifestEntry]:
    for row, line in enumerate(stream):
        if not line.strip():
            continue
        try:
            value = json.loads(line)
        except (ValueError, RecursionError):
            value = None
        yield from _listed(value, row)


def _whole(value: Any) -> Iterator[ManifestEntry]:
    if isinstance(value, dict) and _is_coco(value):
        for i, image in enumerate(value["images"]):
            yield from _coco(image, i)
    else:
        for i, entry in enumerate(value if isinstance(value, list) else [value]):
            yield from _listed(entry, i)


def _coco(image: Any, number: int) -> Iterator[ManifestEntry]:
    pointer = f"/images/{number}"
    name = image.get("file_name") if isinstance(image, dict) else None
    if not isinstance(name, str) or not name:
        yield ManifestEntry(None, None, pointer, flaw=_EMPTY if isinstance(image, dict) else _BROKEN)
        return
    width, height = image.get("width"), image.get("height")
    claim = (width, height) if isinstance(width, int) and isinstance(height, int) else None
    yield ManifestEntry(name, None, pointer, claim, _flaw(name))


def _listed(value: Any, row: int) -> Iterator[ManifestEntry]:
    if not isinstance(value, dict):
        yield ManifestEntry(None, row, flaw=_BROKEN)
        return
    names = list(_names(value))
    unusable = list(_unusable(value))
    for pointer in unusable:
        yield ManifestEntry(None, row, pointer, flaw=_UNUSABLE)
    if not names and not unusable:
        yield ManifestEntry(None, row, flaw=_EMPTY)
    for name, pointer in names:
        yield ManifestEntry(name, row, pointer, flaw=_flaw(name))


def _flaw(name: str) -> str | None:
    return _INLINE if _is_inline(name) else TOO_LONG if len(name) > MOST_CHARACTERS else None


def _is_inline(name: str) -> bool:
    return name[:5].lower() == "data:"


def _names(value: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """The images that an entry names, with their pointers: under its own keys, then in its messages."""
    for key in _KEYS:
        found = value.get(key)
        for i, name in enumerate(found if isinstance(found, list) else [found]):
            if isinstance(name, str) and name:
                yield name, f"/{key}/{i}" if isinstance(found, list) else f"/{key}"
    messages = value.get("messages")
    for i, message in enumerate(messages if isinstance(messages, list) else ()):
        content = message.get("content") if isinstance(message, dict) else None
        for j, block in enumerate(content if isinstance(content, list) else ()):
            if isinstance(block, dict) and (name := _in_block(block)):
                yield name, f"/messages/{i}/content/{j}"


def _unusable(value: dict[str, Any]) -> Iterator[str]:
    """Pointers to what stands in the place of a path. A lone number or truth value is no name of an image."""
    for key in _KEYS:
        found = value.get(key)
        if isinstance(found, dict):
            yield f"/{key}"
        for i, name in enumerate(found if isinstance(found, list) else ()):
            if name is not None and not isinstance(name, str):
                yield f"/{key}/{i}"


def _in_block(block: dict[str, Any]) -> str | None:
    """The image of a content block: OpenAI's image_url, or a plain path."""
    for key in ("image_url", "image"):
        found = block.get(key)
        found = found.get("url") if isinstance(found, dict) else found
        if isinstance(found, str) and found:
            return found
    return None


def count(partition: Partition) -> int:
    """Images of the partition."""
    return len(partition.items)


def read(partition: Partition, builder: RecordBuilder) -> Iterator[FactsRecord]:
    """The rows of the images."""
    for item in partition.items:
        if isinstance(item, ManifestEntry):
            where = RowLocation(partition.source, item.name, item.row, item.pointer)
            yield from builder.guarded(where, _row(item, where, partition, builder))


def _row(
    item: ManifestEntry, where: RowLocation, partition: Partition, builder: RecordBuilder
) -> Iterator[FactsRecord]:
    if item.flaw is not None:
        yield builder.skip(where._replace(member=None), item.flaw, missed=item.flaw != _EMPTY)
        return
    target = _target(item.name, partition, builder.references)
    yield from named_image(target, where, builder, _NAMED, item.claim)
