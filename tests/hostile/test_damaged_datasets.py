"""Whatever is wrong with an archive, a table, a list or an image: a row names it, and the audit goes on."""

import io
import json
import os
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from imgbudget.auditing import executors
from imgbudget.auditing.failures import reason_of, until_failure
from imgbudget.auditing.inputs import input_of, tars
from imgbudget.auditing.partition import CONTAINERS, Partition
from imgbudget.auditing.records import RecordBuilder
from imgbudget.auditing.work import Done, Failed, Work
from imgbudget.errors import UnreadableError
from tests.builders import body, image_block, image_bytes
from tests.conftest import Command
from tests.datasets import as_arrow, as_folder, as_parquet, as_tar, as_zip, facts_of, rows_of
from tests.processes import one_thread

CONTAINER_KINDS = sorted(set(CONTAINERS.values()))
PICTURE = image_bytes((300, 300))

FORMS: dict[str, Callable[[Path], Path]] = {
    "pax tar": lambda at: as_tar(at / "x.tar"),
    "gnu tar": lambda at: as_tar(at / "x.tar", form=tarfile.GNU_FORMAT),
    "tar.gz": lambda at: as_tar(at / "x.tar.gz", mode="w:gz"),
    "tar.bz2": lambda at: as_tar(at / "x.tar.bz2", mode="w:bz2"),
    "tar.xz": lambda at: as_tar(at / "x.tar.xz", mode="w:xz"),
    "tar.zst": lambda at: as_zstd(at / "x.tar.zst"),
    "zip": lambda at: as_zip(at / "x.zip"),
    "deflated zip": lambda at: as_zip(at / "x.zip", packing=zipfile.ZIP_DEFLATED),
    "bzip2 zip": lambda at: as_zip(at / "x.zip", packing=zipfile.ZIP_BZIP2),
    "lzma zip": lambda at: as_zip(at / "x.zip", packing=zipfile.ZIP_LZMA),
    "parquet": lambda at: as_parquet(at / "x.parquet"),
    "arrow stream": lambda at: as_arrow(at / "x.arrow"),
    "arrow file": lambda at: as_arrow(at / "x.arrow", stream=False),
    "llava": lambda at: as_list(at / "x.json", "llava"),
    "lines": lambda at: as_list(at / "x.jsonl", "lines"),
    "coco": lambda at: as_list(at / "x.json", "coco"),
    "requests": lambda at: as_requests(at / "x.jsonl"),
}
IMAGES = {
    form: image_bytes((90, 60), form.upper()) for form in ("png", "jpeg", "webp", "gif", "bmp", "tiff", "ppm")
}


def as_zstd(path: Path) -> Path:
    """A tar archive packed by Zstandard."""
    inner = as_tar(path.with_suffix("")).read_bytes()
    path.with_suffix("").unlink()
    with pa.CompressedOutputStream(str(path), "zstd") as out:
        out.write(inner)
    return path


def as_list(path: Path, shape: str) -> Path:
    """A list of images that are beside it."""
    names = [str(file.relative_to(path.parent)) for file in sorted(as_folder(path.parent).rglob("*.*"))]
    names = [name for name in names if name.startswith(("a/", "b/"))]
    entries: Any = [{"image": name} for name in names]
    if shape == "coco":
        entries = {"images": [{"file_name": name} for name in names]}
    text = "".join(f"{json.dumps(entry)}\n" for entry in entries) if shape == "lines" else json.dumps(entries)
    path.write_text(text, encoding="utf-8")
    return path


def as_requests(path: Path) -> Path:
    """Requests, one a line."""
    path.write_text("".join(f"{json.dumps(body(image_block(), 'text'))}\n" for _ in range(3)))
    return path


class Sound(NamedTuple):
    """A dataset, its bytes, the facts of its rows."""

    path: Path
    data: bytes
    facts: list[dict[str, Any]]

    def __repr__(self) -> str:
        return str(self.path)  # hypothesis shows it with each failure


