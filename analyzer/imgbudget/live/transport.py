"""An HTTP transport that keeps each call within its bounds, and its images and keys at one host.

The SDK's own timeout bounds the gap between two reads, so that a server that sends a byte now and then is
waited for without end. Here another thread talks to the server, and the caller waits for it until the call is
over: also while a name is resolved, during a TLS handshake, and while headers or compressed data arrive.
"""

from collections.abc import Callable, Iterator
from queue import Empty, Full, Queue
from threading import Event, Thread
from typing import Any, Self

import httpx2
from anthropic import AnthropicError

from imgbudget.live.bounds import MOST_REDIRECTS, CallBounds
from imgbudget.output.base import figure

RESPONSE = httpx2.Response
INVALID_URL = httpx2.InvalidURL
TIMEOUT = httpx2.TimeoutException
BROKEN = (httpx2.HTTPError, httpx2.StreamError)
"""What of the SDK's HTTP layer the rest of live mode needs."""

_WAITING = 8
"""Parts of an answer that may wait to be read, of at most 1 MiB each."""
_STEP = 0.5
"""Seconds after which a wait looks at its clock again."""
_DROPPED = frozenset({b"content-encoding", b"content-length", b"transfer-encoding", b"set-cookie"})
_TYPE = b"content-type"
_KEEPS_BODY = frozenset({307, 308})


class AbortedCallError(AnthropicError):
    """A call that was ended here because of what the server did; the SDK raises it unchanged."""

    def __init__(self, origin: str, message: str, remedy: str, status: int | None = None) -> None:
        self.origin = origin
        self.message = message
        self.remedy = remedy
        self.status = status
        super().__init__(message)


class _AbandonedError(Exception):
    """Nobody reads the answer any more."""


class BoundedTransport:
    """Sends requests through another transport of httpx2, within bounds."""

    def __init__(self, inner: Any, bounds: CallBounds) -> None:
        """Keep what goes through `inner` within `bounds`."""
        self._inner = inner
        self._bounds = bounds

    def handle_request(self, request: Any) -> Any:
        """Send a request; the answer is decompressed and counted while it is read.

        Raises:
            AbortedCallError: the server redirects elsewhere; while the answer is read: it is too long.
            httpx2.TimeoutException: the time of the call is over.
        """
        bounds = self._bounds
        left = bounds.left
        if left <= 0:
            raise httpx2.ReadTimeout("the time of the call is over")
        given = request.extensions.get("timeout") or {}
        names = ("connect", "read", "write", "pool")
        request.extensions = {
            **request.extensions,
            "timeout": {name: left if given.get(name) is None else min(given[name], left) for name in names},
        }
        answer = _Answer(self._inner, request, bounds)
        response = answer.next()
        if response.has_redirect_location:
            try:
                self._check_redirect(request, response)
            except AbortedCallError:
                answer.close()
                raise
        return httpx2.Response(
            response.status_code,
            headers=[
                _plain(name, value) for name, value in response.headers.raw if name.lower() not in _DROPPED
            ],
            stream=answer,
            extensions=response.extensions,
        )

    def _check_redirect(self, request: Any, response: Any) -> None:
        """Raise AbortedCallError unless the same request may go to where the server redirects it."""
        status, old = response.status_code, request.url
        self._bounds.redirects += 1
        try:
            new = old.join(response.headers["location"])
        except (ValueError, TypeError, httpx2.InvalidURL):
            raise _redirect(status, "to an address that cannot be read") from None
        if _origin(new) != _origin(old) or new.userinfo not in (b"", old.userinfo):
            raise _redirect(status, f"to {new.scheme}://{new.host or '?'}, and is not followed")
        if request.method not in ("GET", "HEAD") and status not in _KEEPS_BODY:
            raise _redirect(status, "without the body, and is not followed")
        if self._bounds.redirects > MOST_REDIRECTS:
            raise _redirect(status, f"more than {MOST_REDIRECTS} times")

    def close(self) -> None:
        """Close the transport behind this one."""
        self._inner.close()

    def __enter__(self) -> Self:
        self._inner.__enter__()
        return self

    def __exit__(self, *error: object) -> None:
        self.close()


