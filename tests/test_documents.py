"""PDF files: what each page costs as text, as an image and as both, and pages as images of an audit."""

from pathlib import Path
from typing import Any

import pytest

from imgbudget.auditing.partition import Naming
from imgbudget.auditing.run import plan
from imgbudget.imageinfo import documents, pdf_pages
from imgbudget.limits.geometry import Size
from imgbudget.linter.options import RunOptions
from imgbudget.linter.run import Session
from imgbudget.planner.documents import page_raster, page_tokens
from tests.builders import image_bytes
from tests.conftest import Command
from tests.datasets import rows_of
from tests.pdffiles import CATALOGUE, TREE, paged, table

LETTER = (b"/MediaBox [0 0 612 792]", b"Hello world " * 20)
SCAN = (b"/MediaBox [0 0 595 842] /Rotate 90", b"")
SMALL = (b"/MediaBox [0 0 100 50] /CropBox [10 10 60 40] /UserUnit 2", b"x")


@pytest.fixture
def paper(tmp_path: Path) -> Path:
    """A page with text, one without that is turned, and a small one."""
    path = tmp_path / "paper.pdf"
    path.write_bytes(paged([LETTER, SCAN, SMALL]))
    return path


def test_each_page_is_planned_as_text_as_image_and_as_both(paper: Path, imgbudget: Command) -> None:
    """The sums, what they rest on, and the DPI of each page are in the text."""
    run = imgbudget("plan", "paper.pdf")
    assert run.code == 0, run.err
    lines = run.out.splitlines()
    assert [line.split() for line in lines[:5]] == [
        ["paper.pdf:", "3", "pages", "for", "claude-sonnet-4-6", "on", "anthropic"],
        ["page", "inches", "text", "layer", "DPI", "raster", "as", "text", "as", "image", "as", "both"],
        ["1", "8.50x11.00", "239", "characters", "112.00", "952x1232", "60", "1496", "1556"],
        ["2", "11.69x8.26", "none", "111.81", "1308x924", "1551", "1551"],
        ["3", "1.39x0.83", "1", "character", "600.00", "834x500", "1", "540", "541"],
    ]
    assert "1 page without a text layer" in run.out
    assert "4 bytes a token" in run.out
    assert "the size of its raster is not published" in run.out


def test_json_has_every_page(paper: Path, imgbudget: Command) -> None:
    """With nulls for what is not known; images beside the document are planned as before."""
    (paper.parent / "a.png").write_bytes(image_bytes((3000, 2000)))
    found = imgbudget("plan", "paper.pdf", "a.png", "--model", "claude-opus-4-8", "--format", "json").json
    assert len(found["plans"]) == 1
    (one,) = found["documents"]
    assert (one["path"], one["pages"], one["not_read"]) == ("paper.pdf", 3, None)
    assert [page["text_layer"] for page in one["page"]] == [True, False, True]
    assert one["page"][1]["tokens"] == {"text": None, "image": 4756, "both": 1551}
    assert one["page"][0]["raster"] == [1688, 2184]
    assert one["tokens"]["both"] == sum(page["tokens"]["both"] for page in one["page"])


MODELS = ("claude-sonnet-4-6", "claude-opus-4-8", "gpt-5", "gemini-2.5-pro")


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("page", [(612, 792), (842, 595), (2384, 3370), (100, 14400), (20, 20)])
def test_raster_at_the_dpi_is_used_without_a_change(model: str, page: tuple[float, float]) -> None:
    """And one of more dots is not, unless the page is at the highest DPI."""
    session = Session(RunOptions(isolated=True, model=model))
    limits, tiers = session.context.limits(), session.limits.tiers
    found = page_tokens(*page, 400, limits, tiers)
    assert limits.native_size(found.raster) == found.raster
    assert found.image == limits.tokens(found.raster)
    assert found.text == 100
    if limits.uses_claude_patches and found.dpi < 600 and min(page) > 200:
        more = Size(*(round(edge * (found.dpi + 3) / 72) for edge in page))
        assert limits.native_size(more) != more
        assert found.both == (limits.tokens(page_raster(*page, tiers)) or 0) + 100
    if not limits.uses_claude_patches:
        assert found.both is None


