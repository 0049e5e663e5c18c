"""The bodies that official SDKs send, as tools/sdks/record.py recorded them: read, and with faults."""

import base64
import json
import os
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from imgbudget.model.subjects import ImageUse, Request
from tests.builders import image_bytes
from tests.conftest import Command
from tests.requestreading import items_of

FOLDER = Path(os.environ.get("IMGBUDGET_SDK_BODIES") or Path(__file__).parent / "fixtures" / "sdks")
"""Where the recordings are; of other versions of the SDKs if the environment names a folder."""

SDKS = sorted(path.stem for path in FOLDER.glob("*.json"))

DIALECTS = (
    ("/v1/messages/batches", "batches"),
    ("/v1/messages", "messages"),
    # nothing in a body of Google Cloud that is not streamed shows that it is not for Bedrock
    (":rawPredict", "bedrock-invoke"),
    (":streamRawPredict", "raw-predict"),
    ("/chat/completions", "openai-chat"),
    ("/v1/conversations", "openai-chat"),
    ("/responses", "openai-responses"),
    (":generateContent", "gemini"),
    (":countTokens", "gemini"),
    ("/interactions", "gemini-interactions"),
    ("/converse", "bedrock-converse"),
    ("/api/chat", "ollama-chat"),
    ("/api/generate", "ollama-generate"),
)
"""The dialect by a part of the path."""

HOSTS = (
    ("/v1/messages", "https://api.anthropic.com"),
    ("/publishers/", "https://aiplatform.googleapis.com"),
    ("generateContent", "https://generativelanguage.googleapis.com"),
    ("/interactions", "https://generativelanguage.googleapis.com"),
    ("countTokens", "https://generativelanguage.googleapis.com"),
    ("/model/", "https://bedrock-runtime.us-east-1.amazonaws.com"),
    ("/responses", "https://api.openai.com"),
    ("/api/", "http://localhost:11434"),
)
"""Where a path goes; chat completions go to the vendor of the model."""


class Call(NamedTuple):
    """A recorded call of an SDK."""

    sdk: str
    name: str
    path: str
    body: Any
    whole: dict[str, list[str]]
    inside: dict[str, list[str]]
    numbers: dict[str, list[str]]

    @property
    def files(self) -> list[str]:
        """The pointers of the images in it, in order."""
        return [pointer for pointer, [name] in self.whole.items() if not name.endswith(".pdf")]


@cache
def calls_of(sdk: str) -> list[Call]:
    """The calls of an SDK."""
    kept = json.loads((FOLDER / f"{sdk}.json").read_text("utf-8"))
    return [
        Call(sdk, one["call"], one["path"], one["body"], *(one.get(key, {}) for key in PLACES))
        for one in kept["calls"]
    ]


PLACES = ("whole", "inside", "numbers")
KINDS = ("image-data", "file-data", "media")
"""Parts of AI SDK that hold an image in the result of a tool."""


def text_at(value: Any, pointer: str) -> Any:
    """The value at a JSON pointer."""
    for key in pointer.split("/")[1:]:
        value = value[int(key) if isinstance(value, list) else key]
    return value


def planted(body: Any, pointer: str, text: str) -> Any:
    """A copy of a body with another text at a pointer."""
    changed = json.loads(json.dumps(body))
    above, _, key = pointer.rpartition("/")
    container = text_at(changed, above)
    container[int(key) if isinstance(container, list) else key] = text
    return changed


def test_there_are_recordings_of_each_sdk() -> None:
    """With versions, and no trace of where they were made; an empty folder would pass all else."""
    assert len(SDKS) >= 7
    for sdk in SDKS:
        text = (FOLDER / f"{sdk}.json").read_text("utf-8")
        kept = json.loads(text)
        assert all(kept["versions"].values())
        assert re.fullmatch(r"20\d\d-\d\d-\d\d", kept["recorded"])
        assert not re.search(r"127\.0\.0\.1|/tmp/|/home/|[Aa]uthorization|user-agent", text)
    assert sum(path.stat().st_size for path in FOLDER.iterdir()) < 400_000


def dialect_by_path(call: Call) -> str | None:
    """The dialect that a path has; None for those that none is read from."""
    if call.path.endswith("/invoke"):
        return "bedrock-invoke" if "anthropic_version" in call.body else "bedrock-converse"
    if call.path.endswith("/count-tokens"):
        return "bedrock-converse" if "converse" in call.body["input"] else "bedrock-invoke"
    return next((dialect for part, dialect in DIALECTS if part in call.path), None)


