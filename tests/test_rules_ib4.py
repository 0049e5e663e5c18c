"""IB4: requests that the API refuses as a whole."""

from typing import Any

import pytest

from imgbudget.model.fixes import DropBlock, ShrinkRequest
from imgbudget.model.subjects import Batch, Problem, Request, Severity
from imgbudget.testing import batch, request, run_rule
from imgbudget_rules.ib401_payload_over_limit import payload_over_limit
from imgbudget_rules.ib402_too_many_images import too_many_images
from imgbudget_rules.ib403_source_not_supported import source_not_supported
from imgbudget_rules.ib404_misplaced_image import misplaced_image
from imgbudget_rules.ib405_context_overflow import context_overflow
from imgbudget_rules.ib406_batch_over_limit import batch_over_limit
from imgbudget_rules.ib407_empty_text import empty_text

URL = {"type": "image", "source": {"type": "url", "url": "https://example.com/a.png"}}
FILE = {"type": "image", "source": {"type": "file", "file_id": "file_1"}}


def turn(*content: Any, **more: Any) -> Request:
    """A request of one user turn."""
    return request({"messages": [{"role": "user", "content": list(content)}], **more})


def locations(problems: list[Problem]) -> list[str | None]:
    """The locations of the problems, in the API's notation."""
    return [problem.location.dotted if problem.location else None for problem in problems]


@pytest.mark.parametrize(
    ("platform", "byte_size"),
    [("anthropic", 32_000_000), ("bedrock", 20_000_000), ("google-cloud", 30_000_000)],
)
def test_body_within_both_readings_is_taken(platform: str, byte_size: int) -> None:
    """The decimal reading of the platform's MB is silent."""
    assert run_rule(payload_over_limit, turn("<png 8x8>", bytes=byte_size, platform=platform)) == []


@pytest.mark.parametrize("byte_size", [32_000_001, 33_554_432])
def test_body_between_the_readings_is_a_warning(byte_size: int) -> None:
    """Between 32,000,000 and 33,554,432 bytes the limit is ambiguous; the message says so."""
    [problem] = run_rule(payload_over_limit, turn("<png 8x8>", bytes=byte_size))
    assert problem.severity is Severity.WARNING
    assert (problem.measured, problem.limit, problem.unit) == (byte_size, 32_000_000, "bytes")
    assert "32 MB, which may mean 32,000,000 bytes or 33,554,432" in problem.message
    assert problem.fix == ShrinkRequest(32_000_000)


@pytest.mark.parametrize(
    ("platform", "limit", "text"),
    [
        ("anthropic", 33_554_432, "32 MB"),
        ("bedrock", 20_971_520, "20 MB"),
        ("google-cloud", 31_457_280, "30 MB"),
    ],
)
def test_body_over_both_readings_is_an_error(platform: str, limit: int, text: str) -> None:
    """One byte over the binary reading has the rule's own severity, error, and names the platform."""
    [problem] = run_rule(payload_over_limit, turn("<png 8x8>", bytes=limit + 1, platform=platform))
    assert problem.severity is None
    assert (problem.measured, problem.limit) == (limit + 1, limit)
    assert f"{platform} takes at most {text}" in problem.message


def test_body_without_images_cannot_be_shrunk() -> None:
    """Text and urls are no bytes of images: no fix."""
    [problem] = run_rule(payload_over_limit, turn("hello", URL, bytes=40_000_000))
    assert problem.fix is None


@pytest.mark.parametrize(("model", "count"), [("claude-haiku-4-5", 100), ("claude-sonnet-4-6", 600)])
def test_images_up_to_the_limit_are_taken(model: str, count: int) -> None:
    """100 images with 200k tokens of context, 600 with more."""
    assert run_rule(too_many_images, turn(f"<png 8x8> * {count}", model=model)) == []


@pytest.mark.parametrize(("model", "count"), [("claude-haiku-4-5", 101), ("claude-sonnet-4-6", 601)])
def test_one_image_more_is_refused(model: str, count: int) -> None:
    """101 and 601 images are reported with the limit."""
    [problem] = run_rule(too_many_images, turn(f"<png 8x8> * {count}", model=model))
    assert (problem.measured, problem.limit) == (count, count - 1)


def test_claude_ai_takes_20_images() -> None:
    """20 pass there, 21 do not."""
    assert run_rule(too_many_images, turn("<png 8x8> * 20", platform="claude-ai")) == []
    assert len(run_rule(too_many_images, turn("<png 8x8> * 21", platform="claude-ai"))) == 1


def test_text_documents_have_no_pages() -> None:
    """Plain text beside 100 images: silent."""
    text = {"type": "document", "source": {"type": "text", "media_type": "text/plain", "data": "notes"}}
    assert run_rule(too_many_images, turn(text, "<png 8x8> * 100", model="claude-haiku-4-5")) == []


