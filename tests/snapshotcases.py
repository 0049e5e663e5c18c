"""Calls of the command whose whole outputs are kept under tests/snapshots, and the files that they read.

Images are put together byte by byte: their sizes and hashes depend on no version of Pillow or zlib.
"""

import json
from base64 import b64encode
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from tests.builders import Json, body, image_block, text_block
from tests.imagebytes import (
    chunk,
    exif_segment,
    frame_header,
    gif,
    gif_frame,
    ihdr,
    jpeg,
    png,
    riff,
    tiff,
    vp8,
)

CHECK = (
    "full",
    "concise",
    "json",
    "jsonl",
    "sarif",
    "github",
    "gitlab",
    "junit",
    "markdown",
    "rdjson",
)
ALL_LEVELS = ("--pedantic", "--fix-level", "info")
EXCEPT_SARIF = tuple(form for form in CHECK if form != "sarif")
"""For further calls of check: SARIF has the pages of all rules in it."""
TWO = ("full", "json")
FOR_THREE = ("--model", "claude-sonnet-4-6,gpt-4o,gemini-2.5-flash")
PLAIN = ("txt",)
"""For a call without --format."""


def _nothing(_: Path) -> None:
    """Write no file."""


class Case(NamedTuple):
    """A call of a command, in each of some formats, in a folder that `files` has filled.

    `before` is a call that comes first, `code` the exit code.
    """

    command: str
    name: str
    formats: tuple[str, ...]
    arguments: tuple[str, ...] = ()
    files: Callable[[Path], None] = _nothing
    code: int = 0
    before: tuple[str, ...] = ()
    stdin: bytes = b""

    def call(self, form: str) -> tuple[str, ...]:
        """The arguments of the call in one format."""
        formatted = () if form == "txt" else ("--format", form)
        isolated = () if self.command == "init" else ("--isolated",)
        return (self.command, *self.arguments, *isolated, *formatted)


def a_png(width: int, height: int, byte_size: int = 0, *before: bytes) -> bytes:
    """A PNG file, with picture data of so many bytes; nothing decodes it."""
    return png(*before, header=ihdr(width, height), data=chunk(b"IDAT", bytes(max(byte_size, 12))))


def a_jpeg(width: int, height: int, byte_size: int = 8, *before: bytes) -> bytes:
    """A JPEG file, with a scan of so many bytes; nothing decodes it."""
    return jpeg(*before, frame=frame_header(width, height), end=bytes(byte_size) + b"\xff\xd9")


def images(folder: Path) -> None:
    """Image files: too large, with a position, a column of patches too wide, cut off, moving, tiny, fine."""
    photos = folder / "photos"
    photos.mkdir()
    (photos / "large.jpg").write_bytes(a_jpeg(4000, 3000, 250_000))
    (photos / "position.jpg").write_bytes(a_jpeg(1200, 896, 9000, exif_segment(tiff(gps=[(2, 3)]))))
    (photos / "wide.png").write_bytes(a_png(9000, 1200, 80_000))
    (folder / "column.png").write_bytes(a_png(1121, 800, 5000))
    (folder / "damaged.png").write_bytes(a_png(600, 600, 5000)[:-2000])
    (folder / "fine.webp").write_bytes(riff(vp8(280, 280)))
    (folder / "moving.gif").write_bytes(gif(gif_frame(), gif_frame(), size=(280, 210)))
    (folder / "icon.png").write_bytes(a_png(64, 64))


def conversation(count: int = 3, edge: int = 840) -> Json:
    """A conversation whose tool sends a screenshot at each turn."""
    messages: list[Json] = [{"role": "user", "content": [text_block("Find the button.")]}]
    for number in range(count):
        call = {"type": "tool_use", "id": f"t{number}", "name": "look", "input": {}}
        shot = image_block(a_png(edge, 560 + number, 3000))
        result = {"type": "tool_result", "tool_use_id": f"t{number}", "content": [shot]}
        messages += [{"role": "assistant", "content": [call]}, {"role": "user", "content": [result]}]
    return {"model": "claude-sonnet-4-6", "max_tokens": 100, "messages": messages}


def many(count: int = 21) -> Json:
    """A request of many images, the first of which is too large for so many."""
    shots = [
        image_block(a_png(2100, 1400, 12_000)),
        *(image_block(a_png(420, 308 + i)) for i in range(count - 1)),
    ]
    return body("Which of these differ?", *shots)


def _write(path: Path, *documents: Any) -> None:
    path.write_text("".join(json.dumps(document) + "\n" for document in documents), encoding="utf-8")


