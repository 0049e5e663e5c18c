"""Commands that do not send open no socket, whatever URLs images, requests, lists and tables name.

Two views of the same runs: what Python reports as socket events, and the system calls of all processes.
"""

import json
import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.builders import body, image_block, image_bytes, write_json
from tests.conftest import Command
from tests.datasets import STRUCT, as_arrow, as_tar, as_zip

URLS = (
    "https://images.example.invalid/a.png",
    "http://images.example.invalid/a.png",
    "s3://bucket/a.png",
    "gs://bucket/a.png",
    "hf://datasets/owner/name/a.png",
    "az://container/a.png",
    "sftp://images.example.invalid/a.png",
    "simplecache::https://images.example.invalid/a.png",
    "//images.example.invalid/share/a.png",
)
ERROR = "messages.0.content.1.image.source.base64.data: image exceeds 5 MB maximum"

OFFLINE: dict[str, tuple[str, ...]] = {
    "check": ("check", ".", "--pedantic", "--statistics", "--jobs", "1"),
    "check in processes": ("check", ".", "--jobs", "2"),
    "check a request": ("check", "claude.json", "--format", "json"),
    "check --fix": ("check", "--fix", "--unsafe-fixes", "photos", "claude.json", "recorded.har"),
    "check --fix --output-dir": ("check", "--fix", "--output-dir", "fixed", "photos"),
    "check --diff": ("check", "--diff", "photos", "claude.json"),
    **{
        f"check --format {name}": ("check", "claude.json", "list.jsonl", "photos", "--format", name)
        for name in ("full", "sarif", "markdown")
    },
    "plan": ("plan", "."),
    "plan --apply": ("plan", "--apply", "photos"),
    "split": ("split", "many.json", "--budget", "request.tokens=1600"),
    "size": ("size", "1920x1080", "--table"),
    "legible": ("legible", "photos"),
    "view": ("view", "photos/large.jpg", "-o", "view.html"),
    "coords": ("coords", "--original", "4000x3000", "100,200"),
    "crop": ("crop", "photos/large.jpg", "10,10,300,300", "-o", "part.png"),
    "mcp": ("mcp", "--root", "nowhere"),
    "lsp": ("lsp", "nowhere"),
    "hook": ("hook", "claude-code", "--settings"),
    "tiles": ("tiles", "photos/large.jpg"),
    "limits": ("limits",),
    "rule": ("rule", "--all"),
    "rule --packs": ("rule", "--packs"),
    "explain": ("explain", ERROR),
    "explain --request": ("explain", ERROR, "--request", "claude.json"),
    "baseline": ("baseline", "--write"),
    "init": ("init", "."),
    "send --dry-run": ("send", "claude.json", "--dry-run"),
    "audit a folder": ("audit", ".", "--jobs", "1", "--html", "report.html", "--rows", "rows"),
    "audit in processes": ("audit", ".", "--jobs", "2", "--format", "json"),
    **{
        f"audit {name}": ("audit", name, "--jobs", "1", "--format", form)
        for name, form in (
            ("list.jsonl", "full"),
            ("openai.jsonl", "json"),
            ("coco.json", "markdown"),
            ("table.parquet", "csv"),
            ("nested.arrow", "csv"),
            ("x.tar", "csv"),
            ("x.zip", "csv"),
            ("rows.arrow", "csv"),
        )
    },
    "help": ("--help",),
    "rescue": ("rescue", "claude.json"),
    "status": ("status", "claude.json"),
    "clean": ("clean",),
}
"""By name: a run of every command that does not send, in a folder made by `hostile_folder`."""

DRIVER = """
import json, os, sys
import duckdb, jinja2, pyarrow.dataset, pyarrow.parquet, PIL.Image, yaml  # once, and not in each run
import imgbudget.cli, imgbudget.auditing.run, imgbudget.cli.audit, imgbudget.fixing.image
runs, source = json.loads(sys.argv[1]), sys.argv[2]
for number, (name, arguments) in enumerate(runs.items()):
    folder = f"{source}-{number}"
    child = os.fork()
    if not child:
        os.chdir(folder)
        out = os.open("output.txt", os.O_WRONLY | os.O_CREAT)
        os.dup2(out, 1)
        os.dup2(out, 2)
        imgbudget.cli.main(arguments)
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    print(json.dumps([name, status, open(f"{folder}/output.txt", errors="replace").read()]), flush=True)
"""


