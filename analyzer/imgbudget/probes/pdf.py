"""The number of pages of a PDF file (ISO 32000-1), as the root of its page tree counts them."""

from imgbudget.probes.pdf_file import PdfFile
from imgbudget.probes.pdf_syntax import PdfError
from imgbudget.probes.reader import Read

_MARK_ROOM = 1024
_PAGE_LIMIT = 10_000_000


def count_pages(read: Read, size: int) -> int | None:
    """Pages of the PDF file of `size` bytes behind a positional reader; None when it cannot be told.

    That is so for files that are encrypted or damaged, and beyond 64 MB read or 32 MB inflated.

    Raises:
        OSError: as the reader raises it.
    """
    mark = read(_MARK_ROOM, 0).find(b"%PDF-")
    if mark < 0:
        return None
    file = PdfFile(read, size, mark)
    try:
        trailer = file.trailer()
        if b"/Encrypt" in trailer:
            return None
        catalogue = file.resolve(trailer.get(b"/Root"))
        pages = file.resolve(catalogue.get(b"/Pages")) if isinstance(catalogue, dict) else None
        count = file.resolve(pages.get(b"/Count")) if isinstance(pages, dict) else None
    except PdfError:
        return None
    return count if isinstance(count, int) and 0 <= count <= _PAGE_LIMIT else None