@pytest.fixture(scope="module", params=FORMS)
def sound(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Sound:
    """A valid dataset of each form."""
    path = FORMS[request.param](tmp_path_factory.mktemp("sound"))
    return Sound(path, path.read_bytes(), [facts_of(row) for row in rows_of(path)])


FLIPS = st.lists(st.tuples(st.floats(0, 1, exclude_max=True), st.integers(0, 255)), min_size=1, max_size=4)


@settings(max_examples=20)
@given(flips=FLIPS, cut=st.none() | st.floats(0, 1, exclude_max=True), more=st.binary(max_size=30))
def test_damaged_dataset_is_named_and_costs_nothing_else(
    sound: Sound, flips: list[tuple[float, int]], cut: float | None, more: bytes
) -> None:
    """A sound member has its row, or its damage has one; other datasets are not concerned; nothing raises."""
    path, data, expected = sound
    changed = bytearray(data)
    if cut is None:
        for where, value in flips:
            changed[int(where * len(data))] = value
        changed += more
    else:
        del changed[int(cut * len(data)) :]
    damaged, beside = path.with_name(f"damaged{''.join(path.suffixes)}"), path.with_name("beside.png")
    beside.write_bytes(PICTURE)
    damaged.write_bytes(changed)
    rows = rows_of(damaged, beside)
    assert [row["subject"] for row in rows if row["source"].endswith("beside.png")] == ["image"]
    own = [row for row in rows if not row["source"].endswith("beside.png")]
    assert own
    found = [facts_of(row) for row in own]
    between_lines = b"\n" in (changed[-1:], data[len(changed) :][:1])
    if cut is not None and path.suffix == ".jsonl" and between_lines:
        # lines have no end mark: a cut between two of them cannot be seen
        assert all(facts in expected for facts in found)
    elif found != expected:
        assert [facts for facts in found if facts not in expected], "something is gone, and nothing says so"


@pytest.mark.parametrize("form", ["pax tar", "gnu tar", "tar.gz", "tar.bz2", "tar.xz", "tar.zst"])
@settings(max_examples=20)
@given(share=st.floats(0, 1, exclude_max=True))
def test_truncated_tar_has_the_members_before_its_end(
    tmp_path_factory: pytest.TempPathFactory, form: str, share: float
) -> None:
    """The rows are the first ones of the whole archive, and the last row names the damage."""
    whole = FORMS[form](tmp_path_factory.mktemp("whole"))
    expected = [(row["member"], facts_of(row)) for row in rows_of(whole)]
    data = whole.read_bytes()
    end = data.rstrip(b"\0") if form.endswith(" tar") else data  # padding is no loss
    whole.write_bytes(data[: int(share * len(end))])
    *found, last = rows_of(whole)
    assert [(row["member"], facts_of(row)) for row in found] == expected[: len(found)]
    assert last["missed"]
    assert "archive" in last["skipped"]
    if form.endswith(" tar"):
        with tarfile.open(fileobj=io.BytesIO(data)) as archive:
            ends = [member.offset_data + member.size for member in archive]
        assert len(found) == sum(end <= int(share * len(data.rstrip(b"\0"))) for end in ends)


@pytest.mark.parametrize("size", ["9" * 5000, "9" * 30, "-1", "x", "٣", "", "1e3"])
def test_absurd_size_in_a_pax_header_ends_only_its_archive(tmp_path: Path, size: str) -> None:
    """The members before it are rows, and so is everything else that is audited."""
    (tmp_path / "x.tar").write_bytes(
        member("a.png") + pax(record("size", size)) + member("b.png") + bytes(1024)
    )
    (tmp_path / "z.png").write_bytes(PICTURE)
    rows = rows_of(tmp_path)
    assert sorted((row["member"] or "", row["subject"]) for row in rows) == [
        ("", "skip"),
        ("a.png", "image"),
        ("z.png", "image"),
    ]
    (reason,) = [row["skipped"] for row in rows if row["missed"]]
    assert reason.startswith("damaged archive: an invalid size before byte ")
    assert reason.endswith("; the rest is lost")


def test_damaged_tar_does_not_end_the_command(imgbudget: Command, tmp_path: Path) -> None:
    """Through the command: the others are counted, and the exit code says that something was not read."""
    (tmp_path / "x.tar").write_bytes(member("a.png") + pax(record("size", "9" * 5000)) + bytes(1024))
    (tmp_path / "z.png").write_bytes(PICTURE)
    run = imgbudget("audit", ".", "--isolated", "--format", "json")
    assert run.code == 2
    totals = run.json["statistics"]["totals"]
    assert (totals["images"], totals["missed"]) == (2, 1)
    assert "internal error" not in run.err


ERRORS: tuple[Exception, ...] = (
    *(
        MemoryError(),
        RecursionError("deep"),
        OverflowError("large"),
        UnicodeError("text"),
        ValueError("value"),
    ),
    *(OSError(5, "Input/output error"), OSError("strange"), EOFError(), KeyError("key"), AttributeError("x")),
    *(zlib.error("data"), zipfile.BadZipFile("zip"), UnreadableError("why"), pa.ArrowInvalid("arrow")),
    *(pa.ArrowMemoryError("malloc"), pa.ArrowNotImplementedError("not yet"), NotImplementedError("not")),
)


@pytest.mark.parametrize("error", ERRORS, ids=lambda error: type(error).__name__)
@pytest.mark.parametrize("kind", [*CONTAINER_KINDS, "files", "manifests", "requests"])
def test_whatever_a_reader_raises_becomes_a_row(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str, error: Exception
) -> None:
    """While it is planned and while it is read; the reason is a clause, and other inputs are read."""
    make = {"zips": "zip", "tars": "pax tar", "parquets": "parquet", "arrows": "arrow file"}
    (tmp_path / "d").mkdir()
    dataset = FORMS[make.get(kind, "lines")](tmp_path / "d")
    (tmp_path / "z.png").write_bytes(PICTURE)

    def fail(*_: object, **__: object) -> Iterator[Any]:
        raise error
        yield

    for name in ("plan", "read"):
        if kind in CONTAINER_KINDS:
            monkeypatch.setattr(input_of(kind), name, fail)
        else:
            monkeypatch.setattr(RecordBuilder, "file", fail)
        rows = rows_of(dataset, tmp_path / "z.png") if kind != "files" else rows_of(tmp_path / "d")
        unread = [row for row in rows if row["missed"]]
        assert unread
        assert all("\n" not in row["skipped"] and row["skipped"] for row in unread)
        if kind in CONTAINER_KINDS:
            assert [row["subject"] for row in rows] == ["skip", "image"]
        monkeypatch.undo()


@pytest.mark.parametrize("error", [KeyboardInterrupt(), SystemExit(3)])
def test_what_ends_the_process_is_not_caught(error: BaseException) -> None:
    """Ctrl-C and exits are no damage."""

    def items() -> Iterator[int]:
        yield 1
        raise error

    found = until_failure(items(), lambda _: [0])
    assert next(found) == 1
    with pytest.raises(type(error)):
        next(found)


def test_reasons_are_short_clauses_that_name_the_cause() -> None:
    """No class names where the text says enough, and no endless text."""
    assert reason_of(OSError(13, "Permission denied"), "damaged archive") == (
        "cannot be read: permission denied"
    )
    assert reason_of(MemoryError(), "damaged file") == "damaged file: it takes more memory than there is"
    assert reason_of(KeyError("x"), "damaged file") == "damaged file: KeyError: 'x'"
    assert reason_of(ValueError(), "damaged file") == "damaged file: ValueError"
    assert reason_of(EOFError("Too short\nand more"), "damaged file", "; lost") == (
        "damaged file: too short; lost"
    )
    assert len(reason_of(ValueError("x" * 10_000), "damaged file")) < 300


@pytest.mark.parametrize("form", IMAGES)
@settings(max_examples=20)
@given(flips=FLIPS, cut=st.none() | st.floats(0, 1, exclude_max=True))
def test_damaged_image_is_one_row(
    tmp_path_factory: pytest.TempPathFactory, form: str, flips: list[tuple[float, int]], cut: float | None
) -> None:
    """An image is a row, however it is damaged."""
    data = bytearray(IMAGES[form])
    for where, value in flips:
        data[int(where * len(data))] = value
    if cut is not None:
        del data[int(cut * len(data)) :]
    path = tmp_path_factory.getbasetemp() / f"x.{form}"
    path.write_bytes(data)
    (row,) = rows_of(path)
    assert row["subject"] == "image"
    assert "IB003" not in [finding["code"] for finding in row["findings"]]


def test_members_behind_a_damaged_one_are_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A probe that fails on one member loses neither the archive nor the members behind it."""
    for name in ("x.tar", "x.tar.gz", "x.zip"):
        as_zip(tmp_path / name) if name.endswith("zip") else as_tar(
            tmp_path / name, mode="w:gz" if name.endswith("gz") else "w"
        )
    before = {name: len(rows_of(tmp_path / name)) for name in ("x.tar", "x.tar.gz", "x.zip")}
    original = RecordBuilder.image

    def image(self: RecordBuilder, where: Any, content: Any) -> Any:
        if where.member == "b/other.png":
            raise MemoryError
        return original(self, where, content)

    monkeypatch.setattr(RecordBuilder, "image", image)
    for name, number in before.items():
        rows = rows_of(tmp_path / name)
        assert len(rows) == number
        assert [row["member"] for row in rows if row["missed"]] == ["b/other.png"]


def test_item_that_makes_its_worker_fail_is_found_in_an_archive_that_cannot_be_counted(
    imgbudget: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The count of items, which is only needed for narrowing down, is allowed to fail."""
    (tmp_path / "x.tar").write_bytes(member("a.png") + bytes(1024))
    (tmp_path / "z.png").write_bytes(PICTURE)

    def fail(*_: object) -> int:
        raise ValueError

    def read(work: Work, partition: Partition) -> Done | Failed:
        return Failed(partition, "it failed") if partition.kind == "tars" else work(partition)

    one_thread(monkeypatch)
    monkeypatch.setattr(tars, "count", fail)
    monkeypatch.setattr(executors, "_read", read)
    run = imgbudget("audit", ".", "--isolated", "--format", "json", "-j", "1")
    assert run.code == 2
    assert run.json["statistics"]["totals"]["images"] == 2


@pytest.mark.parametrize("large", [False, True])
def test_zip_whose_directory_loses_members_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, large: bool
) -> None:
    """A name that reaches over the next entry of the directory hides it: the number at the end disagrees."""
    if large:  # as from 65,536 members on
        monkeypatch.setattr(zipfile, "ZIP_FILECOUNT_LIMIT", 2)
    path = tmp_path / "x.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for name in ("a.png", "b.png", "c.png"):
            archive.writestr(name, PICTURE)
    data = bytearray(path.read_bytes())
    if large:
        data[-12:-10] = b"\xff\xff"  # the number is in the ZIP64 record
    path.write_bytes(data)
    assert [row["skipped"] for row in rows_of(path)] == [None] * 3
    at = data.index(b"PK\1\2")
    data[at + 28] = 5 + 46 + 5
    path.write_bytes(data)
    assert rows_of(path)[-1]["skipped"] == (
        "damaged archive: its directory lists 2 entries, but its end says 3; what is not listed was not read"
    )


