"""The page "What does this image cost?" of a built site in headless Chromium: typing, dropping, no server.

Skipped unless IMGBUDGET_SITE names a site that tools/site/build.py made, and without playwright and a
Chromium (extra `dev-browser`; IMGBUDGET_CHROMIUM names another program).
"""

import base64
import functools
import http.server
import json
import os
import shutil
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from tools.site.replacing import MARKER

from tests.builders import body, image_block, image_bytes

playwright = pytest.importorskip(
    "playwright.sync_api", reason="needs playwright: pip install '.[dev-browser]'"
)
CHROMIUM = os.environ.get("IMGBUDGET_CHROMIUM") or shutil.which("chromium") or shutil.which("google-chrome")
SITE = os.environ.get("IMGBUDGET_SITE", "")
pytestmark = [
    pytest.mark.skipif(CHROMIUM is None, reason="needs Chromium: apt-get install chromium"),
    pytest.mark.skipif(not SITE, reason="needs a built site: IMGBUDGET_SITE"),
]

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
PATIENCE = 120_000
"""Milliseconds for Python to start in the browser: two on a quiet machine."""

_VIOLATIONS = "addEventListener('securitypolicyviolation', e => console.error('refused ' + e.blockedURI))"
_DROP = """([files, target]) => {
  const transfer = new DataTransfer();
  for (const [name, text] of files) {
    transfer.items.add(new File([Uint8Array.from(atob(text), (c) => c.charCodeAt(0))], name));
  }
  for (const name of ["dragover", "drop"]) {
    document.querySelector(target).dispatchEvent(
      new DragEvent(name, { dataTransfer: transfer, bubbles: true, cancelable: true }));
  }
}"""


class Server:
    """The site on this machine; can be stopped."""

    def __init__(self) -> None:
        handler = functools.partial(_Quiet, directory=SITE)
        self.http = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self.url = f"http://127.0.0.1:{self.http.server_address[1]}/"
        threading.Thread(target=self.http.serve_forever, daemon=True).start()

    def stop(self) -> None:
        """Refuse all connections from now on."""
        self.http.shutdown()
        self.http.server_close()


class _Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name of the standard library
        """Say nothing."""


class Asked(NamedTuple):
    """A page in a tab, what its console said, and what it asked for."""

    tab: Any
    said: list[str]
    urls: list[str]
    server: Server

    def answered(self) -> None:
        """Wait for the answer."""
        self.tab.wait_for_selector("#cost[data-state=ready]", timeout=PATIENCE)

    def row(self, model: str) -> list[str]:
        """The cells of a model in the first table, without the last."""
        row = self.tab.locator(".cost-table").first.locator("tbody tr", has_text=model).first
        cells: list[str] = row.locator("td").all_text_contents()
        return cells[:-1]


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """One Chromium for the module, with a separate profile."""
    assert (Path(SITE) / MARKER).exists(), f"{SITE} is no built site"
    with playwright.sync_playwright() as runner:
        started = runner.chromium.launch(executable_path=CHROMIUM, args=list(FLAGS))
        yield started
        started.close()


def _opened(browser: Any, page: str, **options: Any) -> Iterator[Asked]:
    server = Server()
    context = browser.new_context(**{"viewport": {"width": 1280, "height": 900}} | options)
    tab = context.new_page()
    tab.add_init_script(_VIOLATIONS)
    asked = Asked(tab, [], [], server)
    tab.on("console", lambda message: asked.said.append(message.text))
    tab.on("pageerror", lambda error: asked.said.append(str(error)))
    tab.on("request", lambda request: asked.urls.append(request.url))
    tab.goto(server.url + page)
    yield asked
    assert asked.said == []
    elsewhere = [url for url in asked.urls if not url.startswith((server.url, f"blob:{server.url}", "data:"))]
    assert elsewhere == []
    context.close()
    server.stop()


@pytest.fixture(scope="module")
def cost(browser: Any) -> Iterator[Asked]:
    """The page of costs, once it has answered the size that it begins with."""
    for asked in _opened(browser, "cost.html"):
        asked.answered()
        yield asked


def drop(cost: Asked, *files: tuple[str, bytes]) -> None:
    """Drop files on the form."""
    coded = [(name, base64.b64encode(data).decode()) for name, data in files]
    cost.tab.evaluate(_DROP, [coded, "#cost-form"])
    cost.answered()


