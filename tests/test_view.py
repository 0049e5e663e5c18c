"""`imgbudget view`: a page that shows an image as models see it, and loads nothing."""

import base64
import hashlib
import io
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest
from PIL import Image

from imgbudget.limits.geometry import Size
from imgbudget.linter.options import RunOptions
from imgbudget.linter.run import Session
from imgbudget.model.text import AppearingLine, SeenLine, SeenText, TextLine
from imgbudget.model.views import EmbeddedPicture
from imgbudget.output.size import Measured
from imgbudget.output.view import ViewedImage, ViewPanel, view_page
from imgbudget.pixels.embedding import embedded
from tests.builders import body, image_block, write_json
from tests.builders import image_bytes as encoded_image
from tests.conftest import Command

VOID = frozenset(("meta", "br", "img", "input", "link", "hr"))
HOSTILE = "<script>alert(1)</script>\"'&<b onclick=x>"
MODELS = "claude-sonnet-4-6,gpt-4.1,gpt-5-mini,gemini-2.5-flash"


class Page(HTMLParser):
    """A page in parts: its elements with attributes, the text of each, what is never closed."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.texts: dict[str, list[str]] = {}
        self.open: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note an element."""
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note an element that is closed at once."""
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        """The innermost open element ends, and no other."""
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        """Note text by the element that it is in."""
        self.texts.setdefault(self.open[-1] if self.open else "", []).append(data)

    def all(self, tag: str) -> list[dict[str, str | None]]:
        """The attributes of all elements of a kind."""
        return [attributes for name, attributes in self.elements if name == tag]

    @property
    def pictures(self) -> list[Image.Image]:
        """The embedded pictures."""
        uris = [str(image["href"]).partition(",")[2] for image in self.all("image")]
        return [Image.open(io.BytesIO(base64.b64decode(uri))) for uri in uris]


def check_closed(text: str) -> Page:
    """The page, in which nothing is loaded and no script runs but its own."""
    page = Page(text)
    assert page.open == []
    [policy] = [meta["content"] or "" for meta in page.all("meta") if "http-equiv" in meta]
    assert policy.startswith("default-src 'none'; ")
    assert "unsafe" not in policy
    for tag in ("style", "script"):
        [source] = page.texts[tag]
        digest = base64.b64encode(hashlib.sha256(source.encode()).digest()).decode()
        assert f"{tag}-src 'sha256-{digest}'" in policy
    for tag, attributes in page.elements:
        assert tag not in ("link", "iframe", "object", "embed", "base", "form", "foreignobject")
        for name, value in attributes.items():
            assert not name.startswith("on")
            assert name != "style"
            if name in ("src", "href", "xlink:href", "action"):
                assert re.match(r"data:image/(png|jpeg);base64,|#", value or "")
    assert not re.search(r"https?:|//\w|url\(|@import", re.sub(r'href="data:[^"]*"', "", text))
    return page


def write_image(folder: Path, name: str = "a.png", size: tuple[int, int] = (1800, 1100)) -> None:
    """An image with a corner in another colour."""
    image = Image.new("RGB", size, "white")
    image.paste((200, 0, 0), (0, 0, size[0] // 2, size[1] // 2))
    image.save(folder / name)


def test_the_page_has_the_numbers_of_size_and_a_picture_for_each(imgbudget: Command, tmp_path: Path) -> None:
    """Sizes, tokens and cost are those of `imgbudget size`; each picture has the size that is seen."""
    write_image(tmp_path)
    run = imgbudget("view", "a.png", "-o", "view.html", "--model", MODELS)
    assert run.code == 0, run.err
    assert run.out == "view.html: a.png as 4 models see it\n"
    page = check_closed((tmp_path / "view.html").read_text(encoding="utf-8"))
    rows = imgbudget("size", "a.png", "--model", MODELS, "--format", "json").json["sizes"]
    cells = page.texts["td"]
    for row in rows:
        at = cells.index(row["model"])
        assert f"{row['tokens']}" in [cell.replace(",", "") for cell in cells[at : at + 5]]
        assert any(
            cell.startswith("$") and float(cell[1:]) == pytest.approx(row["cost_usd"], abs=1e-6)
            for cell in cells[at : at + 5]
        )
    seen = [tuple(row["resized"] or row["size"]) for row in rows]
    assert [picture.size for picture in page.pictures[1:]] == seen
    claude = rows[0]
    shown = [text for text in page.texts["dd"] if "×" in text]
    assert "{} × {}".format(*claude["resized"]) in shown
    assert "{} × {}".format(*claude["padded"]) in shown
    assert "{:.4f} × {:.4f}".format(*claude["scale"]) in shown
    assert [svg["viewbox"] for svg in page.all("svg")][1] == "0 0 {} {}".format(*claude["padded"])
    assert page.pictures[1].getpixel((5, 5)) == (200, 0, 0)


def test_the_grid_has_as_many_cells_as_there_are_tokens(imgbudget: Command, tmp_path: Path) -> None:
    """Patches of Claude are drawn once each; a model whose cells are not published has no grid."""
    write_image(tmp_path)
    run = imgbudget("view", "a.png", "-o", "-", "--model", "claude-sonnet-4-6,gemini-2.5-flash")
    page = check_closed(run.out)
    first = page.all("path")[0]["d"] or ""
    across, down = first.count("V"), first.count("H")
    tokens = imgbudget("size", "a.png", "--model", "claude-sonnet-4-6", "--format", "json").json["sizes"][0]
    assert first.startswith("M0 0V")
    assert (across - 1) * (down - 1) == tokens["tokens"]
    assert len(page.all("path")) == 2
    assert "is not published" in run.out


def test_models_that_see_the_same_share_a_picture(imgbudget: Command, tmp_path: Path) -> None:
    """Its heading names the first two and says how many more there are."""
    write_image(tmp_path, size=(90, 60))
    three = "claude-sonnet-4-6,claude-opus-4-6,claude-haiku-4-5"
    page = check_closed(imgbudget("view", "a.png", "-o", "-", "--model", three).out)
    assert "As seen by claude-sonnet-4-6, claude-opus-4-6 and 1 more" in page.texts["h2"]
    assert len(page.pictures) == 2


@pytest.mark.parametrize(
    ("options", "size", "grid"),
    [
        (("gpt-4.1", "--detail", "high"), (2048, 1024), "3 × 2 tiles of 512 px"),
        (("gpt-5-mini", "--detail", "high"), (640, 330), "20 × 11 patches of 32 px"),
        (("gemini-2.0-flash",), (900, 600), "3 × 2 tiles of 400 px"),
    ],
)
def test_cells_of_other_providers_are_drawn(
    imgbudget: Command, tmp_path: Path, options: tuple[str, ...], size: tuple[int, int], grid: str
) -> None:
    """Tiles and patches of OpenAI, tiles of Gemini 2.0, from the class that counts them."""
    write_image(tmp_path, size=size)
    run = imgbudget("view", "a.png", "-o", "-", "--model", *options)
    assert run.code == 0, run.err
    assert grid in check_closed(run.out).texts["dd"]


@pytest.mark.parametrize("installed", [False, True])
def test_without_text_the_page_names_what_gives_it(
    imgbudget: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, installed: bool
) -> None:
    """No boxes, no button for them, the option, and the line that installs the extra where it is missing."""
    monkeypatch.setattr("imgbudget.linter.selection.is_installed", lambda _name: installed)
    write_image(tmp_path, size=(300, 200))
    page = check_closed(imgbudget("view", "a.png", "-o", "-").out)
    assert not page.all("polygon")
    assert "boxes" not in [button.get("id") for button in page.all("button")]
    (note,) = (text for text in page.texts["li"] if "imgbudget view --text" in text)
    assert ("pip install 'imgbudget[text]'" in note) != installed


def test_the_extra_is_asked_for_before_anything_is_written(
    imgbudget: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Exit code 2 with the line that installs it."""
    monkeypatch.setattr("imgbudget.linter.selection.is_installed", lambda _name: False)
    write_image(tmp_path, size=(300, 200))
    run = imgbudget("view", "a.png", "-o", "view.html", "--text")
    assert run.code == 2
    assert "pip install 'imgbudget[text]'" in run.err
    assert not (tmp_path / "view.html").exists()


