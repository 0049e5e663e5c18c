"""`imgbudget explain --request`: the block that an error means, with path, line, column and pointer."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.builders import Json, body, image_block, image_bytes, text_block, write_json
from tests.conftest import Command

MANY = "At least one of the image dimensions exceed max allowed size for many-image requests: 2000 pixels"
TALL = "At least one of the image dimensions exceed max allowed size: 8000 pixels"
B64 = "image.source.base64"


def tool_result(*content: Json) -> Json:
    """A tool result that contains these blocks."""
    return {"type": "tool_result", "tool_use_id": "t", "content": list(content)}


def small(count: int) -> list[Json]:
    """That many distinct images of 300 px."""
    return [image_block(image_bytes((300, 300), colour=i * 991)) for i in range(count)]


def wide(edge: int = 2100) -> Json:
    """An image with a long edge over 2000 px."""
    return image_block(image_bytes((edge, 210)))


def explained(imgbudget: Command, error: str, file: str = "r.json") -> Any:
    """The one error of a text, explained with the request in `file`."""
    run = imgbudget("explain", error, "--request", file, "--format", "json", "--isolated")
    assert run.code == 0, run.err
    (found,) = run.json["errors"]
    return found


def pointers(found: Any) -> list[str]:
    """The pointers of the blocks that are named."""
    return [block["pointer"] for block in found["blocks"]]


def test_location_of_a_plain_block_with_its_field(imgbudget: Command, tmp_path: Path) -> None:
    """The tail of the location leads to the field; line and column are the field's own."""
    request = body("look", image_block(media_type="image/jpg"))
    text = json.dumps(request, indent=2)
    (tmp_path / "r.json").write_text(text)
    error = "Input should be 'image/jpeg', 'image/png', 'image/gif' or 'image/webp'"
    found = explained(imgbudget, f"messages.0.content.1.{B64}.media_type: {error}")
    (block,) = found["blocks"]
    assert block["pointer"] == "/messages/0/content/1/source/media_type"
    assert text.splitlines()[block["line"] - 1][block["column"] - 1 :].startswith('"image/jpg"')
    assert (block["path"], block["location"]) == ("r.json", "messages.0.content.1")
    assert [finding["code"] for finding in block["findings"]] == ["IB105"]
    assert found["note"] is None


def test_nested_path_of_a_tool_result(imgbudget: Command, tmp_path: Path) -> None:
    """Byte and type errors keep the path into the tool result."""
    broken = image_block()
    broken["source"]["data"] = "data:image/png;base64," + broken["source"]["data"]
    write_json(tmp_path / "r.json", body("x", tool_result(text_block("ok"), image_block(), broken)))
    found = explained(imgbudget, f"messages.0.content.1.tool_result.content.2.{B64}: invalid base64 data")
    assert pointers(found) == ["/messages/0/content/1/content/2/source"]
    assert [finding["code"] for finding in found["blocks"][0]["findings"]] == ["IB106"]


def test_image_inside_a_document(imgbudget: Command, tmp_path: Path) -> None:
    """A document's content is followed by its index."""
    pages = {"type": "document", "source": {"type": "content", "content": [text_block("p"), image_block()]}}
    write_json(tmp_path / "r.json", body(pages))
    location = f"messages.0.content.0.document.source.content.content.1.{B64}.data"
    error = f"{location}: Image does not match the provided media type image/png"
    assert pointers(explained(imgbudget, error)) == ["/messages/0/content/0/source/content/1/source/data"]


def test_byte_size_that_differs_is_noted(imgbudget: Command, tmp_path: Path) -> None:
    """A block whose text is not as long as the error says comes from another version of the request."""
    block = image_block(image_bytes((600, 600)) + b"\0" * 3_970_000)
    write_json(tmp_path / "r.json", body(block))
    size = len(block["source"]["data"])
    error = f"messages.0.content.0.{B64}: image exceeds 5 MB maximum: {{}} bytes > 5242880 bytes"
    assert explained(imgbudget, error.format(size))["note"] is None
    found = explained(imgbudget, error.format(5_429_176))
    assert pointers(found) == ["/messages/0/content/0/source"]
    assert f"{size:,} bytes, but the error says 5,429,176" in found["note"]


