"""Live mode against independent servers, if installed: llmock and litellm's proxy.

`pip install llmock` (or `IMGBUDGET_LLMOCK=/path/to/llmock`) and `IMGBUDGET_LITELLM=/path/to/litellm` bring
them in; without, these tests are skipped: they would be heavier than all other tests' needs together.
"""

import json
import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from secrets import token_hex

import anthropic
import pytest

import imgbudget as package
from imgbudget.errors import GuardError
from tests.builders import body, image_block, image_bytes, write_json
from tests.conftest import Command

MODEL = "claude-sonnet-4-6"
LLMOCK = os.environ.get("IMGBUDGET_LLMOCK") or shutil.which("llmock")
LITELLM = os.environ.get("IMGBUDGET_LITELLM") or shutil.which("litellm")
KEY = f"sk-{token_hex(32)}"
"""The key of this run: litellm's proxy starts with a strong one only."""


@contextmanager
def serving(command: list[str], port: int, folder: Path) -> Iterator[str]:
    """A server in a separate process, ready when it accepts connections, ended by its id."""
    with (folder / "server.log").open("wb") as log:
        process = subprocess.Popen(command, cwd=folder, stdout=log, stderr=log)
    try:
        for _ in range(600):
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    break
            if process.poll() is not None:
                pytest.skip(f"the server ended: {(folder / 'server.log').read_text()[-300:]}")
            time.sleep(0.1)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(10)


def free_port() -> int:
    """A port that is not in use."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        port: int = sock.getsockname()[1]
        return port


@pytest.fixture(params=["llmock", "litellm"])
def peer(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> Iterator[str]:
    """The address of one of the servers, which the environment names to the SDK."""
    folder, port = tmp_path_factory.mktemp(request.param), free_port()
    if request.param == "llmock":
        if LLMOCK is None:
            pytest.skip("llmock is not installed (pip install llmock)")
        command = [LLMOCK, "serve", "--host", "127.0.0.1", "--port", str(port), "--log-level", "warning"]
    else:
        if LITELLM is None:
            pytest.skip("litellm's proxy is not installed (pip install 'litellm[proxy]')")
        model = {"model": f"anthropic/{MODEL}", "api_key": KEY, "mock_response": "A grey square."}
        models = [{"model_name": MODEL, "litellm_params": model}]
        config = {"model_list": models, "general_settings": {"master_key": KEY}}
        write_json(folder / "config.json", config)
        command = [LITELLM, "--config", "config.json", "--host", "127.0.0.1", "--port", str(port)]
    with serving(command, port, folder) as url:
        base = f"{url}/anthropic" if request.param == "llmock" else url
        monkeypatch.setenv("ANTHROPIC_BASE_URL", base)
        monkeypatch.setenv("ANTHROPIC_API_KEY", KEY)
        yield url


def test_a_foreign_server_takes_what_is_sent(imgbudget: Command, peer: str, tmp_path: Path) -> None:
    """Sent, streamed and sent fixed: the answer, a bill and an observation each time, and no key."""
    write_json(tmp_path / "r.json", body(image_block(image_bytes((8001, 1500))), "what is it?"))
    common = ("--yes", "--fix", "--record", "seen.jsonl")
    for options in ((), ("--stream",)):
        run = imgbudget("send", "r.json", *common, *options)
        assert run.code == 0, run.err
        assert "predicted:  616 visual" in run.out
        assert "billed:" in run.out
        assert KEY not in run.out + run.err
    records = [json.loads(line) for line in (tmp_path / "seen.jsonl").read_text().splitlines()]
    assert all(record["observed"]["input_tokens"] >= 0 for record in records)


def test_the_guard_before_a_foreign_server(
    peer: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A valid request is answered, an invalid one is kept back, and its fixed form is answered."""
    monkeypatch.chdir(tmp_path)
    client = package.guard(anthropic.Anthropic(max_retries=0))
    assert client.messages.create(**body(image_block())).content
    wrong = body(image_block(image_bytes((8001, 300))))
    with pytest.raises(GuardError, match="IB101"):
        client.messages.create(**wrong)
    assert package.guard(client, "fix").messages.create(**wrong).content


@pytest.mark.skipif(LLMOCK is None, reason="llmock is not installed (pip install llmock)")
@pytest.mark.parametrize(
    ("fault", "words"),
    [
        ("--stream-fault=truncate=1", "stream: the answer broke off"),
        ("--stream-fault=disconnect=1", "stream: the answer broke off"),
        ("--error-rate=529=1", "529 "),
        ("--error-rate=429=1", "429 "),
    ],
)
def test_the_faults_that_llmock_makes(
    imgbudget: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fault: str, words: str
) -> None:
    """Streams that end early and overload: exit 2 and a clear message, by a server made to break clients."""
    port = free_port()
    command = [str(LLMOCK), "serve", "--host=127.0.0.1", f"--port={port}", "--log-level=warning", fault]
    write_json(tmp_path / "r.json", body(image_block()))
    with serving(command, port, tmp_path) as url:
        monkeypatch.setenv("ANTHROPIC_BASE_URL", f"{url}/anthropic")
        monkeypatch.setenv("ANTHROPIC_API_KEY", KEY)
        run = imgbudget("send", "r.json", "--yes", "--stream", "--retries", "0")
    assert run.code == 2, run.out
    assert words in run.err