def pointers_of(uses: list[ImageUse]) -> list[str]:
    """Where images are whose bytes are in the request."""
    return [use.location.pointer or "" for use in uses if use.facts is not None]


@pytest.mark.parametrize("sdk", SDKS)
def test_each_body_is_read_in_its_dialect(sdk: str) -> None:
    """With each image, and each document, where its bytes are, in order, and without a mistake."""
    for call in calls_of(sdk):
        requests = [item for item in items_of(call.body) if isinstance(item, Request)]
        if (dialect := dialect_by_path(call)) is None:
            assert requests == [], call.name
            continue
        (request,) = requests
        assert request.dialect == dialect, call.name
        assert bool(request.flaws) is bool(call.numbers), (call.name, request.flaws)
        found = pointers_of(list(request.images))
        assert len(found) == len(call.files) + more_images(call), call.name
        for pointer, start in zip(call.files, found, strict=False):
            assert pointer.startswith(start), call.name
        documents = [pointer for pointer, [name] in call.whole.items() if name.endswith(".pdf")]
        counted = [use for use in request.documents if use.pages]
        assert [use.pages for use in counted] == [1] * len(documents), call.name
        for pointer, use in zip(documents, counted, strict=True):
            assert pointer.startswith(use.location.pointer or "none"), call.name


def more_images(call: Call) -> int:
    """Images in a body that are no text in it: encoded by the SDK itself, or inside base64."""
    return int(call.name in ("new Pillow image", "count: invoke") or "in place of bytes" in call.name)


def host_of(call: Call) -> str:
    """The service that a call is for."""
    mistral = str(call.body.get("model")).startswith("mistral")
    other = "https://api.mistral.ai" if mistral else "https://api.openai.com"
    return next((host for part, host in HOSTS if part in call.path), other)


def write_call(folder: Path, name: str, call: Call) -> None:
    """A body as a recording of HTTP has it, with the address that it was sent to."""
    request = {"method": "POST", "url": host_of(call) + call.path, "body": json.dumps(call.body)}
    (folder / f"{name}.json").write_text(json.dumps({"request": request}))


AS_TEXT = [
    *(("ai-sdk-6", f"{target}: {kind}") for target in ("openai chat", "mistral") for kind in KINDS),
    *(("ai-sdk-7", f"{target}: {kind}") for target in ("openai chat", "mistral") for kind in KINDS),
    ("ai-sdk-7", "google: media"),
]
"""SDKs that write the base64 of an image in a tool result into a text, and the kind of part."""

LEVELS = ("--select", "IB0,IB1,IB4", "--format", "json")

FAULTS_OF_SDKS = {
    # bytes as numbers, which JSON.stringify makes of them
    ("anthropic-typescript", "Buffer as data"): "IB002",
    ("anthropic-typescript", "Uint8Array as data"): "IB002",
    ("google-genai-typescript", "Buffer as data"): "IB002",
    ("openai-typescript", "chat: Buffer as address"): "IB002",
    # base64 that the SDK encodes once more, and a name that it does not read as it reads a path
    ("boto3", "converse: base64 in place of bytes"): "IB001",
    ("google-genai-python", "base64 in place of bytes"): "IB001",
    ("anthropic-python", "name of a file as data"): "IB106",
    # an image of a tool result where only text is taken, as a file, or as base64 in a text
    ("langchain", "openai: image in a tool result"): "IB404",
    ("ai-sdk-6", "openai responses: file-data in a tool result"): "IB404",
    **{(sdk, f"{name} in a tool result"): "IB408" for sdk, name in AS_TEXT},
    ("mistralai", "conversation: image in a result"): "IB408",
    # a body without a model, which is checked for Claude
    ("boto3", "converse: image in a store"): "IB403",
    ("pydantic-ai", "bitmap"): "IB104",
}
"""What an SDK does that the API refuses, or that the model cannot see."""