_SENDING = (
    "connect_tcp.started",
    "start_tls.started",
    "send_connection_init.started",
    "send_request_headers.started",
    "send_request_body.started",
)
"""Steps of httpcore that reach the server."""


class _Answer(httpx2.SyncByteStream):
    """The answer to a request, which another thread sends and reads."""

    def __init__(self, inner: Any, request: Any, bounds: CallBounds) -> None:
        self._parts: Queue[Any] = Queue(_WAITING)
        self._unwanted = Event()
        self._bounds = bounds
        request.extensions = {**request.extensions, "trace": self._on_step}
        Thread(target=self._talk, args=(inner, request), name="imgbudget-call", daemon=True).start()

    def _talk(self, inner: Any, request: Any) -> None:
        end: Exception | None = None
        try:
            response = inner.handle_request(request)
            try:
                self._put(response)
                for piece in response.iter_bytes():
                    self._put(piece)
            finally:
                response.close()
        except (httpx2.HTTPError, httpx2.StreamError, httpx2.InvalidURL, AnthropicError) as error:
            end = error
        except _AbandonedError:
            return
        except Exception as error:  # noqa: BLE001 - raised where the answer is read
            end = httpx2.ReadError(f"{type(error).__name__}: {error}")
        try:
            self._put(end)
        except _AbandonedError:
            return

    def _on_step(self, name: str, _details: object) -> None:
        """Before each step of the connection: send nothing that is no longer waited for."""
        if self._unwanted.is_set() and name.endswith(_SENDING):
            raise _AbandonedError

    def _put(self, part: Any) -> None:
        while not self._unwanted.is_set():
            try:
                self._parts.put(part, timeout=_STEP)
            except Full:
                continue
            return
        raise _AbandonedError

    def next(self) -> Any:
        """The next part: the response without its content, then pieces of it, then None. Raises its error."""
        while (left := self._bounds.left) > 0:
            try:
                part = self._parts.get(timeout=min(left, _STEP))
            except Empty:
                continue
            if isinstance(part, Exception):
                raise part
            return part
        self.close()
        raise httpx2.ReadTimeout("the time of the call is over")

    def __iter__(self) -> Iterator[bytes]:
        while (piece := self.next()) is not None:
            if not self._bounds.accepts(len(piece)):
                self.close()
                most = figure(self._bounds.most_bytes or 0)
                raise AbortedCallError(
                    "stream",
                    f"the answer has more than {most} bytes, and the rest was not read",
                    "check the base URL; no answer of the API is that long",
                )
            yield piece

    def close(self) -> None:
        """Read no further; the thread ends as soon as it notices."""
        self._unwanted.set()


def bound(client: Any, bounds: CallBounds) -> None:
    """Keep all calls of an SDK client within bounds; proxies and certificates stay as the SDK set them."""
    http = client._client  # noqa: SLF001 - httpx takes a transport only when created, without proxies
    wrapped: Callable[[Any], Any] = lambda inner: inner and BoundedTransport(inner, bounds)  # noqa: E731
    http._transport = wrapped(http._transport)  # noqa: SLF001 - as above
    http._mounts = {pattern: wrapped(inner) for pattern, inner in http._mounts.items()}  # noqa: SLF001 - as above


def _origin(url: Any) -> tuple[str, str, int | None]:
    port = url.port if url.port is not None else {"http": 80, "https": 443}.get(url.scheme)
    return url.scheme, url.host, port


def _redirect(status: int, where: str) -> AbortedCallError:
    return AbortedCallError(
        "edge",
        f"the server redirects the request {where}",
        "nothing was sent there; check the base URL, and proxies (HTTPS_PROXY)",
        status,
    )


def _plain(name: bytes, value: bytes) -> tuple[bytes, bytes]:
    """A header; a media type without its charset, which may name any codec: answers are UTF-8."""
    return (name, value.partition(b";")[0]) if name.lower() == _TYPE else (name, value)