def test_without_the_package_the_pages_are_counted(
    paper: Path, imgbudget: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the line that installs it, in a plan and in an audit."""
    monkeypatch.setattr(documents, "find_spec", lambda _: None)
    run = imgbudget("plan", "paper.pdf")
    assert run.code == 2
    assert "paper.pdf: 3 pages" in run.out
    assert "pip install 'imgbudget[pdf]'" in run.err
    (row,) = rows_of(paper.parent)
    assert "a PDF of 3 pages" in row["skipped"]
    assert "pip install 'imgbudget[pdf]'" in row["skipped"]
    run = imgbudget("audit", ".")
    assert run.code == 2
    assert "a PDF of 3 pages" in run.err
    (paper.parent / "a.png").write_bytes(image_bytes())
    run = imgbudget("audit", ".", "--format", "json")
    assert (run.code, run.json["statistics"]["totals"]["missed"]) == (2, 1)


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (table({1: CATALOGUE, 2: TREE}, b"/Root 1 0 R /Encrypt 9 0 R"), "the file is encrypted"),
        (paged([LETTER])[:-300], "the file is damaged, or of an unusual structure"),
        (b"hello", "the data is not a PDF"),
        (table({1: CATALOGUE, 2: TREE}), "it says that it has 12 pages, but has 0"),
        (paged([(b"/MediaBox [0 0 0 0]", b"")]), "1 page"),
        (paged([LETTER] * 13), "the pages of a document of more than 12 are not read"),
    ],
)
def test_what_cannot_be_read_is_named(
    tmp_path: Path, imgbudget: Command, monkeypatch: pytest.MonkeyPatch, data: bytes, reason: str
) -> None:
    """With exit code 2 in plans, and as a missed item in audits."""
    monkeypatch.setattr(pdf_pages, "MOST_PAGES", 12)
    (tmp_path / "x.pdf").write_bytes(data)
    run = imgbudget("plan", "x.pdf")
    assert run.code == 2
    assert reason in run.err
    assert all(row["missed"] for row in rows_of(tmp_path))


def test_text_is_looked_for_in_short_contents_only(
    paper: Path, imgbudget: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A long one is not read, which is not the same as a page without text."""
    monkeypatch.setattr(pdf_pages, "MOST_CONTENT", 100)
    (one,) = imgbudget("plan", "paper.pdf", "--format", "json").json["documents"]
    assert [page["text_layer"] for page in one["page"]] == [None, False, True]
    monkeypatch.setattr(pdf_pages, "MOST_CONTENTS", 10)
    (one,) = imgbudget("plan", "paper.pdf", "--format", "json").json["documents"]
    assert [page["text_layer"] for page in one["page"]] == [None, False, None]


def test_long_documents_show_their_first_pages(tmp_path: Path, imgbudget: Command) -> None:
    """All of them on request; and a request that cannot take so many pages is named."""
    (tmp_path / "x.pdf").write_bytes(paged([(b"/MediaBox [0 0 612 792]", b"")] * 130))
    run = imgbudget("plan", "x.pdf", "--model", "claude-haiku-4-5")
    assert "and 30 more pages; --all lists them" in run.out
    assert "a request takes at most 100 images and pages: split the document in 2" in run.out
    assert "more pages" not in imgbudget("plan", "x.pdf", "--all").out


def test_pages_in_a_folder_are_images_of_an_audit(paper: Path, imgbudget: Command) -> None:
    """Counted at the size that is used of them, without bytes; their place has the number of the page."""
    rows = [row for row in rows_of(paper.parent) if row["subject"] == "image"]
    assert [(row["member"], row["row"], row["width"], row["height"]) for row in rows] == [
        ("paper.pdf", 0, 952, 1232),
        ("paper.pdf", 1, 1308, 924),
        ("paper.pdf", 2, 834, 500),
    ]
    assert {row["bytes"] for row in rows} == {None}
    run = imgbudget("audit", "paper.pdf", "--format", "json")
    totals: dict[str, Any] = run.json["statistics"]["totals"]
    assert (run.code, totals["images"], totals["tokens"]) == (0, 3, 1496 + 1551 + 540)


def test_rows_of_an_earlier_run_without_the_package_are_not_reused(
    paper: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Installing it changes what is read, so the partition is another one."""
    session = Session(RunOptions(isolated=True))

    def planned() -> list[str]:
        return [partition.id for partition in plan([str(paper)], session, Naming("key"))]

    before = planned()
    monkeypatch.setattr(documents, "find_spec", lambda _: None)
    assert planned() != before


def test_pdf_without_a_suffix_is_a_document(paper: Path, imgbudget: Command) -> None:
    """By its first bytes, in plans and audits."""
    paper.rename(paper.with_name("paper"))
    assert "paper: 3 pages" in imgbudget("plan", "paper").out
    assert sum(row["subject"] == "image" for row in rows_of(paper.parent)) == 3


def test_pdf_files_in_a_folder_are_planned(paper: Path, imgbudget: Command) -> None:
    """They were skipped: the pages of a folder of papers cost, and only named ones were planned."""
    folder = paper.parent
    (folder / "deep").mkdir()
    paper.rename(folder / "deep" / "paper.pdf")
    (folder / "bad.pdf").write_bytes(b"%PDF-1.4 nothing")
    (folder / "a.png").write_bytes(image_bytes((3000, 2000)))
    run = imgbudget("plan", ".", "--format", "json")
    found = {one["path"]: one for one in run.json["documents"]}
    assert (run.code, len(run.json["plans"]), list(found)) == (2, 1, ["bad.pdf", "deep/paper.pdf"])
    named = imgbudget("plan", "deep/paper.pdf", "--format", "json").json["documents"]
    assert [found["deep/paper.pdf"]] == named
    assert "error: bad.pdf: not read completely: " in run.err
    assert (run.json["summary"]["files"], run.json["summary"]["skipped"]) == (1, [])
    run = imgbudget("plan", ".")
    assert "deep/paper.pdf: 3 pages for " in run.out
    assert "all pages: as text 61 tokens" in run.out
    assert "8.50x11.00" not in run.out
    assert "8.50x11.00" in imgbudget("plan", ".", "--all").out
    assert imgbudget("plan", ".", "bad.pdf").code == 2
    run = imgbudget("plan", "deep")
    assert (run.code, "no files found" in run.err, "deep/paper.pdf: 3 pages" in run.out) == (0, False, True)
