"""Hostile and broken servers: each behaviour has its message, ends in time, and no output shows a key."""

import gzip
import json
import time
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from tests.builders import body, image_block, write_json
from tests.conftest import Command, Run
from tests.hostile.rawserver import Answer, RawServer, dripping, flooding, http, silent, unbounded
from tests.liveapi import KEY, envelope, message

Json = dict[str, Any]
MODEL = "claude-sonnet-4-6"
SHORT = "0.6"
"""Seconds for calls that only the end of their time ends."""
AMPLE = "40"
PATIENCE = 120
"""Seconds after which such a call is taken for one without end."""
BOMB = gzip.compress(bytes(60 << 20), 1)
"""Packed quickly: every process that collects the tests makes it."""
BATCH = b"/v1/messages/batches"
ID = "msgbatch_1"


class Case(NamedTuple):
    """An answer, the words that the error has, the exit code, and the time of the call."""

    answer: Answer
    words: tuple[str, ...]
    code: int = 2
    timeout: str = AMPLE


def reply(**more: Any) -> Json:
    """A message of a model with other members."""
    return message(MODEL, 76) | more


def usage(**more: Any) -> Json:
    """A message of a model with another usage."""
    return message(MODEL, 76) | {"usage": {"input_tokens": 76, "output_tokens": 5} | more}


def raw_usage(number: str) -> str:
    """A message whose input tokens are this JSON text."""
    return json.dumps(usage(input_tokens="HERE")).replace('"HERE"', number)


def escaped(text: str) -> str:
    """A JSON string in which every letter is escaped."""
    return "".join(f"\\u{ord(letter):04x}" for letter in text)


def chunked(*chunks: bytes, end: bytes = b"0\r\n\r\n", kind: str = "application/json") -> bytes:
    """An answer in chunks."""
    head = unbounded("Transfer-Encoding: chunked", kind=kind)
    return head + b"".join(f"{len(chunk):x}\r\n".encode() + chunk + b"\r\n" for chunk in chunks) + end


OK = json.dumps(message(MODEL, 76)).encode()
FOREIGN = "the response did not come from the API"
BROKE = "stream: the answer broke off: "
UNKNOWN = "the answer's usage cannot be read: cost unknown"
LATE = ("timeout: timed out: no complete answer within 0.6 s", "may have been billed", "--timeout SECONDS")

