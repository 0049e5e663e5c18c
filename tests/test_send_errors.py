"""Failures of the API and of servers in front of it: named with rule and block, exit 2, recorded."""

import json
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from werkzeug import Response

from tests.builders import body, image_block, image_bytes, text_block, write_json
from tests.conftest import Command, Run
from tests.errortexts import TEXTS, ErrorText
from tests.liveapi import Api, answer, envelope, events, message

Json = dict[str, Any]
MODEL = "claude-sonnet-4-6"
ENDPOINTS = {
    "/v1/messages": ("--yes",),
    "/v1/messages/count_tokens": ("--count",),
    "/v1/files": ("--yes", "--upload"),
}


@cache
def large() -> bytes:
    """An image over 2000 px."""
    return image_bytes((2500, 2500))


def refused(text: ErrorText) -> Json:
    """A request whose second block the error text is about."""
    nested = text.path is not None and text.path.startswith("tool_result")
    image = image_block(large())
    block = (
        {"type": "tool_result", "tool_use_id": "t", "content": [text_block("shot"), image]}
        if nested
        else image
    )
    return body(text_block("look"), block)


def worded(text: ErrorText) -> str:
    """The text with its location, as the API words it."""
    if text.path is None:
        return text.text
    dot = "." if text.path else ""
    return f"messages.0.content.1{dot}{text.path}: {text.text}"


def send(imgbudget: Command, *arguments: str, name: str = "r.json") -> Run:
    """`send` without retries, forced, so that the API has the word."""
    return imgbudget("send", name, "--force", "--retries", "0", "--record", "seen.jsonl", *arguments)


def seen(folder: Path) -> list[Json]:
    """The observations that were kept."""
    return [json.loads(line) for line in (folder / "seen.jsonl").read_text().splitlines()]


@pytest.mark.parametrize("text", TEXTS, ids=lambda text: f"{text.code}-{text.text[:30]}")
def test_each_error_text_is_matched_on_each_endpoint(
    imgbudget: Command, api: Api, tmp_path: Path, text: ErrorText
) -> None:
    """Send, stream, count and upload: rule and block are named, the observation is kept, exit 2."""
    write_json(tmp_path / "r.json", refused(text))
    kind = "request_too_large" if text.status == 413 else "invalid_request_error"
    for path, arguments in ENDPOINTS.items():
        api.always(answer(envelope(worded(text), kind), text.status), path)
        more = [arguments, (*arguments, "--stream")] if path == "/v1/messages" else [arguments]
        for options in more:
            run = send(imgbudget, *options)
            assert run.code == 2
            assert f"imgbudget: {text.status} {kind}: {worded(text)}" in run.err
            if text.code:
                assert f"{text.code} " in run.err
            assert "request:  req_1" not in run.err
            if text.path:
                assert f"location: messages.0.content.1{'.' if text.path else ''}{text.path}" in run.err
                assert "block:" in run.err
    records = seen(tmp_path)
    assert len(records) == 4
    for record in records:
        assert record["error"]["status"] == text.status
        assert record["error"]["rules"] == ([text.code] if text.code else [])
        assert "observed" not in record


def test_each_error_text_is_matched_in_a_batch(imgbudget: Command, api: Api, tmp_path: Path) -> None:
    """Each failed request of a batch is shown with its rule; all are recorded, the results are complete."""
    lines = [{"custom_id": f"c{i}", "params": refused(text)} for i, text in enumerate(TEXTS)]
    (tmp_path / "b.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    results = "".join(
        json.dumps({"custom_id": f"c{i}", "result": {"type": "errored", "error": envelope(worded(text))}})
        + "\n"
        for i, text in enumerate(TEXTS)
    )
    ended = {"id": "msgbatch_1", "processing_status": "ended", "request_counts": {"errored": len(TEXTS)}}
    api.always(answer(ended), "/v1/messages/batches")
    api.on("/v1/messages/batches/msgbatch_1/results", lambda _: Response(results), "GET")
    run = send(imgbudget, "--yes", "--output", "out.jsonl", name="b.jsonl")
    assert run.code == 2
    assert "request c0: 400 invalid_request_error: messages.0.content.1.tool_result" in run.err
    assert "b.jsonl:1:" in run.err
    assert f"{len(TEXTS)} requests failed" in run.out
    assert (tmp_path / "out.jsonl").read_text() == results
    assert [record["error"]["rules"] for record in seen(tmp_path)] == [
        [text.code] if text.code else [] for text in TEXTS
    ]


def test_findings_on_the_block_are_shown(imgbudget: Command, api: Api, tmp_path: Path) -> None:
    """The finding on the refused block is shown with the error."""
    blocks = [image_block(image_bytes((2100, 90), colour=i)) for i in range(21)]
    write_json(tmp_path / "r.json", body(*blocks))
    text = (
        "messages.0.content.4.image.source.base64.data: At least one of the image dimensions exceed max "
        "allowed size for many-image requests: 2000 pixels"
    )
    api.always(answer(envelope(text), 400))
    run = send(imgbudget, "--yes")
    assert "r.json:1:" in run.err
    assert "/messages/0/content/4/source" in run.err
    assert "IB102: long edge is 2100 px in a request of 21 images" in run.err
    assert seen(tmp_path)[0]["error"]["locations"] == ["messages.0.content.4"]


