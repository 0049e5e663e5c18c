"""Each dialect on hand-made bodies: which it is, its platform, model and id, its images with their places."""

import base64
import json
from typing import Any

import pytest

from imgbudget.model.subjects import Nested, Origin, Request, Text
from imgbudget.requests.reader import BadEntry, NoRequest
from tests.builders import body, image_block, image_bytes, text_block
from tests.requestreading import items_of, request_of, requests_of

PNG = base64.b64encode(image_bytes((120, 90))).decode()
LONG, OTHER = (base64.b64encode(image_bytes((300, 200)) + fill * 3000).decode() for fill in (b"\0", b"\1"))
URI = f"data:image/png;base64,{PNG}"


def turn(*content: Any, role: str = "user") -> dict[str, Any]:
    """A message."""
    return {"role": role, "content": list(content)}


def converse(*content: Any, **more: Any) -> dict[str, Any]:
    """A body of Converse."""
    return {"messages": [turn(*content)]} | more


def picture(data: str = PNG, form: str = "png") -> dict[str, Any]:
    """An image block of Converse."""
    return {"image": {"format": form, "source": {"bytes": data}}}


def part(url: Any = URI) -> dict[str, Any]:
    """An image part of chat completions."""
    return {"type": "image_url", "image_url": {"url": url}}


def chat(*content: Any, model: str | None = "anthropic/claude-haiku-4.5", **more: Any) -> dict[str, Any]:
    """A body of chat completions."""
    return ({"model": model} if model else {}) | {"messages": [turn(*content)]} | more


def test_plain_data_is_no_request() -> None:
    """Settings, data sets, results and fixtures give a reason and no request."""
    for value in (
        {"name": "x", "requests": 5},
        {"requests": [{"url": "a"}]},
        {"input": "a text", "model": "text-embedding-3-small"},
        {"input": [{"role": "user", "content": [{"type": "image", "image": "a.png"}]}], "target": "3"},
        {"messages": [{"role": "user", "content": [{"type": "image_url", "value": "data/1.jpg"}]}]},
        {"jsonrpc": "2.0", "method": "x", "params": {"a": 1}},
        {"contents": ["hi"]},
        {"contents": [{"role": "user", "text": "hi"}]},
    ):
        (item,) = items_of(value)
        assert isinstance(item, NoRequest), value
    (item,) = items_of({"custom_id": "a", "result": {"type": "succeeded", "message": {"role": "assistant"}}})
    assert item == NoRequest("a result of a batch")


def test_messages_and_count_tokens() -> None:
    """Both shapes are the dialect `messages`; a request with an unlisted model id is checked."""
    request = request_of(body(image_block()))
    assert (request.dialect, request.platform, request.id) == ("messages", None, None)
    counting = {"model": "claude-opus-4-8", "messages": [turn(image_block())]}
    assert request_of(counting).dialect == "messages"
    assert request_of(body(image_block(), model="our-own-alias")).model == "our-own-alias"


@pytest.mark.parametrize(
    ("version", "dialect", "platform"),
    [
        ("bedrock-2023-05-31", "bedrock-invoke", "bedrock"),
        ("vertex-2023-10-16", "raw-predict", "google-cloud"),
        ("2026-10-21", "bedrock-invoke", "bedrock"),
        ("2023-06-01", "messages", None),
    ],
)
def test_anthropic_version_names_the_platform(version: str, dialect: str, platform: str | None) -> None:
    """InvokeModel and rawPredict name their platform in the version; the API's own version does not."""
    request = request_of(body(image_block(), model=None, anthropic_version=version))
    assert (request.dialect, request.platform, request.model) == (dialect, platform, None)
    assert [use.location.dotted for use in request.images] == ["messages.0.content.0"]


def test_batch_in_one_body() -> None:
    """Each entry is a request with its id; pointers lead into the file, locations into the entry."""
    batch = {"requests": [{"custom_id": f"n{i}", "params": body("hi", image_block())} for i in range(2)]}
    first, second = items_of(batch)
    assert not isinstance(first, (BadEntry, NoRequest))
    assert not isinstance(second, (BadEntry, NoRequest))
    requests = requests_of(batch)
    assert [(request.dialect, request.id) for request in requests] == [("batches", "n0"), ("batches", "n1")]
    use = requests[1].images[0]
    assert use.location.pointer == "/requests/1/params/messages/0/content/1/source"
    assert use.location.dotted == "messages.0.content.1"


