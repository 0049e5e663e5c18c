"""Bodies that recordings keep in hexadecimal digits, in base64, or in gzip: read, or said to be unread."""

import base64
import gzip
import json
from io import BytesIO
from pathlib import Path
from random import Random
from typing import Any

import pytest
from PIL import Image

from tests.builders import body, image_block
from tests.conftest import Command


def noisy(size: tuple[int, int]) -> bytes:
    """A PNG whose base64 stays long in gzip."""
    picture = Image.frombytes("L", size, Random(1).randbytes(size[0] * size[1]))  # noqa: S311 - a picture
    target = BytesIO()
    picture.save(target, "PNG")
    return target.getvalue()


BODY = {key: value for key, value in body(image_block(noisy((60, 8400))), "look").items() if key != "model"}
TEXT = json.dumps(BODY).encode()
INDENTED = json.dumps([BODY], indent=1).encode()
ZIPPED = gzip.compress(TEXT)
ADDRESS = ("https://bedrock-runtime.us-east-1.amazonaws.com:443", "/model/anthropic.claude-opus-4-8/invoke")


def nock(sent: Any, **more: Any) -> list[Any]:
    """A recording of nock."""
    scope, path = ADDRESS
    return [{"scope": scope, "method": "POST", "path": path, "body": sent, "status": 200, **more}]


PACKED: dict[str, Any] = {
    "hexadecimal": TEXT.hex(),
    "upper case": TEXT.hex().upper(),
    "indented": INDENTED.hex(),
    "gzip in hexadecimal": ZIPPED.hex(),
    "gzip in base64": base64.b64encode(ZIPPED).decode(),
    "gzip in lines": base64.encodebytes(ZIPPED).decode(),
    "several members": (gzip.compress(TEXT[:99]) + gzip.compress(TEXT[99:])).hex(),
}


@pytest.mark.parametrize("name", PACKED)
def test_a_packed_body_is_a_request(imgbudget: Command, name: str) -> None:
    """Sent to the address that nock keeps beside it, whose model is not in the body; fixes leave the file."""
    received = {"response": PACKED[name]}
    Path("a.json").write_text(json.dumps(nock(PACKED[name], **received)))
    before = Path("a.json").read_bytes()
    run = imgbudget("check", "a.json", "--fix", "--format", "json", "--no-cache", "--select", "IB101")
    (sent,), (finding,) = run.json["requests"], run.json["findings"]
    assert (sent["platform"], sent["model"]) == ("bedrock", "claude-opus-4-8")
    assert (finding["pointer"], finding["location"], finding["fix"]) == (
        "/0/body",
        "messages.0.content.0",
        None,
    )
    assert Path("a.json").read_bytes() == before


def test_an_image_in_packed_json_of_unknown_shape_is_found(imgbudget: Command) -> None:
    """At the string that it is packed in."""
    image = BODY["messages"][0]["content"][0]["source"]["data"]
    Path("a.json").write_text(json.dumps({"x": [gzip.compress(json.dumps({"y": [image]}).encode()).hex()]}))
    run = imgbudget("check", "--format", "json", "--no-cache", "--select", "IB101")
    assert [finding["pointer"] for finding in run.json["findings"]] == ["/x/0"]


BOMB = gzip.compress(b"[" + bytes(30_000_000)).hex()
UNREAD = {
    "cut": ZIPPED[: len(ZIPPED) // 2].hex(),
    "damaged": (ZIPPED[:2000] + bytes(40) + ZIPPED[2040:]).hex(),
    "not gzip behind its mark": ("1f8b08" + "ab" * 2000),
    "zstd": "28b52ffd" + "0123456789abcdef" * 200,
    "zstd in base64": "KLUv/" + "QAAB" * 400,
    "a bomb": BOMB,
}


@pytest.mark.parametrize("name", UNREAD)
def test_a_packed_body_that_cannot_be_read_is_said_to_be_unread(imgbudget: Command, name: str) -> None:
    """Alone and beside a body that was read; a search passes over it, and so does what was received."""
    alone, beside = nock(UNREAD[name]), nock(UNREAD[name]) + nock(BODY)
    for recording in (alone, beside):
        Path("a.json").write_text(json.dumps(recording))
        run = imgbudget("check", "a.json", "--no-cache", "--fail-on-unread")
        assert run.code == 2
        assert "a compressed text in it was not read" in run.err
    assert imgbudget("check", "--no-cache", "--fail-on-unread").code == 1
    Path("a.json").write_text(json.dumps(nock("{}", response=UNREAD[name])))
    assert imgbudget("check", "a.json", "--no-cache", "--fail-on-unread").code == 0


def cassette(*bodies: bytes) -> str:
    """A cassette in YAML of bodies in gzip."""
    sent = (f"- request:\n    body: !!binary {base64.b64encode(item).decode()}\n" for item in bodies)
    return "interactions:\n" + "".join(sent)


def har(*bodies: bytes) -> str:
    """A HAR of bodies in gzip, in base64 as browsers keep them."""
    sent = [{"request": {"postData": {"text": base64.b64encode(item).decode()}}} for item in bodies]
    return json.dumps({"log": {"entries": sent}})


@pytest.mark.parametrize(("name", "recording"), [("a.yaml", cassette), ("a.har", har)])
def test_a_recording_with_a_damaged_body_is_not_clean(imgbudget: Command, name: str, recording: Any) -> None:
    """Alone and beside a body that is read."""
    for bodies in ((ZIPPED[:-40],), (ZIPPED, ZIPPED[:-40])):
        Path(name).write_text(recording(*bodies))
        run = imgbudget("check", name, "--no-cache", "--fail-on-unread")
        assert (run.code, "a compressed text in it was not read" in run.err) == (2, True)
    Path(name).write_text(recording(ZIPPED))
    run = imgbudget("check", name, "--no-cache", "--fail-on-unread")
    assert (run.code, "not read" in run.err) == (1, False)