def requests(folder: Path) -> None:
    """Requests: of many images, malformed, of three providers; rows of a batch, one of them no JSON."""
    _write(folder / "many.json", many())
    wrong = image_block(a_jpeg(300, 300), "image/jpg")
    url = {"type": "image", "source": {"type": "url", "url": "http://example.com/a.png"}}
    empty = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": ""}}
    malformed = body(wrong, url, empty, "")
    malformed["messages"].append({"role": "assistant", "content": [image_block(a_png(300, 300))]})
    (folder / "malformed.json").write_text(json.dumps(malformed, indent=2), encoding="utf-8")
    shot = b64encode(a_png(1920, 1080, 9000)).decode()
    part = {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{shot}", "detail": "low"}}
    _write(
        folder / "openai.json",
        {
            "model": "gpt-4o",
            "messages": [{"role": "user", "content": [part, {"type": "text", "text": "What?"}]}],
        },
    )
    inline = {"inlineData": {"mimeType": "image/png", "data": shot}}
    _write(folder / "gemini.json", {"contents": [{"role": "user", "parts": [inline, {"text": "What?"}]}]})
    row = {"custom_id": "a", "params": body(image_block(a_png(1600, 1600, 4000)))}
    with (folder / "rows.jsonl").open("w", encoding="utf-8") as rows:
        rows.writelines(json.dumps(one) + "\n" for one in (row, row, {"name": "no request"}))
        rows.write("{broken\n")


def everything(folder: Path) -> None:
    """Images, requests, and a file that is neither."""
    images(folder)
    (folder / "requests").mkdir()
    requests(folder / "requests")
    (folder / "notes.txt").write_text("neither\n", encoding="utf-8")


def clean(folder: Path) -> None:
    """An image and a request that nothing is wrong with."""
    (folder / "fine.png").write_bytes(a_png(420, 280, 3000))
    _write(folder / "fine.json", body(image_block(a_png(420, 308, 3000)), "What is this?"))


def position(folder: Path) -> None:
    """A photo and a request whose images say where they were taken; the fix decodes neither."""
    data = a_jpeg(1200, 896, 600, exif_segment(tiff(orientation=None, gps=[(2, 3)])))
    (folder / "photo.jpg").write_bytes(data)
    (folder / "request.json").write_text(json.dumps(body(image_block(data, "image/jpeg")), indent=2) + "\n")


def a_conversation(folder: Path) -> None:
    """A conversation of a tool that takes screenshots."""
    _write(folder / "r.json", conversation(6))


def a_request(folder: Path) -> None:
    """A request of many images."""
    _write(folder / "r.json", many())


def a_strip(folder: Path) -> None:
    """A long screenshot."""
    (folder / "strip.png").write_bytes(a_png(1170, 7200, 5000))


_ERROR = (
    "messages.0.content.1.image.source.base64.data: At least one of the image dimensions exceed max allowed "
    "size for many-image requests: 2000 pixels"
)
_LOG = b"""\
12:00:01 starting
anthropic.BadRequestError: Error code: 400 - {'type': 'error', 'error': {'type': 'invalid_request_error', \
'message': 'messages.3.content.0.image.source.base64: image exceeds 5 MB maximum: 6000000 bytes > 5242880 \
bytes'}}
12:00:02 {"type":"error","error":{"type":"invalid_request_error","message":"Could not process image"}}
12:00:03 {"type":"error","error":{"type":"invalid_request_error","message":"an unheard-of text"}}
"""

WITH_FORMAT: dict[str, tuple[str, ...]] = {
    "check": ("r.json",),
    "plan": ("r.json",),
    "split": ("r.json",),
    "tiles": ("800x600",),
    "audit": ("r.json",),
    "size": ("800x600",),
    "coords": ("--original", "800x600", "1,2"),
    "crop": ("a.png", "1,1,300,250"),
    "rule": ("IB201",),
    "limits": (),
    "explain": (_ERROR,),
    "send": ("r.json", "--dry-run"),
}
"""Commands that take --format, each with arguments that are right otherwise."""

CASES = (
    Case("check", "everything", CHECK, ("--pedantic", "--statistics"), everything, 1),
    Case("check", "clean", EXCEPT_SARIF, (), clean),
    Case("check", "other-model", TWO, ("photos", "--model", "gpt-4o"), images, 1),
    Case("check", "other-platform", TWO, ("--platform", "bedrock"), requests, 1),
    Case("check", "budgets", TWO, ("--budget", "image.tokens=900", "--budget", "run.tokens=4k"), images, 1),
    Case("check", "client", TWO, ("photos", "--client", "codex"), images, 1),
    Case("check", "quiet", ("full",), ("--quiet",), everything, 1),
    Case(
        "check",
        "compare",
        ("full", "concise", "json", "jsonl", "markdown"),
        ("--compare", "old.json"),
        images,
        1,
        before=("check", "photos", "--isolated", "--format", "json:old.json"),
    ),
    Case("check", "fix", EXCEPT_SARIF, ("--fix", "--pedantic", "--fix-level", "info"), position),
    Case("check", "fix-fails", ("full", "json"), ("photos/large.jpg", "--fix"), images, 1),
    Case(
        "check", "diff", PLAIN, ("request.json", "--diff", "--pedantic", "--fix-level", "info"), position, 1
    ),
    Case("check", "show-files", PLAIN, ("--show-files",), everything),
    Case("check", "show-settings", PLAIN, ("photos/large.jpg", "--show-settings"), everything),
    Case("check", "missing", PLAIN, ("missing.png",), code=2),
    Case("plan", "images", TWO, ("--all", "--estimate"), images, 2),
    Case("plan", "requests", TWO, ("--all", "--estimate"), requests, 2),
    Case("plan", "latency", TWO, ("--target", "latency", "--target", "bytes:50KB", "--estimate"), images, 2),
    Case("plan", "several-models", TWO, (*FOR_THREE, "--estimate"), images, 2),
    Case("plan", "budget", TWO, ("--budget", "request.tokens=3000", "--estimate"), a_request),
    Case("plan", "infeasible", TWO, ("--budget", "request.bytes=1KB"), a_request, 1),
    Case("plan", "nothing", TWO, (), clean),
    Case("plan", "resend", TWO, ("--resend", "--keep", "2"), a_conversation),
    Case("plan", "resend-nothing", TWO, ("--resend",), clean),
    Case("split", "tokens", TWO, ("r.json", "--budget", "request.tokens=1600"), a_request),
    Case("split", "too-much", TWO, ("r.json", "--budget", "request.tokens=200"), a_request, 1),
    Case("split", "fits", TWO, ("r.json", "--all"), a_conversation),
    Case("tiles", "strip", TWO, ("strip.png", "500x400"), a_strip),
    Case("tiles", "many", TWO, ("9000x9000", "--overlap", "50", "--model", "claude-opus-4-8")),
    Case("audit", "everything", ("full", "json", "markdown", "csv"), (".", "--jobs", "1"), everything),
    Case(
        "audit",
        "models",
        ("full", "json", "markdown"),
        (".", "--jobs", "1", "--model", "claude-sonnet-4-6,gpt-4o,gemini-2.5-flash"),
        clean,
    ),
    Case("size", "one", TWO, ("4000x3000", "1092x1092", "1121x800")),
    Case("size", "models", TWO, ("1920x1080", "--model", "claude-sonnet-4-6,gpt-4o,gemini-2.5-flash")),
    Case("size", "table", TWO, ("--table",)),
    Case("size", "detail", TWO, ("1920x1080", "--model", "gpt-4o", "--detail", "low")),
    Case("coords", "points", TWO, ("--original", "4000x3000", "100,200", "10,20,300,400", "9000,1")),
    Case("coords", "sent", TWO, ("--original", "4000x3000", "--sent", "1200x900", "100,200")),
    Case(
        "coords",
        "back",
        TWO,
        ("--original", "4000x3000", "--from", "original", "--display-scale", "2", "8,9"),
    ),
    Case("crop", "outside", PLAIN, ("photos/large.jpg", "5000,10,6000,300"), images, 2),
    Case("rule", "one", ("text", "json", "markdown"), ("IB201",)),
    Case("rule", "budget", ("text", "json", "markdown"), ("IB601",)),
    Case("rule", "all", ("text",), ("--all",)),
    Case("rule", "unknown", PLAIN, ("IB299",), code=2),
    Case("limits", "claude", TWO, ()),
    Case("limits", "bedrock", TWO, ("--platform", "bedrock", "--model", "claude-opus-4-8")),
    Case("limits", "openai", TWO, ("--model", "gpt-4o")),
    Case("limits", "gemini", TWO, ("--model", "gemini-2.5-flash")),
    Case("explain", "text", TWO, (_ERROR,)),
    Case("explain", "request", TWO, (_ERROR, "--request", "r.json"), a_request),
    Case("explain", "log", TWO, ("-",), stdin=_LOG),
    Case("explain", "unknown", TWO, ("nobody has seen this text before",), code=1),
    Case("send", "dry-run", TWO, ("r.json", "--dry-run"), a_request, 1),
    Case("send", "dry-run-fix", TWO, ("r.json", "--dry-run", "--fix"), a_conversation),
    Case("init", "dry-run", PLAIN, ("--dry-run",), everything),
    Case("baseline", "write", PLAIN, ("--write",), everything),
    Case("baseline", "prune", PLAIN, ("--prune",), everything, before=("baseline", "--write", "--isolated")),
    *(
        Case(command, "unknown-format", ("bogus",), arguments, a_request, 2)
        for command, arguments in WITH_FORMAT.items()
    ),
)