def test_pages_and_images_are_added_up() -> None:
    """80 pages and 20 images pass, one image more does not; the message has both numbers."""
    assert run_rule(too_many_images, turn("<pdf 80>", "<png 8x8> * 20", model="claude-haiku-4-5")) == []
    [problem] = run_rule(too_many_images, turn("<pdf 80>", "<png 8x8> * 21", model="claude-haiku-4-5"))
    assert problem.message.startswith("too much media: 80 document pages + 21 images > 100, ")


def test_document_of_unknown_length_counts_as_a_page() -> None:
    """A PDF by url beside 100 images is one too many."""
    unknown = {"type": "document", "source": {"type": "url", "url": "https://example.com/a.pdf"}}
    assert len(run_rule(too_many_images, turn(unknown, "<png 8x8> * 100", model="claude-haiku-4-5"))) == 1


@pytest.mark.parametrize("platform", ["anthropic", "foundry"])
def test_urls_and_file_ids_are_taken_where_the_platform_has_them(platform: str) -> None:
    """The Claude API and Foundry fetch urls and have files."""
    assert run_rule(source_not_supported, turn(URL, FILE, "<png 8x8>", platform=platform)) == []


@pytest.mark.parametrize("platform", ["bedrock", "google-cloud"])
def test_base64_and_text_documents_are_taken_everywhere(platform: str) -> None:
    """What needs no fetching: silent."""
    text = {"type": "document", "source": {"type": "text", "media_type": "text/plain", "data": "notes"}}
    nested = {"type": "document", "source": {"type": "content", "content": ["<png 8x8>"]}}
    assert run_rule(source_not_supported, turn("<png 8x8>", "<pdf 1>", text, nested, platform=platform)) == []


@pytest.mark.parametrize("platform", ["bedrock", "google-cloud"])
def test_urls_and_file_ids_are_refused_there(platform: str) -> None:
    """Images and documents, each at its location."""
    document = {"type": "document", "source": {"type": "url", "url": "https://example.com/a.pdf"}}
    found = run_rule(source_not_supported, turn(URL, FILE, document, platform=platform))
    assert locations(found) == ["messages.0.content.0", "messages.0.content.1", "messages.0.content.2"]
    assert found[0].message == f"source type is url; {platform} accepts only base64"


@pytest.mark.parametrize("kind", ["path", "text", "content", "URL"])
def test_unknown_source_type_is_refused_everywhere(kind: str) -> None:
    """Images have three source types; those of documents are not among them."""
    [problem] = run_rule(source_not_supported, turn({"type": "image", "source": {"type": kind}}))
    assert problem.message.startswith(f"source type {kind!r} is unknown; ")


def test_images_are_allowed_in_user_turns_tool_results_and_documents() -> None:
    """The locations that the API's types allow: silent."""
    tool = {"type": "tool_result", "tool_use_id": "toolu_1", "content": ["<png 8x8>"]}
    document = {"type": "document", "source": {"type": "content", "content": ["<png 8x8>"]}}
    assert run_rule(misplaced_image, turn("<png 8x8>", tool, document, system="be short")) == []


def test_system_turn_in_mid_conversation_is_text() -> None:
    """Its content is a string or text blocks (SDK types, 2026-11)."""
    body = request({"messages": [{"role": "system", "content": ["<png 8x8>"]}]})
    [problem] = run_rule(misplaced_image, body)
    assert problem.message == "image is in a system turn; the API accepts only text there"


def test_image_in_system_assistant_turn_or_search_result_is_misplaced() -> None:
    """Each of the three is reported at the image, with the place's name."""
    result = {"type": "search_result", "source": "a", "title": "a", "content": ["<png 8x8>"]}
    nested = {"type": "tool_result", "tool_use_id": "toolu_1", "content": [result]}
    body = request(
        {
            "system": ["be short", "<png 8x8>"],
            "messages": [
                {"role": "user", "content": ["<png 8x8>", result]},
                {"role": "assistant", "content": ["<png 8x8>"]},
                {"role": "user", "content": [nested]},
            ],
        }
    )
    found = run_rule(misplaced_image, body)
    assert locations(found) == [
        "system.1",
        "messages.0.content.1.content.0",
        "messages.1.content.0",
        "messages.2.content.0.content.0.content.0",
    ]
    assert "the system prompt" in found[0].message
    assert "a search result" in found[1].message
    assert "`'image' blocks are not permitted within assistant turns`" in found[2].message


def test_non_empty_text_beside_an_image_is_accepted() -> None:
    """A text, a space, or no text at all: silent."""
    assert run_rule(empty_text, turn("<png 8x8>", "what?", " ")) == []
    assert run_rule(empty_text, turn("<png 8x8>")) == []


