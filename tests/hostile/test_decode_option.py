"""`--decode`: what only decoding shows, found by a process that may die, stall or run out of memory."""

import io
import random
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path

import PIL
import pytest
from PIL import Image
from PIL import __version__ as pillow_version

import imgbudget as package
from imgbudget.errors import UsageError
from imgbudget.fixing import decoder
from imgbudget.imageinfo import decoding
from imgbudget.imageinfo.decoding import DecodingWorker, with_decoding
from imgbudget.imageinfo.dispatch import probe_bytes, probe_reader
from imgbudget.model.subjects import MOST_DECODED, ProbeField
from tests.builders import body, image_block, write_json
from tests.conftest import Command

NOISE = Image.frombytes("RGB", (120, 80), random.Random(5).randbytes(120 * 80 * 3))  # noqa: S311 - the same
BY = f"cannot be decoded by Pillow {pillow_version}: "


def saved(form: str, **options: object) -> bytes:
    """A noisy image."""
    out = io.BytesIO()
    NOISE.save(out, form, **options)
    return out.getvalue()


def flipped(data: bytes, at: int) -> bytes:
    """The data with another byte at a position."""
    return data[:at] + bytes((data[at] ^ 255,)) + data[at + 1 :]


PNG = saved("PNG")
BROKEN = {
    "png data": flipped(PNG, len(PNG) // 2),
    "png checksum": flipped(PNG, len(PNG) - 14),
    "jpeg that ends early": saved("JPEG")[:2500] + b"\xff\xd9",
    "webp": saved("WEBP", lossless=True)[:60].ljust(len(saved("WEBP", lossless=True)), b"\xff"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_broken_data_is_seen_by_decoding_alone(name: str) -> None:
    """The header is sound, and the file ends where it should; the message has the decoder and its version."""
    assert probe_bytes(BROKEN[name], ProbeField.ALL).damage is None
    assert decoder.flaw_of(BROKEN[name]).startswith(BY)


@pytest.mark.parametrize("form", ["PNG", "JPEG", "WEBP", "GIF", "TIFF", "BMP", "AVIF"])
def test_sound_images_decode(form: str) -> None:
    """And what is never decoded here has no flaw: the rules name it."""
    assert decoder.flaw_of(saved(form)) == ""
    assert decoder.flaw_of(b"<svg xmlns='http://www.w3.org/2000/svg'/>") == ""


def test_every_frame_is_decoded() -> None:
    """A later frame may be broken."""
    frames = [NOISE.rotate(turn) for turn in (0, 90, 180)]
    out = io.BytesIO()
    frames[0].save(out, "WEBP", save_all=True, append_images=frames[1:], lossless=True)
    data = out.getvalue()
    last = data.rindex(b"ANMF") + 60
    assert decoder.flaw_of(data) == ""
    assert decoder.flaw_of(data[:last].ljust(len(data), b"\xff")).startswith(BY)


def test_images_are_answered_one_after_the_other() -> None:
    """The protocol of the process, without the process."""
    images = [PNG, BROKEN["png data"], b"", PNG]
    sent = io.BytesIO()
    decoder.serve(
        io.BytesIO(
            b"".join(decoding.HEADER.pack(decoding.IS_DECODABLE, len(data)) + data for data in images)
        ),
        sent,
    )
    sent.seek(0)
    answers = []
    while head := sent.read(decoding.ANSWER.size):
        answers.append(sent.read(decoding.ANSWER.unpack(head)[0]).decode())
    assert [bool(answer) for answer in answers] == [False, True, False, False]


@pytest.fixture
def worker() -> Iterator[DecodingWorker]:
    """A worker that ends with the test."""
    made = DecodingWorker()
    yield made
    made.close()


ANSWERS_ONCE = """\
import sys
print("ready", flush=True)
sys.stdin.buffer.read(once)
sys.stdout.buffer.write(bytes(2))
sys.stdout.flush()
sys.stdin.buffer.read()
"""
"""A decoder that calls its first image sound and does not answer about the second."""


def test_worker_that_dies_or_stalls_is_a_finding_and_is_replaced(
    worker: DecodingWorker, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A crash and a stall are reported for their image; the next image has a new process."""
    monkeypatch.setattr(decoding, "_START", "print('ready')")
    assert worker.flaw(PNG) == "cannot be decoded: the decoder crashed or took too much memory"
    monkeypatch.undo()
    assert worker.flaw(PNG) == ""
    worker.close()
    monkeypatch.setattr(decoding, "_START", f"once = {decoding.HEADER.size + len(PNG)}\n{ANSWERS_ONCE}")
    assert worker.flaw(PNG) == ""
    monkeypatch.setattr(decoding, "SECONDS", 0.0)
    assert worker.flaw(PNG) == "cannot be decoded within 0 s"
    monkeypatch.undo()
    assert worker.flaw(PNG) == ""
    assert worker.flaw(BROKEN["png data"]).startswith(BY)


STANDARD_LIBRARY = [path for path in sys.path if "site-packages" not in path and "python3" in path]


def test_decoder_looks_for_modules_where_its_parent_does(
    worker: DecodingWorker, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """In an archive, or a folder that PYTHONPATH names; not in the working folder, which may be anyone's."""
    root = Path(package.__file__).parents[1]
    archive = tmp_path / "imgbudget.zip"
    with zipfile.ZipFile(archive, "w") as file:
        for path in sorted(root.glob("imgbudget/**/*.py")):
            file.write(path, path.relative_to(root))
    here = tmp_path / "here"
    here.mkdir()
    (here / "PIL.py").write_text("raise RuntimeError('not ours')", encoding="utf-8")
    monkeypatch.chdir(here)
    pillow = str(Path(PIL.__file__).parents[1])
    monkeypatch.setattr(package, "__file__", str(archive / "imgbudget" / "__init__.py"))
    monkeypatch.setattr(sys, "path", ["", str(here), str(archive), *STANDARD_LIBRARY, pillow])
    assert worker.flaw(PNG) == ""
    assert worker.flaw(BROKEN["png data"]).startswith(BY)


def test_decoder_that_cannot_start_calls_no_image_broken(
    worker: DecodingWorker, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its reason is named, with the remedy; a thumbnail is not made."""
    monkeypatch.setattr(sys, "path", STANDARD_LIBRARY)
    reason = "cannot start: ModuleNotFoundError: No module named 'imgbudget'; install imgbudget with pip"
    with pytest.raises(UsageError, match=reason):
        worker.flaw(PNG)
    assert worker.thumbnail(PNG) == ""
    monkeypatch.setattr(decoding, "_START", "import sys; sys.exit(7)")
    with pytest.raises(UsageError, match="cannot start: it ended with status 7"):
        worker.flaw(PNG)
    monkeypatch.setattr(decoding, "_START", "input()")
    monkeypatch.setattr(decoding, "SECONDS", 0.0)
    with pytest.raises(UsageError, match="cannot start: it was not ready within 0 s"):
        worker.flaw(PNG)
    monkeypatch.setattr(sys, "frozen", True, raising=False)
    with pytest.raises(UsageError, match="no Python beside it"):
        worker.flaw(PNG)


@pytest.mark.parametrize("command", ["check", "audit"])
def test_command_without_a_decoder_is_a_usage_error(
    command: str, tmp_path: Path, imgbudget: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing is checked, nothing is called broken; without the option the command works."""
    (tmp_path / "sound.png").write_bytes(PNG)
    monkeypatch.setattr(decoding, "_WORKERS", DecodingWorker())
    monkeypatch.setattr(sys, "executable", str(tmp_path / "no python"))
    options = ("--isolated", "--select", "IB001", str(tmp_path))
    done = imgbudget(command, "--decode", *options)
    assert done.code == 2
    assert "IB001" not in done.out
    assert "no image can be decoded here: " in done.err
    assert "no python: no such file or folder; install imgbudget with " in done.err
    assert imgbudget(command, *options).code == 0


def test_too_many_bytes_are_not_read() -> None:
    """They are named, not read into memory."""

    def read(size: int, offset: int) -> bytes:
        assert size < 1 << 20
        return PNG[offset : offset + size]

    facts = probe_reader(read, len(PNG))
    found = with_decoding(facts, read, MOST_DECODED + 1)
    assert "at most 268,435,456 are decoded" in (found.damage or "")


def test_check_and_audit_decode_files_and_requests(tmp_path: Path, imgbudget: Command) -> None:
    """Without the option nothing is decoded; with it an image of a request is as one of a file."""
    (tmp_path / "bad.png").write_bytes(BROKEN["png data"])
    write_json(tmp_path / "body.json", body(image_block(BROKEN["png data"]), "What is this?"))
    options = ("--isolated", "--select", "IB001", str(tmp_path))
    assert imgbudget("check", "--format", "json", *options).codes == []
    assert imgbudget("check", "--decode", "--format", "json", "-j", "1", *options).out.count(f'"{BY}') == 2
    report = imgbudget("audit", "--decode", "-j", "1", "--fail-on", "error", *options)
    assert report.code == 1
    assert "IB001" in report.out


@pytest.mark.parametrize(
    ("command", "words"),
    [
        (("check", "--fix", "--fix-level", "warning"), "imgbudget: a package cannot be loaded: "),
        (("audit",), "not read: large.png: a package cannot be loaded: "),
    ],
)
def test_pillow_that_cannot_be_loaded_is_no_fault_of_an_image(
    tmp_path: Path, command: tuple[str, ...], words: str
) -> None:
    """Neither is it one of imgbudget's rules: the installation is broken, and the file is as it was."""
    out = io.BytesIO()
    Image.new("L", (3000, 2000)).save(out, "PNG")
    data = out.getvalue()
    (tmp_path / "large.png").write_bytes(data)
    code = "import sys; sys.modules['PIL'] = None; from imgbudget.cli import main; main(sys.argv[1:])"
    done = subprocess.run(
        [sys.executable, "-c", code, *command, "--isolated", "large.png"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert words in done.stderr
    assert "IB00" not in done.stdout
    assert (tmp_path / "large.png").read_bytes() == data
