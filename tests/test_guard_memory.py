"""What the guard remembers of earlier requests: nothing that changes a finding, in bounded memory."""

import base64
import json
import os
from collections.abc import Iterator
from typing import Any

import pytest

from imgbudget.imageinfo.dispatch import probe_reader
from imgbudget.jsontext.scanner import stats_of
from imgbudget.limits.bound import Limits
from imgbudget.linter.memory import ImageRuleCache
from imgbudget.linter.options import RunOptions
from imgbudget.live import strings
from imgbudget.live.inspection import InspectionTarget, Inspector
from imgbudget.model.subjects import Finding, ImageUse, Severity
from imgbudget.requests import payloads
from tests.builders import body, image_block, image_bytes, text_block

CALLS = 12


def inspector() -> Inspector:
    """One that remembers nothing yet."""
    return Inspector(RunOptions(isolated=True), Severity.INFO)


def findings(checked: Inspector, sent: Any) -> tuple[Finding, ...]:
    """The findings on a request."""
    return checked.findings(json.dumps(sent).encode(), InspectionTarget())


def growing(calls: int) -> Iterator[Any]:
    """The requests of a conversation: each has one image more, and all before."""
    blocks: list[Any] = []
    for number in range(calls):
        blocks += [image_block(image_bytes((300 + number, 300))), text_block("and this?")]
        yield body(*blocks)


def photo(width: int, metadata: bytes) -> bytes:
    """A JPEG file whose size is behind metadata that are longer than what is kept of a string."""
    plain = image_bytes((width, 300), "JPEG")
    segment = b"\xff\xe1" + (len(metadata) + 2).to_bytes(2, "big") + metadata
    made = plain[:2] + segment + plain[2:]
    return made + bytes(60_000 - len(made) - 800) + bytes(range(256)) * 3 + bytes(32)


@pytest.fixture
def probes(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The sizes of the images that were probed."""
    found: list[int] = []
    probe = probe_reader

    def counting(read: Any, size: int, fields: int = 0) -> Any:
        found.append(size)
        return probe(read, size, fields)

    monkeypatch.setattr(payloads, "probe_reader", counting)
    return found


def test_each_image_of_a_growing_conversation_is_probed_once(probes: list[int]) -> None:
    """So the work of a call is that on its new images, and a look at the ends of the others."""
    checked = inspector()
    for sent in growing(CALLS):
        findings(checked, sent)
    assert len(probes) == CALLS


def test_what_is_remembered_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """The oldest strings are forgotten, and are then as new ones."""
    monkeypatch.setattr(strings, "MOST_BYTES", 10_000)
    checked, sizes = inspector(), []
    for number, sent in enumerate(growing(CALLS)):
        assert findings(checked, sent) == findings(inspector(), sent)
        sizes.append(len(checked.known))
        assert checked.known.size <= 10_000, number
    assert max(sizes) == sizes[-1] < 6


def test_an_image_that_differs_where_it_was_read_is_another_one() -> None:
    """The same length and the same ends: the size is in the middle, behind metadata."""
    checked, metadata = inspector(), os.urandom(5000)
    for width in (300, 100, 9000, 300, 100):
        sent = body(image_block(photo(width, metadata), media_type="image/jpeg"))
        assert findings(checked, sent) == findings(inspector(), sent)
    assert len(checked.known) == 1


@pytest.mark.parametrize("change", ["\\n", "\\u0041", "é", "=", "-", "\\ud83d"])
@pytest.mark.parametrize("place", [10, 20_000, -10])
def test_a_string_that_was_changed_is_as_a_new_one(change: str, place: int) -> None:
    """At its ends, and between them by an escape, which the length does not show."""
    data = base64.b64encode(image_bytes((200, 200), colour=0x123456) + os.urandom(40_000)).decode()
    spoilt = data[:place] + change + data[place:][len(change.encode()) :]
    checked = inspector()
    for text in (data, spoilt, data, spoilt):
        sent = json.dumps(body(image_block())).replace(image_block()["source"]["data"], text)
        found = checked.findings(sent.encode(), InspectionTarget())
        assert found == inspector().findings(sent.encode(), InspectionTarget())


def test_strings_may_be_read_in_any_order() -> None:
    """The system prompt is read before the messages, wherever it is in the body."""
    checked, metadata = inspector(), os.urandom(5000)
    sent = body(image_block(photo(300, os.urandom(5000)), media_type="image/jpeg"))
    for width in (300, 9000, 300):
        sent["system"] = [image_block(photo(width, metadata), media_type="image/jpeg")]
        assert findings(checked, sent) == findings(inspector(), sent)
    assert len(checked.known) == 2


def test_what_was_counted_whole_is_compared_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    """A string whose ends show no base64 is read to its end; it is known if all of it is the same."""
    counted: list[int] = []

    def counting(cut: Any, source: Any) -> Any:
        counted.append(cut.start)
        return stats_of(cut, source)

    monkeypatch.setattr("imgbudget.live.inspection.stats_of", counting)
    data = base64.b64encode(image_bytes((200, 200)) + os.urandom(9_000)).decode()
    checked = inspector()
    block = image_block(image_bytes((200, 200)))
    for middle in ("A", "A", "*", "*"):
        block["source"]["data"] = f"*{data[:6000]}{middle}{data[6000:]}"
        assert findings(checked, body(block)) == findings(inspector(), body(block))
    assert len(counted) == 2 + 4


def test_an_image_at_its_place_is_judged_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Again only at another place, for another model, or in a block that says something else of it."""
    judged: list[ImageUse] = []
    check = ImageRuleCache.check_image

    def counting(self: ImageRuleCache, use: ImageUse, limits: Limits) -> list[Finding]:
        judged.append(use)
        return check(self, use, limits)

    monkeypatch.setattr(ImageRuleCache, "check_image", counting)
    checked, picture = inspector(), image_block(image_bytes((9000, 300)))
    other = {**picture, "source": {**picture["source"], "media_type": "image/jpeg"}}
    for number, (sent, expected) in enumerate(
        (
            (body(picture), 1),
            (body(picture, text_block("and this?")), 1),
            (body(text_block("this?"), picture), 2),
            (body(picture, model="gpt-4o"), 3),
            (body(other), 4),
            (body(picture, model="claude-sonnet-4-6"), 5),
        )
    ):
        found = findings(checked, sent)
        assert len(judged) == expected, number
        monkeypatch.setattr(ImageRuleCache, "check_image", check)
        assert found == findings(inspector(), sent)
        monkeypatch.setattr(ImageRuleCache, "check_image", counting)
