"""Pages of PDF files in folders, each of them an image of the request that it makes.

Their raster is made by the API, so no page has bytes. It is counted at the size that the smallest tier of
Claude uses of it, for which pages of models of all tiers were billed; its text costs more and is not counted.
"""

from collections.abc import Iterator

from imgbudget.auditing.records import RecordBuilder, RowLocation
from imgbudget.auditing.rows import FactsRecord
from imgbudget.imageinfo.documents import NEEDS_PYPDF, DocumentPages, open_document
from imgbudget.output.base import count
from imgbudget.planner.documents import page_raster

PAGE = "a page of a PDF, counted at the size that is used of it; its text costs more"


def rows(path: str, where: RowLocation, builder: RecordBuilder) -> Iterator[FactsRecord]:
    """The rows of the pages; one row if they cannot be counted or read."""
    with open_document(path) as document:
        pages, reason = document.counted
        if pages is None:
            yield builder.skip(where, f"a PDF whose pages cannot be counted: {reason}", missed=True)
            return
        if not document.readable:
            text = (
                f"a PDF of {count(pages, 'page')}, each an image of its request; to count them {NEEDS_PYPDF}"
            )
            yield builder.skip(where, text, missed=True)
            return
        found = document.pages()
        for number in range(len(found)):
            place = where._replace(row=number, pointer="")
            yield from builder.guarded(
                place, _page(found, number, place, builder), "a page that cannot be read"
            )
        if not pages:
            yield builder.skip(where, "a PDF without pages")


def _page(
    pages: DocumentPages, number: int, where: RowLocation, builder: RecordBuilder
) -> Iterator[FactsRecord]:
    size = page_raster(*pages.size(number), builder.session.limits.tiers)
    yield builder.page(where, size, PAGE)
