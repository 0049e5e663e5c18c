"""Pages of audits for tests: made of rows, read by the standard parser."""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

from imgbudget.auditing.aggregate import AuditContext, aggregate
from imgbudget.auditing.html.page import page
from imgbudget.auditing.rowfiles import write_rows
from imgbudget.auditing.rows import FactsRecord
from imgbudget.auditing.statistics import Row
from imgbudget.auditing.store import open_rows, row_files
from imgbudget.limits.geometry import Size
from imgbudget.linter.options import RunOptions
from imgbudget.linter.run import Session
from imgbudget.model.subjects import Finding, Severity
from tests.findings import finding_of

SESSION = Session(RunOptions(isolated=True))
MIDDLING = Size(800, 600)
VOID = frozenset({"meta", "input", "img", "br", "link", "wbr"})


class Page(HTMLParser):
    """What a page is made of: elements with their attributes, text, what script and style hold."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.text: list[str] = []
        self.raw: list[tuple[str, dict[str, str | None], str]] = []
        self.broken: list[str] = []
        self._open: list[str] = []
        self.feed(text)
        self.close()
        self.broken += [f"{name} stays open" for name in self._open]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Take an element."""
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self._open.append(tag)
        if tag in ("script", "style"):
            self.raw.append((tag, dict(attrs), ""))

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Take an element of a drawing that holds nothing."""
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        """Check that the element is the one that is open."""
        if not self._open or self._open.pop() != tag:
            self.broken.append(f"{tag} ends out of turn")

    def handle_data(self, data: str) -> None:
        """Take text."""
        if self._open and self._open[-1] in ("script", "style"):
            tag, attributes, text = self.raw[-1]
            self.raw[-1] = (tag, attributes, text + data)
        else:
            self.text.append(data)

    def of(self, tag: str) -> list[dict[str, str | None]]:
        """The attributes of all elements of a name."""
        return [attributes for name, attributes in self.elements if name == tag]

    @property
    def ids(self) -> Counter[str]:
        """How often each id occurs."""
        return Counter(str(attributes["id"]) for _, attributes in self.elements if "id" in attributes)

    @property
    def data(self) -> Any:
        """The rows that the page carries."""
        (text,) = (text for tag, attributes, text in self.raw if attributes.get("id") == "rows-data")
        return json.loads(text)

    @property
    def places(self) -> list[str]:
        """The places of the rows that the page carries, put together as its script does."""
        data, name, found = self.data, "", []
        for folder, shared, rest in zip(data["d"], data["p"], data["n"], strict=True):
            name = name[:shared] + rest
            found.append(data["folders"][folder] + name)
        return found


def no_thumbnails(rows: Sequence[Row]) -> Mapping[str, str]:
    """Nothing can be had."""
    return {}


def page_of(
    folder: Path, records: Sequence[FactsRecord], files: int = 1, sources: tuple[str, ...] = ("x",)
) -> str:
    """The page of these rows, from so many files."""
    folder.mkdir(exist_ok=True)
    for i in range(files):
        data = write_rows(records[i::files], SESSION.limits.tiers, dict)
        (folder / f"rows-{i}.parquet").write_bytes(data)
    with open_rows(row_files(str(folder)), SESSION.context.limits()) as store:
        statistics = aggregate(store, AuditContext(SESSION.limits, SESSION.registry.rules, sources))
        return page(statistics, store, no_thumbnails)


def found(code: str, severity: Severity, measured: float = 9000, limit: float = 8000) -> Finding:
    """A finding as rows keep it."""
    return finding_of(code=code, severity=severity, measured=measured, limit=limit, unit="px")


def image(name: str, size: Size | None = MIDDLING, byte_size: int = 1000, **more: Any) -> FactsRecord:
    """The row of an image."""
    return FactsRecord(
        "x",
        name,
        format="jpeg",
        size=size,
        visible=size,
        byte_size=byte_size,
        base64_bytes=byte_size * 4 // 3,
        **more,
    )


def many(count: int) -> list[FactsRecord]:
    """Rows of different sizes and findings."""
    error, warning = found("IB101", Severity.ERROR), found("IB201", Severity.WARNING)
    return [
        image(
            f"{i % 20:02}/photo_{i:06}.jpg",
            Size(200 + i * 7 % 9000, 200 + i * 11 % 3000),
            i * 7919 % 1_000_003,
            quality=i % 100 + 1,
            findings=[error, warning] if i % 50 == 0 else [warning] if i % 3 == 0 else [],
        )
        for i in range(count)
    ]
