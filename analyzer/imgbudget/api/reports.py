"""What the public functions return: values with the names of the JSON formats, as tables in notebooks."""

from collections.abc import Iterable, Mapping, Sequence
from html import escape
from importlib import import_module
from typing import TYPE_CHECKING, Literal, NamedTuple, TypeAlias

from imgbudget.model.results import Report
from imgbudget.model.subjects import Severity
from imgbudget.output.base import count
from imgbudget.output.records import (
    TOOL,
    VERSION,
    extra_records,
    failed_record,
    finding_record,
    image_record,
    request_record,
    summary_record,
)
from imgbudget.printable import one_line

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

Json: TypeAlias = dict[str, object]
"""A document or record of a JSON format, version 1."""

_SHOWN_ROWS = 20


class NarrowedBy(NamedTuple):
    """The configuration of a folder, and in a clause what it leaves out there: files, or rules."""

    path: str
    leaves_out: str


def narrowed_by(found: Iterable[tuple[str, str]]) -> tuple[NarrowedBy, ...]:
    """What configurations of folders leave out."""
    return tuple(NarrowedBy(path, clause) for path, clause in found)


class TableReport:
    """A report with a list of records: a table for pandas, Arrow and notebooks."""

    __slots__ = ()

    def to_dict(self) -> Json:
        """The document of the command of that name with `--format json`."""
        raise NotImplementedError

    def records(self) -> list[Json]:
        """The list of the document: a dictionary for each result."""
        raise NotImplementedError

    def to_pandas(self) -> "pd.DataFrame":
        """The records as a data frame. Raises ImportError without pandas."""
        return as_pandas(self.records())

    def to_arrow(self) -> "pa.Table":
        """The records as a table of Arrow. Raises ImportError without pyarrow."""
        return as_arrow(self.records())

    def _columns(self) -> tuple[str, ...]:
        """The names that notebooks show."""
        raise NotImplementedError

    def _repr_html_(self) -> str:
        return html_table(repr(self), self._columns(), self.records())


def records_in(document: Json, name: str) -> list[Json]:
    """A list of a document."""
    found = document[name]
    return [dict(record) for record in found] if isinstance(found, list) else []


class CheckReport(Report):
    """What a check found: `findings`, `images`, `requests`, the results of `files`, and a `summary`."""

    __slots__ = ()

    def __repr__(self) -> str:
        found = self.summary.findings
        severities = [count(found[one], str(one)) for one in sorted(Severity, reverse=True) if found[one]]
        what = [count(self.summary.files, "file"), count(self.summary.images, "image")]
        return f"<CheckReport: {', '.join([*what, *(severities or ['no findings'])])}>"

    @property
    def narrowed_by(self) -> tuple[NarrowedBy, ...]:
        """What configurations of folders leave out."""
        return narrowed_by(self.summary.narrowed)

    def to_dict(self) -> Json:
        """The document of `imgbudget check --format json`."""
        fixes = [file.fix for file in self.files if file.fix]
        return {
            "version": VERSION,
            "tool": TOOL,
            "findings": self.records("findings"),
            "images": self.records("images"),
            "requests": self.records("requests"),
            "fixed": [finding_record(finding) for fix in fixes for finding in fix.fixed],
            "not_fixed": [failed_record(failed) for fix in fixes for failed in fix.failed],
            "summary": summary_record(self.summary),
            **dict(extra_records(self.summary)),
        }

    def records(self, table: Literal["findings", "images", "requests"] = "findings") -> list[Json]:
        """One of the lists of the document: a dictionary for each finding, image or request."""
        if table == "findings":
            return [finding_record(finding) for finding in self.findings]
        if table == "images":
            return [image_record(image) for image in self.images]
        return [request_record(request) for request in self.requests]

    def to_pandas(self, table: Literal["findings", "images", "requests"] = "findings") -> "pd.DataFrame":
        """One of the lists as a data frame. Raises ImportError without pandas."""
        return as_pandas(self.records(table))

    def to_arrow(self, table: Literal["findings", "images", "requests"] = "findings") -> "pa.Table":
        """One of the lists as a table of Arrow. Raises ImportError without pyarrow."""
        return as_arrow(self.records(table))

    def _repr_html_(self) -> str:
        columns = ("code", "severity", "path", "location", "message", "help")
        return html_table(repr(self), columns, self.records())


def as_pandas(records: Sequence[Json]) -> "pd.DataFrame":
    """Records as a data frame, a column for each name. Raises ImportError without pandas."""
    frame: pd.DataFrame = import_module("pandas").DataFrame.from_records(list(records))
    return frame


def as_arrow(records: Sequence[Json]) -> "pa.Table":
    """Records as a table of Arrow, a column for each name. Raises ImportError without pyarrow."""
    from imgbudget.auditing.arrowtables import arrow_table  # noqa: PLC0415 - extra

    return arrow_table(records)


def html_table(caption: str, columns: Sequence[str], records: Sequence[Mapping[str, object]]) -> str:
    """The first records as a table of HTML, for notebooks."""
    head = "".join(f"<th>{escape(column)}</th>" for column in columns)
    rows = "".join(
        f"<tr>{''.join(f'<td>{_cell(record.get(column))}</td>' for column in columns)}</tr>"
        for record in records[:_SHOWN_ROWS]
    )
    more = len(records) - _SHOWN_ROWS
    rest = f"<tr><td colspan={len(columns)}>and {more:,} more</td></tr>" if more > 0 else ""
    name = escape(caption.strip("<>"))
    return (
        f"<table><caption>{name}</caption><thead><tr>{head}</tr></thead><tbody>{rows}{rest}</tbody></table>"
    )


def _cell(value: object) -> str:
    if value is None:
        return ""
    text = " x ".join(map(str, value)) if isinstance(value, list) else str(value)
    return escape(one_line(text))
