"""What is large, or claims to be, costs bounded memory and is named; limits are simulated by small ones."""

import io
import struct
import tarfile
import zipfile
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from imgbudget.auditing import rowfiles as row_files
from imgbudget.auditing.inputs import parquets, tables, unpacking, zips
from tests.builders import image_bytes
from tests.conftest import Command
from tests.datasets import IMAGES, STRUCT, as_parquet, as_tar, as_zip, rows_of

PICTURE = image_bytes((300, 300))
METHODS = (zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA)


def reasons(path: Path) -> list[str]:
    """Why items of a dataset were not read."""
    return [row["skipped"] for row in rows_of(path) if row["missed"]]


def lying(path: Path, method: int, real: int, declared: int) -> None:
    """A zip archive whose member unpacks to another size than both of its headers declare."""
    with zipfile.ZipFile(path, "w", method) as archive:
        archive.writestr("a.png", bytes(real))
    data = bytearray(path.read_bytes())
    for at in (22, data.rindex(b"PK\1\2") + 24):
        struct.pack_into("<I", data, at, declared)
    path.write_bytes(data)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize(("real", "declared"), [(40 << 20, 1000), (1000, 40 << 20)])
def test_member_that_lies_about_its_size_is_unpacked_no_further(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, method: int, real: int, declared: int
) -> None:
    """The bytes that come out are counted as they come out."""
    lying(tmp_path / "x.zip", method, real, declared)
    unpacked = 0
    original = unpacking.unpacked

    def counted(*arguments: Any) -> Any:
        nonlocal unpacked
        for piece in original(*arguments):
            unpacked += len(piece)
            yield piece

    monkeypatch.setattr(zips, "unpacked", counted)
    (reason,) = reasons(tmp_path / "x.zip")
    assert "declared" in reason
    assert unpacked <= 1000 + (1 << 20)


def test_members_that_share_their_data_are_refused(tmp_path: Path) -> None:
    """A directory may name the same bytes many times; only the last of such members is unpacked."""
    path = tmp_path / "x.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.png", PICTURE)
        info = archive.infolist()[0]
        archive.filelist.extend([info] * 50)
    rows = rows_of(path)
    assert [row["subject"] for row in rows] == [*["skip"] * 50, "image"]
    assert set(reasons(path)) == {"damaged member: its data overlaps what follows it in the archive"}


@pytest.mark.parametrize("method", METHODS)
def test_archive_unpacks_to_its_total_and_no_further(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, method: int
) -> None:
    """Each member alone is small enough; together they are too much."""
    with zipfile.ZipFile(tmp_path / "x.zip", "w", method) as archive:
        for i in range(10):
            archive.writestr(f"{i}.bmp", bytes(100_000))
    monkeypatch.setattr(unpacking, "FREE", 350_000)
    monkeypatch.setattr(unpacking, "RATIO", 1)
    found = reasons(tmp_path / "x.zip")
    assert len(found) == 7
    assert all("the archive unpacks to more than 35" in reason for reason in found)


@pytest.mark.parametrize("mode", ["w:gz", "w:bz2", "w:xz"])
def test_packed_tar_unpacks_to_its_total_and_no_further(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, mode: str
) -> None:
    """The members before the limit are rows."""
    path = tmp_path / f"x.tar.{mode[2:]}"
    with tarfile.open(path, mode) as archive:  # type: ignore[call-overload]
        archive.addfile(_info("a.png", len(PICTURE)), io.BytesIO(PICTURE))
        archive.addfile(_info("b.bmp", 40 << 20), io.BytesIO(bytes(40 << 20)))
    monkeypatch.setattr(unpacking, "FREE", 4 << 20)
    monkeypatch.setattr(unpacking, "RATIO", 1)
    first, last = rows_of(path)
    assert first["member"] == "a.png"
    assert "the archive unpacks to more than" in last["skipped"]
    assert last["missed"]


def _info(name: str, size: int) -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.size = size
    return info


@pytest.mark.parametrize("packing", [zipfile.ZIP_STORED, *METHODS])
def test_long_members_are_read_from_a_temporary_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, packing: int
) -> None:
    """The facts are the same as from memory."""
    path = as_zip(tmp_path / "x.zip", packing=packing)
    before = rows_of(path)
    monkeypatch.setattr(unpacking, "HELD", 100)
    assert rows_of(path) == before


