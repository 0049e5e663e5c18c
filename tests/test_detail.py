"""An image's level of detail (OpenAI's `detail`, Gemini's media resolution) counts in every command."""

import base64
import io
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

import imgbudget as package
from imgbudget.limits.geometry import Size
from imgbudget.linter.options import RunOptions
from imgbudget.linter.run import Session
from imgbudget.live.billing import predict
from imgbudget.live.inspection import InspectionTarget, Inspector
from imgbudget.model.request_under_test import bind_request
from imgbudget.model.subjects import Severity
from imgbudget.testing import request
from tests.builders import image_bytes, write_json
from tests.conftest import Command, Run
from tests.rule_runner import limits_of
from tests.stated import stated

Json = dict[str, Any]
SCREEN = (1920, 1080)
QUESTION = "What is this?"


def b64(data: bytes) -> str:
    """Base64 text."""
    return base64.b64encode(data).decode()


def screen(number: int = 0) -> bytes:
    """A screenshot of 1920x1080, another one for each number."""
    return image_bytes(SCREEN, colour=0x203040 + number)


def chat(*details: str | None, data: bytes | None = None, model: str = "gpt-4o", **more: Any) -> Json:
    """A Chat Completions body of one image for each level of detail."""
    parts = [
        {"type": "image_url", "image_url": {"url": _uri(data or screen(i))} | _level(detail)}
        for i, detail in enumerate(details)
    ]
    return {"model": model, "messages": [{"role": "user", "content": [*parts, _text("text")]}]} | more


def responses(*details: str | None, model: str = "gpt-4o") -> Json:
    """A Responses body of one image for each level of detail."""
    parts = [
        {"type": "input_image", "image_url": _uri(screen(i))} | _level(detail)
        for i, detail in enumerate(details)
    ]
    return {"model": model, "input": [{"role": "user", "content": [*parts, _text("input_text")]}]}


def gemini(*levels: str | None, whole: str | None = None, model: str = "gemini-2.5-flash") -> Json:
    """A Gemini body of one image for each media resolution; `whole` is that of the request."""
    parts: list[Json] = [
        {"inlineData": {"mimeType": "image/png", "data": b64(screen(i))}}
        | ({"mediaResolution": {"level": f"MEDIA_RESOLUTION_{level}"}} if level else {})
        for i, level in enumerate(levels)
    ]
    config = {"generationConfig": {"mediaResolution": f"MEDIA_RESOLUTION_{whole}"}} if whole else {}
    return {"model": model, "contents": [{"role": "user", "parts": [*parts, {"text": QUESTION}]}]} | config


def _uri(data: bytes) -> str:
    kind = "jpeg" if data.startswith(b"\xff\xd8") else "png"
    return f"data:image/{kind};base64,{b64(data)}"


def _level(detail: str | None) -> Json:
    return {"detail": detail} if detail else {}


def _text(kind: str) -> Json:
    return {"type": kind, "text": QUESTION}


def geotagged() -> bytes:
    """A photograph of 1920x1080 that holds a GPS position."""
    exif = Image.Exif()
    exif.get_ifd(0x8825).update({1: "N", 2: (10.0, 20.0, 30.0), 3: "E", 4: (1.0, 2.0, 3.0)})
    out = io.BytesIO()
    Image.linear_gradient("L").resize(SCREEN).convert("RGB").save(out, "JPEG", quality=97, exif=exif)
    return out.getvalue()


BODIES: dict[str, tuple[Callable[[], Json], Sequence[int]]] = {
    "chat low": (lambda: chat("low"), [85]),
    "chat high": (lambda: chat("high"), [1105]),
    "chat auto": (lambda: chat("auto"), [1105]),
    "chat without detail": (lambda: chat(None), [1105]),
    "chat of an unknown detail": (lambda: chat("original"), [1105]),
    "chat with several levels": (lambda: chat("low", None, "high", "low"), [85, 1105, 1105, 85]),
    "chat of a patch model": (lambda: chat("low", "high", model="gpt-5-mini"), [173, 1810]),
    "responses": (lambda: responses("low", "high", None), [85, 1105, 1105]),
    "gemini low": (lambda: gemini(None, whole="LOW"), [64]),
    "gemini per part": (lambda: gemini("LOW", None, "MEDIUM", whole="MEDIUM"), [64, 256, 256]),
    "gemini 3 per part": (
        lambda: gemini("LOW", "ULTRA_HIGH", None, model="gemini-3-pro-preview"),
        [264, 2205, 1100],
    ),
}


def planned(run: Run) -> list[int]:
    """The tokens of each image before a plan."""
    return [image["before"]["tokens"] for image in run.json["plans"]]


