"""Near duplicates and leaks between the parts of a split: IB911 and IB912."""

import shutil
from pathlib import Path

import pytest

from imgbudget.pixels.likeness import ImageHashes, alike, found_in, leaks
from imgbudget.pixels.splits import part_of
from tests.builders import body, image_block, write_json
from tests.conftest import Command
from tests.test_pixels_hashes import encoded, scene


@pytest.fixture
def dataset(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Four pictures of two scenes in two parts of a split, one of them a copy of the file."""
    for part in ("train", "val2017"):
        (tmp_path / "data" / part).mkdir(parents=True)
    data, image = tmp_path / "data", scene(1, 320, 240)
    image.save(data / "train" / "a.png")
    shutil.copy(data / "train" / "a.png", data / "train" / "copy.png")
    image.save(data / "train" / "packed.png", compress_level=9)
    image.resize((280, 210)).save(data / "val2017" / "x.jpg")
    scene(2, 320, 240).save(data / "train" / "other.jpg")
    monkeypatch.chdir(tmp_path)
    return data


def found(imgbudget: Command, *args: str) -> list[tuple[str, str]]:
    """The codes and paths of findings on images that are alike."""
    run = imgbudget("check", "--format", "json", "--no-cache", *args)
    return [
        (item["code"], item["path"]) for item in run.json["findings"] if item["code"] in {"IB911", "IB912"}
    ]


def test_images_that_look_alike_are_reported_once_each(imgbudget: Command, dataset: Path) -> None:
    """Each but one of a group is reported, copies of files are left to IB801, a leak is reported as such."""
    expected = [
        ("IB911", "data/train/packed.png"),
        ("IB911", "data/val2017/x.jpg"),
        ("IB912", "data/val2017/x.jpg"),
    ]
    assert found(imgbudget, "--pixels", "data") == expected
    assert found(imgbudget, "--pixels", "-j", "2", "data/val2017", "data/train") == expected
    assert found(imgbudget, "--select", "IB912", "data") == expected[2:]
    assert found(imgbudget, "data") == []


def test_messages_name_the_other_image_and_how_alike_it_is(imgbudget: Command, dataset: Path) -> None:
    """Equal pixels are called that; else the bits that differ are given, with the bound."""
    run = imgbudget("check", "--format", "json", "--select", "IB911,IB912", "data")
    texts = [item["message"] for item in run.json["findings"]]
    assert texts[0] == (
        "same pixels as data/train/a.png in a different file; the image is paid for and counted twice"
    )
    assert texts[1].startswith("looks like data/train/a.png (")
    assert texts[2].startswith("validation image that train has too: data/train/a.png (")
    assert [(item["limit"], item["unit"]) for item in run.json["findings"]] == [(6, "bits")] * 3


def test_the_bound_comes_from_the_configuration(imgbudget: Command, dataset: Path) -> None:
    """With a bound of 0 bits only equal hashes are near; a bound that finds unrelated images is refused."""
    config = dataset.parent / ".imgbudget.yaml"
    config.write_text("thresholds: {near-duplicate: 0}\nselect: [IB911]\n")
    strict = found(imgbudget, "data")
    assert ("IB911", "data/train/packed.png") in strict
    config.write_text("thresholds: {near-duplicate: 11}\n")
    refused = imgbudget("check", "data")
    assert refused.code == 2
    assert "a whole number from 0 to 10" in refused.err


def test_findings_can_be_ignored_and_put_into_a_baseline(imgbudget: Command, dataset: Path) -> None:
    """They belong to a file like others."""
    (dataset.parent / ".imgbudget.yaml").write_text(
        "ignores:\n  - {rules: [IB911], files: ['data/val2017/**'], reason: resized on purpose}\n"
    )
    assert found(imgbudget, "--pixels", "data") == [
        ("IB911", "data/train/packed.png"),
        ("IB912", "data/val2017/x.jpg"),
    ]
    imgbudget("baseline", "--write", "--select", "IB911,IB912", "data")
    assert found(imgbudget, "--select", "IB911,IB912", "--baseline", ".imgbudget-baseline.json", "data") == []


@pytest.mark.parametrize(
    ("value", "folders", "shard", "part"),
    [
        (None, ("data", "train", "cats"), None, "train"),
        (None, ("train", "test-images"), None, "train"),
        (None, ("val2017",), None, "validation"),
        (None, ("training_set",), None, "train"),
        (None, ("Testing",), None, "test"),
        ("dev", ("train",), None, "validation"),
        ("train.clean.100", (), None, "train"),
        (None, (), "train-00000-of-00003.parquet", "train"),
        (None, (), "cc3m-validation-0007.tar", "validation"),
        (None, ("latest", "trains", "contest"), "constraint.tar", None),
    ],
)
def test_the_part_of_a_split(value: str | None, folders: tuple[str, ...], shard: str, part: str) -> None:
    """A column goes before folders, a folder of that name before a word in one, a word is not part of one."""
    assert part_of(value, folders, shard) == part


def hashes_of(*images: tuple[str, str]) -> ImageHashes:
    """Hashes of images by their texts."""
    hashes = ImageHashes()
    for phash, pixel_hash in images:
        hashes.add(phash, pixel_hash)
    return hashes


def test_blank_images_are_alike_only_if_their_pixels_are() -> None:
    """Without a perceptual hash the pixels decide, and images that were not measured are like no other."""
    hashes = hashes_of(("", "a" * 32), ("", "b" * 32), ("", ""), ("", "a" * 32), ("", ""))
    assert [(item.image, item.other, item.same) for item in alike(hashes, 6)] == [(3, 0, True)]
    assert [(item.image, item.other) for item in leaks(hashes, [0, 0, 0, 1, 1], 6)] == [(3, 0)]
    assert [(item.image, item.other) for item in found_in(hashes, hashes_of(("", "b" * 32)), 6)] == [(1, 0)]


def test_a_leak_is_found_beside_the_groups() -> None:
    """An image that is near one of another part is a leak, also if that one is in the group of a third."""
    chain = [f"{(1 << bits) - 1:016x}" for bits in (0, 6, 12)]
    hashes = hashes_of(*((phash, f"{at:032x}") for at, phash in enumerate(chain)))
    assert [(item.image, item.other, item.bits) for item in leaks(hashes, [0, 0, 2], 6)] == [(2, 1, 6)]
    assert leaks(hashes, [-1, -1, 2], 6) == []


def test_the_same_picture_in_another_encoding_is_a_duplicate_in_a_request(
    imgbudget: Command, tmp_path: Path
) -> None:
    """Equal pixels are a warning, another format or size is an info, one kind of screens is left alone."""
    image, later = scene(1, 320, 240), scene(1, 320, 240)
    later.paste((255, 255, 255), (10, 10, 18, 18))
    files = [
        (encoded(image, "PNG"), "image/png"),
        (encoded(image, "PNG", compress_level=1), "image/png"),
        (encoded(later, "PNG"), "image/png"),
        (encoded(image.resize((280, 210)), "JPEG"), "image/jpeg"),
        (encoded(scene(2, 320, 240), "JPEG"), "image/jpeg"),
    ]
    write_json(tmp_path / "r.json", body(*(image_block(*file) for file in files), "Compare."))
    arguments = ("check", str(tmp_path / "r.json"), "--select", "IB504", "--format", "json", "--exit-zero")
    assert imgbudget(*arguments).json["findings"] == []
    reported = imgbudget(*arguments, "--pixels").json["findings"]
    assert [(item["location"], item["severity"]) for item in reported] == [
        ("messages.0.content.1", "warning"),
        ("messages.0.content.3", "info"),
    ]
    assert reported[0]["message"].startswith("the same pixels as messages.0.content.0: ")
    assert reported[1]["message"].startswith("looks like messages.0.content.0: ")