def test_rows_of_a_large_partition_are_written_in_chunks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At no time are more rows in memory than a chunk has; the file is the same table."""
    path = as_tar(tmp_path / "x.tar")
    before = rows_of(path)
    chunks: list[int] = []
    original = row_files.table

    def table(records: Any, tiers: Any) -> Any:
        chunks.append(len(records))
        return original(records, tiers)

    monkeypatch.setattr(row_files, "CHUNK", 3)
    monkeypatch.setattr(row_files, "table", table)
    assert rows_of(path, in_files=True) == before
    assert chunks == [3, 3, 2]


def test_large_rows_are_read_one_by_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The number of rows in memory follows from their bytes."""
    path = as_parquet(tmp_path / "x.parquet")
    before = rows_of(path)
    monkeypatch.setattr(parquets, "_BATCH_BYTES", 1000)
    counts: list[int] = []
    original = tables.batch_rows

    def batch_rows(batch: Any, *arguments: Any) -> Any:
        counts.append(batch.num_rows)
        return original(batch, *arguments)

    monkeypatch.setattr("imgbudget.auditing.inputs.parquets.batch_rows", batch_rows)
    assert rows_of(path) == before
    assert counts.count(1) >= 3


def test_row_above_the_limit_is_named_and_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The other row groups are read."""
    path = tmp_path / "x.parquet"
    values = [{"bytes": data, "path": None} for data in (PICTURE, PICTURE + bytes(20_000), PICTURE)]
    pq.write_table(pa.table({"image": pa.array(values, STRUCT)}), path, row_group_size=1, compression="none")
    monkeypatch.setattr(parquets, "MOST_ROW", 5000)
    rows = rows_of(path)
    assert [(row["row"], row["subject"]) for row in rows] == [(0, "image"), (1, "skip"), (2, "image")]
    assert rows[1]["missed"]
    assert "the images of a row have over" in rows[1]["skipped"]


def test_row_group_that_unpacks_to_far_too_much_is_not_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Images are packed already: a ratio of hundreds is none of theirs."""
    path = tmp_path / "x.parquet"
    values = [{"bytes": PICTURE + bytes(1 << 20), "path": None}] * 3
    pq.write_table(pa.table({"image": pa.array(values, STRUCT)}), path, compression="zstd")
    monkeypatch.setattr(unpacking, "FREE", 1000)
    (reason,) = reasons(path)
    assert "row group 1 unpacks to more than" in reason


def png(width: int, height: int) -> bytes:
    """The header of a PNG of any size."""
    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + b"IHDR" + head + bytes(4)


def bmp(width: int, height: int) -> bytes:
    """The header of a BMP of any size."""
    return (
        b"BM"
        + struct.pack("<IHHI", 100, 0, 0, 54)
        + struct.pack("<IiiHHIIiiII", 40, width, height, 1, 24, *[0] * 6)
    )


def psd(width: int, height: int) -> bytes:
    """A PSD header, which has 32-bit edges."""
    return b"8BPS" + struct.pack(">H6xHIIHH", 1, 3, height, width, 8, 3) + bytes(14)


HUGE = (1 << 31, (1 << 31) - 1, (1 << 32) - 1)


@pytest.mark.parametrize("edge", HUGE)
def test_absurd_sizes_are_findings_and_their_sums_are_shown(
    imgbudget: Command, tmp_path: Path, edge: int
) -> None:
    """No rule fails, nothing overflows, in any column or sum, and the other images are counted."""
    for i in range(3):
        (tmp_path / f"{i}.png").write_bytes(png(edge, edge))
        (tmp_path / f"{i}.psd").write_bytes(psd(edge, edge))
        (tmp_path / f"{i}.bmp").write_bytes(bmp(min(edge, (1 << 31) - 1), (1 << 31) - 1))
        text = f"<svg xmlns='http://www.w3.org/2000/svg' width='{edge * 10**i}' height='{edge}'/>"
        (tmp_path / f"{i}.svg").write_text(text)
    (tmp_path / "a.png").write_bytes(PICTURE)
    for form in ("json", "full", "csv", "markdown") if edge == HUGE[0] else ("json", "csv"):
        run = imgbudget("audit", ".", "--isolated", "--format", form, "--model", "all")
        assert (run.code, "IB003" in run.out) == (0, False), run.err
        assert "not side by side, since their tokens are not known: deepseek-flash," in run.err
    run = imgbudget("audit", ".", "--isolated", "--format", "json", "--html", "r.html")
    assert run.json["statistics"]["totals"]["images"] == 13


def test_zip_of_everything_gives_what_the_library_gives(tmp_path: Path) -> None:
    """Our unpacking and that of the standard library agree."""
    for packing in METHODS:
        path = as_zip(tmp_path / f"{packing}.zip", packing=packing)
        assert dict(zips.extracted(str(path), set(IMAGES), 1 << 30)) == IMAGES
