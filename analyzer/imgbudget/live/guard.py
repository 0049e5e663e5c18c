"""`imgbudget.guard`: an HTTP transport for SDK clients that does not send what the API would refuse."""

import logging
import sys
import warnings
from collections.abc import Iterable
from functools import partial
from importlib import import_module
from typing import Any, Literal, Self, TypeVar
from urllib.parse import unquote

from imgbudget.errors import GuardError, UsageError
from imgbudget.linter.options import RunOptions, accepts_wishes
from imgbudget.live.inspection import InspectionTarget, Inspector
from imgbudget.model.subjects import Finding, Severity
from imgbudget.output.base import count, figure, one_line

Mode = Literal["raise", "warn", "fix"]
MODES = ("raise", "warn", "fix")

_SHOWN = 5
_LENGTH_HEADERS = ("content-length", "transfer-encoding")
_log = logging.getLogger("imgbudget.guard")


class RequestWarning(UserWarning):
    """The API would refuse a request, and the guard let it out because that is its mode."""


class RequestWatch:
    """What becomes of a body on its way out: refused, told or fixed."""

    def __init__(self, inspector: Inspector, mode: Mode) -> None:
        """Act by `mode` on what the inspector finds."""
        self.inspector = inspector
        self.mode = mode

    def concerns(self, request: Any) -> bool:
        """Whether a request may be one for a model: a POST of plain JSON."""
        headers = request.headers
        kind = headers.get("content-type", "")
        return request.method == "POST" and kind.startswith("application/json") and not _encoded(headers)

    def look(self, request: Any, body: bytes) -> bool:
        """Refuse or warn of a body as the mode says; whether it is to be fixed.

        Raises:
            GuardError: the API would refuse it, and the mode is `raise`.
        """
        found = self.inspector.look(body, target_of(request.url)) if body else ()
        if not found:
            return False
        if self.mode == "raise":
            raise refusal(found)
        if self.mode == "warn":
            _warn(found)
            return False
        if _is_signed(request.headers):
            raise refusal(found, "; its body is signed, so that it cannot be fixed on its way")
        return True

    def fix(self, request: Any, body: bytes) -> Any:
        """The request with its body fixed; what is left of the findings is warned of."""
        made = self.inspector.fixed(body, target_of(request.url))
        for finding in made.converged:
            _log.info("fixed on its way: %s", _line(finding))
        if made.left:
            _warn(made.left)
        return _with_body(request, made.body) if made.converged else request


class GuardTransport:
    """Hands requests on to another transport, sync or async, once they are looked at.

    It is what httpx asks of a transport, for httpx 0.2x and for httpx2 alike, and imports neither. Without an
    `inner` transport the library's own is made when the first request tells which library it is.
    """

    def __init__(self, watch: RequestWatch, inner: Any = None) -> None:
        """Watch what goes to `inner`."""
        self.watch = watch
        self.inner = inner

    def handle_request(self, request: Any) -> Any:
        """Look at a request and send it. Raises GuardError as the mode says, and what `inner` raises."""
        inner = self._inner(request, "HTTPTransport")
        if self.watch.concerns(request):
            body = request.read()
            if self.watch.look(request, body):
                request = self.watch.fix(request, body)
        return inner.handle_request(request)

    async def handle_async_request(self, request: Any) -> Any:
        """The same for an async client; images are edited in a thread."""
        inner = self._inner(request, "AsyncHTTPTransport")
        if self.watch.concerns(request):
            body = await request.aread()
            if self.watch.look(request, body):
                from anyio import to_thread  # noqa: PLC0415 - what async clients of httpx stand on

                request = await to_thread.run_sync(partial(self.watch.fix, request, body))
        return await inner.handle_async_request(request)

    def _inner(self, request: Any, name: str) -> Any:
        if self.inner is None:
            library = type(request).__module__.partition(".")[0]
            self.inner = getattr(import_module(library), name)()
        return self.inner

    def close(self) -> None:
        """Close the transport behind this one."""
        if self.inner is not None:
            self.inner.close()

    async def aclose(self) -> None:
        """Close the async transport behind this one."""
        if self.inner is not None:
            await self.inner.aclose()

    def __enter__(self) -> Self:
        if self.inner is not None:
            self.inner.__enter__()
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    async def __aenter__(self) -> Self:
        if self.inner is not None:
            await self.inner.__aenter__()
        return self

    async def __aexit__(self, *error: object) -> None:
        await self.aclose()


def target_of(url: Any) -> InspectionTarget:
    """The model and the platform as far as a URL tells them, in the forms of the SDK's clients (2.14)."""
    host, path = url.host, url.path
    if path.startswith("/model/"):
        return InspectionTarget(unquote(path.split("/")[2]), "bedrock")
    if "/publishers/anthropic/models/" in path:
        return InspectionTarget(unquote(path.rpartition("/")[2].partition(":")[0]), "google-cloud")
    if host.endswith("googleapis.com"):
        return InspectionTarget(None, "google-cloud")
    if host.endswith(".services.ai.azure.com"):
        return InspectionTarget(None, "foundry")
    return InspectionTarget()


