"""Calls of the SDKs for Python, each in the ways that its documentation shows."""

import io
from collections.abc import Callable, Iterator
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from record import Lab

CLAUDE, GPT, GEMINI, MISTRAL = "claude-opus-5-5", "gpt-5.6-sol", "gemini-3.5-flash", "mistral-medium-3.5"
BEDROCK, NOVA = "us.anthropic.claude-opus-5-5", "us.amazon.nova-2-lite-v1:0"
WEB = "https://example.com/a.png"
ASK = "What is it?"
SEVERAL = ("small.png", "photo.jpg", "wide.webp", "icon.gif")
GEMINI_TAKES = SEVERAL[:3]  # it takes no GIF
SCHEMA = {"type": "object", "properties": {}, "required": []}


def text(words: str = ASK) -> dict[str, Any]:
    """A text block of the Messages API, or a part of chat completions."""
    return {"type": "text", "text": words}


def installed(*names: str) -> dict[str, str]:
    """The versions of distributions."""
    return {name: version(name) for name in names}


def claude_image(lab: "Lab", name: str) -> dict[str, Any]:
    """An image block of the Messages API."""
    source = {"type": "base64", "media_type": lab.media_type(name), "data": lab.base64(name)}
    return {"type": "image", "source": source}


def claude_tool_turns(result: list[Any]) -> list[Any]:
    """The turns of the Messages API around the result of a tool."""
    call = {"type": "tool_use", "id": "toolu_1", "name": "shot", "input": {}}
    return [
        {"role": "user", "content": "Take a screenshot."},
        {"role": "assistant", "content": [call]},
        {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "toolu_1", "content": result}]},
    ]


def anthropic(lab: "Lab") -> dict[str, str]:
    """The Messages API, its count of tokens and its batches, and the client for Bedrock."""
    from anthropic import Anthropic, AnthropicBedrock, AnthropicVertex

    client: Any = Anthropic(api_key="x", base_url=lab.url, max_retries=0)

    def send(name: str, content: Any, **more: Any) -> None:
        with lab.call(name):
            turns = {"messages": [{"role": "user", "content": content}]} | more
            client.messages.create(model=CLAUDE, max_tokens=100, **turns)

    send("one image", [claude_image(lab, "small.png"), text()])
    labelled = [
        block for i, name in enumerate(SEVERAL, 1) for block in (text(f"Image {i}:"), claude_image(lab, name))
    ]
    send("several images", [*labelled, text()])
    system = [{"type": "text", "text": "Be short.", "cache_control": {"type": "ephemeral"}}]
    send("system prompt", [claude_image(lab, "photo.jpg"), text()], system=system)
    tools = [{"name": "shot", "input_schema": SCHEMA}]
    result = [text("a screenshot"), claude_image(lab, "wide.webp")]
    send("image in a tool result", "", messages=claude_tool_turns(result), tools=tools)
    pdf = {
        "type": "document",
        "source": {"type": "base64", "media_type": "application/pdf", "data": lab.base64("page.pdf")},
    }
    inner = {"type": "content", "content": [text("page 1"), claude_image(lab, "small.png")]}
    send("documents", [pdf, {"type": "document", "source": inner}, text()])
    send("url image", [{"type": "image", "source": {"type": "url", "url": WEB}}, text()])
    for name, data in (
        ("path as data", lab.folder / "wide.webp"),
        ("open file as data", io.BytesIO(lab.files["photo.jpg"])),
    ):
        media = "image/webp" if isinstance(data, Path) else "image/jpeg"
        source = {"type": "base64", "media_type": media, "data": data}
        send(name, [{"type": "image", "source": source}, text()])
    source = {"type": "base64", "media_type": "image/png", "data": "images/small.png"}
    send("name of a file as data", [{"type": "image", "source": source}, text()])
    with lab.call("file of the Files API"):
        block = {"type": "image", "source": {"type": "file", "file_id": "file_1"}}
        turns = [{"role": "user", "content": [block, text()]}]
        client.beta.messages.create(
            model=CLAUDE, max_tokens=100, messages=turns, betas=["files-api-2025-04-14"]
        )
    turns = [{"role": "user", "content": [claude_image(lab, "small.png"), text()]}]
    with lab.call("count of tokens"):
        client.messages.count_tokens(model=CLAUDE, messages=turns)
    with lab.call("batch"):
        params = {"model": CLAUDE, "max_tokens": 100, "messages": turns}
        client.messages.batches.create(requests=[{"custom_id": "a", "params": params}])
    bedrock: Any = AnthropicBedrock(
        aws_access_key="x", aws_secret_key="x", aws_region="us-east-1", base_url=lab.url, max_retries=0
    )
    with lab.call("Bedrock"):
        bedrock.messages.create(model=BEDROCK, max_tokens=100, messages=turns)
    google: Any = AnthropicVertex(
        region="us-east5", project_id="p", access_token="x", base_url=lab.url, max_retries=0
    )
    for stream in False, True:
        with lab.call(f"Google Cloud{', streamed' if stream else ''}"):
            google.messages.create(
                model=CLAUDE, max_tokens=100, messages=turns, **({"stream": True} if stream else {})
            )
    return installed("anthropic")


