"""Images that a row of a list or table has as text."""

import base64
import re
from urllib.parse import unquote_to_bytes

NO_BASE64 = "the base64 of an image cannot be decoded"

_BLANK = re.compile(rb"[\s\\]+")
_STANDARD = bytes.maketrans(b"-_", b"+/")


def decoded(text: str) -> bytes | None:
    """The bytes that a base64 text or a data URI stands for, None if it cannot be decoded.

    Both alphabets are taken, and line breaks.
    """
    text = text.strip()
    if text[:5].lower() == "data:":
        head, _, text = text.partition(",")
        if not head.lower().endswith(";base64"):
            return unquote_to_bytes(text)
    raw = _BLANK.sub(b"", text.encode("ascii", "replace")).rstrip(b"=").translate(_STANDARD)
    try:
        return base64.b64decode(raw + b"=" * (-len(raw) % 4), validate=True)
    except ValueError:
        return None