ANSWERS: dict[str, Case] = {
    "empty": Case(http(), (FOREIGN, "was billed, and its cost is unknown")),
    "page": Case(http("<h1>Sign in</h1>", kind="text/html"), (FOREIGN, "text/html: Sign in")),
    "not-json": Case(http(b"{" + OK), (FOREIGN,)),
    "deep-json": Case(http(b"[" * 10_000 + b"]" * 10_000), (FOREIGN,)),
    "deep-content": Case(http(b'{"content": ' + b"[" * 600 + b"]" * 600 + b"}"), (FOREIGN,)),
    "many-values": Case(http(b'{"content": [' + b"[]," * 5_000_000 + b"[]]}"), (FOREIGN,)),
    "list": Case(http([1, 2]), (FOREIGN,)),
    "null": Case(http(b"null"), (FOREIGN,)),
    "no-content": Case(http({"type": "message"}), (FOREIGN,)),
    "content-is-text": Case(http(reply(content="hello")), (FOREIGN,)),
    "content-is-null": Case(http(reply(content=None)), (FOREIGN,)),
    "content-twice": Case(http(OK[:-1] + b', "content": []}'), (FOREIGN,)),
    "error-with-200": Case(http(envelope("no credit", "billing_error")), ("200 billing_error: no credit",)),
    "error-of-odd-types": Case(
        http({"error": {"message": ["x"], "type": 5, "details": 1}}, "400 Bad Request"),
        (f"400 edge: {FOREIGN}",),
    ),
    "error-of-odd-details": Case(
        http(
            {"error": {"message": "no", "type": ["x"], "details": {"paths": 7}}, "request_id": 9}, "400 Bad"
        ),
        ("400 api: no",),
    ),
    "error-names-many-blocks": Case(
        http({"error": {"message": "no", "details": {"paths": ["messages.0.content.0"] * 9_999}}}, "400 No"),
        ("400 api: no",),
    ),
    "error-is-deep-json": Case(http(b"[" * 10_000, "400 Bad Request"), ("400 edge",)),
    "error-has-no-codec": Case(http("no", "400 Bad Request", kind="text/plain; charset=hex"), ("400 edge",)),
    "no-codec": Case(http("no", kind="text/plain; charset=bz2"), (FOREIGN,)),
    "huge-header": Case(http(OK, "200 OK", "X-Long: " + "x" * 300_000), ("connection: no connection: ",)),
    "header-without-colon": Case(http(OK, "200 OK", "nothing"), ("connection: no connection: ",)),
    "endless-headers": Case(dripping(b"HTTP/1.1 200 OK\r\n", b"X-A: b\r\n"), LATE, timeout=SHORT),
    "endless-1xx": Case(dripping(b"", b"HTTP/1.1 103 Early Hints\r\n\r\n"), LATE, timeout=SHORT),
    "endless-header-flood": Case(flooding(b"HTTP/1.1 200 OK\r\n", b"X-A: b\r\n"), ("connection: ",)),
    "not-http": Case(b"SSH-2.0-OpenSSH_9.6\r\n", ("connection: no connection: ",)),
    "hang-up": Case(b"", ("connection: no connection: ", "may have been billed")),
    "switching": Case(http("", "101 Switching Protocols", "Upgrade: h2c"), ("connection: no connection: ",)),
    "no-content-204": Case(b"HTTP/1.1 204 No Content\r\n\r\n", (f"204 edge: {FOREIGN}",)),
    "not-modified": Case(b"HTTP/1.1 304 Not Modified\r\n\r\n", ("304 edge",)),
    "teapot": Case(http("I'm a teapot", "418 I'm a teapot"), ("418 edge", "I'm a teapot")),
    "overloaded": Case(
        http(envelope("Overloaded", "overloaded_error"), "529 Overloaded"), ("529 overloaded_error",)
    ),
    "proxy-wants-login": Case(http("login", "407 Proxy Authentication Required"), ("407 edge",)),
    "status-999": Case(http("?", "999 What"), ("999 edge",)),
    "status-of-two-digits": Case(http("?", "99 What"), ("connection: no connection: ",)),
    "multiple-choices": Case(http("?", "300 Multiple Choices", "Location: http://a.invalid/"), ("300 edge",)),
    "wrong-length-long": Case(http(OK, length=len(OK) + 1), (BROKE, "the part that arrived was billed")),
    "wrong-length-short": Case(http(OK, length=len(OK) - 9), (FOREIGN,)),
    "negative-length": Case(http(OK, length=-1), ("connection: no connection: ",)),
    "chunks-cut": Case(chunked(OK[:50], end=b""), (BROKE,)),
    "chunk-cut": Case(chunked(OK[:50], end=b"ff\r\nabc"), (BROKE,)),
    "chunk-size-is-no-number": Case(chunked(OK[:50], end=b"zz\r\nabc"), (BROKE,)),
    "gzip-broken": Case(
        http(gzip.compress(OK)[:-20] + b"x" * 9, "200 OK", "Content-Encoding: gzip"), (FOREIGN,)
    ),
    "not-gzip": Case(http(OK, "200 OK", "Content-Encoding: gzip"), (BROKE,)),
    "too-many-encodings": Case(http(OK, "200 OK", "Content-Encoding: " + "gzip, " * 9 + "gzip"), (BROKE,)),
    "unknown-encoding": Case(http(b"\x00\x01", "200 OK", "Content-Encoding: rot13"), (FOREIGN,)),
    "bomb": Case(
        http(BOMB, "200 OK", "Content-Encoding: gzip"),
        ("stream: the answer has more than 33,554,432 bytes", "may have been billed"),
    ),
    "bomb-in-an-error": Case(
        http(BOMB, "400 Bad Request", "Content-Encoding: gzip"),
        ("the answer has more than 33,554,432 bytes",),
    ),
    "endless-body": Case(
        flooding(unbounded(), b" " * 65536),
        ("the answer has more than 33,554,432 bytes, and the rest was not read",),
    ),
    "dripping-body": Case(dripping(unbounded(), b" "), LATE, timeout=SHORT),
    "dripping-chunk-extension": Case(
        dripping(unbounded("Transfer-Encoding: chunked") + b"1;", b"x"), LATE, timeout=SHORT
    ),
    "dripping-gzip": Case(
        dripping(unbounded("Content-Encoding: gzip") + gzip.compress(b"")[:10], b"\x00"),
        ("stream: ",),
        timeout=SHORT,
    ),
    "silent": Case(silent(), LATE, timeout=SHORT),
    "silent-after-headers": Case(silent(unbounded()), LATE, timeout=SHORT),
    "silent-after-half": Case(silent(unbounded() + OK[:60]), LATE, timeout=SHORT),
    "usage-is-nan": Case(http(raw_usage("NaN")), (UNKNOWN, "the Console shows what was billed")),
    "usage-is-infinite": Case(http(raw_usage("Infinity")), (UNKNOWN,)),
    "usage-is-1e400": Case(http(raw_usage("1e400")), (UNKNOWN,)),
    "usage-is-negative": Case(http(usage(input_tokens=-76)), (UNKNOWN,)),
    "usage-is-huge": Case(http(usage(input_tokens=10**18)), (UNKNOWN,)),
    "usage-has-5000-digits": Case(http(raw_usage("9" * 5000)), (UNKNOWN,)),
    "usage-is-text": Case(http(usage(input_tokens="76")), (UNKNOWN,)),
    "usage-is-a-float": Case(http(usage(input_tokens=76.5)), (UNKNOWN,)),
    "usage-is-true": Case(http(usage(output_tokens=True)), (UNKNOWN,)),
    "usage-is-null": Case(http(reply(usage=None)), (UNKNOWN,)),
    "usage-is-a-list": Case(http(reply(usage=[76])), (UNKNOWN,)),
    "usage-is-empty": Case(http(reply(usage={})), (UNKNOWN,)),
    "usage-without-output": Case(http(reply(usage={"input_tokens": 76})), (UNKNOWN,)),
    "usage-of-cache-is-negative": Case(http(usage(cache_read_input_tokens=-70)), (UNKNOWN,)),
    "usage-twice": Case(http(raw_usage('76, "input_tokens": 7')), (UNKNOWN,)),
    "usage-twice-and-equal": Case(http(raw_usage('76, "input_tokens": 76')), (), code=0),
    "odd-blocks": Case(
        http(
            reply(
                content=[1, None, {"type": 5}, {"type": "new"}, {"type": "text", "text": 7}, {"type": "text"}]
            )
        ),
        (),
        code=0,
    ),
    "odd-members": Case(http(reply(id=5, model=None, role=[], stop_reason={})), (), code=0),
    "odd-text": Case(http(reply(content=[{"type": "text", "text": "\x1b]0;x\x07\ud800\u2028"}])), (), code=0),
    "http-1.0": Case(b"HTTP/1.0 200 OK\r\nContent-Type: application/json\r\n\r\n" + OK, (), code=0),
    "json-as-text": Case(http(OK, kind="text/plain"), (), code=0),
    "gzip": Case(http(gzip.compress(OK), "200 OK", "Content-Encoding: gzip"), (), code=0),
    "early-hints": Case(b"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n" * 3 + http(OK), (), code=0),
    "key-in-error-type": Case(http(envelope("no", KEY), "401 Unauthorized"), ("[key removed]: no",)),
    "key-escaped": Case(
        http('{"error": {"type": "x", "message": "' + escaped(KEY) + '"}}', "401 Unauthorized"),
        ("[key removed]",),
    ),
    "key-in-content-type": Case(http("?", kind=KEY), (f"{FOREIGN}, but is [key removed]",)),
    "key-behind-markup": Case(http("<b></b>" * 2850 + KEY, kind="text/html"), (FOREIGN,)),
    "key-in-location": Case(
        http("", "307 Temporary Redirect", f"Location: http://{KEY}.invalid/"), ("redirects",)
    ),
    "key-in-reply": Case(
        http('{"usage": {}, "content": [{"type": "text", "text": "' + escaped(KEY) + '"}]}'), (UNKNOWN,)
    ),
    "key-in-request-id": Case(
        http(envelope("no"), "400 Bad Request", f"request-id: {KEY}"), ("[key removed]",)
    ),
}


