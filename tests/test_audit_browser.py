"""The report of an audit in headless Chromium: sorting, filtering, keys, colours, paper, what axe-core finds.

Skipped without playwright and a Chromium (extra `dev-browser`; IMGBUDGET_CHROMIUM names another program).
axe-core is asked where AXE_CORE names its axe.min.js.
"""

import math
import os
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from imgbudget.model.subjects import Severity
from tests.reportpages import Page, found, image, many, page_of

playwright = pytest.importorskip(
    "playwright.sync_api", reason="needs playwright: pip install '.[dev-browser]'"
)
CHROMIUM = os.environ.get("IMGBUDGET_CHROMIUM") or shutil.which("chromium") or shutil.which("google-chrome")
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="needs Chromium: apt-get install chromium")

FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
COUNT = 12_000
HOSTILE = "<img src=x onerror=alert(1)>\u202egnp.jpg"
_VIOLATIONS = "addEventListener('securitypolicyviolation', e => console.error('refused ' + e.blockedURI))"


class Opened(NamedTuple):
    """A page in a tab, with its console messages and requests."""

    tab: Any
    said: list[str]
    asked: list[str]

    def names(self) -> list[str]:
        """The names in the rows that are in the document."""
        found: list[str] = self.tab.locator("#rows-table tbody th > bdi").all_text_contents()
        return found

    def numbers(self, column: int) -> list[int]:
        """The numbers of a column of the rows that are in the document."""
        texts = self.tab.locator(f"#rows-table tbody td:nth-child({column})").all_text_contents()
        return [self._number(text) for text in texts if text]

    @staticmethod
    def _number(text: str) -> int:
        """A number, the digits of an amount, or the product of two edges."""
        edges = [int(re.sub(r"[^0-9]", "", edge)) for edge in text.split("×")]
        return math.prod(edges)

    def shown_row_count(self) -> str:
        """The number of remaining rows as the page shows it."""
        text: str = self.tab.locator("#filter-count").text_content()
        return text


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """One Chromium for the module, with a separate profile."""
    with playwright.sync_playwright() as runner:
        started = runner.chromium.launch(executable_path=CHROMIUM, args=list(FLAGS))
        yield started
        started.close()


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A page of 12,000 rows, one with a name that means harm."""
    folder = tmp_path_factory.mktemp("page")
    worst = image(HOSTILE, byte_size=10**7, findings=[found("IB101", Severity.ERROR)])
    path = folder / "report.html"
    path.write_text(page_of(folder / "rows", [*many(COUNT - 1), worst]), encoding="utf-8")
    return path


@pytest.fixture
def opened(browser: Any, file: Path) -> Iterator[Opened]:
    """The page in a new tab; it must not log, be refused, or request anything."""
    yield from _opened(browser, file)


def _opened(browser: Any, file: Path, **options: Any) -> Iterator[Opened]:
    context = browser.new_context(viewport={"width": 1280, "height": 900}, **options)
    tab = context.new_page()
    tab.add_init_script(_VIOLATIONS)
    page = Opened(tab, [], [])
    tab.on("console", lambda message: page.said.append(message.text))
    tab.on("pageerror", lambda error: page.said.append(str(error)))
    tab.on("dialog", lambda dialog: page.said.append(f"dialog {dialog.message}"))
    tab.on("request", lambda request: page.asked.append(request.url))
    tab.goto(file.as_uri())
    yield page
    assert page.said == []
    assert [url for url in page.asked if not url.startswith("data:")] == [file.as_uri()]
    context.close()


def test_only_rows_in_sight_are_in_the_document(opened: Opened) -> None:
    """Twelve thousand rows, some dozens of elements; the last ones come by scrolling."""
    assert opened.shown_row_count() == f"{COUNT:,} rows"
    assert opened.names()[0] == "<img src=x onerror=alert(1)>\\u202egnp.jpg"
    assert len(opened.names()) < 60
    frame = opened.tab.locator("#rows-frame")
    frame.evaluate("frame => frame.scrollTop = frame.scrollHeight")
    last = opened.tab.locator("#rows-table tbody tr:last-child")
    playwright.expect(last).to_have_attribute("aria-rowindex", str(COUNT + 1))
    assert len(opened.names()) < 60
    assert opened.tab.locator("#rows-table").get_attribute("aria-rowcount") == str(COUNT + 1)


def test_rows_sort_by_every_column_both_ways(opened: Opened) -> None:
    """Numbers fall at first and rise at the second click; aria-sort says it of that column only."""
    for column, title in (
        (3, "Size, px"),
        (4, "Planned"),
        (5, "Bytes"),
        (6, "Tokens"),
        (7, "After plan"),
        (8, "Cost"),
        (9, "Quality"),
    ):
        button = opened.tab.get_by_role("button", name=title, exact=True)
        for order, reverse in (("descending", True), ("ascending", False)):
            button.click()
            numbers = opened.numbers(column)
            assert numbers == sorted(numbers, reverse=reverse)
            sorted_by = opened.tab.locator("#rows-table th[aria-sort]")
            assert sorted_by.count() == 1
            assert sorted_by.get_attribute("aria-sort") == order
            assert sorted_by.inner_text() == title
    opened.tab.get_by_role("button", name="Image", exact=True).click()
    assert opened.names()[0] == "photo_000000.jpg"


def test_rows_filter_by_name_finding_and_format(opened: Opened) -> None:
    """Each filter works alone and combined, can be cleared, and the number of remaining rows is shown."""
    opened.tab.get_by_label("Name contains").fill("PHOTO_00001")
    assert opened.shown_row_count() == f"10 of {COUNT:,} rows"
    assert all("photo_00001" in name for name in opened.names())
    opened.tab.locator("#filter-code").select_option("IB201")
    assert set(opened.names()) == {f"photo_0000{i}.jpg" for i in range(10, 20) if i % 3 == 0}
    opened.tab.get_by_label("Name contains").fill("")
    opened.tab.locator("#filter-code").select_option("none")
    assert (
        opened.shown_row_count()
        == f"{sum(i % 50 > 0 and i % 3 > 0 for i in range(COUNT - 1)):,} of {COUNT:,} rows"
    )
    opened.tab.get_by_label("Name contains").fill("no such name")
    assert opened.shown_row_count() == f"0 of {COUNT:,} rows"
    assert opened.names() == []
    opened.tab.get_by_role("button", name="Clear").click()
    playwright.expect(opened.tab.locator("#filter-count")).to_have_text(f"{COUNT:,} rows")


def test_everything_is_keyboard_accessible(opened: Opened) -> None:
    """The skip link is first, Enter sorts, and focused rows scroll with keys."""
    keys = opened.tab.keyboard
    keys.press("Tab")
    assert opened.tab.evaluate("document.activeElement.textContent") == "Skip to the report"
    keys.press("Enter")
    assert opened.tab.evaluate("document.activeElement.id") == "main"
    opened.tab.get_by_role("button", name="Bytes", exact=True).focus()
    keys.press("Enter")
    assert opened.tab.locator("[data-key=b]").get_attribute("aria-sort") == "descending"
    opened.tab.locator("#rows-frame").focus()
    keys.press("End")
    last = opened.tab.locator("#rows-table tbody tr:last-child")
    playwright.expect(last).to_have_attribute("aria-rowindex", str(COUNT + 1))
    outline = opened.tab.locator("#rows-frame").evaluate("frame => getComputedStyle(frame).outlineStyle")
    assert outline == "solid"


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_colour_scheme_follows_system_and_button(browser: Any, file: Path, scheme: str) -> None:
    """The system's colour scheme applies until the button is used."""
    for page in _opened(browser, file, color_scheme=scheme):
        ground = "getComputedStyle(document.body).backgroundColor"
        light, dark = "rgb(255, 255, 255)", "rgb(16, 21, 27)"
        mine, other = (light, dark) if scheme == "light" else (dark, light)
        assert page.tab.evaluate(ground) == mine
        page.tab.locator("#theme").click()
        assert page.tab.evaluate(ground) == other
        page.tab.locator("#theme").click()
        assert page.tab.evaluate(ground) == mine