def test_text_is_drawn_by_its_state_and_escaped() -> None:
    """Boxes have their state, text and height; recognised text is no HTML; what is lost is in a table."""
    line = TextLine(((10, 20), (200, 20), (200, 32), (10, 32)), 12.0, 200.0, 30, HOSTILE)
    seen = SeenText(
        Size(150, 100),
        tuple(SeenLine(line, 6.0, kept, HOSTILE) for kept in (0.1, 0.9, 1.0)),
        (AppearingLine(line, "nearest"),),
    )
    picture = EmbeddedPicture("data:image/png;base64,AAAA", Size(150, 100))
    row = Measured(Size(300, 200), Session(RunOptions()).context.limits())
    panel = ViewPanel((row,), Size(150, 100), published=True, cell=28, picture=picture, text=seen)
    text = view_page(ViewedImage(HOSTILE, HOSTILE, Size(300, 200), picture, (panel,), (line,), (HOSTILE,)))
    page = check_closed(text)
    assert "alert(1)" not in "".join(page.texts["script"])
    assert HOSTILE in page.texts["bdi"]
    kinds = [polygon["class"] for polygon in page.all("polygon")]
    assert kinds == ["found", "lost", "doubtful", "kept", "appearing"]
    assert page.all("polygon")[1]["points"] == "5.0,10.0 100.0,10.0 100.0,16.0 5.0,16.0"
    titles = "".join(page.texts["title"])
    assert f"lost: {HOSTILE}; 12.0 px, seen as 6.0 px" in titles
    cells = page.texts["td"]
    assert cells[cells.index(HOSTILE) :][:5] == [HOSTILE, HOSTILE, "lost", "12.0", "6.0"]