def hostile_folder(folder: Path) -> Path:
    """Images, requests, recordings, lists and tables that name images on other machines."""
    (folder / "photos").mkdir(parents=True)
    photo = image_bytes((2000, 1500), "JPEG")
    (folder / "photos" / "large.jpg").write_bytes(photo)
    (folder / "photos" / "turned.jpg").write_bytes(image_bytes((640, 480), "JPEG", orientation=6))
    sources = [{"type": "image", "source": {"type": "url", "url": url}} for url in URLS]
    parts = [{"type": "image_url", "image_url": {"url": url}} for url in URLS]
    documents = [{"type": "document", "source": {"type": "url", "url": URLS[0]}}]
    write_json(folder / "claude.json", body(*sources, *documents, image_block(photo), "what?"))
    write_json(
        folder / "openai.json",
        {"model": "gpt-4o", "messages": [{"role": "user", "content": parts}]},
    )
    files = [{"file_data": {"file_uri": url, "mime_type": "image/png"}} for url in URLS]
    write_json(folder / "gemini.json", {"contents": [{"role": "user", "parts": files}]})
    write_json(
        folder / "many.json", body(*[image_block(image_bytes((800, 600), colour=i)) for i in range(5)])
    )
    entry = {
        "request": {
            "method": "POST",
            "url": "https://api.anthropic.com/v1/messages",
            "postData": {"mimeType": "application/json", "text": json.dumps(body(*sources, "what?"))},
        },
        "response": {"content": {"text": ""}},
    }
    write_json(folder / "recorded.har", {"log": {"entries": [entry]}})
    lines = [{"image": "photos/turned.jpg"}, *({"image": url} for url in URLS)]
    (folder / "list.jsonl").write_text("".join(f"{json.dumps(line)}\n" for line in lines))
    blocks = [{"messages": [{"role": "user", "content": [part]}]} for part in parts]
    (folder / "openai.jsonl").write_text("".join(f"{json.dumps(block)}\n" for block in reversed(blocks)))
    write_json(folder / "coco.json", {"images": [{"file_name": url} for url in ("photos/large.jpg", *URLS)]})
    values = [{"bytes": None, "path": url} for url in URLS]
    pq.write_table(pa.table({"image": pa.array(values, STRUCT)}), folder / "table.parquet")
    nested = pa.table({"images": pa.array([[value] for value in values], pa.list_(STRUCT))})
    with pa.ipc.new_stream(folder / "nested.arrow", nested.schema) as out:
        out.write_table(nested)
    as_arrow(folder / "rows.arrow")
    as_tar(folder / "x.tar")
    as_zip(folder / "x.zip")
    return folder


def test_every_command_that_does_not_send_is_here() -> None:
    """A new command is added to the list, unless it calls an API."""
    from imgbudget.cli.main import COMMANDS  # noqa: PLC0415 - the command's own list

    assert set(COMMANDS) - {arguments[0] for arguments in OFFLINE.values()} == {"verify"}


class Watch:
    """Collects socket events of this process and its forked children while `on`."""

    def __init__(self, file: Path) -> None:
        self.on = False
        self.earlier: frozenset[int | None] = frozenset()
        """Threads that earlier tests left behind."""
        self.file = os.open(file, os.O_RDWR | os.O_CREAT | os.O_APPEND)

    def __call__(self, event: str, arguments: tuple[Any, ...]) -> None:
        """The audit hook."""
        if not self.on or threading.get_ident() in self.earlier:
            return
        if event.startswith(("socket.", "http.", "urllib.", "ftplib.", "smtplib.")):
            os.write(self.file, f"{event} {arguments}\n".encode())

    def events(self) -> str:
        """Everything so far."""
        return os.pread(self.file, 1 << 20, 0).decode()


@pytest.fixture(scope="module")
def watch(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Watch]:
    """The audit hook of this module; hooks cannot be removed."""
    found = Watch(tmp_path_factory.mktemp("events") / "events.txt")
    sys.addaudithook(found)
    yield found
    found.on = False


@pytest.mark.parametrize("name", OFFLINE)
def test_python_reports_no_socket(
    imgbudget: Command,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    watch: Watch,
    name: str,
) -> None:
    """No socket is made, no name is looked up, in the command's process and in its forked workers."""
    if can_trace():
        pytest.skip("the same runs are traced by strace, which sees more")
    monkeypatch.chdir(hostile_folder(tmp_path / "data"))
    before = watch.events()
    others = [thread.ident for thread in threading.enumerate() if thread is not threading.current_thread()]
    watch.earlier = frozenset(others)
    watch.on = True
    try:
        run = imgbudget(*OFFLINE[name])
    finally:
        watch.on = False
    assert run.code in (0, 1, 2)
    assert "internal error" not in run.err
    assert run.out or run.err
    assert watch.events().removeprefix(before) == ""


def traced(folder: Path, *command: str) -> tuple[str, str]:
    """Standard output of a command, and the system calls of the network in all its processes."""
    log = folder / "calls.txt"
    strace = (
        "strace",
        "-f",
        "--seccomp-bpf",
        "-qq",
        "-e",
        "trace=network",
        "-e",
        "signal=none",
        "-o",
        str(log),
    )
    done = subprocess.run([*strace, *command], capture_output=True, text=True, check=False, timeout=600)
    assert done.returncode == 0, done.stderr
    return done.stdout, log.read_text()


@cache
def can_trace() -> bool:
    """Whether strace is installed and may trace, which containers forbid."""
    if shutil.which("strace") is None:
        return False
    command = ["strace", "-f", "-o", os.devnull, sys.executable, "-c", "pass"]
    return subprocess.run(command, capture_output=True, check=False).returncode == 0


def test_the_system_sees_no_socket(tmp_path: Path) -> None:
    """The same runs traced with all their children: not one system call of the network."""
    if not can_trace():
        pytest.skip("strace is not installed or may not trace")
    _, control = traced(tmp_path, sys.executable, "-c", "import socket; socket.socket().close()")
    assert "socket(AF_INET" in control
    folder = hostile_folder(tmp_path / "data")
    for number in range(len(OFFLINE)):  # not in the traced process: to copy files is `sendfile`, too
        shutil.copytree(folder, f"{folder}-{number}")
    output, calls = traced(tmp_path, sys.executable, "-c", DRIVER, json.dumps(OFFLINE), str(folder))
    ended = [json.loads(line) for line in output.splitlines()]
    assert [name for name, _, _ in ended] == list(OFFLINE)
    for name, code, text in ended:
        assert code in (0, 1, 2), (name, text)
        assert text, name
        assert "internal error" not in text, (name, text)
    assert calls == ""
