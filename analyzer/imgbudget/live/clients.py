"""How the guard gets between each SDK and the network: one function for each kind of client.

SDKs are recognised by the modules of their classes, and none is imported here. Where a client makes others by
itself (copies, a pool for each event loop), the method of its class that does is extended, once for the
process; it acts only for clients that are guarded.
"""

import inspect
import re
import sys
from collections.abc import Callable
from contextlib import contextmanager
from contextvars import ContextVar
from functools import wraps
from threading import Lock
from typing import Any
from weakref import WeakKeyDictionary

from imgbudget.errors import GuardError, UsageError
from imgbudget.live.senders import GuardMiddleware, GuardTransport, arrivals, check_call
from imgbudget.live.watch import RequestHead, RequestWatch, unchecked, unseen

SUPPORTED = (
    "clients of anthropic, openai, google-genai and boto3 (bedrock-runtime), functions of litellm, "
    "and clients of httpx, httpx2 and aiohttp"
)
_FUNCTIONS = ("completion", "acompletion", "responses", "aresponses")
_OLDEST = {"openai": (2, 33)}
"""Versions from which on an SDK raises the errors of others unchanged, instead of as "Connection error."."""

_HANDLER = "imgbudget-guard"
_OF_GOOGLE: "WeakKeyDictionary[Any, RequestWatch]" = WeakKeyDictionary()
_OF_HTTPX: "WeakKeyDictionary[Any, RequestWatch]" = WeakKeyDictionary()
_EXTENDING = Lock()

Method = Callable[..., Any]


def install(client: Any, watch: RequestWatch) -> Any:
    """Guard a client, and return it; for a function, one that is guarded.

    Raises:
        UsageError: a client that is not supported; the text names those that are.
    """
    modules = _modules_of(client)
    if callable(client) and "litellm" in modules:
        return _guarded_function(client, watch)
    if api := _google_api(client):
        _guard_google(api, watch)
    elif "botocore" in modules:
        _guard_boto(client, watch)
    elif hasattr(client, "_middlewares") and "aiohttp" in modules:
        _guard_session(client, watch)
    else:
        _guard_http(client, watch, modules)
    return client


def _modules_of(client: Any) -> set[str]:
    """The packages of the classes of a client, or of a function."""
    names = [getattr(client, "__module__", "")] if inspect.isroutine(client) else []
    names += [base.__module__ for base in type(client).__mro__]
    return {name.partition(".")[0] for name in names if isinstance(name, str)}


def _refused(client: Any) -> UsageError:
    if inspect.isclass(client):
        name, hint = f"the class {client.__name__}", ": guard a client that is made of it"
    elif inspect.isroutine(client) or inspect.ismodule(client):
        name = getattr(client, "__name__", "a function")
        hint = f": write {_INSTEAD[name]}" if name in _INSTEAD else ""
    else:
        name, hint = type(client).__name__, ""
    return UsageError(f"guard accepts {SUPPORTED}, not {name}{hint}")


_INSTEAD = {
    "anthropic": "guard(anthropic.Anthropic())",
    "openai": "guard(openai.OpenAI())",
    "litellm": "guard(litellm.completion)",
}
"""What to guard for the module of an SDK."""


def _guard_http(client: Any, watch: RequestWatch, modules: set[str]) -> None:
    """Guard a client of httpx, or one of an SDK that has such a client."""
    http = getattr(client, "_client", client)
    if not hasattr(http, "_transport") or not hasattr(http, "_mounts"):
        raise _refused(client)
    for sdk in _OLDEST.keys() & modules:
        _check_version(sdk)
    guard_connections(http, watch)
    if http is not client:
        for name in ("copy", "with_options"):
            _extend(type(client), name, _guarding_copies)
        _extend(type(client), "_websocket_query_params", _warning_of_sockets)
    _extend(type(http), "_client_for_running_loop", _guarding_pools)


