"""`imgbudget explain`: structured errors, and texts of agents, gateways and other vendors."""

import json
from pathlib import Path
from typing import Any

import pytest

from imgbudget.explaining.match import Match, explain
from tests.builders import Json, body, image_block, image_bytes, text_block, write_json
from tests.conftest import Command
from tests.errortexts import OTHERS, ErrorText

TOO_LARGE = "image_dimensions_too_large"
PATHS = ("messages.0.content.1", "messages.0.content.2.content.0")


def typed(message: str = "2 images exceed the limit", *, limit: int = 2000, code: str = TOO_LARGE) -> Json:
    """The body of a typed error of the Messages API."""
    details: Json = {"error_code": code, "max_side_length_pixels": limit, "paths": list(PATHS)}
    error = {"type": "invalid_request_error", "message": message, "details": details}
    return {"type": "error", "error": error, "request_id": "req_011"}


def only(text: str) -> Match:
    """The one error of a text, of which nothing is unknown."""
    explanation = explain(text)
    assert explanation.unknown == ()
    (match,) = explanation.matches
    return match


@pytest.mark.parametrize("text", OTHERS, ids=lambda text: text.text[:40])
def test_texts_of_agents_gateways_and_other_vendors(text: ErrorText) -> None:
    """Code, numbers and status are those of the text, alone, in an error of OpenAI's form and escaped."""
    openai = json.dumps({"error": {"message": text.text, "type": "invalid_request_error", "param": None}})
    for words in (text.text, openai, json.dumps({"log": openai}), json.dumps(json.loads(openai), indent=2)):
        match = only(words)
        assert (match.pattern.rule.code if match.pattern.rule else None) == text.code
        assert (match.measured, match.limit, match.values) == (text.measured, text.limit, text.values)
        assert match.status == text.status


WRAPPED = {
    "json": json.dumps(typed()),
    "indented": json.dumps(typed(), indent=2),
    "keys in another order": json.dumps(typed(), indent=1, sort_keys=True),
    "python": f"anthropic.BadRequestError: Error code: 400 - {typed()!r}",
    "logged": json.dumps({"level": "error", "msg": f"API Error: 400 {json.dumps(typed())}"}),
    "node": (
        "details: {\n  error_code: 'image_dimensions_too_large',\n  max_side_length_pixels: 2000,\n"
        "  paths: [ 'messages.0.content.1', 'messages.0.content.2.content.0' ]\n}"
    ),
    "repr": (
        f"ImageDimensionsTooLargeErrorDetails(error_code='{TOO_LARGE}', max_side_length_pixels=2000, "
        f"paths={list(PATHS)!r})"
    ),
}


@pytest.mark.parametrize("form", WRAPPED)
def test_typed_error_names_every_path(form: str) -> None:
    """Rule, limit and all paths of a typed error are read, however it is printed; it is one error."""
    match = only(WRAPPED[form])
    assert (match.pattern.codes, match.limit, match.paths) == (("IB102", "IB101"), 2000, PATHS)
    assert match.location == PATHS[0]


def test_limit_of_a_typed_error_decides_the_rule() -> None:
    """The limit of single images is another rule than that of many images."""
    assert only(json.dumps(typed(limit=8000))).pattern.codes == ("IB101", "IB102")


def test_typed_error_with_a_known_message_is_one_error() -> None:
    """The verbatim text gives the words, the details give the paths."""
    known = "At least one of the image dimensions exceed max allowed size: 8000 pixels"
    for indent in (None, 2):
        match = only(json.dumps(typed(known, limit=8000), indent=indent))
        assert (match.text, match.paths, match.pattern.codes) == (known, PATHS, ("IB101",))


def test_new_error_code_with_paths_is_explained_by_its_paths() -> None:
    """A code that is not known still names its blocks; one without paths stays unknown."""
    match = only(json.dumps(typed("An image is sad", code="image_is_sad")))
    assert (match.pattern.rule, match.text, match.paths) == (None, "An image is sad", PATHS)
    error = {"message": "On hold", "details": {"error_code": "organization_on_hold"}}
    explanation = explain(json.dumps({"error": error}))
    assert (explanation.matches, [other.text for other in explanation.unknown]) == ((), ["On hold"])


@pytest.mark.parametrize(
    ("code", "rule", "status"),
    [
        ("request_body_too_large_after_decoding", "IB401", 413),
        ("request_body_encoding_invalid", None, 400),
        ("request_body_encoding_unsupported", None, 400),
        ("file_expired", None, 404),
        ("file_not_downloadable", None, 400),
        ("storage_quota_exceeded", None, 400),
    ],
)
def test_error_codes_of_bodies_and_files(code: str, rule: str | None, status: int) -> None:
    """A code is recognised alone, and in an error with its type and message once."""
    kind = "request_too_large" if rule else "invalid_request_error"
    error = {"type": kind, "message": "It cannot be done.", "details": {"error_code": code}}
    for text in (code, json.dumps({"error": error}), json.dumps({"error": error}, indent=2)):
        match = only(text)
        assert (match.pattern.rule.code if match.pattern.rule else None, match.status) == (rule, status)


def test_two_errors_on_one_line_are_two() -> None:
    """A code gives way only to the message of the same error."""
    errors = [{"error": {"message": "Could not process image"}}, typed()]
    assert [match.pattern.codes[0] for match in explain(json.dumps(errors)).matches] == ["IB001", "IB102"]


