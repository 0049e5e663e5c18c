"""Folders of `audit --rows` that others prepared: pipes with the names of row files are not waited for."""

import os
from pathlib import Path

from tests.builders import image_bytes
from tests.conftest import Command, posix


@posix
def test_a_pipe_in_place_of_a_row_file_is_named(imgbudget: Command, tmp_path: Path) -> None:
    """The rows are not written there, and the run says so; nor beside another pipe. Both stay."""
    images, rows = tmp_path / "images", tmp_path / "rows"
    images.mkdir()
    (images / "a.png").write_bytes(image_bytes((400, 400)))
    assert imgbudget("audit", str(images), "--rows", str(rows)).code == 0
    (written,) = rows.glob("*.parquet")
    for name in ("rows-other.parquet", written.name):
        (rows / name).unlink(missing_ok=True)
        os.mkfifo(rows / name)
        run = imgbudget("audit", str(images), "--rows", str(rows))
        assert (run.code, f"{name}: it is a link or no regular file" in run.err) == (2, True)
        assert (rows / name).is_fifo()
        (rows / name).unlink()
    assert imgbudget("audit", str(images), "--rows", str(rows)).code == 0
