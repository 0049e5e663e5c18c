"""`plan --target legible` and `same`: the smallest size that keeps what an image shows, with the evidence.

The recogniser is one of known behaviour (tests.inkreader); one test uses the real one where it is installed.
"""

import io
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFont

import imgbudget as package
from imgbudget.errors import UsageError
from imgbudget.fixing import contents
from imgbudget.fixing.shrinking import smallest_same
from imgbudget.legibility.engine import Pixels, Recognised, rapid_engine
from imgbudget.legibility.smallest import smallest_legible
from imgbudget.limits.geometry import Size
from imgbudget.linter.options import RunOptions
from imgbudget.linter.run import Session
from imgbudget.model.contents import ContentSize, ContentTarget, ContentTargetKind
from imgbudget.planner.sizes import size_steps
from imgbudget.planner.targets import goal_of
from tests.builders import body, image_block, image_bytes, write_json
from tests.conftest import Command
from tests.inkreader import BLURRED, CLEAR, InkReader, installed

MODEL = "claude-sonnet-4-6"
LEGIBLE = ContentTarget(ContentTargetKind.LEGIBLE)


def page(size: tuple[int, int] = (800, 600), *heights: int) -> Image.Image:
    """A white page with a line in letters of each of these font sizes, px."""
    image = Image.new("RGB", size, "white")
    draw = ImageDraw.Draw(image)
    for row, height in enumerate(heights):
        draw.text((40, 30 + 70 * row), "total 48 of it", fill="black", font=ImageFont.load_default(height))
    return image


def png(image: Image.Image, **options: Any) -> bytes:
    """The picture as a PNG file."""
    out = io.BytesIO()
    image.save(out, "PNG", **options)
    return out.getvalue()


def steps(size: Size, model: str = MODEL) -> list[Size]:
    """The sizes on the grid of a model, ascending, up to the one that it sees."""
    limits = Session(RunOptions(model=model, isolated=True)).context.limits()
    found = size_steps(size, limits.native_size(size), limits.least_edge, limits.tier)
    return [step.size for step in found]


def smallest(image: Image.Image, engine: InkReader | None = None, bound: float = 1.0) -> ContentSize:
    """The smallest size of a picture."""
    target = ContentTarget(ContentTargetKind.LEGIBLE, bound)
    return smallest_legible(image, steps(Size(*image.size)), engine or InkReader(), target)


