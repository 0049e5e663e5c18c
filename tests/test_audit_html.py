"""The HTML report of an audit, as far as it can be checked without a browser."""

import base64
import hashlib
import re
from io import BytesIO
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from imgbudget.auditing.html.names import display_name, split_name
from imgbudget.auditing.html.thumbnails import thumbnails
from imgbudget.auditing.rows import FactsRecord
from imgbudget.auditing.statistics import FoundCode
from imgbudget.auditing.store import open_rows, row_files
from imgbudget.fixing.thumbnail import EDGE, MOST_BYTES, thumbnail
from imgbudget.limits.geometry import Size
from imgbudget.model.subjects import Severity
from imgbudget.output.base import figure
from tests.builders import image_bytes
from tests.conftest import Command
from tests.datasets import IMAGES, as_folder, as_parquet, as_tar, as_zip
from tests.reportpages import SESSION, Page, found, image, many, page_of
from tests.stated import stated

HOSTILE = (
    "<script>alert(1)</script>.png",
    '"><img src=x onerror=alert(1)>.png',
    "</script><!--.png",
    "</script x/in a folder.png",
    "{{ 7 * 7 }}{% raw %}.png",
    "two\nlines\r\t.png",
    "\u202egnp.exe",
    "zero\u200bwidth\u2066.png",
    "\u2028line.png",
    "a&amp;b.png",
    "naïve 猫 🐈.png",
    "x" * 5000 + ".png",
)


