"""Stores of records and arrays, written byte by byte as the documentation of their formats says."""

import io
import json
import struct
import zipfile
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

_TABLE = [0] * 256
for _byte in range(256):
    _crc = _byte
    for _ in range(8):
        _crc = _crc >> 1 ^ (0x82F63B78 if _crc & 1 else 0)
    _TABLE[_byte] = _crc


def crc32c(data: bytes) -> int:
    """The CRC-32C of data, as google-crc32c computes it."""
    crc = 0xFFFFFFFF
    for byte in data:
        crc = crc >> 8 ^ _TABLE[(crc ^ byte) & 255]
    return crc ^ 0xFFFFFFFF


def masked(data: bytes) -> bytes:
    """The masked CRC of TFRecord."""
    crc = crc32c(data)
    return struct.pack("<I", ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF)


def tfrecord(records: Iterable[bytes]) -> bytes:
    """A TFRecord file: length, its CRC, data, their CRC."""
    frames = []
    for record in records:
        length = struct.pack("<Q", len(record))
        frames += [length, masked(length), record, masked(record)]
    return b"".join(frames)


def _varint(value: int) -> bytes:
    out = bytearray()
    while value > 127:
        out.append(value & 127 | 128)
        value >>= 7
    return bytes([*out, value])


def field(number: int, value: bytes | int) -> bytes:
    """A field of a protocol buffer."""
    if isinstance(value, int):
        return _varint(number << 3) + _varint(value)
    return _varint(number << 3 | 2) + _varint(len(value)) + value


def _feature(value: bytes | float | Sequence[bytes]) -> bytes:
    if isinstance(value, int):
        return field(3, field(1, _varint(value)))
    if isinstance(value, float):
        return field(2, field(1, struct.pack("<f", value)))
    values = [value] if isinstance(value, bytes) else value
    return field(1, b"".join(field(1, one) for one in values))


def _features(features: Mapping[str, bytes | int | float | Sequence[bytes]]) -> bytes:
    entries = (field(1, key.encode()) + field(2, _feature(value)) for key, value in features.items())
    return b"".join(field(1, entry) for entry in entries)


def example(**features: bytes | float | Sequence[bytes]) -> bytes:
    """A `tf.train.Example`; `__` in the name of a feature is a slash."""
    return field(1, _features({key.replace("__", "/"): value for key, value in features.items()}))


def sequence_example(context: Mapping[str, bytes], lists: Mapping[str, Sequence[bytes]]) -> bytes:
    """A `tf.train.SequenceExample`."""
    entries = b""
    for key, values in lists.items():
        features = b"".join(field(1, _feature(value)) for value in values)
        entries += field(1, field(1, key.encode()) + field(2, features))
    return field(1, _features(context)) + field(2, entries)


def mds_shard(columns: Mapping[str, str], samples: Sequence[Mapping[str, bytes]]) -> bytes:
    """A shard of MosaicML Streaming: number of samples, offsets, a header in JSON, the samples."""
    names = sorted(columns)
    sizes = [8 if columns[name] == "int" else None for name in names]
    config = json.dumps(
        {
            "column_encodings": [columns[name] for name in names],
            "column_names": names,
            "column_sizes": sizes,
            "compression": None,
            "format": "mds",
            "hashes": [],
            "size_limit": 1 << 26,
            "version": 2,
        },
        sort_keys=True,
    ).encode()
    bodies = []
    for sample in samples:
        free = [len(sample[name]) for name, size in zip(names, sizes, strict=True) if size is None]
        bodies.append(struct.pack(f"<{len(free)}I", *free) + b"".join(sample[name] for name in names))
    at = 4 + 4 * (len(samples) + 1) + len(config)
    offsets = [at]
    for body in bodies:
        offsets.append(offsets[-1] + len(body))
    head = struct.pack(f"<{len(offsets) + 1}I", len(samples), *offsets)
    return head + config + b"".join(bodies)


def mds_index(shards: Sequence[tuple[str, str | None]]) -> bytes:
    """The index of shards: the names of the raw and of the packed file."""
    entries = [
        {
            "column_encodings": ["jpeg"],
            "column_names": ["image"],
            "column_sizes": [None],
            "compression": "zstd" if packed else None,
            "format": "mds",
            "hashes": [],
            "raw_data": {"basename": raw, "bytes": 1, "hashes": {}},
            "samples": 1,
            "size_limit": 1 << 26,
            "version": 2,
            "zip_data": {"basename": packed, "bytes": 1, "hashes": {}} if packed else None,
        }
        for raw, packed in shards
    ]
    return json.dumps({"shards": entries, "version": 2}).encode()


def npy(descr: str, shape: tuple[int, ...], values: bytes, *, fortran: bool = False) -> bytes:
    """A NumPy array of version 1.0."""
    about = f"{{'descr': {descr!r}, 'fortran_order': {fortran}, 'shape': {shape!r}, }}"
    about += " " * (-(10 + len(about) + 1) % 64) + "\n"
    return b"\x93NUMPY\1\0" + struct.pack("<H", len(about)) + about.encode() + values


def npz(path: Path, arrays: Mapping[str, bytes], packing: int = zipfile.ZIP_DEFLATED) -> Path:
    """An archive of arrays."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", packing) as archive:
        for name, data in arrays.items():
            archive.writestr(f"{name}.npy", data)
    path.write_bytes(out.getvalue())
    return path
