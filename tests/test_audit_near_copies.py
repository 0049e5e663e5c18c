"""The list that keeps one of each group of copies and near duplicates, by what pixels show."""

import csv
import json
from collections.abc import Sequence
from contextlib import closing
from hashlib import sha256
from pathlib import Path

import pytest
from PIL import ImageFilter

from imgbudget.auditing import likeness
from imgbudget.auditing.copies import ListedCopy, list_lines, listed_copies
from imgbudget.auditing.keeping import Keep
from imgbudget.auditing.likeness import NearImages, number_groups
from imgbudget.auditing.memory import RowsInMemory
from imgbudget.auditing.rowfiles import write_rows
from imgbudget.auditing.rows import WHOLE, FactsRecord, plain_rows, row_values
from imgbudget.auditing.store import open_rows
from imgbudget.limits.geometry import Size
from imgbudget.linter.options import RunOptions
from imgbudget.linter.run import Session
from imgbudget.model.pixels import PixelFacts
from imgbudget.pixels.likeness import ImageHashes, Likeness
from imgbudget.pixels.likeness import alike as alike_images
from tests.conftest import Command
from tests.test_pixels_hashes import encoded, scene

SESSION = Session(RunOptions(isolated=True))


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a scene five times, of which a copy, a blurred and a smaller one, and another scene."""
    monkeypatch.chdir(tmp_path)
    image = scene(1, 320, 240)
    files = {
        "a_blurred.png": encoded(image.filter(ImageFilter.GaussianBlur(2)), "PNG"),
        "b.png": encoded(image, "PNG"),
        "c_copy.png": encoded(image, "PNG"),
        "d_small.jpg": encoded(image.resize((160, 120)), "JPEG"),
        "e_same.webp": encoded(image, "WEBP", lossless=True, method=0),
        "other.png": encoded(scene(2, 320, 240), "PNG"),
    }
    (tmp_path / "p").mkdir()
    for name, data in files.items():
        (tmp_path / "p" / name).write_bytes(data)
    return tmp_path


def test_near_duplicates_are_in_the_list_when_pixels_are_measured(imgbudget: Command) -> None:
    """One is kept of all that show the same, the sharpest by its edges; without pixels only copies are."""
    arguments = ("audit", "p", "--isolated", "-j", "1", "--dedupe-list", "l.csv")
    assert imgbudget(*arguments).code == 0
    assert [row["member"] for row in table("l.csv")] == ["b.png", "c_copy.png"]
    for more in (("--keep", "sharpest"), ("--keep", "sharpest", "--ignore", "ALL", "--rows", "rows")):
        assert imgbudget(*arguments, "--pixels", *more).code == 0
        found = table("l.csv")
        assert {row["group"] for row in found} == {"1"}
        actions = {row["member"]: (row["action"], row["evidence"]) for row in found}
        assert actions == {
            "b.png": ("keep", "all bytes"),
            "a_blurred.png": ("drop", "perceptual hash"),
            "c_copy.png": ("drop", "all bytes"),
            "d_small.jpg": ("drop", "perceptual hash"),
            "e_same.webp": ("drop", "pixels"),
        }
        reasons = {row["member"]: row["reason"] for row in found}
        assert reasons["b.png"] == "the first of its group; others are as sharp"
        assert reasons["c_copy.png"] == "the same bytes as the image that is kept"
        assert reasons["e_same.webp"] == "near duplicate, 0 of 64 bits differ: the same pixels in other bytes"
        assert reasons["a_blurred.png"].endswith(" of 64 bits differ")
        assert {row["kept"] for row in found} == {"p/b.png"}
    assert imgbudget(*arguments, "--pixels", "--dedupe-list", "l.jsonl").code == 0
    first = json.loads(Path("l.jsonl").read_text().splitlines()[0])
    assert (first["member"], first["reason"]) == ("a_blurred.png", "the first of its group")


def table(name: str) -> list[dict[str, str]]:
    """The rows of a list."""
    with open(name, newline="") as file:
        return list(csv.DictReader(file))


def record(member: str, phash: int, *, pixels: str = "", edges: float = 2.0, more: int = 0) -> FactsRecord:
    """An image of 100 px; those with the same pixels have the same hash of their bytes."""
    digest = sha256((pixels or member).encode()).digest()[:16]
    measured = PixelFacts(edge_width=edges, phash=f"{phash:016x}", pixel_hash=digest.hex())
    size = Size(100, 100)
    return FactsRecord(
        "p", member, size=size, visible=size, byte_size=1000 + more, digest=digest, pixels=measured
    )


def listed(records: Sequence[FactsRecord], keep: Keep = Keep.FIRST, distance: int = 6) -> list[ListedCopy]:
    """The list of these rows, which both databases give alike, in any order of the rows."""
    tiers, limits = SESSION.limits.tiers, SESSION.context.limits()
    Path("rows.parquet").write_bytes(write_rows(records, tiers, dict))
    with (
        open_rows(["rows.parquet"], limits) as one,
        closing(RowsInMemory(tiers)) as other,
    ):
        other.add(plain_rows(row_values(records[::-1], tiers)))
        stores = one, other.store(limits)
        for store in stores:
            number_groups(NearImages(store, distance))
        same = [list(list_lines(store, keep, csv=False, near=True)) for store in stores]
        assert same[0] == same[1]
        return list(listed_copies(one, keep, near=True))


RECORDS = (
    record("b", 0b0, pixels="x", edges=4.0),
    record("c", 0b111, edges=3.0),
    record("d", 0b0, pixels="x", edges=4.0),
    record("e", 0xFF << 40),
    record("f", 0b1, edges=0.0),
)


def test_copies_are_collapsed_first_and_the_reason_is_relative_to_what_is_kept() -> None:
    """Another image is kept by sharpness than by order; copies of what is dropped are near duplicates."""
    first, sharpest = listed(RECORDS), listed(RECORDS, Keep.SHARPEST)
    same, near = "the same bytes as the image that is kept", "near duplicate, {} of 64 bits differ"
    assert [(row.member, row.reason) for row in first] == [
        ("b", "the first of its group"),
        ("c", near.format(3)),
        ("d", same),
        ("f", near.format(1)),
    ]
    assert [(row.member, row.reason) for row in sharpest] == [
        ("c", "the sharpest of its group, edges 3.0 px wide"),
        ("b", near.format(3)),
        ("d", near.format(3)),
        ("f", near.format(2)),
    ]
    assert [row.member for row in listed(RECORDS, distance=0)] == ["b", "d"]


def test_without_measured_pixels_copies_are_listed_still() -> None:
    """Images that could not be decoded are copies by their bytes, after the groups by pixels."""
    broken = [record(name, 0, pixels="z")._replace(pixels=None) for name in ("A", "B")]
    found = listed((*broken, *RECORDS))
    assert [(row.group, row.member) for row in found if row.group == 2] == [(2, "A"), (2, "B")]
    assert len(found) == 6


def test_pixels_show_that_equal_samples_are_no_copies() -> None:
    """Files whose sampled bytes are equal, but whose pixels are not, are neither copies nor listed."""
    one = record("a", 0, pixels="x", more=WHOLE)
    far = record("b", 0xFFFF, pixels="y", more=WHOLE)._replace(digest=one.digest)
    assert listed((one, far)) == []
    near = record("b", 0b11, pixels="y", more=WHOLE)._replace(digest=one.digest)
    assert listed((one, near))[1].reason == "near duplicate, 2 of 64 bits differ"


def test_many_groups_are_as_many_as_there_are_scenes() -> None:
    """More rows than fit one statement; groups have numbers in the order of their first images."""
    hashes = [number * 0x9E3779B97F4A7C15 % 2**64 for number in range(800)]
    records = [record(f"{at:03}{end}", phash) for end in "ab" for at, phash in enumerate(hashes)]
    found = listed(records, distance=0)
    assert [row.group for row in found] == [i // 2 + 1 for i in range(1600)]
    assert [row.member for row in found[-2:]] == ["799a", "799b"]


def test_groups_are_computed_once(imgbudget: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    """For the findings and for the list: of a million images it takes most of a minute."""
    counted: list[int] = []

    def alike(hashes: ImageHashes, distance: int, among: Sequence[int] | None = None) -> list[Likeness]:
        counted.append(len(hashes))
        return original(hashes, distance, among)

    original = alike_images
    monkeypatch.setattr(likeness, "alike", alike)
    arguments = ("audit", "p", "--isolated", "-j", "1", "--pixels", "--dedupe-list", "l.csv")
    assert imgbudget(*arguments).code == 0
    assert counted == [6]
    assert [row["action"] for row in table("l.csv")].count("drop") == 4


def test_same_samples_with_other_pixels_are_no_copies(imgbudget: Command) -> None:
    """Only blocks of a long file are hashed; the third is near the second, which differs from the first."""
    other = 0xFFFF << 20
    rows = (
        record("a", 0, pixels="x", more=WHOLE),
        record("b", other, pixels="y", more=WHOLE)._replace(digest=record("a", 0, pixels="x").digest),
        record("c", other | 1),
    )
    found = [(row.group, row.member, row.action) for row in listed(rows)]
    assert found == [(1, "b", "keep"), (1, "c", "drop")]