@pytest.mark.parametrize("width", [1280, 390])
def test_nothing_is_wider_than_the_window(opened: Opened, width: int) -> None:
    """Nor is a table wider than its frame: on a narrow screen each row is a block."""
    opened.tab.set_viewport_size({"width": width, "height": 800})
    assert opened.tab.evaluate("document.documentElement.scrollWidth") == width
    wide = "frames => frames.filter(frame => frame.scrollWidth > frame.clientWidth).map(frame => frame.id)"
    assert opened.tab.locator(".frame").evaluate_all(wide) == []


def test_rows_are_blocks_on_a_narrow_screen(opened: Opened) -> None:
    """Each with all of its values inside it, and the last one can be scrolled to."""
    opened.tab.set_viewport_size({"width": 390, "height": 800})
    row = opened.tab.locator("#rows-table tbody tr:not(.gap)").nth(1)
    box = row.bounding_box()
    for cell in row.locator("th, td:not(:empty)").all():
        mine = cell.bounding_box()
        assert box["x"] <= mine["x"]
        assert mine["x"] + mine["width"] <= box["x"] + box["width"]
        assert box["y"] <= mine["y"]
        assert mine["y"] + mine["height"] <= box["y"] + box["height"]
    opened.tab.locator("#rows-frame").evaluate("frame => frame.scrollTop = frame.scrollHeight")
    last = opened.tab.locator("#rows-table tbody tr:last-child")
    playwright.expect(last).to_have_attribute("aria-rowindex", str(COUNT + 1))


def test_tables_are_readable_without_script(browser: Any, file: Path) -> None:
    """Without JavaScript the first hundred rows are shown, and controls that need it are hidden."""
    for page in _opened(browser, file, java_script_enabled=False):
        assert page.tab.locator("#rows-table tbody tr").count() == 100
        assert page.tab.locator("noscript p").is_visible()
        assert not page.tab.locator("#filters").is_visible()
        assert not page.tab.locator("#theme").is_visible()


def test_paper_is_light_and_has_no_controls(browser: Any, file: Path) -> None:
    """Printed from a dark screen."""
    for page in _opened(browser, file, color_scheme="dark"):
        page.tab.emulate_media(media="print", color_scheme="dark")
        assert page.tab.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
        assert not page.tab.locator("#theme").is_visible()
        assert not page.tab.locator("#filters").is_visible()
        assert page.tab.pdf(format="A4").startswith(b"%PDF")


@pytest.mark.skipif("AXE_CORE" not in os.environ, reason="AXE_CORE does not name axe-core's axe.min.js")
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_serious(browser: Any, file: Path, scheme: str) -> None:
    """The axe engine finds no violation in either colour scheme."""
    axe = Path(os.environ["AXE_CORE"]).read_text(encoding="utf-8")
    asked = f"(async () => {{ const module = undefined; {axe}; return await axe.run(); }})()"
    for page in _opened(browser, file, color_scheme=scheme):
        result = page.tab.evaluate(asked)
        assert len(result["passes"]) > 20
        assert [(item["impact"], item["id"], len(item["nodes"])) for item in result["violations"]] == []


def test_page_under_test_is_the_real_one(file: Path) -> None:
    """It carries more than ten thousand rows."""
    assert len(Page(file.read_text(encoding="utf-8")).places) == COUNT
