"""The HTTP sessions for one https host: other hosts are reached by redirects only, private ones never.

Needs aiohttp, which fsspec uses for https.
"""

from typing import Any, NamedTuple

import aiohttp

from imgbudget.auditing.urls import is_private_host, is_public_address

MOST_BYTES = 64 << 20
"""Bytes of one answer that is read as a whole, at most: what is asked for is shorter."""

ELSEWHERE = "the server redirects to an address that is not on the public internet or not https"
PRIVATE = "its host has a private address; only the command line may name one"


class Sessions(NamedTuple):
    """Makes the sessions of fsspec. Each request goes to `store`, a host with or without a port.

    A redirect is followed to https on public hosts, which is what a row may name itself. The host itself may
    be private if the command line names it.
    """

    store: str
    named: bool

    async def __call__(self, **options: Any) -> Any:
        """A session."""
        trace = aiohttp.TraceConfig()
        trace.on_request_start.append(self._check_start)
        trace.on_request_redirect.append(self._check_redirect)
        return aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(resolver=_Resolver(self)),
            trace_configs=[trace],
            response_class=_Response,
            **options,
        )

    def is_own(self, url: Any) -> bool:
        """Whether a URL is on the host itself."""
        return bool(url.scheme == "https" and url.authority.lower().removesuffix(":443") == self.store)

    async def _check_start(self, _session: Any, _context: Any, params: Any) -> None:
        if not self.is_own(params.url):
            raise OSError(ELSEWHERE)

    async def _check_redirect(self, _session: Any, _context: Any, params: Any) -> None:
        location = params.response.headers.get("Location") or params.response.headers.get("URI") or ""
        target = params.url.join(type(params.url)(location))
        if not self.is_own(target) and (target.scheme != "https" or is_private_host(target.host or "")):
            raise OSError(ELSEWHERE)


class _Resolver(aiohttp.abc.AbstractResolver):  # type: ignore[misc]  # aiohttp is not always installed
    """Resolves names, without private addresses."""

    def __init__(self, sessions: Sessions) -> None:
        self.sessions = sessions
        self.inner = aiohttp.ThreadedResolver()

    async def resolve(self, host: str, *rest: Any, **options: Any) -> Any:
        """The addresses of a host."""
        found = await self.inner.resolve(host, *rest, **options)
        if self.sessions.named and host == self.sessions.store.partition(":")[0]:
            return found
        if not all(is_public_address(address["host"]) for address in found):
            raise OSError(PRIVATE)
        return found

    async def close(self) -> None:
        """Nothing is kept."""


class _Response(aiohttp.ClientResponse):  # type: ignore[misc]  # aiohttp is not always installed
    """An answer of bounded length, also after it is decompressed."""

    async def read(self) -> bytes:
        """The whole body."""
        if vars(self).get("_body") is None:
            parts, left = [], MOST_BYTES
            async for part in self.content.iter_any():
                left -= len(part)
                if left < 0:
                    raise OSError("the server sends more than was asked for")
                parts.append(part)
            self._body = b"".join(parts)
        body: bytes = await super().read()
        return body
