"""`imgbudget.guard`: an HTTP transport for SDK clients that stops requests that the API would reject."""

import logging
import sys
import warnings
from collections.abc import Iterable
from functools import partial
from importlib import import_module
from typing import Any, Literal, Self, TypeVar

from imgbudget.errors import GuardError, UnreadableError, UsageError
from imgbudget.linter.options import RunOptions, accepts_wishes
from imgbudget.live.inspection import InspectionTarget, Inspector, NotJsonError
from imgbudget.model.subjects import Finding, Severity
from imgbudget.output.base import count, figure
from imgbudget.printable import one_line
from imgbudget.requests.addresses import address_of

Mode = Literal["raise", "warn", "fix"]
MODES = ("raise", "warn", "fix")

_SHOWN = 5
_LONGEST_FAULT = 300
_SHOWN_ENCODING = 40
_LENGTH_HEADERS = ("content-length", "transfer-encoding")
_log = logging.getLogger("imgbudget.guard")


class RequestWarning(UserWarning):
    """The API is likely to reject a request that was sent, or it or one of its documents was not checked."""


class RequestWatch:
    """Checks a request body before it is sent, and refuses it, warns or fixes it."""

    def __init__(self, inspector: Inspector, mode: Mode) -> None:
        """Act on the findings of the inspector as `mode` says."""
        self.inspector = inspector
        self.mode = mode

    def applies_to(self, request: Any) -> bool:
        """Whether a request may be a model request: a POST of uncompressed JSON. Warns of compressed JSON."""
        headers = request.headers
        kind = headers.get("content-type", "").strip().lower()
        if request.method != "POST" or not kind.startswith("application/json"):
            return False
        encoding = headers.get("content-encoding", "identity").strip().lower()
        if encoding == "identity":
            return True
        _emit(
            one_line(f"sent unchecked: the body of this request is compressed ({encoding[:_SHOWN_ENCODING]})")
        )
        return False

    def should_fix(self, request: Any, body: bytes) -> bool:
        """Check a body and act as the mode says; whether it should be fixed.

        Raises:
            GuardError: the API would reject it, and the mode is `raise`; or it could not be checked.
        """
        try:
            every = self.inspector.findings(body, target_of(request.url)) if body else ()
        except NotJsonError as error:
            _emit(f"sent unchecked: the body of this request is {one_line(str(error))[:_LONGEST_FAULT]}")
            return False
        except Exception as error:  # noqa: BLE001 - the SDK would report any of them as a lost connection
            return self._unchecked("checking", error)
        found = tuple(finding for finding in every if finding.severity >= self.inspector.level)
        if len(found) < len(every) and not (found and self.mode == "raise"):
            _warn_unread(tuple(finding for finding in every if finding.severity < self.inspector.level))
        if not found:
            return False
        if self.mode == "raise":
            raise refusal(found)
        if self.mode == "warn":
            _warn(found)
            return False
        if _is_signed(request.headers):
            raise refusal(found, "; its body is signed and cannot be fixed in transit")
        return True

    def fix(self, request: Any, body: bytes) -> Any:
        """The request with its body fixed; warns about the remaining findings. Raises GuardError."""
        try:
            made = self.inspector.fixed(body, target_of(request.url))
        except Exception as error:
            raise fault("fixing", error) from error
        for finding in made.converged:
            _log.info("fixed in transit: %s", _line(finding))
        if made.left:
            _warn(made.left)
        return _with_body(request, made.body) if made.converged else request

    def _unchecked(self, doing: str, error: Exception) -> bool:
        """What happens to a request that could not be checked: only mode `warn` sends it, and warns."""
        if self.mode != "warn":
            raise fault(doing, error) from error
        _emit(f"sent unchecked: {_fault_text(doing, error)}")
        return False


class GuardTransport:
    """Checks requests and passes them to another transport, sync or async.

    It implements the transport interface of httpx 0.2x and httpx2, and imports neither. Without an `inner`
    transport, the library's default transport is created at the first request, whose type shows the library.
    """

    def __init__(self, watch: RequestWatch, inner: Any = None) -> None:
        """Check the requests that go to `inner`."""
        self.watch = watch
        self.inner = inner

    def handle_request(self, request: Any) -> Any:
        """Check a request and send it. Raises GuardError as the mode says, and whatever `inner` raises."""
        inner = self._inner(request, "HTTPTransport")
        if self.watch.applies_to(request):
            body = request.read()
            if self.watch.should_fix(request, body):
                request = self.watch.fix(request, body)
        return inner.handle_request(request)

    async def handle_async_request(self, request: Any) -> Any:
        """The same for an async client; images are edited in a thread."""
        inner = self._inner(request, "AsyncHTTPTransport")
        if self.watch.applies_to(request):
            body = await request.aread()
            if self.watch.should_fix(request, body):
                from anyio import to_thread  # noqa: PLC0415 - extra

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
    """The model and the platform that a URL shows."""
    found = address_of(str(url))
    return InspectionTarget(found.model, found.platform)


