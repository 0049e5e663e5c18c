"""A server on loopback that answers with any bytes, at any pace."""

import json
import socket
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from time import sleep
from typing import Any

Answer = bytes | Callable[[bytes], Iterable[bytes]]
"""Bytes, or a function of the request that generates them."""


class RawServer:
    """What it answers, by path or for all paths, and the requests that came."""

    def __init__(self) -> None:
        """Answer nothing yet."""
        self.answers: dict[bytes, Answer] = {}
        self.seen: list[bytes] = []
        self.url = ""

    def answer(self, request: bytes) -> Iterable[bytes]:
        """The pieces of the answer to a request."""
        path = request.split(b" ", 2)[1].partition(b"?")[0]
        found = self.answers.get(path, self.answers.get(b"*", b""))
        return [found] if isinstance(found, bytes) else found(request)


@contextmanager
def raw_server() -> Iterator[RawServer]:
    """A server that talks to each connection in a thread, and closes it after one answer."""
    made = RawServer()
    over = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as listening:
        listening.settimeout(0.1)
        made.url = f"http://127.0.0.1:{listening.getsockname()[1]}"

        def accept() -> None:
            while not over.is_set():
                with suppress(TimeoutError):
                    connection, _ = listening.accept()
                    threading.Thread(target=_talk, args=(made, connection, over), daemon=True).start()

        thread = threading.Thread(target=accept, daemon=True)
        thread.start()
        try:
            yield made
        finally:
            over.set()
            thread.join(10)


def _talk(server: RawServer, connection: socket.socket, over: threading.Event) -> None:
    connection.settimeout(30)
    with connection, suppress(OSError):
        request = _request(connection)
        if not request:
            return
        server.seen.append(request)
        for piece in server.answer(request):
            if over.is_set():
                return
            connection.sendall(piece)


def _request(connection: socket.socket) -> bytes:
    data = b""
    while b"\r\n\r\n" not in data:
        if not (piece := connection.recv(65536)):
            return b""
        data += piece
    head, _, rest = data.partition(b"\r\n\r\n")
    lengths = [
        int(line.split(b":")[1]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length")
    ]
    while len(rest) < sum(lengths):
        if not (piece := connection.recv(65536)):
            break
        rest += piece
    return head + b"\r\n\r\n" + rest


def http(
    content: bytes | str | dict[str, Any] | list[Any] = b"",
    status: str = "200 OK",
    *headers: str,
    kind: str = "application/json",
    length: int | None = None,
) -> bytes:
    """An answer; a value is sent as JSON."""
    if isinstance(content, dict | list):
        content = json.dumps(content)
    text = content.encode() if isinstance(content, str) else content
    size = len(text) if length is None else length
    lines = [
        f"HTTP/1.1 {status}",
        f"Content-Type: {kind}",
        f"Content-Length: {size}",
        *headers,
        "Connection: close",
    ]
    return "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + text


def unbounded(*headers: str, kind: str = "application/json") -> bytes:
    """The head of an answer that lasts until the connection is closed."""
    return "\r\n".join(
        ["HTTP/1.1 200 OK", f"Content-Type: {kind}", *headers, "Connection: close", "", ""]
    ).encode()


def dripping(head: bytes, piece: bytes, pause: float = 0.05) -> Answer:
    """A piece now and then, for ever."""

    def pieces(_request: bytes) -> Iterator[bytes]:
        yield head
        while True:
            sleep(pause)
            yield piece

    return pieces


def flooding(head: bytes, piece: bytes) -> Answer:
    """Pieces as fast as they are read, for ever."""

    def pieces(_request: bytes) -> Iterator[bytes]:
        yield head
        while True:
            yield piece

    return pieces


def silent(head: bytes = b"") -> Answer:
    """The head, and then nothing, without closing the connection."""

    def pieces(_request: bytes) -> Iterator[bytes]:
        yield head
        for _ in range(600):
            sleep(0.05)
            yield b""

    return pieces
