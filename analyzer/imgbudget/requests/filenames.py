"""The file that an image of a session came from, where the session names it: for a text in its place.

Agents name it beside the image (`filename`, Cline's `query`), in a label before it (`<file name="...">`), in
the record of the tool's result (`toolUseResult` of Claude Code), or only in the call that the result answers.
"""

import re
from collections.abc import Iterator
from typing import Any

from imgbudget.imageinfo.files import EXTENSION_TYPES
from imgbudget.jsontext.document import Document
from imgbudget.model.location import Keys
from imgbudget.printable import one_line
from imgbudget.slotted import dataclass, field

_NAMES = ("filename", "filePath", "file_path", "displayName", "display_name")
"""Keys of which the value is the name of a file."""

_PATHS = (*_NAMES, "absolute_path", "path", "query", "uri", "displayPath")
"""Keys of which the value may be the name of a file: it is if it has the suffix of an image."""

_CALL_IDS = ("id", "call_id", "toolCallId", "callId", "tool_call_id")
_INPUTS = ("input", "arguments", "args", "action")
_ANSWERED_IDS = ("tool_use_id", "toolCallId", "call_id", "tool_call_id", "callId", "id")

_LONGEST = 300
"""Characters of the longest name that is taken for one."""

_LONGEST_INPUT = 4096
_label = re.compile(r'\b(?:name|path)="([^"\n]{1,300})"').search
_suffix = re.compile(r"\.([A-Za-z0-9]{2,5})$").search
_path_in = re.compile(r'"([^"\\\n]{1,300}\.[A-Za-z0-9]{2,5})"').findall


@dataclass(slots=True)
class FileNames:
    """The names of files in the calls of tools of a session, as its documents are read in order."""

    _by_call: dict[str, str] = field(default_factory=dict)

    def take(self, document: Document) -> None:
        """Keep which file each call in a document names; none for a call that names several."""
        for value in _objects(document.value):
            names = {name for key in _INPUTS if key in value for name in _paths_in(document, value[key])}
            if len(names) != 1:
                continue
            for key in _CALL_IDS:
                if isinstance(identity := value.get(key), str):
                    self._by_call[identity] = next(iter(names))

    def of(self, document: Document, keys: Keys) -> str | None:
        """The name of the file of the image at a path of a document, on one line; None if it is not known."""
        above = _above(document.value, keys)
        for value, key in reversed(above):
            name = _beside(document, value, key)
            if name:
                return _shown(name)
        for value, _ in reversed(above):
            for key in _ANSWERED_IDS if isinstance(value, dict) else ():
                identity = value.get(key)
                if isinstance(identity, str) and (name := self._by_call.get(identity)):
                    return _shown(name)
        return None


def _above(value: Any, keys: Keys) -> list[tuple[Any, Any]]:
    """The containers on the way to a path, outermost first, each with the key that leads on."""
    found: list[tuple[Any, Any]] = []
    for key in keys:
        found.append((value, key))
        if isinstance(value, dict) and isinstance(key, str):
            value = value.get(key)
        elif isinstance(value, list) and isinstance(key, int) and key < len(value):
            value = value[key]
        else:
            break
    found.append((value, None))
    return found


def _beside(document: Document, value: Any, key: Any) -> str | None:
    """The name in a container on the way to an image, or in the label before it."""
    if isinstance(value, list):
        before = value[key - 1] if isinstance(key, int) and 0 < key <= len(value) else None
        text = before.get("text") if isinstance(before, dict) else None
        label = _label(document.text(text, _LONGEST)) if isinstance(text, str) else None
        return label[1] if label else None
    if not isinstance(value, dict):
        return None
    for name in _PATHS:
        if (found := _name(document, value.get(name))) and (name in _NAMES or _is_image(found)):
            return found
    result = value.get("toolUseResult")
    if not isinstance(result, dict):
        return None
    file = result.get("file")
    return _name(document, file.get("filePath") if isinstance(file, dict) else result.get("filePath"))


def _name(document: Document, value: Any) -> str | None:
    if not isinstance(value, str):
        return None
    name = document.text(value, _LONGEST + 1).strip()
    return name if 0 < len(name) <= _LONGEST else None


def _is_image(name: str) -> bool:
    suffix = _suffix(name)
    return suffix is not None and suffix[1].lower() in EXTENSION_TYPES


def _objects(value: Any) -> Iterator[dict[str, Any]]:
    """Every object in a value."""
    stack = [value]
    while stack:
        item = stack.pop()
        if isinstance(item, dict):
            yield item
            stack.extend(item.values())
        elif isinstance(item, list):
            stack.extend(item)


def _paths_in(document: Document, value: Any) -> Iterator[str]:
    """The names of images in the input of a call, which some agents keep as text."""
    if isinstance(value, str):
        yield from filter(_is_image, _path_in(document.text(value, _LONGEST_INPUT)))
        return
    stack = [value]
    while stack:
        item = stack.pop()
        if isinstance(item, dict):
            stack.extend(item.values())
        elif isinstance(item, list):
            stack.extend(item)
        elif (name := _name(document, item)) and _is_image(name):
            yield name


def _shown(name: str) -> str:
    return one_line(" ".join(name.split()))