@pytest.mark.parametrize("name", BODIES)
def test_every_command_counts_the_same_tokens(name: str, imgbudget: Command, tmp_path: Path) -> None:
    """Check, plan, split, the prediction and the Python functions count by the level of each image."""
    make, expected = BODIES[name]
    body = make()
    file = str(write_json(tmp_path / "r.json", body))
    assert [
        image["tokens"] for image in imgbudget("check", file, "--format", "json").json["images"]
    ] == expected
    assert planned(imgbudget("plan", file, "--format", "json")) == expected
    (split,) = imgbudget("split", file, "--format", "json").json["splits"]
    assert sum(part["visual_tokens"] for part in split["parts"]) == sum(expected)
    (found,) = package.check([file]).files
    assert [image.tokens for image in found.images] == expected
    assert [plan.tokens_before for plan in package.plan([file])] == expected
    assert predict(found.requests[0], 0).visual == sum(expected)


@pytest.mark.parametrize("make", [lambda: chat("low"), lambda: responses("low"), lambda: gemini("LOW")])
def test_an_image_of_low_detail_is_not_resized(
    make: Callable[[], Json], imgbudget: Command, tmp_path: Path
) -> None:
    """Its tokens are the same at every size: no command finds, plans or changes anything."""
    file = write_json(tmp_path / "r.json", make())
    before = file.read_bytes()
    assert imgbudget("check", "r.json", "--fix", "--pedantic", "--select", "IB2,IB3,IB505").code == 0
    assert not any(plan["changes"] for plan in imgbudget("plan", "r.json", "--format", "json").json["plans"])
    assert imgbudget("plan", "r.json", "--apply").code == 0
    assert file.read_bytes() == before


def test_only_the_images_of_high_detail_are_resized(imgbudget: Command, tmp_path: Path) -> None:
    """Images of several levels in one request: each is planned by its own."""
    write_json(tmp_path / "r.json", chat("low", "high", None))
    plans = imgbudget("plan", "r.json", "--format", "json").json["plans"]
    assert [plan["to"] for plan in plans] == [[1920, 1080], [1365, 768], [1365, 768]]
    assert imgbudget("plan", "r.json", "--apply").code == 0
    images = imgbudget("check", "r.json", "--format", "json").json["images"]
    assert [(image["width"], image["height"]) for image in images] == [(1920, 1080), (1365, 768), (1365, 768)]
    assert [image["tokens"] for image in images] == [85, 1105, 1105]


@pytest.mark.parametrize("select", [("--select", "IB701"), ()])
def test_stripping_metadata_leaves_the_pixels_of_an_image_of_low_detail(
    select: Sequence[str], imgbudget: Command, tmp_path: Path
) -> None:
    """The safe fix of IB701 neither resizes nor re-encodes."""
    original = geotagged()
    file = write_json(tmp_path / "gps.json", chat("low", data=original))
    assert imgbudget("check", "gps.json", *select).code == 1
    assert imgbudget("check", "gps.json", "--fix", "--fix-level", "info", *select).code == 0
    address = json.loads(file.read_bytes())["messages"][0]["content"][0]["image_url"]["url"]
    fixed = base64.b64decode(address.partition(",")[2])
    assert len(fixed) < len(original)
    start = original.index(b"\xff\xdb")  # the quantization tables and all that follows
    assert fixed.endswith(original[start:])


def test_a_request_of_low_detail_is_not_split_for_its_tokens(imgbudget: Command, tmp_path: Path) -> None:
    """Two images of 85 tokens fit a budget of 200; at the default level one alone would not."""
    write_json(tmp_path / "r.json", chat("low", "low"))
    (split,) = imgbudget("split", "r.json", "--budget", "request.tokens=200", "--format", "json").json[
        "splits"
    ]
    assert [(part["visual_tokens"], part["reasons"]) for part in split["parts"]] == [(170, [])]
    assert imgbudget("plan", "r.json", "--budget", "request.tokens=200").code == 0


def test_what_cannot_give_is_kept_and_the_rest_shared(imgbudget: Command, tmp_path: Path) -> None:
    """Under a token budget an image of low detail keeps its size, and the other one gives."""
    write_json(tmp_path / "r.json", chat("low", "high"))
    run = imgbudget("plan", "r.json", "--budget", "request.tokens=600", "--format", "json")
    low, high = run.json["plans"]
    assert (low["to"], low["after"]["tokens"]) == ([1920, 1080], 85)
    assert high["after"]["tokens"] <= 515
    run = imgbudget("check", "r.json", "--fix", "--budget", "request.tokens=600", "--format", "json")
    assert [image["tokens"] for image in run.json["images"]] == [85, high["after"]["tokens"]]