def test_size_of_a_batch_entry_is_that_of_its_body() -> None:
    """The envelope is not sent with the request: bytes count the params alone."""
    params = body("hi", image_block())
    (request,) = requests_of({"custom_id": "n", "params": params})
    assert request.byte_size == len(json.dumps(params))
    assert request.id == "n"


def test_bad_entries_of_a_batch() -> None:
    """An entry without a body, or with one that is no request, is named; the others are read."""
    good = {"custom_id": "a", "params": body(image_block())}
    bad = [{"custom_id": "b", "params": {"prompt": "hi"}}, {"custom_id": "c"}, {"params": "x"}, 5]
    items = items_of({"requests": [good, *bad, {"params": body("no id")}]})
    locations = [item.location.pointer for item in items if isinstance(item, BadEntry)]
    assert locations == ["/requests/1/params", "/requests/2", "/requests/3", "/requests/4"]
    assert [item.id for item in items if not isinstance(item, (BadEntry, NoRequest))] == ["a", None]  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("line", "dialect", "platform"),
    [
        ({"custom_id": "i", "params": body(image_block())}, "batches", None),
        ({"custom_id": "i", "method": "POST", "url": "/v1/x", "body": chat(part())}, "openai-chat", None),
        (
            {"custom_id": "i", "request": body(image_block(), anthropic_version="vertex-2023-10-16")},
            "raw-predict",
            "google-cloud",
        ),
        (
            {"recordId": "i", "modelInput": body(image_block(), anthropic_version="bedrock-2023-05-31")},
            "bedrock-invoke",
            "bedrock",
        ),
    ],
)
def test_batch_lines(line: dict[str, Any], dialect: str, platform: str | None) -> None:
    """A line of each vendor's batch file is the body inside, with the line's id."""
    (request,) = requests_of(line)
    assert (request.dialect, request.platform, request.id) == (dialect, platform, "i")
    assert len(request.images) == 1
    assert request.images[0].location.dotted == "messages.0.content.0"


def test_converse() -> None:
    """Format and bytes are the image; a tool's result is one as in Messages; the platform is Bedrock's."""
    result = {"toolResult": {"toolUseId": "t1", "content": [{"text": "ok"}, picture(form="jpeg")]}}
    request = request_of(
        converse(
            {"text": "hi"},
            picture(),
            result,
            modelId="us.anthropic.claude-sonnet-4-6",
            system=[{"text": "be brief"}],
        )
    )
    assert (request.dialect, request.platform) == ("bedrock-converse", "bedrock")
    assert request.model == "us.anthropic.claude-sonnet-4-6"
    direct, nested = request.images
    assert (direct.declared, str(direct.size), direct.origin) == ("image/png", "120x90", Origin.BASE64)
    assert (direct.location.pointer, direct.base64_size) == ("/messages/0/content/1/image", len(PNG))
    assert (nested.declared, nested.inside) == ("image/jpeg", ("tool_result",))
    assert nested.location.dotted == "messages.0.content.2.toolResult.content.1"
    assert [turn.role for turn in request.turns] == ["system", "user"]
    block = request.turns[1].blocks[2]
    assert isinstance(block, Nested)
    assert (block.kind, block.reference) == ("tool_result", "t1")


def test_converse_images_that_are_elsewhere_or_nowhere() -> None:
    """S3 is a source without bytes and no flaw; an image without source or format is one."""
    stored = {"image": {"format": "png", "source": {"s3Location": {"uri": "s3://b/a.png"}}}}
    request = request_of(converse(stored))
    assert request.flaws == ()
    assert (request.images[0].facts, request.images[0].reference) == (None, "s3://b/a.png")
    flawed = request_of(converse({"image": {"source": {"bytes": PNG}}}, {"image": {"format": "png"}}))
    assert [flaw.message for flaw in flawed.flaws] == [
        "image has no format",
        "source of an image is missing, not an object",
    ]


