"""PDF files as documents: their pages counted, and read by pypdf where the extra `pdf` is installed."""

from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from importlib.util import find_spec
from types import MethodType
from typing import TYPE_CHECKING, BinaryIO, Protocol, cast

from imgbudget.namedtuples import NamedTuple
from imgbudget.positional import open_file, pread

if TYPE_CHECKING:
    from imgbudget.imageinfo.pdf import PageCount

MOST_PAGES = 10_000
"""Pages of a document that are read; a request takes far fewer."""

_MAGIC = b"%PDF-"
NEEDS_PYPDF = "pypdf is needed: pip install 'imgbudget[pdf]'"


class PdfPage(NamedTuple):
    """A page as viewers show it: width and height in points of 1/72 inch, turned as the page says.

    `characters` and `text_bytes` are those of its text layer; None if it was not looked for, or is too long.
    `flaw` is why the page cannot be read, a clause.
    """

    width: float = 0
    height: float = 0
    characters: int | None = None
    text_bytes: int | None = None
    flaw: str | None = None


class DocumentPages(Protocol):
    """The pages of a document. Every method may raise whatever pypdf raises."""

    def __len__(self) -> int: ...

    def size(self, number: int) -> tuple[float, float]:
        """Width and height of a page in points."""

    def text(self, number: int) -> str | None:
        """Its text; None if too much of it would be read."""


class OpenDocument(NamedTuple):
    """An open PDF file: its number of pages, or why that is not known; `readable` if pypdf is installed."""

    file: BinaryIO
    counted: "PageCount"
    readable: bool

    def pages(self) -> DocumentPages:
        """Its pages, up to `MOST_PAGES` of them. May raise whatever pypdf raises."""
        module = import_module("imgbudget.imageinfo.pdf_pages")
        return cast("DocumentPages", module.PdfPages(self.file, self.counted))


def is_document(path: str, *, look: bool = False) -> bool:
    """Whether a file is a PDF: by its name, or, with `look`, by its first bytes too."""
    if path.lower().endswith(".pdf"):
        return True
    if not look:
        return False
    try:
        with open_file(path) as file:
            return file.read(len(_MAGIC)) == _MAGIC
    except (OSError, ValueError):
        return False


def has_reader() -> bool:
    """Whether the package that reads pages is installed."""
    return find_spec("pypdf") is not None


@contextmanager
def open_document(path: str) -> Iterator[OpenDocument]:
    """A PDF file, opened.

    Raises:
        OSError: it cannot be read.
    """
    from imgbudget.imageinfo.pdf import count_pages  # noqa: PLC0415 - request

    with open_file(path) as file:
        size = file.seek(0, 2)
        count = count_pages(MethodType(pread, file.fileno()), size)
        file.seek(0)
        yield OpenDocument(file, count, has_reader())