def chat_image(lab: "Lab", name: str, **more: Any) -> dict[str, Any]:
    """An image part of chat completions."""
    return {"type": "image_url", "image_url": {"url": lab.uri(name)} | more}


def chat_call(name: str = "shot") -> dict[str, Any]:
    """A turn of chat completions that calls a tool."""
    call = {"id": "call_1", "type": "function", "function": {"name": name, "arguments": "{}"}}
    return {"role": "assistant", "content": None, "tool_calls": [call]}


def chat_tools() -> list[Any]:
    """The tools of chat completions."""
    return [{"type": "function", "function": {"name": "shot", "parameters": SCHEMA}}]


def openai(lab: "Lab") -> dict[str, str]:
    """Chat completions and the Responses API."""
    from openai import OpenAI

    client: Any = OpenAI(api_key="x", base_url=f"{lab.url}/v1", max_retries=0)

    def chat(name: str, *messages: Any, **more: Any) -> None:
        with lab.call(name):
            client.chat.completions.create(model=GPT, messages=list(messages), **more)

    def user(*parts: Any) -> dict[str, Any]:
        return {"role": "user", "content": list(parts)}

    chat("chat: one image", user(text(), chat_image(lab, "small.png")))
    chat("chat: several images", user(text(), *(chat_image(lab, name, detail="low") for name in SEVERAL)))
    system = {"role": "developer", "content": "Be short."}
    chat("chat: system prompt", system, user(chat_image(lab, "photo.jpg", detail="high"), text()))
    answer = {"role": "tool", "tool_call_id": "call_1", "content": "a screenshot follows"}
    turns = (user(text()), chat_call(), answer, user(chat_image(lab, "wide.webp")))
    chat("chat: image after a tool", *turns, tools=chat_tools())
    pdf = {"type": "file", "file": {"filename": "page.pdf", "file_data": lab.uri("page.pdf")}}
    chat("chat: document", user(pdf, text()))
    chat("chat: url image", user({"type": "image_url", "image_url": {"url": WEB}}, text()))

    def respond(name: str, *items: Any, **more: Any) -> None:
        with lab.call(name):
            client.responses.create(model=GPT, input=list(items), **more)

    def image(name: str, **more: Any) -> dict[str, Any]:
        return {"type": "input_image", "image_url": lab.uri(name)} | more

    ask = {"type": "input_text", "text": ASK}
    respond("responses: one image", user(ask, image("small.png")), instructions="Be short.")
    respond("responses: several images", user(ask, *(image(name, detail="original") for name in SEVERAL)))
    call = {"type": "function_call", "call_id": "call_1", "name": "shot", "arguments": "{}"}
    output = [{"type": "input_text", "text": "a screenshot"}, image("wide.webp")]
    result = {"type": "function_call_output", "call_id": "call_1", "output": output}
    respond("responses: image in a tool result", user(ask), call, result)
    action = {"type": "screenshot"}
    click: dict[str, Any] = {
        "type": "computer_call",
        "id": "cu_1",
        "call_id": "call_2",
        "status": "completed",
    }
    click |= {"pending_safety_checks": [], "action": action}
    shot = {"type": "computer_screenshot", "image_url": lab.uri("wide.webp")}
    after = {"type": "computer_call_output", "call_id": "call_2", "output": shot}
    respond("responses: screenshot", user(ask), click, after)
    file = {"type": "input_file", "filename": "page.pdf", "file_data": lab.uri("page.pdf")}
    respond("responses: document", user(file, ask))
    respond("responses: url image", user({"type": "input_image", "image_url": WEB}, ask))
    respond("responses: file id", user({"type": "input_image", "file_id": "file_1"}, ask))
    return installed("openai")


