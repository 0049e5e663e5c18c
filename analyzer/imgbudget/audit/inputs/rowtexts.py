"""What a text in a row may be: the name of an image, base64 of one, JSON with more values."""

import json
import re
from typing import Any

from imgbudget.discovery.filetypes import FileKind, kind_of
from imgbudget.requests.payloads import LEAST, begins_payload

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
    """The object or list that a text is in JSON, or a list of texts as Python writes it; None if neither."""
    if len(text) > _MOST_NESTED or text.rstrip()[-1:] not in ("]", "}"):
        return None
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return _python_list(text) if "'" in text else None
    return value if isinstance(value, dict | list) else None


def _python_list(text: str) -> list[Any] | None:
    inner = text.strip()
    if not inner.startswith("[") or _PYTHON_TEXT.sub("", inner).strip("[], \n"):
        return None
    texts = (match[1] if match[1] is not None else match[2] for match in _PYTHON_TEXT.finditer(inner))
    return [_ESCAPED.sub(r"\1", one) for one in texts]
