"""Requests of many screenshots, or of too many bytes, brought within every limit by `check --fix`."""

import base64
import json
import random
import re
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from PIL import Image, ImageDraw

from imgbudget.imageinfo.dispatch import probe_bytes
from tests.builders import image_block
from tests.conftest import Command
from tests.drawings import encoded

MODEL = "claude-opus-4-8"
TALL = (232, 2300)
"""Screens as long as those of phones, and slim, for the sake of time."""


@cache
def interface(number: int, size: tuple[int, int] = TALL, compress_level: int = 1) -> bytes:
    """A screen of an application: bars, rows of words, lines; each different."""
    picture = Image.new("RGB", size, (250, 250, 252))
    pen = ImageDraw.Draw(picture)
    for row, y in enumerate(range(0, size[1], 40)):
        pen.rectangle((8, y + 6, 32, y + 30), fill=((row * 40 + number) % 256, 90, 160))
        pen.text((40, y + 6), f"Message {number}.{row} of the account", fill=(20, 20, 20))
        pen.text((40, y + 20), "the total of the invoice is due", fill=(110, 110, 120))
        pen.line((0, y + 38, size[0], y + 38), fill=(220, 220, 225))
    return encoded(picture, compress_level=compress_level)


@cache
def film(number: int, size: tuple[int, int] = TALL, compress_level: int = 1) -> bytes:
    """A screen that shows a photograph: neighbouring pixels differ."""
    samples = random.Random(number).randbytes(size[0] // 4 * (size[1] // 4) * 3)  # noqa: S311 - the same each time
    coarse = Image.frombytes("RGB", (size[0] // 4, size[1] // 4), samples).resize(size)
    return encoded(coarse, compress_level=compress_level)


def write_request(path: Path, blocks: list[dict[str, Any]]) -> bytes:
    """Write a request in an unusual layout and return its text."""
    content = [*blocks, {"type": "text", "text": "Was ist hier zu sehen? → <ü>"}]
    body = {"model": MODEL, "max_tokens": 100, "messages": [{"role": "user", "content": content}]}
    text = json.dumps(body, indent=1, ensure_ascii=False).replace('"role": ', '"role"\t:  ')
    path.write_text(text + "\n \n", encoding="utf-8")
    return path.read_bytes()


def images(text: bytes) -> list[bytes]:
    """The bytes of the images of a request."""
    content = json.loads(text)["messages"][0]["content"]
    return [base64.b64decode(block["source"]["data"]) for block in content if block["type"] == "image"]


def skeleton(text: bytes) -> tuple[bytes, ...]:
    """The request without the media types and payloads of its images."""
    return tuple(re.split(rb'(?<="media_type": )"[^"]*"|(?<="data": )"[^"]*"', text))


@pytest.mark.parametrize("platform", ["anthropic", "bedrock"])
def test_many_screenshots_are_clean_after_one_fix(imgbudget: Command, tmp_path: Path, platform: str) -> None:
    """Small images stay byte for byte, and so does every byte between the changed values."""
    small = [interface(100, (392, 560)), film(101, (224, 224))]
    blocks = [image_block(film(i) if i % 7 == 0 else interface(i)) for i in range(21)]
    old = write_request(tmp_path / "r.json", [*blocks, *map(image_block, small)])
    plan = imgbudget("plan", "r.json", "--platform", platform, "--format", "json").json
    assert plan["requests"][0]["binding"] == ["edge where there are more than 20"]
    assert imgbudget("check", "r.json", "--platform", platform).code == 1
    fixed = imgbudget("check", "--fix", "r.json", "--platform", platform, "--format", "json")
    assert (fixed.code, fixed.json["not_fixed"], fixed.json["findings"]) == (0, [], [])
    again = imgbudget("check", "r.json", "--platform", platform, "--format", "json").json
    assert again["findings"] == []
    new = (tmp_path / "r.json").read_bytes()
    assert images(new)[21:] == small
    assert {probe_bytes(data).size for data in images(new)[:21]} == {(202, 2000)}
    assert skeleton(new) == skeleton(old)


def test_a_body_of_forty_megabytes_is_fixed_by_what_its_largest_images_give(
    imgbudget: Command, tmp_path: Path
) -> None:
    """Each is within what the plan allows it; formats and qualities give, sizes do not; others stay."""
    small = film(9, (560, 560))
    screens = [interface(i, (1820, 1120 + 28 * i), compress_level=0) for i in range(4)]
    screens.append(film(4, (1820, 1120), compress_level=0))
    old = write_request(tmp_path / "r.json", [image_block(data) for data in (*screens, small)])
    assert len(old) > 40_000_000
    plan = imgbudget("plan", "r.json", "--format", "json").json
    assert plan["requests"][0]["binding"] == ["body"]
    run = imgbudget("check", "--fix", "r.json", "--format", "json")
    assert (run.code, run.json["not_fixed"]) == (0, [])
    new = (tmp_path / "r.json").read_bytes()
    assert len(new) <= 32_000_000
    assert images(new)[5] == small
    for before, after, step in zip(screens, images(new), plan["plans"], strict=False):
        assert len(after) <= (step["max_bytes"] or len(before))
        assert probe_bytes(after).size == probe_bytes(before).size
    assert skeleton(new) == skeleton(old)
    assert imgbudget("check", "--fix", "r.json").code == 0
    assert (tmp_path / "r.json").read_bytes() == new


def test_a_platform_with_less_room_is_kept_within_it(imgbudget: Command, tmp_path: Path) -> None:
    """An image over the bytes of Bedrock keeps its size, and the declared type is that of the new bytes."""
    data = film(1, (1484, 896), compress_level=0)
    write_request(tmp_path / "r.json", [image_block(data)])
    run = imgbudget("check", "--fix", "r.json", "--platform", "bedrock", "--format", "json")
    assert (run.code, run.json["findings"]) == (0, [])
    made = images((tmp_path / "r.json").read_bytes())[0]
    facts = probe_bytes(made)
    block = json.loads((tmp_path / "r.json").read_bytes())["messages"][0]["content"][0]
    assert len(block["source"]["data"]) <= 5_242_880 < len(base64.b64encode(data))
    assert facts.size == (1484, 896)
    assert block["source"]["media_type"] == f"image/{facts.format}"