def google_genai(lab: "Lab") -> dict[str, str]:
    """Gemini's API, and the same through Vertex AI."""
    from google import genai
    from google.genai import types
    from PIL import Image

    options = types.HttpOptions(base_url=lab.url)
    client: Any = genai.Client(api_key="x", http_options=options)

    def part(name: str) -> Any:
        return types.Part.from_bytes(data=lab.files[name], mime_type=lab.media_type(name))

    def send(name: str, contents: Any, owner: Any = client, **config: Any) -> None:
        with lab.call(name):
            made = types.GenerateContentConfig(**config) if config else None
            owner.models.generate_content(model=GEMINI, contents=contents, config=made)

    send("one image", [part("noise.png"), ASK])
    send("several images", [ASK, *(part(name) for name in GEMINI_TAKES)])
    level = types.MediaResolution.MEDIA_RESOLUTION_LOW
    send("system prompt", [part("photo.jpg"), ASK], system_instruction="Be short.", media_resolution=level)
    call = types.Part(function_call=types.FunctionCall(id="c1", name="shot", args={}))
    blob = types.FunctionResponseBlob(mime_type="image/png", data=lab.files["noise.png"])
    answer = types.FunctionResponse(
        id="c1",
        name="shot",
        response={"result": "a screenshot"},
        parts=[types.FunctionResponsePart(inline_data=blob)],
    )
    turns = [
        types.Content(role="user", parts=[types.Part(text=ASK)]),
        types.Content(role="model", parts=[call]),
        types.Content(role="user", parts=[types.Part(function_response=answer)]),
    ]
    send("image in a tool result", turns)
    send("document", [part("page.pdf"), ASK])
    send("url image", [types.Part.from_uri(file_uri=WEB, mime_type="image/png"), ASK])
    own = types.Part(inline_data=types.Blob(data=lab.files["small.png"], mime_type="image/png"))
    own.media_resolution = types.PartMediaResolution(level="MEDIA_RESOLUTION_HIGH")
    send("resolution of a part", [own, ASK])
    send("Pillow image", [Image.open(lab.folder / "photo.jpg"), ASK])
    twice = types.Part.from_bytes(data=lab.base64("wide.webp").encode(), mime_type="image/webp")
    send("base64 in place of bytes", [twice, ASK])
    send("new Pillow image", [Image.new("RGB", (20, 10), "red"), ASK])
    send(
        "dictionaries",
        {"parts": [{"inline_data": {"mime_type": "image/png", "data": lab.files["small.png"]}}]},
    )
    with lab.call("count of tokens"):
        client.models.count_tokens(model=GEMINI, contents=[part("small.png"), ASK])
    image = {"type": "image", "data": lab.base64("small.png"), "mime_type": "image/png", "resolution": "low"}
    pdf = {"type": "document", "data": lab.base64("page.pdf"), "mime_type": "application/pdf"}
    web = {"type": "image", "uri": WEB, "mime_type": "image/png"}
    named = [text("Image 1:"), {"type": "image", "data": lab.folder / "photo.jpg", "mime_type": "image/jpeg"}]
    asked = {"type": "user_input", "content": [text()]}
    called = {"type": "function_call", "id": "c1", "name": "shot", "arguments": {}}
    shown = {"type": "function_result", "call_id": "c1", "name": "shot", "result": [text("a shot"), image]}
    for name, given in (
        ("one image", [text(), image]),
        ("one content", image),
        ("path as data", [*named, text()]),
        ("document", [pdf, text()]),
        ("url image", [web, text()]),
        ("image in a tool result", [asked, called, shown]),
    ):
        with lab.call(f"interaction: {name}"):
            client.interactions.create(model=GEMINI, input=given, system_instruction="Be short.")
    vertex = genai.Client(vertexai=True, api_key="x", http_options=options)
    send("Vertex AI", [part("small.png"), ASK], vertex)
    return installed("google-genai")


