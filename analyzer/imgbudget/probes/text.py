"""Telling text apart: HTML, SVG, XML, JSON, plain text, and images that somebody left as base64."""

from imgbudget.probes.signatures import Kind

_BYTE_ORDER_MARKS = ((b"\xef\xbb\xbf", "utf-8"), (b"\xff\xfe", "utf-16-le"), (b"\xfe\xff", "utf-16-be"))
_CONTROL = bytes(set(range(32)) - set(b"\t\n\v\f\r\b\x1b")) + b"\x7f"
_BEYOND_ASCII = bytes(range(0x80, 0x100))
_HTML = (
    "<!doctype html",
    "<html",
    "<head",
    "<body",
    "<script",
    "<table",
    "<div",
    "<p>",
    "<h1",
    "<meta",
    "<title",
)
_BASE64_IMAGES = ("iVBORw0KGgo", "/9j/", "R0lGOD", "UklGR", "data:image/")
"""How base64 of PNG, JPEG, GIF and RIFF starts, and a data URI."""


def identify_text(head: bytes, *, whole: bool) -> Kind:
    """The kind of a text by its first bytes; Kind() when it is no text. `whole`: there is nothing more."""
    text = _decode(head, whole=whole)
    if text is None:
        return Kind()
    start = text.lstrip()
    if start.startswith(_BASE64_IMAGES):
        return Kind(content="base64 text of an image")
    if start.startswith("<"):
        return _markup(start)
    if start.startswith("#define ") and "_width" in start:
        return Kind("xbm")
    if _is_json(start):
        return Kind(content="JSON")
    return Kind(content="plain text")


def _decode(head: bytes, *, whole: bool) -> str | None:
    for mark, encoding in _BYTE_ORDER_MARKS:
        if head.startswith(mark):
            return head[len(mark) :].decode(encoding, "replace")
    if head.translate(None, _CONTROL) != head:
        return None
    try:
        return head.decode("utf-8")
    except UnicodeDecodeError as error:
        # the first read may end inside a character
        cut = not whole and error.start >= len(head) - 3
        return head[: error.start].decode("utf-8") if cut else _decode_latin(head)


def _decode_latin(head: bytes) -> str | None:
    """Text of an older encoding: letters beyond ASCII are few in it."""
    beyond = len(head) - len(head.translate(None, _BEYOND_ASCII))
    return head.decode("latin-1") if 4 * beyond < len(head) else None


def _markup(text: str) -> Kind:
    lower = text.lower()
    if lower.startswith(_HTML):
        return Kind(content="HTML")
    at = lower.find("<svg")
    html = lower.find("<html")
    if at >= 0 and (html < 0 or at < html):
        return Kind("svg")
    if html >= 0:
        return Kind(content="HTML")
    return Kind(content="XML" if lower[1:2].isalpha() or lower[1:2] in {"?", "!"} else "plain text")


def _is_json(text: str) -> bool:
    """Whether an object or a list starts here as only JSON does."""
    if not text.startswith(("{", "[")):
        return False
    inside = text[1:].lstrip()
    if text[0] == "{":
        return inside.startswith(('"', "}"))
    return inside.startswith(("{", "[", '"', "]", "-", "true", "false", "null")) or inside[:1].isdigit()
