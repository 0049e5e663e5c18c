"""Training files for fine-tuning: how they are recognized, and their limits."""

import base64
import json
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from imgbudget.imageinfo.modes import colour_mode
from imgbudget.imageinfo.reader import bytes_reader
from imgbudget.jsontext.source import JsonSource
from imgbudget.linter import rows
from imgbudget.model.subjects import Batch
from imgbudget.requests.openai import is_training_example
from tests.builders import image_bytes
from tests.conftest import Command

JSON = ("--format", "json")


def uri(form: str = "PNG", size: tuple[int, int] = (300, 300), **options: Any) -> str:
    """An image as a data URI."""
    data = base64.b64encode(image_bytes(size, form, **options)).decode()
    return f"data:image/{form.lower()};base64,{data}"


def example(*addresses: str, role: str = "user", **more: Any) -> dict[str, Any]:
    """A training example with images in a message."""
    images = [{"type": "image_url", "image_url": {"url": address}} for address in addresses]
    messages = [
        {"role": "system", "content": "You know cheese."},
        {"role": role, "content": images},
        {"role": "assistant", "content": "Danbo"},
    ]
    return {"messages": messages, **more}


def errors(imgbudget: Command, path: Path, *bodies: Any, options: tuple[str, ...] = ()) -> list[str]:
    """The codes of the errors in a file of these lines."""
    path.write_text("".join(json.dumps(body) + "\n" for body in bodies))
    run = imgbudget("check", path.name, *JSON, *options)
    return [finding["code"] for finding in run.json["findings"] if finding["severity"] == "error"]


IMAGE = uri()


@pytest.mark.parametrize(
    ("body", "codes"),
    [
        (example(*[IMAGE] * 10), []),
        (example(*[IMAGE] * 11), ["IB402"]),
        (example(uri("GIF")), ["IB104"]),
        (example(uri("JPEG"), uri("WEBP")), []),
        (example(IMAGE, role="assistant"), ["IB404"]),
        (example(uri(size=(9000, 10))), []),  # Claude's limit is 8000 px
        (example("http://example.com/a.png"), []),  # Claude takes https only
        (example("file:///a.png"), ["IB409"]),
        (example(IMAGE, tools=[{"type": "function", "function": {"name": "f"}}]), []),
    ],
)
def test_limits_of_an_example(imgbudget: Command, tmp_path: Path, body: Any, codes: list[str]) -> None:
    """Those of the fine-tuning guide, and none of chat or of Claude."""
    assert errors(imgbudget, tmp_path / "t.jsonl", body) == codes


def drawn(mode: str, form: str, **options: Any) -> str:
    """An image of that mode as a data URI."""
    data = BytesIO()
    Image.new(mode, (300, 300)).save(data, form, **options)
    return f"data:image/{form.lower()};base64,{base64.b64encode(data.getvalue()).decode()}"


