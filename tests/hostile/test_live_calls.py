"""Redirects, waits, addresses, keys, batches, uploads, lists: what a server can do beyond one answer."""

import base64
import json
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import httpx2
import pytest

from imgbudget.live.bounds import MOST_REDIRECTS, CallBounds
from imgbudget.live.client import MASK, connect, secrets_of
from imgbudget.live.transport import AbortedCallError, BoundedTransport
from tests.builders import body, image_block, write_json
from tests.conftest import Command, Run
from tests.hostile.rawserver import RawServer, http, raw_server
from tests.liveapi import KEY, envelope, listed, message

Json = dict[str, Any]
MODEL = "claude-sonnet-4-6"
OK = http(message(MODEL, 76))
PATIENCE = 120


# redirects


@pytest.mark.parametrize(
    "status", ["301 Moved", "302 Found", "303 See Other", "307 Temporary", "308 Permanent"]
)
@pytest.mark.parametrize("place", ["host", "name", "scheme", "user"])
def test_no_redirect_leaves_the_server(
    server: RawServer, send: Callable[..., Run], status: str, place: str
) -> None:
    """Another host, another name of it, another scheme, credentials: one request, nothing elsewhere."""
    with raw_server() as other:
        port = server.url.rpartition(":")[2]
        new = {
            "host": f"{other.url}/v1/messages",
            "name": f"http://localhost:{port}/v1/messages",
            "scheme": f"https://127.0.0.1:{port}/v1/messages",
            "user": f"http://a:b@127.0.0.1:{port}/v1/messages",
        }[place]
        server.answers[b"*"] = http("", status, f"Location: {new}")
        other.answers[b"*"] = OK
        run = send("--yes", retries=2)
        assert other.seen == []
    assert run.code == 2
    assert len(server.seen) == 1
    assert "edge: the server redirects the request " in run.err
    assert "nothing was sent there; check the base URL" in run.err


@pytest.mark.parametrize("scheme", ["http", "ftp", "file"])
def test_no_redirect_takes_the_encryption_away(scheme: str) -> None:
    """Neither from https to http nor to a scheme that is none of the web."""
    answer = httpx2.Response(307, headers={"location": f"{scheme}://api.example/v1/messages"})
    transport = BoundedTransport(httpx2.MockTransport(lambda _: answer), CallBounds())
    with (
        httpx2.Client(transport=transport, follow_redirects=True) as client,  # type: ignore[arg-type]
        pytest.raises(AbortedCallError, match=f"the request to {scheme}://api.example, and is not"),
    ):
        client.post("https://api.example/v1/messages", content=b"{}")


@pytest.mark.parametrize("location", ["http://[", "http://a b/", "http://x:99999/", "\x7f"])
def test_a_redirect_that_cannot_be_read_is_not_followed(
    server: RawServer, send: Callable[..., Run], location: str
) -> None:
    """A broken address is no internal error."""
    server.answers[b"*"] = http("", "307 Temporary Redirect", f"Location: {location}")
    run = send("--yes")
    assert run.code == 2
    assert len(server.seen) == 1


def test_a_redirect_on_the_same_server_is_followed(server: RawServer, send: Callable[..., Run]) -> None:
    """The same request with its body, at another path."""
    server.answers |= {b"/v1/messages": http("", "307 Temporary Redirect", "Location: /new/"), b"/new/": OK}
    run = send("--yes")
    assert run.code == 0, run.err
    assert [it.partition(b"\r\n\r\n")[2] for it in server.seen] == [
        server.seen[0].partition(b"\r\n\r\n")[2]
    ] * 2


def test_redirects_in_a_circle_are_few(server: RawServer, send: Callable[..., Run]) -> None:
    """They end after three, and are not tried again."""
    server.answers[b"*"] = http("", "308 Permanent Redirect", "Location: /v1/messages")
    run = send("--yes", retries=2)
    assert run.code == 2
    assert f"redirects the request more than {MOST_REDIRECTS} times" in run.err
    assert len(server.seen) == MOST_REDIRECTS + 1