def guard_connections(http: Any, watch: RequestWatch) -> None:
    """Put the guard before all transports of a client of httpx, and notice what it sends without them."""
    _OF_HTTPX[http] = watch
    _extend(type(http), "send", _noticing)
    http._transport = guarded(http._transport, watch)  # noqa: SLF001 - httpx takes a transport only when created
    http._mounts = {  # noqa: SLF001 - as above
        pattern: transport and guarded(transport, watch)
        for pattern, transport in http._mounts.items()  # noqa: SLF001 - as above
    }


def _noticing(method: Method) -> Method:
    """Guard transports that a client got later, and warn of requests that it sends without one."""
    if inspect.iscoroutinefunction(method):

        async def send_async(self: Any, request: Any, *args: Any, **options: Any) -> Any:
            if not _still_guarded(self):
                return await method(self, request, *args, **options)
            with arrivals() as arrived:
                made = await method(self, request, *args, **options)
            _warn_of_unseen(self, request, arrived)
            return made

        return send_async

    def send(self: Any, request: Any, *args: Any, **options: Any) -> Any:
        if not _still_guarded(self):
            return method(self, request, *args, **options)
        with arrivals() as arrived:
            made = method(self, request, *args, **options)
        _warn_of_unseen(self, request, arrived)
        return made

    return send


def _still_guarded(http: Any) -> bool:
    """Whether a client of httpx is guarded; its transports are then, also those that it got later."""
    watch = _OF_HTTPX.get(http)
    if watch is not None and not all(isinstance(it, GuardTransport) for it in _transports_of(http)):
        guard_connections(http, watch)
    return watch is not None


def _warn_of_unseen(http: Any, request: Any, arrived: list[bool]) -> None:
    if not arrived:
        unseen(request.method, str(request.url), type(http).__name__)


def _transports_of(http: Any) -> list[Any]:
    return [http._transport, *filter(None, http._mounts.values())]  # noqa: SLF001 - as above


def guarded(transport: Any, watch: RequestWatch) -> GuardTransport:
    """A transport behind the guard; it is not wrapped twice."""
    return GuardTransport(watch, transport.inner if isinstance(transport, GuardTransport) else transport)


def _watch_of(client: Any) -> RequestWatch | None:
    """The guard of a client of httpx, or of an SDK that has one."""
    transport = getattr(getattr(client, "_client", client), "_transport", None)
    watch = transport.watch if isinstance(transport, GuardTransport) else None
    return watch if isinstance(watch, RequestWatch) else None


def _check_version(sdk: str) -> None:
    version = str(getattr(sys.modules.get(sdk), "__version__", ""))
    oldest = _OLDEST[sdk]
    if tuple(map(int, re.findall(r"\d+", version)[:2])) < oldest:
        needed = ".".join(map(str, oldest))
        raise UsageError(
            f"guard needs {sdk} {needed} or newer, {version} is installed: pip install --upgrade {sdk}"
        )


def _extend(owner: type, name: str, around: Callable[[Method], Method]) -> None:
    """Replace a method of a class, if it has it, by what `around` makes of it; not a second time."""
    with _EXTENDING:
        for base in owner.__mro__:
            if name in vars(base):
                method = vars(base)[name]
                if not hasattr(method, "_imgbudget"):
                    extended = wraps(method)(around(method))
                    extended._imgbudget = True  # type: ignore[attr-defined]  # noqa: SLF001 - the mark of it
                    setattr(base, name, extended)
                return


def _guarding_copies(method: Method) -> Method:
    """Guard a copy also if it gets an HTTP client that its original does not have."""

    def copy(self: Any, *args: Any, **options: Any) -> Any:
        made = method(self, *args, **options)
        if (watch := _watch_of(self)) and not _watch_of(made):
            install(made, watch)
        return made

    return copy


def _warning_of_sockets(method: Method) -> Method:
    """Warn of a connection through which requests go that no transport sees."""

    def parameters(self: Any, *args: Any, **options: Any) -> Any:
        if _watch_of(self):
            unchecked("what this client sends through a WebSocket")
        return method(self, *args, **options)

    return parameters


