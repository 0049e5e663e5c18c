"""The guard against real SDKs, on loopback: what is refused, fixed, sent, and what it costs.

    pip install -r tools/sdks/requirements.txt -e .
    python tools/sdks/guards.py [--measure] [--large] [NAME]...

Each case names the SDK, what was called, and what has to come of it. A case that fails is marked, and the
exit code is 1. NAME selects cases by a part of their name. `--measure` prints the CPU time that the guard
adds to a call with 20 MB of images, in the thread that calls; `--large` adds a body of 558 MB, which takes
4 GB of memory.
"""

import argparse
import asyncio
import base64
import gc
import inspect
import io
import json
import logging
import os
import sys
import threading
import time
import warnings
from collections.abc import Callable, Iterator
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NamedTuple

from PIL import Image

os.environ.setdefault("LITELLM_LOCAL_MODEL_COST_MAP", "True")
os.environ.setdefault("AWS_EC2_METADATA_DISABLED", "true")

import anthropic
import boto3
import httpx
import httpx2
import litellm
import openai
from google import genai
from google.genai import types

import imgbudget
from imgbudget.live.guard import RequestWarning
from imgbudget.live.inspection import InspectionTarget, Inspector
from imgbudget.live.watch import RequestWatch, target_of
from imgbudget.model.subjects import Severity

litellm.suppress_debug_info = True
logging.getLogger("asyncio").setLevel(
    logging.CRITICAL
)  # clients are not closed: each case has its event loop


class Seen(NamedTuple):
    """A request that arrived."""

    path: str
    headers: dict[str, str]
    body: bytes


SEEN: list[Seen] = []


class Loopback(BaseHTTPRequestHandler):
    """Keeps what arrives and refuses it, so that no SDK waits for more."""

    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        """Read the body and answer 400."""
        headers = {name.lower(): value for name, value in self.headers.items()}
        if "content-length" in headers:
            body = self.rfile.read(int(headers["content-length"]))
        else:
            body = b"".join(self._chunks())
        SEEN.append(Seen(self.path, headers, body))
        text = json.dumps(
            {"error": {"message": "loopback", "code": 400, "status": "INVALID_ARGUMENT"}}
        ).encode()
        self.send_response(400)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    do_PUT = do_GET = do_POST  # noqa: N815 - the server calls them

    def _chunks(self) -> Iterator[bytes]:
        while self.headers.get("transfer-encoding") and (size := int(self.rfile.readline(), 16)):
            yield self.rfile.read(size)
            self.rfile.readline()

    def log_message(self, *_: Any) -> None:
        """Keep quiet."""


server = ThreadingHTTPServer(("127.0.0.1", 0), Loopback)
URL = f"http://127.0.0.1:{server.server_port}"


def picture(size: tuple[int, int], form: str = "PNG", *, noise: bool = False) -> bytes:
    """An image as a file."""
    out = io.BytesIO()
    if noise:
        Image.frombytes("RGB", size, os.urandom(3 * size[0] * size[1])).save(out, form, compress_level=0)
    else:
        Image.new("RGB", size, (200, 10, 30)).save(out, form)
    return out.getvalue()


TIFF = [picture((64, 64), "TIFF")]
LARGE = [picture((2100, 300))] * 21
GOOD = [picture((600, 400))]
HUGE = [picture((8100, 40))]


def text_of(data: bytes) -> str:
    """Base64."""
    return base64.b64encode(data).decode()