def typed(cost: Asked, text: str) -> None:
    """Type a size and press Enter."""
    cost.tab.fill("#cost-size", text)
    cost.tab.press("#cost-size", "Enter")
    cost.answered()


def test_a_typed_size_is_answered_for_every_model(cost: Asked) -> None:
    """The numbers of the command, with the finding that the API downscales it."""
    typed(cost, "1920x1080")
    assert cost.tab.locator(".cost-table tbody tr").count() > 100
    assert cost.row("claude-sonnet-4-6") == ["1456x819", "1560", "$0.004680", "$4.68"]
    assert cost.row("claude-opus-4-8") == ["unchanged", "2691", "$0.013455", "$13.46"]
    row = cost.tab.locator(".cost-table tbody tr", has_text="claude-sonnet-4-6").first
    link = row.locator(".warning a")
    assert link.text_content() == "IB201 oversized-image"
    assert (Path(SITE) / link.get_attribute("href").removeprefix(cost.server.url)).is_file()
    assert cost.tab.url.endswith("#1920x1080")


def test_several_sizes_are_added_up_and_mistakes_named(cost: Asked) -> None:
    """A table of all together comes first; what is no size is listed with what to write."""
    typed(cost, "9000x600 1092x1092 wide")
    heads = cost.tab.locator("summary strong").all_text_contents()
    assert heads == ["All 2 images together", "9000x600", "1092x1092"]
    first = cost.tab.locator(".cost-table").first.locator("thead th")
    assert first.all_text_contents() == ["model", "tokens", "cost", "1,000 times", "what to know"]
    assert "'wide' is no size" in cost.tab.text_content("#cost-errors")
    table = cost.tab.locator(".cost-table").nth(1)
    errors = table.locator("tr", has_text="claude-sonnet-4-6").first.locator("p.error")
    assert "IB101" in errors.first.text_content()


def test_dropped_files_are_read_by_their_headers(cost: Asked) -> None:
    """Every format that APIs take, a damaged file, and one that is no image; two have one name."""
    formats = {"a.jpg": "JPEG", "b.png": "PNG", "c.gif": "GIF", "d.webp": "WEBP", "e.avif": "AVIF"}
    files = [(name, image_bytes((640, 480), kind)) for name, kind in formats.items()]
    files += [
        ("turned.jpg", image_bytes((800, 600), "JPEG", orientation=6)),
        ("b.png", image_bytes((64, 48))),
        ("request.json", json.dumps(body(image_block())).encode()),
        ("cut.png", image_bytes((400, 300))[:40]),
        ("notes.txt", b"hello"),
        ("x.bin", bytes(range(256))),
    ]
    drop(cost, *files)
    heads = cost.tab.locator("summary").all_text_contents()
    assert [head.split(" px")[0] for head in heads[1:-1]] == [
        *(f"{name} 640x480" for name in formats),
        "turned.jpg 600x800",
        "b.png 64x48",
    ]
    assert heads[-1].startswith("request.json: messages.0.content.0 ")
    none = "no image: neither an image nor a request"
    assert cost.tab.locator("#cost-errors li").all_text_contents() == [
        "cut.png: cannot be decoded: ends before its image data (40 bytes)",
        f"notes.txt: {none}: plain text",
        f"x.bin: {none}: unknown bytes",
    ]
    assert "/dropped" not in cost.tab.text_content("#cost")


def test_chosen_files_are_read_too(cost: Asked, tmp_path: Path) -> None:
    """As with the button of the form; one image has no table of all together."""
    (tmp_path / "photo.jpg").write_bytes(image_bytes((4000, 3000), "JPEG"))
    cost.tab.set_input_files("#cost-files", str(tmp_path / "photo.jpg"))
    cost.answered()
    assert cost.row("claude-sonnet-4-6")[:2] == ["1270x952", "1564"]
    assert cost.tab.locator("summary").count() == 1


HEIC = Path(__file__).parent / "fixtures" / "turned.heic"
"""480x640, stored turned by its EXIF block: what telephones write."""