def _guarding_pools(method: Method) -> Method:
    """Guard the client that an async client of google-genai keeps for each event loop."""

    def client_for_running_loop(self: Any) -> Any:
        made = method(self)
        if (watch := _watch_of(self)) and _watch_of(made) is not watch:
            guard_connections(made, watch)
        return made

    return client_for_running_loop


def _google_api(client: Any) -> Any:
    """What sends the requests of a client of google-genai, or of a part of one; None for other clients."""
    api = getattr(client, "_api_client", None)
    return api if api is not None and "google" in _modules_of(api) else None


def _guard_google(api: Any, watch: RequestWatch) -> None:
    """Guard the three ways in which google-genai sends: httpx, httpx for each event loop, and aiohttp."""
    needed = ("_httpx_client", "_async_httpx_client", "_get_aiohttp_session", "_use_aiohttp")
    if not all(hasattr(api, name) for name in needed):
        raise UsageError("guard needs a newer google-genai: pip install --upgrade google-genai")
    if any(getattr(api, f"_use_google_auth_{kind}", bool)() for kind in ("sync", "async")):
        raise UsageError("guard does not support google-genai with client certificates (mutual TLS)")
    if api._use_aiohttp():  # noqa: SLF001 - it has no public name, as all of these
        _check_aiohttp()
    for http in (api._httpx_client, api._async_httpx_client):  # noqa: SLF001 - as above
        if http is not None:
            _guard_http(http, watch, set())
    _OF_GOOGLE[api] = watch
    _extend(type(api), "_get_aiohttp_session", _guarding_sessions)
    _extend(type(api), "_websocket_base_url", _warning_of_live)


def _guarding_sessions(method: Method) -> Method:
    async def session(self: Any) -> Any:
        made = await method(self)
        if watch := _OF_GOOGLE.get(self):
            _guard_session(made, watch)
        return made

    return session


def _warning_of_live(method: Method) -> Method:
    def url(self: Any, *args: Any, **options: Any) -> Any:
        if self in _OF_GOOGLE:
            unchecked("what this client sends through a WebSocket")
        return method(self, *args, **options)

    return url


def _check_aiohttp() -> None:
    session = getattr(sys.modules.get("aiohttp"), "ClientSession", None)
    if "_middlewares" not in getattr(session, "ATTRS", ("_middlewares",)):
        raise UsageError("guard needs aiohttp 3.12 or newer: pip install --upgrade aiohttp")


def _guard_session(session: Any, watch: RequestWatch) -> None:
    """Guard a session of aiohttp, as the last before the network."""
    others = [it for it in session._middlewares if not isinstance(it, GuardMiddleware)]  # noqa: SLF001 - as above
    session._middlewares = (*others, GuardMiddleware(watch))  # noqa: SLF001 - as above


def _guard_boto(client: Any, watch: RequestWatch) -> None:
    """Guard the calls of a client of Amazon Bedrock, before they are signed."""
    service = client.meta.service_model.service_name
    if service != "bedrock-runtime":
        raise UsageError(f"guard accepts clients of boto3 for bedrock-runtime, not for {service}")
    events, name = client.meta.events, "before-call.bedrock-runtime"

    def before_call(params: dict[str, Any], **_more: Any) -> None:
        check_call(watch, params)

    events.unregister(name, unique_id=_HANDLER)
    events.register(name, before_call, unique_id=_HANDLER)


