"""No key in anything that live mode says, writes or raises, whatever a server or a library throws back."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from werkzeug import Request, Response

from imgbudget.live.client import MASK, Scrubber, StreamScrubber, secrets_of
from tests.builders import body, image_block, write_json
from tests.conftest import Command
from tests.liveapi import KEY, Api, answer, envelope, events, message

MODEL = "claude-sonnet-4-6"
Reply = Callable[[Request], Response]


def echoed(request: Request) -> str:
    """The credentials of a request, as a careless server sends them back."""
    return request.headers.get("Authorization") or request.headers.get("X-Api-Key") or ""


ECHOES: dict[str, Reply] = {
    "error": lambda r: answer(envelope(f"bad key {echoed(r)}", f"type_{echoed(r)}"), 401),
    "error-id": lambda r: answer(envelope("x"), 400, **{"request-id": echoed(r)}),
    "page": lambda r: Response(f"<p>Headers: {echoed(r)}</p>", 502, content_type="text/html"),
    "page-200": lambda r: Response(f"<p>Headers: {echoed(r)}</p>", 200, content_type="text/html"),
    "json": lambda r: answer({"headers": echoed(r)}, 403),
    "not-json": lambda r: Response(f"{{{echoed(r)}", 200, content_type="application/json"),
    "reply": lambda r: answer(message(MODEL, 76, f"your key is {echoed(r)}, right?")),
    "stream": lambda r: Response(
        events(MODEL, 30, "key ", *(echoed(r)[i : i + 5] for i in range(0, len(echoed(r)), 5)), " end"),
        content_type="text/event-stream",
    ),
    "stream-error": lambda r: Response(
        b"event: error\ndata: " + json.dumps(envelope(echoed(r))).encode() + b"\n\n",
        content_type="text/event-stream",
    ),
}


@pytest.mark.parametrize("reply", ECHOES.values(), ids=ECHOES)
def test_no_output_shows_the_key(api: Api, imgbudget: Command, tmp_path: Path, reply: Reply) -> None:
    """Text, JSON, the answer's file, observations: with a server that sends the key back."""
    api.on("/v1/messages", reply)
    api.on("/v1/messages/count_tokens", reply)
    api.on("/v1/files", reply)
    write_json(tmp_path / "r.json", body(image_block()))
    common = ("--retries", "0", "--verbose", "--record", "seen.jsonl", "--output", "out.json")
    said = []
    for options in (("--yes",), ("--yes", "--stream"), ("--count",), ("--yes", "--upload")):
        for form in ("full", "json"):
            run = imgbudget("send", "r.json", *options, *common, "--format", form)
            said += [run.out, run.err]
    assert len(api.seen) >= 8
    assert all(KEY in str(headers) for headers in api.headers), "the key does go to the API"
    said += [file.read_text() for file in tmp_path.iterdir() if file.name in ("seen.jsonl", "out.json")]
    assert KEY not in "".join(said)
    assert KEY[7:] not in "".join(said)


def test_batches_show_no_key(api: Api, imgbudget: Command, tmp_path: Path) -> None:
    """Neither the results that are written nor the errors of requests."""
    write_json(tmp_path / "b.json", {"requests": [{"custom_id": "a", "params": body(image_block())}]})
    api.always(
        answer({"id": "b_1", "processing_status": "ended", "request_counts": {}}), "/v1/messages/batches"
    )
    error = {"type": "errored", "error": envelope(f"key {KEY}")}
    line = json.dumps({"custom_id": "a", "result": error})
    api.on("/v1/messages/batches/b_1/results", lambda _: Response(line), "GET")
    run = imgbudget("send", "b.json", "--yes", "--output", "out.jsonl", "--record", "seen.jsonl", "--verbose")
    text = run.out + run.err + (tmp_path / "out.jsonl").read_text() + (tmp_path / "seen.jsonl").read_text()
    assert MASK in text
    assert KEY not in text