def test_photos_of_telephones_are_read(cost: Asked) -> None:
    """HEIC, whose pixels no browser shows: its size, and that the API does not take it."""
    drop(cost, (HEIC.name, HEIC.read_bytes()), ("scan.tif", image_bytes((640, 480), "TIFF")))
    heads = cost.tab.locator("summary").all_text_contents()
    assert (
        heads[1] == "turned.heic 480x640 pxheic, 754 bytes, stored 640x480, shown by its EXIF orientation 6"
    )
    assert heads[2].startswith("scan.tif 640x480 pxtiff, ")
    row = cost.tab.locator(".cost-table").nth(1).locator("tr", has_text="claude-sonnet-4-6").first
    assert "IB104" in row.locator("p.error").first.text_content()


def test_pasted_image_is_read(browser: Any) -> None:
    """From the clipboard of the system, wherever the cursor is; pasted text stays text."""
    for cost in _opened(browser, "cost.html#64x64", permissions=["clipboard-read", "clipboard-write"]):
        cost.answered()
        cost.tab.evaluate(
            """async (text) => {
              const bytes = Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
              const image = new Blob([bytes], { type: "image/png" });
              await navigator.clipboard.write([new ClipboardItem({ "image/png": image })]);
            }""",
            base64.b64encode(image_bytes((222, 111))).decode(),
        )
        cost.tab.focus("#cost-size")
        cost.tab.keyboard.press("Control+V")
        cost.tab.locator("summary", has_text="image.png 222x111 px").wait_for(timeout=PATIENCE)
        assert cost.tab.input_value("#cost-size") == "64x64"
        cost.tab.evaluate("navigator.clipboard.writeText('800x600')")
        cost.tab.fill("#cost-size", "")
        cost.tab.keyboard.press("Control+V")
        cost.tab.keyboard.press("Enter")
        cost.tab.locator("summary strong", has_text="800x600").wait_for(timeout=PATIENCE)


def test_every_dropped_file_is_answered_or_named(cost: Asked) -> None:
    """Empty, vector, of other kinds, with names that are no names."""
    drop(
        cost,
        ("empty.png", b""),
        ("a.svg", b"<svg xmlns='http://www.w3.org/2000/svg' width='20' height='10'/>"),
        ("a.pdf", b"%PDF-1.4\n%%EOF"),
        ("b.json", b"{bad"),
        ("..", image_bytes((64, 48))),
        ("<b>.png", image_bytes((65, 48))),
    )
    heads = cost.tab.locator("summary strong").all_text_contents()
    assert heads == ["All 2 images together", "file ..", "<b>.png"]
    assert cost.tab.locator("#cost-errors li").all_text_contents() == [
        "empty.png: cannot be decoded: is empty (0 bytes)",
        "a.svg: format is svg; anthropic accepts only jpeg, png, gif and webp",
        "a.pdf: no image: neither an image nor a request: PDF",
        "b.json: not JSON: expecting property name enclosed in double quotes at line 1, column 2",
    ]
    drop(cost, ("notes.txt", b"hello"))
    assert cost.tab.text_content("#cost-state").startswith("Nothing could be read. ")
    assert cost.tab.locator(".cost-table").count() == 0


def test_large_image_is_answered_by_its_header(cost: Asked) -> None:
    """Half a gigabyte, of which a few kilobytes are read."""
    cost.tab.evaluate(
        """(text) => {
          const head = Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
          const transfer = new DataTransfer();
          transfer.items.add(new File([head, ...Array(8).fill(new Uint8Array(1 << 26))], "large.png"));
          document.dispatchEvent(new DragEvent("drop", { dataTransfer: transfer, cancelable: true }));
        }""",
        base64.b64encode(image_bytes((222, 111))).decode(),
    )
    cost.answered()
    (head,) = cost.tab.locator("summary").all_text_contents()
    assert head.startswith("large.png 222x111 pxpng, 536,")


def test_dropped_folder_is_named(cost: Asked, tmp_path: Path) -> None:
    """Beside a file that is answered, and alone; by a real drop, as files come from a file manager."""
    (tmp_path / "photos").mkdir()
    (tmp_path / "one.png").write_bytes(image_bytes((65, 64)))
    tool = cost.tab.context.new_cdp_session(cost.tab)
    for names in (["photos", "one.png"], ["photos"]):
        data = {"items": [], "files": [str(tmp_path / name) for name in names], "dragOperationsMask": 1}
        for kind in ("dragEnter", "dragOver", "drop"):
            tool.send("Input.dispatchDragEvent", {"type": kind, "x": 200, "y": 200, "data": data})
        cost.tab.locator("summary", has_text="one.png").wait_for(
            state="attached" if "one.png" in names else "detached", timeout=PATIENCE
        )
        cost.answered()
        named = cost.tab.locator("#cost-errors li").all_text_contents()
        assert named == ["photos: a folder: drop the images in it"]