class WatchedCall:
    """The requests of one call of a function, and what of them was refused.

    litellm reports each error as one of its kinds, and sends through clients that it keeps to itself.
    """

    def __init__(self, watch: RequestWatch) -> None:
        """Check the requests by `watch`."""
        self._watch = watch
        self.refusal: GuardError | None = None
        self.has_sent: bool = False
        self.is_over: bool = False

    def reads(self, head: RequestHead) -> bool:
        """Whether the body of a request is to be read. Raises GuardError."""
        self.has_sent = self.has_sent or head.method == "POST"
        with self._remembering():
            return self._watch.reads(head)

    def due(self, head: RequestHead, body: bytes) -> bytes | None:
        """What of a body is to be fixed, decoded. Raises GuardError."""
        with self._remembering():
            return self._watch.due(head, body)

    def fixed(self, head: RequestHead, body: bytes) -> bytes | None:
        """A decoded body fixed. Raises GuardError."""
        with self._remembering():
            return self._watch.fixed(head, body)

    @contextmanager
    def _remembering(self) -> Any:
        try:
            yield
        except GuardError as error:
            self.refusal = error
            raise

    @contextmanager
    def going_on(self) -> Any:
        """Check what this thread or task sends meanwhile; an error is the guard's own where it refused."""
        token = _CALL.set(self)
        try:
            yield
        except Exception as error:
            if self.refusal is None:
                raise
            raise self.refusal from error
        finally:
            _CALL.reset(token)

    def end(self, name: str) -> None:
        """Warn of a call whose requests were not seen, and check none that is sent later."""
        self.is_over = True
        if not self.has_sent:
            unchecked(
                f"litellm.{name} sent no request that the guard sees: it answered from a cache, "
                "or sent it without httpx",
                is_sent=True,
            )


def _is_unsent(result: Any) -> bool:
    """Whether a call returned a stream whose request litellm sends when it is read."""
    is_late = getattr(result, "make_call", None) is not None
    return is_late and getattr(result, "completion_stream", None) is None


def _raising(error: Exception) -> Method:
    """What a stream calls instead of sending again: litellm makes one of its errors of it."""

    def make_call(**_options: Any) -> Any:
        raise error

    return make_call


def _start(stream: Any, call: WatchedCall) -> None:
    """Send the request of a stream now, while it is checked. Raises GuardError."""
    try:
        with call.going_on():
            stream.fetch_sync_stream()
    except GuardError:
        raise
    except Exception as error:  # noqa: BLE001 - it is raised where the stream is read
        stream.make_call = _raising(error)


async def _start_async(stream: Any, call: WatchedCall) -> None:
    try:
        with call.going_on():
            await stream.fetch_stream()
    except GuardError:
        raise
    except Exception as error:  # noqa: BLE001 - as above
        stream.make_call = _raising(error)


_CALL: ContextVar[WatchedCall | None] = ContextVar("imgbudget_guarded_call", default=None)


def _guarded_function(function: Any, watch: RequestWatch) -> Any:
    """A function of litellm whose requests are checked where they leave httpx."""
    function = getattr(function, "_imgbudget_original", function)
    name = getattr(function, "__name__", "")
    if name not in _FUNCTIONS:
        raise UsageError(
            f"guard accepts these functions of litellm: {', '.join(_FUNCTIONS)}; not {name or function!r}"
        )
    for library in ("httpx", "httpx2"):
        for kind in ("Client", "AsyncClient"):
            if owner := getattr(sys.modules.get(library), kind, None):
                _extend(owner, "_transport_for_url", _guarding_calls)
    if inspect.iscoroutinefunction(function):

        @wraps(function)
        async def call_async(*args: Any, **options: Any) -> Any:
            call = WatchedCall(watch)
            with call.going_on():
                result = await function(*args, **options)
            if _is_unsent(result):
                await _start_async(result, call)
            call.end(name)
            return result

        call_async._imgbudget_original = function  # type: ignore[attr-defined]  # noqa: SLF001 - found again above
        return call_async

    @wraps(function)
    def call_sync(*args: Any, **options: Any) -> Any:
        call = WatchedCall(watch)
        with call.going_on():
            result = function(*args, **options)
        if _is_unsent(result):
            _start(result, call)
        call.end(name)
        return result

    call_sync._imgbudget_original = function  # type: ignore[attr-defined]  # noqa: SLF001 - found again above
    return call_sync


def _guarding_calls(method: Method) -> Method:
    def transport_for_url(self: Any, *args: Any, **options: Any) -> Any:
        transport = method(self, *args, **options)
        call = _CALL.get()
        if call is None or call.is_over:
            return transport
        return GuardTransport(call, transport.inner if isinstance(transport, GuardTransport) else transport)

    return transport_for_url