def test_arrow_values_are_checked_before_they_are_used(tmp_path: Path) -> None:
    """Their offsets and text are read as they lie in the file; a batch of wrong ones is a row."""
    paths = pa.Array.from_buffers(
        pa.string(), 1, [None, pa.array([0, 2], pa.int32()).buffers()[1], pa.py_buffer(b"a\xff")]
    )
    images = pa.StructArray.from_arrays([pa.array([PICTURE]), paths], ["bytes", "path"])
    batch = pa.record_batch({"image": images})
    with pa.ipc.new_file(tmp_path / "x.arrow", batch.schema) as out:
        out.write_batch(batch)
    (row,) = rows_of(tmp_path / "x.arrow")
    assert row["skipped"].startswith("damaged Arrow file: in column 0: Invalid: ")


def test_tar_that_goes_on_behind_its_end_mark_is_named(tmp_path: Path) -> None:
    """Archives that were joined: the members of both are read, and a row says that most readers would not."""
    one, two = (member(name) + bytes(1024) for name in ("a.png", "b.png"))
    (tmp_path / "x.tar").write_bytes(one + two)
    first, behind, second = rows_of(tmp_path / "x.tar")
    assert (first["member"], second["member"]) == ("a.png", "b.png")
    assert behind["missed"]
    assert behind["skipped"].startswith(
        f"members go on at byte {len(one)}, behind the end marker at byte {len(one) - 1024}: "
    )