def test_models_can_be_filtered_and_ordered(cost: Asked) -> None:
    """By a part of the name, by provider, and from the cheapest on; unknown costs come last."""
    typed(cost, "1920x1080")
    names = ".cost-table tbody th"
    cost.tab.fill("#cost-filter", "opus")
    assert all("opus" in name for name in cost.tab.locator(names).all_text_contents())
    cost.tab.fill("#cost-filter", "")
    cost.tab.select_option("#cost-platform", "gemini")
    assert all(name.startswith("gem") for name in cost.tab.locator(names).all_text_contents())
    cost.tab.select_option("#cost-platform", "")
    cost.tab.select_option("#cost-sort", "cost")
    cells = cost.tab.locator(".cost-table tbody td:nth-child(4)").all_text_contents()
    known = [float(cell.rpartition("$")[2].replace(",", "")) for cell in cells if cell != "unknown"]
    assert known == sorted(known)
    assert cells[len(known) :] == ["unknown"] * (len(cells) - len(known))
    cost.tab.select_option("#cost-sort", "platform")


def test_page_is_used_by_keyboard(cost: Asked) -> None:
    """From the field to the button, the files and the filters; focus can be seen."""
    cost.tab.focus("#cost-size")
    reached = []
    for _ in range(5):
        cost.tab.keyboard.press("Tab")
        reached.append(cost.tab.evaluate("document.activeElement.id || document.activeElement.type"))
    assert reached == ["submit", "cost-files", "cost-filter", "cost-platform", "cost-sort"]
    outline = cost.tab.evaluate("getComputedStyle(document.activeElement).outlineStyle")
    assert outline == "solid"


@pytest.mark.parametrize("width", [1280, 390])
def test_nothing_is_wider_than_the_window(cost: Asked, width: int) -> None:
    """Tables neither: on a narrow screen each row is a block."""
    typed(cost, "9000x600 1920x1080")
    cost.tab.set_viewport_size({"width": width, "height": 844})
    assert cost.tab.evaluate("document.documentElement.scrollWidth <= innerWidth")
    wide = "tables => tables.filter(one => one.getBoundingClientRect().right > innerWidth).length"
    assert cost.tab.locator(".cost-table").evaluate_all(wide) == 0
    cost.tab.set_viewport_size({"width": 1280, "height": 900})


def test_page_answers_without_its_server(browser: Any) -> None:
    """Once it is loaded it needs no connection: a size and a file, with the server stopped."""
    for cost in _opened(browser, "cost.html#64x64"):
        cost.answered()
        cost.server.stop()
        asked = len(cost.urls)
        typed(cost, "1000x1000")
        assert cost.row("claude-sonnet-4-6")[:2] == ["unchanged", "1296"]
        data = base64.b64encode(image_bytes((300, 200), "WEBP")).decode()
        cost.tab.evaluate(_DROP, [[("late.webp", data)], "#cost-form"])
        cost.answered()
        assert cost.tab.locator("summary strong").all_text_contents() == ["late.webp"]
        assert cost.urls[asked:] == []


def test_search_finds_rules(browser: Any) -> None:
    """The search of the site works with what the site has."""
    for page in _opened(browser, "index.html"):
        page.tab.locator(".md-search__button").first.click()
        page.tab.locator("dialog[open] input").fill("tiny-edge")
        found = page.tab.locator("dialog[open] a", has_text="IB301").first
        found.wait_for(timeout=PATIENCE)
        assert "rules/ib301" in found.get_attribute("href")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_colours_follow_the_system(browser: Any, scheme: str) -> None:
    """The ground is light or dark."""
    for page in _opened(browser, "rules/ib201.html", color_scheme=scheme):
        ground = page.tab.evaluate("getComputedStyle(document.body).backgroundColor")
        level = sum(int(part) for part in ground.partition("(")[2].rstrip(")").split(",")[:3])
        assert (level > 600) == (scheme == "light")
