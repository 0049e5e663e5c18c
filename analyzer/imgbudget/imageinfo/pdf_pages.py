"""The size of each page of a PDF file and the text in it, by pypdf; its number of pages is counted first.

Work is bounded by bytes and pages: a file whose structure `count_pages` refuses is not given to pypdf, and
neither are long contents of pages.
"""

import logging
import os
from typing import BinaryIO

import pypdf

from imgbudget.errors import UnreadableError
from imgbudget.imageinfo.documents import MOST_PAGES
from imgbudget.imageinfo.pdf import PageCount
from imgbudget.limits.values import figure

MOST_BYTES = 512 << 20
"""Bytes of a file above which its pages are not read: a request takes far fewer."""

MOST_CONTENT = 512 << 10
"""Bytes of the content of a page, packed or not, above which no text is looked for in it."""

MOST_CONTENTS = 32 << 20
"""Bytes of the contents of all pages after which no text is looked for in further ones."""

_MOST_POINTS = 14_400 * 75_000
"""The longest edge in points, with the largest unit of a page (ISO 32000-1, annex C)."""

logging.getLogger("pypdf").addHandler(logging.NullHandler())
logging.getLogger("pypdf").propagate = False


class PdfPages:
    """The pages of an open file, read one at a time. Every method may raise whatever pypdf raises.

    Raises:
        UnreadableError: it is too long, or has too many pages or other pages than it says.
    """

    def __init__(self, file: BinaryIO, counted: PageCount) -> None:
        if counted.pages is None:
            raise UnreadableError(counted.reason or "its pages are not known")
        if counted.pages > MOST_PAGES:
            raise UnreadableError(f"the pages of a document of more than {figure(MOST_PAGES)} are not read")
        if os.fstat(file.fileno()).st_size > MOST_BYTES:
            raise UnreadableError("the file is too long for its pages to be read")
        self._pages = pypdf.PdfReader(file).pages
        self._left = MOST_CONTENTS
        if len(self._pages) != counted.pages:
            found = figure(len(self._pages))
            raise UnreadableError(f"it says that it has {figure(counted.pages)} pages, but has {found}")

    def __len__(self) -> int:
        return len(self._pages)

    def size(self, number: int) -> tuple[float, float]:
        """Width and height of a page as viewers show it, in points.

        Raises:
            UnreadableError: it has none.
        """
        page = self._pages[number]
        box, whole, unit = page.cropbox, page.mediabox, float(page.user_unit)
        width = unit * (min(float(box.right), float(whole.right)) - max(float(box.left), float(whole.left)))
        height = unit * (min(float(box.top), float(whole.top)) - max(float(box.bottom), float(whole.bottom)))
        if not (0 < width <= _MOST_POINTS and 0 < height <= _MOST_POINTS):
            raise UnreadableError("it has no size")
        return (height, width) if page.rotation % 180 else (width, height)

    def text(self, number: int) -> str | None:
        """The text of a page without the blanks at its ends; None if too much of it would be read."""
        page = self._pages[number]
        content = page.get("/Contents")
        if content is None:
            return ""
        parts = content.get_object()
        streams = [part.get_object() for part in parts] if isinstance(parts, list) else [parts]
        if sum(len(getattr(one, "_data", b"")) for one in streams) > MOST_CONTENT:
            return None
        whole = page.get_contents()
        length = 0 if whole is None else len(whole.get_data())
        self._left -= length
        if length > MOST_CONTENT or self._left < 0:
            return None
        return str(page.extract_text()).strip()
