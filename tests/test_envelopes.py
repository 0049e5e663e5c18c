"""Bodies in logs, traces, exports and dumps, and lists of messages without a body: read as whole requests."""

import base64
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imgbudget.jsontext.document import Document, open_documents
from imgbudget.jsontext.source import JsonSource
from imgbudget.model.subjects import ProbeField
from imgbudget.requests.finder import find_images, unseen_images
from tests.builders import body, image_block, image_bytes, text_block
from tests.conftest import Command
from tests.requestreading import items_of, requests_of

IMAGE = image_block(image_bytes((60, 8400)))
BODY = body(IMAGE, "look")
TURNS = BODY["messages"]
URI = f"data:image/png;base64,{IMAGE['source']['data']}"
CHAT = {
    "model": "gpt-4o",
    "messages": [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": URI}}]}],
}
GEMINI = [
    {"role": "user", "parts": [{"inlineData": {"mimeType": "image/png", "data": IMAGE["source"]["data"]}}]}
]

FIRST = "messages.0.content.0"

ENCODED = base64.b64encode(json.dumps(BODY, indent=1).encode()).decode()

SHAPES: dict[str, tuple[Any, str, str]] = {
    "bare list": (TURNS, "/0/content/0/source", FIRST),
    "list under a key": ({"history": TURNS}, "/history/0/content/0/source", FIRST),
    "blocks": ([IMAGE, text_block("look")], "/0/source", FIRST),
    "chat list": (CHAT["messages"], "/0/content/0/image_url", FIRST),
    "contents in a log": (
        {"x": {"y": GEMINI, "z": "Gemini"}},
        "/x/y/0/parts/0/inlineData",
        "contents.0.parts.0",
    ),
    "body": ({"id": 1, "body": BODY}, "/body/messages/0/content/0/source", FIRST),
    "request.body": (
        {"request": {"body": BODY}},
        "/request/body/messages/0/content/0/source",
        FIRST,
    ),
    "payload": ([{"payload": BODY}], "/0/payload/messages/0/content/0/source", FIRST),
    "data": (
        {"data": {"request": BODY}},
        "/data/request/messages/0/content/0/source",
        FIRST,
    ),
    "kwargs": ({"kwargs": CHAT}, "/kwargs/messages/0/content/0/image_url", FIRST),
    "input list": ({"name": "x", "input": TURNS}, "/input/0/content/0/source", FIRST),
    "observation": (
        {"observations": [{"type": "GENERATION", "model": "claude-opus-4-8", "input": {"messages": TURNS}}]},
        "/observations/0/input/messages/0/content/0/source",
        FIRST,
    ),
    "text": ({"request_body": json.dumps(BODY)}, "/request_body", FIRST),
    "list as text": (
        {"input.value": json.dumps({"messages": TURNS})},
        "/input.value",
        FIRST,
    ),
    "base64 in a log": (
        {"entry": {"raw": base64.b64encode(json.dumps(BODY).encode()).decode()}},
        "/entry/raw",
        FIRST,
    ),
    "base64 in a recording": (
        {"log": {"entries": [{"request": {"postData": {"encoding": "base64", "text": ENCODED}}}]}},
        "/log/entries/0/request/postData/text",
        FIRST,
    ),
    "nock": (
        [
            {
                "scope": "https://x:443",
                "method": "POST",
                "path": "/v1/messages",
                "body": BODY,
                "response": BODY,
            }
        ],
        "/0/body/messages/0/content/0/source",
        FIRST,
    ),
    "Helicone": (
        {"request": {"request_body": BODY}, "response": {"response_body": BODY}},
        "/request/request_body/messages/0/content/0/source",
        FIRST,
    ),
    "LiteLLM": (
        {"id": "x", "call_type": "acompletion", "request_body": CHAT, "response": {"choices": [CHAT]}},
        "/request_body/messages/0/content/0/image_url",
        FIRST,
    ),
    "text in text": ({"a": json.dumps({"b": json.dumps(CHAT)})}, "/a", FIRST),
    "span": (
        {
            "resourceSpans": [
                {
                    "scopeSpans": [
                        {
                            "spans": [
                                {
                                    "attributes": [
                                        {
                                            "key": "gen_ai.input.messages",
                                            "value": {"stringValue": json.dumps(TURNS)},
                                        }
                                    ]
                                }
                            ]
                        }
                    ]
                }
            ]
        },
        "/resourceSpans/0/scopeSpans/0/spans/0/attributes/0/value/stringValue",
        FIRST,
    ),
    "collection": (
        {
            "item": [
                {"request": {"url": {"raw": "https://x"}, "body": {"mode": "raw", "raw": json.dumps(BODY)}}}
            ]
        },
        "/item/0/request/body/raw",
        FIRST,
    ),
}


@pytest.mark.parametrize("shape", SHAPES)
def test_a_body_in_an_envelope_is_a_whole_request(imgbudget: Command, shape: str) -> None:
    """One request with its image, at its place in the file and in the body as sent."""
    value, pointer, location = SHAPES[shape]
    Path("a.json").write_text(json.dumps(value, indent=1))
    run = imgbudget("check", "--format", "json", "--no-cache", "--select", "IB101,IB002,IB106")
    found = run.json["findings"]
    assert [(finding["pointer"], finding["location"]) for finding in found] in ([(pointer, location)], [])
    assert (run.json["summary"]["requests"], run.json["summary"]["images"]) == (1, 1)
    assert run.json["summary"]["partly_checked"] == []
    (image,) = run.json["images"]
    assert (image["pointer"], image["height"]) == (pointer, 8400)


def test_the_model_and_the_url_beside_a_body_are_used() -> None:
    """The model beside a list of messages, and the model in the URL of Bedrock."""
    (request,) = requests_of({"model": "claude-opus-4-8", "input": TURNS})
    assert request.model == "claude-opus-4-8"
    plain = {key: value for key, value in BODY.items() if key != "model"}
    url = "https://bedrock-runtime.us-east-1.amazonaws.com/model/anthropic.claude-opus-4-8/invoke"
    (request,) = requests_of({"call": {"url": url, "json": plain}})
    assert (request.model, request.platform) == ("anthropic.claude-opus-4-8", "bedrock")


WORDS = st.sampled_from(
    ["role", "user", "content", "parts", "messages", "contents", "input", "model", "url", "type", "image"]
)
PAYLOADS = st.sampled_from([URI, IMAGE["source"]["data"], "{}", '{"image": [{"role": 1}]}' + " " * 48])
LEAVES = st.none() | st.booleans() | st.integers() | WORDS | PAYLOADS
ODD = st.recursive(
    LEAVES,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(WORDS, inner, max_size=4),
    max_leaves=12,
)


@given(ODD)
def test_odd_values_never_raise(value: Any) -> None:
    """Any value may stand under any key, also inside strings."""
    for item in (value, {"a": json.dumps({"image": value, "role": 1, "pad": "x" * 48})}):
        items_of(item)
        source = JsonSource.from_bytes(json.dumps(item).encode())
        for document in open_documents(source, lines=False):
            assert isinstance(document, Document)
            find_images(document, "a.json", ProbeField.ALL)
            unseen_images(document, "a.json", ProbeField.ALL, [])


@pytest.mark.parametrize(
    "value",
    [
        {"messages": {"en": "image", "de": "Bild"}, "role": "image"},
        [{"role": "user", "content": "which image?"}],
        {"request": {"url": "x"}, "response": {"body": BODY}},
        [{"type": "image", "name": "icon"}, {"type": "text", "name": "image role"}],
        {"history": [{"role": "user", "content": [{"type": "image", "shape": 3}]}]},
        {"users": [{"role": "admin", "content": [IMAGE]}]},
        {"a": "[image] role {not JSON" + "x" * 60},
        {"token": "eyJ" + "hbGciOiJIUzI1NiJ9" * 100 + "." + "eyJ" * 300},
        {"eyJ": "eyJ" + "A" * 3000},
    ],
)
def test_other_values_are_no_requests(value: Any) -> None:
    """Translations, texts, answers, unknown roles and blocks: nothing is guessed."""
    assert requests_of({"wrapped": value}) == []


def test_templates_and_samples_in_lists_are_images_without_bytes(imgbudget: Command) -> None:
    """A variable or a shortened text is no mistake of a prompt that is filled in later."""
    for data in ("{{image}}", "${IMAGE}", "iVBORw0KGgoAAAANSUhEUgAA...", "<base64>"):
        block = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": data}}
        Path("a.json").write_text(json.dumps([{"role": "user", "content": [block, text_block("look")]}]))
        run = imgbudget("check", "--format", "json", "--no-cache")
        assert (run.code, run.json["findings"], run.json["summary"]["images"]) == (0, [], 1)


def test_messages_that_a_framework_converts_are_no_messages_bodies() -> None:
    """Parts and images in the forms of AI SDK and LangChain: no false mistakes of a Messages body."""
    for turn in (
        {"role": "user", "parts": [{"type": "text", "text": "look"}]},
        {"role": "user", "content": [{"type": "image", "base64": "x", "mime_type": "image/png"}]},
        {"role": "user", "content": [{"type": "image", "image": URI}]},
    ):
        assert all(request.dialect == "framework" for request in requests_of({"messages": [turn]}))
    assert requests_of({"messages": [{"role": "user", "content": [{"type": "image"}]}]})[0].flaws


def test_fixes_of_a_bare_list_keep_all_other_bytes(imgbudget: Command) -> None:
    """The image is scaled in its place, and the list is then clean."""
    large = image_block(image_bytes((60, 8400)))
    Path("a.json").write_text(
        json.dumps([{"role": "user", "content": [large], "note": "keep  me"}], indent=3)
    )
    run = imgbudget("check", "a.json", "--fix", "--no-cache", "--format", "json", "--select", "IB101")
    after = json.loads(Path("a.json").read_text())
    assert (run.json["findings"], after[0]["note"]) == ([], "keep  me")
    assert after[0]["content"][0]["source"]["data"] != large["source"]["data"]


ADDRESS = "https://bedrock-runtime.us-east-1.amazonaws.com/model/anthropic.claude-opus-4-8/invoke"


@pytest.mark.parametrize(
    "collection",
    [
        {"resources": [{"url": ADDRESS, "body": {"mimeType": "application/json", "text": "SENT"}}]},
        {"requests": [{"endpoint": ADDRESS, "body": {"contentType": "application/json", "body": "SENT"}}]},
        {"item": [{"request": {"url": {"raw": ADDRESS, "path": ["model"]}, "body": {"raw": "SENT"}}}]},
        {"url": "https://example.com", "log": [{"uri": ADDRESS, "call": {"kwargs": {"x": "SENT"}}}]},
    ],
)
def test_the_url_above_a_body_is_where_it_is_sent(collection: Any) -> None:
    """In collections of Insomnia, Hoppscotch and Postman, and in logs: the nearest one."""
    plain = {
        key: value for key, value in body(image_block(image_bytes((300, 200))), "x").items() if key != "model"
    }
    sent = json.loads(json.dumps(collection).replace('"SENT"', json.dumps(json.dumps(plain))))
    (request,) = requests_of(sent)
    assert (request.model, request.platform) == ("anthropic.claude-opus-4-8", "bedrock")


_NUMBERS = [137, 80, 78, 71]
_AS_NUMBERS = {
    "Buffer": {"type": "Buffer", "data": _NUMBERS},
    "Uint8Array": {"0": 137, "1": 80},
    "array": _NUMBERS,
}


def _bodies_with(data: object) -> dict[str, tuple[Any, str]]:
    """A body of each vendor whose image is `data` in place of base64 text, and the words for what it is."""
    kind = "an array" if isinstance(data, list) else "an object"
    png = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": data}}
    part = {"inlineData": {"mimeType": "image/png", "data": data}}
    converse = {"image": {"format": "png", "source": {"bytes": data}}}
    return {
        "messages": (body(png), f"data of a base64 source is {kind}, not base64 text"),
        "converse": (
            {"modelId": "m", "messages": [{"role": "user", "content": [converse]}]},
            f"bytes is {kind}, not base64 text",
        ),
        "gemini": (
            {"contents": [{"role": "user", "parts": [part]}]},
            f"data of an inline part is {kind}, not base64 text",
        ),
        "responses": (
            {"input": [{"role": "user", "content": [{"type": "input_image", "image_url": data}]}]},
            f"image_url is {kind}, not a data URI or a URL",
        ),
    }


@pytest.mark.parametrize("form", _AS_NUMBERS)
@pytest.mark.parametrize("vendor", ["messages", "converse", "gemini", "responses"])
@pytest.mark.parametrize("wrapper", ["", "body", "request"])
def test_bytes_that_became_numbers_are_found_in_every_wrapper(form: str, vendor: str, wrapper: str) -> None:
    """The flaw names what is in place of the text; a wrapper does not hide the request."""
    value, words = _bodies_with(_AS_NUMBERS[form])[vendor]
    (request,) = requests_of({wrapper: value, "id": 1} if wrapper else value)
    assert [flaw.message for flaw in request.flaws] == [words]
    assert (request.flaws[0].help or "").startswith("encode the bytes before")


@pytest.mark.parametrize("data", [None, 5, {}, []])
def test_a_wrapped_block_without_bytes_is_no_request(data: object) -> None:
    """Logs take images out: what is left is no fault of the request that was sent."""
    value, _ = _bodies_with(data)["messages"]
    assert [type(item).__name__ for item in items_of({"body": value})] == ["NoRequest"]
