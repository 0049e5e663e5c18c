"""`imgbudget size` of images, and of many models at once."""

import os
from pathlib import Path

import pytest

from tests.builders import body, image_block, image_bytes, write_json
from tests.conftest import Command

MANY = (
    "gpt-5.5,gpt-5-mini,gemini-2.5-flash,gemini-3-flash-preview,qwen3-vl,llama-4-scout,"
    "mistral-medium-latest,pixtral-large,gemma-3,kimi-k2.5,nova-pro"
)


def test_sizes_and_images_in_one_call(imgbudget: Command, tmp_path: Path) -> None:
    """In the order given; an image has its path, a size alone has none."""
    (tmp_path / "a.png").write_bytes(image_bytes((1920, 1080)))
    run = imgbudget("size", "800x600", "a.png", "200x200", "--format", "json")
    assert run.code == 0, run.err
    rows = [(row["path"], row["pointer"], row["size"], row["tokens"]) for row in run.json["sizes"]]
    assert rows == [
        (None, None, [800, 600], 638),
        ("a.png", None, [1920, 1080], 1560),
        (None, None, [200, 200], 64),
    ]
    head, *lines = imgbudget("size", "800x600", "a.png").out.splitlines()[1:]
    assert head.split()[:2] == ["image", "size"]
    assert lines[1].split()[:3] == ["a.png", "1920x1080", "1456x819"]
    assert "image" not in imgbudget("size", "800x600").out


def test_orientation_of_a_file_counts(imgbudget: Command, tmp_path: Path) -> None:
    """A photo that is turned by its EXIF data is as high as it is shown; rows cost, columns less."""
    (tmp_path / "turned.jpg").write_bytes(image_bytes((1400, 280), "JPEG", orientation=6))
    (tmp_path / "mirrored.jpg").write_bytes(image_bytes((1400, 280), "JPEG", orientation=3))
    run = imgbudget("size", "turned.jpg", "mirrored.jpg", "--model", "mistral-small-3.1", "--format", "json")
    assert [(row["size"], row["tokens"]) for row in run.json["sizes"]] == [
        ([280, 1400], 11 * 50),
        ([1400, 280], 51 * 10),
    ]


def test_images_of_a_folder_and_of_a_request(imgbudget: Command, tmp_path: Path) -> None:
    """An image of a request is named by its place, with the limits of its model and its level of detail."""
    (tmp_path / "folder").mkdir()
    for name in ("a.png", "b.png"):
        (tmp_path / "folder" / name).write_bytes(image_bytes((640, 480)))
    write_json(tmp_path / "r.json", body(image_block(image_bytes((1920, 1080))), model="claude-opus-4-8"))
    run = imgbudget("size", "folder", "r.json", "--format", "json")
    assert [(row["path"], row["pointer"], row["model"], row["tokens"]) for row in run.json["sizes"]] == [
        (os.path.join("folder", "a.png"), None, "claude-sonnet-4-6", 414),
        (os.path.join("folder", "b.png"), None, "claude-sonnet-4-6", 414),
        ("r.json", "/messages/0/content/0/source", "claude-opus-4-8", 2691),
    ]
    out = imgbudget("size", "folder", "r.json").out
    assert "claude-sonnet-4-6 on anthropic" in out
    assert "claude-opus-4-8 on anthropic" in out
    assert "r.json: messages.0.content.0" in out