def test_flat_index_counts_blocks_inside_tool_results(imgbudget: Command, tmp_path: Path) -> None:
    """Index 3 of the error is the second block inside the second of two tool results."""
    blocks = [tool_result(text_block("a"), *small(1)), tool_result(text_block("b"), wide()), *small(20)]
    write_json(tmp_path / "r.json", body(*blocks))
    found = explained(imgbudget, f"messages.0.content.3.{B64}.data: {MANY}")
    assert pointers(found) == ["/messages/0/content/1/content/1/source/data"]
    assert (found["blocks"][0]["width"], found["note"]) == (2100, None)
    assert [finding["code"] for finding in found["blocks"][0]["findings"]] == ["IB102"]


def test_flat_index_with_the_tool_results_counted_too(imgbudget: Command, tmp_path: Path) -> None:
    """The other way to count, 0 result, 1 text, 2 image: it wins where it alone leads over the limit."""
    blocks = [tool_result(text_block("a"), wide()), text_block("b"), *small(20)]
    write_json(tmp_path / "r.json", body(*blocks))
    found = explained(imgbudget, f"messages.0.content.2.{B64}.data: {MANY}")
    assert pointers(found) == ["/messages/0/content/0/content/1/source/data"]


def test_flat_index_without_tool_results_is_the_plain_index(imgbudget: Command, tmp_path: Path) -> None:
    """Where nothing is nested all readings agree, whatever else is too large."""
    write_json(tmp_path / "r.json", body("look", wide(8100), wide(2200)))
    found = explained(imgbudget, f"messages.0.content.1.{B64}.data: {TALL}")
    assert pointers(found) == ["/messages/0/content/1/source/data"]
    assert found["note"] is None


def test_flat_index_with_two_readings_over_the_limit_names_both(imgbudget: Command, tmp_path: Path) -> None:
    """If sizes cannot distinguish two readings, both are named as such."""
    blocks = [tool_result(text_block("a"), text_block("b"), wide()), text_block("c"), wide(2200), *small(20)]
    write_json(tmp_path / "r.json", body(*blocks))
    found = explained(imgbudget, f"messages.0.content.2.{B64}.data: {MANY}")
    assert pointers(found) == [
        "/messages/0/content/2/source/data",
        "/messages/0/content/0/content/2/source/data",
    ]
    assert "ambiguous" in found["note"]


def test_flat_index_that_leads_nowhere_names_what_is_over_the_limit(
    imgbudget: Command, tmp_path: Path
) -> None:
    """An index past the end: the images over the limit in that message, with the uncertainty."""
    write_json(tmp_path / "r.json", body(*small(20), wide()))
    found = explained(imgbudget, f"messages.0.content.311.{B64}.data: {MANY}")
    assert pointers(found) == ["/messages/0/content/20/source"]
    assert "the image at the index is not over the limit" in found["note"]


def test_other_offenders_are_counted(imgbudget: Command, tmp_path: Path) -> None:
    """The API names the first alone: the note says how many more would be refused next."""
    write_json(tmp_path / "r.json", body(wide(), wide(2200), wide(2300), *small(18)))
    found = explained(imgbudget, f"messages.0.content.0.{B64}.data: {MANY}")
    assert pointers(found) == ["/messages/0/content/0/source/data"]
    assert found["note"] == "2 more reported by IB102: they would be rejected next"


def test_url_image_of_a_dimension_error(imgbudget: Command, tmp_path: Path) -> None:
    """An image behind a url has no size here: its index is believed."""
    url = {"type": "image", "source": {"type": "url", "url": "https://example.com/a.png"}}
    write_json(tmp_path / "r.json", body("look", url))
    found = explained(imgbudget, f"messages.0.content.1.image.source.url: {TALL}")
    assert pointers(found) == ["/messages/0/content/1/source/url"]


