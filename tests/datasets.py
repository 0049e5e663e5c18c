"""The same images as a folder and in every other form that a dataset comes in."""

import io
import json
import os
import tarfile
import zipfile
from collections import Counter
from functools import cache
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from imgbudget.auditing.partition import Naming, RowChoice
from imgbudget.auditing.rowfiles import table
from imgbudget.auditing.rows import PlainRows, unpacked
from imgbudget.auditing.run import plan
from imgbudget.auditing.work import Work, configuration_key, tiers_of
from imgbudget.linter.options import RunOptions
from imgbudget.linter.run import Session
from tests.builders import image_bytes

IMAGES: dict[str, bytes] = {
    "a/big.jpg": image_bytes((3000, 2000), "JPEG", quality=40),
    "a/copy.png": image_bytes((300, 400)),
    "a/small.webp": image_bytes((100, 80), "WEBP"),
    "b/broken.png": image_bytes((300, 400))[:60],
    "b/other.png": image_bytes((300, 400)),
    "b/turned.jpg": image_bytes((640, 480), "JPEG", orientation=6),
    "c.gif": image_bytes((250, 250), "GIF"),
    "d.bmp": image_bytes((250, 300), "BMP"),
}
"""By name; two of them are the same, one is cut off, one has a format that the API refuses."""

STRUCT = pa.struct([("bytes", pa.binary()), ("path", pa.string())])


def as_folder(folder: Path) -> Path:
    """Files."""
    for name, data in IMAGES.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    return folder


def as_tar(path: Path, *, mode: str = "w", form: int = tarfile.PAX_FORMAT) -> Path:
    """A tar archive; `mode` says how it is packed."""
    with tarfile.open(path, mode, format=form) as archive:  # type: ignore[call-overload]
        for name, data in IMAGES.items():
            member = tarfile.TarInfo(name)
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))
    return path


def as_zip(path: Path, *, packing: int = zipfile.ZIP_STORED) -> Path:
    """A zip archive."""
    with zipfile.ZipFile(path, "w", packing) as archive:
        for name, data in IMAGES.items():
            archive.writestr(name, data)
    return path


def image_table() -> pa.Table:
    """A table as the Hugging Face hub has them."""
    values = [{"bytes": data, "path": name} for name, data in IMAGES.items()]
    return pa.table({"image": pa.array(values, STRUCT), "label": list(range(len(values)))})


def as_parquet(path: Path) -> Path:
    """A Parquet file of three row groups."""
    pq.write_table(image_table(), path, row_group_size=3)
    return path


def as_arrow(path: Path, *, stream: bool = True) -> Path:
    """An Arrow file, a stream as `datasets` saves it or a file with a footer."""
    table = image_table()
    writer = pa.ipc.new_stream if stream else pa.ipc.new_file
    with writer(path, table.schema) as out:
        out.write_table(table, max_chunksize=3)
    return path


def as_manifest(folder: Path, shape: str) -> Path:
    """A list beside the folder of the images: llava, lines, openai, coco or metadata."""
    as_folder(folder / "images")
    names = [f"images/{name}" for name in IMAGES]
    entries: Any
    match shape:
        case "llava":
            entries = [{"id": i, "image": name, "conversations": []} for i, name in enumerate(names)]
        case "coco":
            entries = {"images": [{"id": i, "file_name": name} for i, name in enumerate(names)]}
        case "openai":
            entries = [
                {
                    "messages": [
                        {"role": "user", "content": [{"type": "image_url", "image_url": {"url": name}}]}
                    ]
                }
                for name in names
            ]
        case _:
            entries = [{"file_name": name, "text": "x"} for name in names]
    if shape in ("llava", "coco"):
        path = folder / f"{shape}.json"
        path.write_text(json.dumps(entries), encoding="utf-8")
    else:
        path = folder / f"{shape}.jsonl"
        path.write_text("".join(f"{json.dumps(entry)}\n" for entry in entries), encoding="utf-8")
    return path


@cache
def _audit() -> tuple[Session, Work, Naming]:
    """What all audits of the tests have in common: it takes longer than a small audit."""
    session = Session(RunOptions(isolated=True))
    return session, Work.of(session), Naming(configuration_key(session))


def rows_of(
    *datasets: str | Path, root: str | None = None, fields: tuple[str, ...] = (), in_files: bool = False
) -> list[dict[str, Any]]:
    """The rows of an audit, all partitions read in this process, in the order of the plan.

    Not from row files, which take most of a small audit, but from the tables that are written to them.
    """
    session, work, naming = _audit()
    naming = naming._replace(choice=RowChoice(fields))
    work = work._replace(folder=os.getcwd())
    partitions = plan([str(name) for name in datasets], session, naming, root=root)
    found = (work(partition._replace(plain=not in_files)).rows for partition in partitions)
    return [row for rows in found for row in _table_of(rows).to_pylist()]


def _table_of(rows: bytes | PlainRows) -> pa.Table:
    """The table of these rows, in a file or as plain values."""
    if isinstance(rows, bytes):
        return pq.ParquetFile(pa.BufferReader(rows)).read(use_threads=False)
    values = tuple(unpacked(rows))
    tiers = tiers_of(_audit()[0])
    return table(values, tiers) if values else pa.table({})


def facts_of(row: dict[str, Any]) -> dict[str, Any]:
    """The facts that do not depend on where an image is stored."""
    return {name: value for name, value in row.items() if name not in ("source", "member", "row", "pointer")}


def skips_of(rows: list[dict[str, Any]]) -> dict[str, int]:
    """The reasons for which something was passed over, with how often."""
    return dict(Counter(row["skipped"] for row in rows if row["subject"] == "skip"))
