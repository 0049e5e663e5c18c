"""Edits in the byte spans of a request: what was edited is new, every other byte is as it was."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from imgbudget.errors import FixError
from imgbudget.fixing.request import slot_of
from imgbudget.jsontext.document import Document, open_documents
from imgbudget.jsontext.edit import Region, Splice, spliced
from imgbudget.jsontext.source import JsonSource
from imgbudget.model.edits import RequestEdit
from imgbudget.model.fixes import (
    DeclareType,
    DropBlock,
    Fix,
    ImagesFirst,
    LabelImages,
    RepairBase64,
    ReplaceByText,
)
from imgbudget.model.location import Keys
from tests.builders import image_bytes, text_block
from tests.conftest import Command
from tests.fixing import LAYOUTS, as_text, b64, edited, fixer, request_edit
from tests.jsontexts import values, written

LONG = bytes(range(256)) * 4
PAYLOADS = st.binary(min_size=1, max_size=40).map(lambda data: b"x" + data) | st.just(LONG)


def image(data: bytes = LONG, media_type: str | None = "image/png", **more: Any) -> dict[str, Any]:
    """An image block of the Messages API."""
    declared = {"media_type": media_type} if media_type else {}
    return {"type": "image", "source": {"type": "base64", **declared, "data": b64(data)}} | more


def converse(data: bytes = LONG) -> dict[str, Any]:
    """An image block of Bedrock's Converse."""
    return {"image": {"format": "png", "source": {"bytes": b64(data)}}}


