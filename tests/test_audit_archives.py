"""Archives as people make them: what tarfile and zipfile read is read, the rest is an item with a reason."""

import bz2
import gzip
import io
import lzma
import os
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from imgbudget.auditing.inputs import nested, opening, tape, tarheads, unpacking, zipgaps
from imgbudget.auditing.unopened import unopened_archive
from tests.builders import image_bytes
from tests.conftest import Command
from tests.datasets import IMAGES, as_tar, as_zip, facts_of, rows_of, skips_of
from tests.hostile.test_damaged_datasets import member, pax, record

PICTURE = image_bytes((300, 300))
APPLE = b"\0\5\26\7\0\2\0\0Mac OS X        " + bytes(40)
HOLED = PICTURE + bytes(100_000) + b"end"
PARTS = [(0, 512 * (len(PICTURE) // 512 + 1)), (len(HOLED) - 3, 3)]


def reasons(*paths: Path) -> list[str]:
    """Why items were not read."""
    return [row["skipped"] for row in rows_of(*paths) if row["missed"]]


def images(*paths: Path) -> list[str]:
    """The names of the images."""
    return [row["member"] for row in rows_of(*paths) if row["subject"] == "image"]


def stored(parts: list[tuple[int, int]]) -> bytes:
    """The bytes that an archive has of the file with holes."""
    return b"".join(HOLED[offset : offset + length] for offset, length in parts)


def header(name: str, kind: bytes, size: int, more: bytes = b"") -> bytes:
    """A header with what old GNU archives have in it from byte 386 on."""
    block = bytearray(member(name, kind=kind, data=b"")[:512])
    block[124:136] = b"%011o\0" % size
    block[386 : 386 + len(more)] = more
    block[148:156] = b" " * 8
    block[148:156] = b"%06o\0 " % sum(block)
    return bytes(block)


def old_gnu(parts: list[tuple[int, int]], length: int = len(HOLED)) -> bytes:
    """GNU tar's own format: four parts in the header, the others in records behind it."""
    fields = [b"%011o\0%011o\0" % part for part in parts]
    first, rest = fields[:4], fields[4:]
    more = b"".join(first).ljust(96, b"\0") + bytes([bool(rest)]) + b"%011o\0" % length
    data = header("holes.png", b"S", len(stored(parts)), more)
    while rest:
        data += b"".join(rest[:21]).ljust(504, b"\0") + bytes([len(rest) > 21]) + bytes(7)
        rest = rest[21:]
    return data + _padded(stored(parts))


def _padded(data: bytes) -> bytes:
    return data + bytes(-len(data) % 512)


def pax_0_0(parts: list[tuple[int, int]], length: int = len(HOLED)) -> bytes:
    """The map in records of the same names."""
    records = record("GNU.sparse.size", str(length)) + record("GNU.sparse.numblocks", str(len(parts)))
    for offset, size in parts:
        records += record("GNU.sparse.offset", str(offset)) + record("GNU.sparse.numbytes", str(size))
    return pax(records) + member("holes.png", data=stored(parts))


def pax_0_1(parts: list[tuple[int, int]], length: int = len(HOLED)) -> bytes:
    """The map in one record."""
    numbers = ",".join(f"{offset},{size}" for offset, size in parts)
    records = record("GNU.sparse.size", str(length)) + record("GNU.sparse.map", numbers)
    return pax(records + record("GNU.sparse.name", "holes.png")) + member("GNUSparse/x", data=stored(parts))


def pax_1_0(parts: list[tuple[int, int]], length: int = len(HOLED)) -> bytes:
    """The map before the content."""
    numbers = [len(parts), *(number for part in parts for number in part)]
    table = _padded(b"".join(b"%d\n" % number for number in numbers))
    records = record("GNU.sparse.major", "1") + record("GNU.sparse.minor", "0")
    records += record("GNU.sparse.name", "holes.png") + record("GNU.sparse.realsize", str(length))
    return pax(records) + member("GNUSparse/x", data=table + stored(parts))


SPARSE: dict[str, Callable[..., bytes]] = {
    "gnu": old_gnu,
    "pax 0.0": pax_0_0,
    "pax 0.1": pax_0_1,
    "pax 1.0": pax_1_0,
}
MANY = [(i * 512, 512 if i else len(PICTURE) // 512 * 512 + 512) for i in (0, *range(40, 90, 2))]


@pytest.mark.parametrize("packing", ["", ".gz"])
@pytest.mark.parametrize("parts", [PARTS, MANY, [*PARTS, (len(HOLED), 0)]], ids=["two", "many", "ended"])
@pytest.mark.parametrize("form", SPARSE)
def test_sparse_members_have_their_holes(
    tmp_path: Path, form: str, parts: list[tuple[int, int]], packing: str
) -> None:
    """The facts are those of the whole file, which tarfile reads too, and the member behind it is read."""
    data = SPARSE[form](parts) + member("z.png") + bytes(1024)
    with tarfile.open(fileobj=io.BytesIO(data)) as archive:
        extracted = archive.extractfile(archive.getmembers()[0])
        assert extracted is not None
        whole = extracted.read()
    path = tmp_path / f"x.tar{packing}"
    path.write_bytes(gzip.compress(data) if packing else data)
    (tmp_path / "holes.png").write_bytes(whole)
    found = rows_of(path)
    assert [row["member"] for row in found] == ["holes.png", "z.png"]
    assert facts_of(found[0]) == facts_of(rows_of(tmp_path / "holes.png")[0])
    assert found[0]["bytes"] == len(whole) == len(HOLED)


@pytest.mark.parametrize("form", SPARSE)
@pytest.mark.parametrize(
    ("parts", "length", "reason"),
    [
        ([(512, 512), (0, 512)], 5000, "a sparse file whose map of holes is invalid"),
        ([(0, 1024), (512, 512)], 5000, "a sparse file whose map of holes is invalid"),
        ([(0, 512)], 100, "a sparse file whose map of holes is invalid"),
        ([(0, 512)], 1 << 32, "it unpacks to more than 536,870,912 bytes"),
    ],
)
def test_map_of_holes_that_cannot_be_right_is_an_item(
    tmp_path: Path, form: str, parts: list[tuple[int, int]], length: int, reason: str
) -> None:
    """No memory is taken for what it claims, and the next member is read."""
    (tmp_path / "x.tar").write_bytes(SPARSE[form](parts, length) + member("z.png") + bytes(1024))
    bad, good = rows_of(tmp_path / "x.tar")
    assert (bad["member"], bad["skipped"], bad["missed"]) == ("holes.png", reason, True)
    assert good["member"] == "z.png"


def test_headers_before_a_member_are_read_as_tarfile_reads_them(tmp_path: Path) -> None:
    """Long names, global records, several names, links with a size, signed checksums, folders."""
    long_name = "d/" * 120 + "long.png"
    signed = bytearray(member("\xe9.png".encode().decode("latin-1"), data=PICTURE))
    rest = signed[:148] + signed[156:512]
    signed[148:156] = b"%06o\0 " % (sum(rest) + 256 - 256 * sum(byte > 127 for byte in rest))
    parts = [
        member("pax_global_header", data=record("comment", "x") + record("mtime", "1"), kind=b"g"),
        member("././@LongLink", data=long_name.encode() + b"\0", kind=b"L") + member("cut.png"),
        pax(record("path", "pax.png")) + member("././@LongLink", data=b"gnu.png\0", kind=b"L") + member("x"),
        member("solaris", data=record("path", "solaris.png"), kind=b"X") + member("x"),
        header("link.png", b"1", 5000),
        header("folder", b"5", 5000),
        member("old/", kind=b"\0", data=b""),
        header("label", b"V", 0),
        bytes(signed),
        member("././@LongLink", data=b"a" * 200 + b"\0", kind=b"K") + member("soft.png", kind=b"2", data=b""),
        member("contiguous.png", kind=b"7"),
    ]
    data = b"".join(parts) + bytes(1024)
    (tmp_path / "x.tar").write_bytes(data)
    with tarfile.open(fileobj=io.BytesIO(data)) as archive:
        expected = [item.name for item in archive if item.isreg()]
    assert images(tmp_path / "x.tar") == [
        name.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace") for name in expected
    ]
    assert [expected[0], *expected[1:3], expected[-1]] == [
        long_name,
        "pax.png",
        "solaris.png",
        "contiguous.png",
    ]


@pytest.mark.parametrize("packing", ["", ".gz", ".bz2", ".xz", ".lzma", ".zst", ".lz4"])
def test_members_behind_zeros_are_those_of_tarfile_with_ignore_zeros(tmp_path: Path, packing: str) -> None:
    """Joined archives and a hole in the middle of a member; what is not a member is named with its bytes."""
    one, two = (member(f"{i}.png") + bytes(1024) for i in range(2))
    hole = bytearray(member("lost.png", data=os.urandom(3000)))
    hole[:1024] = bytes(1024)
    data = (
        one + two + bytes(9216) + two + bytes(512) + bytes(hole) + member("last.png") + bytes(1024) + b"junk"
    )
    path = tmp_path / f"x.tar{packing}"
    path.write_bytes(packed(data, packing))
    with tarfile.open(fileobj=io.BytesIO(data), ignore_zeros=True) as archive:
        assert images(path) == archive.getnames() == ["0.png", "1.png", "1.png", "last.png"]
    first, second, third = reasons(path)
    assert first.startswith("members go on at byte ")
    assert "are no member and were not read; the members behind them were" in second
    assert "4 bytes from byte " in third
    assert third.endswith("hold no member and were not read")


def packed(data: bytes, suffix: str) -> bytes:
    """The data as the suffix says."""
    match suffix:
        case ".gz":
            return gzip.compress(data)
        case ".bz2":
            return bz2.compress(data)
        case ".xz":
            return lzma.compress(data)
        case ".lzma":
            return lzma.compress(data, lzma.FORMAT_ALONE)
        case ".zst" | ".lz4":
            out = pa.BufferOutputStream()
            with pa.CompressedOutputStream(out, {".zst": "zstd"}.get(suffix, "lz4")) as stream:
                stream.write(data)
            content: bytes = out.getvalue().to_pybytes()
            return content
    return data


@pytest.mark.parametrize("name", ["x.cbt", "x.tbz", "x.tzst", "x.tar.lz4", "x.tar.lzma", "x.tar.zst"])
def test_other_names_of_tar_archives(tmp_path: Path, name: str) -> None:
    """They are opened; how they are packed is seen in their bytes."""
    suffix = {"x.cbt": "", "x.tbz": ".bz2", "x.tzst": ".zst"}.get(name, Path(name).suffix)
    (tmp_path / name).write_bytes(packed(as_tar(tmp_path / "plain").read_bytes(), suffix))
    assert images(tmp_path / name) == list(IMAGES)


def test_room_reserved_at_the_end_is_clean_and_a_zeroed_end_is_not(tmp_path: Path) -> None:
    """A file of 1 TB with holes is passed over at once; a member that ends in zeros is suspect."""
    path = tmp_path / "x.tar"
    path.write_bytes(member("a.png") + bytes(1024))
    os.truncate(path, 1 << (40 if hasattr(os, "SEEK_DATA") else 24))
    assert (images(path), reasons(path)) == (["a.png"], [])
    path.write_bytes(gzip.compress(member("a.png") + bytes(3 << 20)))
    assert (images(path), reasons(path)) == (["a.png"], [])
    for data in (member("b.png", data=PICTURE + bytes(5000)), b""):
        for packing in ("", ".gz"):
            path.write_bytes(packed(data + bytes(100_000), packing))
            (reason,) = reasons(path)
            assert "zeros" in reason
    path.write_bytes(member("b.png", data=PICTURE + bytes(5000)) + bytes(10_240))
    assert reasons(path) == []


def test_zeros_are_passed_over_in_steps(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is held of them is bounded, whatever their number."""
    most = 0
    original = tape.Tape.read

    def read(self: tape.Tape, size: int) -> bytes:
        nonlocal most
        most = max(most, size)
        return original(self, size)

    monkeypatch.setattr(tape.Tape, "read", read)
    (tmp_path / "x.tar.gz").write_bytes(gzip.compress(member("a.png") + bytes(8 << 20)))
    assert images(tmp_path / "x.tar.gz") == ["a.png"]
    assert most <= opening.STEP


def test_members_of_the_same_name_are_all_read(tmp_path: Path) -> None:
    """As getmembers and infolist list them; the rows say that extraction keeps the last one."""
    (tmp_path / "x.tar").write_bytes(member("a.png") + member("a.png") + bytes(1024))
    with zipfile.ZipFile(tmp_path / "x.zip", "w") as archive:
        archive.writestr("a.png", PICTURE)
        with pytest.warns(UserWarning, match="Duplicate name"):
            archive.writestr("a.png", PICTURE)
    assert [row["note"] for row in rows_of(tmp_path / "x.tar")] == [
        None,
        "a member of this name precedes it, which this one replaces",
    ]
    assert [row["note"] for row in rows_of(tmp_path / "x.zip")] == [
        "one of several members of this name, of which the last one replaces the others"
    ] * 2


def test_files_of_macos_are_left_out_with_a_count(tmp_path: Path) -> None:
    """By their first bytes and names: an image with such a name is read."""
    files = {
        "a.jpg": PICTURE,
        "._a.jpg": APPLE,
        "._a.txt": APPLE,
        "._rows.jsonl": APPLE,
        "._shard.tar": APPLE,
        "._in.zip": APPLE,
        "._t.parquet": APPLE,
        "._x.zip.001": APPLE,
        "__MACOSX/._b.png": APPLE,
        "__MACOSX/d/c.png": APPLE,
        "._real.png": PICTURE,
        "apple.png": APPLE,
    }
    with zipfile.ZipFile(tmp_path / "x.zip", "w") as archive, tarfile.open(tmp_path / "x.tar", "w") as tar:
        for name, data in files.items():
            archive.writestr(name, data)
            info = tarfile.TarInfo(name)
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
            (tmp_path / "d" / name).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / "d" / name).write_bytes(data)
    for path in (tmp_path / "x.zip", tmp_path / "x.tar", tmp_path / "d"):
        rows = rows_of(path)
        assert skips_of(rows) == {"metadata of macOS beside a file (AppleDouble), without a picture": 9}
        assert {row["member"] for row in rows if row["subject"] == "image"} == {
            "a.jpg",
            "._real.png",
            "apple.png",
        }
        assert not any(row["missed"] for row in rows)


@pytest.mark.parametrize("name", ["x.cbz", "x.epub", "x.docx", "x.PPTX", "x.xlsx", "x.odt", "x.odp", "x.kmz"])
def test_documents_and_comics_that_are_zip_archives(tmp_path: Path, name: str) -> None:
    """Their images are read, and their text is skipped."""
    with zipfile.ZipFile(as_zip(tmp_path / name), "a") as archive:
        archive.writestr("mimetype", "application/epub+zip")
        archive.writestr("word/document.xml", "<x/>")
    assert set(images(tmp_path / name)) == set(IMAGES)
    assert reasons(tmp_path / name) == []


FORMS: dict[str, Callable[[Path], Path]] = {
    "in.tar": as_tar,
    "in.tar.gz": lambda at: as_tar(at, mode="w:gz"),
    "in.zip": lambda at: as_zip(at, packing=zipfile.ZIP_DEFLATED),
}


@pytest.mark.parametrize("outer", FORMS)
@pytest.mark.parametrize("inner", FORMS)
def test_archives_inside_archives_are_opened_one_level_deep(tmp_path: Path, outer: str, inner: str) -> None:
    """Their members have the facts of the plain ones; an archive in them is an item."""
    (tmp_path / "i").mkdir()
    flat = rows_of(FORMS[inner](tmp_path / "i" / inner))
    deep = wrapped(tmp_path / "deep.zip", {"deepest.tar": member("a.png") + bytes(1024), "t.png": PICTURE})
    files = {inner: (tmp_path / "i" / inner).read_bytes(), "deep.zip": deep.read_bytes(), "z.png": PICTURE}
    rows = rows_of(wrapped(tmp_path / f"outer.{outer.partition('.')[2]}", files))
    found = [row for row in rows if (row["member"] or "").startswith(f"{inner}/")]
    assert [(row["member"], facts_of(row)) for row in found] == [
        (f"{inner}/{row['member']}", facts_of(row)) for row in flat
    ]
    others = {row["member"]: (row["subject"], row["missed"]) for row in rows if row not in found}
    assert others == {
        "deep.zip/deepest.tar": ("skip", True),
        "deep.zip/t.png": ("image", False),
        "z.png": ("image", False),
    }


def wrapped(path: Path, files: dict[str, bytes]) -> Path:
    """An archive of these files, of the kind that its name says."""
    if path.suffix == ".zip":
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, data in files.items():
                archive.writestr(name, data)
        return path
    data = b"".join(member(name, data=content) for name, content in files.items()) + bytes(1024)
    path.write_bytes(packed(data, path.suffix if path.suffix != ".tar" else ""))
    return path


@pytest.mark.parametrize("outer", ["x.zip", "x.tar", "x.tar.gz"])
@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"no archive" * 100,
        member("a.png")[:700],
        b"PK\3\4" + bytes(100),
        gzip.compress(b"x" * 600, mtime=0),
    ],
)
def test_damaged_archive_inside_an_archive_is_an_item(tmp_path: Path, outer: str, content: bytes) -> None:
    """The members around it are read."""
    files = {"0.png": PICTURE, "in.tar": content, "in.zip": content, "z.png": PICTURE}
    path = wrapped(tmp_path / outer, files)
    assert images(path) == ["0.png", "z.png"]
    assert len(reasons(path)) == 2


def test_archives_inside_an_archive_share_one_budget(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each alone unpacks to little enough; together they are too much, and what follows is read."""
    inner = gzip.compress(member("a.bmp", data=bytes(1 << 20)) + bytes(1024))
    zipped = wrapped(tmp_path / "in.zip", {"b.bmp": bytes(1 << 20)}).read_bytes()
    files = (
        {f"{i}.tgz": inner for i in range(4)} | {f"{i}.zip": zipped for i in range(4)} | {"z.png": PICTURE}
    )
    monkeypatch.setattr(nested, "FREE", 3 << 20)
    monkeypatch.setattr(unpacking, "FREE", 3 << 20)
    monkeypatch.setattr(unpacking, "RATIO", 0)
    for outer in ("x.zip", "x.tar"):
        path = wrapped(tmp_path / outer, files)
        found = reasons(path)
        assert 5 <= len(found) <= 6
        assert all("unpacks to more than 3,145,728 bytes" in reason for reason in found)
        assert images(path)[-1] == "z.png"


def test_members_of_archives_inside_are_counted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Millions of empty members take few packed bytes."""
    monkeypatch.setattr(nested, "MOST_MEMBERS", 20)
    many = b"".join(member(f"{i}", data=b"") for i in range(100)) + bytes(1024)
    path = wrapped(tmp_path / "x.tar", {"in.tar": many, "z.png": PICTURE})
    rows = rows_of(path)
    assert len(rows) == 22
    assert reasons(path) == [
        "damaged archive: the archives inside the archive have over 20 members; the rest is lost"
    ]


def test_names_lead_nowhere(tmp_path: Path) -> None:
    """Nothing is extracted: absolute names and those with .. are only names."""
    outside, tmp_path = tmp_path, tmp_path / "a" / "b"
    tmp_path.mkdir(parents=True)
    evil = {"../../evil.png": PICTURE, "/abs/evil.png": PICTURE, "..\\evil.png": PICTURE}
    for outer in ("x.zip", "x.tar"):
        inner = wrapped(tmp_path / f"in{Path(outer).suffix}", evil).read_bytes()
        path = wrapped(tmp_path / outer, evil | {f"in{Path(outer).suffix}": inner})
        assert len(images(path)) == 6
    assert not [*outside.rglob("*evil*")]


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("x.zip.001", "`cat x.zip.* > x.zip`"),
        ("x.tar.gz.aa", "`cat x.tar.gz.* > x.tar.gz`"),
        ("x.tar.gzab", "`cat x.tar.gz* > x.tar.gz`"),
        ("d/my x.tar.part-003", "`cat 'my x.tar.part-'* > 'my x.tar'`"),
        ("x.tgz_01", "`cat x.tgz_* > x.tgz`"),
        ("x.z01", "`zip -s 0 x.zip --out x-whole.zip`"),
        ("x.part02.rar", "`unrar x x.part1.rar`"),
        ("x.r00", "`unrar x x.rar`"),
        ("x.7z.002", "`cat x.7z.* > x.7z`"),
        ("x.7z", "`7z x`"),
        ("x.CBR", "`unrar x`"),
        ("x.tar.Z", "`tar -xZf`"),
    ],
)
def test_archives_that_are_not_read_are_named_with_what_unpacks_or_joins_them(
    tmp_path: Path, name: str, text: str
) -> None:
    """In folders, named and inside archives; the line joins the parts in the order of their names."""
    assert text in (unopened_archive(name) or "")
    path = tmp_path / name
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(b"\1" * 600)
    for found in (reasons(tmp_path), reasons(path)):
        assert [text in reason for reason in found] == [True]
    assert [text in reason for reason in reasons(wrapped(tmp_path / "around.zip", {name: b"\1"}))][:1] == [
        True
    ]


@pytest.mark.parametrize(
    "name",
    [
        "x.tar.gz",
        "x.tar",
        "a.001",
        "photo.png",
        "x.zip.txt",
        "x.tar.gz.sha256",
        "notes.aa",
        "v1.02",
        "x.zip.asc",
    ],
)
def test_names_that_only_resemble_those_of_parts(name: str) -> None:
    """A checksum beside an archive is no part of it."""
    assert unopened_archive(name) is None


def zip_entry(name: str, data: bytes, method: int, real: bytes) -> bytes:
    """A zip archive of one member that is packed already."""
    about = (20, 0, method, 0, 0, zlib.crc32(real), len(data), len(real), len(name), 0)
    local = struct.pack("<4s5H3I2H", b"PK\3\4", *about) + name.encode()
    central = struct.pack("<4s6H3I5H2I", b"PK\1\2", 20, *about, 0, 0, 0, 0, 0) + name.encode()
    end = struct.pack("<4s4H2IH", b"PK\5\6", 0, 0, 1, 1, len(central), len(local) + len(data), 0)
    return local + data + central + end


@pytest.mark.parametrize(("method", "suffix"), [(93, ".zst"), (20, ".zst"), (95, ".xz")])
def test_zip_members_packed_by_newer_methods(tmp_path: Path, method: int, suffix: str) -> None:
    """Zstandard and xz."""
    (tmp_path / "x.zip").write_bytes(zip_entry("a.png", packed(PICTURE, suffix), method, PICTURE))
    assert images(tmp_path / "x.zip") == ["a.png"]
    (tmp_path / "x.zip").write_bytes(zip_entry("a.png", packed(PICTURE, suffix)[:-9], method, PICTURE))
    assert len(reasons(tmp_path / "x.zip")) == 1


@pytest.mark.parametrize(("method", "name"), [(9, "Deflate64"), (98, "PPMd"), (99, "AES"), (77, "unknown")])
def test_zip_members_packed_otherwise_are_items(tmp_path: Path, method: int, name: str) -> None:
    """The reason names the method."""
    (tmp_path / "x.zip").write_bytes(zip_entry("a.png", b"x" * 50, method, PICTURE))
    (reason,) = reasons(tmp_path / "x.zip")
    assert f"{name}" in reason
    assert f"(method {method}), which is not supported" in reason


def test_zip_archives_with_something_before_or_behind_them(tmp_path: Path) -> None:
    """A program before the archive is no loss; another archive is, and so is what is behind the end."""
    path = tmp_path / "x.zip"
    data = as_zip(path).read_bytes()
    path.write_bytes(b"#!/bin/sh\nexit\n" + data)
    assert (set(images(path)), reasons(path)) == (set(IMAGES), [])
    other = zip_entry("other.png", PICTURE, 0, PICTURE)
    path.write_bytes(other + data)
    assert set(images(path)) == set(IMAGES)
    assert (
        f"the {len(other)} bytes before its first member begin like another zip archive" in reasons(path)[0]
    )
    path.write_bytes(data + bytes(100))
    assert reasons(path) == []
    path.write_bytes(data + PICTURE)
    assert reasons(path) == [f"{len(PICTURE)} bytes behind its end were not read"]


def test_zip_archives_without_their_end_or_their_first_parts(tmp_path: Path) -> None:
    """What is wrong is said, and what helps."""
    path = tmp_path / "x.zip"
    data = as_zip(path).read_bytes()
    path.write_bytes(data[:-30])
    assert "its end is missing" in reasons(path)[0]
    at = data.rindex(b"PK\5\6")
    path.write_bytes(data[: at + 4] + b"\2\0" + data[at + 6 :])
    assert "the last part of a split archive; join the parts with `zip -s 0" in reasons(path)[0]
    for start, text in ((b"Rar!\x1a\7", "a RAR archive"), (b"7z\xbc\xaf\x27\x1c", "a 7-Zip archive")):
        for name in ("x.zip", "x.tar", "x.cbz"):
            (tmp_path / name).write_bytes(start + bytes(600))
            assert text in reasons(tmp_path / name)[0]


def test_links_folders_with_content_and_data_descriptors_in_zip_archives(tmp_path: Path) -> None:
    """A link has the name of its target as content; a name that ends in a slash may have content."""
    path = tmp_path / "x.zip"
    with zipfile.ZipFile(path, "w") as archive:
        link = zipfile.ZipInfo("link.png")
        link.create_system, link.external_attr = 3, 0o120777 << 16
        archive.writestr(link, "a.png")
        archive.writestr("folder.png/", PICTURE)
        archive.writestr("folder/", "")

    class Pipe(io.RawIOBase):
        data = bytearray()

        def write(self, data: Any) -> int:
            self.data += data
            return len(data)

        def writable(self) -> bool:
            return True

    with zipfile.ZipFile(Pipe(), "w", zipfile.ZIP_DEFLATED) as archive:  # sizes behind the data
        archive.writestr("a.png", PICTURE)
    (tmp_path / "piped.zip").write_bytes(Pipe.data)
    rows = rows_of(path)
    assert {row["member"]: (row["subject"], row["missed"]) for row in rows} == {
        "link.png": ("skip", False),
        "folder.png/": ("image", False),
    }
    assert images(tmp_path / "piped.zip") == ["a.png"]


def test_json_with_images_in_an_archive_is_not_passed_over(tmp_path: Path) -> None:
    """Captions of shards are; requests with images are items, as they would be read outside."""
    files = {"a.json": b'{"caption": "x"}', "b.jsonl": b'{"image": "data:image/png;base64,iVBORw0KGgo="}'}
    for outer in ("x.zip", "x.tar"):
        rows = rows_of(wrapped(tmp_path / outer, files | {"a.png": PICTURE}))
        assert {row["member"]: row["missed"] for row in rows} == {
            "a.json": False,
            "b.jsonl": True,
            "a.png": False,
        }


def test_what_is_left_out_is_counted_in_the_report(imgbudget: Command, tmp_path: Path) -> None:
    """The count of the files of macOS stands in the table of what was skipped."""
    wrapped(
        tmp_path / "x.zip", {"a.jpg": image_bytes((300, 300), "JPEG"), "._a.jpg": APPLE, "._b.jpg": APPLE}
    )
    run = imgbudget("audit", "x.zip", "--isolated")
    assert run.code == 0
    (line,) = [line for line in run.out.splitlines() if "AppleDouble" in line]
    assert " 2 " in line


@pytest.mark.parametrize("name", ["photo.txt", "photo.jpg.bak", "data.yaml", "run.log", "x.pkl"])
def test_images_under_a_name_that_is_not_checked_are_items(tmp_path: Path, name: str) -> None:
    """In a folder, where the name decides; a file of that name that is named itself is read."""
    (tmp_path / "d").mkdir()
    (tmp_path / "d" / "a.png").write_bytes(PICTURE)
    (tmp_path / "d" / name).write_bytes(image_bytes((300, 200), "JPEG"))
    (tmp_path / "d" / f"2{name}").write_bytes(b"text")
    (reason,) = reasons(tmp_path / "d")
    assert reason == "by its first bytes a JPEG image, under a name that is not checked; rename it"


@pytest.mark.parametrize("name", ["a.png.gz", "a.JPG.zst", "a.webp.bz2"])
def test_packed_images_are_items(tmp_path: Path, name: str) -> None:
    """By their names, in folders and in archives."""
    (tmp_path / name).write_bytes(gzip.compress(PICTURE))
    (tmp_path / "text.txt.gz").write_bytes(gzip.compress(b"text"))
    for path in (tmp_path, wrapped(tmp_path / "x.zip", {name: b"x"})):
        assert all("an image packed by " in reason for reason in reasons(path))
        assert reasons(path)


@pytest.mark.parametrize("form", ["tar", "tar.gz", "zip"])
def test_archives_of_images_without_their_extension_are_opened(tmp_path: Path, form: str) -> None:
    """If nothing is known of the name; under the name of something else they are items."""
    data = FORMS[f"in.{form}"](tmp_path / f"x.{form}").read_bytes()
    text = wrapped(tmp_path / f"t.{form}", {"a.txt": b"text", "b.csv": b"1"}).read_bytes()
    (tmp_path / "d").mkdir()
    for name, content in {"blob": data, "x.unknown": data, "x.whl": data, "t.whl": text, "t": text}.items():
        (tmp_path / "d" / name).write_bytes(content)
        data += bytes(512)  # so that they are different files
    rows = rows_of(tmp_path / "d")
    opened = [Path(row["source"]).name for row in rows if row["subject"] == "image"]
    assert opened == ["blob"] * len(IMAGES) + ["x.unknown"] * len(IMAGES)
    (unread,) = [row for row in rows if row["missed"]]
    assert unread["member"] == "x.whl"
    assert "archive with images, under a name that is not opened" in unread["skipped"]
    (tmp_path / "named.whl").write_bytes(data)
    assert set(images(tmp_path / "named.whl")) == set(IMAGES)


@pytest.mark.parametrize(
    ("name", "form"), [("x.zip", "tar.gz"), ("x.cbz", "tar"), ("x.tar", "zip"), ("x.cbt", "zip")]
)
def test_archives_with_the_extension_of_another_kind_are_read(tmp_path: Path, name: str, form: str) -> None:
    """By their first bytes, also inside another archive."""
    data = FORMS[f"in.{form}"](tmp_path / f"in.{form}").read_bytes()
    (tmp_path / name).write_bytes(data)
    assert set(images(tmp_path / name)) == set(IMAGES)
    assert len(images(wrapped(tmp_path / "around.zip", {name: data}))) == len(IMAGES)


def test_first_part_of_a_split_tar_is_not_read_as_an_archive(tmp_path: Path) -> None:
    """Its members would be counted without those of the other parts."""
    data = as_tar(tmp_path / "x").read_bytes()
    (tmp_path / "d").mkdir()
    for number in range(2):
        (tmp_path / "d" / f"x.tar.00{number + 1}").write_bytes(data[number * 5120 : number * 5120 + 5120])
    assert images(tmp_path / "d") == []
    assert ["`cat x.tar.* > x.tar`" in reason for reason in reasons(tmp_path / "d")] == [True, True]


def test_packed_archives_may_not_ask_for_a_large_dictionary(tmp_path: Path) -> None:
    """It is memory that a few bytes ask for; archives of several parts are read to their end."""
    data = as_tar(tmp_path / "x").read_bytes()
    alone = lzma.compress(data, lzma.FORMAT_ALONE)
    (tmp_path / "x.tar.lzma").write_bytes(alone[:1] + struct.pack("<I", 1 << 31) + alone[5:])
    assert reasons(tmp_path / "x.tar.lzma") == [
        "damaged archive: memory usage limit exceeded; nothing in it was read"
    ]
    (tmp_path / "x.tar.xz").write_bytes(lzma.compress(data[:5000]) + bytes(512) + lzma.compress(data[5000:]))
    assert (images(tmp_path / "x.tar.xz"), reasons(tmp_path / "x.tar.xz")) == (list(IMAGES), [])


def test_records_before_a_member_are_kept_only_if_they_are_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Any number of them may stand there; those of a map are counted over all headers."""
    unused = b"".join(pax(record(f"{i}", "x")) for i in range(20))
    (tmp_path / "x.tar").write_bytes(unused + member("a.png") + bytes(1024))
    assert images(tmp_path / "x.tar") == ["a.png"]
    monkeypatch.setattr(tarheads, "MOST_MAP", 100)
    (tmp_path / "x.tar").write_bytes(pax(record("GNU.sparse.offset", "1") * 40) * 3 + member("a.png"))
    (reason,) = reasons(tmp_path / "x.tar")
    assert reason.startswith("damaged archive: a map of holes is too long before byte ")


def without_entries(path: Path, names: dict[str, bytes], *dropped: str, packing: int = 8) -> None:
    """A zip archive whose directory lacks members that are in it."""
    with zipfile.ZipFile(path, "w", packing) as archive:
        for name, data in names.items():
            archive.writestr(name, data)
        archive.filelist[:] = [info for info in archive.filelist if info.filename not in dropped]


@pytest.mark.parametrize("packing", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
@pytest.mark.parametrize("dropped", [("b.png",), ("b.png", "c.png"), ("f/", "b.png", "d.png")])
def test_members_that_the_directory_lacks_are_named(
    tmp_path: Path, dropped: tuple[str, ...], packing: int
) -> None:
    """They lay between the others, were read by nobody, and the archive counted as clean."""
    path = tmp_path / "x.zip"
    files = {"a.png": PICTURE, "f/": b"", "b.png": PICTURE, "c.png": PICTURE, "n.txt": b"n", "d.png": PICTURE}
    without_entries(path, files, *dropped, packing=packing)
    rows = rows_of(path)
    missed = [row["member"] for row in rows if row["missed"]]
    assert missed == [name for name in dropped if name.endswith(".png")]
    assert set(reasons(path)) == {zipgaps.NOT_LISTED}
    assert len(images(path)) == 4 - len(missed)
    without_entries(path, files, "n.txt", packing=packing)
    assert (reasons(path), skips_of(rows_of(path))[zipgaps.NOT_LISTED]) == ([], 1)


def test_member_before_the_first_one_that_is_listed_is_named(tmp_path: Path) -> None:
    """Behind a program, and if the directory lists nothing at all."""
    path = tmp_path / "x.zip"
    without_entries(path, {"a.png": PICTURE, "b.png": PICTURE}, "a.png")
    path.write_bytes(b"#!/bin/sh\nexit\n" + path.read_bytes())
    assert [row["member"] for row in rows_of(path) if row["missed"]] == ["a.png"]
    path.write_bytes(b"#!/bin/sh\nexit\n")
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("a.png", PICTURE)
        archive.filelist.clear()
    assert [row["member"] for row in rows_of(path) if row["missed"]] == ["a.png"]
    with zipfile.ZipFile(path, "w"):
        pass
    assert (reasons(path), skips_of(rows_of(path))) == ([], {"holds no files": 1})


def test_archive_inside_an_archive_names_what_its_directory_lacks(tmp_path: Path) -> None:
    """Under the name of the archive that it is in."""
    without_entries(tmp_path / "in.zip", {"a.png": PICTURE, "b.png": PICTURE, "c.png": PICTURE}, "b.png")
    with zipfile.ZipFile(tmp_path / "x.zip", "w") as archive:
        archive.write(tmp_path / "in.zip", "in.zip")
    rows = rows_of(tmp_path / "x.zip")
    assert [row["member"] for row in rows if row["missed"]] == ["in.zip/b.png"]


def test_room_between_members_is_searched_within_bounds(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was not searched is an item too, and data that only resembles a member is none."""
    path = tmp_path / "x.zip"
    resembling = b"PK\3\4" * 9 + b"PK\3\4" + bytes(26) + b"PK\3\4\xff\xff" + bytes(30)
    data = as_zip(path).read_bytes()
    path.write_bytes(b"#!" + resembling + data)
    assert reasons(path) == []
    many = {f"{number:03}.png": b"" for number in range(20)}
    without_entries(path, {"a.png": PICTURE, **many, "b.png": PICTURE}, *many)
    monkeypatch.setattr(zipgaps, "_MOST_NAMED", 5)
    assert [row["member"] for row in rows_of(path) if row["missed"]] == [*list(many)[:5], None]
    assert "were not searched for others" in reasons(path)[-1]
    monkeypatch.setattr(zipgaps, "_MOST_NAMED", 50)
    monkeypatch.setattr(zipgaps, "_MOST_SEARCHED", 100)
    assert len(reasons(path)) == 3
    monkeypatch.setattr(zipgaps, "_MOST_SEARCHED", 1 << 20)
    monkeypatch.setattr(zipgaps, "_STEP", 33)
    assert len(reasons(path)) == 20


@pytest.mark.parametrize("offset", [0, 2**63, 2**64 - 1])
def test_place_of_a_zip64_record_that_is_not_in_the_archive_is_not_looked_for(
    tmp_path: Path, offset: int
) -> None:
    """A locator may have any number: the reason is that of the directory."""
    data = zip_entry("a.png", PICTURE, 0, PICTURE)
    end = data.rindex(b"PK\5\6")
    locator = struct.pack("<4sIQI", b"PK\6\7", 0, offset, 1)
    many = data[end : end + 8] + b"\xff\xff\xff\xff" + data[end + 12 :]
    (tmp_path / "x.zip").write_bytes(data[:end] + locator + many)
    assert reasons(tmp_path / "x.zip") == ["damaged archive: bad magic number for central directory"]


@pytest.mark.parametrize(("disk", "size"), [(0, None), (0xFFFF, None), (0, 0xFFFFFFFF)])
def test_zip64_record_of_a_small_archive_is_read(tmp_path: Path, disk: int, size: int | None) -> None:
    """Writers that do not know the number of members before put it there, and 0xFFFF in its place."""
    data = zip_entry("a.png", PICTURE, 0, PICTURE)
    end, start = data.rindex(b"PK\5\6"), data.rindex(b"PK\1\2")
    record_of_end = struct.pack("<4sQHHIIQQQQ", b"PK\6\6", 44, 45, 45, 0, 0, 1, 1, end - start, start)
    locator = struct.pack("<4sIQI", b"PK\6\7", 0, end, 1)
    directory = end - start if size is None else size
    last = struct.pack("<4s4H2IH", b"PK\5\6", disk, disk, 0xFFFF, 0xFFFF, directory, 0xFFFFFFFF, 0)
    (tmp_path / "x.zip").write_bytes(data[:end] + record_of_end + locator + last)
    assert (images(tmp_path / "x.zip"), reasons(tmp_path / "x.zip")) == (["a.png"], [])


@pytest.mark.parametrize("last", [False, True])
def test_member_whose_data_reach_into_what_follows_is_damaged(tmp_path: Path, *, last: bool) -> None:
    """By the sizes in the directory, which agree: into the next member, or into the directory itself."""
    path = tmp_path / "x.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("a.png", PICTURE)
        archive.writestr("b.png", PICTURE)
        info = archive.filelist[last]
        info.compress_size = info.file_size = len(PICTURE) + 9
    assert images(path) == ["a.png" if last else "b.png"]
    assert reasons(path) == ["damaged member: its data overlaps what follows it in the archive"]
