"""Small valid inputs that fuzzing starts from, one kind after the other; all are made here."""

import base64
import io
import json
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from typing import Any

from PIL import Image

SUFFIXES: dict[str, tuple[str, ...]] = {
    "requests": ("body.json", "body.jsonl", "body.har"),
    "archives": ("a.zip", "a.tar", "a.tar.gz", "a.tar.bz2", "a.tar.xz"),
    "tables": ("a.parquet", "a.arrow", "a.jsonl", "a.json", "a.csv"),
    "configuration": ("imgbudget.yaml", "pyproject.toml"),
}


def name_of(target: str, data: bytes) -> str:
    """The file name of an input: its first byte chooses the suffix (for requests its length)."""
    names = SUFFIXES[target]
    if target == "requests":
        return names[1 if b"}\n{" in data else 0]
    return names[(data[0] if data else 0) % len(names)]


def picture(form: str = "PNG", size: tuple[int, int] = (30, 20), **options: Any) -> bytes:
    """A small image."""
    out = io.BytesIO()
    Image.linear_gradient("L").resize(size).convert("RGB").save(out, form, **options)
    return out.getvalue()


def _images() -> Iterator[bytes]:
    for data in _pictures():
        yield b"\xff" + data


def _pictures() -> Iterator[bytes]:
    for form in ("PNG", "JPEG", "GIF", "WEBP", "BMP", "TIFF", "ICO", "PPM", "TGA", "JPEG2000", "AVIF"):
        yield picture(form)
    for form in ("PNG", "GIF", "WEBP", "MPO", "TIFF"):
        frames = [Image.new("RGB", (8, 8), shade) for shade in ("red", "green", "blue")]
        out = io.BytesIO()
        frames[0].save(out, form, save_all=True, append_images=frames[1:])
        yield out.getvalue()
    exif = Image.Exif()
    exif[0x112] = 6
    for form in ("JPEG", "PNG", "WEBP"):
        yield picture(form, exif=exif)


def _text(data: bytes) -> str:
    return base64.b64encode(data).decode()


def _bodies() -> Iterator[Any]:
    data = _text(picture())
    block = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": data}}
    text = {"type": "text", "text": "What is this?"}
    document = {
        "type": "document",
        "source": {"type": "base64", "media_type": "application/pdf", "data": _text(next(_pdfs()))},
    }
    result = {"type": "tool_result", "tool_use_id": "t", "content": [block]}
    user = {"role": "user", "content": [block, text]}
    yield {"model": "claude-sonnet-4-6", "max_tokens": 9, "messages": [user]}
    yield {"model": "claude-opus-4-8", "max_tokens": 9, "messages": [{"role": "user", "content": [document]}]}
    yield {"model": "claude-sonnet-4-6", "messages": [user, {"role": "user", "content": [result]}]}
    url = {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{data}", "detail": "low"}}
    yield {"model": "gpt-4o", "messages": [{"role": "user", "content": [url, text]}]}
    item = {"type": "input_image", "image_url": f"data:image/png;base64,{data}"}
    yield {"model": "gpt-5", "input": [{"role": "user", "content": [item]}]}
    inline = {"inlineData": {"mimeType": "image/png", "data": data}}
    yield {"contents": [{"role": "user", "parts": [inline, {"text": "?"}]}], "generationConfig": {}}
    converse = {"image": {"format": "png", "source": {"bytes": data}}}
    yield {"modelId": "amazon.nova-pro-v1:0", "messages": [{"role": "user", "content": [converse]}]}
    yield {"requests": [{"custom_id": "a", "params": {"model": "claude-sonnet-4-6", "messages": [user]}}]}
    entry = {
        "request": {
            "method": "POST",
            "url": "https://api.anthropic.com/v1/messages",
            "postData": {"mimeType": "application/json", "text": json.dumps({"messages": [user]})},
        }
    }
    yield {"log": {"version": "1.2", "entries": [entry]}}


def _requests() -> Iterator[bytes]:
    lines = []
    for body in _bodies():
        lines.append(json.dumps(body))
        yield lines[-1].encode()
    yield "\n".join(lines[:2]).encode()
    turn = {"type": "user", "uuid": "u", "message": json.loads(lines[0])["messages"][0]}
    yield (json.dumps(turn) + "\n" + json.dumps(turn)).encode()


def _cassettes() -> Iterator[bytes]:
    for body in _bodies():
        text = json.dumps(body)
        for form in (json.dumps(text), "'" + text + "'", "|\n      " + text):
            yield (
                "interactions:\n- request:\n    body: " + form + "\n    headers: {}\n    method: POST\n"
                "    uri: https://api.anthropic.com/v1/messages\n  response:\n    body: {string: ''}\n"
                "version: 1\n"
            ).encode()


def _object(number: int, value: bytes) -> bytes:
    return b"%d 0 obj\n%s\nendobj\n" % (number, value)


def _pdfs() -> Iterator[bytes]:
    catalogue, tree = b"<< /Type /Catalog /Pages 2 0 R >>", b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>"
    first, second = _object(1, catalogue), _object(2, tree)
    start = b"%PDF-1.5\n"
    offsets = (len(start), len(start) + len(first))
    body = start + first + second
    rows = b"".join(b"%010d 00000 n \n" % offset for offset in offsets)
    yield body + b"xref\n1 2\n%strailer\n<< /Size 3 /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n" % (
        rows,
        len(body),
    )
    entries = b"".join(struct.pack(">BHB", 1, offset, 0) for offset in offsets)
    for predictor in (1, 12):
        table = entries if predictor == 1 else b"".join(b"\0" + entries[at : at + 4] for at in (0, 4))
        packed = zlib.compress(table)
        head = b"<< /Type /XRef /Size 3 /Index [1 2] /W [1 2 1] /Root 1 0 R /Filter /FlateDecode"
        parms = b" /DecodeParms << /Predictor %d /Columns 4 >>" % predictor
        content = head + parms + b" /Length %d >>\nstream\n%s\nendstream" % (len(packed), packed)
        yield body + _object(3, content) + b"startxref\n%d\n%%%%EOF\n" % len(body)


def _numbered(target: str, name: str, data: bytes) -> bytes:
    return bytes([SUFFIXES[target].index(name)]) + data


def _archives() -> Iterator[bytes]:
    members = {"a.png": picture(), "b/c.jpg": picture("JPEG"), "d.txt": b"text"}
    for packing in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA):
        out = io.BytesIO()
        with zipfile.ZipFile(out, "w", packing) as archive:
            for name, data in members.items():
                archive.writestr(name, data)
        yield _numbered("archives", "a.zip", out.getvalue())
    for suffix in ("", ".gz", ".bz2", ".xz"):
        for form in (tarfile.PAX_FORMAT, tarfile.GNU_FORMAT, tarfile.USTAR_FORMAT):
            out = io.BytesIO()
            with tarfile.open(fileobj=out, mode=f"w:{suffix[1:]}", format=form) as tar:  # type: ignore[call-overload]
                for name, data in members.items():
                    member = tarfile.TarInfo(name * (1 if form == tarfile.USTAR_FORMAT else 30))
                    member.size = len(data)
                    tar.addfile(member, io.BytesIO(data))
            yield _numbered("archives", f"a.tar{suffix}", out.getvalue())


