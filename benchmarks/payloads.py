"""Makes request files as people keep them: bodies of 20 images, of one 20 times, 1,000 requests, prose."""

# ruff: noqa: S311 - the files are to be the same for the same seed, not secret

import argparse
import base64
import io
import json
import os
import sys
from collections.abc import Iterable, Iterator
from random import Random
from typing import Any, NamedTuple

from measuring import note

MODEL = "claude-sonnet-4-6"
BODY, EQUAL, BATCH, PROSE = "body.json", "equal.json", "batch.jsonl", "prose.json"
SMALL, SMALL_LINES = "small.json", "small.jsonl"
"""What every candidate reads first, to have loaded what it needs: an image of each format."""

_FORMATS = (*["jpeg"] * 10, *["png"] * 5, *["webp"] * 3, *["gif"] * 2)
_ENCODING = {"jpeg": ("RGB", 80), "png": ("P", 0), "webp": ("RGB", 80), "gif": ("P", 0)}
"""Mode and quality of each format; 0 where there is none to choose."""

_TILE = 256
_GRAIN = 4
_POOL = 60
_WORDS = (
    *("please", "look", "at", "the", "picture", "and", "say", "what", "it", "shows,", "then", "list"),
    *("“every”", "label:\n", "café", "naïve", "東京"),
    *('{"x": [1, 2]}', "[y]", "C:\\path\\to", '"quoted"', "€ 12.50", "🙂", "\tindented"),
)


class Payload(NamedTuple):
    """An image as a request carries it."""

    media_type: str
    data: str


def make_payload(rng: Random, form: str, byte_size: float) -> Payload:
    """A picture of soft noise in base64, of about as many bytes before it was encoded so."""
    mode, quality = _ENCODING[form]
    tile = len(_encoded(rng, form, mode, quality, (_TILE, _TILE)))
    side = _TILE * (byte_size / tile) ** 0.5
    width = round(side * rng.uniform(0.75, 1.33))
    data = _encoded(rng, form, mode, quality, (width, max(1, round(side * side / width))))
    return Payload(f"image/{form}", base64.b64encode(data).decode())


def _encoded(rng: Random, form: str, mode: str, quality: int, size: tuple[int, int]) -> bytes:
    from PIL import Image  # noqa: PLC0415 - who only wants the files' names stays small

    coarse = (-(-size[0] // _GRAIN), -(-size[1] // _GRAIN))
    noise = Image.frombytes("RGB", coarse, rng.randbytes(3 * coarse[0] * coarse[1]))
    picture = noise.resize(size, Image.Resampling.BILINEAR)
    target = io.BytesIO()
    options = {"quality": quality} if quality else {}
    (picture.quantize(32) if mode == "P" else picture).save(target, form, **options)
    return target.getvalue()


def make_question(rng: Random, payloads: Iterable[Payload]) -> dict[str, Any]:
    """A Messages body of one turn, as batches hold it: the images and what is asked of them."""
    content = [*(_image(payload) for payload in payloads), _text(rng, 60)]
    return _body(_prose(rng, 200), [{"role": "user", "content": content}])


def make_conversation(rng: Random, payloads: Iterable[Payload]) -> dict[str, Any]:
    """A Messages body in which each user turn holds up to four of the images, with answers between them."""
    waiting = [_image(payload) for payload in payloads]
    turns: list[dict[str, Any]] = []
    while waiting:
        count = rng.randint(1, 4)
        turns.append({"role": "user", "content": [*waiting[:count], _text(rng, 60)]})
        turns.append({"role": "assistant", "content": [_text(rng, 120)]})
        del waiting[:count]
    turns.append({"role": "user", "content": "and now all of them together?"})
    return _body(_prose(rng, 200), turns)


def _body(system: str, turns: list[dict[str, Any]]) -> dict[str, Any]:
    return {"model": MODEL, "max_tokens": 1024, "system": system, "temperature": 0.2, "messages": turns}


def _image(payload: Payload) -> dict[str, Any]:
    source = {"type": "base64", "media_type": payload.media_type, "data": payload.data}
    return {"type": "image", "source": source}


def _text(rng: Random, words: int) -> dict[str, Any]:
    return {"type": "text", "text": _prose(rng, words)}


def _prose(rng: Random, words: int) -> str:
    return " ".join(rng.choices(_WORDS, k=words))


def _batch(rng: Random, lines: int, byte_size: float) -> Iterator[dict[str, Any]]:
    """The entries of a batch: one to three images each, drawn from a pool that all share."""
    pool = _payloads(rng, _POOL, byte_size)
    for number in range(lines):
        images = rng.sample(pool, rng.randint(1, 3))
        yield {"custom_id": f"request-{number}", "params": make_question(rng, images)}


def _payloads(rng: Random, count: int, byte_size: float) -> list[Payload]:
    """Images around a size, all formats in turn."""
    forms = [_FORMATS[i % len(_FORMATS)] for i in range(count)]
    return [make_payload(rng, form, byte_size * rng.uniform(0.8, 1.2)) for form in forms]


def _prose_alone(rng: Random, turns: int) -> dict[str, Any]:
    """A body of many short texts and no image."""
    roles = ("user", "assistant")
    messages = [
        {"role": roles[i % 2], "content": [_text(rng, rng.randint(1, 60)) for _ in range(3)]}
        for i in range(turns)
    ]
    return _body("", messages)


def _write(folder: str, name: str, documents: Iterable[dict[str, Any]]) -> None:
    path = os.path.join(folder, name)
    with open(path, "w", encoding="utf-8", newline="\n") as file:
        file.writelines(
            json.dumps(document, ensure_ascii=False, separators=(",", ":")) + "\n" for document in documents
        )
    note(f"{name}: {os.path.getsize(path):,} bytes")


def make_files(folder: str, *, seed: int, images: int, lines: int, turns: int) -> None:
    """Write the files: `images` of 1.2 MB in the body, `lines` of 250 kB, `turns` of three short texts."""
    os.makedirs(folder, exist_ok=True)
    rng = Random(seed)
    different = _payloads(rng, images, 1.2e6)
    _write(folder, BODY, [make_conversation(rng, different)])
    # with another source, so that the other files of a seed stay the same
    _write(folder, EQUAL, [make_conversation(Random(seed), different[:1] * images)])
    _write(folder, BATCH, _batch(rng, lines, 91e3))
    _write(folder, PROSE, [_prose_alone(rng, turns)])
    small = [make_payload(rng, form, 8e3) for form in _ENCODING]
    _write(folder, SMALL, [make_question(rng, small)])
    _write(folder, SMALL_LINES, [{"custom_id": "small", "params": make_question(rng, small)}])


def main() -> int:
    """Write the files into the folder that the command line names."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", help="where the files go; about 320 MB")
    parser.add_argument("--seed", type=int, default=1, help="(default: %(default)s)")
    parser.add_argument("--images", type=int, default=20, help="images in the body (default: %(default)s)")
    parser.add_argument(
        "--lines", type=int, default=1000, help="requests in the JSONL (default: %(default)s)"
    )
    parser.add_argument("--turns", type=int, default=16_000, help="turns of prose (default: %(default)s)")
    wish = parser.parse_args()
    make_files(wish.folder, seed=wish.seed, images=wish.images, lines=wish.lines, turns=wish.turns)
    return 0


if __name__ == "__main__":
    sys.exit(main())