@pytest.fixture
def ink(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """The command with the recogniser of known behaviour."""
    with installed(tmp_path_factory.mktemp("packages") / "ink"):
        yield


def plan_of(imgbudget: Command, *arguments: str) -> dict[str, Any]:
    """The only plan of a run, as JSON."""
    (plan,) = imgbudget("plan", *arguments, "--format", "json").json["plans"]
    assert isinstance(plan, dict)
    return plan


def test_the_smallest_size_keeps_all_and_the_next_one_loses_a_line() -> None:
    """Both were read; the result is a step of the grid, and the lost line is named with both readings."""
    image = page((800, 600), 16, 30)
    engine = InkReader()
    found = smallest(image, engine)
    sizes = steps(Size(800, 600))
    assert found.kept is not None
    assert found.lost is not None
    assert sizes.index(found.kept.size) == sizes.index(found.lost.size) + 1
    assert (found.kept.kept, found.lost.kept) == (1.0, None)
    (line,) = found.lost.lost
    assert (line.text, line.seen_text) == (CLEAR, BLURRED)
    assert line.height < 7.5
    assert found.kept.lines_found == found.kept.lines_sought == found.lines == 2
    assert found.characters >= 14


def test_few_sizes_are_tried_and_few_lines_read() -> None:
    """Bisection; a size at which all letters are tall is not read, and one that loses a line stops there."""
    engine = InkReader()
    found = smallest(page((1200, 900), *range(16, 26)), engine)
    assert found.kept is not None
    assert found.tried <= 8
    assert engine.read <= 10 + 10 + 3 * found.tried


def test_of_many_lines_some_are_read(monkeypatch: pytest.MonkeyPatch) -> None:
    """The smallest, and some of the others; but at the size that is chosen all lines in doubt."""
    monkeypatch.setattr("imgbudget.legibility.smallest._MOST_READ", 4)
    engine = InkReader()
    found = smallest(page((1000, 1400), *[16] * 9, *[17] * 9), engine)
    assert found.kept is not None
    assert engine.read <= 2 * 18 + 4 * found.tried
    assert found.kept.lines_read == found.kept.lines_doubtful == found.lines == 18
    assert found.kept.lines_found == found.kept.lines_sought


def test_large_letters_are_kept_at_the_smallest_size() -> None:
    """There is no smaller one on the grid with the edge that the provider recommends."""
    found = smallest(page((800, 600), 60))
    assert found.kept is not None
    assert found.kept.size == steps(Size(800, 600))[0]
    assert found.lost is None


def test_a_share_permits_the_loss_of_some_characters() -> None:
    """Of a line of many, the small one may go; with less than its share it may not."""
    image = page((800, 600), 16, 40, 40, 40, 40, 40)
    strict, loose = smallest(image), smallest(image, bound=0.8)
    assert strict.kept is not None
    assert loose.kept is not None
    assert loose.kept.size.width < strict.kept.size.width
    assert loose.kept.kept is not None
    assert 0.8 <= loose.kept.kept < 1
    assert loose.kept.lost


def test_text_that_the_seen_size_loses_has_no_size() -> None:
    """Nothing is tried below, and what is lost at the size that the model sees is said."""
    image = page((4000, 3000), 24)
    found = smallest(image)
    assert found.is_lost
    assert found.kept is None
    assert found.lost is not None
    assert found.lost.size == steps(Size(4000, 3000))[-1]
    assert found.lost.lost[0].seen_text == BLURRED


def test_the_same_image_is_measured_once(tmp_path: Path) -> None:
    """Copies, and the images that a conversation sends again, share one result."""
    for name in ("a", "b", "c"):
        (tmp_path / f"{name}.png").write_bytes(png(page((800, 600), 30)))
    session = Session(RunOptions(model=MODEL, isolated=True))
    begun: list[int] = []
    goal = contents.measured_contents(session, tmp_path, goal_of(["same:0.9"]), begin=begun.append).goal
    assert begun == [3]
    assert goal.contents is not None
    first, *others = goal.contents.values()
    assert len(others) == 2
    assert all(one is first for one in others)


def test_no_text_is_no_loss() -> None:
    """A page without ink, and pictures of one px."""
    for size in ((300, 300), (1, 1), (2000, 1)):
        found = smallest(Image.new("RGB", size, "white"))
        assert found.has_no_text
        assert not found.is_lost
        assert found.kept is None


class Iconic(InkReader):
    """Reads what is smaller than full size as other words each time, as of an icon."""

    def recognise(self, line: Pixels) -> Recognised:
        """By the height of the crop."""
        found = super().recognise(line)
        return found if line.shape[0] > 14 else Recognised("xyz"[line.shape[0] % 3] * line.shape[0], 0.9)


def test_what_is_read_differently_at_each_clear_size_is_no_text() -> None:
    """An icon does not hold up the search; letters that look alike are no loss either."""
    found = smallest(page((800, 600), 18, 60), Iconic())
    assert found.kept is not None
    assert found.kept.size == steps(Size(800, 600))[0]


class Unsure(InkReader):
    """Is not certain of small letters at any size."""

    def recognise(self, line: Pixels) -> Recognised:
        """By the height of the crop."""
        return super().recognise(line)._replace(score=0.95 if line.shape[0] > 30 else 0.4)


def test_a_script_that_is_not_known_counts_by_its_height() -> None:
    """Where many lines cannot be read, they have to stay clear; a single one among many is an icon."""
    many = smallest(page((800, 600), 16, 16, 16, 60), Unsure())
    one = smallest(page((800, 600), 16, *[60] * 7), Unsure())
    assert many.kept is not None
    assert one.kept is not None
    assert many.kept.size.width > 400
    assert one.kept.size == steps(Size(800, 600))[0]
    assert many.lost is not None
    assert many.lost.lost[0].text == ""


class Blind(InkReader):
    """Finds nothing in pictures that are smaller than 640 px."""

    def detect(self, pixels: Pixels) -> Sequence[Any]:
        """By the width of the part that is searched."""
        return super().detect(pixels) if pixels.shape[1] > 224 else ()


def test_the_detector_has_to_find_the_lines_again() -> None:
    """Up to some steps more; if it does not, the result says how many it found."""
    found = smallest(page((800, 600), 40), Blind())
    assert found.kept is not None
    assert found.kept.lines_found == 0
    assert found.kept.lines_sought == 1


def test_similarity_is_that_of_the_seen_picture() -> None:
    """The chosen size has at least the bound, the one below has less, and 1 keeps the picture as it is."""
    noise = np.random.default_rng(1).integers(0, 255, (200, 300, 3), np.uint8)
    photo = Image.fromarray(noise).resize((900, 600), Image.Resampling.BICUBIC)
    sizes = steps(Size(900, 600))
    found = smallest_same(photo, sizes, ContentTarget(ContentTargetKind.SAME, 0.99))
    assert found.kept is not None
    assert found.lost is not None
    assert found.kept.size != sizes[-1]
    assert (found.kept.kept or 0) >= 0.99 > (found.lost.kept or 0)
    assert sizes.index(found.kept.size) == sizes.index(found.lost.size) + 1
    whole = smallest_same(photo, sizes, ContentTarget(ContentTargetKind.SAME, 1.0))
    assert whole.kept is not None
    assert whole.kept.size == sizes[-1]
    dot = smallest_same(Image.new("RGB", (1, 1)), [Size(1, 1)], ContentTarget(ContentTargetKind.SAME, 0.9))
    assert dot.kept is not None
    assert dot.kept.size == (1, 1)


@pytest.mark.parametrize(
    ("text", "bound"),
    [("legible", 1.0), ("legible:0.95", 0.95), ("legible:.5", 0.5), ("same:0.99", 0.99), ("same:1", 1.0)],
)
def test_targets_have_their_share(text: str, bound: float) -> None:
    """Written as it was given."""
    target = goal_of([text]).content
    assert target is not None
    assert target.bound == bound
    assert goal_of([str(target)]).content == target


@pytest.mark.parametrize(
    "text",
    [
        *("legible:0", "legible:1.1", "legible:x", "legible:", "legible:-1", "legible:nan", "legible:95%"),
        *("legible:1e-1", "legible:\N{ARABIC-INDIC DIGIT ONE}", "Legible", "same", "same:2", "same:0.0"),
    ],
)
def test_what_is_no_share_is_refused(imgbudget: Command, text: str) -> None:
    """Exit 2 with what to write, before anything is read or installed."""
    run = imgbudget("plan", ".", "--target", text)
    assert run.code == 2
    assert f"--target {text}: write " in run.err or f"unknown target {text!r}; write " in run.err


def test_targets_that_contradict_each_other_are_refused(imgbudget: Command) -> None:
    """Two that choose the size; the bounds of an image go with both."""
    run = imgbudget("plan", ".", "--target", "legible", "--target", "native")
    assert run.code == 2
    assert "give one of table, native, latency, legible and same" in run.err
    assert goal_of(["same:0.9", "dimension:500"]).dimension == 500


@pytest.mark.usefixtures("ink")
def test_a_screenshot_is_planned_with_evidence(imgbudget: Command, tmp_path: Path) -> None:
    """Tokens before and after in the table, what is kept and what is lost below, all in JSON too."""
    (tmp_path / "page.png").write_bytes(png(page((800, 600), 16, 30)))
    run = imgbudget("plan", "page.png", "--target", "legible")
    assert run.code == 0
    assert "legible: text is read as at full size" in run.out
    assert "page.png: 2 lines of text, about " in run.out
    assert "all characters kept at " in run.out
    assert " px\n    the line in doubt was read as a whole\n  characters lost at " in run.out
    assert f"'{CLEAR}' is read as '{BLURRED}', letters of " in run.out
    plan = plan_of(imgbudget, "page.png", "--target", "legible")
    content = plan["content"]
    assert plan["to"] == content["kept"]["size"]
    assert plan["after"]["tokens"] == content["kept"]["tokens"] < plan["before"]["tokens"]
    assert content["lost"]["tokens"] < content["kept"]["tokens"]
    assert (content["target"], content["bound"], content["seen"]) == ("legible", 1.0, [800, 600])
    assert content["lost"]["lines_lost"][0]["seen_text"] == BLURRED
    assert content["kept"]["cost_usd"] < plan["before"]["cost_usd"]
    assert (content["tiles"], content["below"], content["reason"]) == (None, False, None)


@pytest.mark.usefixtures("ink")
def test_what_is_planned_is_applied(imgbudget: Command, tmp_path: Path) -> None:
    """The file gets that size; a second run finds no smaller one."""
    path = tmp_path / "page.png"
    path.write_bytes(png(page((800, 600), 16, 30)))
    size = tuple(plan_of(imgbudget, "page.png", "--target", "legible")["to"])
    assert imgbudget("plan", "page.png", "--target", "legible", "--apply").code == 0
    with Image.open(path) as made:
        assert made.size == size
    assert plan_of(imgbudget, "page.png", "--target", "legible")["changes"] is False


@pytest.mark.usefixtures("ink")
def test_a_sideways_photo_is_read_upright(imgbudget: Command, tmp_path: Path) -> None:
    """By its EXIF orientation; what is made is upright."""
    exif = Image.Exif()
    exif[0x0112] = 6
    stored = page((800, 600), 16, 30).transpose(Image.Transpose.ROTATE_90)
    (tmp_path / "turned.png").write_bytes(png(stored, exif=exif))
    plan = plan_of(imgbudget, "turned.png", "--target", "legible")
    assert plan["from"] == [600, 800]
    assert plan["to"] == plan["content"]["kept"]["size"]
    assert plan["content"]["seen"] == [800, 600]
    imgbudget("plan", "turned.png", "--target", "legible", "--apply")
    with Image.open(tmp_path / "turned.png") as made:
        assert list(made.size) == plan["content"]["kept"]["size"]


@pytest.mark.usefixtures("ink")
def test_transparent_text_is_read_on_white(imgbudget: Command, tmp_path: Path) -> None:
    """As models get it."""
    layer = Image.new("RGBA", (800, 600), (0, 0, 0, 0))
    draw = ImageDraw.Draw(layer)
    draw.text((40, 30), "total 48", fill="black", font=ImageFont.load_default(18))
    (tmp_path / "layer.png").write_bytes(png(layer))
    assert plan_of(imgbudget, "layer.png", "--target", "legible")["content"]["lines"] == 1


@pytest.mark.usefixtures("ink")
def test_text_that_is_lost_asks_for_tiles_and_stays(imgbudget: Command, tmp_path: Path) -> None:
    """Exit 1; the file is not changed, so that tiles can still be cut out of it."""
    path = tmp_path / "scan.png"
    path.write_bytes(data := png(page((3000, 2200), 15)))
    run = imgbudget("plan", "scan.png", "--target", "legible", "--apply")
    assert run.code == 1
    assert path.read_bytes() == data
    assert "characters are lost at " in run.out
    assert "keep it, " in run.out
    assert "(imgbudget tiles)" in run.out
    tiles = plan_of(imgbudget, "scan.png", "--target", "legible")["content"]["tiles"]
    assert tiles["tiles"] > 1
    assert tiles["tokens"] > 1600


@pytest.mark.usefixtures("ink")
def test_an_image_without_text_stays_and_another_target_is_named(imgbudget: Command, tmp_path: Path) -> None:
    """Once for all of them; those that the API refuses are planned as ever."""
    for name in ("a", "b"):
        (tmp_path / f"{name}.png").write_bytes(image_bytes((2000, 1500)))
    (tmp_path / "huge.png").write_bytes(image_bytes((9000, 100)))
    run = imgbudget("plan", ".", "--target", "legible")
    assert run.code == 0
    assert "no text found in 3 images, which stay as they are; --target same:0.99 bounds" in run.out
    plans = imgbudget("plan", ".", "--target", "legible", "--format", "json").json["plans"]
    assert [plan["changes"] for plan in plans] == [False, False, True]
    assert plans[0]["reason"] == "legible: no text found"


@pytest.mark.usefixtures("ink")
def test_images_of_a_request_are_measured(imgbudget: Command, tmp_path: Path) -> None:
    """Under the budgets of the request, which may need a smaller size: the output says so."""
    block = image_block(png(page((800, 600), 16, 30)))
    write_json(tmp_path / "r.json", body(block, block, model=MODEL))
    plans = imgbudget("plan", "r.json", "--target", "legible", "--format", "json").json["plans"]
    assert len(plans) == 2
    assert plans[0]["content"] == plans[1]["content"]
    assert all(plan["to"] == plan["content"]["kept"]["size"] for plan in plans)
    tight = ("r.json", "--target", "legible", "--budget", "request.tokens=200")
    plans = imgbudget("plan", *tight, "--format", "json").json["plans"]
    assert any(plan["content"]["below"] for plan in plans)
    assert "planned smaller, so this is not certain at " in imgbudget("plan", *tight).out


def test_no_path_to_read() -> None:
    """An error that says so, not one without words."""
    pytest.importorskip("rapidocr", reason="needs imgbudget[text]")
    with pytest.raises(UsageError, match="no path is given"):
        package.legible([])


@pytest.mark.usefixtures("ink")
def test_what_cannot_be_measured_is_named(imgbudget: Command, tmp_path: Path) -> None:
    """Exit 2: a damaged file, an animation, an image elsewhere; the others are planned."""
    (tmp_path / "cut.png").write_bytes(png(page((800, 600), 16))[:-60])
    frames = [Image.new("RGB", (300, 300), colour) for colour in ("red", "blue")]
    frames[0].save(tmp_path / "film.gif", save_all=True, append_images=frames[1:])
    (tmp_path / "page.png").write_bytes(png(page((800, 600), 30)))
    url = {"type": "image", "source": {"type": "url", "url": "https://example.com/x.png"}}
    write_json(tmp_path / "r.json", body(url, model=MODEL))
    (tmp_path / "words.jpg").write_text("hello")
    run = imgbudget("plan", ".", "--target", "legible")
    assert run.code == 2
    assert "cut.png: not measured: " in run.err
    assert "words.jpg: not measured: is not an image but plain text" in run.err
    assert "film.gif: not measured: it has 2 frames, and only single pictures are measured" in run.err
    assert "r.json: messages.0.content.0: not measured: its bytes are elsewhere" in run.err
    assert "page.png" in run.out


@pytest.mark.parametrize(
    ("model", "reason"),
    [
        ("gemini-2.5-flash", "the size that gemini-2.5-flash downscales images to is not published"),
        ("unheard-of", "the size that unheard-of downscales images to is not published"),
    ],
)
def test_a_model_that_does_not_say_what_it_sees_has_no_size(
    imgbudget: Command, tmp_path: Path, model: str, reason: str
) -> None:
    """Exit 2, and the image stays."""
    (tmp_path / "photo.png").write_bytes(image_bytes((800, 600)))
    run = imgbudget("plan", "photo.png", "--target", "same:0.9", "--model", model)
    assert run.code == 2
    assert reason in run.err


@pytest.mark.usefixtures("ink")
@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (("-",), "--target legible reads files; it does not take standard input (-)"),
        ((".", "--estimate"), "--estimate plans from headers alone; it does not go with --target legible"),
        ((".", "--model", f"{MODEL},gpt-5"), "a size for several models is chosen by their limits"),
    ],
)
def test_what_does_not_go_with_it_is_refused(
    imgbudget: Command, arguments: tuple[str, ...], reason: str
) -> None:
    """Exit 2, in words."""
    run = imgbudget("plan", *arguments, "--target", "legible", stdin=b"")
    assert run.code == 2
    assert reason in run.err


