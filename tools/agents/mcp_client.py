"""Drives `imgbudget mcp` with the official client over stdio: each tool once, and what is refused.

    pip install 'imgbudget[mcp]'
    python tools/agents/mcp_client.py

By hand: starting the package `mcp` takes a second each time. Exit code 1 if anything goes another way.
"""

import asyncio
import base64
import json
import sys
import tempfile
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

from mcp import Client, StdioServerParameters
from PIL import Image

IMGBUDGET = str(Path(sys.executable).with_name("imgbudget"))
BOX = [100, 100, 400, 300]

CALLS: tuple[tuple[str, dict[str, Any]], ...] = (
    ("check", {"paths": ["."]}),
    ("plan", {"paths": ["a.jpg"]}),
    ("fix", {"paths": ["a.jpg"]}),
    ("size", {"sizes": ["1920x1080", "a.jpg"]}),
    ("tiles", {"sizes": ["a.jpg"]}),
    ("crop", {"image": "a.jpg", "box": BOX}),
    ("status", {"session": "session.jsonl"}),
    ("rescue", {"session": "session.jsonl"}),
)

REFUSED: tuple[tuple[str, dict[str, Any], str], ...] = (
    ("check", {"paths": ["../secret.jpg"]}, "paths with .. are refused"),
    ("check", {"paths": ["/etc/hostname"]}, "is outside"),
    ("check", {"paths": ["link.jpg"]}, "is outside"),
    ("crop", {"image": "link.jpg", "box": BOX}, "is outside"),
    ("fix", {"paths": ["link.jpg"]}, "is outside"),
    ("check", {"paths": ["a.jpg"], "output_dir": "x"}, "unknown option"),
    ("check", {"paths": ["none.jpg"]}, "none.jpg"),
    ("crop", {"image": "a.jpg", "box": BOX, "output": "b.png"}, "unknown option"),
    ("send", {"paths": ["a.jpg"]}, "unknown tool"),
)


def session_line() -> str:
    """A session whose only image is none."""
    source = {"type": "base64", "media_type": "image/png", "data": base64.b64encode(b"no image").decode()}
    message = {"role": "user", "content": [{"type": "image", "source": source}]}
    about = {"uuid": "1", "parentUuid": None, "type": "user", "sessionId": "s", "version": "2.1.332"}
    return json.dumps(about | {"message": message}) + "\n"


def fill(folder: Path) -> Path:
    """The root of a server, with what is outside it."""
    root = folder / "root"
    root.mkdir()
    for path in (root / "a.jpg", folder / "secret.jpg"):
        Image.effect_noise((300, 200), 50).convert("RGB").resize((3000, 2000)).save(path)
    (root / "link.jpg").symlink_to("../secret.jpg")
    (root / "session.jsonl").write_text(session_line())
    return root


def contents(root: Path) -> dict[str, bytes]:
    """The files in the root."""
    return {path.name: path.read_bytes() for path in root.iterdir() if path.is_file()}


def text_of(result: Any) -> str:
    """The first text of a result."""
    return str(result.content[0].text)


async def reading(root: Path) -> list[str]:
    """What goes wrong with a server that only reads."""
    before = contents(root)
    wrong = []
    server = StdioServerParameters(command=IMGBUDGET, args=["mcp", "--root", str(root)])
    async with Client(server) as client:
        tools = {tool.name for tool in (await client.list_tools()).tools}
        wrong += [f"no tool {name}" for name, _ in CALLS if name not in tools]
        for name, given in CALLS:
            result = await client.call_tool(name, given)
            print(f"{name}: {text_of(result)}")
            if result.is_error or not result.structured_content:
                wrong.append(f"{name} {given}: {text_of(result)}")
            if name == "crop":
                wrong += list(_wrong_image(result))
        for name, given, text in REFUSED:
            result = await client.call_tool(name, given)
            if not result.is_error or text not in text_of(result):
                wrong.append(f"{name} {given} is not refused with {text!r}: {text_of(result)}")
    if before != contents(root):
        wrong.append("a server that only reads has written")
    return wrong


def _wrong_image(result: Any) -> Iterator[str]:
    images = [block for block in result.content if block.type == "image"]
    sizes = [Image.open(BytesIO(base64.b64decode(image.data))).size for image in images]
    if [list(size) for size in sizes] != [result.structured_content["size"]]:
        yield f"crop returns images of {sizes}"


async def writing(root: Path) -> list[str]:
    """What goes wrong with a server that may write."""
    before = (root.parent / "secret.jpg").read_bytes()
    server = StdioServerParameters(command=IMGBUDGET, args=["mcp", "--root", str(root), "--allow-write"])
    async with Client(server) as client:
        await client.call_tool("crop", {"image": "a.jpg", "box": BOX, "output": "b.png"})
        await client.call_tool("fix", {"paths": ["."]})
    with Image.open(root / "a.jpg") as image:
        wrong = [] if max(image.size) <= 1568 else [f"fix left {image.size}"]
    wrong += [] if (root / "b.png").exists() else ["crop wrote nothing"]
    wrong += [] if (root.parent / "secret.jpg").read_bytes() == before else ["fix wrote outside"]
    return wrong


def main() -> int:
    """Drive both servers; 1 if anything goes another way."""
    with tempfile.TemporaryDirectory() as folder:
        root = fill(Path(folder).resolve())
        wrong = asyncio.run(reading(root)) + asyncio.run(writing(root))
    print(*(f"WRONG: {text}" for text in wrong), sep="\n")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