def outputs(run: Run, folder: Path) -> str:
    """Everything that a run has written."""
    files = [file for file in folder.iterdir() if file.name in ("seen.jsonl", "out.json")]
    return run.out + run.err + "".join(file.read_text(errors="replace") for file in files)


def call(imgbudget: Command, folder: Path, case: Case, *options: str, name: str = "r.json") -> Run:
    """`send` with everything kept, and what must hold whatever the server does."""
    begin = time.monotonic()
    run = imgbudget(
        *("send", name, "--retries", "0", "--record", "seen.jsonl", "--output", "out.json"),
        *("--timeout", case.timeout, *options),
    )
    assert time.monotonic() - begin < PATIENCE
    text = outputs(run, folder)
    assert KEY[7:] not in text
    assert not any(word in run.err for word in ("Traceback", "internal error")), run.err
    assert run.code == case.code, run.err
    assert all(words in run.err for words in case.words), run.err
    return run


@pytest.mark.parametrize("case", ANSWERS.values(), ids=ANSWERS)
def test_answers_to_a_request(server: RawServer, imgbudget: Command, tmp_path: Path, case: Case) -> None:
    """The message, the exit code, one observation, one request."""
    server.answers[b"*"] = case.answer
    write_json(tmp_path / "r.json", body(image_block()))
    call(imgbudget, tmp_path, case, "--yes")
    (record,) = [json.loads(line) for line in (tmp_path / "seen.jsonl").read_text().splitlines()]
    assert len(server.seen) == 1
    assert ("error" in record) == (case.code == 2 and UNKNOWN not in case.words)
    if UNKNOWN in case.words:
        assert record["observed"]["input_tokens"] is None
        assert record["observed"]["cause"] == UNKNOWN
        assert json.loads((tmp_path / "out.json").read_text())["content"], "the answer itself is kept"


