"""Settings of rules on pixels and on the run, as those who meet them first use them."""

import io
import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from imgbudget_rules.shown import percent
from tests.builders import image_bytes
from tests.conftest import Command

CONFIG = Path(".imgbudget.yaml")


def encoded(image: Image.Image, form: str = "PNG") -> bytes:
    """The bytes of a file."""
    out = io.BytesIO()
    image.save(out, form)
    return out.getvalue()


PARTS = np.random.default_rng(1).integers(0, 255, (8, 8, 3), dtype=np.uint8)
PICTURE = Image.fromarray(PARTS).resize((400, 300))
CLEAR = Image.new("RGBA", (400, 300))


@pytest.fixture
def alike(tmp_path: Path) -> None:
    """A file, a copy of it, and the same picture as JPEG."""
    (tmp_path / "p").mkdir()
    (tmp_path / "p/a.png").write_bytes(encoded(PICTURE))
    (tmp_path / "p/b.png").write_bytes(encoded(PICTURE))
    (tmp_path / "p/c.jpg").write_bytes(encoded(PICTURE, "JPEG"))


def entry(code: str, file: str) -> str:
    """An ignore entry."""
    return f"  - {{rules: [{code}], files: [{file}], reason: meant}}\n"


@pytest.mark.usefixtures("alike")
def test_an_ignore_of_a_finding_on_several_files_is_used(imgbudget: Command) -> None:
    """Copies and near duplicates are found at the end of a run; one entry has no finding."""
    used = entry("IB801", "p/b.png") + entry("IB911", "p/c.jpg")
    CONFIG.write_text(f"pixels: true\nignores:\n{used}{entry('IB801', 'p/c.jpg')}")
    done = imgbudget("check", "--select", "IB801,IB911,IB004", "--format", "json")
    assert [finding["pointer"] for finding in done.json["findings"]] == ["/ignores/2"]
    assert done.json["summary"]["silenced"]["ignores"] == 2
    assert imgbudget("check", "--select", "IB801,IB911,IB004", "--fix").code == 0
    assert CONFIG.read_text() == f"pixels: true\nignores:\n{used}"


@pytest.mark.usefixtures("alike")
def test_a_baseline_has_findings_on_pixels(imgbudget: Command) -> None:
    """With the option of the check that they are found by."""
    rules = "--pixels", "--select", "IB911", "--no-progress"
    assert imgbudget("baseline", "--write", "--baseline", "known.json", "p", *rules).out == (
        "wrote 1 finding to known.json\n"
    )
    assert imgbudget("check", "--baseline", "known.json", "p", *rules, "--fail-on", "info").code == 0


def test_all_of_an_image_is_100_percent(imgbudget: Command, tmp_path: Path) -> None:
    """Without an exponent; nearly all and nearly none are not rounded to all and none."""
    (tmp_path / "clear.png").write_bytes(encoded(CLEAR))
    [finding] = imgbudget("check", "--select", "IB908", "--format", "json").json["findings"]
    assert finding["message"].startswith("100 % of the pixels are transparent")
    shares = 0, 0.00001, 0.0345, 0.0996, 0.7, 0.999, 1
    assert [percent(share) for share in shares] == [
        *("0 %", "0.01 %", "3.5 %", "10 %", "70 %", "99 %", "100 %")
    ]


@pytest.mark.parametrize("name", ["dark", "idle-border", "upscaled", "flattened-mode"])
def test_a_share_in_percent_is_refused(imgbudget: Command, name: str) -> None:
    """A bound that all or no images pass would turn the rule off, or report everything."""
    CONFIG.write_text(f"thresholds: {{{name}: 40}}\n")
    done = imgbudget("check")
    wanted = f"thresholds.{name}: expected a number from 0 to 1, such as 0.4 for 40 %, found '40'"
    assert (done.code, wanted in done.err) == (2, True)
    CONFIG.write_text(f"thresholds: {{{name}: 0.4, blurred: 40}}\n")
    assert imgbudget("check").code == 0


def test_a_list_whose_images_lie_elsewhere_names_the_option(imgbudget: Command, tmp_path: Path) -> None:
    """As lists in `annotations` of images in a folder beside it."""
    (tmp_path / "images").mkdir()
    (tmp_path / "images/1.png").write_bytes(encoded(PICTURE))
    (tmp_path / "annotations").mkdir()
    (tmp_path / "annotations/list.json").write_text(json.dumps({"images": [{"id": 1, "file_name": "1.png"}]}))
    done = imgbudget("audit", "annotations/list.json")
    assert (done.code, "--image-root DIR names the folder that its paths begin at" in done.err) == (2, True)
    assert imgbudget("audit", "annotations/list.json", "--image-root", "images").code == 0


def test_pages_of_documents_are_no_damaged_images(imgbudget: Command, tmp_path: Path) -> None:
    """Their format is named, and what cannot be compared of them is not called damaged."""
    Image.new("RGB", (400, 300)).save(tmp_path / "d.pdf")
    done = imgbudget("audit", "--pixels", "d.pdf")
    assert "\npdf page       1" in done.out
    assert "1 image not compared with others: their pixels are not stored, or cannot be decoded" in done.out


def test_a_field_without_images_is_named(imgbudget: Command, tmp_path: Path) -> None:
    """With the one that has some, whether it has names or bytes: what it holds is not wrong."""
    pq = pytest.importorskip("pyarrow.parquet")
    pa = pytest.importorskip("pyarrow")
    (tmp_path / "1.png").write_bytes(encoded(PICTURE))
    (tmp_path / "l.json").write_text(json.dumps([{"id": "1", "image": "1.png"}]))
    pq.write_table(pa.table({"image": [{"bytes": encoded(PICTURE), "path": None}]}), tmp_path / "t.parquet")
    for name, field in (("l.json", "image"), ("t.parquet", "image.bytes")):
        done = imgbudget("audit", name, "--image-field", "imge")
        wanted = f"has an image in its field '{field}', but none in --image-field imge"
        assert (done.code, wanted in done.err) == (2, True), done.err


@pytest.mark.parametrize("code", ["IB901", "IB911"])
@pytest.mark.parametrize("form", ["JPEG", "PNG"])
def test_image_that_cannot_be_decoded_is_not_clean_for_rules_on_pixels(
    imgbudget: Command, tmp_path: Path, form: str, code: str
) -> None:
    """The rule that names damage is not selected, and the pixels were not seen."""
    data = image_bytes((300, 300), form)
    (tmp_path / "a.png").write_bytes(data[: len(data) - 40])
    arguments = ("check", str(tmp_path), "--isolated", "--fail-on-unread", "--pixels", "--select")
    run = imgbudget(*arguments, code)
    assert run.code == 2
    assert "pixels not checked: " in run.err
    assert imgbudget(*arguments, "IB201").code == 0
    run = imgbudget(*arguments, f"{code},IB001")
    assert (run.code, "pixels not checked" in run.err) == (1, False)
    (tmp_path / "a.png").write_bytes(data)
    assert imgbudget(*arguments, code).code == 0