def boto3(lab: "Lab") -> dict[str, str]:
    """Bedrock: Converse, InvokeModel and CountTokens."""
    import json

    import boto3 as sdk

    keys = {"aws_access_key_id": "x", "aws_secret_access_key": "x"}
    client: Any = sdk.client("bedrock-runtime", region_name="us-east-1", endpoint_url=lab.url, **keys)

    def image(name: str) -> dict[str, Any]:
        form = {"jpg": "jpeg"}.get(name.rpartition(".")[2], name.rpartition(".")[2])
        return {"image": {"format": form, "source": {"bytes": lab.files[name]}}}

    def converse(name: str, content: list[Any], model: str = BEDROCK, **more: Any) -> None:
        with lab.call(name):
            client.converse(modelId=model, **({"messages": [{"role": "user", "content": content}]} | more))

    ask = {"text": ASK}
    converse("converse: one image", [image("small.png"), ask])
    converse("converse: several images", [*(image(name) for name in SEVERAL), ask], NOVA)
    converse("converse: system prompt", [image("photo.jpg"), ask], system=[{"text": "Be short."}])
    call = {"toolUse": {"toolUseId": "t1", "name": "shot", "input": {}}}
    result = {"toolUseId": "t1", "content": [{"text": "a screenshot"}, image("wide.webp")]}
    turns = [
        {"role": "user", "content": [ask]},
        {"role": "assistant", "content": [call]},
        {"role": "user", "content": [{"toolResult": result}]},
    ]
    tools = {"tools": [{"toolSpec": {"name": "shot", "inputSchema": {"json": SCHEMA}}}]}
    converse("converse: image in a tool result", [], messages=turns, toolConfig=tools)
    pdf = {"format": "pdf", "name": "page", "source": {"bytes": lab.files["page.pdf"]}}
    converse("converse: document", [{"document": pdf}, ask])
    twice = {"image": {"format": "webp", "source": {"bytes": lab.base64("wide.webp")}}}
    converse("converse: base64 in place of bytes", [twice, ask])
    stored = {"image": {"format": "png", "source": {"s3Location": {"uri": "s3://bucket/a.png"}}}}
    converse("converse: image in a store", [stored, ask], NOVA)

    def invoke(name: str, model: str, body: dict[str, Any]) -> None:
        with lab.call(name):
            client.invoke_model(modelId=model, body=json.dumps(body))

    content = [claude_image(lab, "noise.png"), text()]
    claude = {"anthropic_version": "bedrock-2023-05-31", "max_tokens": 100}
    claude["messages"] = [{"role": "user", "content": content}]
    invoke("invoke: Claude", BEDROCK, claude)
    turn = {"role": "user", "content": [_as_text(image("wide.webp"), lab, "wide.webp"), ask]}
    invoke("invoke: Nova", NOVA, {"schemaVersion": "messages-v1", "messages": [turn]})
    with lab.call("count: converse"):
        turns = [{"role": "user", "content": [image("small.png"), ask]}]
        client.count_tokens(modelId=BEDROCK, input={"converse": {"messages": turns}})
    with lab.call("count: invoke"):
        client.count_tokens(modelId=BEDROCK, input={"invokeModel": {"body": json.dumps(claude)}})
    return installed("boto3", "botocore")


def _as_text(block: dict[str, Any], lab: "Lab", name: str) -> dict[str, Any]:
    """The block as InvokeModel takes it: its bytes in base64."""
    return {"image": block["image"] | {"source": {"bytes": lab.base64(name)}}}


