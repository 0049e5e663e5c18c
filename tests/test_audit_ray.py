"""The Ray engine on a private Ray and on a cluster of two nodes on loopback. Needs the extra dev-audit."""

import csv
import json
import os
import secrets
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.test_audit_runs import MAIN, fill, wait_for_rows

pytest.importorskip("ray", reason="Ray needs the extra dev-audit")

ROOT = Path(__file__).resolve().parents[1]


def environment(**more: str) -> dict[str, str]:
    """The environment of a run: the tests' rule pack can be imported, no statistics are sent."""
    return {**os.environ, "PYTHONPATH": str(ROOT), "RAY_USAGE_STATS_ENABLED": "0", **more}


def begin(folder: Path, *arguments: str, **more: str) -> subprocess.Popen[str]:
    """Start an audit on Ray in a separate process."""
    command = [sys.executable, "-c", MAIN, "audit", *arguments, "--engine", "ray"]
    return subprocess.Popen(
        command,
        cwd=folder,
        env=environment(**more),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def workers(parent: int) -> list[int]:
    """The Ray workers of one run that are at a task."""
    found = []
    for name in os.listdir("/proc"):
        if name.isdigit():
            try:
                line = Path(f"/proc/{name}/cmdline").read_bytes()
                session = os.getsid(int(name))
            except OSError:
                continue
            if line.startswith(b"ray::_run") and session == parent:
                found.append(int(name))
    return found


def test_report_is_that_of_the_local_engine_and_a_killed_worker_costs_nothing(tmp_path: Path) -> None:
    """Every row file has the same name and bytes; a worker is ended by its number on the way."""
    fill(tmp_path / "x", 3_000)
    local = [sys.executable, "-c", MAIN, "audit", "x", "--isolated", "--format", "json", "--rows", "local"]
    subprocess.run(local, cwd=tmp_path, check=True, capture_output=True)
    process = begin(tmp_path, "x", "--isolated", "--format", "json", "--rows", "ray", "-j", "2")
    wait_for_rows(tmp_path / "ray", process, 2)
    while not (found := workers(process.pid)):
        assert process.poll() is None
    os.kill(found[0], signal.SIGKILL)
    out, err = process.communicate(timeout=120)
    assert process.returncode == 0, err
    assert json.loads(out)["run"] == {"partitions": 120, "resumed": 0, "lost": []}
    names = sorted(os.listdir(tmp_path / "local"))
    assert sorted(os.listdir(tmp_path / "ray")) == names
    for name in names:
        assert (tmp_path / "ray" / name).read_bytes() == (tmp_path / "local" / name).read_bytes()


def test_image_that_kills_is_the_only_one_lost(tmp_path: Path) -> None:
    """It ends as one finding; its neighbours are all there."""
    fill(tmp_path / "x", 60, poison=33)
    (tmp_path / "imgbudget.yaml").write_text("packs: [imgbudget_rules, tests.crashing_rule_pack]\n")
    process = begin(tmp_path, "x", "--allow-local-packs", "--format", "csv", "-j", "2")
    out, err = process.communicate(timeout=300)
    assert process.returncode == 2, err
    rows = list(csv.DictReader(out.splitlines()))
    assert len({row["member"] for row in rows}) == len(rows) == 60
    assert [row["member"] for row in rows if "IB003" in row["findings"]] == ["poison33.png"]


def free_port() -> int:
    """A port that is not in use."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def listens(port: int) -> bool:
    """Whether somebody answers."""
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def node(folder: Path, token: str, *arguments: str) -> subprocess.Popen[bytes]:
    """A Ray node that ends with its process group; the token is this test's own."""
    ray = Path(sys.executable).with_name("ray")
    command = [str(ray), "start", "--block", "--node-ip-address=127.0.0.1", "--num-cpus=1", *arguments]
    secured = environment(RAY_AUTH_MODE="token", RAY_AUTH_TOKEN=token, RAY_TMPDIR=str(folder))
    return subprocess.Popen(
        command, env=secured, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
    )


def end(process: "subprocess.Popen[bytes]") -> None:
    """End a node with all that it started, by its own group."""
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()


@pytest.fixture
def cluster() -> Iterator[tuple[str, str, "subprocess.Popen[bytes]"]]:
    """A head and a second node: the address, the token, the second node."""
    # the paths of Ray's sockets may have 107 characters, fewer than pytest's folders leave
    with tempfile.TemporaryDirectory(prefix="ray", ignore_cleanup_errors=True) as folder:
        yield from nodes(Path(folder))


def nodes(tmp_path: Path) -> Iterator[tuple[str, str, "subprocess.Popen[bytes]"]]:
    """The nodes, for as long as the caller is at work."""
    token, port = secrets.token_hex(32), free_port()
    address = f"127.0.0.1:{port}"
    head = node(tmp_path, token, "--head", f"--port={port}", "--include-dashboard=false")
    try:
        deadline = time.monotonic() + 60
        while not listens(port):
            assert head.poll() is None
            assert time.monotonic() < deadline
            time.sleep(0.2)
        second = node(tmp_path, token, f"--address={address}")
        try:
            yield address, token, second
        finally:
            if second.poll() is None:
                end(second)
    finally:
        end(head)


def test_killed_node_costs_nothing(
    tmp_path: Path, cluster: tuple[str, str, "subprocess.Popen[bytes]"]
) -> None:
    """The second node of a cluster is ended in the middle: every image is there once, the head still runs."""
    address, token, second = cluster
    fill(tmp_path / "x", 8_000)
    process = begin(
        tmp_path,
        *("x", "--isolated", "--ray-address", address, "--rows", "rows", "--format", "json"),
        RAY_AUTH_MODE="token",
        RAY_AUTH_TOKEN=token,
    )
    wait_for_rows(tmp_path / "rows", process, 3)
    end(second)
    out, err = process.communicate(timeout=300)
    assert process.returncode == 0, err
    told = json.loads(out)
    assert (told["statistics"]["totals"]["images"], told["run"]["lost"]) == (8_000, [])
    assert token not in out + err


def test_cluster_that_does_not_answer_is_a_usage_error(tmp_path: Path) -> None:
    """One clear line within seconds, and no Ray is started in its place."""
    fill(tmp_path / "x", 1)
    process = begin(tmp_path, "x", "--isolated", "--ray-address", f"127.0.0.1:{free_port()}")
    out, err = process.communicate(timeout=30)
    assert (process.returncode, out) == (2, "")
    assert "nothing answers" in err