@pytest.mark.parametrize("sdk", SDKS)
def test_only_the_faults_of_the_sdk_are_found(imgbudget: Command, tmp_path: Path, sdk: str) -> None:
    """As bodies, and in a recording with the address, which has the model of Gemini and of Bedrock."""
    (tmp_path / "sent").mkdir()
    calls: dict[str, Call] = {}
    paths = set()
    for i, call in enumerate(calls_of(sdk)):
        (tmp_path / f"{i:02}.json").write_text(json.dumps(call.body))
        calls[f"{i:02}.json"] = call
        if call.path not in paths or (sdk, call.name) in FAULTS_OF_SDKS:
            paths.add(call.path)
            write_call(tmp_path / "sent", f"{i:02}", call)
            calls[f"sent/{i:02}.json"] = call
    report = imgbudget("check", ".", *LEVELS).json
    found = sorted((one["path"], one["code"], one["message"]) for one in report["findings"])
    expected = []
    for path, call in calls.items():
        code = FAULTS_OF_SDKS.get((sdk, call.name))
        if code and not (code == "IB403" and path.startswith("sent/")):
            expected.append((path, code))
    assert [(path, code) for path, code, _ in found] == sorted(expected), found
    twice = [one["help"] for one in report["findings"] if one["code"] == "IB001"]
    assert all(help_text.startswith("encode the bytes once") for help_text in twice)
    read = {one["path"]: one for one in report["requests"]}
    for path, call in calls.items():
        if dialect_by_path(call) and not (call.name == "count: invoke" and path.startswith("sent/")):
            assert read[path]["images"] >= len(call.files), (path, call.name)
            if path.startswith("sent/"):
                assert (read[path]["model"], read[path]["platform"]) == target_of(call), call.name


MODELS = {
    "api.anthropic": ("claude-opus-5-5", "anthropic"),
    "api.openai": ("gpt-5.6-sol", "openai"),
    "api.mistral": ("mistral-medium-3.5", "mistral"),
    "generativelanguage": ("gemini-3.5-flash", "gemini"),
    "aiplatform": ("claude-opus-5-5", "google-cloud"),
    "bedrock": ("claude-opus-5-5", "bedrock"),
    "localhost": ("qwen3-vl", "self-hosted"),
}


def target_of(call: Call) -> tuple[str, str]:
    """The model and the platform that a call is for, which for some are in the address only."""
    host = host_of(call)
    model, platform = next(target for part, target in MODELS.items() if part in host)
    if "nova" in call.path:
        model = "nova-2-lite"
    if "publishers/google" in call.path:
        model, platform = "gemini-3.5-flash", "vertex"
    if "2.5" in call.name:
        model = "gemini-2.5-flash"
    return model, platform


LOST = [
    ("ai-sdk-6", "anthropic: file-data in a tool result"),
    ("ai-sdk-7", "anthropic: media in a tool result"),
    ("ai-sdk-7", "openai responses: media in a tool result"),
    ("langchain", "aws: tool result without tools"),
]
"""Calls from which the SDK leaves the image out, so that nothing in the body shows it."""


@pytest.mark.parametrize(("sdk", "name"), LOST)
def test_images_that_an_sdk_leaves_out(sdk: str, name: str) -> None:
    """No check of the body can find them: they are found here when an SDK begins to send them."""
    [call] = [call for call in calls_of(sdk) if call.name == name]
    assert (call.files, call.inside, call.numbers) == ([], {}, {})


def details_of(sdk: str, name: str) -> list[str | None]:
    """The details of the images of a call."""
    [body] = [call.body for call in calls_of(sdk) if call.name == name]
    [request] = [item for item in items_of(body) if isinstance(item, Request)]
    return [use.detail for use in request.images]


def test_details_as_they_are_sent() -> None:
    """From litellm, which makes one resolution, the highest, of all details for Gemini 2.5."""
    assert details_of("litellm", "openai: several images") == ["low", "high", "auto", "low"]
    assert details_of("litellm", "gemini: several images") == ["low", "high", None]
    assert details_of("litellm", "gemini 2.5: several images") == ["high", "high", "high"]
    assert details_of("google-genai-python", "system prompt") == ["low"]
    assert details_of("google-genai-python", "resolution of a part") == ["high"]
    assert details_of("google-genai-python", "interaction: one image") == ["low"]


def changed_payload(text: str, data: bytes) -> str:
    """Other bytes in the form of a payload: after the prefix of a data URI, or bare."""
    prefix, comma, _ = text.rpartition(",")
    return prefix + comma + base64.b64encode(data).decode()


def bytes_of(text: str) -> bytes:
    """The bytes of a payload."""
    data = text.rpartition(",")[2].replace("-", "+").replace("_", "/")
    return base64.b64decode(data + "=" * (-len(data) % 4))