def refusal(found: Iterable[Finding], more: str = "") -> GuardError:
    """The error for what was found; one that the SDK lets through where it is loaded."""
    found = tuple(found)
    text = "\n".join([f"not sent: the API would refuse this request{more}", *_lines(found)])
    if "anthropic" not in sys.modules:
        return GuardError(text, found)
    from imgbudget.live.refusal import RefusedRequestError  # noqa: PLC0415 - it imports the SDK

    return RefusedRequestError(text, found)


def _warn(found: tuple[Finding, ...]) -> None:
    head = f"the API is likely to refuse this request: {count(len(found), 'finding')}"
    warnings.warn("\n".join([head, *_lines(found)]), RequestWarning, stacklevel=2)


def _lines(found: tuple[Finding, ...]) -> list[str]:
    lines = [f"  {_line(finding)}" for finding in found[:_SHOWN]]
    if len(found) > _SHOWN:
        lines.append(f"  and {figure(len(found) - _SHOWN)} more")
    return lines


def _line(finding: Finding) -> str:
    """Block, rule, measure and remedy of a finding."""
    where = finding.location.dotted or "the request"
    text = f"{where}: {finding.code} {finding.name}: {one_line(finding.message)}"
    remedy = finding.help or (finding.fix.title if finding.fix else None)
    return f"{text}; {one_line(remedy)}" if remedy else text


def _encoded(headers: Any) -> bool:
    return bool(headers.get("content-encoding", "identity") != "identity")


def _is_signed(headers: Any) -> bool:
    """Whether a signature holds for the body (AWS Signature Version 4)."""
    return bool(headers.get("authorization", "").startswith("AWS4-HMAC"))


def _with_body(request: Any, body: bytes) -> Any:
    headers = request.headers.copy()
    for name in _LENGTH_HEADERS:
        headers.pop(name, None)
    return type(request)(
        request.method, request.url, headers=headers, content=body, extensions=request.extensions
    )


Level = Literal["error", "warning", "info"]
Client = TypeVar("Client")


@accepts_wishes
def guard(
    client: Client, mode: Mode = "raise", *, level: Level = "error", options: RunOptions | None = None
) -> Client:
    """Guard a client of the official SDK, sync or async, or one of httpx, and give it back.

    Every request of the client is looked at on its way out: messages, streams, batches, token counts.
    Findings of `level` and above count; `error` is what the API refuses. Mode `raise` raises GuardError,
    which names block, rule and remedy, and nothing is sent; `warn` sends and warns (RequestWarning); `fix`
    makes the safe fixes in flight and warns of what is left. `options` say whose limits hold and which
    configuration is read, as for `check`; a request's own model and the address it goes to win. Copies that
    share the client's connections (`with_options`) are guarded with it; guarding again changes the mode.

    Raises:
        UsageError: no such client, mode or level.
        ConfigError: a configuration that cannot be taken.
    """
    http: Any = getattr(client, "_client", client)
    if not hasattr(http, "_transport") or not hasattr(http, "_mounts"):
        raise UsageError(
            f"guard takes a client of the anthropic SDK or of httpx, not {type(client).__name__}"
        )
    watch = _watch(mode, level, options)
    http._transport = _guarded(http._transport, watch)  # noqa: SLF001 - httpx takes a transport at birth only
    http._mounts = {  # noqa: SLF001 - as above
        pattern: transport and _guarded(transport, watch)
        for pattern, transport in http._mounts.items()  # noqa: SLF001 - as above
    }
    return client


@accepts_wishes
def guard_transport(
    inner: Any = None, mode: Mode = "raise", *, level: Level = "error", options: RunOptions | None = None
) -> Any:
    """A transport with the guard for any client of httpx or httpx2, sync or async; see `guard`.

    `httpx.Client(transport=imgbudget.guard_transport())`. It hands on to `inner`, or without one to the
    library's own transport.
    """
    return _guarded(inner, _watch(mode, level, options))


def _watch(mode: str, level: str, options: RunOptions | None) -> RequestWatch:
    if mode not in MODES:
        raise UsageError(f"unknown mode {mode!r}; the guard knows {', '.join(MODES)}")
    if level.upper() not in Severity.__members__:
        raise UsageError(f"unknown level {level!r}; levels are {', '.join(map(str, Severity))}")
    return RequestWatch(Inspector(options or RunOptions(), Severity[level.upper()]), mode)  # type: ignore[arg-type]


def _guarded(transport: Any, watch: RequestWatch) -> GuardTransport:
    return GuardTransport(watch, transport.inner if isinstance(transport, GuardTransport) else transport)