def refusal(found: Iterable[Finding], more: str = "") -> GuardError:
    """The error for these findings."""
    found = tuple(found)
    text = "\n".join([f"not sent: the API would reject this request{more}", *_lines(found)])
    return _not_sent(text, found)


def fault(doing: str, error: Exception) -> GuardError:
    """The error for a request that could not be checked or fixed: it has no findings, and names the fault."""
    return _not_sent(f"not sent: {_fault_text(doing, error)}")


def _fault_text(doing: str, error: Exception) -> str:
    if isinstance(error, UnreadableError):
        return f"this request is too large or too deeply nested for {doing} ({one_line(str(error))})"
    reason = one_line(f"{type(error).__name__}: {error}")[:_LONGEST_FAULT]
    return (
        f"{doing} this request failed ({reason}); this is a fault in imgbudget or a rule pack, "
        "not in the connection: please report it"
    )


def _not_sent(text: str, found: tuple[Finding, ...] = ()) -> GuardError:
    """An error that says why nothing was sent; if the SDK is loaded, one that it does not retry."""
    if "anthropic" not in sys.modules:
        return GuardError(text, found)
    from imgbudget.live.refusal import RefusedRequestError  # noqa: PLC0415 - extra

    return RefusedRequestError(text, found)


def _warn(found: tuple[Finding, ...]) -> None:
    head = f"the API is likely to reject this request: {count(len(found), 'finding')}"
    _emit("\n".join([head, *_lines(found)]), found)


def _emit(text: str, found: tuple[Finding, ...] = ()) -> None:
    """Warn. Raises GuardError where a filter turns warnings into errors: the SDK would hide any other."""
    try:
        warnings.warn(text, RequestWarning, stacklevel=2)
    except RequestWarning:
        raise _not_sent(f"not sent, as warnings are errors here: {text}", found) from None


def _warn_unread(found: tuple[Finding, ...]) -> None:
    head = f"{count(len(found), 'document')} of this request could not be checked"
    _emit("\n".join([head, *_lines(found)]), found)


def _lines(found: tuple[Finding, ...]) -> list[str]:
    lines = [f"  {_line(finding)}" for finding in found[:_SHOWN]]
    if len(found) > _SHOWN:
        lines.append(f"  and {figure(len(found) - _SHOWN)} more")
    return lines


def _line(finding: Finding) -> str:
    """A finding in one line: block, rule, message and remedy."""
    where = finding.location.dotted or "the request"
    text = f"{where}: {finding.code} {finding.name}: {finding.message}"
    remedy = finding.help or (finding.fix.title if finding.fix else None)
    return one_line(f"{text}; {remedy}" if remedy else text)


def _is_signed(headers: Any) -> bool:
    """Whether the body is signed (AWS Signature Version 4)."""
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
    """Guard a client of the official SDK or of httpx, sync or async, and return it.

    Every request of the client is checked before it is sent: messages, streams, batches, token counts.
    Findings of `level` and above count; `error` is what the API rejects. Mode `raise` raises GuardError,
    which names block, rule and remedy, and sends nothing; `warn` sends and warns (RequestWarning); `fix`
    applies the safe fixes in transit and warns about what remains. `options` set limits and configuration,
    as for `check`; the request's own model and the platform of its URL take precedence. Copies that share
    the client's connections (`with_options`) are guarded too; guarding again changes the mode.

    Raises:
        UsageError: an unknown type of client, mode or level.
        ConfigError: an invalid configuration.
    """
    http: Any = getattr(client, "_client", client)
    if not hasattr(http, "_transport") or not hasattr(http, "_mounts"):
        raise UsageError(
            f"guard accepts a client of the anthropic SDK or of httpx, not {type(client).__name__}"
        )
    watch = _watch(mode, level, options)
    http._transport = _guarded(http._transport, watch)  # noqa: SLF001 - httpx takes a transport only when created
    http._mounts = {  # noqa: SLF001 - as above
        pattern: transport and _guarded(transport, watch)
        for pattern, transport in http._mounts.items()  # noqa: SLF001 - as above
    }
    return client


@accepts_wishes
def guard_transport(
    inner: Any = None, mode: Mode = "raise", *, level: Level = "error", options: RunOptions | None = None
) -> Any:
    """A guarding transport for any client of httpx or httpx2, sync or async; see `guard`.

    `httpx.Client(transport=imgbudget.guard_transport())`. It passes requests to `inner`, by default to the
    library's own transport.
    """
    return _guarded(inner, _watch(mode, level, options))


def _watch(mode: str, level: str, options: RunOptions | None) -> RequestWatch:
    if mode not in MODES:
        raise UsageError(f"unknown mode {mode!r}; known modes: {', '.join(MODES)}")
    if level.upper() not in Severity.__members__:
        raise UsageError(f"unknown level {level!r}; known levels: {', '.join(map(str, Severity))}")
    return RequestWatch(Inspector(options or RunOptions(), Severity[level.upper()]), mode)  # type: ignore[arg-type]


def _guarded(transport: Any, watch: RequestWatch) -> GuardTransport:
    return GuardTransport(watch, transport.inner if isinstance(transport, GuardTransport) else transport)