def with_faults(text: str, *, claude: bool) -> Iterator[tuple[str, str]]:
    """The payload with a fault, and the code of the fault; for Claude also an edge over 8000 px."""
    data = bytes_of(text)
    other = image_bytes((40, 30), "JPEG" if data.startswith(b"\x89PNG") else "PNG")
    yield "IB001", changed_payload(text, data[: len(data) // 2])
    yield "IB001", changed_payload(text, b"<html><body>404 not found</body></html>" * 3)
    yield "IB104", changed_payload(text, image_bytes((40, 30), "TIFF"))
    yield "IB105", changed_payload(text, other)
    yield "IB106", f"{text[:-9]}!{text[-9:]}"
    if claude:
        form = "JPEG" if data.startswith(b"\xff\xd8") else "WEBP" if data.startswith(b"RIFF") else "PNG"
        yield "IB101", changed_payload(text, image_bytes((8001, 8), form))


CLAUDES = ("messages", "batches", "bedrock-invoke", "raw-predict", "bedrock-converse")
"""Dialects of bodies for Claude, whose limit of an edge is known and whose texts must not be empty."""


def texts_of(value: Any, pointer: str = "") -> Iterator[str]:
    """The pointers of texts in blocks."""
    members = (
        value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    )
    for key, one in members:
        if key == "text" and isinstance(one, str):
            yield f"{pointer}/text"
        yield from texts_of(one, f"{pointer}/{key}")


def turn_of(pointer: str) -> str:
    """The pointer of the turn of an image, or of the tool result that has it."""
    return pointer.rpartition("/content/")[0]


def shapes_of(sdk: str) -> Iterator[tuple[Call, str]]:
    """One image of each place in the bodies of an SDK where it puts images, and the call that has it."""
    known = set()
    for call in calls_of(sdk):
        for pointer in call.files:
            shape = (re.sub(r"^/models?/[^/]+", "", call.path), re.sub(r"/\d+", "", pointer))
            if dialect_by_path(call) and shape not in known and (sdk, call.name) not in FAULTS_OF_SDKS:
                known.add(shape)
                yield call, pointer


@pytest.mark.parametrize("sdk", SDKS)
def test_planted_faults_are_found_where_they_are(imgbudget: Command, tmp_path: Path, sdk: str) -> None:
    """Each fault in each place where the SDK puts images, at the image, and nothing else."""
    planned: dict[str, tuple[str, str]] = {}
    for i, (call, pointer) in enumerate(shapes_of(sdk)):
        claude = dialect_by_path(call) in CLAUDES
        faults = [
            (code, pointer, text) for code, text in with_faults(text_at(call.body, pointer), claude=claude)
        ]
        texts = (one for one in texts_of(call.body) if one.rpartition("/content/")[0] == turn_of(pointer))
        faults += [("IB407", one, "") for one in texts if claude][:1]
        if call.path.startswith("/api/"):  # nothing declares a type there
            faults = [one for one in faults if one[0] != "IB105"]
        for j, (code, where, text) in enumerate(faults):
            name = f"{i}-{j}.json"
            (tmp_path / name).write_text(json.dumps(planted(call.body, where, text)))
            planned[name] = code, where
    found: dict[str, list[tuple[str, str]]] = {}
    for one in imgbudget("check", ".", *LEVELS).json["findings"]:
        found.setdefault(one["path"], []).append((one["code"], one["pointer"]))
    assert planned
    for path, (code, pointer) in planned.items():
        here = [(one, pointer.startswith(where)) for one, where in found.get(path, ())]
        assert here == [(code, True)], path


def test_addresses_that_no_api_fetches(imgbudget: Command, tmp_path: Path) -> None:
    """A file of the machine in place of the address, wherever an SDK puts one; Gemini has it beside files."""
    names = set()
    for sdk in SDKS:
        for i, call in enumerate(calls_of(sdk)):
            text = json.dumps(call.body)
            if "https://example.com/a.png" in text:
                names.add(f"{sdk}-{i}.json")
                local = text.replace("https://example.com/a.png", "file:///a.png")
                (tmp_path / f"{sdk}-{i}.json").write_text(local)
    assert len(names) >= 18
    findings = imgbudget("check", ".", *LEVELS).json["findings"]
    assert sorted((one["path"], one["code"]) for one in findings) == [
        (name, "IB409") for name in sorted(names)
    ]