# waits


@pytest.mark.parametrize(
    ("headers", "words"),
    [
        (("retry-after: 31536000",), "the server asks to wait 31,536,000 s, longer than this call may last"),
        (("retry-after-ms: 31536000000",), "the server asks to wait 31,536,000 s"),
        (("retry-after: 1e18",), "the server asks to wait 1,000,000,000,000,000,000 s"),
        (("retry-after: Fri, 31 Dec 9999 23:59:59 GMT",), "the server asks to wait 25"),
    ],
)
@pytest.mark.parametrize("status", ["429 Too Many Requests", "503 Unavailable"])
def test_a_wait_without_end_is_not_waited(
    server: RawServer, send: Callable[..., Run], headers: tuple[str, ...], words: str, status: str
) -> None:
    """It is reported with its length and what to do, though attempts are left."""
    server.answers[b"*"] = http(envelope("slow down", "rate_limit_error"), status, *headers)
    begin = time.monotonic()
    run = send("--yes", retries=5)
    assert time.monotonic() - begin < PATIENCE
    assert run.code == 2
    assert words in run.err
    assert "send it again after " in run.err
    assert len(server.seen) == 1


@pytest.mark.parametrize(
    "value", ["nan", "inf", "-5", "", "soon", "Fri, 99 Foo 2026 99:99:99 GMT", "0", "1e-9", "\x00"]
)
def test_a_wait_that_cannot_be_read_is_the_usual_one(
    server: RawServer, send: Callable[..., Run], monkeypatch: pytest.MonkeyPatch, value: str
) -> None:
    """Attempts go on after the usual short wait."""
    waits: list[float] = []
    monkeypatch.setattr("imgbudget.live.calls.sleep", waits.append)
    server.answers[b"*"] = http(envelope("slow down"), "429 Too Many Requests", f"retry-after: {value}")
    run = send("--yes", retries=2)
    assert run.code == 2
    if value != "\x00":  # which no header may hold
        assert "tried 3 times" in run.err
    assert all(wait <= 8 for wait in waits)
    assert len(waits) == 2


def test_long_waits_are_announced(
    server: RawServer, send: Callable[..., Run], monkeypatch: pytest.MonkeyPatch
) -> None:
    """From three seconds on a line says what is waited for, and which attempt follows."""
    monkeypatch.setattr("imgbudget.live.calls.sleep", lambda _seconds: None)
    server.answers[b"*"] = http(
        envelope("slow down", "rate_limit_error"), "429 Too Many Requests", "retry-after: 20"
    )
    run = send("--yes", retries=1)
    assert "imgbudget: 429 rate_limit_error: waiting 20 s as the server asks, then attempt 2 of 2" in run.err


def test_attempts_share_the_time_of_the_call(server: RawServer, send: Callable[..., Run]) -> None:
    """Waits and attempts together last no longer than --timeout."""
    server.answers[b"*"] = http(envelope("busy"), "500 Internal Server Error", "retry-after: 0.3")
    begin = time.monotonic()
    run = send("--yes", "--timeout", "1", retries=100_000)
    assert time.monotonic() - begin < PATIENCE
    assert run.code == 2
    assert 1 < len(server.seen) < 10


def test_an_answer_that_was_begun_is_not_asked_for_again(server: RawServer, send: Callable[..., Run]) -> None:
    """Once a status of success has arrived, another attempt would be billed again."""
    server.answers[b"*"] = http('{"content', length=500)
    assert send("--yes", retries=2).code == 2
    assert len(server.seen) == 1


@pytest.mark.parametrize("seconds", ["nan", "inf", "1e9"])
def test_times_that_are_none_are_refused(server: RawServer, send: Callable[..., Run], seconds: str) -> None:
    """Named with what is accepted; nothing is sent."""
    for option in ("--timeout", "--poll"):
        run = send("--yes", option, seconds)
        assert run.code == 2
        assert "must be a number of seconds up to 604,800 (7 days)" in run.err
    assert server.seen == []


