"""Fixtures of the tests with hostile servers."""

import ssl
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

import pytest

from tests.builders import body, image_block, write_json
from tests.conftest import Command, Run
from tests.hostile.rawserver import RawServer, raw_server
from tests.liveapi import KEY, Api

one_context = cache(ssl.create_default_context)
"""Reading the certificates takes longer than a call of these servers, so all clients share one context."""


@pytest.fixture
def server(api: Api, monkeypatch: pytest.MonkeyPatch) -> Iterator[RawServer]:
    """A raw server that the environment names to the SDK."""
    monkeypatch.setattr(ssl, "create_default_context", one_context)
    with raw_server() as made:
        monkeypatch.setenv("ANTHROPIC_BASE_URL", made.url)
        yield made


@pytest.fixture
def send(imgbudget: Command, tmp_path: Path) -> Callable[..., Run]:
    """`send` of one request or a batch of two; no output shows the key or a traceback."""
    request = body(image_block())
    write_json(tmp_path / "r.json", request)
    write_json(
        tmp_path / "b.json", {"requests": [{"custom_id": it, "params": request} for it in ("c0", "c1")]}
    )

    def call(*options: str, name: str = "r.json", retries: int = 0) -> Run:
        run = imgbudget("send", name, "--retries", str(retries), "--poll", "0.01", *options)
        files = [file for file in tmp_path.iterdir() if file.name in ("seen.jsonl", "out.json")]
        text = run.out + run.err + "".join(file.read_text() for file in files)
        assert KEY[7:] not in text
        assert not any(word in run.err for word in ("Traceback", "internal error")), run.err
        return run

    return call