ELSEWHERE = [
    "empty",
    "page",
    "deep-json",
    "list",
    "null",
    "error-of-odd-types",
    "no-codec",
    "huge-header",
    "endless-1xx",
    "hang-up",
    "no-content-204",
    "not-modified",
    "teapot",
    "wrong-length-long",
    "chunks-cut",
    "not-gzip",
    "bomb",
    "endless-body",
    "dripping-body",
    "silent-after-half",
    "key-in-content-type",
    "key-in-location",
]


@pytest.mark.parametrize("case", [ANSWERS[name] for name in ELSEWHERE], ids=ELSEWHERE)
def test_answers_to_other_calls(server: RawServer, imgbudget: Command, tmp_path: Path, case: Case) -> None:
    """The same answers to a count, an upload, a new batch, a stream and `verify`: exit 2, in time."""
    server.answers[b"*"] = case.answer
    request = body(image_block())
    write_json(tmp_path / "r.json", request)
    write_json(tmp_path / "b.json", {"requests": [{"custom_id": "a", "params": request}]})
    other = case._replace(words=(), timeout="0.3" if case.timeout == SHORT else AMPLE)
    call(imgbudget, tmp_path, other._replace(code=2), "--count")
    call(imgbudget, tmp_path, other._replace(code=2), "--yes", name="b.json")
    call(imgbudget, tmp_path, other, "--yes", "--stream")
    run = imgbudget("verify", "--retries", "0", "--timeout", other.timeout, "--verbose")
    assert run.code == 2
    assert KEY[7:] not in run.out + run.err
    assert run.err.count("imgbudget: ") == 1


def sse(*parts: bytes | Json) -> bytes:
    """A stream of these events."""
    return b"".join(
        part if isinstance(part, bytes) else f"data: {json.dumps(part)}\n\n".encode() for part in parts
    )