def test_paths_that_the_error_names_win_over_its_text(imgbudget: Command, api: Api, tmp_path: Path) -> None:
    """`details.paths` (SDK 2, ImageDimensionsTooLargeError) names blocks where the text counts them flat."""
    result = {"type": "tool_result", "tool_use_id": "t"}
    shots = [image_block(image_bytes((2100, 90), colour=i)) for i in range(21)]
    write_json(
        tmp_path / "r.json", body({**result, "content": shots[:11]}, {**result, "content": shots[11:]})
    )
    told = envelope(
        "messages.0.content.13.image.source.base64.data: At least one of the image dimensions exceed max "
        "allowed size for many-image requests: 2000 pixels"
    )
    told["error"]["details"] = {
        "error_code": "image_dimensions_too_large",
        "max_side_length_pixels": 2000,
        "paths": ["messages.0.content.1.content.2", "messages.0.content.1.content.3"],
    }
    api.always(answer(told, 400))
    run = send(imgbudget, "--yes", "--format", "json")
    (error,) = run.json["errors"]
    (explained,) = error["explained"]
    assert [block["location"] for block in explained["blocks"]] == told["error"]["details"]["paths"]
    assert explained["blocks"][0]["findings"][0]["code"] == "IB102"


def test_block_that_the_error_names_shows_only_the_findings_of_its_rule(
    imgbudget: Command, api: Api, tmp_path: Path
) -> None:
    """Other rules report the same image; what they say does not explain the error and is left out."""
    blocks = [image_block(image_bytes((2100, 90), colour=i)) for i in range(21)]
    write_json(tmp_path / "r.json", body(*blocks))
    checked = imgbudget("check", "r.json", "--format", "json", "--isolated").json["findings"]
    first = {it["code"] for it in checked if (it["pointer"] or "").startswith("/messages/0/content/0/")}
    assert {"IB102", "IB201"} <= first
    refusal = envelope(
        "At least one of the image dimensions exceed max allowed size for many-image requests: 2000 pixels"
    )
    refusal["error"]["details"] = {
        "error_code": "image_dimensions_too_large",
        "max_side_length_pixels": 2000,
        "paths": ["messages.0.content.0"],
    }
    api.always(answer(refusal, 400))
    (error,) = send(imgbudget, "--yes", "--format", "json").json["errors"]
    ((block,),) = [explained["blocks"] for explained in error["explained"]]
    assert [finding["code"] for finding in block["findings"]] == ["IB102"]


@pytest.mark.parametrize(
    ("reply", "words"),
    [
        (
            answer(
                {"error": {"type": "request_too_large", "message": "Request exceeds the maximum size"}}, 413
            ),
            ("413 request_too_large: Request exceeds the maximum size", "IB401 payload-over-limit"),
        ),
        (
            Response(
                "<html><head><title>413 Request Entity Too Large</title></head><body>nginx",
                413,
                content_type="text/html",
            ),
            (
                "413 edge: the response did not come from the API, but is text/html: 413",
                "IB401 payload-over-limit",
            ),
        ),
        (answer(envelope("slow down", "rate_limit_error"), 429), ("429 rate_limit_error: slow down", "wait")),
        (answer(envelope("Overloaded", "overloaded_error"), 529), ("529 overloaded_error", "again later")),
        (
            answer(envelope("who?", "authentication_error"), 401),
            ("401 authentication_error", "check the key"),
        ),
        (answer(envelope("no model", "not_found_error"), 404), ("404 not_found_error", "model id")),
        (
            Response("<p>Sign in to the <b>proxy</b></p>", 200, content_type="text/html"),
            ("200 edge", "text/html: Sign in to the proxy"),
        ),
        (
            Response("<p>Bad gateway</p>", 502),
            ("502 edge: the response did not come from the API", "send it again later"),
        ),
        (Response("{}", 200, content_type="application/json"), ("200 edge", "did not come from the API")),
        (Response("", 204), ("204 edge", "did not come from the API")),
    ],
    ids=lambda value: "" if isinstance(value, tuple) else f"{value.status_code}",
)
def test_answers_of_the_edge_and_of_proxies(
    imgbudget: Command, api: Api, tmp_path: Path, reply: Response, words: tuple[str, ...]
) -> None:
    """Pages, empty answers and errors about no block: a clear message, exit 2, the observation kept."""
    write_json(tmp_path / "r.json", body(image_block()))
    for path, arguments in (("/v1/messages", ("--yes",)), ("/v1/messages/count_tokens", ("--count",))):
        api.always(reply, path)
        run = send(imgbudget, *arguments)
        assert run.code == 2
        assert all(word in run.err for word in words), run.err
        assert "Traceback" not in run.err
    assert [record["error"]["status"] for record in seen(tmp_path)] == [reply.status_code] * 2


