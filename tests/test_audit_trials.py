"""What the plan saves in a dataset: measured on some images, and said to be a range if not on all."""

import io
import os
import re
from collections.abc import Sequence
from pathlib import Path
from random import Random

import pytest
from PIL import Image

from imgbudget.auditing import run, trials
from imgbudget.auditing.trials import FIRST, LATER, ResizedImages, bytes_after, tries_of
from tests.builders import body, image_block, image_bytes, write_json
from tests.conftest import Command
from tests.processes import one_thread


def photo(size: tuple[int, int], seed: int, form: str = "JPEG") -> bytes:
    """A picture with detail everywhere, of another kind for each seed."""
    random = Random(seed)  # noqa: S311
    small = (size[0] // random.choice((4, 8, 16)), size[1] // 8)
    bands = [Image.effect_noise(small, random.randrange(10, 90)).resize(size) for _ in range(3)]
    out = io.BytesIO()
    Image.merge("RGB", bands).save(out, form, quality=random.choice((75, 85, 95)))
    return out.getvalue()


def totals_of(imgbudget: Command, *arguments: str) -> dict[str, int]:
    """The headline numbers of an audit of the working folder."""
    found = imgbudget("audit", "data", "--format", "json", *arguments).json["statistics"]["totals"]
    assert isinstance(found, dict)
    return found


def test_small_dataset_is_measured_as_a_whole(imgbudget: Command, tmp_path: Path) -> None:
    """The bytes after the plan are those that a plan makes, and no range; a palette that would grow stays."""
    folder = tmp_path / "data"
    folder.mkdir()
    for at in range(4):
        (folder / f"{at}.jpg").write_bytes(photo((1700, 230), at))
    (folder / "small.png").write_bytes(image_bytes((40, 30)))
    (folder / "drawn.webp").write_bytes(photo((1640, 230), 9, "WEBP"))
    found = totals_of(imgbudget)
    planned = imgbudget("plan", "data", "--format", "json").json["totals"]["after"]["bytes"]
    ends = (found["bytes_after_low"], found["bytes_after"], found["bytes_after_high"])
    assert ends == (planned, planned, planned)
    assert (found["resized"], found["tried"]) == (5, 5)
    out = imgbudget("audit", "data").out
    assert re.search(r"resized before sending, [\d.]+ kB become [\d.]+ kB\n", out)


def test_larger_dataset_has_a_range_that_holds_the_result(
    imgbudget: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Some images are encoded, and the text, the page and JSON say how many."""
    folder = tmp_path / "data"
    folder.mkdir()
    for at in range(24):
        (folder / f"{at}.jpg").write_bytes(photo((1600 + 10 * at, 230), at))
    monkeypatch.setattr(run, "tries_of", lambda _number: 8)
    found = totals_of(imgbudget, "--html", "report.html", "--jobs", "1")
    monkeypatch.setattr(trials, "FEW", 23)
    without = totals_of(imgbudget, "--jobs", "1")
    assert (without["tried"], without["bytes_after_high"]) == (0, without["byte_size"])
    assert without["bytes_after_low"] < found["bytes_after_low"]
    planned = imgbudget("plan", "data", "--format", "json").json["totals"]["after"]["bytes"]
    assert found["bytes_after_low"] < planned < found["bytes_after_high"]
    assert found["bytes_after"] == pytest.approx(planned, rel=0.1)
    assert 3 <= found["tried"] <= 8
    encoded = f"({found['tried']} of 24 images encoded)"
    assert encoded in imgbudget("audit", "data", "--jobs", "1", "--measure").out
    assert encoded in (tmp_path / "report.html").read_text()


def test_images_that_are_not_read_here_have_wide_bounds(imgbudget: Command, tmp_path: Path) -> None:
    """Those of requests are planned from headers."""
    folder = tmp_path / "data"
    folder.mkdir()
    write_json(folder / "r.json", body(image_block(photo((1700, 230), 1))))
    found = totals_of(imgbudget)
    assert found["tried"] == 0
    assert found["bytes_after_low"] < found["bytes_after"] < found["bytes_after_high"]


def test_few_partitions_of_many_are_tried() -> None:
    """A thousand partitions have some hundred trials, spread over all of them."""
    tries = [tries_of(number) for number in range(1000)]
    assert tries[:3] == [FIRST, FIRST, LATER]
    assert 150 < sum(tries) < 400
    assert all(any(tries[at : at + 100]) for at in range(0, 1000, 100))


def groups(sample: Sequence[tuple[int, int]], images: int, expected: int) -> ResizedImages:
    """A format with these trials, each with its expected and real bytes."""
    first, second = zip(*sample, strict=True) if sample else ((), ())
    return ResizedImages(
        images=images,
        byte_size=10 * expected,
        expected=expected,
        tried=len(sample),
        tried_before=10 * sum(first),
        tried_expected=sum(first),
        tried_bytes=sum(second),
        expected_squared=sum(one * one for one in first),
        product=sum(one * two for one, two in sample),
        bytes_squared=sum(two * two for two in second),
    )


def test_range_holds_the_result_nineteen_times_of_twenty() -> None:
    """Whatever the images are, as long as the trials are drawn from them."""
    random = Random(3)  # noqa: S311
    held = 0
    for _ in range(200):
        scale = random.uniform(0.3, 3)
        whole = [
            (size := random.randrange(1000, 90_000), int(size * scale * random.uniform(0.5, 1.5)))
            for _ in range(300)
        ]
        found = bytes_after(5000, [groups(random.sample(whole, 24), 300, sum(one for one, _ in whole))])
        held += found.low <= 5000 + sum(two for _, two in whole) <= found.high
    assert held >= 180


def test_formats_are_not_mixed() -> None:
    """Each has its own ratio; one without trials has the common ratio, within wide bounds."""
    found = bytes_after(0, [groups([(100, 50)] * 20, 200, 20_000), groups([(100, 200)] * 5, 5, 500)])
    assert found == (11_000, 11_000, 11_000, 25)
    found = bytes_after(0, [groups([(100, 50)] * 20, 200, 20_000), groups([], 3, 400)])
    assert found.bytes == 10_200
    assert bytes_after(0, [groups([(100, 2000)] * 2, 200, 20_000)]).bytes == 400_000
    assert bytes_after(0, [groups([(100, 900), (1, 9)], 9, 999)]).bytes == 8991
    assert (found.low, found.high) == (10_100, 14_000)
    assert bytes_after(7, []) == (7, 7, 7, 0)


def test_image_that_crashes_in_a_trial_is_read_again_without_it(
    imgbudget: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever an encoder does, the facts of all images are there, and nothing is reported."""
    folder = tmp_path / "data"
    folder.mkdir()
    for at in range(3):
        (folder / f"{at}.jpg").write_bytes(photo((1700, 230), at))
    one_thread(monkeypatch)
    monkeypatch.setattr(trials, "plan_image", lambda *_arguments: os._exit(9))
    found = totals_of(imgbudget)
    assert (found["images"], found["resized"], found["missed"], found["tried"]) == (3, 3, 0, 0)
    assert found["bytes_after_low"] < found["bytes_after_high"]
