"""Files whose name promises what the bytes are not: wrong extensions, and pointers of Git LFS."""

from pathlib import Path

import pytest

from imgbudget.imageinfo.files import read_image
from imgbudget.model.subjects import Problem
from imgbudget.testing import image, run_rule
from imgbudget_rules.ib105_media_type_mismatch import media_type_mismatch
from tests.builders import image_bytes
from tests.conftest import Command

POINTER = (
    "version https://git-lfs.github.com/spec/v1\n"
    "oid sha256:4d7a214614ab2935c943f9e0ff69d22eadbb8f32b1258daaa5e2ca24d17e2393\nsize 12345\n"
)
NAMED = "a Git LFS pointer (run `git lfs pull`)"


def mismatches(name: str, form: str, model: str = "claude-sonnet-4-6") -> list[Problem]:
    """The problems of the rule on an image file of a format under a name."""
    return run_rule(media_type_mismatch, image(f"<{form} 800x600 named={name}>"), model=model)


@pytest.mark.parametrize(
    "name",
    [
        "IMG_0042.HEIC",
        "a.avif",
        "a.tif",
        "a.TIFF",
        "a.bmp",
        "a.heif",
        "a.jp2",
        "a.jxl",
        "a.svg",
        "a.ico",
        "a.dng",
    ],
)
@pytest.mark.parametrize("form", ["jpeg", "png", "webp"])
def test_extension_of_another_image_format_is_a_mismatch(name: str, form: str) -> None:
    """Bytes that the API takes under the name of a format that it refuses: declared by name, they fail."""
    [problem] = mismatches(name, form)
    assert f"but the bytes are image/{form}" in problem.message


@pytest.mark.parametrize("name", ["a.tif", "a.heic", "a.heif", "a.bmp"])
def test_bytes_that_the_api_refuses_are_no_mismatch(name: str) -> None:
    """The format is the problem then, whatever the name is."""
    assert mismatches(name, "bmp") == []
    assert mismatches(name, "heic") == []


@pytest.mark.parametrize("name", ["a.heic", "a.HEIF", "a.hif"])
def test_heic_and_heif_are_one_name_where_both_are_accepted(name: str) -> None:
    """Gemini takes both, and cameras write either extension."""
    assert mismatches(name, "heic", "gemini-2.5-flash") == []
    assert mismatches(name, "heif", "gemini-2.5-flash") == []


def test_wrongly_named_photo_is_renamed(tmp_path: Path, imgbudget: Command) -> None:
    """The bytes stay; the extension becomes that of the bytes, in its letter case."""
    photo = tmp_path / "IMG_0042.HEIC"
    photo.write_bytes(data := image_bytes((64, 48), "JPEG"))
    imgbudget("check", str(tmp_path), "--fix", "--unsafe-fixes", "--fix-level", "warning", "--isolated")
    assert not photo.exists()
    assert (tmp_path / "IMG_0042.JPG").read_bytes() == data


@pytest.mark.parametrize("name", ["a.png", "b.heic", "c"])
def test_pointer_in_place_of_an_image_is_named(tmp_path: Path, name: str) -> None:
    """A repository cloned without its large files has texts of three lines in their place."""
    (path := tmp_path / name).write_text(POINTER, encoding="ascii")
    facts = read_image(str(path), 0).facts
    assert facts is not None
    assert facts.content == NAMED


def test_check_and_fix_name_pointers_and_the_command(tmp_path: Path, imgbudget: Command) -> None:
    """The finding has the remedy, a fix has nothing to do, and request files are not called malformed."""
    for name in ("a.png", "body.json", "rows.jsonl"):
        (tmp_path / name).write_text(POINTER, encoding="ascii")
    for options in ((), ("--fix",)):
        done = imgbudget("check", str(tmp_path), "--isolated", *options)
        assert done.code == 1
        assert f"is not an image but {NAMED}" in done.out + done.err
        assert "run `git lfs pull` in its repository, which downloads the image" in done.out + done.err
        assert f"body.json: is {NAMED}" in done.out + done.err
        assert f"rows.jsonl: is {NAMED}" in done.out + done.err


@pytest.mark.parametrize("name", ["a.parquet", "a.tar", "a.zip", "a.arrow", "a.jsonl", "a.tar.gz"])
def test_audit_names_pointers_in_place_of_datasets(tmp_path: Path, imgbudget: Command, name: str) -> None:
    """They are items that were not read, not damaged archives."""
    (path := tmp_path / name).write_text(POINTER, encoding="ascii")
    done = imgbudget("audit", str(path), "--isolated")
    assert done.code == 2
    assert f"is {NAMED}" in done.out + done.err
    assert "damaged" not in done.out + done.err


def test_audit_names_pointers_that_rows_refer_to(tmp_path: Path, imgbudget: Command) -> None:
    """An image that a row names is checked as any other."""
    (tmp_path / "a.png").write_text(POINTER, encoding="ascii")
    (rows := tmp_path / "rows.jsonl").write_text('{"image": "a.png"}\n', encoding="ascii")
    table = tmp_path / "table"
    imgbudget("audit", str(rows), "--isolated", "--format", f"csv:{table}")
    assert "IB001" in table.read_text(encoding="utf-8")


def test_longer_text_that_begins_like_a_pointer_is_text(tmp_path: Path) -> None:
    """The specification bounds a pointer to less than 1,024 bytes."""
    (path := tmp_path / "a.png").write_text(POINTER + "x" * 1024, encoding="ascii")
    facts = read_image(str(path), 0).facts
    assert facts is not None
    assert facts.content == "plain text"
