"""Bodies that the guard cannot read: none passes as if it had been checked."""

import gzip
import importlib
import importlib.util
import json
import sys
import warnings
import zlib
from collections.abc import Iterator
from typing import Any, Literal

import httpx2
import pytest
from werkzeug import Response

import imgbudget
from imgbudget.errors import GuardError
from imgbudget.linter.options import RunOptions
from imgbudget.live import encodings
from imgbudget.live.guard import RequestWarning
from imgbudget.live.inspection import Inspector
from imgbudget.live.watch import RequestHead, RequestWatch
from imgbudget.model.subjects import Severity
from tests.builders import body, image_block, image_bytes
from tests.liveapi import Api, many_image_refusal

ZSTD = encodings._ZSTD
TOO_LARGE = json.dumps(body(image_block(image_bytes((8001, 8)))))
UNREADABLE = {
    "utf-16": TOO_LARGE.encode("utf-16"),
    "utf-32": TOO_LARGE.encode("utf-32-le"),
    "NaN": TOO_LARGE.replace("{", '{"temperature": NaN, ', 1).encode(),
    "not UTF-8": TOO_LARGE.replace("{", '{"x": "\N{LATIN SMALL LETTER Y WITH DIAERESIS}", ', 1).encode(
        "latin-1"
    ),
    "more text": TOO_LARGE.encode() + b" {}",
    "cut": TOO_LARGE[:-3].encode(),
}


def post(
    api: Api, mode: Literal["raise", "warn", "fix"], data: bytes, headers: dict[str, str] | None = None
) -> list[str]:
    """Send a body through the guard; the warnings that it emitted."""
    sent = {"content-type": "application/json"} | (headers or {})
    transport: httpx2.BaseTransport = imgbudget.guard_transport(None, mode)
    with httpx2.Client(transport=transport) as client, warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        client.post(f"{api.url}/v1/messages", content=data, headers=sent)
    return [str(one.message) for one in caught if one.category is RequestWarning]


@pytest.mark.parametrize("mode", ["raise", "warn", "fix"])
@pytest.mark.parametrize("data", UNREADABLE.values(), ids=UNREADABLE)
def test_a_body_that_is_not_json_is_named(
    api: Api, data: bytes, mode: Literal["raise", "warn", "fix"]
) -> None:
    """The image in it is not seen, and the warning says so; the bytes arrive as they are."""
    api.always(Response("{}"))
    (said,) = post(api, mode, data)
    assert said.startswith("sent unchecked: the body of this request is not JSON")
    assert "\n" not in said
    assert api.seen == [data]


def compressed(data: bytes, encoding: str) -> bytes:
    """Data as an encoding has it; `raw` is deflate without its header."""
    match encoding:
        case "raw":
            stream = zlib.compressobj(wbits=-15)
            return stream.compress(data) + stream.flush()
        case "deflate":
            return zlib.compress(data)
        case _:
            return gzip.compress(data)


@pytest.mark.parametrize(
    ("header", "used"),
    [
        ("gzip", ["gzip"]),
        ("X-GZIP", ["gzip"]),
        ("deflate", ["deflate"]),
        ("deflate", ["raw"]),
        ("deflate, identity, gzip", ["deflate", "gzip"]),
        ("identity", []),
    ],
)
def test_a_compressed_body_is_decoded(api: Api, header: str, used: list[str]) -> None:
    """It is refused for what is in it; fixed, it is sent without compression; a valid one as it is."""
    api.always(Response("{}"))
    data, good = TOO_LARGE.encode(), json.dumps(body(image_block())).encode()
    for encoding in used:
        data, good = compressed(data, encoding), compressed(good, encoding)
    with pytest.raises(GuardError, match="IB101"):
        post(api, "raise", data, {"content-encoding": header})
    assert api.seen == []
    assert post(api, "raise", good, {"content-encoding": header}) == []
    assert api.seen == [good]
    assert post(api, "fix", data, {"content-encoding": header}) == []
    assert many_image_refusal(api.bodies[-1]) is None
    assert "Content-Encoding" not in api.headers[-1]
    assert api.headers[-1]["Content-Length"] == str(len(api.seen[-1]))


def test_a_compressed_body_counts_as_it_is_decoded(api: Api) -> None:
    """34 MB of text are 150 KB compressed, and over the 32 MB of the API."""
    data = gzip.compress(json.dumps(body(image_block(), "what? " * 6_000_000)).encode(), 1)
    assert len(data) < 1 << 20
    with pytest.raises(GuardError, match="IB401"):
        post(api, "raise", data, {"content-encoding": "gzip"})
    assert api.seen == []


