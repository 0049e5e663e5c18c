"""The PDF files among the paths of `imgbudget plan`: each page as text, as an image, and as both."""

import os
from collections.abc import Iterator, Sequence
from functools import partial

from imgbudget.auditing.failures import attempt, reason_of, until_failure
from imgbudget.discovery.filetypes import FileKind, kind_of
from imgbudget.discovery.walk import NOT_CHECKABLE
from imgbudget.imageinfo.documents import (
    NEEDS_PYPDF,
    DocumentPages,
    OpenDocument,
    PdfPage,
    is_document,
    open_document,
)
from imgbudget.limits.bound import Limits
from imgbudget.limits.geometry import Tier
from imgbudget.linter.run import Session
from imgbudget.model.results import Summary
from imgbudget.output.base import count
from imgbudget.output.documents import DocumentPlan
from imgbudget.planner.documents import PageTokens, page_tokens


def documents_in(paths: Sequence[str]) -> tuple[str, ...]:
    """The paths that are PDF files."""
    files = (path for path in dict.fromkeys(paths) if os.path.isfile(path))
    return tuple(path for path in files if is_document(path, look=kind_of(path) is FileKind.UNKNOWN))


def found_documents(summary: Summary) -> tuple[str, ...]:
    """The PDF files that a search found and skipped; they are taken out of the skipped files."""
    found = [path for path, reason in summary.skipped if reason == NOT_CHECKABLE and is_document(path)]
    if found:
        taken = set(found)
        summary.skipped[:] = [one for one in summary.skipped if one[0] not in taken]
        summary.files -= len(found)
    return tuple(found)


def planned_document(session: Session, path: str, *, named: bool = True) -> DocumentPlan:
    """The plan of a PDF file, for the model and with the limits of the configuration nearest to it."""
    context = session.context.at(path)
    return plan_document_file(path, context.limits(), context.data.tiers, named=named)


def plan_document_file(
    path: str, limits: Limits, tiers: Sequence[Tier], *, named: bool = True
) -> DocumentPlan:
    """The plan of a PDF file; what cannot be read is a reason in it."""

    def failed(error: Exception) -> Iterator[DocumentPlan]:
        yield DocumentPlan(path, limits, None, (), reason_of(error, "cannot be read"), named)

    def made() -> Iterator[DocumentPlan]:
        with open_document(path) as document:
            yield _plan(path, document, limits, tiers)._replace(named=named)

    return next(until_failure(made(), failed))


def _plan(path: str, document: OpenDocument, limits: Limits, tiers: Sequence[Tier]) -> DocumentPlan:
    pages, reason = document.counted
    if pages is None or not document.readable:
        return DocumentPlan(
            path, limits, pages, (), reason or f"for the size and text of its pages {NEEDS_PYPDF}"
        )
    found = document.pages()
    read = [_page(found, number, limits, tiers) for number in range(len(found))]
    flawed = sum(page.flaw is not None for page, _ in read)
    return DocumentPlan(path, limits, pages, read, f"{count(flawed, 'page')}" if flawed else None)


def _page(
    pages: DocumentPages, number: int, limits: Limits, tiers: Sequence[Tier]
) -> tuple[PdfPage, PageTokens | None]:
    """A page and its tokens; a text that cannot be read costs only itself."""
    sizes = (pages.size(number) for _ in range(1))
    flaws: list[str] = []

    def failed(error: Exception) -> Iterator[tuple[float, float]]:
        flaws.append(reason_of(error, "cannot be read"))
        yield 0, 0

    width, height = next(until_failure(sizes, failed))
    if flaws:
        return PdfPage(flaw=flaws[0]), None
    text = attempt(partial(pages.text, number), otherwise=None)
    page = PdfPage(width, height)
    if text is not None:
        page = page._replace(characters=len(text), text_bytes=len(text.encode("utf-8", "replace")))
    return page, page_tokens(width, height, page.text_bytes, limits, tiers)