def test_without_the_extra_the_line_that_installs_it_is_said(
    imgbudget: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Exit 2, for text and for similarity, which needs NumPy only."""
    (tmp_path / "a.png").write_bytes(image_bytes((30, 30)))
    find = __import__("importlib.util").util.find_spec
    absent = {"rapidocr", "numpy"}
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None if name in absent else find(name))
    for target, extra in (("legible", "text"), ("same:0.9", "pixels")):
        run = imgbudget("plan", ".", "--target", target)
        assert run.code == 2
        assert f"--target {target} needs an extra: pip install 'imgbudget[{extra}]'" in run.err


def test_similarity_works_for_any_image(imgbudget: Command, tmp_path: Path) -> None:
    """A gradient shrinks far; a picture of one px stays."""
    ramp = np.linspace(0, 255, 800).astype(np.uint8)[None, :].repeat(600, axis=0)
    Image.fromarray(ramp).save(tmp_path / "ramp.png")
    Image.new("RGB", (1, 1)).save(tmp_path / "dot.png")
    plans = imgbudget("plan", ".", "--target", "same:0.99", "--format", "json").json["plans"]
    dot, ramped = plans
    assert dot["changes"] is False
    assert ramped["after"]["tokens"] < ramped["before"]["tokens"]
    assert ramped["content"]["kept"]["ssim"] >= 0.99
    out = imgbudget("plan", "ramp.png", "--target", "same:0.99").out
    assert "SSIM 0.99" in out or "SSIM 1.0000" in out


@pytest.mark.usefixtures("ink")
def test_fixes_never_use_it(imgbudget: Command, tmp_path: Path) -> None:
    """`check --fix` downscales to what the model sees, and no further."""
    path = tmp_path / "page.png"
    path.write_bytes(data := png(page((800, 600), 40)))
    assert imgbudget("check", "page.png", "--fix").code == 0
    assert path.read_bytes() == data


@pytest.mark.usefixtures("ink")
def test_python_plans_for_it_too(tmp_path: Path) -> None:
    """In this process, with the same evidence."""
    path = tmp_path / "page.png"
    path.write_bytes(png(page((800, 600), 16, 30)))
    report = package.plan(path, target="legible", model=MODEL)
    (plan,) = report
    assert plan.content is not None
    assert plan.content.kept is not None
    assert plan.planned == plan.content.kept.size
    (record,) = report.records()
    assert record["content"] == report.to_dict()["plans"][0]["content"]  # type: ignore[index]  # JSON
    with pytest.raises(UsageError, match="from headers alone"):
        package.plan(path, target="legible", measure=False)
    with pytest.raises(UsageError, match="is standard input, which is not read here; name a file"):
        package.plan(["-"], target="legible")


def test_a_worker_that_crashes_is_named(
    imgbudget: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The image stays, and the run goes on: exit 2."""
    (tmp_path / "a.png").write_bytes(image_bytes((300, 300)))
    monkeypatch.setattr(contents, "content_worker", lambda: lambda _task: os._exit(9))
    run = imgbudget("plan", "a.png", "--target", "same:0.9")
    assert run.code == 2
    assert "the process that measured it crashed" in run.err


def test_the_real_recogniser_keeps_all_and_loses_some_below() -> None:
    """A small screenshot: its text at the chosen size is what full size gives."""
    pytest.importorskip("rapidocr")
    image = page((560, 300), 20, 26)
    found = smallest_legible(image, steps(Size(560, 300)), rapid_engine(), LEGIBLE)
    assert found.kept is not None
    assert found.lines == 2
    assert found.kept.size.width < 560