def test_empty_text_of_another_turn_is_not_reported() -> None:
    """Only turns with an image are checked."""
    body = request(
        {"messages": [{"role": "user", "content": [""]}, {"role": "user", "content": ["<png 8x8>"]}]}
    )
    assert run_rule(empty_text, body) == []


def test_empty_text_beside_an_image_is_dropped() -> None:
    """Each empty block is a problem, and a nested image counts."""
    tool = {"type": "tool_result", "tool_use_id": "toolu_1", "content": ["<png 8x8>", ""]}
    found = run_rule(empty_text, turn("", tool))
    assert locations(found) == ["messages.0.content.0", "messages.0.content.1.content.1"]
    assert [problem.fix for problem in found] == [DropBlock(), DropBlock()]
    assert "`text content blocks must be non-empty`" in found[0].message


def test_images_that_fill_the_context_are_taken() -> None:
    """1,000 images of 1,000 tokens are 1,000,000; urls and broken images count nothing."""
    body = turn("<png 700x1120> * 1000", URL, '<png 700x1120 damage="x">', model="claude-opus-5-5")
    assert run_rule(context_overflow, body) == []


def test_one_image_more_overflows_the_context() -> None:
    """One patch over is reported with the model's context."""
    body = turn("<png 700x1120> * 1000", "<png 28x28>", model="claude-opus-5-5")
    [problem] = run_rule(context_overflow, body)
    assert (problem.measured, problem.limit, problem.unit) == (1_000_001, 1_000_000, "tokens")
    assert "the context of claude-opus-5-5 holds 1,000,000 tokens" in problem.message
    assert "`Request size exceeds model context window`" in problem.message


def test_context_is_that_of_the_model() -> None:
    """201 images of 1,000 tokens are too many for 200k, and few for the others."""
    assert run_rule(context_overflow, turn("<png 700x1120> * 200", model="claude-haiku-4-5")) == []
    assert len(run_rule(context_overflow, turn("<png 700x1120> * 201", model="claude-haiku-4-5"))) == 1
    assert run_rule(context_overflow, turn("<png 700x1120> * 201")) == []


def entries(*ids: str | None, **more: Any) -> Batch:
    """A batch whose entries have these ids."""
    named: list[Any] = [{"params": {}} | ({"custom_id": name} if name is not None else {}) for name in ids]
    return batch({"requests": named, **more})


def test_batch_within_both_readings_is_taken() -> None:
    """256,000,000 bytes and 100,000 requests, each id once: silent."""
    assert run_rule(batch_over_limit, entries("a", "b", bytes=256_000_000, count=100_000)) == []


@pytest.mark.parametrize("byte_size", [256_000_001, 268_435_456])
def test_batch_between_the_readings_is_a_warning(byte_size: int) -> None:
    """The limit is ambiguous; the message says so."""
    [problem] = run_rule(batch_over_limit, entries("a", bytes=byte_size))
    assert problem.severity is Severity.WARNING
    assert (problem.measured, problem.limit, problem.unit) == (byte_size, 256_000_000, "bytes")
    assert "256 MB, which may mean 256,000,000 bytes or 268,435,456" in problem.message


def test_batch_over_both_readings_is_an_error() -> None:
    """One byte over the binary reading has the rule's own severity."""
    [problem] = run_rule(batch_over_limit, entries("a", bytes=268_435_457))
    assert problem.severity is None
    assert (problem.measured, problem.limit) == (268_435_457, 268_435_456)


def test_batch_of_one_request_more_is_refused() -> None:
    """100,001 requests are reported beside the bytes."""
    found = run_rule(batch_over_limit, entries("a", bytes=268_435_457, count=100_001))
    assert [problem.unit for problem in found] == ["bytes", "requests"]
    assert (found[1].measured, found[1].limit) == (100_001, 100_000)


@pytest.mark.parametrize("platform", ["bedrock", "google-cloud", "foundry", "claude-ai"])
def test_platform_without_batches_has_no_limits_for_them(platform: str) -> None:
    """Only the ids are checked there."""
    body = entries("a", "a", bytes=300_000_000, count=200_000)
    [problem] = run_rule(batch_over_limit, body, platform=platform)
    assert "duplicate custom_id 'a' (first used by an earlier request)" in problem.message


def test_each_entry_with_a_wrong_id_is_reported_at_its_location() -> None:
    """Missing and empty ids at the entry, each repeated id at the id; the first one is valid."""
    found = run_rule(batch_over_limit, entries("a", None, "b", "a", "", "a"))
    assert {
        problem.location.pointer: problem.message.split(";")[0] for problem in found if problem.location
    } == {
        "/requests/1": "request in a batch has no custom_id",
        "/requests/4": "request in a batch has no custom_id",
        "/requests/3/custom_id": "duplicate custom_id 'a' (first used by an earlier request)",
        "/requests/5/custom_id": "duplicate custom_id 'a' (first used by an earlier request)",
    }
