"""Writes values and comments of a YAML configuration so that its reader gets the same values back."""

import re

from imgbudget.config.suggest import plain

MAX_TEXT = 200
"""Most characters of a text that is taken over from a request."""

_AMOUNT = re.compile(r"\$?[0-9]{1,15}(\.[0-9]{1,9})?( [KMG]?B)?", re.ASCII)

_COMMENT = 32
"""Column at which comments begin."""


def is_writable(text: str) -> bool:
    """Whether a text from outside can be a value of a configuration: not blank, not long, valid Unicode."""
    is_unicode = not any("\ud800" <= char <= "\udfff" for char in text)
    return is_unicode and len(text) <= MAX_TEXT and bool(text.strip())


def scalar(text: str) -> str:
    """A text as a YAML value in double quotes, on one line of printable characters.

    Raises:
        ValueError: it has a lone surrogate, which YAML cannot express.
    """
    return f'"{"".join(map(_escaped, text))}"'


def _escaped(char: str) -> str:
    code = ord(char)
    if 0xD800 <= code <= 0xDFFF:
        raise ValueError(f"YAML has no lone surrogates: {code:#x}")
    if char in '"\\':
        return f"\\{char}"
    if char.isprintable():
        return char
    return f"\\x{code:02x}" if code < 1 << 8 else f"\\u{code:04x}" if code < 1 << 16 else f"\\U{code:08x}"


def amount(text: str) -> str:
    """An amount with its unit as a YAML value, which needs no quotes."""
    return text if _AMOUNT.fullmatch(text) else scalar(text)


def line(text: str, comment: str) -> str:
    """A line of YAML with a comment, whose words from outside must have gone through `remark`."""
    return f"{text.ljust(_COMMENT)}  # {comment}"


def remark(text: str) -> str:
    """A text from outside for a comment: without line breaks, which would end it, and not long."""
    return plain(text)