def test_links_devices_and_what_is_unknown_in_a_tar(tmp_path: Path) -> None:
    """A type that is not known has content, as for tarfile; links lead to what is counted already, or not."""
    data = member("a.png") + member("b.png", kind=b"Z")
    data += member("c.png", kind=tarfile.SYMTYPE, data=b"") + member("d", kind=tarfile.FIFOTYPE, data=b"")
    data += member("e.png", kind=tarfile.LNKTYPE, data=b"", link="a.png")
    data += member("f.png", kind=tarfile.LNKTYPE, data=b"", link="elsewhere.png")
    data += member("h.png", kind=tarfile.LNKTYPE, data=b"", link="./e.png")
    data += pax(record("GNU.sparse.major", "2")) + member("sparse.png")
    data += member("g.png", kind=b"M")
    (tmp_path / "x.tar").write_bytes(data + bytes(1024))
    rows = rows_of(tmp_path / "x.tar")
    assert [(row["member"], row["subject"], row["missed"]) for row in rows] == [
        *(("a.png", "image", False), ("b.png", "image", False), ("c.png", "skip", False)),
        *(("d", "skip", False), ("e.png", "skip", False), ("f.png", "skip", True)),
        ("h.png", "skip", False),
        *(("sparse.png", "skip", True), ("g.png", "skip", True)),
    ]


