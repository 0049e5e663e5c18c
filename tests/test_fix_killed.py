"""A run that is killed: every file is the old one or the new one, and the next run leaves no trace of it."""

import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import pytest

from tests.builders import body, image_block, image_bytes, write_json
from tests.conftest import posix

COMMAND = "import sys; from imgbudget.cli import main; main(sys.argv[1:])"


def start(folder: Path, *arguments: str) -> "subprocess.Popen[bytes]":
    """Start the command in a process group."""
    return subprocess.Popen(
        [sys.executable, "-c", COMMAND, "check", "--fix", "--fix-level", "warning", *arguments, str(folder)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )


def tree(folder: Path) -> dict[str, bytes]:
    """Every file of a folder, as far as it stays there."""
    files = {}
    for name in os.listdir(folder):
        with suppress(FileNotFoundError):
            files[name] = (folder / name).read_bytes()
    return files


def fill(folder: Path) -> None:
    """Images and a request that have to be fixed."""
    folder.mkdir()
    for i in range(6):
        (folder / f"{i}.jpg").write_bytes(image_bytes((1600 + i, 300), "JPEG"))
    (folder / "scan.bmp").write_bytes(image_bytes((300, 300), "BMP"))
    write_json(folder / "r.json", body(image_block(image_bytes((1700, 400)))))


@posix
def test_killed_at_any_moment(tmp_path: Path) -> None:
    """Old or new, whole, in each of a few runs; then a run to its end makes everything new and clean."""
    fill(tmp_path / "wanted")
    old = tree(tmp_path / "wanted")
    began = time.monotonic()
    assert start(tmp_path / "wanted").wait() == 0
    took = time.monotonic() - began
    new = tree(tmp_path / "wanted")
    fill(tmp_path / "killed")
    for jobs, moment in (("1", 0.6), ("2", 0.8), ("1", 0.95)):
        process = start(tmp_path / "killed", "-j", jobs)
        time.sleep(moment * took)
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        for name, data in tree(tmp_path / "killed").items():
            assert name.startswith(".imgbudget-") or data in (old.get(name), new.get(name)), name
        assert {"scan.bmp", "scan.png"} & set(os.listdir(tmp_path / "killed"))
    assert start(tmp_path / "killed").wait() == 0
    assert tree(tmp_path / "killed") == new


def test_interrupted_run_leaves_whole_files_and_nothing_else(tmp_path: Path) -> None:
    """Ctrl-C: exit 130, and no neighbour stays."""
    fill(tmp_path / "folder")
    old = tree(tmp_path / "folder")
    process = start(tmp_path / "folder", "-j", "1")
    while tree(tmp_path / "folder").get("0.jpg") == old["0.jpg"] and process.poll() is None:
        time.sleep(0.01)
    process.send_signal(signal.SIGINT)
    assert process.wait() in (0, 130)
    left = [name for name in os.listdir(tmp_path / "folder") if name.startswith(".")]
    assert left == []


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="the peak is read from /proc")
def test_large_request_needs_little_memory(tmp_path: Path) -> None:
    """Re-encoding one image in 31 MB takes far less memory at its peak than three times the file."""
    kept = image_block(image_bytes((900, 900), compress_level=0))
    large = image_block(image_bytes((2000, 1500), "JPEG"), "image/jpeg")
    write_json(tmp_path / "r.json", body(large, *[kept] * 9))
    size = os.path.getsize(tmp_path / "r.json")
    assert size > 25_000_000
    code = COMMAND.replace("; main", "\ntry:\n    main") + (
        "\nfinally:\n    status = open('/proc/self/status').read()\n"
        "    sys.stderr.write('\\n' + status.partition('VmHWM:')[2].split()[0])\n"
    )
    arguments = ["check", "--fix", "--select", "IB201", "r.json"]
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert "1 fix made in 1 file" in done.stderr
    assert int(done.stderr.splitlines()[-1]) * 1024 < 3 * size
