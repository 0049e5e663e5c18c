"""Forty texts that terminals, CI servers, Markdown and spreadsheets would obey, and a folder full of them."""

import json
import os
import re
import unicodedata
import zipfile
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from tests.builders import body, image_block, image_bytes

FORGED = "FORGED"
"""What a text writes at the start of a line if it is obeyed."""

LINE_ENDS = ("\n", "\r", "\r\n", "\v", "\f", "\x1c", "\x1d", "\x1e", "\x85", "\u2028", "\u2029")
TEXTS = (
    *(f"a{end}{FORGED}{end}::error::{FORGED}" for end in LINE_ENDS),
    "\x1b[2J\x1b[45mred",
    "\x1b]0;title\x07",
    "\x1b]8;;https://evil.example\x1b\\link\x1b]8;;\x1b\\",
    "\x9b45mred",
    "\x9d0;title\x9c",
    "nul\x00bell\x07back\x08\x08\x08\x7f\x7f",
    "\x0e\x0fshift",
    "gpj.\u202eexe",
    "\u2066\u2067\u2068\u2069\u202a\u202b\u202c\u202d",
    "\u200e\u200f\u061c",
    "zero\u200b\u200c\u200d\u2060width",
    "\ufeffmark\ufff9a\ufffab\ufffb",
    "tags\U000e0041\U000e0042\U000e007f",
    "soft\u00adhyphen\u034f\u115f\u3164",
    "bytes\udcff\udc80",
    "half\ud83d",
    "no\ufffecharacter\uffff",
    f"::error file=a.py,line=1::{FORGED}",
    f"::set-env name=PATH::{FORGED}",
    f" \u3000::warning::{FORGED}",
    "##[error]x ##[group]y",
    "##vso[task.setvariable variable=PATH]x",
    "###vso[task.complete]x #\u200b#vso[x] ##\ufe0fvso[x]",
    "##teamcity[buildStatus status='SUCCESS']",
    "section_start:1700000000:x[collapsed=true]\r\x1b[0Ksection_end:1:x\r\x1b[0K",
    "[a](https://evil.example) ![b](x.png) <img src=x onerror=alert(1)> <!-- -->",
    "| a | b |\t`c` **d** @octocat #12 !34 https://evil.example www.evil.example",
    "=cmd|' /C calc'!A0",
    "\r=1+1",
    "\t+1;=2\uff1d3",
)
assert len(TEXTS) >= 40

_OWN_COLOURS = re.compile(r"\x1b\[(?:0|1|34|1;3[1236])m")
_COMMANDS = re.compile(r"(?i)##(?=[^\s#\\])|^\s*::|^\W*FORGED", re.MULTILINE)
_HIDING = {"Cc", "Cf", "Cs", "Zl", "Zp"}


def at_work(text: str) -> list[str]:
    """What of a text on a terminal or in a log is obeyed: characters and commands; empty if nothing is."""
    text = _OWN_COLOURS.sub("", text)
    found = sorted({ascii(c) for c in set(text) if c != "\n" and unicodedata.category(c) in _HIDING})
    return found + [found[0] for found in _COMMANDS.finditer(text)]


def as_name(text: str) -> bytes:
    """The text as the name of a file."""
    name = text.replace("/", "\u2044").replace("\0", "\x01")
    return name.encode("utf-8", "surrogatepass" if "\ud83d" in name else "surrogateescape")[:200]


def request(text: str) -> dict[str, Any]:
    """A request that holds the text wherever others write."""
    block = image_block(image_bytes((1600, 40)), media_type=text)
    odd = {"type": "image", "source": {"type": text, "data": text}}
    link = {"type": "image", "source": {"type": "url", "url": f"https://x.example/{text}"}}
    more = [{"role": text, "content": [{"type": text, text: text}, odd, link]}]
    made = body(text, block, {"type": "tool_result", "content": [block]}, model=text, **{text: {text: text}})
    made["messages"] += more
    return made


def fill(folder: Path) -> None:
    """Images, folders, requests, rows, archives, tables and lists that hold every text in every field."""
    base = os.fsencode(folder)
    image, data = image_bytes((1600, 40)), image_bytes((1700, 40), "JPEG")
    for number, text in enumerate(TEXTS):
        path = os.path.join(base, b"names", as_name(text))
        os.makedirs(path, exist_ok=True)
        for name in (as_name(text) + b".png", b"vendor"):
            with open(os.path.join(path, name) if name != b"vendor" else path + b".jpg", "wb") as file:
                file.write(image if number % 2 else data)
    (folder / "broken.json").write_text('{"messages": [' + json.dumps(TEXTS[0]) + "\x1b[45m\n")
    rows = [{"custom_id": text, "params": request(text)} for text in TEXTS]
    (folder / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    raw = [json.dumps(row, ensure_ascii=False) + "\n" for row in rows[11:12]]
    (folder / "raw.jsonl").write_text("".join(raw), encoding="utf-8", errors="replace")
    (folder / "request.json").write_text(json.dumps(request(TEXTS[0]), indent=1), encoding="utf-8")


def fill_datasets(folder: Path) -> None:
    """An archive, a table and a list of images whose members, columns and paths are the texts."""
    image = image_bytes((1600, 40))
    valid = [text for text in TEXTS if not re.search("[\ud800-\udfff]", text)]
    with zipfile.ZipFile(folder / "images.zip", "w") as archive:
        for text in valid:
            archive.writestr(f"{text.replace(chr(0), '')}.png", image)
    struct = pa.struct([("bytes", pa.binary()), ("path", pa.string())])
    values = pa.array([{"bytes": image, "path": text} for text in valid], struct)
    pq.write_table(pa.table({valid[0]: values, valid[1]: values}), folder / "images.parquet")
    entries = [{"file_name": text, text: text} for text in TEXTS]
    (folder / "metadata.jsonl").write_text("".join(f"{json.dumps(entry)}\n" for entry in entries))