def claude(images: list[bytes]) -> dict[str, Any]:
    """A body of the Messages API."""
    blocks = [
        {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": text_of(it)}}
        for it in images
    ]
    return {"model": "claude-sonnet-4-6", "max_tokens": 8, "messages": [{"role": "user", "content": blocks}]}


def chat(images: list[bytes], model: str = "gpt-5") -> dict[str, Any]:
    """A body of chat completions."""
    blocks = [
        {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{text_of(it)}"}} for it in images
    ]
    return {"model": model, "messages": [{"role": "user", "content": blocks}]}


def responses(images: list[bytes]) -> dict[str, Any]:
    """A body of the Responses API."""
    blocks = [{"type": "input_image", "image_url": f"data:image/png;base64,{text_of(it)}"} for it in images]
    return {"model": "gpt-5", "input": [{"role": "user", "content": blocks}]}


def gemini(images: list[bytes]) -> dict[str, Any]:
    """Arguments of generate_content."""
    parts: list[Any] = [types.Part.from_bytes(data=it, mime_type="image/png") for it in images]
    return {"model": "gemini-3-flash-preview", "contents": parts}


def converse(images: list[bytes]) -> dict[str, Any]:
    """Arguments of converse."""
    blocks = [{"image": {"format": "png", "source": {"bytes": it}}} for it in images]
    return {"modelId": "anthropic.claude-sonnet-4-6", "messages": [{"role": "user", "content": blocks}]}


def invoke(images: list[bytes]) -> dict[str, Any]:
    """Arguments of invoke_model."""
    body = claude(images) | {"anthropic_version": "bedrock-2023-05-31"}
    del body["model"]
    return {"modelId": "anthropic.claude-sonnet-4-6", "body": json.dumps(body)}


OPENAI = {"api_key": "x", "base_url": f"{URL}/v1", "max_retries": 2}
AZURE = {"api_key": "x", "azure_endpoint": URL, "api_version": "2026-01-01", "max_retries": 2}
CLAUDE: dict[str, Any] = {"api_key": "x", "base_url": URL, "max_retries": 2}
BEDROCK: dict[str, Any] = {
    "aws_region": "us-east-1",
    "aws_access_key": "x",
    "aws_secret_key": "y",
    "base_url": URL,
    "max_retries": 2,
}
VERTEX: dict[str, Any] = {
    "region": "us-east5",
    "project_id": "p",
    "access_token": "y",
    "base_url": URL,
    "max_retries": 2,
}


def google(**more: Any) -> genai.Client:
    """A client of google-genai."""
    return genai.Client(api_key="x", http_options=types.HttpOptions(base_url=URL, **more))


def google_httpx(**more: Any) -> genai.Client:
    """One whose async calls go through httpx."""
    return google(httpx_async_client=httpx2.AsyncClient(**more))


def google_pools() -> genai.Client:
    """One whose async calls go through a client of httpx for each event loop, as without aiohttp."""
    client = google()
    client._api_client._use_aiohttp = lambda: False  # noqa: SLF001 - it has no public name
    return client


def bedrock() -> Any:
    """A client of boto3."""
    keys = {"aws_access_key_id": "x", "aws_secret_access_key": "y"}
    return boto3.client("bedrock-runtime", region_name="us-east-1", endpoint_url=URL, **keys)


FEW, MANY = 20, 50
"""Images over 2000 px that a request may have, at least."""


class Way(NamedTuple):
    """A way to send images: the client, the call with it, the arguments, and the platform by its limits."""

    name: str
    client: Callable[[], Any]
    call: Callable[[Any, dict[str, Any]], Any]
    arguments: Callable[[list[bytes]], dict[str, Any]]
    most_large: int


def litellm_way(
    name: str, function: str, arguments: Callable[[list[bytes]], dict[str, Any]], **more: Any
) -> Way:
    """A function of litellm."""
    most = FEW if "anthropic" in more.get("model", "") else MANY
    return Way(
        f"litellm {function} {name}",
        lambda: getattr(litellm, function),
        lambda f, a: list(f(**(a | more))) if "stream" in more else f(**(a | more)),
        arguments,
        most,
    )


OPENAI_BY_LITELLM = {"model": "openai/gpt-5", "api_key": "x", "api_base": f"{URL}/v1", "max_retries": 1}
CLAUDE_BY_LITELLM: dict[str, Any] = {
    "model": "anthropic/claude-sonnet-4-6",
    "api_key": "x",
    "api_base": URL,
    "num_retries": 1,
}
GEMINI_BY_LITELLM = {
    "model": "gemini/gemini-3-flash-preview",
    "api_key": "x",
    "api_base": f"{URL}/v1beta/models/gemini-3-flash-preview",
}
CONVERSE_BY_LITELLM = {
    "model": "bedrock/converse/anthropic.claude-sonnet-4-6",
    "aws_access_key_id": "x",
    "aws_secret_access_key": "y",
    "aws_region_name": "us-east-1",
    "aws_bedrock_runtime_endpoint": URL,
}

WAYS = (
    Way("anthropic", lambda: anthropic.Anthropic(**CLAUDE), lambda c, a: c.messages.create(**a), claude, FEW),
    Way(
        "anthropic async",
        lambda: anthropic.AsyncAnthropic(**CLAUDE),
        lambda c, a: c.messages.create(**a),
        claude,
        FEW,
    ),
    Way(
        "anthropic aiohttp",
        lambda: anthropic.AsyncAnthropic(**CLAUDE, http_client=anthropic.DefaultAioHttpClient()),
        lambda c, a: c.messages.create(**a),
        claude,
        FEW,
    ),
    Way(
        "AnthropicBedrock",
        lambda: anthropic.AnthropicBedrock(**BEDROCK),
        lambda c, a: c.messages.create(**(a | {"model": "anthropic.claude-sonnet-4-6"})),
        claude,
        FEW,
    ),
    Way(
        "AnthropicVertex",
        lambda: anthropic.AnthropicVertex(**VERTEX),
        lambda c, a: c.messages.create(**a),
        claude,
        FEW,
    ),
    Way(
        "openai chat",
        lambda: openai.OpenAI(**OPENAI),
        lambda c, a: c.chat.completions.create(**a),
        chat,
        MANY,
    ),
    Way(
        "openai stream",
        lambda: openai.OpenAI(**OPENAI),
        lambda c, a: c.chat.completions.create(**a, stream=True),
        chat,
        MANY,
    ),
    Way(
        "openai raw",
        lambda: openai.OpenAI(**OPENAI),
        lambda c, a: c.chat.completions.with_raw_response.create(**a),
        chat,
        MANY,
    ),
    Way(
        "openai with_options",
        lambda: openai.OpenAI(**OPENAI),
        lambda c, a: c.with_options(timeout=9).chat.completions.create(**a),
        chat,
        MANY,
    ),
    Way(
        "openai copy, own client",
        lambda: openai.OpenAI(**OPENAI),
        lambda c, a: c.copy(http_client=httpx2.Client()).chat.completions.create(**a),
        chat,
        MANY,
    ),
    Way(
        "openai httpx 0.28",
        lambda: openai.OpenAI(**OPENAI, http_client=httpx.Client()),
        lambda c, a: c.chat.completions.create(**a),
        chat,
        MANY,
    ),
    Way(
        "openai responses",
        lambda: openai.OpenAI(**OPENAI),
        lambda c, a: c.responses.create(**a),
        responses,
        MANY,
    ),
    Way(
        "openai beta responses",
        lambda: openai.OpenAI(**OPENAI),
        lambda c, a: c.beta.responses.create(**a),
        responses,
        MANY,
    ),
    Way(
        "openai async",
        lambda: openai.AsyncOpenAI(**OPENAI),
        lambda c, a: c.chat.completions.create(**a),
        chat,
        MANY,
    ),
    Way(
        "openai async responses",
        lambda: openai.AsyncOpenAI(**OPENAI),
        lambda c, a: c.responses.create(**a),
        responses,
        MANY,
    ),
    Way(
        "openai azure",
        lambda: openai.AzureOpenAI(**AZURE),
        lambda c, a: c.chat.completions.create(**a),
        chat,
        MANY,
    ),
    Way(
        "openai azure async",
        lambda: openai.AsyncAzureOpenAI(**AZURE),
        lambda c, a: c.chat.completions.create(**a),
        chat,
        MANY,
    ),
    Way("google-genai", google, lambda c, a: c.models.generate_content(**a), gemini, MANY),
    Way(
        "google-genai chat",
        google,
        lambda c, a: c.chats.create(model=a["model"]).send_message(a["contents"]),
        gemini,
        MANY,
    ),
    Way(
        "google-genai stream", google, lambda c, a: list(c.models.generate_content_stream(**a)), gemini, MANY
    ),
    Way("google-genai aio aiohttp", google, lambda c, a: c.aio.models.generate_content(**a), gemini, MANY),
    Way(
        "google-genai aio httpx", google_httpx, lambda c, a: c.aio.models.generate_content(**a), gemini, MANY
    ),
    Way(
        "google-genai aio pools", google_pools, lambda c, a: c.aio.models.generate_content(**a), gemini, MANY
    ),
    Way("google-genai .aio", lambda: google().aio, lambda c, a: c.models.generate_content(**a), gemini, MANY),
    litellm_way("openai", "completion", chat, **OPENAI_BY_LITELLM),
    litellm_way("openai stream", "completion", chat, **OPENAI_BY_LITELLM, stream=True),
    litellm_way("anthropic", "completion", chat, **CLAUDE_BY_LITELLM),
    litellm_way("gemini", "completion", chat, **GEMINI_BY_LITELLM),
    litellm_way(
        "bedrock",
        "completion",
        chat,
        **CONVERSE_BY_LITELLM,
    ),
    litellm_way("openai", "acompletion", chat, **OPENAI_BY_LITELLM),
    litellm_way("anthropic", "acompletion", chat, **CLAUDE_BY_LITELLM),
    litellm_way("anthropic stream", "completion", chat, **CLAUDE_BY_LITELLM, stream=True),
    litellm_way("gemini stream", "completion", chat, **GEMINI_BY_LITELLM, stream=True),
    litellm_way("openai", "responses", responses, **OPENAI_BY_LITELLM),
    litellm_way("openai", "aresponses", responses, **OPENAI_BY_LITELLM),
    Way("boto3 converse", bedrock, lambda c, a: c.converse(**a), converse, FEW),
    Way("boto3 converse_stream", bedrock, lambda c, a: c.converse_stream(**a), converse, FEW),
    Way("boto3 invoke_model", bedrock, lambda c, a: c.invoke_model(**a), invoke, FEW),
)


class Outcome(NamedTuple):
    """What came of a call."""

    sent: int
    error: BaseException | None
    warned: list[str]

    @property
    def is_refused(self) -> bool:
        """Whether nothing was sent, and the error is the guard's."""
        return not self.sent and isinstance(self.error, imgbudget.GuardError)


def outcome(work: Callable[[], Any]) -> Outcome:
    """Call, and await what is awaitable."""
    SEEN.clear()
    error: BaseException | None = None
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            asyncio.run(_awaited(work)) if _is_async(work) else work()
        except Exception as raised:  # noqa: BLE001 - it is what is looked at
            error = raised
    warned = [str(it.message) for it in caught if it.category is RequestWarning]
    return Outcome(sum(bool(it.body) for it in SEEN), error, warned)


def _is_async(work: Callable[[], Any]) -> bool:
    return getattr(work, "is_async", False)


async def _awaited(work: Callable[[], Any]) -> None:
    made = work()
    if inspect.isawaitable(made):
        await made


class Work:
    """A call in one mode of the guard, in an event loop, which a sync call does not mind."""

    is_async = True

    def __init__(self, way: Way, images: list[bytes], mode: Any) -> None:
        self.way, self.images, self.mode = way, images, mode

    def __call__(self) -> Any:
        """Make the call."""
        client = self.way.client()
        guarded = imgbudget.guard(client, self.mode) if self.mode else client
        return self.way.call(guarded, self.way.arguments(self.images))


FAILED: list[str] = []


def expect(name: str, what: str, *, holds: bool, made: Outcome | None = None) -> None:
    """Print a case."""
    if not holds:
        FAILED.append(name)
    shown = ""
    if made is not None and made.error is not None and not holds:
        shown = (
            f" | {made.sent} sent, {type(made.error).__module__}.{type(made.error).__name__}: {made.error}"[
                :400
            ]
        )
    print(f"{'ok  ' if holds else 'FAIL'} {name}: {what}{shown}", flush=True)


def is_clean(seen: Seen) -> bool:
    """Whether the guard finds nothing in what arrived."""
    inspector = Inspector(imgbudget.RunOptions(isolated=True), Severity.ERROR)
    target = target_of(URL + seen.path) if seen.path else InspectionTarget()
    return inspector.findings(seen.body, target) == ()


def drive(way: Way) -> None:
    """All cases of a way to send."""
    made = outcome(Work(way, TIFF, "raise"))
    expect(way.name, "a TIFF is refused, though the client retries", holds=made.is_refused, made=made)
    made = outcome(Work(way, GOOD, None))
    plain, count = (SEEN[0].body if SEEN else b""), made.sent
    made = outcome(Work(way, GOOD, "raise"))
    same = bool(SEEN) and SEEN[0].body == plain and made.sent == count and not made.warned
    expect(way.name, "a valid request arrives as without the guard", holds=same, made=made)
    made = outcome(Work(way, LARGE, "raise"))
    if way.most_large < len(LARGE):
        expect(way.name, "21 images of 2100 px are refused", holds=made.is_refused, made=made)
    else:
        expect(way.name, "21 images of 2100 px are within its limits", holds=made.sent > 0, made=made)
    made = outcome(Work(way, TIFF + (LARGE if way.most_large < len(LARGE) else []), "fix"))
    signed = way.name in ("AnthropicBedrock", "litellm completion bedrock")
    if signed:
        holds = made.is_refused and "signed" in str(made.error)
        expect(way.name, "a signed body is not changed in mode fix", holds=holds, made=made)
    else:
        holds = made.sent > 0 and not made.warned and all(map(is_clean, SEEN))
        expect(way.name, "in mode fix it arrives converted and within its limits", holds=holds, made=made)
    made = outcome(Work(way, TIFF, "warn"))
    holds = made.sent > 0 and any("IB104" in text for text in made.warned)
    expect(way.name, "in mode warn it is sent, with a warning", holds=holds, made=made)


def over_limits() -> Iterator[tuple[str, Way, list[bytes]]]:
    """Bodies and images over a limit of their provider."""
    by_name = {way.name: way for way in WAYS}
    noise = picture((1500, 1500), noise=True)  # 6.8 MB
    yield "33 MB in a request of 32 MB", by_name["anthropic"], [noise] * 4
    yield "an image over 5 MB of base64", by_name["AnthropicBedrock"], [noise]
    yield "an image over 5 MB of base64", by_name["boto3 converse"], [noise]
    yield "an image over 20 MB", by_name["openai azure"], [picture((2700, 2700), noise=True)]
    yield "51 images in a request of 50", by_name["openai azure"], GOOD * 51
    yield "100 MB in a request of 100 MB", by_name["google-genai"], [noise] * 12
    yield "100 MB in a request of 100 MB", by_name["google-genai aio aiohttp"], [noise] * 12
    yield "33 MB in a request of 32 MB", by_name["litellm completion anthropic"], [noise] * 4
    if "--large" in sys.argv:
        yield "558 MB in a request of 512 MB", by_name["openai chat"], [noise] * 62


def drive_others() -> None:
    """What is not looked at leads to a warning, and what is not supported is refused."""
    upload = ("a.jsonl", b'{"custom_id": "1"}\n')
    for name, work in (
        (
            "openai files",
            lambda: imgbudget.guard(openai.OpenAI(**OPENAI)).files.create(file=upload, purpose="batch"),
        ),
        (
            "anthropic files",
            lambda: imgbudget.guard(anthropic.Anthropic(**CLAUDE)).beta.files.upload(file=upload),
        ),
        ("openai websocket", lambda: imgbudget.guard(openai.OpenAI(**OPENAI)).responses.connect().enter()),
        (
            "openai websocket of a copy",
            lambda: (
                imgbudget.guard(openai.OpenAI(**OPENAI))
                .with_options(timeout=3)
                .realtime.connect(model="x")
                .enter()
            ),
        ),
    ):
        made = outcome(work)
        holds = any(text.startswith("sent unchecked: ") for text in made.warned)
        expect(name, f"leads to a warning: {made.warned[:1]}", holds=holds, made=made)

    async def live() -> None:
        async with imgbudget.guard(google()).aio.live.connect(model="gemini-live"):
            pass

    live_work: Any = type("Live", (), {"is_async": True, "__call__": lambda _self: live()})()
    made = outcome(live_work)
    expect("google-genai live", f"leads to a warning: {made.warned[:1]}", holds=bool(made.warned), made=made)
    batch: Any = {"custom_id": "1", "params": claude(TIFF)}
    made = outcome(
        lambda: imgbudget.guard(anthropic.Anthropic(**CLAUDE)).messages.batches.create(requests=[batch])
    )
    expect("anthropic batch", "each request of it is checked", holds=made.is_refused, made=made)
    inlined = types.InlinedRequest(contents=[types.Content(role="user", parts=gemini(TIFF)["contents"])])
    client = imgbudget.guard(google())
    made = outcome(lambda: client.batches.create(model="gemini-3-flash-preview", src=[inlined]))
    expect("google-genai batch", "each request of it is checked", holds=made.is_refused, made=made)
    made = outcome(lambda: client.models.count_tokens(**gemini(TIFF)))
    expect("google-genai count_tokens", "is checked", holds=made.is_refused, made=made)
    for thing in (openai, boto3.client("s3", region_name="us-east-1"), litellm.embedding, litellm, object()):
        made = outcome(partial(imgbudget.guard, thing))
        text = str(made.error)
        expect(
            text,
            "is a usage error",
            holds=type(made.error).__name__ == "UsageError" and "guard accepts" in text,
        )
    made = outcome(lambda: imgbudget.guard(litellm.completion)(model="gpt-5", messages=[], mock_response="x"))
    expect(
        "litellm without a request",
        f"leads to a warning: {made.warned[:1]}",
        holds=bool(made.warned),
        made=made,
    )
    caught: list[Any] = []
    guarded = imgbudget.guard(litellm.completion)

    def in_thread() -> None:
        caught.append(outcome(lambda: guarded(**(chat(TIFF) | OPENAI_BY_LITELLM))))

    thread = threading.Thread(target=in_thread)
    thread.start()
    thread.join()
    expect("litellm in a thread", "a TIFF is refused", holds=caught[0].is_refused, made=caught[0])
    made = outcome(lambda: litellm.completion(**(chat(TIFF) | OPENAI_BY_LITELLM)))
    expect("litellm unguarded", "is left alone", holds=made.sent > 0, made=made)


SPENT = [0.0]
"""CPU seconds that the guard took in the call that is measured."""


def watch_the_guard() -> None:
    """Add up the time of its two steps: the difference of two calls is less than what calls differ by."""
    for name in ("reads", "due"):
        setattr(RequestWatch, name, _timed(getattr(RequestWatch, name)))


def _timed(step: Callable[..., Any]) -> Any:
    def timed(*args: Any) -> Any:
        begun = time.thread_time()
        made = step(*args)
        SPENT[0] += time.thread_time() - begun
        return made

    return timed


def seconds(client: Any, way: Way, arguments: dict[str, Any]) -> float:
    """CPU seconds of the calling thread in one call."""
    gc.collect()
    SEEN.clear()
    SPENT[0] = 0.0
    begun = time.thread_time()
    try:
        way.call(client, arguments)
    except Exception as error:
        if isinstance(error, imgbudget.GuardError):
            raise
    return time.thread_time() - begun


def measure(runs: int = 5) -> None:
    """What the guard adds to a call with 20 MB of images."""
    watch_the_guard()
    noise = [picture((1140, 1140), noise=True) for _ in range(4)]
    for name in (
        "anthropic",
        "AnthropicVertex",
        "openai chat",
        "openai responses",
        "openai azure",
        "google-genai",
        "litellm completion openai",
        "litellm completion anthropic",
        "boto3 converse",
    ):
        way = next(it for it in WAYS if it.name == name)
        images = (
            [picture((1000, 1000), noise=True) for _ in range(4)]
            if "boto3" in name or "Vertex" in name
            else noise
        )
        arguments = way.arguments(images)
        plain, checked = way.client(), imgbudget.guard(way.client())
        without, guarding = [], []
        for _ in range(runs):
            without.append(seconds(plain, way, arguments))
            seconds(checked, way, arguments)
            guarding.append(SPENT[0])
        added = min(guarding)
        size = len(SEEN[-1].body) / 1e6
        print(
            f"{name}: {size:.1f} MB, {min(without) * 1e3:.1f} ms without, guard adds {added * 1e3:.1f} ms, "
            f"{added / min(without):.1%}",
            flush=True,
        )


def main() -> None:
    """Drive all ways; exit 1 if a case fails."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*")
    parser.add_argument("--measure", action="store_true")
    parser.add_argument("--large", action="store_true")
    options = parser.parse_args()
    threading.Thread(target=server.serve_forever, daemon=True).start()
    if options.measure:
        measure()
        return
    for way in WAYS:
        if not options.names or any(name in way.name for name in options.names):
            drive(way)
    if not options.names:
        for what, way, images in over_limits():
            made = outcome(Work(way, images, "raise"))
            expect(way.name, f"{what} is refused", holds=made.is_refused, made=made)
        drive_others()
    print(f"{len(FAILED)} failed")
    raise SystemExit(bool(FAILED))


if __name__ == "__main__":
    main()