START: Json = {"type": "message_start", "message": usage() | {"content": [], "stop_reason": None}}
STOP: Json = {"type": "message_stop"}
NUMBERS: Json = {"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": {"output_tokens": 7}}


def delta(text: Any, **more: Any) -> Json:
    """A piece of text."""
    return {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": text}, **more}


def streamed(*parts: bytes | Json) -> bytes:
    """An answer that is a stream."""
    return http(sse(*parts), kind="text/event-stream")


ENDLESS = unbounded(kind="text/event-stream") + sse(START)

STREAMS: dict[str, Case] = {
    "cut": Case(streamed(START, delta("half ")), (f"{BROKE}the stream ended before the message did",)),
    "empty": Case(streamed(), (f"{BROKE}the stream ended before the message did",)),
    "only-pings": Case(streamed(b"event: ping\ndata: {}\n\n" * 5), (BROKE,)),
    "endless-pings": Case(dripping(ENDLESS, b"event: ping\ndata: {}\n\n"), LATE, timeout=SHORT),
    "endless-comments": Case(dripping(ENDLESS, b": x\n"), LATE, timeout=SHORT),
    "endless-line": Case(
        flooding(ENDLESS + b"data: ", b"x" * 65536), ("the answer has more than 33,554,432 bytes",)
    ),
    "endless-event": Case(
        flooding(ENDLESS, (b"data: " + b"x" * 60 + b"\n") * 1000),
        ("the answer has more than 33,554,432 bytes",),
    ),
    "too-many-events": Case(
        flooding(ENDLESS, sse(delta("x")) * 600), ("the stream has more than 3,000 events",)
    ),
    "not-json": Case(streamed(START, b"data: {]\n\n"), (f"{BROKE}an event is not JSON",)),
    "deep-json": Case(streamed(START, b"data: " + b"[" * 10_000 + b"\n\n"), ("nested too deeply",)),
    "no-object": Case(streamed(START, b"data: [1]\n\n"), (f"{BROKE}an event is not a JSON object",)),
    "no-message": Case(streamed({"type": "message_start"}), (f"{BROKE}an event without its message",)),
    "no-delta": Case(
        streamed(START, {"type": "content_block_delta", "index": 0}), ("an event without its delta",)
    ),
    "no-index": Case(streamed(START, delta("x", index="0")), ("an event without its index",)),
    "text-is-a-number": Case(streamed(START, delta(7)), ("an event without its text",)),
    "error": Case(
        streamed(START, delta("half "), envelope("Overloaded", "overloaded_error")),
        ("overloaded_error: Overloaded", "may have been billed"),
    ),
    "error-is-odd": Case(streamed(START, {"type": "error", "error": 5}), ("an error that cannot be read",)),
    "error-has-the-key": Case(streamed(envelope(f"key {KEY}", KEY)), ("key [key removed]",)),
    "error-by-name": Case(
        streamed(b"event: error\ndata: " + json.dumps({"error": {"message": "no"}}).encode() + b"\n\n"),
        ("api: no",),
    ),
    "type-is-a-list": Case(streamed(START, {"type": []}, NUMBERS, STOP), (), code=0),
    "unknown-events": Case(
        streamed(START, {"type": "new"}, b"id: 5\nretry: x\n\n", delta("a"), NUMBERS, STOP), (), code=0
    ),
    "unknown-deltas": Case(
        streamed(START, delta("a") | {"delta": {"type": "new"}}, NUMBERS, STOP), (), code=0
    ),
    "no-start": Case(streamed(delta("a"), STOP), (UNKNOWN,)),
    "usage-is-nan": Case(streamed(START, NUMBERS | {"usage": {"output_tokens": -1}}, STOP), (UNKNOWN,)),
    "not-utf-8": Case(
        streamed(START, b'data: {"type": "x", "y": "\xff\xfe"}\n\n', NUMBERS, STOP), (), code=0
    ),
    "crlf-and-bom": Case(
        http(
            b"\xef\xbb\xbf" + sse(START, delta("a"), NUMBERS, STOP).replace(b"\n", b"\r\n"),
            kind="text/event-stream",
        ),
        (),
        code=0,
    ),
    "more-after-the-end": Case(
        flooding(ENDLESS + sse(delta("a"), NUMBERS, STOP), b"data: {\n\n"), (), code=0
    ),
    "key-in-pieces": Case(
        streamed(START, *(delta(KEY[i : i + 3]) for i in range(0, len(KEY), 3)), NUMBERS, STOP), (), code=0
    ),
    "a-page": Case(http("<p>Sign in</p>", kind="text/html"), (f"{FOREIGN}, but is text/html: Sign in",)),
    "chunks-cut": Case(chunked(sse(START, delta("half ")), end=b"", kind="text/event-stream"), (BROKE,)),
}


@pytest.mark.parametrize("case", STREAMS.values(), ids=STREAMS)
def test_streams(
    server: RawServer, imgbudget: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, case: Case
) -> None:
    """The message, the exit code, one observation; what arrived is shown and kept."""
    monkeypatch.setattr("imgbudget.live.streaming.MOST_EVENTS", 3000)
    server.answers[b"*"] = case.answer
    write_json(tmp_path / "r.json", body(image_block()))
    run = call(imgbudget, tmp_path, case, "--yes", "--stream")
    assert len((tmp_path / "seen.jsonl").read_text().splitlines()) == 1
    assert len(server.seen) == 1
    if isinstance(case.answer, bytes) and b"half " in case.answer:
        assert run.out.startswith("half ")
        kept = json.loads((tmp_path / "out.json").read_text())
        assert kept["content"] == [{"type": "text", "text": "half "}]
        assert kept["stop_reason"] is None
        assert "out.json: written, the part of the answer that arrived" in run.err
        record = json.loads((tmp_path / "seen.jsonl").read_text())
        assert record["observed_so_far"] == {"input_tokens": 76, "output_tokens": 5}


def test_every_kind_of_block_of_a_stream_is_kept(
    server: RawServer, imgbudget: Command, tmp_path: Path
) -> None:
    """A tool call and its input in pieces, thinking and its signature, unfinished JSON."""
    blocks: list[Json] = [
        {"type": "tool_use", "id": "t", "name": "n", "input": {}},
        {"type": "thinking", "thinking": ""},
    ]
    parts: list[Json] = [
        *(
            {"type": "content_block_start", "index": i, "content_block": block}
            for i, block in enumerate(blocks)
        ),
        *(
            delta("") | {"delta": {"type": "input_json_delta", "partial_json": it}}
            for it in ('{"a": ', "[1]}")
        ),
        delta("", index=1) | {"delta": {"type": "thinking_delta", "thinking": "hm"}},
        delta("", index=1) | {"delta": {"type": "signature_delta", "signature": "s"}},
        delta("", index=2) | {"delta": {"type": "input_json_delta", "partial_json": '{"a'}},
    ]
    server.answers[b"*"] = streamed(START, *parts, NUMBERS, STOP)
    write_json(tmp_path / "r.json", body(image_block()))
    call(imgbudget, tmp_path, Case(b"", (), code=0), "--yes", "--stream")
    assert json.loads((tmp_path / "out.json").read_text())["content"] == [
        blocks[0] | {"input": {"a": [1]}},
        {"type": "thinking", "thinking": "hm", "signature": "s"},
        {"partial_json": '{"a'},
    ]


@pytest.mark.parametrize(
    "number",
    ["-1", "76.0", '"76"', "true", "null", "[76]", "NaN", "Infinity", "1e400", "9" * 40, "9" * 5000, "{}"],
)
def test_counts_that_are_no_counts(
    server: RawServer, imgbudget: Command, tmp_path: Path, number: str
) -> None:
    """A failure that shows the number, never a count; `verify` writes nothing."""
    server.answers[b"*"] = http('{"input_tokens": ' + number + "}")
    write_json(tmp_path / "r.json", body(image_block()))
    run = call(imgbudget, tmp_path, Case(b"", ("the count cannot be read: input_tokens is ",)), "--count")
    assert "counted" not in run.out
    run = imgbudget("verify", "--retries", "0", "--limits", "o.yaml")
    assert run.code == 2
    assert "the count cannot be read" in run.err
    assert not (tmp_path / "o.yaml").exists()
