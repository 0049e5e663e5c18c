"""The guard of clients of several SDKs: which are guarded, and where each of their requests is checked.

The SDKs that are not among the needs of the tests have stand-ins here, with the parts that the guard uses;
`tools/sdks/guards.py` drives the real ones.
"""

import asyncio
import json
import pickle
import sys
import threading
import warnings
from collections.abc import Awaitable, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from types import ModuleType, SimpleNamespace
from typing import Any

import anthropic
import httpx2
import pytest

import imgbudget
from imgbudget.errors import GuardError, UsageError
from imgbudget.live.guard import RequestWarning
from tests.builders import body, image_block, image_bytes
from tests.liveapi import Api, many_image_refusal, sizes

Json = dict[str, Any]
TOO_LARGE = image_bytes((8001, 30))


def wrong() -> Json:
    """A body that Anthropic's API rejects: an image over 8000 px."""
    return body(image_block(TOO_LARGE))


def chat(data: str, model: str = "gpt-5") -> Json:
    """A body of chat completions with one image."""
    return {
        "model": model,
        "messages": [
            {
                "role": "user",
                "content": [{"type": "image_url", "image_url": {"url": f"data:image/png;base64,{data}"}}],
            }
        ],
    }


def encoded(size: tuple[int, int] = (64, 64), form: str = "TIFF") -> str:
    """An image as base64."""
    data: str = image_block(image_bytes(size, form))["source"]["data"]
    return data


@pytest.mark.parametrize(
    ("url", "sent", "limit"),
    [
        ("https://api.openai.com/v1/chat/completions", chat(encoded()), "openai accepts only"),
        (
            "https://x.openai.azure.com/openai/deployments/eyes/chat/completions",
            chat(encoded()),
            "azure-openai accepts",
        ),
        ("https://api.x.ai/v1/chat/completions", chat(encoded(form="GIF"), "grok-4"), "xai accepts only"),
        (
            "https://generativelanguage.googleapis.com/v1beta/models/gemini-3-flash-preview:generateContent",
            {
                "contents": [
                    {"parts": [{"inlineData": {"mimeType": "image/png", "data": encoded(form="GIF")}}]}
                ]
            },
            "gemini accepts only",
        ),
        (
            "https://bedrock-runtime.us-east-1.amazonaws.com/model/anthropic.claude-sonnet-4-6/converse",
            {
                "messages": [
                    {
                        "role": "user",
                        "content": [{"image": {"format": "png", "source": {"bytes": encoded()}}}],
                    }
                ]
            },
            "bedrock accepts only",
        ),
    ],
    ids=["openai", "azure", "xai", "gemini", "bedrock"],
)
def test_each_provider_has_its_limits(url: str, sent: Json, limit: str) -> None:
    """The address shows the platform, and the body the dialect."""
    arrived: list[bytes] = []

    def answer(request: httpx2.Request) -> httpx2.Response:
        arrived.append(request.read())
        return httpx2.Response(200, json={})

    with imgbudget.guard(httpx2.Client(transport=httpx2.MockTransport(answer))) as client:
        with pytest.raises(GuardError, match=limit):
            client.post(url, json=sent)
        assert arrived == []
        imgbudget.guard(client, "fix")
        client.post(url, json=sent)
        imgbudget.guard(client)
        client.post(url, content=arrived[0], headers={"content-type": "application/json"})
    assert arrived[0] == arrived[1] != json.dumps(sent).encode()


def test_a_deployment_named_after_a_model_is_that_model() -> None:
    """Azure: the body need not name the model, which is in the path."""
    many = chat(encoded((32, 32), "PNG"))
    del many["model"]
    many["messages"][0]["content"] *= 51
    transport = imgbudget.guard_transport(httpx2.MockTransport(lambda _: httpx2.Response(200)))
    url = "https://x.openai.azure.com/openai/deployments/gpt-5/chat/completions"
    with httpx2.Client(transport=transport) as client, pytest.raises(GuardError, match="azure-openai"):
        client.post(url, json=many)


class Shouting(anthropic.Anthropic):
    """A client of a user, who changed it."""

    def copy(self, **options: Any) -> Any:
        """As it is."""
        return super().copy(**options)

    with_options = copy


