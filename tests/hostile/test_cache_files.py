"""A cache file is read as foreign input: whatever is in it, the findings are those of a run without it."""

import json
import os
import zlib
from base64 import b64decode, b64encode
from pathlib import Path
from typing import Any

import pytest

from imgbudget.imageinfo import cache
from imgbudget.imageinfo.cache import FactsCache
from imgbudget.imageinfo.cachefiles import cache_folder, clear
from imgbudget.imageinfo.dispatch import PROBE_VERSION, probe_file
from imgbudget.model.subjects import ImageFacts, ProbeField
from tests.builders import image_bytes
from tests.conftest import Command, posix

LONG_AGO = 1_700_000_000


@pytest.fixture
def photos(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with an image that has been at rest for long, and a cache in a folder of the test's own."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    folder = tmp_path / "photos"
    folder.mkdir()
    for name in ("a.jpg", "b.jpg"):
        (folder / name).write_bytes(image_bytes((1700, 300), "JPEG"))
        os.utime(folder / name, (LONG_AGO, LONG_AGO))
    return folder


def cache_file(photos: Path) -> Path:
    """The cache file of a folder, after a run has written it."""
    made = FactsCache(cache_folder())
    for path in photos.iterdir():
        made.probe(str(path), ProbeField.ALL)
    made.flush()
    (file,) = (path for path in Path(cache_folder()).rglob("*") if len(path.name) == 62)
    return file


def write_entries(file: Path, entries: object, version: int = PROBE_VERSION) -> None:
    """Write a cache file with a valid checksum."""
    text = entries if isinstance(entries, bytes) else json.dumps(entries).encode()
    file.write_bytes(b"imgbudget facts 1 %d %08x\n" % (version, zlib.crc32(text)) + text)


def read_entries(file: Path) -> dict[str, list[Any]]:
    """The entries of a cache file."""
    entries: dict[str, list[Any]] = json.loads(file.read_bytes().partition(b"\n")[2])
    return entries


FOREIGN: list[object] = [None, True, -1, 1.5, 1 << 200, 10**400, "x", [], {}, [[]], [1], "9" * 5000]


@pytest.mark.parametrize("field", range(6))
def test_fields_of_an_entry_with_foreign_values(photos: Path, field: int) -> None:
    """Size, time, inode, fields or facts of another type or range: the image is probed again."""
    file = cache_file(photos)
    entries = read_entries(file)
    facts = probe_file(str(photos / "a.jpg"), ProbeField.ALL)
    for value in FOREIGN:
        entries["a.jpg"][field] = value
        write_entries(file, entries)
        assert FactsCache(cache_folder()).probe(str(photos / "a.jpg"), ProbeField.ALL) == facts


@pytest.mark.parametrize("field", ImageFacts._fields)
def test_facts_with_foreign_values(photos: Path, field: str) -> None:
    """The facts of an entry that is otherwise right: wrong types, negative sizes, huge counts."""
    file = cache_file(photos)
    entries = read_entries(file)
    facts = probe_file(str(photos / "a.jpg"), ProbeField.ALL)
    index = ImageFacts._fields.index(field)
    for value in (*FOREIGN, [-1, 5], [0.5, 2], [True, 2], [1 << 40, 2], [1, 2, 3], "\x1b[2J"):
        right = entries["a.jpg"][5][index]
        texts = ("format", "size", "damage", "content", "unturnable", "variant")
        if value in (None, True, "x", "\x1b[2J", []) and field in texts:
            continue  # the right type: a lie that only another probe would find
        if value in (None, True) and field in ("quality", "metadata_bytes", "has_location", "in_xmp"):
            continue
        entries["a.jpg"][5][index] = value
        write_entries(file, entries)
        assert FactsCache(cache_folder()).probe(str(photos / "a.jpg"), ProbeField.ALL) == facts, value
        entries["a.jpg"][5][index] = right


@pytest.mark.parametrize(
    "entries",
    [
        [],
        None,
        "text",
        5,
        {"a.jpg": []},
        {"a.jpg": {}},
        {"a.jpg": None},
        {"a.jpg": [1, 2, 3, 4, 5, 6]},
        b"[" * 100_000,
        b'{"a.jpg":' * 100_000,
        b'{"a.jpg": NaN}',
        b'{"a.jpg": ' + b"1" * 5000 + b"}",
        b"\xff\xfe",
        b"",
    ],
    ids=range(14),
)
def test_files_of_another_shape(imgbudget: Command, photos: Path, entries: object) -> None:
    """A valid checksum over anything: the output is that without a cache, and --verbose says why."""
    file = cache_file(photos)
    plain = imgbudget("check", str(photos), "--no-cache")
    write_entries(file, entries)
    quiet = imgbudget("check", str(photos))
    assert (quiet.code, quiet.out, quiet.err) == (plain.code, plain.out, plain.err)
    write_entries(file, entries)
    verbose = imgbudget("check", str(photos), "--verbose")
    assert (verbose.code, verbose.out) == (plain.code, plain.out)
    assert f"warning: the cached facts of {photos} are ignored: its entries do not have" in verbose.err
    write_again = imgbudget("check", str(photos), "--verbose")
    assert "ignored" not in write_again.err


def test_a_file_of_another_version_is_ignored_and_written_again(imgbudget: Command, photos: Path) -> None:
    """Its entries may mean something else."""
    file = cache_file(photos)
    entries = read_entries(file)
    entries["a.jpg"][5][2] = [5, 5]
    write_entries(file, entries, version=PROBE_VERSION + 1)
    run = imgbudget("check", str(photos), "--verbose")
    assert "IB201" in run.out
    assert "are ignored: it is of another version" in run.err
    assert "ignored" not in imgbudget("check", str(photos), "--verbose").err


def test_one_foreign_entry_does_not_stay_in_the_file(imgbudget: Command, photos: Path) -> None:
    """The next run writes right entries only."""
    file = cache_file(photos)
    entries = read_entries(file)
    write_entries(file, {**entries, "a.jpg": ["x"], "gone.jpg": {"y": 1}})
    imgbudget("check", str(photos))
    assert set(read_entries(file)) == {"a.jpg", "b.jpg"}


@posix
def test_a_cache_file_that_is_no_file_is_ignored(imgbudget: Command, photos: Path) -> None:
    """A pipe does not block the run, and what is too large is not read."""
    file = cache_file(photos)
    file.unlink()
    os.mkfifo(file)
    run = imgbudget("check", str(photos), "--verbose")
    assert "are ignored: it cannot be read" in run.err
    file.unlink()
    with file.open("wb") as out:
        out.truncate(1 << 29)
    assert "are ignored: it cannot be read" in imgbudget("check", str(photos), "--verbose").err


@posix
def test_names_of_temporary_files_cannot_be_guessed(imgbudget: Command, photos: Path, tmp_path: Path) -> None:
    """A link with the name of the old temporary file, or with that of the tag, is not written through."""
    file = cache_file(photos)
    victim = tmp_path / "victim"
    victim.write_text("mine")
    (file.parent / f"{file.name}.{os.getpid()}.tmp").symlink_to(victim)
    file.unlink()
    tag = Path(cache_folder()) / "CACHEDIR.TAG"
    tag.unlink()
    tag.symlink_to(tmp_path / "created")
    imgbudget("check", str(photos))
    assert file.is_file()
    assert victim.read_text() == "mine"
    assert not (tmp_path / "created").exists()


@posix
def test_clearing_removes_only_cache_files(photos: Path, tmp_path: Path) -> None:
    """What else is in the folder stays, and a link in it is not followed."""
    file = cache_file(photos)
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / file.name).write_text("mine")
    (Path(cache_folder()) / "ab").symlink_to(outside)
    (Path(cache_folder()) / "notes.txt").write_text("mine")
    (file.parent / "notes.txt").write_text("mine")
    assert clear(cache_folder()) == 1
    assert not file.exists()
    kept = sorted(path.name for path in Path(cache_folder()).rglob("*") if path.is_file())
    assert kept == ["notes.txt", "notes.txt"]
    assert (outside / file.name).exists()


