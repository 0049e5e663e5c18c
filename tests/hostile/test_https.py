"""What https servers can make an audit do: no other private host, no http, no endless answer."""

import asyncio
from typing import Any, NamedTuple

import pytest
from pytest_httpserver import HTTPServer
from werkzeug import Response

from tests.builders import image_bytes

aiohttp = pytest.importorskip("aiohttp", reason="https needs aiohttp, which comes with the extra dev-audit")
yarl = pytest.importorskip("yarl")
http = pytest.importorskip("fsspec.implementations.http")
https = pytest.importorskip("imgbudget.auditing.inputs.https")


class Answer(NamedTuple):
    """The answer of a server with a redirect."""

    headers: dict[str, str]


class Params(NamedTuple):
    """What aiohttp passes to its hooks."""

    url: Any
    response: Answer


def redirect(location: str, *, named: bool = False) -> None:
    """Check a redirect from https://example.org/set/a.png."""
    sessions = https.Sessions("example.org", named)
    params = Params(yarl.URL("https://example.org/set/a.png"), Answer({"Location": location}))
    asyncio.run(sessions._check_redirect(None, None, params))


@pytest.mark.parametrize(
    "location", ["b.png", "/b.png", "https://example.org:443/b", "https://cdn.example.com/b"]
)
def test_redirects_to_public_https_are_followed(location: str) -> None:
    """Stores answer with the address of a content delivery network."""
    redirect(location)


@pytest.mark.parametrize("named", [False, True])
@pytest.mark.parametrize(
    "location",
    [
        "http://example.org/b",
        "//localhost/b",
        "https://127.0.0.1/b",
        "https://[::1]/b",
        "https://127.1/b",
        "https://169.254.169.254/b",
        "https://metadata.google.internal/b",
        "https://127\u30020\u30020\u30021/b",
        "file:///b",
    ],
)
def test_other_redirects_are_refused(location: str, named: bool) -> None:  # noqa: FBT001
    """To http, to private hosts and addresses, and to other protocols, whoever named the first host."""
    with pytest.raises(OSError, match="redirects to an address"):
        redirect(location, named=named)


def test_a_name_with_a_private_address_is_refused() -> None:
    """The address is checked when it is resolved; only a host that the command line names may be private."""

    async def resolve(*, named: bool) -> Any:
        return await https._Resolver(https.Sessions("localhost", named)).resolve("localhost", 443)

    with pytest.raises(OSError, match="private address"):
        asyncio.run(resolve(named=False))
    assert asyncio.run(resolve(named=True))


def test_answers_of_a_real_server(make_httpserver: HTTPServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """Through fsspec: an answer is read, one without end is cut off, a redirect elsewhere is not followed."""
    server = make_httpserver
    server.clear()
    store = f"{server.host}:{server.port}"
    data = image_bytes()
    server.expect_request("/a.png").respond_with_data(data)
    server.expect_request("/long").respond_with_data(b"x" * 5000)
    location = {"Location": f"http://127.0.0.1:{server.port}/a.png"}
    server.expect_request("/moved").respond_with_response(Response(status=302, headers=location))
    monkeypatch.setattr(https, "MOST_BYTES", 4000)
    # the test's server has no certificate
    monkeypatch.setattr(https.Sessions, "is_own", lambda self, url: url.authority == self.store)
    files = http.HTTPFileSystem(get_client=https.Sessions(store, named=True), skip_instance_cache=True)
    assert files.cat_file(f"http://{store}/a.png") == data
    with pytest.raises(OSError, match="more than was asked for"):
        files.cat_file(f"http://{store}/long")
    with pytest.raises(OSError, match="redirects to an address"):
        files.cat_file(f"http://{store}/moved")
    with pytest.raises(OSError, match="redirects to an address"):
        files.cat_file(f"http://127.0.0.1:{server.port}/a.png")
    server.clear()