@pytest.mark.parametrize("kind", [anthropic.Anthropic, Shouting])
def test_copies_with_another_http_client_are_guarded(api: Api, kind: type[anthropic.Anthropic]) -> None:
    """Also copies of copies, and of a subclass; those of a client that is not guarded are left alone."""
    api.enforcing()
    with httpx2.Client() as other, httpx2.Client() as third, kind(max_retries=0) as plain, kind() as client:
        plain.copy(http_client=other).messages.create(**wrong())
        assert len(api.seen) == 1
        imgbudget.guard(client)
        copy = client.with_options(http_client=other, timeout=5)
        for each in (copy, copy.copy(http_client=third), client.with_options(max_retries=0)):
            with pytest.raises(GuardError, match="IB101"):
                each.messages.create(**wrong())
        plain.messages.create(**wrong())
    assert len(api.seen) == 2


def test_uploads_are_named_as_unchecked(api: Api) -> None:
    """The guard reads JSON only: all else is named by its path, without host and query."""
    api.always(lambda: pytest.fail("not reached"), "/none")
    client = imgbudget.guard(httpx2.Client(transport=httpx2.MockTransport(lambda _: httpx2.Response(200))))
    sends: list[tuple[str, Json]] = [
        ("multipart/form-data", {"files": {"file": b"{}"}}),
        ("image/png", {"content": b"\x89PNG", "headers": {"content-type": "image/png"}}),
        ("application/jsonl", {"content": b"{}\n{}", "headers": {"content-type": "application/jsonl"}}),
        ("names no type", {"content": b"\x89PNG"}),
    ]
    for what, send in sends:
        with pytest.warns(RequestWarning, match=f"sent unchecked: .*POST /v1/files.* {what}") as caught:
            client.post("https://api.openai.com/v1/files?key=secret", **send)
        assert "secret" not in str(caught[0].message)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        client.post("https://api.openai.com/v1/files", data={"grant_type": "x"})
        client.post("https://api.openai.com/v1/files")
        client.get("https://api.openai.com/v1/files")


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH"])
@pytest.mark.parametrize("kind", ["application/json", "application/vnd.api+json", None])
def test_json_is_read_whatever_it_is_called(method: str, kind: str | None) -> None:
    """Each method with a body, other names of JSON, and a body without a type."""
    client = imgbudget.guard(httpx2.Client(transport=httpx2.MockTransport(lambda _: httpx2.Response(200))))
    headers = {} if kind is None else {"content-type": kind}
    with pytest.raises(GuardError, match="IB101"):
        client.request(
            method, "https://api.anthropic.com/v1/messages", content=json.dumps(wrong()), headers=headers
        )


@pytest.mark.parametrize("header", ["content-md5", "content-digest"])
def test_a_body_with_a_digest_is_not_changed(header: str) -> None:
    """The header would be that of another body."""
    client = httpx2.Client(transport=httpx2.MockTransport(lambda _: httpx2.Response(200)))
    with pytest.raises(GuardError, match="signed"):
        imgbudget.guard(client, "fix").post(
            "https://api.anthropic.com/v1/messages", json=wrong(), headers={header: "x"}
        )


def test_what_is_not_supported_is_refused_with_what_is() -> None:
    """A module, a resource of a client, another client: nothing is guarded in name only."""
    supported = "guard accepts clients of anthropic, openai, google-genai and boto3 .* functions of litellm"
    for thing in (anthropic, anthropic.Anthropic().messages, object(), json.dumps, httpx2, 5, None):
        with pytest.raises(UsageError, match=supported):
            imgbudget.guard(thing)
    with pytest.raises(UsageError, match=r"not anthropic: write guard\(anthropic.Anthropic\(\)\)"):
        imgbudget.guard(anthropic)
    with pytest.raises(UsageError, match=r"not the class Anthropic: guard a client that is made of it"):
        imgbudget.guard(anthropic.Anthropic)


def test_an_openai_that_would_hide_the_error_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """Before 2.33 it reports any error as a lost connection, after all its retries."""
    module = ModuleType("openai")
    monkeypatch.setitem(sys.modules, "openai", module)
    client = type("OpenAI", (), {"__module__": "openai"})()
    client._client = httpx2.Client()
    for version in ("1.109.1", "2.32.0", ""):
        monkeypatch.setattr(module, "__version__", version, raising=False)
        with pytest.raises(UsageError, match=r"guard needs openai 2\.33 or newer"):
            imgbudget.guard(client)
    monkeypatch.setattr(module, "__version__", "3.0.0")
    assert imgbudget.guard(client) is client


