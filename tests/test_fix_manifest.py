"""`--report`: every change and every removal is in the manifest."""

import base64
import hashlib
import json
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from imgbudget.fixing.removed import parts_of
from tests.builders import body, image_block, image_bytes, text_block, write_json
from tests.conftest import Command
from tests.drawings import encoded, soft

SMALL = image_bytes((400, 300))
LARGE = image_bytes((2000, 1500), "JPEG")


def sha256(data: bytes) -> str:
    """The digest of bytes."""
    return hashlib.sha256(data).hexdigest()


def with_metadata(form: str) -> bytes:
    """A photo with a position, XMP, a profile and a comment, where the format has them."""
    exif = Image.Exif()
    exif[0x010F] = "maker"
    exif.get_ifd(0x8825).update({1: "N", 2: (50.0, 0.0, 0.0), 3: "E", 4: (8.0, 0.0, 0.0)})
    options: dict[str, Any] = {"xmp": b"<x/>" * 40}
    if form == "JPEG":
        options["comment"] = b"a remark"
    if form == "PNG":
        options = {"pnginfo": PngInfo()}
        options["pnginfo"].add_itxt("XML:com.adobe.xmp", "<x/>" * 40)
    data = encoded(soft((400, 300)), form, exif=exif, **options)
    return data + b"a video" * 100 if form == "JPEG" else data


@pytest.mark.parametrize(
    ("form", "name", "what"),
    [
        ("JPEG", "a.jpg", {"EXIF", "GPS position", "XMP", "comment"}),
        ("PNG", "a.png", {"EXIF", "GPS position", "XMP"}),
        ("WEBP", "a.webp", {"EXIF", "GPS position", "XMP"}),
    ],
)
def test_removed_metadata_is_listed_by_kind(
    tmp_path: Path, imgbudget: Command, form: str, name: str, what: set[str]
) -> None:
    """With its bytes, in files and in requests."""
    data = with_metadata(form)
    (tmp_path / name).write_bytes(data)
    media_type = f"image/{form.lower()}"
    write_json(tmp_path / "r.json", body(image_block(data, media_type)))
    imgbudget("check", "--fix", "--fix-level", "warning", ".", "--report", "m.json")
    files = json.loads((tmp_path / "m.json").read_text())["files"]
    assert [file["path"] for file in files] == [name, "r.json"]
    for file in files:
        (image,) = file["images"]
        gone = {part["what"]: part["bytes"] for part in image["removed"]}
        assert gone.keys() >= what
        assert gone["GPS position"] is None
        lost = sum(size for size in gone.values() if size)
        assert abs(image["original"]["bytes"] - image["sent"]["bytes"] - lost) <= 20


def test_data_after_a_picture_counts() -> None:
    """A video after a JPEG file, and text after PNG."""
    assert parts_of(with_metadata("JPEG"))["data after the picture"] == 700
    assert parts_of(encoded(soft()) + b"more")["data after the picture"] == 4
    assert +parts_of(encoded(soft())) == {}
    profile = parts_of(encoded(soft(), "JPEG", icc_profile=bytes(500)))
    assert profile["colour profile"] > 500


