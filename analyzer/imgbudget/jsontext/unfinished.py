"""Whether an invalid document is only the beginning of a valid one, as in a file that is being written."""

import re
from codecs import getincrementaldecoder

from imgbudget.jsontext.document import BadDocument
from imgbudget.jsontext.source import JsonSource

_LONGEST_TAIL = 16
_TOKEN = rb"(?:tr?u?|fa?l?s?|nu?l?|[-+.eE]{0,3})[ \t\r]*"
"""What may follow the last complete token: a part of a literal or of a number."""
_ESCAPE = rb"u[0-9a-fA-F]{0,4}"


def is_unfinished(document: BadDocument, source: JsonSource) -> bool:
    """Whether the source ends inside of the document, without a line break, where more could follow.

    Raises UnreadableError and OSError as the source does.
    """
    if document.end < source.size or source.pread(1, source.size - 1) == b"\n":
        return False
    if document.message.startswith("not JSON: unterminated string"):
        return True
    size = document.end - document.offset
    if size > _LONGEST_TAIL:
        return False
    rest = source.pread(max(size, 0), document.offset)
    if "is not UTF-8" in document.message:
        return _is_cut_character(rest)
    cut = _ESCAPE if "escape" in document.message else _TOKEN
    return re.fullmatch(cut, rest) is not None


def _is_cut_character(rest: bytes) -> bool:
    """Whether bytes are the beginning of one character in UTF-8."""
    try:
        return getincrementaldecoder("utf-8")().decode(rest) == ""
    except UnicodeDecodeError:
        return False
