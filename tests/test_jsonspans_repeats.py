"""A long string that a text holds again is compared with the earlier one: same results, less work."""

import base64
import json
from pathlib import Path
from random import Random
from typing import Any
from unittest.mock import Mock, create_autospec

import pytest
from hypothesis import given
from hypothesis import strategies as st

import imgbudget
from imgbudget.imageinfo.dispatch import probe_reader
from imgbudget.jsontext import repeats, scanner
from imgbudget.jsontext.base64text import Base64Text
from imgbudget.jsontext.document import Document, open_documents
from imgbudget.jsontext.lines import split_into_chunks
from imgbudget.jsontext.source import BEGINNING, JsonSource
from imgbudget.linter.options import RunOptions
from imgbudget.linter.parallel import PartChecker, RowPart
from imgbudget.linter.run import Session
from imgbudget.requests import payloads
from tests.builders import body, image_block, write_json
from tests.imagebytes import jpeg
from tests.jsontexts import Sizing, sizes

PHOTO = jpeg(end=Random(1).randbytes(450_000).replace(b"\xff", b"\0") + b"\xff\xd9")  # noqa: S311 - no secret

parts = st.lists(
    st.sampled_from(("AAAA", "AAAB", "=", "A" * 30, "é", "\\n", "\\\\", "b\\u00e9", " ", "\x7f")), max_size=8
)
strings = st.lists(parts.map("".join), min_size=2, max_size=4)


def _measures(data: bytes, sizing: Sizing, *, lines: bool) -> list[tuple[object, ...]]:
    """What is known of each string of a text when it was counted while the text was read."""
    found: list[tuple[object, ...]] = []
    for document in open_documents(JsonSource.from_bytes(data), lines=lines, **sizing._asdict()):
        assert isinstance(document, Document)
        for string in document.long_strings.values():
            stats = string.stats
            assert stats is not None
            found.append(
                (
                    string.start,
                    string.end,
                    stats.length,
                    stats.width,
                    stats.foreign,
                    stats.segments,
                    stats.tail,
                )
            )
    return found


@given(strings, st.lists(st.integers(0, 3), min_size=2, max_size=8), sizes, st.booleans())
def test_counts_are_those_of_each_string_alone(
    chosen: list[str],
    order: list[int],
    sizing: Sizing,
    lines: bool,  # noqa: FBT001 - drawn
) -> None:
    """Equal strings, and strings that differ late, whatever the window."""
    texts = [f'"{chosen[number % len(chosen)]}"' for number in order]
    data = ("\n".join(texts) if lines else f"[{','.join(texts)}]").encode()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(repeats.Repeats, "alike", lambda _self, _head: [])
        alone = _measures(data, sizing, lines=lines)
    assert _measures(data, sizing, lines=lines) == alone


@pytest.mark.parametrize("lines", [False, True])
def test_equal_images_are_counted_probed_and_hashed_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, lines: bool
) -> None:
    """In a body with one image twenty times, and in rows that share an image."""
    block = image_block(PHOTO, "image/jpeg")
    counted, probed = Mock(wraps=scanner._update_stats), Mock(wraps=probe_reader)
    hashed = create_autospec(Base64Text._digest, side_effect=Base64Text._digest)
    monkeypatch.setattr(scanner, "_update_stats", counted)
    monkeypatch.setattr(payloads, "probe_reader", probed)
    monkeypatch.setattr(Base64Text, "_digest", hashed)
    if lines:
        path = tmp_path / "rows.jsonl"
        path.write_text("".join(json.dumps(body(block, block)) + "\n" for _ in range(10)))
    else:
        path = write_json(tmp_path / "body.json", body(*[block] * 20))
    (result,) = imgbudget.check(path).files
    assert len(result.images) == 20
    assert {image.use.facts for image in result.images} == {result.images[0].use.facts}
    assert sum(finding.code == "IB504" for finding in result.findings) == (10 if lines else 19)
    sizes_counted = [call.args[-1] - call.args[-2] for call in counted.mock_calls]
    assert sum(sizes_counted) < 2 * len(block["source"]["data"])
    assert (probed.call_count, hashed.call_count) == (1, 1)


def test_parts_of_a_file_share_what_is_known_of_an_image(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A process that checks the rows of a long file in parts probes an image of several parts once."""
    path = tmp_path / "rows.jsonl"
    path.write_text(f"{json.dumps(body(image_block(PHOTO, 'image/jpeg')))}\n" * 4)
    probed = Mock(wraps=probe_reader)
    monkeypatch.setattr(payloads, "probe_reader", probed)
    with JsonSource.open(str(path)) as source:
        chunks = list(split_into_chunks(source, BEGINNING, 1, 500))
    results = list(
        PartChecker(Session(RunOptions(isolated=True))).check_all(RowPart(str(path), it) for it in chunks)
    )
    assert [len(result.images) for result in results] == [1, 1, 1, 1]
    assert probed.call_count == 1


@pytest.mark.parametrize("ending", ["", "\\n"])
def test_what_is_remembered_is_bounded(monkeypatch: pytest.MonkeyPatch, ending: str) -> None:
    """However many strings a text has, whether they are plain or not."""
    monkeypatch.setattr(repeats, "_MOST", 10)
    known = repeats.Repeats()
    data = (
        json.dumps([f"{number:04}{'A' * 1200}" for number in range(95)]).replace('A"', f'A{ending}"').encode()
    )
    for document in open_documents(JsonSource.from_bytes(data), lines=False, repeats=known):
        assert isinstance(document, Document)
        assert len(document.long_strings) == 95
    assert len(known._seen) == (0 if ending else 5)


def test_images_that_differ_in_the_last_byte_are_no_copies(tmp_path: Path) -> None:
    """Their texts have the same length, beginning and, in the second pair, the same end."""
    data = PHOTO
    middle = bytearray(data)
    middle[len(data) // 2] ^= 1
    kinds = [data, data[:-3] + b"\1\xff\xd9", bytes(middle)]
    path = write_json(tmp_path / "body.json", body(*[image_block(kind, "image/jpeg") for kind in kinds * 2]))
    (result,) = imgbudget.check(path).files
    digests = [image.use.digest for image in result.images]
    assert len(set(digests)) == 3
    assert digests[:3] == digests[3:]
    assert sum(finding.code == "IB504" for finding in result.findings) == 3


def test_damage_behind_an_equal_beginning_is_found(tmp_path: Path) -> None:
    """A string that begins like an earlier one is counted from its beginning on where they differ."""
    text = base64.b64encode(PHOTO).decode()
    blocks: list[Any] = [image_block(b"", "image/jpeg") for _ in range(4)]
    for block, data in zip(
        blocks, (text, text[:-9] + "*" + text[-8:], text[:300_000], text + "A"), strict=True
    ):
        block["source"]["data"] = data
    (result,) = imgbudget.check(write_json(tmp_path / "body.json", body(*blocks))).files
    flaws = [image.use.flaws for image in result.images]
    assert flaws[0] == ()
    assert flaws[1] == ("holds characters outside the alphabet: '*'",)
    assert flaws[2] == ()
    assert flaws[3] != ()