# addresses and names


def test_a_name_that_does_not_resolve(
    server: RawServer, send: Callable[..., Run], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The failure names the cause, and nothing was sent."""

    def fail(*_args: object, **_more: object) -> None:
        raise socket.gaierror(-2, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", fail)
    run = send("--yes")
    assert run.code == 2
    assert "Name or service not known" in run.err
    assert "check the host name in the base URL" in run.err
    assert server.seen == []


def test_a_name_server_that_is_silent(
    server: RawServer, send: Callable[..., Run], monkeypatch: pytest.MonkeyPatch
) -> None:
    """No timeout of sockets covers it; the time of the call does."""
    slow = socket.getaddrinfo

    def wait(*args: Any, **more: Any) -> Any:
        time.sleep(20)
        return slow(*args, **more)

    monkeypatch.setattr(socket, "getaddrinfo", wait)
    begin = time.monotonic()
    run = send("--yes", "--timeout", "0.5")
    assert time.monotonic() - begin < 15
    assert run.code == 2
    assert "timed out: no complete answer within 0.5 s" in run.err


def test_nothing_is_sent_once_the_call_has_ended(
    server: RawServer, send: Callable[..., Run], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A name server that answers too late leads to a connection, and no image goes over it."""
    slow, over = socket.getaddrinfo, threading.Event()

    def wait(*args: Any, **more: Any) -> Any:
        over.wait(60)
        return slow(*args, **more)

    server.answers[b"*"] = OK
    monkeypatch.setattr(socket, "getaddrinfo", wait)
    before = threading.enumerate()
    assert send("--yes", "--timeout", "0.5").code == 2
    over.set()
    calls = [thread for thread in threading.enumerate() if thread not in before]
    for thread in calls:
        thread.join(PATIENCE)
    assert calls
    assert server.seen == []


def test_a_server_without_tls(
    server: RawServer, send: Callable[..., Run], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A server that answers a handshake with anything else."""
    monkeypatch.setenv("ANTHROPIC_BASE_URL", server.url.replace("http:", "https:"))
    server.answers[b"*"] = OK
    run = send("--yes", "--timeout", "3")
    assert run.code == 2
    assert KEY.encode() not in b"".join(server.seen)


def test_a_certificate_that_proves_nothing(
    server: RawServer, send: Callable[..., Run], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The remedy is about certificates, not about the network."""

    def fail(*_args: object, **_more: object) -> None:
        raise ssl.SSLCertVerificationError(1, "[SSL: CERTIFICATE_VERIFY_FAILED] certificate verify failed")

    monkeypatch.setattr(ssl.SSLContext, "wrap_socket", fail)
    monkeypatch.setenv("ANTHROPIC_BASE_URL", server.url.replace("http:", "https:"))
    run = send("--yes")
    assert run.code == 2
    assert "SSL_CERT_FILE names further certificates" in run.err


@pytest.mark.parametrize(
    "url",
    [
        "ftp://127.0.0.1/",
        "127.0.0.1:9",
        "http://",
        "http://127.0.0.1:99999/",
        "http://[::1",
        "::",
        "http://\n/",
    ],
)
def test_base_urls_that_are_none(
    server: RawServer, send: Callable[..., Run], monkeypatch: pytest.MonkeyPatch, url: str
) -> None:
    """Exit 2 with a message, in a dry run and in a real one."""
    monkeypatch.setenv("ANTHROPIC_BASE_URL", url)
    assert send("--yes").code == 2
    assert send("--dry-run").code in (0, 2)
    assert server.seen == []


PASSWORD = "pass/wörd+1 2"  # noqa: S105 - marks what no output may show


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("ANTHROPIC_BASE_URL", "http://me:pass%2Fw%C3%B6rd%2B1%202@127.0.0.1:9/x?token=query-secret-1"),
        ("HTTPS_PROXY", "http://me:pass%2Fw%C3%B6rd%2B1%202@127.0.0.1:9"),
        ("all_proxy", "http://me:pass%2Fw%C3%B6rd%2B1%202@127.0.0.1:9"),
        ("MY_API_KEY", PASSWORD),
        ("ANTHROPIC_CUSTOM_HEADERS", f"x-gateway: {PASSWORD}"),
    ],
)
def test_secrets_are_masked_however_they_are_quoted(variable: str, value: str) -> None:
    """As they are, in JSON, HTML, URLs, and as the header that user name and password become."""
    scrubber = secrets_of(None, {variable: value})
    header = base64.b64encode(f"me:{PASSWORD}".encode()).decode()
    quoted = [PASSWORD, json.dumps(PASSWORD)[1:-1], "pass%2Fw%C3%B6rd%2B1%202"]
    if "://" in value:
        quoted += [header, "//me:pass%2Fw%C3%B6rd%2B1%202@"]
    if "?" in value:
        quoted.append("query-secret-1")
    for spelling in quoted:
        assert scrubber.clean(f"<{spelling}>") == f"<{MASK}>", spelling


