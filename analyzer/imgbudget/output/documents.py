"""Plans of the pages of documents, as text tables and as JSON."""

from collections.abc import Sequence
from typing import Any, NamedTuple

from imgbudget.imageinfo.documents import PdfPage
from imgbudget.limits.bound import Limits
from imgbudget.output.base import TextTable, count, figure, money
from imgbudget.output.records import usd
from imgbudget.planner.documents import TEXT_BYTES_PER_TOKEN, PageTokens
from imgbudget.printable import joined

MOST_LISTED = 100
"""Pages of a document in the table; JSON has all."""

_WAYS = {"text": "as text", "image": "as images at the DPI", "both": "as a document block (both)"}
_INCH = 72


class DocumentPlan(NamedTuple):
    """A document: its pages as far as they were read, and why not all were; `pages` is None if unknown."""

    path: str
    limits: Limits
    pages: int | None
    read: Sequence[tuple[PdfPage, PageTokens | None]]
    flaw: str | None = None
    named: bool = True
    """Whether its path was given, and not found in a folder: then its pages are listed."""

    def sum_of(self, way: str) -> int | None:
        """The tokens of all pages that were read, sent one way; None if those of a page are not known."""
        found = [getattr(plan, way) for _, plan in self.read if plan is not None]
        if way == "text":
            return sum(one or 0 for one in found)
        return None if None in found else sum(found)

    @property
    def without_text(self) -> int:
        """Pages that have no text layer."""
        return sum(page.characters == 0 for page, _ in self.read)


def document_record(plan: DocumentPlan) -> dict[str, Any]:
    """One document and each of its pages."""
    return {
        "path": plan.path,
        "model": plan.limits.model,
        "platform": plan.limits.platform or None,
        "pages": plan.pages,
        "not_read": plan.flaw,
        "tokens": {way: plan.sum_of(way) for way in _WAYS},
        "cost_usd": {way: usd(plan.limits.cost_usd(plan.sum_of(way))) for way in _WAYS},
        "page": [
            {
                "number": number,
                "points": [round(page.width, 2), round(page.height, 2)],
                "text_layer": None if page.characters is None else page.characters > 0,
                "characters": page.characters,
                "dpi": found and found.dpi,
                "raster": found and list(found.raster),
                "tokens": {way: found and getattr(found, way) for way in _WAYS},
                "not_read": page.flaw,
            }
            for number, (page, found) in enumerate(plan.read, 1)
        ],
    }


def document_text(plan: DocumentPlan, *, show_all: bool, colour: bool) -> str:
    """The table of a document's pages, the sums, and what they rest on."""
    limits = plan.limits
    whole = "an unknown number of pages" if plan.pages is None else count(plan.pages, "page")
    head = f"{plan.path}: {whole} for {limits.model} on {limits.platform or 'an unknown platform'}"
    if not plan.read:
        return joined([head, f"not read: {plan.flaw}"])
    if not plan.named and not show_all:
        return joined([head, _sums(plan)])
    names = ("page", "inches", "text layer", "DPI", "raster", "as text", "as image", "as both")
    table = TextTable(names, colour=colour)
    shown = len(plan.read) if show_all else MOST_LISTED
    for number, (page, found) in enumerate(plan.read[:shown], 1):
        if found is None:
            table.add(str(number), "", f"not read: {page.flaw}", "", "", "", "", "")
            continue
        table.add(
            str(number),
            f"{page.width / _INCH:.2f}x{page.height / _INCH:.2f}",
            _layer(page),
            f"{found.dpi:.2f}",
            str(found.raster),
            *(_amount(getattr(found, way)) for way in _WAYS),
        )
    more = len(plan.read) - shown
    lines = [f"and {count(more, 'more page')}; --all lists them"] if more > 0 else []
    return joined([head]) + table.text(right={3, 5, 6, 7}) + joined([*lines, *_foot(plan)])


def _layer(page: PdfPage) -> str:
    if page.characters is None:
        return "not read"
    return count(page.characters, "character") if page.characters else "none"


def _amount(tokens: int | None) -> str:
    return "" if tokens is None else figure(tokens)


def _sums(plan: DocumentPlan) -> str:
    """The tokens of all pages that were read, in each way to send them."""
    sums = []
    for way, name in zip(
        _WAYS, ("as text", "as images at the DPI", "as a document block (both)"), strict=True
    ):
        tokens = plan.sum_of(way)
        cost = plan.limits.cost_usd(tokens)
        price = "" if cost is None else f" ({money(cost)})"
        sums.append(f"{name} not known" if tokens is None else f"{name} {figure(tokens)} tokens{price}")
    return f"all pages: {'; '.join(sums)}"


def _foot(plan: DocumentPlan) -> list[str]:
    """The sums, what they rest on, and what a request takes."""
    limits = plan.limits
    lines = [_sums(plan)]
    if plan.without_text:
        lines.append(
            f"{count(plan.without_text, 'page')} without a text layer: as text nothing of them is sent"
        )
    low, high = limits.page_text_tokens_low.value, limits.page_text_tokens_high.value
    lines.append(
        f"text is estimated at {TEXT_BYTES_PER_TOKEN} bytes a token, usual in English; "
        f"the PDF guide says {figure(low)} to {figure(high)} tokens of text for a typical page"
    )
    lines.append(
        "a raster at the DPI is used without a change; a document block is counted with the page as the "
        "smallest tier uses it, as recorded pages were billed: the size of its raster is not published"
    )
    media = limits.least_request_media
    if media is not None and plan.pages is not None and plan.pages > media.value:
        parts = -(-plan.pages // media.value)
        lines.append(
            f"a request takes at most {figure(media.value)} images and pages: split the document in {parts}"
        )
    if plan.flaw:
        lines.append(f"not read: {plan.flaw}")
    return lines
