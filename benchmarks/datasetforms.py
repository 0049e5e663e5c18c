"""The same small images as a folder, tar shards, zip archives and Parquet files; folders of many links."""

import io
import os
import shutil
import tarfile
import zipfile
from collections.abc import Callable, Iterator

Shard = list[tuple[str, bytes]]

FORMS = ("folder", "tar", "zip", "Parquet")
SMALL = 1 << 16
_PER_SHARD = 1000


def make_forms(corpus: str, folder: str) -> tuple[dict[str, str], int]:
    """The corpus's images of up to 64 KiB in each form, a path each, and how many they are."""
    paths = {name: os.path.join(folder, name.lower()) for name in FORMS}
    for path in paths.values():
        os.makedirs(path)
    writers: dict[str, Callable[[str, Shard], None]] = {
        "folder": _files,
        "tar": _tar,
        "zip": _zip,
        "Parquet": _parquet,
    }
    count = 0
    for number, shard in enumerate(_shards(corpus)):
        count += len(shard)
        for name, write in writers.items():
            write(os.path.join(paths[name], f"{number:04}"), shard)
    return paths, count


def _shards(corpus: str) -> Iterator[Shard]:
    shard: Shard = []
    for path in _images(corpus):
        if os.path.getsize(path) <= SMALL:
            with open(path, "rb") as file:
                shard.append((os.path.basename(path), file.read()))
        if len(shard) == _PER_SHARD:
            yield shard
            shard = []
    if shard:
        yield shard


def _images(corpus: str) -> Iterator[str]:
    for name in sorted(os.listdir(corpus)):
        folder = os.path.join(corpus, name)
        if os.path.isdir(folder):
            yield from (os.path.join(folder, inside) for inside in sorted(os.listdir(folder)))


def _files(path: str, shard: Shard) -> None:
    os.makedirs(path)
    for name, data in shard:
        with open(os.path.join(path, name), "wb") as file:
            file.write(data)


def _tar(path: str, shard: Shard) -> None:
    with tarfile.open(f"{path}.tar", "w") as archive:
        for name, data in shard:
            member = tarfile.TarInfo(name)
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))


def _zip(path: str, shard: Shard) -> None:
    with zipfile.ZipFile(f"{path}.zip", "w") as archive:
        for name, data in shard:
            archive.writestr(name, data)


def _parquet(path: str, shard: Shard) -> None:
    import pyarrow as pa  # noqa: PLC0415 - this form only
    import pyarrow.parquet as pq  # noqa: PLC0415

    kind = pa.struct([("bytes", pa.binary()), ("path", pa.string())])
    values = pa.array([{"bytes": data, "path": name} for name, data in shard], kind)
    pq.write_table(pa.table({"image": values}), f"{path}.parquet", row_group_size=100)


def many_files(corpus: str, folder: str, count: int) -> str:
    """A folder of so many images: copies of small ones of the corpus, a thousand in each folder."""
    small = [path for path in _images(corpus) if os.path.getsize(path) <= SMALL]
    for i in range(count):
        inside = os.path.join(folder, f"{i // _PER_SHARD:04}")
        if i % _PER_SHARD == 0:
            os.makedirs(inside)
        source = small[i % len(small)]
        name = f"{i:07}{os.path.splitext(source)[1]}"
        shutil.copyfile(source, os.path.join(inside, name))
    return folder