def test_what_is_sent_again_counts_by_its_detail(imgbudget: Command, tmp_path: Path) -> None:
    """The accounting of a conversation: 85 tokens in the first call, 170 in the second."""
    first, second = chat("low")["messages"], chat("low")["messages"]
    whole = chat("low") | {"messages": [*first, {"role": "assistant", "content": "A screen."}, *second]}
    write_json(tmp_path / "r.json", whole)
    (resend,) = imgbudget("plan", "r.json", "--resend", "--format", "json").json["resend"]
    assert [call["new"]["tokens"] + call["resent"]["tokens"] for call in resend["calls"]] == [85, 170]
    assert resend["sent"]["tokens"] == 255


def test_each_request_of_a_batch_counts_by_its_own_images(imgbudget: Command, tmp_path: Path) -> None:
    """A batch file of OpenAI: a line each, with different levels."""
    rows = [
        {"custom_id": str(i), "method": "POST", "url": "/v1/chat/completions", "body": chat(detail)}
        for i, detail in enumerate(("low", "high", None, "low"))
    ]
    (tmp_path / "b.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    expected = [85, 1105, 1105, 85]
    requests = imgbudget("check", "b.jsonl", "--format", "json").json["requests"]
    assert [one["visual_tokens"] for one in requests] == expected
    assert planned(imgbudget("plan", "b.jsonl", "--format", "json")) == expected
    splits = imgbudget("split", "b.jsonl", "--format", "json").json["splits"]
    assert [part["visual_tokens"] for split in splits for part in split["parts"]] == expected


@pytest.mark.parametrize(("detail", "codes"), [("low", set()), ("high", {"IB201"}), (None, {"IB201"})])
def test_the_guard_judges_by_the_detail(detail: str | None, codes: set[str]) -> None:
    """One look at a body reports what the check of a file does."""
    inspector = Inspector(RunOptions(isolated=True, select=("IB201",)), Severity.INFO)
    text = json.dumps(chat(detail)).encode()
    assert {finding.code for finding in inspector.findings(text, InspectionTarget())} == codes
    assert (inspector.fixed(text, InspectionTarget()).body == text) is not bool(codes)


@pytest.mark.parametrize(("detail", "reported"), [("low", False), ("high", True), (None, True)])
def test_drift_of_coordinates_depends_on_the_detail(
    detail: str | None, imgbudget: Command, tmp_path: Path, *, reported: bool
) -> None:
    """IB505 is about images that the API scales down; to what it scales low detail is not published."""
    whole = chat(detail)
    whole["messages"][0]["content"][-1]["text"] = "Give the bounding box of the button."
    write_json(tmp_path / "r.json", whole)
    run = imgbudget("check", "r.json", "--pedantic", "--select", "IB505", "--format", "json")
    assert bool(run.codes) is reported


def test_detail_of_files_elsewhere_is_kept(tmp_path: Path) -> None:
    """An image by url or file id has no size here, but what it can cost at most depends on its level."""
    images = [
        {"type": "input_image", "image_url": "https://example.com/a.png", "detail": "low"},
        {"type": "input_image", "file_id": "file-1", "detail": "low"},
        {"type": "input_image", "file_id": "file-2"},
    ]
    body = {"model": "gpt-4o", "input": [{"role": "user", "content": images}]}
    file = write_json(tmp_path / "r.json", body)
    ((found,),) = ([result.requests] for result in Session(RunOptions(isolated=True)).check([str(file)]))
    assert [limits.tier.name for _, limits in found[0].test.images] == [
        "openai-low-4o",
        "openai-low-4o",
        "openai-tiles-4o",
    ]


def test_a_request_is_bound_to_its_limits_once() -> None:
    """Images of the default level share the limits of the request, those of one level share theirs."""
    asked = request({"messages": [{"role": "user", "content": ["<png 800x600>"] * 5}]})
    details = ("low", None, "high", "low", "original")
    images = tuple(use._replace(detail=detail) for use, detail in zip(asked.images, details, strict=True))
    test = bind_request(asked._replace(images=images), limits_of("gpt-4o", "openai"))
    first, default, high, again, unknown = (limits for _, limits in test.images)
    assert first is again
    assert default is high is unknown is test.limits
    assert test.visual_tokens == 85 * 2 + 3 * stated(default.tokens(Size(800, 600)))


@pytest.mark.parametrize(("details", "fixable"), [(("low", "low"), False), (("low", "high"), True)])
def test_images_of_a_fixed_price_are_not_offered_to_be_shrunk(
    details: tuple[str, ...], imgbudget: Command, tmp_path: Path, *, fixable: bool
) -> None:
    """IB602 offers a fix only where smaller images would take fewer tokens."""
    write_json(tmp_path / "r.json", chat(*details))
    most = 100 if details == ("low", "low") else 600
    run = imgbudget(
        "check", "r.json", "--budget", f"request.tokens={most}", "--select", "IB602", "--format", "json"
    )
    (finding,) = run.json["findings"]
    assert (finding["fix"] is not None) is fixable