@pytest.mark.parametrize(
    ("mode", "form", "what"),
    [
        ("L", "PNG", "png is greyscale"),
        ("1", "PNG", "png is greyscale"),
        ("LA", "PNG", "png is greyscale with alpha"),
        ("P", "PNG", "png is palette"),
        ("L", "JPEG", "jpeg is greyscale"),
        ("CMYK", "JPEG", "jpeg is CMYK"),
        ("RGB", "PNG", ""),
        ("RGBA", "PNG", ""),
        ("RGB", "JPEG", ""),
        ("RGBA", "WEBP", ""),
    ],
)
def test_colour_modes(imgbudget: Command, tmp_path: Path, mode: str, form: str, what: str) -> None:
    """RGB and RGBA only, and only for training: chat takes all of them."""
    image = drawn(mode, form, **({"comment": b"x" * 3000} if form == "JPEG" else {}))
    lines = (example(image), {"model": "gpt-4o", "n": 1, "messages": example(image)["messages"][:2]})
    (tmp_path / "t.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    found = imgbudget("check", "t.jsonl", "--select", "IB104", *JSON).json["findings"]
    expected = [f"{what}; openai-fine-tuning accepts only RGB and RGBA"] if what else []
    assert [(one["line"], one["message"]) for one in found] == [(1, message) for message in expected]


@pytest.mark.parametrize(
    "data", [b"", b"\xff\xd8", b"\xff\xd8\xff\xff\xff", b"\xff\xd8\xff\xe0\0\0" * 3, b"x" * 99]
)
def test_modes_of_broken_headers(data: bytes) -> None:
    """They are not known, and the search ends."""
    assert colour_mode("jpeg", bytes_reader(data)) is None
    assert colour_mode("png", bytes_reader(data[:20])) is None


def test_large_images(imgbudget: Command, tmp_path: Path) -> None:
    """One over 10 MB is refused."""
    large = example(uri("JPEG", comment=b"x" * 60_000) + "A" * 14_000_000)
    assert "IB103" in errors(imgbudget, tmp_path / "t.jsonl", large)


def test_platform_and_model(imgbudget: Command, tmp_path: Path) -> None:
    """The output names the platform; a note says how to choose another, and no model ends in each row."""
    (tmp_path / "t.jsonl").write_text(json.dumps(example(IMAGE)) + "\n")
    run = imgbudget("check", "t.jsonl", *JSON)
    [request] = run.json["requests"]
    assert (request["platform"], request["visual_tokens"]) == ("openai-fine-tuning", 255)
    assert "checked as training examples of openai-fine-tuning" in run.err
    assert "IB412" not in run.codes
    for options in (("--platform", "openai"), ("--model", "gpt-4o")):
        assert errors(imgbudget, tmp_path / "t.jsonl", example(*[IMAGE] * 11), options=options) == ["IB402"]
    (tmp_path / ".imgbudget.yaml").write_text("platform: azure-openai\nmodel: gpt-4o\n")
    assert errors(imgbudget, tmp_path / "t.jsonl", example(*[IMAGE] * 64)) == []
    assert errors(imgbudget, tmp_path / "t.jsonl", example(*[IMAGE] * 65)) == ["IB402"]


@pytest.mark.parametrize(
    ("name", "body", "options"),
    [
        ("log.jsonl", example(*[IMAGE] * 11, model="gpt-4o"), ()),
        ("log.jsonl", example(*[IMAGE] * 11, id="1"), ()),
        ("log.jsonl", {"messages": example(*[IMAGE] * 11)["messages"][:2]}, ()),
        ("one.json", example(*[IMAGE] * 11), ()),
        ("t.jsonl", example(*[IMAGE] * 11), ("--platform", "anthropic")),
        ("t.jsonl", example(*[IMAGE] * 11), ("--model", "claude-opus-5-5")),
    ],
)
def test_other_files(
    imgbudget: Command, tmp_path: Path, name: str, body: Any, options: tuple[str, ...]
) -> None:
    """A body with a model or other keys, without an answer, alone; a platform or model that is named."""
    assert errors(imgbudget, tmp_path / name, body, options=options) == []


@pytest.mark.parametrize(
    "body",
    [
        None,
        [],
        {"messages": None},
        {"messages": []},
        {"messages": [{"role": "assistant", "content": "a"}]},
        {"messages": [{"role": "user", "content": "q"}, {"role": "assistant", "content": None}]},
        {"messages": [{"role": "user", "content": "q"}, "a"]},
    ],
)
def test_no_example(body: Any) -> None:
    """Nothing to learn from, or no conversation."""
    assert not is_training_example(body)


def test_number_of_examples(imgbudget: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """50,000 examples with images; those without do not count."""
    lines = [example(IMAGE), example(), {"messages": example()["messages"][::2]}]
    real, more = rows.BatchRows.batches, [0]

    def many(self: rows.BatchRows, source: JsonSource) -> Iterator[Batch]:
        return (batch._replace(request_count=batch.request_count + more[-1]) for batch in real(self, source))

    monkeypatch.setattr(rows.BatchRows, "batches", many)
    for added, codes in ((49_999, []), (50_000, ["IB406"])):
        more.append(added)
        assert errors(imgbudget, tmp_path / "t.jsonl", *lines) == codes
    [finding] = [
        one for one in imgbudget("check", "t.jsonl", *JSON).json["findings"] if one["code"] == "IB406"
    ]
    assert finding["message"] == (
        "file has 50,001 training examples with images; openai-fine-tuning takes at most 50,000"
    )


def test_training_examples_of_bedrock_are_for_nova(imgbudget: Command) -> None:
    """Their images may be in S3, which Claude models on Bedrock do not read."""
    source = {"s3Location": {"uri": "s3://bucket/a.png", "bucketOwner": "111122223333"}}
    content = [{"image": {"format": "png", "source": source}}]
    messages = [{"role": "user", "content": content}, {"role": "assistant", "content": [{"text": "x"}]}]
    example = {"schemaVersion": "bedrock-conversation-2024", "messages": messages}
    Path("train.jsonl").write_text(json.dumps(example) + "\n")
    run = imgbudget("check", "train.jsonl", "--format", "json")
    assert run.codes == []
    assert run.json["requests"][0]["platform"] == "nova"