@pytest.mark.parametrize("command", ["size", "tiles"])
def test_what_cannot_be_measured_is_an_error(imgbudget: Command, tmp_path: Path, command: str) -> None:
    """A file that is missing, empty, cut off or no image: which and why, exit code 2; the rest is printed."""
    (tmp_path / "empty.png").write_bytes(b"")
    (tmp_path / "cut.jpg").write_bytes(image_bytes((1920, 1080), "JPEG")[:3000])
    (tmp_path / "page.png").write_bytes(b"<!DOCTYPE html><html></html>")
    (tmp_path / "notes.txt").write_text("no image")
    (tmp_path / "bad").mkdir()
    (tmp_path / "bad" / "empty.png").write_bytes(b"")
    (tmp_path / "bad" / "cut.jpg").write_bytes(image_bytes((1920, 1080), "JPEG")[:3000])
    for given, said in (
        ("missing.png", "missing.png: no such file or folder; a size is written 1920x1080"),
        ("1920*1080", "1920*1080: no such file or folder; a size is written"),
        ("empty.png", "empty.png: cannot be decoded: is empty (0 bytes)"),
        ("cut.jpg", "cut.jpg: cannot be decoded: "),
        ("page.png", "page.png: is not an image but "),
        ("notes.txt", "notes.txt"),
        ("bad", os.path.join("bad", "cut.jpg")),
    ):
        run = imgbudget(command, given, "800x600")
        assert (run.code, "800x600" in run.out) == (2, os.path.exists(given)), given
        assert said in run.err
        run = imgbudget(command, given)
        assert (run.code, run.out, said in run.err) == (2, "", True), given


def test_bad_images_of_a_folder_are_named(imgbudget: Command, tmp_path: Path) -> None:
    """The others are measured."""
    (tmp_path / "a.png").write_bytes(b"\x89PNG\r\n\x1a\n broken")
    (tmp_path / "b.png").write_bytes(image_bytes((640, 480)))
    run = imgbudget("size", ".", "--format", "json")
    assert (run.code, [row["path"] for row in run.json["sizes"]]) == (2, ["b.png"])
    assert "error: a.png: cannot be decoded" in run.err


def test_a_size_is_a_size_even_if_a_folder_has_its_name(imgbudget: Command, tmp_path: Path) -> None:
    """Folders are often named after the sizes in them: `./` names the folder."""
    (tmp_path / "800x600").mkdir()
    (tmp_path / "800x600" / "a.png").write_bytes(image_bytes((640, 480)))
    for command in ("size", "tiles"):
        run = imgbudget(command, "800x600")
        assert "800x600" in run.out
        assert "800x600 is read as a size; write ./800x600 for the file or folder of that name" in run.err
    (row,) = imgbudget("size", "./800x600", "--format", "json").json["sizes"]
    assert row["size"] == [640, 480]


