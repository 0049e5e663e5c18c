"""Single images are read again from the locations in their rows."""

import struct
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from imgbudget.auditing.aggregate import AuditContext, aggregate
from imgbudget.auditing.html.thumbnails import fetch
from imgbudget.auditing.statistics import Row
from imgbudget.auditing.store import open_rows, row_files
from imgbudget.linter.options import RunOptions
from imgbudget.linter.run import Session
from tests.conftest import Command
from tests.datasets import IMAGES, as_folder, as_parquet, as_tar, as_zip


def all_rows(imgbudget: Command, dataset: Path) -> tuple[Row, ...]:
    """The rows of an audit."""
    imgbudget("audit", str(dataset), "--isolated", "--rows", "rows")
    session = Session(RunOptions(isolated=True))
    with open_rows(row_files("rows"), session.context.limits()) as store:
        assert aggregate(store, AuditContext(session.limits, session.registry.rules)).totals.images == len(
            IMAGES
        )
        return tuple(store.rows("subject = 'image'"))


@pytest.mark.parametrize("make", [as_folder, as_tar, as_zip])
def test_bytes_are_those_that_were_audited(
    imgbudget: Command, tmp_path: Path, make: Callable[[Path], Path]
) -> None:
    """Folders, tar and zip archives give every image back."""
    dataset = make(tmp_path / {as_folder: "x", as_tar: "x.tar", as_zip: "x.zip"}[make])
    rows = all_rows(imgbudget, dataset)
    assert {str(row.member): data for row, data in fetch(rows)} == IMAGES


def test_one_member_that_cannot_be_unpacked_costs_no_other(imgbudget: Command, tmp_path: Path) -> None:
    """Damaged since the audit, in the middle of its packed data."""
    path = as_zip(tmp_path / "x.zip", packing=zipfile.ZIP_DEFLATED)
    rows = all_rows(imgbudget, path)
    with zipfile.ZipFile(path) as archive:
        info = archive.getinfo("c.gif")
        name, extra = struct.unpack("<HH", path.read_bytes()[info.header_offset + 26 :][:4])
    data = bytearray(path.read_bytes())
    begin = info.header_offset + 30 + name + extra
    data[begin : begin + info.compress_size] = b"\xff" * info.compress_size
    path.write_bytes(data)
    assert {str(row.member) for row, _ in fetch(rows)} == set(IMAGES) - {"c.gif"}


def test_unavailable_images_are_left_out(imgbudget: Command, tmp_path: Path) -> None:
    """Tables are not searched, and a deleted file is no error."""
    assert list(fetch(all_rows(imgbudget, as_parquet(tmp_path / "x.parquet")))) == []
    (tmp_path / "x.parquet").unlink()
    folder = as_folder(tmp_path / "y")
    (tmp_path / "rows").rename(tmp_path / "old")
    rows = all_rows(imgbudget, folder)
    (folder / "c.gif").unlink()
    assert {str(row.member) for row, _ in fetch(rows)} == set(IMAGES) - {"c.gif"}