def test_text_without_location_is_found_by_its_rule(imgbudget: Command, tmp_path: Path) -> None:
    """`Could not process image` names nothing: IB001 finds the block that is cut short, in its turn."""
    request = body(image_block(), "what?")
    cut = image_block(image_bytes((600, 600), "JPEG")[:400], "image/jpeg")
    request["messages"] += [
        {"role": "assistant", "content": "a cat"},
        {"role": "user", "content": [tool_result(cut)]},
    ]
    write_json(tmp_path / "r.json", request)
    found = explained(imgbudget, "Could not process image")
    assert pointers(found) == ["/messages/2/content/0/content/0/source"]
    assert found["blocks"][0]["why"] == "reported by IB001"
    assert found["note"] is None


def test_text_without_location_and_two_suspects_names_both(imgbudget: Command, tmp_path: Path) -> None:
    """Two broken images: either may be the one."""
    cut = image_bytes((600, 600))[:60]
    write_json(tmp_path / "r.json", body(image_block(cut), image_block(), image_block(cut + b"x")))
    found = explained(imgbudget, "Could not process image")
    assert pointers(found) == ["/messages/0/content/0/source", "/messages/0/content/2/source"]
    assert "any of them" in found["note"]


def test_second_rule_is_asked_when_the_first_is_silent(imgbudget: Command, tmp_path: Path) -> None:
    """A BMP under a PNG's name is no damage: IB104 names it for the same text."""
    bitmap = image_block(image_bytes((300, 300), "BMP"))
    write_json(tmp_path / "r.json", body(image_block(), bitmap))
    found = explained(imgbudget, "Could not process image")
    assert pointers(found) == ["/messages/0/content/1/source"]
    assert found["blocks"][0]["why"] == "reported by IB104"


def test_valid_request_is_flagged(imgbudget: Command, tmp_path: Path) -> None:
    """If no rule reports anything, no block is named and the note asks whether this is the right request."""
    write_json(tmp_path / "r.json", body(image_block()))
    found = explained(imgbudget, "Could not process image")
    assert found["blocks"] == []
    assert "is this the complete, unchanged request that was sent" in found["note"]


def test_missing_location_is_reported(imgbudget: Command, tmp_path: Path) -> None:
    """A turn that the file does not have is reported, with the findings of the rule elsewhere."""
    empty = image_block()
    empty["source"]["data"] = ""
    write_json(tmp_path / "r.json", body(image_block(), empty))
    found = explained(imgbudget, f"messages.7.content.2.{B64}: image cannot be empty")
    assert found["note"].startswith(f"messages.7.content.2.{B64} does not exist in the request")
    assert pointers(found) == ["/messages/0/content/1/source"]


def test_request_level_texts_point_at_the_request(imgbudget: Command, tmp_path: Path) -> None:
    """`Too much media` is about the whole body, and the rule says the same sum."""
    write_json(tmp_path / "r.json", body(*small(101), model="claude-haiku-4-5"))
    found = explained(imgbudget, "Too much media: 0 document pages + 101 images > 100")
    (block,) = found["blocks"]
    assert (block["pointer"], block["line"]) == ("", 1)
    assert "101 images" in block["findings"][0]["message"]


def test_empty_text_block_and_image_of_an_assistant(imgbudget: Command, tmp_path: Path) -> None:
    """Texts about other blocks than images find theirs by their rules."""
    request = body(image_block(), "")
    request["messages"].append({"role": "assistant", "content": [image_block()]})
    write_json(tmp_path / "r.json", request)
    found = explained(imgbudget, "messages: text content blocks must be non-empty")
    assert pointers(found) == ["/messages/0/content/1"]
    found = explained(imgbudget, "'image' blocks are not permitted within assistant turns")
    assert pointers(found) == ["/messages/1/content/0/source"]