def test_a_proxy_that_answers_a_stream_with_html(imgbudget: Command, api: Api, tmp_path: Path) -> None:
    """A page in place of the stream is no empty answer."""
    api.always(Response("<p>Sign in</p>", 200, content_type="text/html"))
    write_json(tmp_path / "r.json", body(image_block()))
    run = send(imgbudget, "--yes", "--stream")
    assert run.code == 2
    assert "the response did not come from the API, but is text/html: Sign in" in run.err


@pytest.mark.parametrize("at_end", [True, False])
def test_a_stream_that_breaks_off(imgbudget: Command, api: Api, tmp_path: Path, *, at_end: bool) -> None:
    """Text already shown stays; a message says that the end is missing."""
    text = events(MODEL, 30, "A grey ", "squ", whole=False)
    text += b"" if at_end else b'event: content_block_delta\ndata: {"type": "content_'
    api.always(Response(text, content_type="text/event-stream"))
    write_json(tmp_path / "r.json", body(image_block()))
    run = send(imgbudget, "--yes", "--stream")
    assert run.code == 2
    assert run.out == "A grey squ"
    assert "stream: the answer broke off: the stream ended before the message did" in run.err
    assert seen(tmp_path)[0]["error"]["origin"] == "stream"


def test_an_error_inside_a_stream(imgbudget: Command, api: Api, tmp_path: Path) -> None:
    """Overload in the middle of an answer comes as an event."""
    wrong = f"event: error\ndata: {json.dumps(envelope('Overloaded', 'overloaded_error'))}\n\n".encode()
    text = events(MODEL, 30, "A ", whole=False) + wrong
    api.always(Response(text, content_type="text/event-stream"))
    write_json(tmp_path / "r.json", body(image_block()))
    run = send(imgbudget, "--yes", "--stream")
    assert run.code == 2
    assert "overloaded_error: Overloaded" in run.err


@contextmanager
def raw_server(handle: Callable[[socket.socket], None]) -> Iterator[str]:
    """A server that does to a connection what HTTP servers do not."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            connection, _ = server.accept()
            with connection:
                handle(connection)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.getsockname()[1]}"
        thread.join(5)


def _cut(connection: socket.socket) -> None:
    connection.recv(65536)
    connection.sendall(
        b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
    )
    text = events(MODEL, 30, "A ", whole=False)
    connection.sendall(f"{len(text):x}\r\n".encode() + text + b"\r\n")


def _hang_up(connection: socket.socket) -> None:
    connection.recv(65536)


def _say_nothing(connection: socket.socket) -> None:
    connection.settimeout(5)
    while connection.recv(65536):
        pass


@pytest.mark.parametrize(
    ("handle", "options", "words"),
    [
        (_cut, ("--stream",), "stream: the answer broke off: "),
        (_hang_up, (), "connection: no connection: "),
        (_say_nothing, ("--timeout", "0.2"), "timeout: timed out"),
    ],
)
def test_connections_that_fail(  # noqa: PLR0913 - what a case is made of
    imgbudget: Command,
    api: Api,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    *,
    handle: Callable[[socket.socket], None],
    options: tuple[str, ...],
    words: str,
) -> None:
    """A cut stream, a server that hangs up, one that says nothing: exit 2, observed."""
    write_json(tmp_path / "r.json", body(image_block()))
    with raw_server(handle) as url:
        monkeypatch.setenv("ANTHROPIC_BASE_URL", url)
        run = send(imgbudget, "--yes", *options)
    assert run.code == 2
    assert words in run.err
    assert len(seen(tmp_path)) == 1


def test_refused_connection(
    imgbudget: Command, api: Api, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A wrong base URL is a connection that failed."""
    monkeypatch.setenv("ANTHROPIC_BASE_URL", "http://127.0.0.1:9")
    write_json(tmp_path / "r.json", body(image_block()))
    run = send(imgbudget, "--yes")
    assert run.code == 2
    assert "connection: no connection: " in run.err
    assert "check the base URL" in run.err


def test_the_sdk_retries(imgbudget: Command, api: Api, tmp_path: Path) -> None:
    """A 529 with a short retry-after is tried again, with the very same bytes."""
    replies = iter(
        [
            answer(envelope("Overloaded", "overloaded_error"), 529, **{"retry-after-ms": "1"}),
            answer(message(MODEL, 76)),
        ]
    )
    api.always(lambda: next(replies))
    write_json(tmp_path / "r.json", body(image_block()))
    run = imgbudget("send", "r.json", "--yes", "--retries", "1")
    assert run.code == 0, run.err
    assert api.seen[0] == api.seen[1]
    assert [headers["X-Stainless-Retry-Count"] for headers in api.headers] == ["0", "1"]


def test_an_unwritable_record_is_reported(imgbudget: Command, api: Api, tmp_path: Path) -> None:
    """The answer was shown; that its observation could not be recorded is exit 2."""
    api.enforcing()
    write_json(tmp_path / "r.json", body(image_block()))
    run = imgbudget("send", "r.json", "--yes", "--record", "gone/seen.jsonl")
    assert run.code == 2
    assert "--record gone/seen.jsonl: cannot be written: no such file" in run.err
