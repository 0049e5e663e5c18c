"""Where requests leave a program: in the HTTP libraries of SDKs, each with the same check of the same bytes.

None of them is imported here: the requests themselves show which library it is.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import partial
from importlib import import_module
from typing import Any, Protocol, Self

from imgbudget.live.watch import RequestHead

_REPLACED = ("content-length", "transfer-encoding", "content-encoding")


class Watch(Protocol):
    """What checks requests: a `RequestWatch`, or the part of one for a single call."""

    def reads(self, head: RequestHead) -> bool:
        """Whether the body of a request is to be read."""

    def due(self, head: RequestHead, body: bytes) -> bytes | None:
        """What of a body is to be fixed, decoded."""

    def fixed(self, head: RequestHead, body: bytes) -> bytes | None:
        """A decoded body fixed."""


_ARRIVED: ContextVar[list[bool] | None] = ContextVar("imgbudget_arrived", default=None)


@contextmanager
def arrivals() -> Iterator[list[bool]]:
    """A list that is not empty once a request arrived at a transport of the guard, in this thread or task."""
    arrived: list[bool] = []
    outer = _ARRIVED.get()
    token = _ARRIVED.set(arrived)
    try:
        yield arrived
    finally:
        _ARRIVED.reset(token)
        if arrived and outer is not None:
            outer.append(True)


def _note_arrival() -> None:
    if (arrived := _ARRIVED.get()) is not None:
        arrived.append(True)


class GuardTransport:
    """Checks requests and passes them to another transport, sync or async.

    It implements the transport interface of httpx 0.2x and httpx2, and imports neither. Without an `inner`
    transport, the library's default transport is created at the first request, whose type shows the library.
    """

    def __init__(self, watch: Watch, inner: Any = None) -> None:
        """Check the requests that go to `inner`."""
        self.watch = watch
        self.inner: Any = inner

    def handle_request(self, request: Any) -> Any:
        """Check a request and send it. Raises GuardError as the mode says, and whatever `inner` raises."""
        inner = self._inner(request, "HTTPTransport")
        _note_arrival()
        head = _head_of(request)
        if self.watch.reads(head):
            body = self.watch.due(head, request.read())
            if body is not None and (fixed := self.watch.fixed(head, body)) is not None:
                request = _with_body(request, fixed)
        return inner.handle_request(request)

    async def handle_async_request(self, request: Any) -> Any:
        """The same for an async client; images are edited in a thread."""
        inner = self._inner(request, "AsyncHTTPTransport")
        _note_arrival()
        head = _head_of(request)
        if self.watch.reads(head):
            body = self.watch.due(head, await request.aread())
            if body is not None:
                from anyio import to_thread  # noqa: PLC0415 - extra

                fixed = await to_thread.run_sync(partial(self.watch.fixed, head, body))
                request = request if fixed is None else _with_body(request, fixed)
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


def _head_of(request: Any) -> RequestHead:
    return RequestHead.of(request.method, str(request.url), request.headers)


def _with_body(request: Any, body: bytes) -> Any:
    headers = request.headers.copy()
    for name in _REPLACED:
        headers.pop(name, None)
    return type(request)(
        request.method, request.url, headers=headers, content=body, extensions=request.extensions
    )


class GuardMiddleware:
    """Checks the requests of a session of aiohttp 3.12 or newer."""

    def __init__(self, watch: Watch) -> None:
        """Check them by `watch`."""
        self.watch = watch

    async def __call__(self, request: Any, handler: Callable[[Any], Awaitable[Any]]) -> Any:
        """Check a request and send it; images are edited in a thread."""
        head = _head_of(request)
        if request.compress:  # the session does that to the body while it sends it
            head.headers.pop("content-encoding", None)
        if self.watch.reads(head):
            content = request.body
            body = self.watch.due(head, await content.as_bytes() if content else b"")
            if body is not None:
                fixed = await asyncio.to_thread(self.watch.fixed, head, body)
                if fixed is not None:
                    request.headers.pop("Content-Encoding", None)
                    request.compress = None
                    await request.update_body(fixed)
        return await handler(request)


def check_call(watch: Watch, params: dict[str, Any]) -> None:
    """Check a call of botocore, whose body is complete and not signed yet. Raises GuardError."""
    head = RequestHead.of(params["method"], params["url"], params["headers"])
    if not watch.reads(head):
        return
    body = params["body"]
    if hasattr(body, "read"):
        body = body.read()
        params["body"] = body
    data = watch.due(head, body.encode() if isinstance(body, str) else bytes(body or b""))
    if data is not None and (fixed := watch.fixed(head, data)) is not None:
        headers = params["headers"]
        for name in [name for name in headers if name.lower() in _REPLACED]:
            del headers[name]
        params["body"] = fixed