def test_text_of_a_document_is_not_read_as_pdf() -> None:
    """A plain-text document has no pages and no bytes, even where its text looks like a PDF in base64."""
    data = image_bytes(form="PDF")
    pdf = base64.b64encode(data).decode()
    plain = {"type": "document", "source": {"type": "text", "media_type": "text/plain", "data": pdf}}
    encoded = {"type": "document", "source": {"type": "base64", "media_type": "application/pdf", "data": pdf}}
    first, second = request_of(body(plain, encoded)).documents
    assert (first.pages, first.byte_size) == (0, None)
    assert (second.pages, second.byte_size) == (1, len(data))


def test_converse_documents() -> None:
    """A PDF's bytes are counted, a text has no pages."""
    pdf = base64.b64encode(b"%PDF-1.4\n1 0 obj<</Type/Pages/Count 2/Kids[]>>endobj\n%%EOF").decode()
    documents = [
        {"document": {"format": "pdf", "name": "a", "source": {"bytes": pdf}}},
        {"document": {"format": "txt", "name": "b", "source": {"text": "hi"}}},
    ]
    first, second = request_of(converse(*documents)).documents
    assert (first.media_type, first.origin) == ("application/pdf", Origin.BASE64)
    assert second.pages == 0


def test_a_block_that_forgot_its_type_stays_a_messages_body() -> None:
    """One block with a type makes it the Messages API's: the other's missing type is its flaw."""
    request = request_of(body({"text": "hi"}, image_block()))
    assert request.dialect == "messages"
    assert "a content block has no type" in request.flaws[0].message


def test_chat_completions() -> None:
    """A data URI is base64 with its prefix in place: the prefix declares the type and is not counted."""
    request = request_of(chat({"type": "text", "text": "what?"}, part()))
    assert (request.dialect, request.platform) == ("openai-chat", None)
    (use,) = request.images
    assert (use.origin, use.source_type, use.declared) == (Origin.BASE64, "base64", "image/png")
    assert (use.base64_size, use.flaws, str(use.size)) == (len(PNG), (), "120x90")
    assert (use.location.pointer, use.location.dotted) == (
        "/messages/0/content/1/image_url",
        "messages.0.content.1",
    )
    assert isinstance(request.turns[0].blocks[0], Text)


def test_chat_images_that_are_urls_or_nothing() -> None:
    """A URL is a reference; the short form without an object is read; what is neither is a flaw."""
    short = {"type": "image_url", "image_url": URI}
    request = request_of(chat(part("https://example.com/a.png"), short, part("a.png"), part(None)))
    url, data, *others = request.images
    assert (url.origin, url.reference, url.source_type) == (Origin.URL, "https://example.com/a.png", None)
    assert data.size is not None
    assert [use.origin for use in others] == [Origin.UNKNOWN] * 2
    assert [flaw.location.dotted for flaw in request.flaws] == [
        "messages.0.content.2",
        "messages.0.content.3",
    ]


def test_chat_data_uri_that_is_wrong() -> None:
    """A prefix too many, another alphabet and an empty payload are flaws of the base64 text."""
    twice, letters, empty = request_of(
        chat(
            part(f"data:image/png;base64,{URI}"),
            part("data:image/png;base64,!!!!"),
            part("data:image/png;base64,"),
        )
    ).images
    assert "2 data-URI prefixes" in twice.flaws[0]
    assert (letters.repairable, letters.facts) == (False, None)
    assert (empty.base64_size, empty.flaws) == (0, ("is empty",))


def test_chat_tool_messages_are_tool_results() -> None:
    """What a tool answers is a user turn with a tool result, as gateways send it on."""
    call = {"role": "assistant", "content": None, "tool_calls": [{"id": "c1", "type": "function"}]}
    answer = {"role": "tool", "tool_call_id": "c1", "content": [part()]}
    request = request_of(
        {"model": "claude-opus-4-8", "messages": [{"role": "user", "content": "go"}, call, answer]}
    )
    assert request.dialect == "openai-chat"
    (use,) = request.images
    assert (use.role, use.inside, use.turn) == ("user", ("tool_result",), 2)
    assert use.location.dotted == "messages.2.content.0"
    assert request.flaws == ()