def test_verify_shows_no_key(api: Api, imgbudget: Command, tmp_path: Path) -> None:
    """Its failures are scrubbed too."""
    api.on("/v1/messages/count_tokens", ECHOES["error"])
    run = imgbudget("verify", "--retries", "0", "--verbose")
    assert run.code == 2
    assert KEY not in run.out + run.err
    assert "401 type_Bearer [key removed]" in run.err


def test_tracebacks_and_logs_show_no_key(api: Api, tmp_path: Path) -> None:
    """A key that no header can hold is in the library's own error and log, and in nothing that is shown."""
    api.enforcing()
    write_json(tmp_path / "r.json", body(image_block()))
    done = subprocess.run(
        [sys.executable, "-m", "imgbudget", "send", "r.json", "--yes", "--verbose", "--retries", "0"],
        cwd=tmp_path,
        env=os.environ | {"ANTHROPIC_API_KEY": f"{KEY}\n", "ANTHROPIC_LOG": "debug"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert "Encountered Exception" in done.stderr
    assert MASK in done.stderr
    assert KEY[7:] not in done.stdout + done.stderr


@pytest.mark.parametrize(
    "environment",
    [
        {"ANTHROPIC_API_KEY": f"{KEY}é"},
        {"ANTHROPIC_BASE_URL": f"http://{KEY}:{KEY}@127.0.0.1:9"},
        {"HTTPS_PROXY": f"http://{KEY}@[", "HTTP_PROXY": f"http://{KEY}@["},
        {"ANTHROPIC_API_KEY": "", "ANTHROPIC_AUTH_TOKEN": f"{KEY}\r\nx: y"},
    ],
    ids=["not-ascii", "in-the-url", "proxy", "two-headers"],
)
def test_unusable_credentials_are_not_quoted(
    api: Api,
    imgbudget: Command,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    environment: dict[str, str],
) -> None:
    """The library's message about an unusable key or address is shown without it."""
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    write_json(tmp_path / "r.json", body(image_block()))
    run = imgbudget("send", "r.json", "--yes", "--verbose", "--retries", "0")
    assert run.code == 2
    assert run.err
    assert KEY[7:] not in run.out + run.err


def test_secrets_are_those_of_the_client_and_the_environment() -> None:
    """By name in the environment, by attribute of the client, in URLs and in custom headers; words stay."""

    class Client:
        api_key = "attribute-key-1"
        auth_token = None

    environment = {
        "AWS_SECRET_ACCESS_KEY": "aws-secret-value",
        "HTTPS_URL": "https://name:password1234@host/",
        "ANTHROPIC_CUSTOM_HEADERS": "x-a: header-secret\nx-b: other-secret",
        "SHORT_TOKEN": "word",
        "HOME": "/home/somebody",
    }
    scrubber = secrets_of(Client(), environment)
    text = (
        "attribute-key-1 aws-secret-value password1234 header-secret other-secret word /home/somebody "
        "sk-ant-api03-unknown_key-0"
    )
    assert scrubber.clean(text) == " ".join([MASK] * 5) + f" word /home/somebody {MASK}"


@given(st.lists(st.text("sec-rt", max_size=6), max_size=12), st.integers(0, 3))
def test_text_in_pieces_is_cleaned_as_a_whole(pieces: list[str], doubled: int) -> None:
    """However a text is cut, what flows out is the cleaned whole."""
    scrubber = Scrubber(["sec-ret-sec", "ret-sec-ret"])
    pieces = [*pieces, *["sec-ret", "-sec"] * doubled]
    scrubber_of_stream = StreamScrubber(scrubber)
    shown = "".join(scrubber_of_stream.add(piece) for piece in pieces) + scrubber_of_stream.end()
    assert "sec-ret-sec" not in shown
    assert "ret-sec-ret" not in shown
    if not any(secret in "".join(pieces) for secret in ("sec-ret-sec", "ret-sec-ret")):
        assert shown == "".join(pieces)