def test_download_errors_name_the_url_images(imgbudget: Command, tmp_path: Path) -> None:
    """No rule sees a url fail: the images with one are the candidates."""
    url = {"type": "image", "source": {"type": "url", "url": "https://example.com/a.png"}}
    write_json(tmp_path / "r.json", body(image_block(), url))
    found = explained(imgbudget, "Unable to download the file. Please verify the URL and try again.")
    assert (found["code"], pointers(found)) == (None, ["/messages/0/content/1/source"])
    assert found["note"] is None


@pytest.mark.parametrize("count", [0, 2])
def test_download_error_with_several_suspects_counts_them(
    imgbudget: Command, tmp_path: Path, count: int
) -> None:
    """Each image with a URL is named, and a note says that the error does not distinguish them."""
    urls = [
        {"type": "image", "source": {"type": "url", "url": f"https://example.com/{i}.png"}}
        for i in range(count)
    ]
    write_json(tmp_path / "r.json", body(image_block(), *urls))
    found = explained(imgbudget, "Unable to download the file. Please verify the URL and try again.")
    assert pointers(found) == [f"/messages/0/content/{i + 1}/source" for i in range(count)]
    assert found["note"] == f"{count} images have a url source"


def test_one_request_among_many_lines(imgbudget: Command, tmp_path: Path) -> None:
    """In a JSONL file the row is taken whose block the rule reports too."""
    empty = image_block()
    empty["source"]["data"] = ""
    rows = [body(image_block()), body(empty), body(image_block())]
    (tmp_path / "r.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    found = explained(imgbudget, f"messages.0.content.0.{B64}: image cannot be empty", "r.jsonl")
    assert [(block["line"], block["pointer"]) for block in found["blocks"]] == [
        (2, "/messages/0/content/0/source")
    ]


def test_configuration_does_not_hide_the_block(imgbudget: Command, tmp_path: Path) -> None:
    """Rules that the user switched off or silenced still find the block."""
    (tmp_path / ".imgbudget.yaml").write_text(
        "ignore: [IB106]\nignores:\n  - rules: [IB1]\n    files: ['*.json']\n    reason: recorded\n"
    )
    empty = image_block()
    empty["source"]["data"] = ""
    write_json(tmp_path / "r.json", body(empty))
    run = imgbudget("explain", "image cannot be empty", "--request", "r.json", "--format", "json")
    assert pointers(run.json["errors"][0]) == ["/messages/0/content/0/source"]


def test_text_form_has_place_and_finding(imgbudget: Command, tmp_path: Path) -> None:
    """path:line:column and the pointer on one line, the rule's own words under it."""
    empty = image_block()
    empty["source"]["data"] = ""
    write_json(tmp_path / "r.json", body(empty), indent=1)
    out = imgbudget(
        "explain", f"messages.0.content.0.{B64}: image cannot be empty", "--request", "r.json"
    ).out
    line = next(line for line in out.splitlines() if "block:" in line)
    assert "r.json:" in line
    assert "/messages/0/content/0/source" in line
    assert "IB106: base64 text is empty" in out


def test_request_on_standard_input(imgbudget: Command) -> None:
    """The request may be piped when the text is an argument."""
    empty = image_block()
    empty["source"]["data"] = ""
    run = imgbudget(
        *("explain", "image cannot be empty", "--request", "-", "--format", "json"),
        stdin=json.dumps(body(empty)).encode(),
    )
    (block,) = run.json["errors"][0]["blocks"]
    assert (block["pointer"], block["line"]) == ("/messages/0/content/0/source", 1)


@pytest.mark.parametrize("content", ['{"name": "x"}', "{", ""])
def test_file_without_a_request_is_refused(imgbudget: Command, tmp_path: Path, content: str) -> None:
    """What is not a request is a usage error, and nothing is printed as if it were one."""
    (tmp_path / "r.json").write_text(content)
    run = imgbudget("explain", "Could not process image", "--request", "r.json")
    assert (run.code, run.out) == (2, "")
    assert "holds no request" in run.err
    assert imgbudget("explain", "Could not process image", "--request", ".").code == 2
    assert imgbudget("explain", "-", "--request", "-").code == 2