def test_paths_of_other_things_are_no_blocks() -> None:
    """A log that has files beside a known message names no block."""
    log = json.dumps({"msg": "Could not process image", "paths": ["home/messages/a.png", "b.png"]})
    assert (only(log).paths, only(log).location) == ((), None)


@pytest.mark.parametrize(
    ("text", "location"),
    [
        ("Invalid 'input[37].content[0].image_url'", "input[37].content[0].image_url"),
        ("Invalid 'messages[2]'. Image URLs are only allowed for messages with role 'user'", "messages[2]"),
        ("Missing required parameter: 'messages[0].content[1].image_url.url'.", None),
        ("Invalid type for 'messages[0].content[1].image_url': expected an object", None),
        (json.dumps({"error": {"message": "Bad value.", "param": "input[37].content[0].image_url"}}), None),
    ],
)
def test_places_in_brackets(text: str, location: str | None) -> None:
    """A place is read from the message, or from the parameter of the error."""
    found = only(text).location
    assert found is not None
    assert found == location or location is None
    assert "[" in found


@pytest.mark.parametrize("text", ["Invalid 'max_tokens': below minimum", "Invalid input. Please retry"])
def test_other_parameters_are_not_about_images(text: str) -> None:
    """A parameter without a place in the messages is none of ours."""
    assert explain(text).matches == ()


@pytest.mark.parametrize(
    "text", ["File not found: file_011CNha8iCJcU1wXNR6q4V8w", "file-abc123456 does not exist"]
)
def test_missing_files(text: str) -> None:
    """A file that the API does not have is recognised by its id."""
    assert (only(text).status, only(text).pattern.source_type) == (404, "file")


def test_hostile_details_take_no_time() -> None:
    """Objects and lists without ends are read once, not again from each place."""
    pieces = (
        "{error_code: ",
        '"paths": ["a", ',
        "Could not process image {",
        "(",
        '"message": "',
        "input[1].",
    )
    for piece in pieces:
        assert explain(piece * 4_000).matches[1:] == ()


def explained(imgbudget: Command, error: str) -> Any:
    """The one error of a text, explained with the request in `r.json`."""
    run = imgbudget("explain", error, "--request", "r.json", "--format", "json", "--isolated")
    assert run.code == 0, run.err
    (found,) = run.json["errors"]
    return found


def pointers(found: Any) -> list[str]:
    """The pointers of the blocks that are named."""
    return [block["pointer"] for block in found["blocks"]]


def test_every_block_of_a_typed_error_is_found(imgbudget: Command, tmp_path: Path) -> None:
    """All paths lead to their blocks, in tool results too, with our findings; missing ones are noted."""
    wide = image_block(image_bytes((2100, 210)))
    result = {"type": "tool_result", "tool_use_id": "t", "content": [wide]}
    small = [image_block(image_bytes((300, 300), colour=i * 991)) for i in range(20)]
    write_json(tmp_path / "r.json", body(text_block("look"), wide, result, *small))
    found = explained(imgbudget, json.dumps(typed()))
    assert pointers(found) == ["/messages/0/content/1/source", "/messages/0/content/2/content/0/source"]
    assert [block["findings"][0]["code"] for block in found["blocks"]] == ["IB102", "IB102"]
    assert (found["note"], found["paths"]) == (None, list(PATHS))
    gone = json.dumps(typed()).replace("messages.0.content.1", "messages.7.content.1")
    assert explained(imgbudget, gone)["note"] == "1 of 2 paths do not exist in the request"


def test_place_in_brackets_leads_to_the_block(imgbudget: Command, tmp_path: Path) -> None:
    """Responses API: input[2].content[0] is the image there, and what we report on it is listed."""
    texts = [{"role": "user", "content": [{"type": "input_text", "text": str(i)}]} for i in range(2)]
    image = {"type": "input_image", "image_url": "data:image/png;base64,"}
    request = {"model": "gpt-5.5", "input": [*texts, {"role": "user", "content": [image]}]}
    write_json(tmp_path / "r.json", request)
    found = explained(
        imgbudget,
        "Invalid 'input[2].content[0].image_url'. Expected a base64-encoded data URL "
        "with an image MIME type (e.g. 'data:image/png;base64,aW1n'), but got empty base64-encoded bytes.",
    )
    assert pointers(found) == ["/input/2/content/0/image_url"]
    assert found["blocks"][0]["findings"]


def test_places_of_bedrock_count_from_one(imgbudget: Command, tmp_path: Path) -> None:
    """messages.1.member.content.2.member is the second block of the first message."""
    image = {"image": {"format": "jpg", "source": {"bytes": image_block()["source"]["data"]}}}
    request = {
        "modelId": "anthropic.claude-sonnet-4-6",
        "messages": [{"role": "user", "content": [{"text": "look"}, image]}],
    }
    write_json(tmp_path / "r.json", request)
    error = (
        "Value at 'messages.1.member.content.2.member.image.format' failed to satisfy constraint: Member "
        "must satisfy enum value set: [gif, jpeg, png, webp]"
    )
    assert pointers(explained(imgbudget, error)) == ["/messages/0/content/1/image"]


def test_text_form_lists_every_path(imgbudget: Command) -> None:
    """Without a request the paths are listed as they came."""
    run = imgbudget("explain", json.dumps(typed()))
    assert [line.split()[-1] for line in run.out.splitlines() if line.startswith("  path:")] == list(PATHS)
