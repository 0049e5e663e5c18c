"""What `imgbudget audit` writes to files: tables and lists in parts, and the page."""

from collections.abc import Iterable
from contextlib import nullcontext

from imgbudget.auditing.statistics import AuditStatistics
from imgbudget.auditing.store import Store
from imgbudget.cli.output import show, whole_file


def write_lines(texts: Iterable[str], file: str | None) -> None:
    """Write a text in parts, since it may be larger than memory."""
    with nullcontext(None) if file is None else whole_file(file) as out:
        for text in texts:
            if out is None:
                show(text)
            else:
                out.write(text)


def write_page(store: Store, statistics: AuditStatistics, file: str) -> None:
    """Write the HTML page."""
    from imgbudget.auditing.html.page import page  # noqa: PLC0415 - command
    from imgbudget.auditing.html.thumbnails import thumbnails  # noqa: PLC0415 - command

    with whole_file(file) as out:
        out.write(page(statistics, store, thumbnails))