@pytest.mark.parametrize("fields", [0, ProbeField.ALL])
def test_right_entries_are_used(photos: Path, monkeypatch: pytest.MonkeyPatch, fields: int) -> None:
    """What the probe says of images of many formats, damaged ones and other files passes the check."""
    for form in ("PNG", "GIF", "WEBP", "BMP", "TIFF"):
        data = image_bytes((70, 50), form)
        (photos / f"c.{form.lower()}").write_bytes(data)
        (photos / f"d.{form.lower()}").write_bytes(data[: len(data) // 2])
    (photos / "e.png").write_bytes(b"")
    (photos / "f.png").write_bytes(b"%PDF-1.4 nothing")
    (photos / "g.png").write_bytes(bytes(range(256)))
    for path in photos.iterdir():
        os.utime(path, (LONG_AGO, LONG_AGO))
    first = FactsCache(cache_folder())
    facts = {path: first.probe(str(path), fields) for path in photos.iterdir()}
    first.flush()

    def refuse(path: str, _fields: int) -> ImageFacts:
        raise AssertionError(path)

    monkeypatch.setattr(cache, "probe_file", refuse)
    second = FactsCache(cache_folder())
    assert {path: second.probe(str(path), fields) for path in photos.iterdir()} == facts


def verdict_file(imgbudget: Command, photos: Path) -> Path:
    """The file of verdicts of a folder, after a run has written it."""
    imgbudget("check", str(photos), "--cache", "--format", "json")
    files = [path for path in Path(cache_folder()).rglob("*") if len(path.name) == 62]
    (file,) = (path for path in files if path.read_bytes().startswith(b"imgbudget verdicts "))
    return file


def write_verdicts(file: Path, start: bytes, head: object, texts: bytes) -> None:
    """Write a file of verdicts with a valid checksum."""
    its = head if isinstance(head, bytes) else json.dumps(head).encode()
    line = b64encode(zlib.compress(its + b"\n" + texts))
    file.write_bytes(b"%s %08x\n%s\n" % (start, zlib.crc32(line), line))


def read_verdicts(file: Path) -> tuple[bytes, list[Any], bytes]:
    """The start of a file of verdicts, its names and columns, and its texts."""
    head, line, _ = file.read_bytes().split(b"\n")
    rows, _, texts = zlib.decompress(b64decode(line)).partition(b"\n")
    return head.rpartition(b" ")[0], json.loads(rows), texts


def test_verdicts_with_foreign_values(imgbudget: Command, photos: Path) -> None:
    """Any field of another type or range, with a valid checksum: the files are checked again."""
    plain = imgbudget("check", str(photos), "--no-cache", "--format", "json")
    file = verdict_file(imgbudget, photos)
    start, (names, columns), texts = read_verdicts(file)
    foreign = (*FOREIGN, float("nan"), float("inf"))
    for field, column in enumerate(columns[:11]):
        for value in foreign:
            if field in (5, 6) and value is None:
                continue  # the size of an image that can be no copy
            if field > 6 and (value in (-1, 1.5, [1]) or (type(value) is int and value < 1 << 64)):
                continue  # numbers that a summary could have
            for changed in ([value, *column[1:]], [*column, value], value):
                its = [*columns[:field], changed, *columns[field + 1 :]]
                write_verdicts(file, start, [names, its], texts)
                assert imgbudget("check", str(photos), "--cache", "--format", "json") == plain, (
                    field,
                    changed,
                )


def test_verdicts_of_another_shape(imgbudget: Command, photos: Path) -> None:
    """Too few texts, too many, none, no JSON, a bomb, and what is no compressed text at all."""
    plain = imgbudget("check", str(photos), "--no-cache", "--format", "json")
    file = verdict_file(imgbudget, photos)
    start, head, texts = read_verdicts(file)
    names, columns = head
    right = json.dumps(head).encode()
    for its, more in (
        (right, texts + b"\0"),
        (right, texts.replace(b"\0", b"", 1)),
        (right, b""),
        (right[:-1], texts),
        (b"[]", b""),
        (b"{}", texts),
        (b"[[], []]", b""),
        (b'["a.jpg", null]', texts),
        (b"[" * 100_000, b""),
        (b"\xff", b"\xff"),
        (right, texts + b" " * (1 << 27)),
        ([[], columns], texts),
        ([[], [[]] * len(columns)], b""),
        ([names[:-1], columns], texts),
        ([[1, *names[1:]], columns], texts),
        ([[None] * len(names), columns], texts),
        ([names, columns[:-1]], texts),
        ([names, [*columns, [0]]], texts),
        ([names, dict(enumerate(columns))], texts),
        ([["x"] * (1 << 18), [column[:1] for column in columns]], b"\0" * (3 << 18)),
    ):
        write_verdicts(file, start, its, more)
        assert imgbudget("check", str(photos), "--cache", "--format", "json") == plain
    for line in (b"", b"AAAA", b"not base64!", b64encode(b"x" * 99)):
        file.write_bytes(b"%s %08x\n%s\n" % (start, zlib.crc32(line), line))
        assert imgbudget("check", str(photos), "--cache", "--format", "json") == plain
    assert read_verdicts(file)[1] == head
