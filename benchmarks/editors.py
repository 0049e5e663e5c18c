"""What the language server takes: its start, and the time from a change of a text to its diagnostics.

`python benchmarks/editors.py [MEGABYTES...]` starts `imgbudget lsp`, opens a request of that size (2 and 31
MB) on one line and with line breaks, and types blanks into it, one after the other. CPU seconds are those of
the server, read from /proc; on the clock each change also waits until there is no other one.
"""

import argparse
import asyncio
import base64
import json
import os
import random
import sys
import time
from io import BytesIO
from typing import Any

from lsprotocol import types
from PIL import Image
from pygls.lsp.client import LanguageClient

CHANGES = 20
START = types.Position(0, 1)


def request(megabytes: int, indent: int | None) -> str:
    """A request of that size with photographs of noise, and a character that is two code units."""
    pixels = random.Random(1).randbytes(1000 * 800 * 3)  # noqa: S311 - a picture
    out = BytesIO()
    Image.frombytes("RGB", (1000, 800), pixels).save(out, "JPEG", quality=90)
    text = base64.b64encode(out.getvalue()).decode()
    source = {"type": "base64", "media_type": "image/jpeg", "data": text}
    count = max(1, megabytes * 1_000_000 // len(text))
    blocks = [{"type": "text", "text": "😋"}, *[{"type": "image", "source": source}] * count]
    body = {"model": "claude-sonnet-4-6", "max_tokens": 1, "messages": [{"role": "user", "content": blocks}]}
    return json.dumps(body, indent=indent, ensure_ascii=False)


class Session:
    """A server with a client that waits for diagnostics."""

    def __init__(self) -> None:
        self.client: Any = LanguageClient("benchmark", "1")
        self.checked: asyncio.Queue[int | None] = asyncio.Queue()
        self.client.feature(types.TEXT_DOCUMENT_PUBLISH_DIAGNOSTICS)(
            lambda params: self.checked.put_nowait(params.version)
        )

    async def start(self) -> None:
        """Start the server, until it has answered."""
        await self.client.start_io(sys.executable, "-m", "imgbudget", "lsp", "--isolated")
        await self.client.initialize_async(types.InitializeParams(types.ClientCapabilities()))
        self.client.initialized(types.InitializedParams())

    @property
    def cpu(self) -> float:
        """The CPU seconds of the server so far."""
        with open(f"/proc/{self.client._server.pid}/stat", encoding="ascii") as file:  # noqa: SLF001
            fields = file.read().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    async def wait(self, version: int) -> None:
        """Wait for the diagnostics of a version."""
        while await self.checked.get() != version:
            pass

    async def measure(self, megabytes: int, indent: int | None) -> None:
        """Print what a text takes."""
        text, uri = request(megabytes, indent), f"file:///{megabytes}-{indent}.json"
        before, began = self.cpu, time.perf_counter()
        item = types.TextDocumentItem(uri=uri, language_id="json", version=1, text=text)
        self.client.text_document_did_open(types.DidOpenTextDocumentParams(item))
        await self.wait(1)
        opened, took = self.cpu - before, time.perf_counter() - began
        before, began = self.cpu, time.perf_counter()
        for version in range(2, 2 + CHANGES):
            change = types.TextDocumentContentChangePartial(range=types.Range(START, START), text=" ")
            document = types.VersionedTextDocumentIdentifier(version=version, uri=uri)
            self.client.text_document_did_change(types.DidChangeTextDocumentParams(document, [change]))
            await self.wait(version)
        cpu, wall = (self.cpu - before) / CHANGES, (time.perf_counter() - began) / CHANGES
        form = "indented" if indent else "one line"
        print(f"| {len(text) / 1e6:.1f} MB, {form} | {opened:.2f} | {took:.2f} | {cpu:.3f} | {wall:.2f} |")
        closed = types.TextDocumentIdentifier(uri)
        self.client.text_document_did_close(types.DidCloseTextDocumentParams(closed))


async def run(sizes: list[int]) -> None:
    """Measure one text after the other in one session."""
    session, began = Session(), time.perf_counter()
    await session.start()
    print(f"start: {session.cpu:.2f} s CPU, {time.perf_counter() - began:.2f} s\n")
    print("| text | open: CPU s | s | change: CPU s | s |\n|---|---|---|---|---|")
    for megabytes in sizes:
        for indent in (None, 2):
            await session.measure(megabytes, indent)
    await session.client.shutdown_async(None)
    session.client.exit(None)
    await session.client.stop()


def main() -> None:
    """Read the command line and measure."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("megabytes", nargs="*", type=int, default=[2, 31])
    asyncio.run(run(parser.parse_args().megabytes))


if __name__ == "__main__":
    main()