def member(name: str, *, data: bytes = PICTURE, kind: bytes = tarfile.REGTYPE, link: str = "") -> bytes:
    """A member of a tar archive."""
    info = tarfile.TarInfo(name)
    info.size, info.type, info.linkname = len(data), kind, link
    return info.tobuf(tarfile.USTAR_FORMAT) + data + bytes(-len(data) % 512)


def record(key: str, value: str) -> bytes:
    """A record of a pax header."""
    rest = f" {key}={value}\n".encode()
    length = len(rest) + len(str(len(rest)))
    return str(length + (len(str(length)) + len(rest) > length)).encode() + rest


def pax(data: bytes) -> bytes:
    """A pax header for the next member."""
    return member("pax", data=data, kind=tarfile.XHDTYPE)


def test_file_that_vanishes_before_it_is_planned_is_a_row(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The state of an archive is asked for when it is found."""
    as_zip(tmp_path / "x.zip")
    (tmp_path / "z.png").write_bytes(PICTURE)
    original = os.path.isfile

    def isfile(path: str) -> bool:
        found = original(path)
        if str(path).endswith(".zip") and found:
            os.unlink(path)
        return found

    monkeypatch.setattr(os.path, "isfile", isfile)
    rows = rows_of(tmp_path)
    assert sorted((row["subject"], row["skipped"]) for row in rows) == [
        ("image", None),
        ("skip", "cannot be read: no such file or folder"),
    ]