def test_a_block_that_gave_way_to_a_text_is_listed(tmp_path: Path, imgbudget: Command) -> None:
    """With its old bytes and the new text; the finding has the title of what was done."""
    lines = [
        {"type": "user", "uuid": "u", "sessionId": "s", "message": {"role": "user", "content": content}}
        for content in ([image_block(SMALL[:60]), text_block("see")], [text_block("yes")])
    ]
    (tmp_path / "s.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    run = imgbudget("check", "--fix", ".", "--ignore", "IB105", "--report", "m.json")
    manifest = json.loads((tmp_path / "m.json").read_text())
    (file,) = manifest["files"]
    assert f'messages.0.content.0: image replaced by "{file["blocks"][0]["text"]}": IB001\n' in run.out
    assert "1 fix made in 1 file, 1 image removed: " in run.err
    assert manifest["summary"]["removed_images"] == 1
    (block,) = file["blocks"]
    assert block["title"] == "put a text that says what was removed in its place"
    assert block["text"].startswith(
        "[image removed, because it cannot be decoded: png 400x300 that is cut off"
    )
    assert block["original"] == {"bytes": 60, "sha256": sha256(SMALL[:60])}
    assert block["pointer"] == "/message/content/0/source"
    assert block["document"] == 0
    new = json.loads((tmp_path / "s.jsonl").read_text().splitlines()[0])
    assert new["message"]["content"][0] == {"type": "text", "text": block["text"]}
    assert {it["title"] for it in file["fixed"]} == {block["title"]}


def test_other_changes_of_blocks_are_listed(tmp_path: Path, imgbudget: Command) -> None:
    """A removed empty text, moved images, a declared type, rewritten base64; pixels stay."""
    text = base64.b64encode(SMALL).decode()
    broken = image_block(SMALL)
    broken["source"]["data"] = text[:40] + "\n" + text[40:]
    wrong = image_block(SMALL, "image/gif")
    write_json(tmp_path / "r.json", body("What is this picture about?", "", wrong, broken))
    imgbudget("check", "--fix", "--unsafe-fixes", "--fix-level", "info", "r.json", "--report", "m.json")
    (file,) = json.loads((tmp_path / "m.json").read_text())["files"]
    assert {block["title"] for block in file["blocks"]} == {
        "remove the block",
        "move the images before the text",
        "declare image/png",
        "rewrite the base64 text",
    }
    assert [block["text"] for block in file["blocks"]] == [None] * len(file["blocks"])


@pytest.mark.parametrize("options", [(), ("--backup",)])
def test_new_names_and_removed_originals_are_listed(
    tmp_path: Path, imgbudget: Command, options: tuple[str, ...]
) -> None:
    """Also that of a file whose extension alone was wrong."""
    (tmp_path / "scan.bmp").write_bytes(encoded(soft((400, 300)), "BMP"))
    (tmp_path / "photo.png").write_bytes(image_bytes((400, 300), "JPEG"))
    imgbudget("check", "--fix", "--unsafe-fixes", ".", "--report", "../m.json", *options)
    photo, scan = json.loads((tmp_path.parent / "m.json").read_text())["files"]
    assert (photo["path"], photo["written"], photo["removed"]) == ("photo.png", "photo.jpg", ["photo.png"])
    assert photo["images"] == []
    assert scan["removed"] == [scan["path"]]
    (image,) = scan["images"]
    assert (image["original"]["format"], image["sent"]["format"]) == ("bmp", "png")
    assert (photo["backup"], scan["backup"]) == (bool(options), bool(options))
    assert not (tmp_path / "scan.bmp").exists()
    assert (tmp_path / "scan.bmp.bak").exists() is bool(options)


def test_with_an_output_folder_nothing_is_removed(tmp_path: Path, imgbudget: Command) -> None:
    """The new name is there."""
    (tmp_path / "in").mkdir()
    (tmp_path / "in/scan.bmp").write_bytes(encoded(soft((400, 300)), "BMP"))
    imgbudget("check", "--fix", "in", "--output-dir", "out", "--report", "m.json")
    (file,) = json.loads((tmp_path / "m.json").read_text())["files"]
    assert file["removed"] == []
    assert (tmp_path / file["written"]).exists()
    assert (tmp_path / "in/scan.bmp").exists()


def test_entries_of_a_configuration_are_listed(tmp_path: Path, imgbudget: Command) -> None:
    """With the bytes of the file before and after."""
    entry = "  - {rules: [%s], files: [%s], reason: old}\n"
    text = "ignores:\n" + entry % ("IB201", "none.png") + entry % ("IB301", "a.png")
    path = tmp_path / ".imgbudget.yaml"
    path.write_text(text)
    (tmp_path / "a.png").write_bytes(image_bytes((100, 100)))
    imgbudget("check", "--fix", ".", "--report", "m.json")
    (file,) = [
        one for one in json.loads((tmp_path / "m.json").read_text())["files"] if one["path"].endswith(".yaml")
    ]
    assert file["original"] == {"bytes": len(text), "sha256": sha256(text.encode())}
    assert file["sent"] == {"bytes": path.stat().st_size, "sha256": sha256(path.read_bytes())}
    assert [it["title"] for it in file["fixed"]] == ["remove the entry from the configuration"]
