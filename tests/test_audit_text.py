"""The page of an audit with --text: lines as stored and as seen, and the worst images with boxes."""

from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from imgbudget.auditing.html import textviews
from imgbudget.legibility import task
from imgbudget.linter import selection
from imgbudget.model.text import AppearingLine, ImageText, SeenLine, SeenText, TextLine
from tests.conftest import Command
from tests.reportpages import Page

SIZE = (1700, 320)


def written(read: str, height: float = 9.0, top: float = 40) -> TextLine:
    """A line of text of an image."""
    box = ((20, top), (700, top), (700, top + 20), (20, top + 20))
    return TextLine(box, height, 255.0, 40, read)


def lost(_data: bytes, facts: Any, sizes: Any, *, every_line: bool = False) -> ImageText | str:
    """Three lines of which two are lost, one that appears; an image that is damaged cannot be read."""
    if facts.damage is not None:
        return str(facts.damage)
    first, second, third = written("<b>total", 9), written("kept", 40, 100), written("x" * 90, 8, 290)
    assert not every_line
    seen = [
        SeenText(
            size,
            (SeenLine(first, 4.1, 0.2, "tctal"), SeenLine(second, 20, 1.0), SeenLine(third, 3.9, 0.1, "")),
            (AppearingLine(written("do it", 20, 200), "nearest"),),
        )
        for size in sizes
    ]
    return ImageText(facts.size, (first, second, third), tuple(seen), 5.0)


@pytest.fixture(autouse=True)
def read(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let every image be read so, whatever it shows."""
    monkeypatch.setattr(selection, "is_installed", lambda _name: True)
    monkeypatch.setattr(task, "read_image", lost)


def pages(imgbudget: Command, *options: str) -> str:
    """The page of an audit of the folder."""
    done = imgbudget("audit", "shots", "--html", "a.html", "-q", "-j", "1", *options, "--fail-on", "never")
    assert done.code == 0, done.err
    return Path("a.html").read_text(encoding="utf-8")


@pytest.fixture
def shots(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with one screenshot."""
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "shots"
    folder.mkdir()
    Image.effect_noise(SIZE, 60).save(folder / "page.jpg", quality=50)
    return folder


@pytest.mark.usefixtures("shots")
def test_lost_lines_are_shown_as_stored_and_as_seen(imgbudget: Command) -> None:
    """Two lines, the least legible first, and the whole with a box around each line; text is no markup."""
    text = pages(imgbudget, "--text")
    page = Page(text)
    assert page.broken == []
    crops = [
        one for one in page.of("img") if one.get("alt") in {"The line as stored", "The same line as seen"}
    ]
    assert len(crops) == 4
    assert all((one["src"] or "").startswith("data:image/") for one in crops)
    assert sorted({(one["width"], one["height"]) for one in crops}) == [("360", "48")]
    boxes = [one["class"] for one in page.of("polygon")]
    assert boxes == ["lost", "lost", "kept", "appearing"]
    (picture,) = page.of("image")
    assert (picture["href"] or "").startswith("data:image/")
    assert "2 lost, 1 kept of 3 lines" in text
    assert "“&lt;b&gt;total”, 9 px → “tctal”, 4.1 px" in text
    assert "<b>total" not in text
    assert "img-src data:" in text


@pytest.mark.usefixtures("shots")
def test_nothing_is_read_again_unasked(imgbudget: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without --text, and where no rule on text found something."""
    assert "text-view" not in pages(imgbudget).partition("</head>")[2]
    monkeypatch.setattr(textviews, "fetch", lambda rows: pytest.fail("read") if rows else ())
    assert "polygon" not in pages(imgbudget, "--text", "--ignore", "IB306,IB307,IB308").partition("<body")[2]


def test_few_images_are_read_again_and_their_pictures_are_bounded(
    imgbudget: Command, shots: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However many have findings: a page with noise, which compresses badly, stays small."""
    monkeypatch.setattr(textviews, "MOST_IMAGES", 2)
    for number in range(textviews.MOST_IMAGES + 3):
        (shots / f"{number}.jpg").write_bytes((shots / "page.jpg").read_bytes() + b"\0" * number)
    text = pages(imgbudget, "--text")
    assert len(Page(text).of("image")) == textviews.MOST_IMAGES
    each = textviews.VIEW_BYTES + 2 * textviews.MOST_CROPS * textviews.CROP_BYTES
    assert len(text) < 1_000_000 + textviews.MOST_IMAGES * each * 4 / 3


@pytest.mark.usefixtures("shots")
def test_an_image_that_crashes_its_reader_has_no_view(
    imgbudget: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The page is written without it."""
    monkeypatch.setattr(textviews, "_read", lambda _task: "cannot be decoded as PNG")
    text = pages(imgbudget, "--text")
    assert "page.jpg" in text
    assert Page(text).of("polygon") == []
