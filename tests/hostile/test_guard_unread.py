"""Bodies that the guard cannot read: none passes as if it had been checked."""

import gzip
import json
import warnings
from typing import Literal

import httpx2
import pytest
from werkzeug import Response

import imgbudget
from imgbudget.errors import GuardError
from imgbudget.live.guard import RequestWarning
from tests.builders import body, image_block, image_bytes
from tests.liveapi import Api

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
    transport = imgbudget.guard_transport(None, mode)
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


def test_a_compressed_body_is_named(api: Api) -> None:
    """A name of an encoding that is no name stays in its line."""
    api.always(Response("{}"))
    data = gzip.compress(TOO_LARGE.encode())
    assert post(api, "raise", data, {"content-encoding": "gzip"}) == [
        "sent unchecked: the body of this request is compressed (gzip)"
    ]
    (said,) = post(api, "raise", data, {"content-encoding": "\x1b[31m" + "x" * 500})
    assert "\x1b" not in said
    assert len(said) < 200
    assert api.seen == [data, data]


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