def test_decoding_is_bounded(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    """By the decoded size and the number of parts; what is over them is refused, or named as unchecked."""
    api.always(Response("{}"))
    monkeypatch.setattr(encodings, "MOST_DECODED", 3 << 20)
    bomb = gzip.compress(bytes(16 << 20), 1)
    parts = gzip.compress(b"") * 200
    for data, reason in (
        (bomb, r"over 3,145,728 bytes when its gzip is decoded"),
        (parts, "more than 100 parts"),
        (gzip.compress(bomb), "over 3,145,728 bytes"),
    ):
        header = {"content-encoding": "gzip, gzip" if data is not bomb and data is not parts else "gzip"}
        with pytest.raises(GuardError, match=f"too large or too deeply nested for checking .*{reason}"):
            post(api, "raise", data, header)
        (said,) = post(api, "warn", data, header)
        assert said.startswith("sent unchecked: this request is too large")
    assert len(api.seen) == 3


@pytest.mark.parametrize(
    ("header", "data", "reason"),
    [
        ("gzip", gzip.compress(TOO_LARGE.encode(), mtime=0)[:-20], "not gzip, as its Content-Encoding says"),
        ("gzip", TOO_LARGE.encode(), "not gzip, as its Content-Encoding says"),
        ("gzip", gzip.compress(b"x", mtime=0) + b"more", "not gzip, as its Content-Encoding says"),
        ("deflate", b"", "not deflate, as its Content-Encoding says"),
        ("br", b"x", "compressed (br)"),
        ("gzip, gzip, gzip", b"x", "compressed (gzip, gzip, gzip)"),
        ("\x1b[31m" + "x" * 500, b"x", "compressed (\\x1b[31mxxx"),
    ],
)
def test_a_body_that_cannot_be_decoded_is_named(api: Api, header: str, data: bytes, reason: str) -> None:
    """A name of an encoding that is no name stays in its line."""
    api.always(Response("{}"))
    (said,) = post(api, "raise", data, {"content-encoding": header})
    assert said.startswith(f"sent unchecked: the body of this request is {reason}")
    assert "\x1b" not in said
    assert len(said) < 200
    assert api.seen == [data]


def test_zstd_is_decoded_where_a_module_for_it_is_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    """By the standard library from Python 3.14 on, or a package; otherwise a warning names the encoding."""
    watch = RequestWatch(Inspector(RunOptions(isolated=True), Severity.ERROR), "raise")
    head = RequestHead("POST", "https://api.anthropic.com/v1/messages", {"content-encoding": "zstd"})
    monkeypatch.setattr(encodings, "_ZSTD", ("no_such_module_of_zstd",))
    with pytest.warns(RequestWarning, match=r"compressed \(zstd\)"):
        assert not watch.reads(head)
    module = next((name for name in ZSTD if importlib.util.find_spec(name.partition(".")[0])), None)
    if module is None or (module == "compression.zstd" and sys.version_info < (3, 14)):
        pytest.skip("no module for zstd")
    monkeypatch.setattr(encodings, "_ZSTD", (module,))
    compress = importlib.import_module(module).compress
    data = compress(TOO_LARGE.encode())
    assert watch.reads(head)
    for sent in (data, compress(TOO_LARGE[:99].encode()) + compress(TOO_LARGE[99:].encode())):
        with pytest.raises(GuardError, match="IB101"):
            watch.due(head, sent)
    for cut in (data[:-20], data[:-9], b""):
        with pytest.warns(RequestWarning, match="not zstd"):
            watch.due(head, cut)


def test_types_of_bodies_are_compared_without_case(api: Api) -> None:
    """As HTTP compares them."""
    with pytest.raises(GuardError, match="IB101"):
        post(api, "raise", TOO_LARGE.encode(), {"content-type": "Application/JSON; charset=utf-8"})
    assert api.seen == []


def test_where_warnings_are_errors_nothing_unread_is_sent(api: Api) -> None:
    """The error is the guard's own, which SDKs do not report as a lost connection."""
    client = httpx2.Client(transport=imgbudget.guard_transport())
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with client, pytest.raises(GuardError, match="is not JSON"):
            client.post(f"{api.url}/v1/messages", content=b"{", headers={"content-type": "application/json"})
    assert api.seen == []


@pytest.mark.parametrize(
    ("sent", "place"),
    [
        (
            {"model": "x", "parameters": {"pictures": [{"kind": "image", "bytes": None}]}},
            "parameters.pictures.0.bytes",
        ),
        ({"instances": [{"image": {"bytesBase64Encoded": None}}]}, "instances.0.image.bytesBase64Encoded"),
        (body("what?") | {"extra": {"picture": None}}, "extra.picture"),
    ],
    ids=["parameters", "predict", "beside a request"],
)
def test_images_outside_of_known_requests_are_named(api: Api, sent: dict[str, Any], place: str) -> None:
    """A shape that no dialect reads is not clean: the warning has the place, and the body is sent."""
    api.always(Response("{}"))
    data = image_block(image_bytes((300, 300), "TIFF"))["source"]["data"]
    text = json.dumps(sent).replace("null", f'"{data}"').encode()
    (said,) = post(api, "raise", text)
    assert said == f"sent unchecked: 1 image where no known shape of request has one ({place})"
    assert api.seen == [text]


def test_long_bodies_without_a_type_are_not_read(api: Api) -> None:
    """They may be files, which are streamed and must not be kept in memory; the warning names the path."""
    api.always(Response("{}"))
    read: list[int] = []

    def pieces() -> Iterator[bytes]:
        for number in range(3):
            read.append(number)
            yield b"{}"

    class Discarding(httpx2.BaseTransport):
        def handle_request(self, request: httpx2.Request) -> httpx2.Response:
            assert read == []
            assert not hasattr(request, "_content")
            return httpx2.Response(200)

    with httpx2.Client(transport=imgbudget.guard_transport(Discarding())) as client:
        for headers in ({}, {"content-length": str(1 << 40)}, {"content-length": "many"}):
            with pytest.warns(RequestWarning, match="sent unchecked: .* POST /v1/files names no type"):
                client.post("https://api.openai.com/v1/files", content=pieces(), headers=headers)