def test_chat_without_images_is_recognised_by_its_keys() -> None:
    """Text alone is Messages unless a key or a role is OpenAI's; blocks of Messages decide against OpenAI."""
    assert request_of(chat({"type": "text", "text": "hi"})).dialect == "messages"
    assert request_of(chat({"type": "text", "text": "hi"}, response_format={})).dialect == "openai-chat"
    assert request_of(body("hi", image_block(), seed=1)).dialect == "messages"


def test_responses() -> None:
    """Parts, tool outputs and screenshots of `input` are read with their own places."""
    request = request_of(
        {
            "model": "anthropic/claude-sonnet-4.6",
            "instructions": "be brief",
            "input": [
                {
                    "role": "user",
                    "content": [
                        {"type": "input_text", "text": "hi"},
                        {"type": "input_image", "image_url": URI},
                    ],
                },
                {"type": "function_call", "call_id": "c", "name": "f", "arguments": "{}"},
                {
                    "type": "function_call_output",
                    "call_id": "c",
                    "output": [{"type": "input_image", "image_url": URI}],
                },
                {
                    "type": "computer_call_output",
                    "call_id": "d",
                    "output": {"type": "computer_screenshot", "image_url": URI},
                },
            ],
        }
    )
    assert (request.dialect, request.model) == ("openai-responses", "anthropic/claude-sonnet-4.6")
    assert [use.location.pointer for use in request.images] == [
        "/input/0/content/1/image_url",
        "/input/2/output/0/image_url",
        "/input/3/output/image_url",
    ]
    assert [use.inside for use in request.images] == [(), ("tool_result",), ("tool_result",)]
    assert request.images[0].location.dotted == "input.0.content.1"
    assert [turn.role for turn in request.turns] == ["system", "user", "assistant", "user", "user"]


@pytest.mark.parametrize(
    "model", ["gpt-4o", "openai/gpt-5", "us.amazon.nova-pro-v1%3A0", "grok-4", "Qwen/Qwen2.5-VL"]
)
def test_unknown_vendors_model_is_read(model: str) -> None:
    """A request to any vendor's model is a request, whether or not its limits are known."""
    for whole in (
        chat(part(), model=model),
        converse(picture(), modelId=model),
        body(image_block(), model=model),
    ):
        (request,) = items_of(whole)
        assert isinstance(request, Request)
        assert request.model == model


@pytest.mark.parametrize(
    "model",
    [
        "claude-sonnet-4-6",
        "anthropic/claude-haiku-4.5",
        "databricks-claude-3-7-sonnet",
        "vertex_ai/claude-opus-4-5@20251101",
        "bedrock/our-profile",
        "sonnet",
    ],
)
def test_claude_behind_a_gateway_is_checked(model: str) -> None:
    """Any spelling of Claude is recognised, also an id that only implies the platform."""
    assert request_of(chat(part(), model=model)).model == model
    assert request_of(chat(part(), model=None)).model is None


@pytest.mark.parametrize("make", ["messages", "chat", "converse", "responses"])
def test_equal_images_share_a_digest_in_every_dialect(make: str) -> None:
    """Images of one length are hashed, equal or not; one that is alone is not."""
    datas = (LONG, LONG, OTHER, PNG)
    uris = [f"data:image/png;base64,{data}" for data in datas]
    whole: dict[str, Any] = {
        "messages": body(*(image_block(base64.b64decode(data)) for data in datas)),
        "chat": chat(*(part(uri) for uri in uris)),
        "converse": converse(*(picture(data) for data in datas)),
        "responses": {"input": [turn(*({"type": "input_image", "image_url": uri} for uri in uris))]},
    }[make]
    first, second, third, alone = (use.digest for use in request_of(whole).images)
    assert None not in (first, third)
    assert (first == second, first == third, alone) == (True, False, None)


