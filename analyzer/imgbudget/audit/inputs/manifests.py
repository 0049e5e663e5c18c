"""Lists of images: LLaVA and OpenAI style JSONL or JSON with image paths, HF metadata, COCO annotations.

The list is read when the run is planned; partitions contain the paths, which are relative to a root.
"""

import json
import os
from collections.abc import Iterator
from itertools import islice
from typing import IO, Any

from imgbudget.audit.inputs.objects import remote_image
from imgbudget.audit.inputs.opening import fingerprint, is_url, local_path, open_stream
from imgbudget.audit.partition import SHARE, ManifestEntry, Naming, Partition
from imgbudget.audit.records import RecordBuilder, RowLocation
from imgbudget.audit.rows import FactsRecord
from imgbudget.discovery.filetypes import FileKind
from imgbudget.discovery.walk import GONE, FoundFile, PathEntry, path_entry

_SNIFFED = 1 << 16
_KEYS = ("image", "images", "image_path", "file_name", "img_path", "image_paths")
"""Keys under which manifests name images, each a path or a list of them."""

_BROKEN = "\0broken"
_EMPTY = "\0empty"
_INLINE = "\0inline"
_REASONS = {
    _BROKEN: "not JSON, or not an object",
    _EMPTY: "the entry names no image",
    _INLINE: "the list contains the image as base64; expected a path",
}
"""Placeholders for entries without a path, with the reason."""


def is_manifest(where: str) -> bool:
    """Whether a JSON or JSONL file lists images by path, judging by its first entry.

    Raises:
        OSError: it cannot be read.
    """
    with open_stream(where) as stream:
        first = _first_object(stream.read(_SNIFFED))
    if first is None:
        return False
    if _is_coco(first):
        return True
    return any(not name.startswith(("data:", "\0")) for name, _ in _names(first) if not _on_the_web(name))


def _first_object(head: bytes) -> dict[str, Any] | None:
    """The first object of a list or of lines; for a longer object a stand-in if it starts like COCO."""
    text = head.decode("utf-8", "replace").lstrip("\ufeff \t\r\n[")
    try:
        value, _ = json.JSONDecoder().raw_decode(text)
    except (ValueError, RecursionError):
        start = text[:4096]
        coco = start.startswith("{") and any(f'"{key}"' in text for key in ("images", "annotations"))
        return {"images": [{"file_name": ""}]} if coco and '"file_name"' in text else None
    return value if isinstance(value, dict) else None


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
    base = root or where.rpartition("/")[0] or "."
    state = f"{fingerprint(where)} {base}"
    entries = _entries(where)
    number = 0
    while items := tuple(islice(entries, SHARE)):
        fingerprints = "\n".join(f"{item.name}\0{_fingerprint(_join(base, item.name))}" for item in items)
        whole = Partition("", "manifests", source, base, start=number, items=items, fingerprint=state)
        yield naming.name(whole, fingerprints)
        number += len(items)
    if not number:
        yield naming.name(
            Partition("", "manifests", source, base, items=(ManifestEntry(_EMPTY),), fingerprint=state)
        )


def _fingerprint(path: str) -> str:
    if is_url(path):
        return ""
    try:
        stat = os.stat(path)
    except (OSError, ValueError):
        return ""
    return f"{stat.st_size} {stat.st_mtime_ns}"


def _join(base: str, name: str) -> str:
    if is_url(name):
        return local_path(name)
    return name if os.path.isabs(name) or base == "." else f"{base.rstrip('/')}/{name}"


def _entries(where: str) -> Iterator[ManifestEntry]:
    with open_stream(where) as stream:
        if where.lower().endswith((".jsonl", ".ndjson")):
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
        yield ManifestEntry(_EMPTY if isinstance(image, dict) else _BROKEN, None, pointer)
        return
    width, height = image.get("width"), image.get("height")
    claim = (width, height) if isinstance(width, int) and isinstance(height, int) else None
    yield ManifestEntry(name, None, pointer, claim)


def _listed(value: Any, row: int) -> Iterator[ManifestEntry]:
    if not isinstance(value, dict):
        yield ManifestEntry(_BROKEN, row)
        return
    names = list(_names(value))
    if not names:
        yield ManifestEntry(_EMPTY, row)
    for name, pointer in names:
        yield ManifestEntry(_INLINE if name.startswith("data:") else name, row, pointer)


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


def _in_block(block: dict[str, Any]) -> str | None:
    """The image of a content block: OpenAI's image_url, or a plain path."""
    for key in ("image_url", "image"):
        found = block.get(key)
        found = found.get("url") if isinstance(found, dict) else found
        if isinstance(found, str) and found:
            return found
    return None


def _on_the_web(name: str) -> bool:
    return name.startswith(("http://", "https://"))


def count(partition: Partition) -> int:
    """Images of the partition."""
    return len(partition.items)


def read(partition: Partition, builder: RecordBuilder) -> Iterator[FactsRecord]:
    """The rows of the images; those on the web are not downloaded."""
    for item in partition.items:
        if isinstance(item, ManifestEntry):
            yield from _row(item, partition, builder)


def _row(item: ManifestEntry, partition: Partition, builder: RecordBuilder) -> Iterator[FactsRecord]:
    where = RowLocation(partition.source, item.name, item.row, item.pointer)
    if item.name in _REASONS:
        yield builder.skip(where._replace(member=None), _REASONS[item.name], missed=item.name != _EMPTY)
        return
    if _on_the_web(item.name):
        yield builder.skip(where, "on the web; an audit downloads nothing", missed=True)
        return
    path = _join(partition.where, item.name)
    if is_url(path):
        yield remote_image(where, path, builder)
    elif path_entry(path) is PathEntry.FILE:
        yield from builder.file(where, FoundFile(path, FileKind.IMAGE), item.claim)
    else:
        reason = path_entry(path)
        text = reason if isinstance(reason, str) and reason != GONE else "no such file"
        yield builder.skip(where, f"named in the list: {text}", missed=True)