def mistralai(lab: "Lab") -> dict[str, str]:
    """Mistral's chat completions, conversations and OCR."""
    from mistralai.client import Mistral

    client: Any = Mistral(api_key="x", server_url=lab.url)

    def chat(name: str, *messages: Any, **more: Any) -> None:
        with lab.call(name):
            client.chat.complete(model=MISTRAL, messages=list(messages), **more)

    def user(*parts: Any) -> dict[str, Any]:
        return {"role": "user", "content": list(parts)}

    def plain(name: str) -> dict[str, Any]:
        return {"type": "image_url", "image_url": lab.uri(name)}

    chat("one image", user(text(), plain("small.png")))
    chat("several images", user(text(), *(chat_image(lab, name) for name in SEVERAL)))
    chat("system prompt", {"role": "system", "content": "Be short."}, user(plain("photo.jpg"), text()))
    answer = {"role": "tool", "tool_call_id": "call_1", "name": "shot", "content": [plain("wide.webp")]}
    chat("image in a tool result", user(text()), chat_call(), answer, tools=chat_tools())
    chat("document", user({"type": "document_url", "document_url": lab.uri("page.pdf")}, text()))
    chat("url image", user({"type": "image_url", "image_url": WEB}, text()))
    with lab.call("conversation"):
        client.beta.conversations.start(model=MISTRAL, inputs=[user(text(), plain("small.png"))])
    shown = f"the screenshot: {lab.uri('noise.png')}"
    result = {"type": "function.result", "tool_call_id": "call_1", "result": shown}
    with lab.call("conversation: image in a result"):
        client.beta.conversations.start(model=MISTRAL, inputs=[result])
    with lab.call("OCR"):
        client.ocr.process(model="mistral-ocr-latest", document=plain("wide.webp"))
    return installed("mistralai")


def litellm(lab: "Lab") -> dict[str, str]:
    """Bodies of chat completions that are converted for Anthropic, OpenAI and Gemini."""
    import os

    os.environ["LITELLM_LOCAL_MODEL_COST_MAP"] = "True"  # else it asks for a newer one at import
    import litellm as sdk

    sdk.suppress_debug_info = True
    for target, model, path in (
        ("anthropic", CLAUDE, ""),
        ("openai", GPT, "/v1"),
        ("gemini", GEMINI, "/v1beta"),
        ("gemini 2.5", "gemini-2.5-flash", "/v1beta"),
    ):
        own: dict[str, Any] = {"model": f"{target.partition(' ')[0]}/{model}", "api_base": f"{lab.url}{path}"}
        own |= {"api_key": "x", "max_tokens": 100, "num_retries": 0}
        for name, messages in _chats(lab, gemini=path == "/v1beta"):
            with lab.call(f"{target}: {name}"):
                tools = {"tools": chat_tools()} if "tool" in name else {}
                sdk.completion(messages=messages, **own, **tools)
    return installed("litellm")


def _chats(lab: "Lab", *, gemini: bool) -> Iterator[tuple[str, list[Any]]]:
    """Messages of chat completions with their names."""
    yield "one image", [_user(text(), chat_image(lab, "small.png"))]
    names = zip(GEMINI_TAKES if gemini else SEVERAL, ("low", "high", "auto", "low"), strict=False)
    yield "several images", [_user(text(), *(chat_image(lab, name, detail=detail) for name, detail in names))]
    system = {"role": "system", "content": "Be short."}
    yield "system prompt", [system, _user(text(), chat_image(lab, "photo.jpg"))]
    content = [text("a shot"), chat_image(lab, "wide.webp")]
    result = {"role": "tool", "tool_call_id": "call_1", "content": content}
    yield "image in a tool result", [_user(text()), chat_call(), result]
    file = {"file_data": lab.uri("page.pdf"), "format": "application/pdf"}
    yield "document", [_user({"type": "file", "file": file}, text())]
    if not gemini:  # for which it fetches the image first
        yield "url image", [_user({"type": "image_url", "image_url": {"url": WEB}}, text())]


def _user(*parts: Any) -> dict[str, Any]:
    """A turn of the user."""
    return {"role": "user", "content": list(parts)}