def part(data: bytes = LONG) -> dict[str, Any]:
    """An image part of OpenAI's chat."""
    return {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{b64(data)}", "detail": "low"}}


def inlet(data: bytes = LONG) -> dict[str, Any]:
    """An image part of OpenAI's responses."""
    return {"type": "input_image", "image_url": f"data:image/png;base64,{b64(data)}"}


SHAPES: dict[Any, tuple[Keys, Keys]] = {
    image: (("source",), ("source", "data")),
    converse: (("image",), ("image", "source", "bytes")),
    part: (("image_url",), ("image_url", "url")),
    inlet: (("image_url",), ("image_url",)),
}
"""A block of each dialect, the place of its image, and the route of its text."""


def body(*content: Any) -> dict[str, Any]:
    """A body of one turn."""
    return {"model": "m", "messages": [{"role": "user", "content": list(content)}]}


def at(i: int, *more: str | int) -> Keys:
    """The route of a block, and further."""
    return ("messages", 0, "content", i, *more)


def content_of(data: bytes) -> list[Any]:
    """The blocks of the turn."""
    blocks: list[Any] = json.loads(data.decode("utf-8-sig"))["messages"][0]["content"]
    return blocks


@settings(max_examples=50)
@given(value=values, data=st.data())
def test_without_edits_a_file_is_the_same(value: Any, data: st.DataObject) -> None:
    """Any file is copied byte for byte."""
    text = data.draw(written(value))
    assert edited(text, RequestEdit()) == text
    assert edited(text, lines=True) == text


@settings(max_examples=60)
@given(
    shape=st.sampled_from(sorted(SHAPES, key=lambda shape: shape.__name__)),
    payloads=st.lists(PAYLOADS, min_size=1, max_size=5),
    extra=values,
    data=st.data(),
)
def test_edited_images_differ_and_nothing_else(
    shape: Any, payloads: list[bytes], extra: Any, data: st.DataObject
) -> None:
    """Values differ at the edited paths only, whatever the format around them."""
    location, route = SHAPES[shape]
    value = {"extra": extra, **body(*(shape(payload) for payload in payloads)), "last": [extra]}
    chosen = data.draw(st.sets(st.integers(0, len(payloads) - 1)))
    text = data.draw(written(value))
    out = edited(text, request_edit([at(i, *location) for i in chosen]))
    expected = json.loads(text.decode("utf-8-sig"))
    for i in chosen:
        block = expected["messages"][0]["content"][i]
        uri = "data:image/webp;base64," if shape in (part, inlet) else ""
        spot = block
        for key in route[:-1]:
            spot = spot[key]
        spot[route[-1]] = uri + b64(payloads[i] + b"+")
        if shape is image:
            block["source"]["media_type"] = "image/webp"
        elif shape is converse:
            block["image"]["format"] = "webp"
    assert json.loads(out.decode("utf-8-sig")) == expected


@pytest.mark.parametrize("layout", LAYOUTS)
def test_bytes_around_an_edit_stay(layout: str) -> None:
    """In any layout: the old payload and the old type put back give the old file."""
    text = as_text(body(image(b"a" * 2000), text_block("é\u2028"), image(b"b" * 2000)), layout)
    out = edited(text, request_edit([at(2, "source")]))
    assert out.count(b64(b"b" * 2000 + b"+").encode()) == 1
    old = out.replace(b64(b"b" * 2000 + b"+").encode(), b64(b"b" * 2000).encode())
    assert old.replace(b"image/webp", b"image/png") == text


@pytest.mark.parametrize("layout", LAYOUTS)
def test_missing_type_is_put_in_as_the_object_is_laid_out(layout: str) -> None:
    """The new member has the blanks of its neighbours."""
    text = as_text(body(image(media_type=None)), layout)
    out = edited(text, request_edit(blocks=[(at(0, "source"), DeclareType("image/png"))]))
    assert out == as_text(body(image()), layout)


def test_type_that_is_right_already_keeps_its_spelling() -> None:
    """An escaped slash stays where the edit makes what was declared."""
    text = as_text(body(image(media_type="image/webp")), "plain").replace(b"image/webp", b"image\\/webp")
    out = edited(text, request_edit([at(0, "source")]))
    assert out == text.replace(b64(LONG).encode(), b64(LONG + b"+").encode())


@pytest.mark.parametrize("layout", LAYOUTS)
def test_doubled_keys_stay(layout: str) -> None:
    """The last value counts, so the last one is edited; the first is left alone."""
    text = as_text(body(image()), layout).replace(b'"type"', b'"data": "first", "type"')
    out = edited(text, request_edit([at(0, "source")]))
    assert out.count(b'"data": "first"') == 2
    assert content_of(out)[0]["source"]["data"] == b64(LONG + b"+")


@pytest.mark.parametrize(
    ("text", "data"),
    [
        (f"data:image/png;base64,{b64(LONG)}", LONG),
        ("\\n".join(b64(LONG)[i : i + 76] for i in range(0, len(b64(LONG)), 76)), LONG),
        (b64(b"\xff\xfe\xfd" * 400).replace("/", "_").replace("+", "-"), b"\xff\xfe\xfd" * 400),
        (b64(b"abcd").rstrip("="), b"abcd"),
        ("data:image/jpeg;base64,image/png;base64," + b64(b"abcd"), b"abcd"),
        (b64(b"\xff" * 900).replace("/", "\\/"), b"\xff" * 900),
    ],
)
def test_base64_is_mended(text: str, data: bytes) -> None:
    """Prefix, line breaks, alphabet and padding become what the API takes, and the bytes are the same."""
    before = b'{"messages": [{"role":"user","content":[ {"type":"image","source":{"type":"base64","data":"'
    after = b'","media_type":"image/png"}} ]}]}'
    out = edited(before + text.encode() + after, request_edit(blocks=[(at(0, "source"), RepairBase64())]))
    assert out == before + b64(data).encode() + after


def test_data_uri_keeps_its_prefix_and_declares_in_it() -> None:
    """Where the format wants a data URI, its type is the declared one."""
    text = as_text(body(part()), "pretty")
    out = edited(text, request_edit(blocks=[(at(0, "image_url"), DeclareType("image/jpeg"))]))
    assert out == text.replace(b"data:image/png", b"data:image/jpeg")


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("dropped", [(0,), (1,), (2,), (0, 1), (1, 2), (0, 2), (0, 1, 2)])
def test_dropped_blocks_take_their_comma_along(layout: str, dropped: tuple[int, ...]) -> None:
    """Any of the blocks, in any layout; what is left is written as if the others had never been."""
    blocks = [text_block(""), image(), text_block("c")]
    out = edited(as_text(body(*blocks), layout), request_edit(blocks=[(at(i), DropBlock()) for i in dropped]))
    left = [block for i, block in enumerate(blocks) if i not in dropped]
    assert json.loads(out.decode("utf-8-sig")) == body(*left)
    if left:
        assert out == as_text(body(*left), layout)


def test_empty_content_that_is_a_string_becomes_no_blocks() -> None:
    """The content of a tool result is not taken out with the result."""
    value = body({"type": "tool_result", "tool_use_id": "t", "content": ""}, image())
    out = edited(as_text(value, "plain"), request_edit(blocks=[(at(0, "content"), DropBlock())]))
    value["messages"][0]["content"][0]["content"] = []
    assert out == as_text(value, "plain")


@pytest.mark.parametrize("layout", LAYOUTS)
def test_images_move_before_the_text_with_their_labels(layout: str) -> None:
    """Tool results and labels in front stay in front, images keep their order."""
    result = {"type": "tool_result", "tool_use_id": "t", "content": "fine"}
    asks, tells = text_block("Compare the two."), text_block("And what else is there?")
    label, one, two = text_block("Image 2:"), image(b"1"), image(b"2")
    text = as_text(body(result, asks, one, tells, label, two), layout)
    out = edited(text, request_edit(blocks=[(at(2, "source"), ImagesFirst())]))
    assert out == as_text(body(result, one, label, two, asks, tells), layout)


def test_what_moves_is_edited_on_its_way() -> None:
    """A moved and re-encoded image, a labelled image and a dropped text are edited together."""
    text = as_text(body(text_block("What is it?"), text_block(""), image(b"1"), image(b"2")), "pretty")
    fixes: list[tuple[Keys, Fix]]
    fixes = [(at(2, "source"), ImagesFirst()), (at(2, "source"), LabelImages()), (at(1), DropBlock())]
    out = edited(text, request_edit([at(3, "source")], fixes))
    blocks = content_of(out)
    assert [block.get("text") for block in blocks] == ["Image 1:", None, "Image 2:", None, "What is it?"]
    assert [block["source"]["data"] for block in blocks if "source" in block] == [b64(b"1"), b64(b"2+")]


@pytest.mark.parametrize(
    ("shape", "label"),
    [
        (image, {"type": "text", "text": "Image 1:"}),
        (part, {"type": "text", "text": "Image 1:"}),
        (inlet, {"type": "input_text", "text": "Image 1:"}),
        (converse, {"text": "Image 1:"}),
    ],
)
def test_labels_are_blocks_of_the_dialect(shape: Any, label: Any) -> None:
    """Each image without a label gets one; one that has a label keeps it."""
    named = {**label, "text": "Photo 2:"}
    text = as_text(body(shape(), named, shape(b"2")), "compact")
    out = edited(text, request_edit(blocks=[(at(0, *SHAPES[shape][0]), LabelImages())]))
    assert out == as_text(body(label, shape(), named, shape(b"2")), "compact")


@pytest.mark.parametrize(
    ("shape", "block"),
    [
        (image, {"type": "text", "text": "gone"}),
        (part, {"type": "text", "text": "gone"}),
        (inlet, {"type": "input_text", "text": "gone"}),
        (converse, {"text": "gone"}),
    ],
)
def test_image_is_replaced_by_a_text(shape: Any, block: Any) -> None:
    """In each dialect; other edits of the image are not made."""
    location = at(1, *SHAPES[shape][0])
    text = as_text(body(shape(b"1"), shape(), shape(b"3")), "plain")
    out = edited(
        text, request_edit([location], [(location, ReplaceByText("gone")), (location, RepairBase64())])
    )
    assert out == as_text(body(shape(b"1"), block, shape(b"3")), "plain")


def test_text_ends_the_cache_where_the_image_did() -> None:
    """cache_control is kept."""
    text = as_text(body(image(cache_control={"type": "ephemeral"})), "plain")
    (block,) = content_of(edited(text, request_edit(blocks=[(at(0, "source"), ReplaceByText("gone"))])))
    assert block == {"type": "text", "text": "gone", "cache_control": {"type": "ephemeral"}}


def test_screenshot_of_a_computer_is_no_block_and_stays() -> None:
    """Its output must be an image, so it cannot be replaced by a text, and the reason is reported."""
    shot = {"type": "computer_screenshot", "image_url": f"data:image/png;base64,{b64(LONG)}"}
    text = as_text({"input": [{"type": "computer_call_output", "call_id": "c", "output": shot}]}, "plain")
    route = ("input", 0, "output", "image_url")
    by = fixer()
    assert edited(text, request_edit(blocks=[(route, ReplaceByText("gone"))]), by=by) == text
    assert [refusal.reason for refusal in by.failed] == ["the image is not in a list of blocks"]


def test_refused_image_stays_and_the_others_are_made() -> None:
    """An image that cannot be edited keeps its bytes and type, and is reported with the reason."""
    text = as_text(body(image(b"!" * 2000), image(b"2")), "plain")
    by = fixer()
    out = edited(text, request_edit([at(0, "source"), at(1, "source")]), by=by)
    assert out == as_text(body(image(b"!" * 2000), image(b"2+", "image/webp")), "plain")
    assert [(refusal.location.pointer, refusal.reason) for refusal in by.failed] == [
        ("/messages/0/content/0/source", "is refused")
    ]
    assert [made.byte_size for made in by.rewritten] == [2]


def test_mending_holds_where_an_edit_is_refused() -> None:
    """The type and the text of a refused image are put right all the same."""
    value = body(image(b"!" * 2000, "image/gif"))
    prefixed = body(image(b"!" * 2000, "image/gif"))
    prefixed["messages"][0]["content"][0]["source"]["data"] = "data:image/gif;base64," + b64(b"!" * 2000)
    fixes: list[tuple[Keys, Fix]]
    fixes = [(at(0, "source"), DeclareType("image/png")), (at(0, "source"), RepairBase64())]
    out = edited(as_text(prefixed, "plain"), request_edit([at(0, "source")], fixes))
    value["messages"][0]["content"][0]["source"]["media_type"] = "image/png"
    assert out == as_text(value, "plain")


def test_place_that_leads_nowhere_is_refused() -> None:
    """No text there, or one that is no base64: nothing is changed."""
    value = body(image(), {"type": "image", "source": {"type": "url", "url": 1}})
    value["messages"][0]["content"][0]["source"]["data"] = "%%%%" * 500
    text = as_text(value, "plain")
    by = fixer()
    assert edited(text, request_edit([at(0, "source"), at(1, "source"), at(7, "source")]), by=by) == text
    assert len(by.failed) == 3


def test_lines_are_edited_one_by_one() -> None:
    """Bad lines, blank ones and line ends are as they were; only the lines that are meant are new."""
    lines = [json.dumps(body(image(b"%d" % i))).encode() for i in range(3)]
    text = b"\xef\xbb\xbf" + lines[0] + b"\r\n\n{broken\n  " + lines[1] + b" \n" + lines[2]
    out = edited(
        text,
        request_edit([at(0, "source")], document=3),
        request_edit([at(0, "source")], document=0),
        lines=True,
    )
    new = [json.dumps(body(image(b"%d+" % i, "image/webp"))).encode() for i in range(3)]
    assert out == b"\xef\xbb\xbf" + new[0] + b"\r\n\n{broken\n  " + lines[1] + b" \n" + new[2]


def test_irregular_blanks_stay_between_the_blocks_that_stay() -> None:
    """Whitespace between two neighbours is kept between them."""
    blocks = ('{"type":"text","text":""}', '{"type":"text","text":"b"}', '{"type":"text","text":"c"}', "4")
    head, tail = '{"messages":[{"role":"user","content":[ ', " ]}]}"
    text = f"{head}{blocks[0]} ,{blocks[1]}\n,\t{blocks[2]},\r\n {blocks[3]}{tail}"
    out = edited(text.encode(), request_edit(blocks=[(at(0), DropBlock())]))
    assert out.decode() == f"{head}{blocks[1]}\n,\t{blocks[2]},\r\n {blocks[3]}{tail}"


def test_payload_of_many_pieces_is_one_text() -> None:
    """There is no padding where one piece ends and the next begins."""
    data = b"abcdefg" * 100_000
    text = as_text(body(image(data)), "plain")
    assert edited(text, request_edit([at(0, "source")])) == as_text(
        body(image(data + b"+", "image/webp")), "plain"
    )
    broken = text.replace(b64(data).encode(), b64(data).encode()[:4000] + b"\\n" + b64(data).encode()[4000:])
    assert edited(broken, request_edit(blocks=[(at(0, "source"), RepairBase64())])) == text


def test_insertion_goes_with_what_begins_there() -> None:
    """Two stretches change places; what is put in before the second one goes with it, and comes once."""
    swap = Splice(0, 4, (Region(2, 4), Region(0, 2)))
    with JsonSource.from_bytes(b"aabb") as source:
        out = b"".join(spliced(source, Region(0, 4), [Splice(2, 2, (b"+",)), swap, Splice(1, 2, (b"-",))]))
    assert out == b"+bba-"


@pytest.mark.parametrize(("key", "blob"), [("inlineData", "mimeType"), ("inline_data", "mime_type")])
def test_a_wrong_media_type_of_gemini_is_corrected(
    imgbudget: Command, tmp_path: Path, key: str, blob: str
) -> None:
    """In the spelling of REST and in that of Python's SDK, with no other byte changed."""
    data = b64(image_bytes((300, 300), "JPEG"))
    part = {key: {blob: "image/png", "data": data}}
    text = json.dumps({"contents": [{"role": "user", "parts": [part]}]})
    (tmp_path / "a.json").write_text(text)
    run = imgbudget("check", "--fix", "--select", "IB105", "--isolated", "a.json")
    assert run.code == 0, run.err
    assert (tmp_path / "a.json").read_text() == text.replace("image/png", "image/jpeg")


@pytest.mark.parametrize("length", [30, 30_000])
def test_only_a_string_that_is_a_data_uri_gets_a_prefix(length: int) -> None:
    """Plain base64 in a list is refused: nothing beside it declares its type, and a prefix would break it.

    Ollama's `images` are plain base64 by their format, and stay so.
    """
    text = b64(bytes(length))
    value = {"pictures": [text, "data:image/png;base64," + text], "images": [text]}
    (document,) = open_documents(JsonSource.from_bytes(json.dumps(value).encode()), lines=False)
    assert isinstance(document, Document)
    with pytest.raises(FixError, match="is not a data URI"):
        slot_of(document, ("pictures", 0))
    assert slot_of(document, ("pictures", 1)).is_uri
    assert not slot_of(document, ("images", 0)).is_uri