def test_a_hostile_name_is_text(imgbudget: Command, tmp_path: Path) -> None:
    """Names are escaped, and characters that a page could obey are written out."""
    name = "<img src=x onerror=alert(1)>\u202e&amp;.png"
    write_image(tmp_path, name, (300, 200))
    page = check_closed(imgbudget("view", name, "-o", "-").out)
    assert not page.all("img")
    [shown] = page.texts["bdi"]
    assert shown.startswith("<img src=x onerror=alert(1)>")
    assert "\u202e" not in shown


def test_only_such_a_page_is_replaced(imgbudget: Command, tmp_path: Path) -> None:
    """Any other file is left as it is, also the image itself and a page by another hand; exit code 2."""
    write_image(tmp_path, size=(300, 200))
    (tmp_path / "mine.html").write_text("<!doctype html><title>mine</title>")
    assert imgbudget("audit", "a.png", "--html", "audit.html").code == 0
    for name in ("mine.html", "a.png", "audit.html"):
        before = (tmp_path / name).read_bytes()
        run = imgbudget("view", "a.png", "-o", name)
        assert run.code == 2
        assert "exists and is not a page of imgbudget" in run.err or "is read by this command" in run.err
        assert (tmp_path / name).read_bytes() == before
    assert imgbudget("view", "a.png", "-o", "view.html").code == 0
    write_image(tmp_path, size=(600, 200))
    assert imgbudget("view", "a.png", "-o", "view.html").code == 0
    assert "600 × 200" in (tmp_path / "view.html").read_text(encoding="utf-8")


def test_what_cannot_be_shown_is_an_error_that_names_it(imgbudget: Command, tmp_path: Path) -> None:
    """No page is written, and the exit code is 2."""
    (tmp_path / "broken.png").write_bytes(encoded_image()[:60])
    (tmp_path / "words.jpg").write_text("hello")
    (tmp_path / "none").mkdir()
    write_image(tmp_path, "two-a.png", (30, 20))
    write_json(tmp_path / "many.json", body(image_block(), image_block()))
    for arguments, reason in (
        (("broken.png", "-o", "x.html"), "broken.png: cannot be decoded: is cut off"),
        (("words.jpg", "-o", "x.html"), "words.jpg: is not an image but plain text"),
        (("absent.png", "-o", "x.html"), "absent.png"),
        (("none", "-o", "x.html"), "none: holds no image"),
        (("many.json", "-o", "x.html"), "many.json: holds 2 images"),
        (("two-a.png",), "-o view.html"),
        (("two-a.png", "-o", "absent/x.html"), "absent/x.html: cannot be written"),
    ):
        run = imgbudget("view", *arguments)
        assert run.code == 2, arguments
        assert reason in run.err
        assert "Traceback" not in run.err
        assert not (tmp_path / "x.html").exists()


def test_an_animation_is_shown_by_its_first_frame(imgbudget: Command, tmp_path: Path) -> None:
    """And the page says so."""
    frames = [Image.new("RGB", (90, 60), colour) for colour in ("red", "blue")]
    frames[0].save(tmp_path / "a.gif", save_all=True, append_images=frames[1:])
    page = check_closed(imgbudget("view", "a.gif", "-o", "-").out)
    assert any("the first is shown" in text for text in page.texts["li"])
    assert page.pictures[0].convert("RGB").getpixel((1, 1)) == (255, 0, 0)


def test_a_turned_image_is_shown_upright(imgbudget: Command, tmp_path: Path) -> None:
    """By its EXIF orientation, and without metadata in the page."""
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.new("RGB", (90, 60), "red").save(tmp_path / "a.jpg", exif=exif, comment=b"secret")
    page = check_closed(imgbudget("view", "a.jpg", "-o", "-").out)
    assert [picture.size for picture in page.pictures] == [(60, 90), (60, 90)]
    assert all(not picture.getexif() and "comment" not in picture.info for picture in page.pictures)


def test_pictures_are_bounded_in_pixels_and_bytes() -> None:
    """Noise as JPEG and then smaller, few colours as PNG; very long ones too."""
    noise = Image.effect_noise((400, 300), 90).convert("RGB")
    assert embedded(noise, most_pixels=10_000, most_bytes=10**6).size == Size(115, 86)
    small = embedded(Image.merge("RGB", [noise.getchannel(0)] * 3), most_pixels=10**6, most_bytes=5_000)
    assert len(base64.b64decode(small.uri.partition(",")[2])) <= 5_000
    assert small.size.width < 400
    plain = embedded(Image.new("RGB", (400, 300), "red"), most_pixels=10**6, most_bytes=10**6)
    assert plain.uri.startswith("data:image/png;")
    assert embedded(Image.new("RGB", (1, 40_000)), most_pixels=10**6, most_bytes=10**6).size == Size(
        1, 16_000
    )