def test_the_error_is_one_of_each_sdk_that_is_loaded(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    """SDKs raise their own errors unchanged; in a process without them it can still be read."""
    error = type("OpenAIError", (Exception,), {})
    module = ModuleType("openai")
    monkeypatch.setattr(module, "OpenAIError", error, raising=False)
    monkeypatch.setitem(sys.modules, "openai", module)
    with anthropic.Anthropic() as client, pytest.raises(GuardError) as caught:
        imgbudget.guard(client).messages.create(**wrong())
    assert isinstance(caught.value, error)
    assert isinstance(caught.value, anthropic.AnthropicError)
    data = pickle.dumps(caught.value)
    monkeypatch.delitem(sys.modules, "openai")
    again = pickle.loads(data)  # noqa: S301 - made above
    assert (str(again), again.findings) == (str(caught.value), caught.value.findings)
    assert not isinstance(again, error)
    assert api.seen == []


def test_many_threads_share_a_guarded_client(api: Api) -> None:
    """Fixed at once by several threads, each request is its own."""
    api.enforcing()
    with anthropic.Anthropic(max_retries=0) as client, ThreadPoolExecutor(4) as pool:
        imgbudget.guard(client, "fix")
        edges = [8001 + number for number in range(8)]
        list(
            pool.map(lambda edge: client.messages.create(**body(image_block(image_bytes((edge, 30))))), edges)
        )
    assert len(api.seen) == 8
    assert all(many_image_refusal(it) is None and sizes(it)[0][0] < 2000 for it in api.bodies)


def test_a_guarded_client_closes_and_ends_as_before(api: Api) -> None:
    """The transport behind the guard is closed with the client, and a closed client says so itself."""
    api.enforcing()
    closed: list[str] = []
    inner = httpx2.HTTPTransport()
    inner_close = inner.close
    inner.close = lambda: closed.append("inner")  # type: ignore[method-assign]
    client = anthropic.Anthropic(max_retries=0, http_client=httpx2.Client(transport=inner))
    imgbudget.guard(imgbudget.guard(client), "warn")
    client.close()
    inner_close()
    assert closed == ["inner"]
    with pytest.raises(anthropic.APIConnectionError):
        client.messages.create(**body(image_block()))


class _Events:
    """The events of botocore, as far as the guard registers for one."""

    def __init__(self) -> None:
        self.handlers: dict[str, Callable[..., None]] = {}

    def register(self, name: str, handler: Callable[..., None], unique_id: str) -> None:
        """Keep a handler."""
        assert name == "before-call.bedrock-runtime"
        self.handlers.setdefault(unique_id, handler)

    def unregister(self, _name: str, unique_id: str) -> None:
        """Forget it."""
        self.handlers.pop(unique_id, None)

    def emit(self, params: Json) -> Json:
        """Call the handlers."""
        for handler in self.handlers.values():
            handler(params=params, model=None, request_signer=None, context={})
        return params


def boto(service: str = "bedrock-runtime") -> Any:
    """A stand-in of a client of boto3."""
    meta = SimpleNamespace(service_model=SimpleNamespace(service_name=service), events=_Events())
    client = type("BedrockRuntime", (), {"__module__": "botocore.client"})()
    client.meta = meta
    return client


def call_of(data: Any) -> Json:
    """What botocore has before it signs a call."""
    url = "http://127.0.0.1/model/anthropic.claude-sonnet-4-6/invoke"
    return {"method": "POST", "url": url, "headers": {"content-length": "1"}, "body": data}


def test_calls_of_boto3_are_checked_before_they_are_signed() -> None:
    """So that they can be fixed: text, bytes and files as bodies; guarding again changes the mode."""
    sent = json.dumps(wrong() | {"anthropic_version": "bedrock-2023-05-31"})
    client = imgbudget.guard(boto())
    file = SimpleNamespace(read=sent.encode)
    for data in (sent, sent.encode(), bytearray(sent.encode()), file):
        with pytest.raises(GuardError, match="IB101"):
            client.meta.events.emit(call_of(data))
    good = json.dumps(body(image_block()) | {"anthropic_version": "x"}).encode()
    assert client.meta.events.emit(call_of(good)) == call_of(good)
    imgbudget.guard(client, "fix")
    assert len(client.meta.events.handlers) == 1
    made = client.meta.events.emit(call_of(sent))
    assert many_image_refusal(json.loads(made["body"])) is None
    assert made["headers"] == {}
    with pytest.raises(UsageError, match="bedrock-runtime, not for s3"):
        imgbudget.guard(boto("s3"))


def _through(middleware: Any, handler: Any, request: Any) -> Awaitable[None]:
    made: Awaitable[None] = middleware(request, handler)
    return made


class _Session:
    """A session of aiohttp, as far as the guard uses it."""

    __module__ = "aiohttp.client"
    ATTRS = frozenset(("_middlewares",))

    def __init__(self) -> None:
        self._middlewares: tuple[Any, ...] = ()
        self.sent: list[Any] = []

    async def post(self, url: str, data: bytes, compress: str | None = None) -> None:
        """Send through the middlewares."""

        async def send(request: Any) -> None:
            self.sent.append(request)

        handler: Callable[[Any], Awaitable[None]] = send
        for middleware in reversed(self._middlewares):
            handler = partial(_through, middleware, handler)
        await handler(_Sent(url, data, compress))


class _Sent:
    """A request of aiohttp."""

    method = "POST"

    def __init__(self, url: str, data: bytes, compress: str | None) -> None:
        self.url, self.body = url, self
        self.data, self.compress = data, compress
        encoding = {"Content-Encoding": compress} if compress else {}
        self.headers = httpx2.Headers({"Content-Type": "application/json"} | encoding)

    async def as_bytes(self) -> bytes:
        """The body."""
        return self.data

    async def update_body(self, data: bytes) -> None:
        """Another body."""
        self.data = data


def test_sessions_of_aiohttp_are_guarded_by_a_middleware() -> None:
    """After those that the session has, so that the last bytes are checked; once."""
    session: Any = _Session()
    text = json.dumps(wrong()).encode()
    url = "https://api.anthropic.com/v1/messages"

    async def run() -> None:
        imgbudget.guard(session)
        with pytest.raises(GuardError, match="IB101"):
            await session.post(url, text)
        assert session.sent == []
        imgbudget.guard(session, "fix")
        assert len(session._middlewares) == 1
        await session.post(url, text)

    asyncio.run(run())
    assert many_image_refusal(json.loads(session.sent[0].data)) is None


def test_bodies_that_a_session_of_aiohttp_will_compress_are_checked() -> None:
    """They are not compressed yet, though a header says so; fixed, they are sent without compression."""
    session: Any = _Session()
    text = json.dumps(wrong()).encode()

    async def run() -> None:
        imgbudget.guard(session)
        for encoding in ("gzip", "br"):
            with pytest.raises(GuardError, match="IB101"):
                await session.post("https://api.anthropic.com/v1/messages", text, compress=encoding)
        imgbudget.guard(session, "fix")
        await session.post("https://api.anthropic.com/v1/messages", text, compress="gzip")

    asyncio.run(run())
    (sent,) = session.sent
    assert many_image_refusal(json.loads(sent.data)) is None
    assert (sent.compress, sent.headers.get("content-encoding")) == (None, None)


class _Pools(httpx2.AsyncClient):
    """An async client that sends through others, one for each event loop, as that of google-genai does."""

    def _client_for_running_loop(self) -> httpx2.AsyncClient:
        return httpx2.AsyncClient(transport=httpx2.MockTransport(lambda _: httpx2.Response(200)))

    async def send(self, request: Any, **options: Any) -> Any:
        """Send by another client."""
        async with self._client_for_running_loop() as inner:
            return await inner.send(request, **options)


class _GoogleApi:
    """What sends in a client of google-genai."""

    __module__ = "google.genai._api_client"

    def __init__(self, *, aiohttp: bool, mutual: bool = False) -> None:
        self._httpx_client = httpx2.Client(transport=httpx2.MockTransport(lambda _: httpx2.Response(200)))
        self._async_httpx_client = _Pools()
        self._aiohttp, self._mutual = aiohttp, mutual
        self.session = _Session()

    def _use_aiohttp(self) -> bool:
        return self._aiohttp

    def _use_google_auth_sync(self) -> bool:
        return self._mutual

    async def _get_aiohttp_session(self) -> _Session:
        return self.session

    def _websocket_base_url(self) -> str:
        return "wss://127.0.0.1"


def test_all_three_ways_of_google_genai_are_guarded(monkeypatch: pytest.MonkeyPatch) -> None:
    """httpx, httpx for each event loop, and aiohttp; live connections lead to a warning."""
    url = "https://generativelanguage.googleapis.com/v1beta/models/gemini-3-flash-preview:generateContent"
    sent = {"contents": [{"parts": [{"inlineData": {"mimeType": "image/png", "data": encoded()}}]}]}
    text = json.dumps(sent).encode()
    api, other = _GoogleApi(aiohttp=True), _GoogleApi(aiohttp=True)
    client = SimpleNamespace(_api_client=api)
    monkeypatch.setitem(sys.modules, "aiohttp", SimpleNamespace(ClientSession=_Session))
    assert imgbudget.guard(client) is client
    with pytest.raises(GuardError, match="gemini accepts only"):
        api._httpx_client.post(url, json=sent)

    async def run() -> None:
        async with api._async_httpx_client as http:
            with pytest.raises(GuardError, match="gemini accepts only"):
                await http.post(url, json=sent)
        with pytest.raises(GuardError, match="gemini accepts only"):
            await (await api._get_aiohttp_session()).post(url, text)
        await (await other._get_aiohttp_session()).post(url, text)
        async with other._async_httpx_client as http:
            assert (await http.post(url, json=sent)).status_code == 200

    asyncio.run(run())
    assert (len(api.session.sent), len(other.session.sent)) == (0, 1)
    with pytest.warns(RequestWarning, match="sent unchecked: what this client sends through a WebSocket"):
        api._websocket_base_url()
    monkeypatch.setitem(sys.modules, "aiohttp", SimpleNamespace(ClientSession=SimpleNamespace(ATTRS=())))
    with pytest.raises(UsageError, match=r"aiohttp 3\.12"):
        imgbudget.guard(SimpleNamespace(_api_client=other))
    with pytest.raises(UsageError, match="mutual TLS"):
        imgbudget.guard(SimpleNamespace(_api_client=_GoogleApi(aiohttp=False, mutual=True)))
    with pytest.raises(UsageError, match="newer google-genai"):
        imgbudget.guard(SimpleNamespace(_api_client=type("Old", (), {"__module__": "google.genai.x"})()))


class _Stream:
    """What litellm returns for a stream whose request is sent when it is read."""

    completion_stream: Any = None

    def __init__(self, make_call: Callable[..., Any]) -> None:
        self.make_call = make_call

    def fetch_sync_stream(self) -> Any:
        """Send the request, once."""
        if self.completion_stream is None:
            self.completion_stream = self.make_call(client=None)
        return self.completion_stream

    async def fetch_stream(self) -> Any:
        """Send the request, once."""
        if self.completion_stream is None:
            self.completion_stream = await self.make_call(client=None)
        return self.completion_stream

    def __iter__(self) -> Iterator[Any]:
        try:
            yield self.fetch_sync_stream()
        except Exception as error:
            raise _MappedError("MidStreamFallbackError") from error


class _MappedError(Exception):
    """One of litellm's errors, which it makes of all others."""


def _litellm(function: Callable[..., Any], name: str = "completion") -> Any:
    function.__module__, function.__name__ = "litellm.main", name
    return function


def test_functions_of_litellm_are_guarded(api: Api) -> None:
    """Whatever client of httpx they send with; the error is the guard's, not one that litellm makes of it."""
    api.enforcing()
    with httpx2.Client(base_url=api.url) as http:

        def send(**sent: Any) -> Any:
            try:
                return http.post("/v1/messages", json=sent)
            except Exception:  # noqa: BLE001 - as litellm does
                try:
                    return http.post("/v1/messages", json=sent)
                except Exception as error:
                    raise _MappedError("InternalServerError") from error

        completion = imgbudget.guard(_litellm(send))
        with pytest.raises(GuardError, match="IB101"):
            completion(**wrong())
        assert api.seen == []
        completion(**body(image_block()))
        send(**wrong())
        assert len(api.seen) == 2
        fixing = imgbudget.guard(completion, "fix")
        assert fixing.__wrapped__ is send
        fixing(**wrong())
        assert many_image_refusal(api.bodies[2]) is None
        streaming = imgbudget.guard(
            _litellm(lambda **sent: _Stream(lambda **_: http.post("/v1/messages", json=sent)))
        )
        with pytest.raises(GuardError, match="IB101"):
            streaming(**wrong())
        (answer,) = streaming(**body(image_block()))
        assert answer.status_code == 200
        broken = imgbudget.guard(
            _litellm(lambda **_sent: _Stream(lambda **_: http.post("http://127.0.0.1:1")))
        )()
        with pytest.raises(_MappedError) as mapped:
            list(broken)
        assert isinstance(mapped.value.__cause__, httpx2.ConnectError)
        caught: list[BaseException] = []

        def in_thread() -> None:
            with pytest.raises(GuardError) as raised:
                completion(**wrong())
            caught.append(raised.value)

        thread = threading.Thread(target=in_thread)
        thread.start()
        thread.join()
    assert len(caught) == 1
    assert len(api.seen) == 4


def test_async_functions_of_litellm_are_guarded(api: Api) -> None:
    """In their task, and in the tasks and streams that they start."""
    api.enforcing()

    async def run() -> None:
        async with httpx2.AsyncClient(base_url=api.url) as http:

            async def send(**sent: Any) -> Any:
                return await asyncio.create_task(http.post("/v1/messages", json=sent))

            async def stream(**sent: Any) -> Any:
                return _Stream(lambda **_: send(**sent))

            with pytest.raises(GuardError, match="IB101"):
                await imgbudget.guard(_litellm(send, "acompletion"))(**wrong())
            with pytest.raises(GuardError, match="IB101"):
                await imgbudget.guard(_litellm(stream, "acompletion"))(**wrong())
            await send(**wrong())

    asyncio.run(run())
    assert len(api.seen) == 1


def test_a_function_that_sends_unseen_leads_to_a_warning() -> None:
    """An answer from a cache, or a request that another library sent; other functions are refused."""
    with pytest.warns(RequestWarning, match=r"sent unchecked: litellm\.responses sent no request that"):
        assert imgbudget.guard(_litellm(lambda: "cached", "responses"))() == "cached"
    with pytest.raises(
        UsageError, match="completion, acompletion, responses, aresponses; not 'batch_completion'"
    ):
        imgbudget.guard(_litellm(lambda: None, "batch_completion"))
    with pytest.raises(ValueError, match="own"):
        imgbudget.guard(_litellm(lambda: int("own")))()


class _Passing(httpx2.Client):
    """A client that sends without its transport."""

    def send(self, request: Any, **_options: Any) -> Any:
        """Send in another way."""
        return httpx2.Response(200, json={}, request=request)


class _Logging(httpx2.Client):
    """A client that looks at each request, and sends it as usual."""

    def send(self, request: Any, **options: Any) -> Any:
        """Send."""
        return super().send(request, **options)


def test_what_goes_past_the_transports_of_a_client_leads_to_a_warning() -> None:
    """A client that sends by itself leads to a warning; one that only looks at requests does not."""
    url = "https://api.anthropic.com/v1/messages?key=secret"
    transport = httpx2.MockTransport(lambda _: httpx2.Response(200))
    passing = imgbudget.guard(_Passing(transport=transport))
    with pytest.warns(RequestWarning, match=r"sent unchecked: POST /v1/messages did not go .* of _Passing$"):
        passing.post(url, json=wrong())
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        passing.get(url)
        _Passing(transport=transport).post(url, json=wrong())
        with pytest.raises(GuardError, match=r"^sent unchecked: POST"):
            passing.post(url, json=wrong())
        usual = imgbudget.guard(_Logging(transport=transport))
        imgbudget.guard(httpx2.Client(transport=transport)).post(url, json=body(image_block()))
        usual.post(url, json=body(image_block()))
        with pytest.raises(GuardError, match="IB101"):
            usual.post(url, json=wrong())


def test_a_transport_that_a_client_gets_later_is_guarded() -> None:
    """Some libraries exchange the transport of a client, sync and async."""
    url = "https://api.anthropic.com/v1/messages"
    later = httpx2.MockTransport(lambda _: httpx2.Response(200))
    client = imgbudget.guard(httpx2.Client())
    client._transport = later
    with pytest.raises(GuardError, match="IB101"):
        client.post(url, json=wrong())
    assert client.post(url, json=body(image_block())).status_code == 200

    async def run() -> None:
        async with imgbudget.guard(httpx2.AsyncClient()) as other:
            other._transport = later
            with pytest.raises(GuardError, match="IB101"):
                await other.post(url, json=wrong())

    asyncio.run(run())