@pytest.fixture(scope="module")
def corpus_page(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A page of a few hundred rows."""
    return page_of(tmp_path_factory.mktemp("page"), many(400))


def test_page_is_whole_and_well_formed(corpus_page: str) -> None:
    """Elements nest, ids are there once, what is referred to exists, one heading of the first level."""
    page = Page(corpus_page)
    assert page.broken == []
    assert [name for name, number in page.ids.items() if number > 1] == []
    for _, attributes in page.elements:
        for name in ("aria-labelledby", "for"):
            for target in (attributes.get(name) or "").split():
                assert target in page.ids
        if (link := attributes.get("href") or "").startswith("#"):
            assert link[1:] in page.ids
    assert len(page.of("h1")) == len(page.of("main")) == len(page.of("header")) == len(page.of("footer")) == 1
    assert page.of("html") == [{"lang": "en"}]


def test_policy_allows_the_style_and_script_that_are_there_and_nothing_else(corpus_page: str) -> None:
    """The hashes are those of the contents; no attribute of style or script would be refused."""
    page = Page(corpus_page)
    (policy,) = (
        str(attributes["content"])
        for attributes in page.of("meta")
        if attributes.get("http-equiv") == "Content-Security-Policy"
    )
    hashes = {
        tag: "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
        for tag, attributes, text in page.raw
        if attributes.get("type") != "application/json"
    }
    assert policy.split("; ") == [
        "default-src 'none'",
        f"style-src '{hashes['style']}'",
        f"script-src '{hashes['script']}'",
        "img-src data:",
        "base-uri 'none'",
        "form-action 'none'",
    ]
    assert [tag for tag, _, _ in page.raw] == ["style", "script", "script"]
    for _, attributes in page.elements:
        assert not [name for name in attributes if name == "style" or name.startswith("on")]


def test_page_loads_nothing(corpus_page: str) -> None:
    """No element loads a resource, links stay in the page, the script uses no network."""
    page = Page(corpus_page)
    loading = ("src", "srcset", "action", "data", "poster", "xlink:href")
    assert [attributes for _, attributes in page.elements if set(attributes) & set(loading)] == []
    assert not page.of("link")
    links = {str(attributes["href"]) for attributes in page.of("a")}
    assert all(re.fullmatch(r"#[a-z]+", link) for link in links)  # the shipped rules have no address yet
    script = next(text for tag, attributes, text in page.raw if tag == "script" and not attributes)
    assert not re.search(r"fetch|XMLHttp|import\(|WebSocket|innerHTML|eval\(|http", script)
    style = next(text for tag, _, text in page.raw if tag == "style")
    assert not re.search(r"url\(|@import|http", style)


def test_tables_can_be_read_by_all(corpus_page: str) -> None:
    """Each table has a caption, each heading a scope; drawings say in words what they show."""
    page = Page(corpus_page)
    assert len(page.of("table")) == len(page.of("caption")) > 8
    assert all(attributes.get("scope") for attributes in page.of("th"))
    drawings = [attributes for attributes in page.of("svg") if attributes.get("role") == "img"]
    assert len(drawings) == len(page.of("desc")) == 6
    assert page.of("noscript")
    assert "the first 100 are shown" in corpus_page
    assert corpus_page.count('<th scope="row" title=') == 100


def test_headline_shows_cost_refusals_plan_and_other_models(corpus_page: str) -> None:
    """One paragraph with numbers, for the person who pays."""
    lead = re.search(r'<p class="lead">(.*?)</p>', corpus_page)
    assert lead
    assert re.fullmatch(
        r"Sending these 400 images once costs \$[0-9.]+ \(\$[0-9.]+ in batches\) with claude-sonnet-4-6 on "
        r"anthropic\. 8 have errors\. The plan reduces the upload by [0-9]+%( to [0-9]+%)?; the bill [^.]+\. "
        r"A high-resolution model bills [0-9.]+ times the tokens\.",
        lead[1],
    )


def test_limits_are_drawn_where_the_data_has_them(corpus_page: str) -> None:
    """The marks of the long edge are the tiers', the many-image limit and the platform's own."""
    limits = SESSION.context.limits()
    edges = [tier.max_edge for tier in SESSION.limits.tiers]
    for value in (*edges, stated(limits.many_image_edge).value, stated(limits.max_edge).value):
        assert re.search(rf'<text class="mark [a-z]+"[^>]*>{value} ', corpus_page)
    assert f"{stated(limits.max_edge).value} refused</text>" in corpus_page


def test_same_rows_give_the_same_bytes(tmp_path: Path) -> None:
    """However they lie in files."""
    records = many(300)
    one = page_of(tmp_path / "one", records)
    assert one == page_of(tmp_path / "four", records[::-1], files=4)


def test_hostile_names_are_text(tmp_path: Path) -> None:
    """Nothing in a name becomes markup, ends a script, turns the line or hides."""
    error = found("IB101", Severity.ERROR)
    records = [image(name, findings=[error], digest=b"x" * 16) for name in HOSTILE]
    records += [FactsRecord("x", name, subject="skip", skipped=name) for name in HOSTILE]
    text = page_of(tmp_path / "rows", records, sources=(HOSTILE[0],))
    page = Page(text)
    assert page.broken == []
    assert [tag for tag, _, _ in page.raw] == ["style", "script", "script"]
    assert not page.of("img")
    carried = next(text for _, attributes, text in page.raw if attributes.get("id") == "rows-data")
    assert not set(carried) & set("<>&")
    assert not re.search("[\u202a-\u202e\u2066-\u2069\u200b\u2028]", text)
    seen = "".join(page.text)
    for name in HOSTILE[:-1]:
        assert display_name(name) in seen
        assert f"x/{display_name(name)}" in page.places
    assert "49.png" not in seen


def test_broken_names_of_files_are_shown(imgbudget: Command, tmp_path: Path) -> None:
    """A name that is no UTF-8, from the disk to the page, which is UTF-8 itself."""
    folder = tmp_path / "d"
    folder.mkdir()
    with open(bytes(folder) + b"/caf\xe9<b>.png", "wb") as file:
        file.write(image_bytes((100, 100)))
    assert imgbudget("audit", "d", "--isolated", "--html", "r.html").code == 0
    page = Page((tmp_path / "r.html").read_text(encoding="utf-8"))
    assert len(page.places) == 1
    assert page.places[0].startswith("caf")
    assert page.places[0].endswith("e9<b>.png")
    assert not page.of("b")


@given(st.text())
def test_shown_names_are_on_one_line_and_short(name: str) -> None:
    """Whatever the name."""
    text = display_name(name)
    assert len(text.splitlines()) <= 1
    assert text.encode().decode() == text
    assert len(text) <= 301 * 6
    if name.isascii() and name.isprintable() and len(name) <= 300:
        assert text == name
    assert "".join(split_name(text)) == text


def test_large_pages_stay_below_a_megabyte(tmp_path: Path) -> None:
    """More than 10,000 rows are in the page, the worst ones, and it says how many are not."""
    count = 21_000
    text = page_of(tmp_path / "rows", many(count))
    assert len(text.encode()) < 1_000_000
    places = Page(text).places
    assert 10_000 < len(places) <= 20_000
    assert {f"{i % 20:02}/photo_{i:06}.jpg" for i in range(0, count, 50)} <= set(places)
    assert f"The {len(places):,} worst of {count:,} rows" in text
    assert f"The other {figure(count - len(places))} are left out of this page" in text


def test_long_names_are_cut_by_rows_not_by_bytes(tmp_path: Path) -> None:
    """RowLocation names are long, fewer rows are carried; the page stays small and whole."""
    records = [image(f"{hashlib.sha256(str(i).encode()).hexdigest() * 3}.jpg") for i in range(6000)]
    text = page_of(tmp_path / "rows", records)
    assert len(text.encode()) < 1_000_000
    assert 2000 < len(Page(text).places) < 6000
    assert "are left out of this page" in text


def test_pages_of_little_are_pages_too(tmp_path: Path) -> None:
    """Nothing but a skip, one clean image, one that cannot be decoded."""
    nothing = page_of(tmp_path / "a", [FactsRecord("x", "a.txt", subject="skip", skipped="not an image")])
    assert "There is no image in this dataset." in nothing
    assert Page(nothing).broken == []
    clean = page_of(tmp_path / "b", [image("a.jpg", Size(560, 560))])
    assert "Nothing: there are no findings." in clean
    assert "The worst images" not in clean
    assert "Sending this one image once costs $0.0012" in clean
    assert "no image is larger than the model uses" in clean
    large = page_of(tmp_path / "e", [image("a.jpg", Size(4000, 3000))])
    assert "1 image is larger than the model uses; the bill stays the same" in large
    twice = [image(name, Size(4000, 3000), digest=b"x" * 16) for name in ("a.jpg", "b.jpg")]
    copies = page_of(tmp_path / "d", twice)
    assert "2 images are larger than the model uses; the bill stays the same" in copies
    assert "Images that occur more than once" in copies
    assert "0 groups" not in copies
    broken = page_of(tmp_path / "c", [FactsRecord("x", "a.jpg", damage="is empty")])
    assert "No image could be measured." in broken
    assert "1 image that cannot be decoded" in broken


def test_audit_writes_the_page_beside_what_it_prints(imgbudget: Command, tmp_path: Path) -> None:
    """One run, text and page; thumbnails of what can be decoded, upright and small."""
    as_folder(tmp_path / "d")
    run = imgbudget("audit", "d", "--isolated", "--html", "r.html", "--format", "json")
    assert run.json["statistics"]["totals"]["images"] == len(IMAGES)
    page = Page((tmp_path / "r.html").read_text(encoding="utf-8"))
    pictures = [str(attributes["src"]) for attributes in page.of("img")]
    assert pictures
    assert all(source.startswith("data:image/webp;base64,") for source in pictures)
    assert "no preview" in "".join(page.text)
    assert sorted(page.places) == sorted(IMAGES)


def test_page_that_cannot_be_written_is_a_mistake_of_the_caller(imgbudget: Command, tmp_path: Path) -> None:
    """Exit code 2 and where it was to be written; nothing half."""
    as_folder(tmp_path / "d")
    run = imgbudget("audit", "d", "--isolated", "--html", "none/r.html", "--quiet")
    assert run.code == 2
    assert "none/r.html: cannot be written" in run.err
    assert not (tmp_path / "none").exists()


def test_thumbnails_are_upright_small_and_made_of_safe_images_only(
    imgbudget: Command, tmp_path: Path
) -> None:
    """Rotated photos are upright; tables, damaged images and images that crashed a worker have none."""
    uri = thumbnail(image_bytes((640, 480), "JPEG", orientation=6))
    assert uri
    data = base64.b64decode(uri.partition(",")[2])
    assert len(data) <= MOST_BYTES
    assert Image.open(BytesIO(data)).size == (EDGE * 3 // 4, EDGE)
    assert thumbnail(b"\x89PNG\r\n\x1a\n" + bytes(30)) is None
    assert thumbnail(image_bytes((300, 400))[:200]) is None
    as_folder(tmp_path / "d")
    as_parquet(tmp_path / "d.parquet")
    as_tar(tmp_path / "d.tar")
    as_zip(tmp_path / "d.zip")
    imgbudget("audit", "d", "d.parquet", "d.tar", "d.zip", "--isolated", "--rows", "rows")
    with open_rows(row_files("rows"), SESSION.context.limits()) as store:
        rows = list(store.rows("subject = 'image'"))
    had = thumbnails(rows)
    whole = [name for name in IMAGES if name != "b/broken.png"]
    assert set(had) == {f"{source}{name}" for source in ("d/", "d.tar/", "d.zip/") for name in whole}
    failed = FoundCode("IB003", "error", None, None, None)
    assert thumbnails([row._replace(findings=(*row.findings, failed)) for row in rows]) == {}
