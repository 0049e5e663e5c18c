"""`imgbudget.prune_conversation`: an agent's next turn cannot break the many-image limit."""

import base64
import copy
from io import BytesIO
from typing import Any

import pytest
from PIL import Image

import imgbudget
from imgbudget.errors import UsageError
from tests.builders import image_block, image_bytes, text_block
from tests.liveapi import image_blocks, many_image_refusal, sizes

Json = dict[str, Any]


def turns(count: int, size: tuple[int, int] = (2100, 30)) -> list[Json]:
    """A conversation of screenshots in tool results, with answers between them."""
    made: list[Json] = []
    for i in range(count):
        shot = image_block(image_bytes(size, colour=0x010101 * (i % 200)))
        made.append(
            {"role": "user", "content": [{"type": "tool_result", "tool_use_id": f"t{i}", "content": [shot]}]}
        )
        made.append({"role": "assistant", "content": [text_block("next")]})
    return made


def texts(messages: list[Json]) -> list[str]:
    """The texts in place of images."""
    found = [block for _, block in image_blocks({"messages": messages})]
    return [block["text"] for block in found if block["type"] == "text"]


@pytest.mark.parametrize("count", [0, 1, 19])
def test_while_the_limit_is_far_nothing_changes(count: int) -> None:
    """Every message is the very object that was given."""
    given = turns(count)
    pruned = imgbudget.prune_conversation(given)
    assert all(new is old for new, old in zip(pruned, given, strict=True))


def test_before_the_21st_image_all_are_shrunk() -> None:
    """20 images and one to come: those over 2000 px are shrunk, what was given stays, the next passes."""
    given = turns(20)
    before = copy.deepcopy(given)
    pruned = imgbudget.prune_conversation(given)
    assert given == before
    assert sizes({"messages": pruned}) == [(1568, 22)] * 20
    assert pruned[1] is given[1]
    assert many_image_refusal({"messages": [*pruned, *turns(1, (1990, 30))]}) is None
    assert all(new is old for new, old in zip(imgbudget.prune_conversation(pruned), pruned, strict=True))


def test_a_high_resolution_model_keeps_2000_px() -> None:
    """For a model that uses 2576 px, images are reduced only to the limit."""
    pruned = imgbudget.prune_conversation(turns(20), model="claude-opus-4-8")
    assert set(sizes({"messages": pruned})) == {(2000, 29)}


def test_images_to_come_are_counted() -> None:
    """A turn that brings three images makes room for three."""
    given = turns(18)
    assert imgbudget.prune_conversation(given, next_images=2)[0] is given[0]
    assert sizes({"messages": imgbudget.prune_conversation(given, next_images=3)})[0] == (1568, 22)


def test_documents_count_where_the_platform_counts_them() -> None:
    """On Bedrock PDFs count toward the 20."""
    pdf = {"type": "document", "source": {"type": "url", "url": "https://example.com/a.pdf"}}
    given = [*turns(19), {"role": "user", "content": [pdf]}]
    assert imgbudget.prune_conversation(given)[0] is given[0]
    assert imgbudget.prune_conversation(given, platform="bedrock")[0] is not given[0]


def test_keep_replaces_older_images_by_a_text() -> None:
    """Only the latest stay; a text says what was there, and a cache breakpoint stays where it was."""
    given = turns(5)
    first = given[0]["content"][0]["content"][0]
    first["cache_control"] = {"type": "ephemeral"}
    pruned = imgbudget.prune_conversation(given, keep=2)
    assert texts(pruned) == ["[an earlier image of 2100x30 px was removed]"] * 3
    assert pruned[0]["content"][0]["content"][0]["cache_control"] == {"type": "ephemeral"}
    assert pruned[6] is given[6]
    assert sizes({"messages": pruned[6:]}) == [(2100, 30)] * 2
    assert len(texts(imgbudget.prune_conversation(given, keep=0))) == 5


def test_no_more_images_than_a_request_may_hold() -> None:
    """100 on a model with a 200k context: 99 stay, so that the next one fits."""
    block = image_block(image_bytes((8, 8)))
    given: list[dict[str, Any]] = [{"role": "user", "content": [dict(block) for _ in range(120)]}]
    pruned = imgbudget.prune_conversation(given, model="claude-haiku-4-5")
    kinds = [it["type"] for it in pruned[0]["content"]]
    assert kinds == ["text"] * 21 + ["image"] * 99


def test_what_cannot_be_shrunk_stays() -> None:
    """URLs, file ids, broken base64, broken files, SDK blocks and plain texts are returned unchanged."""
    odd: list[Any] = [
        {"type": "image", "source": {"type": "url", "url": "https://example.com/a.png"}},
        {"type": "image", "source": {"type": "file", "file_id": "file_a"}},
        {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "é"}},
        {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "a"}},
        image_block(image_bytes((2100, 30))[:60]),
        {"type": "image"},
        {"type": "tool_result", "tool_use_id": "t"},
        {"type": "document", "source": {"type": "content", "content": "text"}},
        object(),
        None,
    ]
    given: list[Any] = [
        *turns(20),
        {"role": "user", "content": odd},
        {"role": "user", "content": "text"},
        object(),
    ]
    pruned = imgbudget.prune_conversation(given)
    assert pruned[0] is not given[0]
    assert all(new is old for new, old in zip(pruned[40:], given[40:], strict=True))


def test_images_inside_documents_are_seen() -> None:
    """A document of content blocks contains images too."""
    inner = {"type": "content", "content": [image_block(image_bytes((2100, 30)))]}
    given = [*turns(20), {"role": "user", "content": [{"type": "document", "source": inner}]}]
    pruned = imgbudget.prune_conversation(given)
    source = pruned[40]["content"][0]["source"]["content"][0]["source"]
    assert Image.open(BytesIO(base64.b64decode(source["data"]))).size == (1568, 22)


def test_numbers_below_zero_are_refused() -> None:
    """A usage error names what the numbers are."""
    with pytest.raises(UsageError, match="cannot be negative"):
        imgbudget.prune_conversation([], keep=-1)
    with pytest.raises(UsageError):
        imgbudget.prune_conversation([], next_images=-1)