def langchain(lab: "Lab") -> dict[str, str]:
    """The four integrations, with LangChain's own blocks."""
    from langchain_anthropic import ChatAnthropic
    from langchain_aws import ChatBedrockConverse
    from langchain_core.messages import AIMessage, HumanMessage, SystemMessage, ToolMessage
    from langchain_google_genai import ChatGoogleGenerativeAI
    from langchain_openai import ChatOpenAI

    keys: Any = {"aws_access_key_id": "x", "aws_secret_access_key": "x", "region_name": "us-east-1"}
    own: Any = {"api_key": "x", "max_retries": 0}
    models: dict[str, Any] = {
        "anthropic": ChatAnthropic(model=CLAUDE, base_url=lab.url, **own),
        "openai": ChatOpenAI(model=GPT, base_url=f"{lab.url}/v1", use_responses_api=False, **own),
        "openai responses": ChatOpenAI(model=GPT, base_url=f"{lab.url}/v1", use_responses_api=True, **own),
        "google-genai": ChatGoogleGenerativeAI(model=GEMINI, base_url=lab.url, api_key="x", max_retries=1),
        "aws": ChatBedrockConverse(model=BEDROCK, provider="anthropic", endpoint_url=lab.url, **keys),
    }
    call = AIMessage(content="", tool_calls=[{"name": "shot", "args": {}, "id": "call_1"}])
    result = ToolMessage(content=[text("a shot"), _standard(lab, "wide.webp")], tool_call_id="call_1")
    tool = {"name": "shot", "description": "a screenshot", "parameters": SCHEMA}
    pdf = _standard(lab, "page.pdf") | {"type": "file", "filename": "page.pdf"}
    for target, model in models.items():
        names = GEMINI_TAKES if target == "google-genai" else SEVERAL
        calls: dict[str, list[Any]] = {
            "one image": [HumanMessage([text(), _standard(lab, "small.png")])],
            "several images": [HumanMessage([text(), *(_standard(lab, name) for name in names)])],
            "image_url part": [HumanMessage([text(), chat_image(lab, "small.png")])],
            "system prompt": [
                SystemMessage("Be short."),
                HumanMessage([text(), _standard(lab, "photo.jpg")]),
            ],
            "image in a tool result": [HumanMessage([text()]), call, result],
            "document": [HumanMessage([pdf, text()])],
        }
        if target in ("anthropic", "openai", "openai responses"):  # others fetch it, or refuse it
            calls["url image"] = [HumanMessage([{"type": "image", "url": WEB}, text()])]
        if target == "aws":
            calls["tool result without tools"] = calls["image in a tool result"]
        for name, messages in calls.items():
            with lab.call(f"{target}: {name}"):
                (model.bind_tools([tool]) if "in a tool" in name else model).invoke(messages)
    return installed(
        *(f"langchain-{name}" for name in ("anthropic", "openai", "google-genai", "aws", "core"))
    )


def _standard(lab: "Lab", name: str) -> dict[str, Any]:
    """A file as a content block of LangChain."""
    return {"type": "image", "base64": lab.base64(name), "mime_type": lab.media_type(name)}


def ollama(lab: "Lab") -> dict[str, str]:
    """Chat and generate, with images by path, as bytes and as base64."""
    from ollama import Client

    client: Any = Client(host=lab.url)
    paths = [str(lab.folder / name) for name in SEVERAL[:2]]
    for name, images in (
        ("paths", paths),
        ("bytes", [lab.files["wide.webp"]]),
        ("base64", [lab.base64("small.png")]),
    ):
        with lab.call(f"chat: {name}"):
            client.chat(model="qwen3-vl:8b", messages=[{"role": "user", "content": ASK, "images": images}])
    with lab.call("generate"):
        client.generate(model="qwen3-vl:8b", prompt=ASK, images=paths)
    return installed("ollama")


def pydantic_ai(lab: "Lab") -> dict[str, str]:
    """Binary content for Claude, whose media type is passed on whatever it is."""
    from pydantic_ai import Agent, BinaryContent
    from pydantic_ai.models.anthropic import AnthropicModel
    from pydantic_ai.providers.anthropic import AnthropicProvider

    provider = AnthropicProvider(api_key="x", base_url=lab.url)
    agent = Agent(AnthropicModel(CLAUDE, provider=provider), system_prompt="Be short.")
    for call, name, media in (
        ("one image", "photo.jpg", "image/jpeg"),
        ("bitmap", "icon.bmp", "image/bmp"),
        ("document", "page.pdf", "application/pdf"),
    ):
        with lab.call(call):
            agent.run_sync([ASK, BinaryContent(lab.files[name], media_type=media)])
    return installed("pydantic-ai-slim")


PYTHON: dict[str, Callable[["Lab"], dict[str, str]]] = {
    "anthropic-python": anthropic,
    "openai-python": openai,
    "google-genai-python": google_genai,
    "boto3": boto3,
    "mistralai": mistralai,
    "litellm": litellm,
    "langchain": langchain,
    "ollama": ollama,
    "pydantic-ai": pydantic_ai,
}