def test_odd_values_never_raise() -> None:
    """Lists as roles, numbers as parts, nulls as content: read with flaws, or no request."""
    odd: list[Any] = [None, 5, "x", [], {}, [[]], {"role": []}, [{"type": []}], {"type": {}}]
    for value in odd:
        for whole in (
            {"messages": [{"role": "user", "content": value}], "model": "claude-opus-4-8"},
            {"messages": [{"role": value, "content": [part()]}]},
            {"messages": [turn({"type": "image_url", "image_url": value})]},
            {"messages": [turn({"image": value}, {"toolResult": value}, {"document": value})]},
            {"input": [{"role": value, "content": [{"type": "input_image", "image_url": value}]}]},
            {"input": [{"type": "function_call_output", "output": value}]},
            {"requests": [{"custom_id": value, "params": value}, {"custom_id": "a", "params": body("x")}]},
            {
                "type": "user",
                "uuid": value,
                "isSidechain": True,
                "message": {"role": value, "content": value},
            },
            {"type": "assistant", "sessionId": value, "message": {"model": value, "content": [value]}},
            {"model": value, "messages": [turn(text_block("hi"), part())]},
            {"modelId": value, "messages": [turn(picture())], "system": value},
        ):
            assert items_of(whole), whole


def test_interactions_of_gemini() -> None:
    """What a function returned, as contents or as JSON; the server holds earlier turns; malformed parts."""
    data = image_block()["source"]["data"]
    image = {"type": "image", "data": data, "mime_type": "image/png"}
    step = {
        "type": "function_result",
        "call_id": "c",
        "result": {"shot": f"data:image/png;base64,{data * 9}"},
    }
    shown = {"type": "function_result", "call_id": "c", "result": [image]}
    mine = {"type": "model_output", "content": [{"type": "text", "text": "ok"}]}
    later = {"previous_interaction_id": "i"}
    request = request_of({"model": "gemini-3.5-flash", "input": [step, shown, mine]} | later)
    assert (request.dialect, request.platform, request.history) == (
        "gemini-interactions",
        "gemini",
        "previous_interaction_id",
    )
    assert [turn.role for turn in request.turns] == ["user", "user", "assistant"]
    (use,) = request.images
    assert (use.location.pointer, use.inside, use.flaws) == ("/input/1/result/0", ("tool_result",), ())
    bad = [{"type": "user_input", "content": [{**image, "data": {"type": "Buffer", "data": [1]}}, 5]}, 7]
    flaws = request_of({"input": bad}).flaws
    assert [flaw.message for flaw in flaws] == [
        "data is an object, not base64 text",
        "a content is a number, not an object",
        "a step of the input is a number, not an object",
    ]
    assert "toString" in (flaws[0].help or "")


@pytest.mark.parametrize(
    "value",
    [
        {"input": [{"type": "image", "data": "aGk=", "mime_type": "image/png"}]},
        {"model": "gpt-5.5", "input": [{"type": "image", "data": "aGk=", "mime_type": "image/png"}]},
        {"model": "gemini-3.5-flash", "input": "hello"},
        {"model": "gemini-3.5-flash", "input": {"type": "image"}},
        {"input": [{"type": "function_call"}]},
        {"input": None},
        {"inputs": [{"role": "user", "content": "hello"}]},
        {"inputs": "hello"},
    ],
)
def test_what_is_no_interaction_and_no_conversation(value: Any) -> None:
    """Inputs of other programs, and those without anything to check."""
    assert all(item.dialect == "openai-responses" for item in requests_of(value))


def test_the_address_of_a_file_is_no_base64() -> None:
    """OpenRouter takes one in `file_data`, as a recording of it shows: the pages are on a server."""
    file = {"filename": "a.pdf", "file_data": "https://example.com/a.pdf"}
    content = [{"type": "file", "file": file}, {"type": "text", "text": "what is it?"}]
    (use,) = request_of({"model": "gpt-5", "messages": [{"role": "user", "content": content}]}).documents
    assert (use.origin, use.pages, use.uncounted) == (Origin.URL, None, None)
