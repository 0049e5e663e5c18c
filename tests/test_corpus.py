"""Files from elsewhere: no traceback, nothing dropped, facts as in the manifest."""

import csv
from pathlib import Path
from typing import Any

import pytest

from imgbudget.limits.geometry import Size
from imgbudget.model.views import FIRST_TRANSPOSED
from tests.builders import CORPUS
from tests.conftest import Command

pytestmark = pytest.mark.skipif(not CORPUS.is_dir(), reason="the corpus is not beside this checkout")


def rows(name: str) -> list[dict[str, str]]:
    """The manifest's rows."""
    with (CORPUS / name / "MANIFEST.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


@pytest.fixture
def report(imgbudget: Command) -> Any:
    """The whole corpus, checked."""
    run = imgbudget("check", str(CORPUS), "--format", "json", "--isolated")
    assert run.code == 1
    assert "Traceback" not in run.err
    return run.json


def test_every_file_is_checked_or_skipped_by_name(report: Any) -> None:
    """Files = checked + skipped, and each one of the tree is there."""
    files = {str(path) for path in CORPUS.rglob("*") if path.is_file()}
    skipped = {item["path"] for item in report["summary"]["skipped"]}
    checked = {item["path"] for key in ("images", "requests", "findings") for item in report[key]}
    assert report["summary"]["files"] == len(files)
    assert checked | skipped == files
    assert not checked & skipped


def test_facts_of_every_image_equal_the_manifest(report: Any) -> None:
    """Width, height, orientation and animation of whatever opens."""
    found = {item["path"]: item for item in report["images"] if item["pointer"] is None}
    wrong = []
    for row in rows("images"):
        if row["opens"] != "1":
            continue
        item = found[str(CORPUS / "images" / row["path"])]
        told = (item["width"], item["height"], item["orientation"], int((item["frames"] or 1) > 1))
        orientation = int(row["exif_orientation"]) if row["exif_orientation"].isdigit() else 1
        size = Size(int(row["width"]), int(row["height"]))
        if row["format"] == "TIFF" and orientation >= FIRST_TRANSPOSED:
            size = size.transposed  # Pillow gives the size after rotation, beside the orientation before it
        true = (
            *size,
            orientation,
            int(row["animated"] or 0) if row["animated"] != "n/a" else told[3],
        )
        if told != true:
            wrong.append((row["path"], told, true))
    # its pictures are of undefined type and other sizes, which CIPA DC-007 does not make frames
    assert [path for path, _, _ in wrong] == ["valid/jpeg/Pillow__frame_size.mpo"]


def test_images_that_decode_are_not_called_unreadable(report: Any) -> None:
    """No valid JPEG, PNG, GIF or WebP is IB001."""
    unreadable = {item["path"] for item in report["findings"] if item["code"] == "IB001"}
    valid = {
        str(CORPUS / "images" / row["path"])
        for row in rows("images")
        if row["valid"] == "1" and not row["path"].startswith("malformed/")
    }
    assert unreadable & valid == set()


def test_unsupported_formats_are_reported(report: Any) -> None:
    """Nothing under `unsupported` passes as clean."""
    reported = {item["path"] for item in report["findings"] if item["code"] in ("IB104", "IB001")}
    skipped = {item["path"] for item in report["summary"]["skipped"]}
    for path in (CORPUS / "images" / "unsupported").iterdir():
        assert str(path) in reported | skipped


def test_recorded_requests_have_their_images(report: Any) -> None:
    """Every recorded Messages body is read with the model and number of images of the manifest."""
    found = {Path(item["path"]).name: item for item in report["requests"]}
    for row in rows("requests"):
        if not row["path"].startswith("messages/"):
            continue
        item = found[Path(row["path"]).name]
        assert item["images"] == int(row["n_images"]), row["path"]
        assert item["documents"] == int(row["n_documents"]), row["path"]