def test_a_short_password_in_an_address_is_masked_with_it() -> None:
    """Three letters cannot be masked by themselves; in the address they are."""
    scrubber = secrets_of(None, {"HTTPS_PROXY": "http://u:abc@proxy:1"})
    assert scrubber.clean("no route to http://u:abc@proxy:1, abc") == f"no route to http:{MASK}proxy:1, abc"


def test_a_server_that_echoes_the_login_of_its_address(
    server: RawServer, imgbudget: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """User name and password in the base URL become a header, which a careless server sends back."""
    monkeypatch.setenv("ANTHROPIC_BASE_URL", server.url.replace("//", "//me:open-sesame-7@"))
    monkeypatch.setenv("ANTHROPIC_API_KEY", KEY)

    def echo(request: bytes) -> Iterable[bytes]:
        yield http(
            request.partition(b"\r\n\r\n")[0].replace(b"\r\n", b" "), "502 Bad Gateway", kind="text/plain"
        )

    server.answers[b"*"] = echo
    write_json(tmp_path / "r.json", body(image_block()))
    run = imgbudget("send", "r.json", "--yes", "--retries", "0", "--verbose", "--record", "seen.jsonl")
    text = run.out + run.err + (tmp_path / "seen.jsonl").read_text()
    assert run.code == 2
    for secret in ("open-sesame-7", base64.b64encode(b"me:open-sesame-7").decode(), KEY[7:]):
        assert secret not in text


def test_no_cookie_is_kept(server: RawServer, send: Callable[..., Run]) -> None:
    """What a server wants to recognise a program by does not come back to it."""
    server.answers[b"*"] = http({"input_tokens": 76}, "200 OK", "Set-Cookie: id=cookie-7; Path=/")
    assert send("--count", name="b.json").code == 0
    assert len(server.seen) == 2
    assert b"cookie-7" not in b"".join(server.seen)


# uploads, models, costs, outputs


@pytest.mark.parametrize("file_id", [KEY, "../messages", 5, None, ["a"], "", "a\x1b[2J", "x" * 300])
def test_ids_of_uploads_that_are_none(server: RawServer, send: Callable[..., Run], file_id: Any) -> None:
    """The request is not sent with them, and no path is made of them."""
    server.answers |= {b"/v1/files": http({"id": file_id}), b"*": OK}
    run = send("--yes", "--upload", "--delete-after")
    assert run.code == 2
    assert "the id of an uploaded file cannot be read" in run.err
    assert "\x1b" not in run.err
    assert len(server.seen) == 1


@pytest.mark.parametrize("fresh", [True, False])
def test_a_list_of_models_without_end(server: RawServer, imgbudget: Command, *, fresh: bool) -> None:
    """The same page again ends it at once; pages of ever new models after a hundred."""
    numbers = iter(range(10**9))

    def page(_request: bytes) -> Iterable[bytes]:
        yield http({"data": [listed(f"m-{next(numbers) if fresh else 0}")], "has_more": True})

    server.answers[b"*"] = page
    run = imgbudget("verify", "--list-models", "--retries", "0")
    assert run.code == 2
    assert "the list of models does not end: has_more is true after" in run.err
    assert len(server.seen) == (100 if fresh else 2)


def test_models_of_odd_types(server: RawServer, imgbudget: Command) -> None:
    """Entries without a usable id are left out; what cannot be read is shown as not reported."""
    odd: list[Any] = [
        5, None, [], {}, {"id": 5}, {"id": ""}, {"id": "x" * 1000},
        {"id": "m-1", "max_input_tokens": -5, "max_tokens": 1e400, "lifecycle": 5, "capabilities": []},
        {"id": "m-2", "display_name": [], "capabilities": {"image_input": {"supported": "yes"}}},
        {"id": "m-3\x1b[2J", "lifecycle": KEY, "max_input_tokens": 10**30},
    ]  # fmt: skip
    server.answers[b"*"] = http({"data": odd})
    run = imgbudget("verify", "--list-models", "--retries", "0")
    assert run.code == 0, run.err
    assert len(run.out.splitlines()) == 4
    assert run.out.count("?") >= 8
    assert "\x1b" not in run.out
    assert KEY[7:] not in run.out


@pytest.mark.parametrize("second", [-100_000, 10**400, 10**12, 1.5])
def test_a_bound_of_the_output_that_is_none_buys_nothing(
    server: RawServer, imgbudget: Command, tmp_path: Path, second: float
) -> None:
    """A negative one would hide the cost of another request from --max-cost: an unknown cost stops."""
    requests = [
        {"custom_id": f"c{i}", "params": body(image_block(), max_tokens=bound)}
        for i, bound in enumerate((100_000, second))
    ]
    write_json(tmp_path / "b.json", {"requests": requests})
    run = imgbudget("send", "b.json", "--yes", "--force", "--max-cost", "$0.01")
    assert run.code == 2
    assert "--max-cost cannot be kept" in run.err
    assert server.seen == []


@pytest.mark.parametrize("option", ["--output", "--record"])
@pytest.mark.parametrize("file", ["gone/x.json", "."])
def test_nothing_is_sent_that_cannot_be_kept(
    server: RawServer, send: Callable[..., Run], option: str, file: str
) -> None:
    """A file that cannot be written is named before anything is paid for."""
    server.answers[b"*"] = OK
    run = send("--yes", option, file)
    assert run.code == 2
    assert f"{option} {file}: " in run.err
    assert server.seen == []


@pytest.mark.parametrize("form", ["full", "json"])
def test_an_answer_that_cannot_be_kept_is_shown(
    server: RawServer, send: Callable[..., Run], tmp_path: Path, form: str
) -> None:
    """A folder that is gone once the answer arrives: the answer is on standard error, and in every report."""
    (tmp_path / "late").mkdir()

    def remove(_request: bytes) -> Iterable[bytes]:
        (tmp_path / "late" / "seen.jsonl").unlink()
        (tmp_path / "late").rmdir()
        yield OK

    server.answers[b"*"] = remove
    run = send("--yes", "--output", "late/o.json", "--record", "late/seen.jsonl", "--format", form)
    assert run.code == 2
    assert "--record late/seen.jsonl: cannot be written" in run.err
    assert "late/o.json: cannot be written: no such file or folder; the answer:" in run.err
    assert '"text": "A grey square."' in run.err
    assert "A grey square." in run.out


def test_a_stream_in_the_time_of_a_long_answer() -> None:
    """Streams and batches have an hour by default, other calls ten minutes; --timeout sets all."""
    bounds = CallBounds()
    assert 590 < bounds.left <= 600
    bounds.start(3600, None)
    assert 3590 < bounds.left <= 3600


@pytest.mark.usefixtures("server")
def test_the_client_does_not_retry_by_itself() -> None:
    """Its own waits would not be bounded."""
    connection = connect("anthropic", timeout=5, max_retries=7)
    assert connection.client.max_retries == 0
    assert connection.retries == 7
