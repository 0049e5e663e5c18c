"""Which platform and model a request is checked for, and what the platforms beside Claude's take."""

import json
from pathlib import Path
from typing import Any

import pytest

from imgbudget.limits.data import LimitsData
from imgbudget.requests.addresses import Address, address_of
from imgbudget_rules.limits import DATA
from tests.builders import image_block, image_bytes, text_block, write_json
from tests.conftest import Command
from tests.stated import stated

SHIPPED = LimitsData.from_mapping(DATA)
IMAGE = image_bytes((300, 300), "PNG")


def _payload() -> str:
    data: str = image_block(IMAGE)["source"]["data"]
    return data


def converse(*, images: int = 1, source: dict[str, Any] | None = None, **keys: Any) -> dict[str, Any]:
    """A body of Bedrock Converse."""
    block = {"image": {"format": "png", "source": source or {"bytes": _payload()}}}
    return {"messages": [{"role": "user", "content": [block] * images}], **keys}


def gemini(**keys: Any) -> dict[str, Any]:
    """A body of generateContent."""
    part = {"inlineData": {"mimeType": "image/png", "data": _payload()}}
    return {"contents": [{"role": "user", "parts": [part]}], **keys}


def chat(*, images: int = 1, **keys: Any) -> dict[str, Any]:
    """A body of chat completions."""
    part = {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{_payload()}"}}
    content = [*[part] * images, {"type": "text", "text": "What is it?"}]
    return {"messages": [{"role": "user", "content": content}], "max_completion_tokens": 5, **keys}


def har(url: str, body: dict[str, Any]) -> dict[str, Any]:
    """A recording of one request."""
    post = {"mimeType": "application/json", "text": json.dumps(body)}
    return {"log": {"version": "1.2", "entries": [{"request": {"url": url, "postData": post}}]}}


class Checked:
    """The JSON report of one file."""

    def __init__(self, run: Any) -> None:
        self.report = json.loads(run.out)
        [request] = self.report["requests"]
        self.target = request["model"], request["platform"]
        self.codes = [finding["code"] for finding in self.report["findings"]]
        self.messages = [finding["message"] for finding in self.report["findings"]]
        self.err = run.err


BEDROCK = "https://bedrock-runtime.us-east-1.amazonaws.com/model/us.anthropic.claude-opus-4-8-v1%3A0/"
VERTEX = "https://us-central1-aiplatform.googleapis.com/v1/projects/p/locations/us-central1/publishers/"
AZURE = "https://x.openai.azure.com/openai/deployments/"
ADDRESSES = [
    (BEDROCK + "converse", Address("bedrock", "us.anthropic.claude-opus-4-8-v1:0")),
    (BEDROCK + "converse-stream", Address("bedrock", "us.anthropic.claude-opus-4-8-v1:0")),
    (BEDROCK + "invoke-with-response-stream", Address("bedrock", "us.anthropic.claude-opus-4-8-v1:0")),
    (VERTEX + "anthropic/models/claude-opus-4-8:rawPredict", Address("google-cloud", "claude-opus-4-8")),
    (
        VERTEX + "google/models/gemini-3-flash-preview:generateContent",
        Address("vertex", "gemini-3-flash-preview"),
    ),
    (VERTEX + "meta/models/llama-4-scout:predict", Address(None, "llama-4-scout")),
    (
        "http://127.0.0.1:8080/v1beta/models/gemini-2.5-flash:streamGenerateContent?alt=sse",
        Address("gemini", "gemini-2.5-flash"),
    ),
    (AZURE + "gpt-4o/chat/completions?api-version=2025-01-01", Address("azure-openai", deployment="gpt-4o")),
    ("https://x.openai.azure.com/openai/v1/responses", Address("azure-openai")),
    ("https://x.services.ai.azure.com/openai/v1/chat/completions", Address("azure-openai")),
    ("https://x.services.ai.azure.com/anthropic/v1/messages", Address("foundry")),
    ("https://claude.googleapis.com/v1/projects/p/messages", Address("claude-google-cloud")),
    ("https://aws-external-anthropic.us-east-1.api.aws/v1/messages", Address("claude-aws")),
    ("https://openrouter.ai/api/v1/chat/completions", Address("openrouter")),
    ("https://user:word@api.openai.com:443/v1/chat/completions", Address("openai")),
    ("https://dashscope-intl.aliyuncs.com/compatible-mode/v1/chat/completions", Address("qwen")),
    ("https://api.openai.com.example.org/v1/chat/completions", Address()),
    ("/model/x/invoke", Address("bedrock", "x")),
    ("http://localhost/model/x/run", Address()),
    ("", Address()),
    ("::::", Address()),
]


@pytest.mark.parametrize(("url", "address"), ADDRESSES, ids=[url[-40:] for url, _ in ADDRESSES])
def test_url_shows_platform_and_model(url: str, address: Address) -> None:
    """Of official hosts the platform, of known paths the model, whatever the host in front is."""
    assert address_of(url) == address


@pytest.mark.parametrize(
    ("url", "body", "target"),
    [
        (BEDROCK + "converse", converse(), ("claude-opus-4-8", "bedrock")),
        (
            VERTEX + "google/models/gemini-3-flash-preview:generateContent",
            gemini(),
            ("gemini-3-flash-preview", "vertex"),
        ),
        (AZURE + "gpt-4o/chat/completions", chat(), ("gpt-4o", "azure-openai")),
        (
            "https://openrouter.ai/api/v1/chat/completions",
            chat(model="anthropic/claude-opus-5.5"),
            ("claude-opus-5-5", "openrouter"),
        ),
        (
            "https://claude.googleapis.com/v1/m",
            {
                "model": "claude-opus-5-5",
                "max_tokens": 5,
                "messages": [{"role": "user", "content": [image_block(IMAGE)]}],
            },
            ("claude-opus-5-5", "claude-google-cloud"),
        ),
    ],
)
def test_recorded_request_is_checked_for_its_url(
    imgbudget: Command, tmp_path: Path, url: str, body: dict[str, Any], target: tuple[str, str]
) -> None:
    """In a HAR the model of the URL counts, and nothing is assumed."""
    write_json(tmp_path / "r.har", har(url, body))
    checked = Checked(imgbudget("check", "r.har", "--format", "json"))
    assert checked.target == target
    assert "assumed" not in checked.err


@pytest.mark.parametrize("order", [("uri", "body"), ("body", "uri")])
def test_cassette_is_checked_for_its_url(imgbudget: Command, tmp_path: Path, order: tuple[str, str]) -> None:
    """The URL may stand before the body or after it."""
    values = {"uri": BEDROCK + "converse", "body": json.dumps(json.dumps(converse()))}
    lines = [f"    {key}: {values[key]}" for key in order]
    text = "\n".join(["interactions:", "- request:", *lines, "  response: {}"])
    (tmp_path / "c.yaml").write_text(text)
    assert Checked(imgbudget("check", "c.yaml", "--format", "json")).target == ("claude-opus-4-8", "bedrock")


def test_record_of_bedrocks_log_names_its_model(imgbudget: Command, tmp_path: Path) -> None:
    """A model invocation log has the model beside the body."""
    record = {
        "schemaType": "ModelInvocationLog",
        "modelId": "amazon.nova-pro-v1:0",
        "input": {"inputBodyJson": converse()},
    }
    write_json(tmp_path / "log.json", record)
    assert Checked(imgbudget("check", "log.json", "--format", "json")).target == ("nova-pro", "bedrock")


@pytest.mark.parametrize(
    ("body", "options", "target", "assumed"),
    [
        (converse(), (), ("claude-sonnet-4-6", "bedrock"), True),
        (converse(), ("--model", "nova-pro"), ("nova-pro", "bedrock"), False),
        (converse(), ("--platform", "nova"), ("nova-pro", "nova"), True),
        (gemini(), (), ("gemini-3-flash-preview", "gemini"), True),
        (gemini(), ("--model", "gemini-3-pro-preview"), ("gemini-3-pro-preview", "gemini"), False),
        (gemini(), ("--platform", "vertex"), ("gemini-3-flash-preview", "vertex"), True),
        (chat(), ("--platform", "azure-openai"), ("gpt-5", "azure-openai"), True),
        (chat(model="gpt-4o"), ("--platform", "azure-openai"), ("gpt-4o", "azure-openai"), False),
        (chat(), ("--platform", "azure-openai", "--model", "gpt-4o"), ("gpt-4o", "azure-openai"), False),
        (chat(model="gpt-4o"), ("--platform", "openrouter"), ("gpt-4o", "openrouter"), False),
        (chat(model="vertex_ai/gemini-3-flash-preview"), (), ("gemini-3-flash-preview", "vertex"), False),
        (chat(model="azure/gpt-4o"), (), ("gpt-4o", "azure-openai"), False),
    ],
)
def test_body_is_checked_for_the_service_named(  # noqa: PLR0913, PLR0917 - two fixtures, four parameters
    imgbudget: Command,
    tmp_path: Path,
    body: dict[str, Any],
    options: tuple[str, ...],
    target: tuple[str, str],
    assumed: bool,  # noqa: FBT001 - a parameter of the test
) -> None:
    """A model that the body does not name is that of the command line, else assumed, and a note says so."""
    write_json(tmp_path / "r.json", body)
    checked = Checked(imgbudget("check", "r.json", *options, "--format", "json"))
    assert checked.target == target
    assert ("is assumed" in checked.err) == assumed


def test_deployment_that_is_no_model_is_assumed_to_be_one(imgbudget: Command, tmp_path: Path) -> None:
    """Users name deployments as they like; the note names the deployment."""
    write_json(tmp_path / "r.har", har(AZURE + "prod-vision/chat/completions", chat()))
    checked = Checked(imgbudget("check", "r.har", "--format", "json"))
    assert checked.target == ("gpt-5", "azure-openai")
    assert "deployment 'prod-vision' names no model: gpt-5 is assumed" in checked.err


def test_body_of_another_service_is_not_checked_for_the_one_named(imgbudget: Command, tmp_path: Path) -> None:
    """A body in Gemini's form cannot go to Bedrock; a note says that the option does not apply."""
    write_json(tmp_path / "r.json", gemini())
    checked = Checked(imgbudget("check", "r.json", "--platform", "bedrock", "--format", "json"))
    assert checked.target == ("gemini-3-flash-preview", "gemini")
    assert "requests that go to gemini by their form or URL are not checked for bedrock" in checked.err


@pytest.mark.parametrize("platform", ["openai", "vertex", "xai", "self-hosted", "qwen"])
def test_model_of_another_platform_is_not_assumed(imgbudget: Command, tmp_path: Path, platform: str) -> None:
    """A Converse body is not checked for the model that --platform assumes, but for one that Bedrock has."""
    write_json(tmp_path / "r.json", converse())
    checked = Checked(imgbudget("check", "r.json", "--platform", platform, "--format", "json"))
    assert checked.target == ("claude-sonnet-4-6", "bedrock")
    assert "a request to bedrock names no model: claude-sonnet-4-6 is assumed" in checked.err


@pytest.mark.parametrize(
    "model", ["global.openai.gpt-5.6-sol", "openai.gpt-5.4", "meta.llama4-scout-17b-v1:0"]
)
def test_request_goes_where_its_form_says_whatever_its_model(
    imgbudget: Command, tmp_path: Path, model: str
) -> None:
    """The platform may serve more models than the data lists; messages name it, not the model's own."""
    write_json(tmp_path / "r.json", converse(source={"bytes": "%%%"}, modelId=model))
    checked = Checked(imgbudget("check", "r.json", "--format", "json"))
    assert checked.target[1] == "bedrock"
    limits = SHIPPED.bind(model, "bedrock", certain=True)
    assert limits.platform == "bedrock"
    assert limits.counts_tokens
    assert limits.many_image_count is None
    notes = [value.note or "" for value in limits.values.values() if value.status == "unknown"]
    assert any(note.startswith("no figure of bedrock for this model was found") for note in notes)


def test_url_takes_precedence_over_the_platform_named(imgbudget: Command, tmp_path: Path) -> None:
    """Foundry has the limits of Claude's API, but what was sent to that did not go to Foundry."""
    content = [image_block(IMAGE), text_block("What is it?")]
    body = {"model": "claude-opus-5-5", "max_tokens": 5, "messages": [{"role": "user", "content": content}]}
    write_json(tmp_path / "r.har", har("https://api.anthropic.com/v1/messages", body))
    checked = Checked(imgbudget("check", "r.har", "--platform", "foundry", "--format", "json"))
    assert checked.target == ("claude-opus-5-5", "anthropic")
    assert "not checked for foundry" in checked.err
    (tmp_path / "imgbudget.yaml").write_text("platforms: {g: {like: anthropic, request_media: 3}}")
    checked = Checked(imgbudget("check", "r.har", "--platform", "g", "--format", "json"))
    assert checked.target == ("claude-opus-5-5", "g")


def test_notes_are_bounded(imgbudget: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Recordings may name any number of deployments; a part of each is shown, and not of all."""
    monkeypatch.setattr("imgbudget.linter.context._MOST_NOTES", 5)
    entries = [har(f"{AZURE}{'x' * i}/chat/completions", chat())["log"]["entries"][0] for i in range(60, 100)]
    write_json(tmp_path / "r.har", {"log": {"version": "1.2", "entries": entries}})
    run = imgbudget("check", "r.har", "--select", "IB401")
    lines = [line for line in run.err.splitlines() if "deployment" in line]
    assert len(lines) == 5
    assert max(map(len, lines)) < 200


@pytest.mark.parametrize("inside", [False, True], ids=["user", "tool-result"])
@pytest.mark.parametrize(
    ("model", "refused"),
    [
        ("us.anthropic.claude-sonnet-4-6", True),
        ("anthropic.claude-opus-99", True),
        ("us.amazon.nova-pro-v1:0", False),
        ("us.meta.llama4-maverick-17b-instruct-v1:0", False),
        ("acme.vision-1", False),
    ],
)
def test_image_in_s3_is_for_nova(
    imgbudget: Command,
    tmp_path: Path,
    model: str,
    refused: bool,  # noqa: FBT001 - a parameter of the test
    inside: bool,  # noqa: FBT001 - a parameter of the test
) -> None:
    """Claude on Bedrock refuses an s3Location; of families whose models are not known nothing is reported."""
    body = converse(source={"s3Location": {"uri": "s3://bucket/a.png"}}, modelId=model)
    if inside:
        content = body["messages"][0]["content"]
        body["messages"][0]["content"] = [{"toolResult": {"toolUseId": "t", "content": content}}]
    write_json(tmp_path / "r.json", body)
    checked = Checked(imgbudget("check", "r.json", "--format", "json"))
    assert ("IB403" in checked.codes) == refused


@pytest.mark.parametrize(
    ("images", "severity"), [(10, None), (11, "warning"), (50, "warning"), (51, "error")]
)
def test_azure_has_two_limits_on_images(
    imgbudget: Command, tmp_path: Path, images: int, severity: str | None
) -> None:
    """One page has 10 and another 50, so between the two it is a warning that names both."""
    write_json(tmp_path / "r.json", chat(images=images, model="gpt-4o"))
    run = imgbudget("check", "r.json", "--platform", "azure-openai", "--select", "IB402", "--format", "json")
    found = [(one["severity"], one["message"]) for one in json.loads(run.out)["findings"]]
    assert [level for level, _ in found] == ([severity] if severity else [])
    assert all("azure-openai" in message for _, message in found)
    assert all(
        ("10 by one source and 50 by another" in text) == (level == "warning") for level, text in found
    )


@pytest.mark.parametrize(
    ("platform", "model", "least", "most"),
    [
        ("azure-openai", "gpt-4o", 20_971_520, 27_962_028),
        ("vertex", "gemini-3-flash-preview", 7_340_032, 9_786_712),
        ("xai", "grok-4", 10_485_760, 27_962_028),
    ],
)
def test_images_are_planned_for_the_strictest_reading(
    platform: str, model: str, least: int, most: int
) -> None:
    """Of a limit with two readings, the higher is the error and the lower what a fix aims at."""
    limits = SHIPPED.bind(model, platform)
    assert (stated(limits.image_base64_bytes).value, stated(limits.least_image_bytes).value) == (most, least)
    assert limits.image_raw_bytes == least // 4 * 3


def test_requests_are_split_for_the_strictest_reading(imgbudget: Command, tmp_path: Path) -> None:
    """Twelve images are two requests where one source has ten and another fifty."""
    write_json(tmp_path / "r.json", chat(images=12, model="gpt-4o"))
    run = imgbudget("split", "r.json", "--platform", "azure-openai", "--format", "json")
    assert [part["images"] for part in json.loads(run.out)["splits"][0]["parts"]] == [6, 6]


def test_vertex_depends_on_the_model() -> None:
    """3,000 images, 900 for Gemini 3 Pro preview; the newest group takes more bytes."""
    assert stated(SHIPPED.bind("gemini-2.5-flash", "vertex").request_media).value == 3000
    assert stated(SHIPPED.bind("gemini-3-pro-preview", "vertex").request_media).value == 900
    assert stated(SHIPPED.bind("gemini-3.1-pro-preview", "vertex").request_media).value == 3000
    assert stated(SHIPPED.bind("gemini-3-pro-preview", "gemini").request_media).value == 3600
    assert stated(SHIPPED.bind("gemini-4-argon", "vertex").image_base64_bytes).value > 1 << 28


@pytest.mark.parametrize("platform", ["claude-google-cloud", "claude-aws"])
def test_services_by_anthropic_have_the_full_api(platform: str) -> None:
    """Unlike Bedrock and Google Cloud: 10 MB an image, url and file sources, batches."""
    limits = SHIPPED.bind("claude-opus-5-5", platform)
    assert limits.source_types == ("base64", "url", "file")
    assert stated(limits.image_base64_bytes).value == 10_485_760
    assert limits.batch_requests is not None
    assert limits.file_bytes is not None
    assert not limits.documents_count_as_images


@pytest.mark.parametrize(
    ("model", "maker"),
    [("claude-opus-5-5", "anthropic"), ("gpt-4o", "openai"), ("gemini-2.5-flash", "gemini")],
)
def test_router_has_the_limits_of_the_models_maker(model: str, maker: str) -> None:
    """OpenRouter passes requests on: the numbers are those of the maker, and marked as derived."""
    routed, own = SHIPPED.bind(model, "openrouter"), SHIPPED.bind(model, maker)
    assert routed.platform == "openrouter"
    assert (routed.request_media and routed.request_media.value) == stated(own.request_media).value
    assert stated(routed.request_media).status == "derived"
    assert routed.at_maker is False


@pytest.mark.parametrize(
    ("model", "named", "other"),
    [
        ("claude-opus-5-5", "vertex", "google-cloud"),
        ("gemini-2.5-flash", "google-cloud", "vertex"),
        ("gpt-4o", "foundry", "azure-openai"),
        ("claude-opus-5-5", "azure-openai", "foundry"),
        ("gpt-4o", "bedrock", "openai"),
    ],
)
def test_model_that_a_platform_lacks_has_another_of_the_same_cloud(
    model: str, named: str, other: str
) -> None:
    """Google's and Microsoft's clouds have a platform for each maker; elsewhere it is the model's own."""
    assert SHIPPED.bind(model, named).platform == other


def test_router_has_neither_files_nor_batches() -> None:
    """What Claude's API has for them is no advice there."""
    limits = SHIPPED.bind("claude-opus-5-5", "openrouter")
    assert limits.source_types == ("base64", "url")
    assert limits.batch_requests is limits.batch_factor is limits.file_bytes is None


def test_router_takes_models_that_nobody_knows() -> None:
    """Their requests still go to OpenRouter."""
    limits = SHIPPED.bind("acme/vision-9", "openrouter")
    assert (limits.state, limits.platform, limits.request_bytes) == ("unknown", "openrouter", None)


def test_openrouter_asks_for_text_first(imgbudget: Command, tmp_path: Path) -> None:
    """The advice of Claude's guide does not apply there."""
    content = [text_block("What is in this picture, please?"), image_block(IMAGE)]
    body = {"model": "claude-opus-5-5", "max_tokens": 5, "messages": [{"role": "user", "content": content}]}
    write_json(tmp_path / "r.json", body)
    assert "IB501" in Checked(imgbudget("check", "r.json", "--format", "json")).codes
    run = imgbudget("check", "r.json", "--platform", "openrouter", "--format", "json")
    assert "IB501" not in Checked(run).codes


@pytest.mark.parametrize(("images", "over"), [(1, False), (2, True)])
def test_chat_completions_of_alibaba_take_less(
    imgbudget: Command,
    tmp_path: Path,
    images: int,
    over: bool,  # noqa: FBT001 - a parameter of the test
) -> None:
    """6,291,456 bytes, where the responses API takes 10,485,760."""
    url = "data:image/png;base64," + "A" * 4_000_000
    part = {"type": "image_url", "image_url": {"url": url}}
    body = {"model": "qwen3-vl", "messages": [{"role": "user", "content": [part] * images}]}
    parts = [{"type": "input_image", "image_url": url}] * images
    responses = {"model": "qwen3-vl", "input": [{"role": "user", "content": parts}]}
    for name, value, expected in ("chat.json", body, over), ("responses.json", responses, False):
        write_json(tmp_path / name, value)
        run = imgbudget("check", name, "--platform", "qwen", "--select", "IB401", "--format", "json")
        messages = [one["message"] for one in json.loads(run.out)["findings"]]
        assert bool(messages) == expected
        assert all("qwen takes at most 6 MB (6,291,456 bytes)" in message for message in messages)


def test_plan_of_a_bedrock_body_names_bedrock(imgbudget: Command, tmp_path: Path) -> None:
    """Also of limits that Bedrock has from Claude's API, such as the edge of an image."""
    write_json(tmp_path / "r.json", converse(images=21))
    run = imgbudget("plan", "r.json", "--all")
    assert "bedrock" in run.out
    assert "anthropic" not in run.out