def test_all_models_are_grouped_by_what_they_make_of_an_image(imgbudget: Command, tmp_path: Path) -> None:
    """A line for each different answer, from the fewest tokens to the most, unknown ones last."""
    (tmp_path / "a.png").write_bytes(image_bytes((1920, 1080)))
    run = imgbudget("size", "a.png", "640x480", "--model", "all", "--format", "json")
    records, groups = run.json["sizes"], run.json["groups"]
    models = list(dict.fromkeys(row["model"] for row in records))
    assert len(models) >= 110
    assert len(records) == 2 * len(models)
    for path, size in (("a.png", [1920, 1080]), (None, [640, 480])):
        mine = [group for group in groups if (group["path"], group["size"]) == (path, size)]
        assert sorted(model for group in mine for model in group["models"]) == sorted(models)
        same = {(str(group["resized"]), group["tokens"], str(group["tokens_range"])) for group in mine}
        assert len(same) == len(mine) < len(models) / 2
        known = [group["tokens"] or group["tokens_range"][0] for group in mine[:-1]]
        assert known == sorted(known)
        assert (mine[-1]["tokens"], mine[-1]["tokens_range"]) == (None, None)
    by_model = {row["model"]: row for row in records if row["path"]}
    for group in groups[: len(groups) // 2]:
        rows = [by_model[model] for model in group["models"] if group["path"]]
        assert {str((row["resized"], row["tokens"], row["tokens_range"])) for row in rows} <= {
            str((group["resized"], group["tokens"], group["tokens_range"]))
        }
    (line,) = (
        line for line in imgbudget("size", "a.png", "--model", "all").out.splitlines() if " 1560 " in line
    )
    assert "claude-haiku-4-5, claude-opus-4-5, claude-opus-4-6, claude-sonnet-4-5, claude-sonnet-4-6" in line
    assert "$0.001560 to $0.007800" in line


def test_vision_models_that_most_providers_sell_are_among_all(imgbudget: Command) -> None:
    """The 25 vision models that most providers of litellm 1.110.2 list, 2026-11."""
    run = imgbudget("size", "640x480", "--model", "all", "--date", "2026-11-29", "--format", "json")
    answered = {model for group in run.json["groups"] for model in group["models"]}
    assert {
        *("glm-5.3-flash", "kimi-k3", "gemma-4", "kimi-k2.7-code", "claude-haiku-4-5", "kimi-k2.6"),
        *("deepseek-v4.1-flash", "minimax-m3-vl", "claude-sonnet-5", "gpt-6-luna", "qwen3.6"),
        *("claude-opus-5", "gpt-5.6-luna", "claude-haiku-5-5", "claude-fable-5", "claude-opus-5-5"),
        *("claude-sonnet-4-6", "claude-sonnet-4-5", "gpt-6-astra", "gpt-6.1-sol", "gpt-5.5"),
        *("gpt-5.6-terra", "qwen3-vl-235b", "qwen3.8-max", "qwen3.5"),
    } <= answered


def test_refused_and_uncertain_models_of_a_group_are_named(imgbudget: Command) -> None:
    """Models that refuse the image are apart from those that take it; each doubt has its models."""
    run = imgbudget("size", "9000x9000", "--model", "all", "--format", "json")
    refusing = {model for group in run.json["groups"] if not group["accepted"] for model in group["models"]}
    assert {"claude-sonnet-4-6", "nova-pro"} <= refusing
    assert refusing == {row["model"] for row in run.json["sizes"] if not row["accepted"]}
    lines = imgbudget("size", "1920x1080", "--model", "all").out.splitlines()
    (doubt,) = (line for line in lines if "budget at high detail" in line and "gpt-4.1-mini" in line)
    assert doubt.startswith("gpt-5.2, gpt-4.1-mini, gpt-4.1-nano: sources contradict each other: ")
    assert lines[-1].endswith(": price not known")
    assert "qwen3-vl, " in lines[-1]


def test_tables_of_all_models_are_grouped(imgbudget: Command) -> None:
    """One table per tier of Claude, and one line for all models without."""
    out = imgbudget("size", "--table", "--model", "all").out
    assert out.count("of exactly that ratio, for claude-") == 2
    assert out.count("their providers publish none") == 1
    out = imgbudget("size", "--table", "--model", "gpt-4o,claude-opus-5").out
    assert "of exactly that ratio, for claude-opus-5:" in out


def test_many_models_of_many_providers(imgbudget: Command) -> None:
    """One row each, in the order given."""
    run = imgbudget("size", "1920x1080", "--model", MANY, "--format", "json")
    assert [row["tokens"] or row["tokens_range"] for row in run.json["sizes"]] == [
        *(2448, 1810, 258, 1100, 2040, 2322, 1736, 2340, 256, 2691),
        [800, 2600],
    ]
    assert len(imgbudget("size", "1920x1080", "--model", MANY).out.splitlines()) == 12


@pytest.mark.parametrize("orientation", range(1, 9))
def test_sizes_are_upright_in_each_orientation(imgbudget: Command, tmp_path: Path, orientation: int) -> None:
    """From 5 on width and height change places (EXIF 2.32, tag 0x0112)."""
    (tmp_path / "a.jpg").write_bytes(image_bytes((400, 300), "JPEG", orientation=orientation))
    (row,) = imgbudget("size", "a.jpg", "--format", "json").json["sizes"]
    assert row["size"] == ([300, 400] if orientation >= 5 else [400, 300])