def _tables() -> Iterator[bytes]:
    import pyarrow as pa  # noqa: PLC0415 - this target only
    import pyarrow.parquet as pq  # noqa: PLC0415

    kind = pa.struct([("bytes", pa.binary()), ("path", pa.string())])
    images = pa.array([{"bytes": picture(), "path": "a.png"}, {"bytes": None, "path": "b.png"}], kind)
    table = pa.table({"image": images, "label": [1, 2], "text": ["a", "b"]})
    for compression in ("none", "snappy", "zstd"):
        out = io.BytesIO()
        pq.write_table(table, out, compression=compression)
        yield _numbered("tables", "a.parquet", out.getvalue())
    for writer in (pa.ipc.new_stream, pa.ipc.new_file):
        out = io.BytesIO()
        with writer(out, table.schema) as target:
            target.write_table(table)
        yield _numbered("tables", "a.arrow", out.getvalue())
    rows = (
        {"file_name": "a.png"},
        {"image": "b.png", "width": 3, "height": 4},
        {"images": ["c.png", "d.png"]},
    )
    yield _numbered("tables", "a.jsonl", "\n".join(map(json.dumps, rows)).encode())
    coco = {"images": [{"id": 1, "file_name": "a.png", "width": 3, "height": 4}], "annotations": []}
    yield _numbered("tables", "a.json", json.dumps(coco).encode())
    yield _numbered("tables", "a.json", json.dumps(rows).encode())
    yield _numbered("tables", "a.csv", b"image,label\na.png,1\nb.png,2\n")


def _configurations() -> Iterator[bytes]:
    text = """model: claude-sonnet-4-6
platform: anthropic
select: [ALL]
ignore: [IB203]
severity: {IB301: error}
exclude: ["third_party/**"]
budgets:
  image:   {tokens: 1600, bytes: 5 MB}
  request: {tokens: 20000, cost: $0.05, bytes: 20 MB}
  run:     {cost: $5}
overrides:
  - files: ["tests/fixtures/**"]
    ignore: [IB3]
ignores:
  - rules: [IB501]
    files: ["requests/legacy.json"]
    pointer: /messages/0
    reason: recorded traffic
"""
    yield _numbered("configuration", "imgbudget.yaml", text.encode())
    toml = """[tool.imgbudget]
model = "claude-sonnet-4-6"
select = ["ALL"]
severity = {IB301 = "error"}
[tool.imgbudget.budgets.image]
tokens = 1600
[[tool.imgbudget.ignores]]
rules = ["IB501"]
files = ["a.json"]
reason = "recorded traffic"
"""
    yield _numbered("configuration", "pyproject.toml", toml.encode())


def _errors() -> Iterator[bytes]:
    texts = (
        "messages.0.content.1.image.source.base64: image exceeds 5 MB maximum: 6291456 bytes > 5242880 bytes",
        "messages.3.content.5.image: image dimensions exceed max allowed size for many-image requests: 9 px",
        "prompt is too long: 210000 tokens > 200000 maximum",
        "Could not process image",
        "Invalid 'input[37].content[0].image_url'",
    )
    for text in texts:
        yield text.encode()
        error = {"type": "error", "error": {"type": "invalid_request_error", "message": text}}
        yield json.dumps(error).encode()
    yield "\n".join(f"2026-11-01T00:00:00 ERROR Error code: 400 - {text}" for text in texts).encode()


SEEDS: dict[str, Callable[[], Iterator[bytes]]] = {
    "requests": _requests,
    "cassettes": _cassettes,
    "images": _images,
    "pdf": _pdfs,
    "archives": _archives,
    "tables": _tables,
    "configuration": _configurations,
    "explain": _errors,
}
"""The seeds of each target."""
