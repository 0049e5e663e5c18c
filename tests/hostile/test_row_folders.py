"""Folders of `audit --rows` that others prepared: pipes with the names of row files are not waited for."""

import os
from pathlib import Path

from tests.builders import image_bytes
from tests.conftest import Command, posix


@posix
def test_a_pipe_in_place_of_a_row_file_is_named(imgbudget: Command, tmp_path: Path) -> None:
    """The rows cannot be written there, and the run says so; another pipe is left alone."""
    images, rows = tmp_path / "images", tmp_path / "rows"
    images.mkdir()
    (images / "a.png").write_bytes(image_bytes((400, 400)))
    assert imgbudget("audit", str(images), "--rows", str(rows)).code == 0
    (written,) = rows.iterdir()
    os.mkfifo(rows / "rows-other.parquet")
    assert imgbudget("audit", str(images), "--rows", str(rows)).code == 0
    written.unlink()
    os.mkfifo(written)
    run = imgbudget("audit", str(images), "--rows", str(rows))
    assert (run.code, f"{written.name}: it is a link or no regular file" in run.err) == (2, True)
