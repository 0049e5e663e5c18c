"""What `imgbudget audit` writes to files: tables and lists in parts, and the page."""

from collections.abc import Collection, Iterable
from contextlib import nullcontext
from functools import partial
from typing import TYPE_CHECKING

from imgbudget.auditing.statistics import AuditStatistics
from imgbudget.auditing.store import Store
from imgbudget.cli.output import show, whole_file

if TYPE_CHECKING:
    from imgbudget.auditing.html.textviews import TextViews


def write_lines(texts: Iterable[str], file: str | None) -> None:
    """Write a text in parts, since it may be larger than memory."""
    with nullcontext(None) if file is None else whole_file(file) as out:
        for text in texts:
            if out is None:
                show(text)
            else:
                out.write(text)


def write_page(
    store: Store, statistics: AuditStatistics, file: str, *, text_codes: Collection[str] = ()
) -> None:
    """Write the HTML page; images with a finding of `text_codes` are read again to show what was found."""
    from imgbudget.auditing.html import page, thumbnails  # noqa: PLC0415 - command

    views: TextViews | None = None
    if text_codes:
        from imgbudget.auditing.html.textviews import text_views  # noqa: PLC0415 - extra

        views = partial(text_views, codes=text_codes, limits=store.limits)
    with whole_file(file) as out:
        out.write(page.page(statistics, store, thumbnails.thumbnails, views))
