"""A plan is the result: sizes, tokens and bytes are those that `--apply` makes, or are said to be a range."""

import io
import json
from collections.abc import Mapping
from itertools import cycle, islice
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

import imgbudget as package
from imgbudget.cli import plan as command
from imgbudget.linter.options import RunOptions
from imgbudget.linter.run import Session
from imgbudget.model.results import Summary
from imgbudget.output.base import TextStyle
from imgbudget.output.markdown import Markdown
from imgbudget.output.registry import FORMATS
from imgbudget.planner.image import SizeGoal
from tests.builders import body, image_block, image_bytes, write_json
from tests.conftest import Command

SIZE = (1640, 420)


def photo(size: tuple[int, int] = SIZE) -> Image.Image:
    """A picture with detail everywhere, as photos have."""
    small = (size[0] // 8, size[1] // 8)
    bands = [Image.effect_noise(small, 60).resize(size, Image.Resampling.BICUBIC) for _ in range(3)]
    return Image.merge("RGB", bands)


def screenshot(size: tuple[int, int] = SIZE) -> Image.Image:
    """Thin lines on white, which need new colours once they are scaled."""
    row = bytes(islice(cycle(b"\xff\xff\xff\x20\xff\x80\xff\xff\xff\xff\x40"), size[0] * 30))
    tile = Image.frombytes("L", (size[0], 30), row)
    page = Image.new("L", size, 255)
    for top in range(0, size[1], 60):
        page.paste(tile, (0, top))
    return page.convert("RGB")


def encoded(image: Image.Image, form: str, **options: object) -> bytes:
    """An image as a file."""
    out = io.BytesIO()
    image.save(out, form, **options)
    return out.getvalue()


def kinds() -> Mapping[str, bytes]:
    """Files of many kinds by name, each larger than the model uses."""
    page, scene = screenshot(), photo()
    transparent = page.convert("RGBA")
    transparent.putalpha(Image.linear_gradient("L").resize(SIZE))
    turned = Image.Exif()
    turned[274] = 6
    return {
        **{f"q{quality}.jpg": encoded(scene, "JPEG", quality=quality) for quality in (50, 85, 99)},
        "turned.jpg": encoded(scene, "JPEG", quality=85, exif=turned),
        "grey.jpg": encoded(scene.convert("L"), "JPEG", quality=80),
        "rgb.png": encoded(scene, "PNG", compress_level=1),
        "page.png": encoded(page, "PNG"),
        "palette.png": encoded(page.quantize(16), "PNG"),
        "alpha.png": encoded(transparent, "PNG", compress_level=1),
        "lossy.webp": encoded(scene, "WEBP", quality=80, method=0),
        "lossless.webp": encoded(page, "WEBP", lossless=True, method=0, quality=10),
        "drawn.gif": encoded(page, "GIF"),
        "raw2.tif": encoded(scene, "TIFF"),
        "raw.bmp": encoded(page, "BMP"),
        "photo.avif": encoded(scene, "AVIF", quality=60, speed=10),
    }


def sizes_in(folder: Path) -> Mapping[str, int]:
    """The bytes of each file by its stem, which stays if a file gets another extension."""
    return {path.stem: path.stat().st_size for path in folder.iterdir()}


def plans_of(imgbudget: Command, *arguments: str) -> dict[str, dict[str, Any]]:
    """The plans of the images in the working folder by the stem of the file."""
    document = imgbudget("plan", ".", "--all", "--format", "json", *arguments).json
    return {Path(plan["path"]).stem: plan for plan in document["plans"]}


def test_plan_of_each_kind_is_what_apply_makes(imgbudget: Command, tmp_path: Path) -> None:
    """To the byte, with the size; nothing becomes larger but what the API does not take as it is."""
    files = kinds()
    for name, data in files.items():
        (tmp_path / name).write_bytes(data)
    planned = plans_of(imgbudget)
    headers = plans_of(imgbudget, "--estimate")
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == files

    assert imgbudget("plan", ".", "--apply").code == 0
    made = sizes_in(tmp_path)
    found = plans_of(imgbudget, "--estimate")
    for stem, plan in planned.items():
        after, size = plan["after"], plan["to"]
        assert (after["bytes"], after["bytes_exact"], after["bytes_range"]) == (made[stem], True, None), stem
        assert size == found[stem]["from"], stem
        assert after["tokens"] == found[stem]["before"]["tokens"], stem
        low, high = headers[stem]["after"]["bytes_range"] or [headers[stem]["after"]["bytes"]] * 2
        assert not plan["changes"] or low <= made[stem] <= high, stem
    larger = {stem for stem, plan in planned.items() if plan["after"]["bytes"] > plan["before"]["bytes"]}
    assert larger <= {"photo", "raw", "raw2"}
    assert (tmp_path / "palette.png").read_bytes() == files["palette.png"]
    assert "not changed: would grow from" in planned["palette"]["reason"]


def test_bytes_of_a_target_decide_size_and_tokens(imgbudget: Command, tmp_path: Path) -> None:
    """An image that has to be scaled down to fit is planned at that size, with its tokens."""
    (tmp_path / "photo.jpg").write_bytes(encoded(photo(), "JPEG", quality=85))
    target = ("--target", "bytes:5KB")
    plan = plans_of(imgbudget, *target)["photo"]
    rough = plans_of(imgbudget, *target, "--estimate")["photo"]
    out = imgbudget("plan", "photo.jpg", *target, "--apply").out
    width, height = plan["to"]
    assert f"-> jpeg {width}x{height}, {plan['after']['bytes']} bytes" in out
    assert plan["after"]["bytes"] == (tmp_path / "photo.jpg").stat().st_size <= 5120
    assert plan["after"]["tokens"] < rough["after"]["tokens"]
    assert plan["reason"].endswith("; smaller, to fit 5120 bytes")
    assert rough["reason"].endswith("; perhaps smaller, to fit 5120 bytes")
    low, high = rough["after"]["bytes_range"]
    assert low < plan["after"]["bytes"] <= high


def test_requests_are_planned_as_they_are_made(imgbudget: Command, tmp_path: Path) -> None:
    """Images, and the body to the byte; the plan of a single request costs no second look at the images."""
    blocks = [image_block(encoded(photo(), "JPEG", quality=85)), image_block(encoded(screenshot(), "PNG"))]
    path = write_json(tmp_path / "r.json", body(*blocks))
    (request,) = (document := imgbudget("plan", "r.json", "--format", "json").json)["requests"]
    (whole,) = [limit["after"] for limit in request["limits"] if limit["name"] == "body"]
    assert imgbudget("plan", "r.json", "--apply").code == 0
    assert whole == path.stat().st_size
    after = imgbudget("plan", "r.json", "--format", "json", "--estimate").json
    assert [plan["after"]["bytes"] for plan in document["plans"]] == [
        plan["before"]["bytes"] for plan in after["plans"]
    ]
    assert [plan["to"] for plan in document["plans"]] == [plan["from"] for plan in after["plans"]]


def test_headers_alone_give_a_range(imgbudget: Command, tmp_path: Path) -> None:
    """In the table, in the totals and in JSON; what stays is known."""
    (tmp_path / "a.jpg").write_bytes(encoded(photo(), "JPEG", quality=85))
    (tmp_path / "b.png").write_bytes(image_bytes((40, 30)))
    document = imgbudget("plan", ".", "--estimate", "--all", "--format", "json").json
    first, second = (plan["after"] for plan in document["plans"])
    low, high = first["bytes_range"]
    assert low < first["bytes"] < high
    assert (first["bytes_exact"], second["bytes_exact"], second["bytes_range"]) == (False, True, None)
    whole = [edge + second["bytes"] for edge in (low, high)]
    assert document["totals"]["after"]["bytes_range"] == whole
    out = imgbudget("plan", ".", "--estimate").out
    assert f"→ {low:,} to {high:,}  " in out
    assert f"→ {whole[0]:,} to {whole[1]:,} bytes, " in out
    assert " to " not in imgbudget("plan", ".").out.splitlines()[-1].partition("tokens")[2]


@pytest.mark.parametrize("option", ["--apply", "--diff"])
def test_estimate_makes_nothing(imgbudget: Command, tmp_path: Path, option: str) -> None:
    """What is not tried is not applied either."""
    (tmp_path / "a.jpg").write_bytes(image_bytes((1600, 1200), "JPEG"))
    run = imgbudget("plan", ".", "--estimate", option)
    assert (run.code, run.out) == (2, "")
    assert "--estimate plans from headers alone" in run.err


def test_pages_and_what_cannot_be_decoded_stay_in_the_plan(imgbudget: Command, tmp_path: Path) -> None:
    """With the reason, and with their size, bytes and tokens."""
    page = screenshot()
    scan = encoded(page, "TIFF", save_all=True, append_images=[page], compression="tiff_lzw")
    (tmp_path / "scan.tif").write_bytes(scan)
    (tmp_path / "a.eps").write_bytes(
        b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 3000 2000\n%%EndComments\n"
    )
    run = imgbudget("plan", ".")
    assert "not changed: has 2 pages" in run.out
    assert "is EPS, which imgbudget cannot decode" in run.out
    for plan in plans_of(imgbudget).values():
        assert (plan["changes"], plan["to"]) == (False, plan["from"])
        assert plan["after"]["bytes"] == plan["before"]["bytes"]
    assert "0 of 2 images to resize" in run.out


def test_cheapest_size_is_made_once(imgbudget: Command, tmp_path: Path) -> None:
    """Within a tenth of the largest, not again a tenth below its own result."""
    path = tmp_path / "photo.jpg"
    path.write_bytes(image_bytes((4000, 3000), "JPEG"))
    assert imgbudget("plan", ".", "--model", "gpt-4o,claude-sonnet-4-6", "--cheapest", "--apply").code == 0
    with Image.open(path) as made:
        assert 920 <= made.width <= 1024


def test_many_images_are_encoded_on_all_cores_and_that_is_said(
    imgbudget: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With what is quicker; the plan is that of one process, in order."""
    for at in range(7):
        (tmp_path / f"{at}.jpg").write_bytes(image_bytes((1600 + 20 * at, 1200), "JPEG", colour=at))
    monkeypatch.setattr(command, "cores", lambda: 2)
    monkeypatch.setattr("imgbudget.linter.pool.cores", lambda: 2)
    run = imgbudget("plan", ".", "--format", "json")
    assert "encoding 7 images on 2 cores to know the result; --estimate reads headers only" in run.err
    alone = package.plan(str(tmp_path))
    assert [plan["after"]["bytes"] for plan in run.json["plans"]] == [plan.byte_size_after for plan in alone]
    assert "encoding" not in imgbudget("plan", ".", "--quiet").err
    (tmp_path / "6.jpg").unlink()
    (tmp_path / "5.jpg").unlink()
    assert "encoding" not in imgbudget("plan", ".").err


def test_functions_plan_as_the_command_does(tmp_path: Path) -> None:
    """Measured; with `measure=False` from headers."""
    path = tmp_path / "photo.jpg"
    path.write_bytes(encoded(photo(), "JPEG", quality=85))
    (plan,) = package.plan(path, target=SizeGoal(byte_size=5120))
    assert plan.byte_size_after <= 5120
    assert plan.bytes_range == (plan.byte_size_after, plan.byte_size_after)
    (rough,) = package.plan(path, target=SizeGoal(byte_size=5120), measure=False)
    assert rough.planned.long_edge > plan.planned.long_edge
    assert rough.bytes_range[0] < plan.byte_size_after <= rough.bytes_range[1]


def test_standard_input_is_planned_as_it_is_made(imgbudget: Command) -> None:
    """Its bytes are those of the result."""
    data = json.dumps(body(image_block(encoded(photo(), "JPEG", quality=85)))).encode()
    (plan,) = imgbudget("plan", "-", "--format", "json", stdin=data).json["plans"]
    assert plan["after"]["bytes_exact"]
    assert plan["after"]["bytes"] < plan["before"]["bytes"]


def test_limit_that_a_refusal_breaks_is_reported(imgbudget: Command, tmp_path: Path) -> None:
    """The budget was to be kept by images that cannot be decoded: exit 1, with the amount."""
    head, mark, rest = image_bytes((1000, 1000)).partition(b"IDAT")
    broken = head + mark + bytes(40) + rest[40:]
    write_json(tmp_path / "r.json", body(image_block(broken)))
    options = ("r.json", "--budget", "request.tokens=500")
    assert imgbudget("plan", *options, "--estimate").code == 0
    run = imgbudget("plan", *options)
    assert run.code == 1
    assert (
        "limits that are not kept, because images cannot be changed: token budget: 1296, over 500" in run.out
    )
    (request,) = imgbudget("plan", *options, "--format", "json").json["requests"]
    assert (request["feasible"], request["changed"]) == (False, 0)


def saved_in(summary: str) -> dict[str, str]:
    """The last column of a job summary by the place of the finding."""
    rows = [line.split(" | ") for line in summary.splitlines() if line.startswith("| ")][1:]
    return {row[1]: row[-1].removesuffix(" |") for row in rows}


def test_job_summary_says_what_fixes_make(imgbudget: Command, tmp_path: Path) -> None:
    """Bytes saved, or taken in addition by what the API refuses; nothing where no fix is made."""
    files = {name: data for name, data in kinds().items() if name in {"q85.jpg", "palette.png", "photo.avif"}}
    files["many.json"] = json.dumps(
        body(image_block(files["q85.jpg"]), *[image_block(image_bytes(colour=at)) for at in range(21)])
    ).encode()
    for name, data in files.items():
        (tmp_path / name).write_bytes(data)
    options = ("check", ".", "--select", "IB201,IB104,IB101", "--exit-zero", "--format", "markdown")
    saved = saved_in(imgbudget(*options).out)
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == files
    imgbudget("check", ".", "--select", "IB201,IB104", "--fix")
    made = sizes_in(tmp_path)
    less = len(files["q85.jpg"]) - made["q85"]
    assert saved["q85.jpg"] == f"{less:,} bytes"
    assert saved["palette.png"] == "–"
    assert saved["many.json:1 messages.0.content.0"] == "–"
    more = made["photo"] - len(files["photo.avif"])
    assert saved["photo.avif"] == (f"{more:,} bytes more" if more > 0 else f"{-more:,} bytes")


def test_job_summary_of_many_rows_gives_a_range(imgbudget: Command, tmp_path: Path) -> None:
    """Nothing is encoded for the parts of a long file; what a fix by default does not make is not counted."""
    data = encoded(photo(), "JPEG", quality=85)
    (tmp_path / "a.jpg").write_bytes(data)
    session = Session(RunOptions(select=("IB201",)))
    (result,) = session.check((str(tmp_path / "a.jpg"),))
    made = Markdown(TextStyle(root=str(tmp_path)))
    made.add(made.render(result))
    (saved,) = saved_in(made.end(Summary())).values()
    low, high = (int(word.replace(",", "")) for word in saved.removesuffix(" bytes").split(" to "))
    (plan,) = package.plan(tmp_path)
    assert low <= len(data) - plan.byte_size_after <= high


def test_check_encodes_nothing_for_other_formats(
    imgbudget: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Only a job summary shows what fixes would make."""
    (tmp_path / "a.jpg").write_bytes(image_bytes((1600, 1200), "JPEG"))

    def refuse(*_arguments: object) -> None:
        raise AssertionError("an image was encoded")

    monkeypatch.setattr("imgbudget.fixing.revisions.edit_image", refuse)
    for form in sorted(set(FORMATS) - {"markdown"}):
        assert imgbudget("check", ".", "--format", form).code == 1
