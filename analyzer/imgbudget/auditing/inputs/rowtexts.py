"""What a text in a row may be: the name of an image, base64 of one, JSON with more values."""

import json
import re
from typing import Any

from imgbudget.auditing.inputs.fieldnames import carries
from imgbudget.auditing.inputs.values import starts_as_image
from imgbudget.discovery.filetypes import FileKind, kind_of
from imgbudget.jsontext.relaxed import NotRelaxedError, relaxed_json
from imgbudget.requests.payloads import LEAST, begins_payload

HEAD = 32
"""Bytes that show whether data is an image; no image is shorter."""

MOST_NAME = 8192
"""Characters of a text above which it is no path or URL of an image."""

_MOST_NESTED = 64 << 20
"""Characters of a text that is parsed as JSON."""

_URL = re.compile(r"[a-zA-Z][a-zA-Z0-9+.-]{1,20}://")
_WEB = re.compile(r"https?://", re.IGNORECASE)
_PYTHON_TEXT = re.compile(r"""'((?:[^'\\]|\\.)*+)'|"((?:[^"\\]|\\.)*+)\"""")
_ESCAPED = re.compile(r"""\\(['"\\])""")


def looks_like_name(text: str) -> bool:
    """Whether a text is the path or URL of an image, by its suffix."""
    if not 4 <= len(text) <= MOST_NAME or "\n" in text:
        return False
    if _URL.match(text):
        text = text.partition("?")[0].partition("#")[0]
    elif "?" in text and text.startswith("/data/local-files/"):
        text = text.rpartition("=")[2]
    dot = text.rfind(".")
    return dot >= 0 and len(text) - dot <= 6 and kind_of(text) is FileKind.IMAGE


def is_data_text(text: str) -> bool:
    """Whether a text is base64 of an image, or a data URI of one."""
    if len(text) < LEAST or not begins_payload(head := text[:256]):
        return False
    declared, comma, rest = head.lstrip().partition(",")
    if declared[:5].lower() != "data:":
        return True
    return declared[:11].lower() == "data:image/" or (bool(comma) and begins_payload(rest))


def is_web(name: str) -> bool:
    """Whether a name is a URL of the web."""
    return _WEB.match(name) is not None


def nested_value(text: str) -> dict[str, Any] | list[Any] | None:
    """The object or list that a text is, in JSON or as Python prints it; None if neither."""
    if len(text) > _MOST_NESTED or text.rstrip()[-1:] not in ("]", "}"):
        return None
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return (_python_list(text) or _printed(text)) if "'" in text else None
    return value if isinstance(value, dict | list) else None


def _printed(text: str) -> dict[str, Any] | list[Any] | None:
    """An object or list as Python prints it, such as the images in a CSV of `datasets.to_csv`."""
    text = text.strip()
    try:
        made = relaxed_json(text, 0)
        value = json.loads(made.text, object_hook=_with_bytes) if made.end == len(text) else None
    except (NotRelaxedError, ValueError, RecursionError):
        return None
    return value if isinstance(value, dict | list) else None


def _with_bytes(value: dict[str, Any]) -> dict[str, Any]:
    """The object, with images that were printed as `b'...'` as numbers."""
    for key, text in value.items():
        if isinstance(text, str) and carries(key):
            try:
                data = text.encode("latin-1")
            except UnicodeEncodeError:
                continue
            if starts_as_image(data[:HEAD]):
                value[key] = list(data)
    return value


def _python_list(text: str) -> list[Any] | None:
    inner = text.strip()
    if not inner.startswith("[") or _PYTHON_TEXT.sub("", inner).strip("[], \n"):
        return None
    texts = (match[1] if match[1] is not None else match[2] for match in _PYTHON_TEXT.finditer(inner))
    return [_ESCAPED.sub(r"\1", one) for one in texts]
