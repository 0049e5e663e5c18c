"""IB1: images that the API refuses."""

from typing import Any

import pytest

from imgbudget.limits.geometry import Size
from imgbudget.model.fixes import DeclareType, Recode, RepairBase64, Resize
from imgbudget.model.subjects import Problem, Request, Severity
from imgbudget.testing import image, request, run_rule
from imgbudget_rules.ib101_dimension_over_limit import dimension_over_limit
from imgbudget_rules.ib102_many_image_dimension import many_image_dimension
from imgbudget_rules.ib103_image_bytes_over_limit import image_bytes_over_limit
from imgbudget_rules.ib104_unsupported_format import unsupported_format
from imgbudget_rules.ib105_media_type_mismatch import media_type_mismatch
from imgbudget_rules.ib106_malformed_base64 import malformed_base64


def turn(*content: Any, **more: Any) -> Request:
    """A request of one user turn."""
    return request({"messages": [{"role": "user", "content": list(content)}], **more})


def locations(problems: list[Problem]) -> list[str | None]:
    """The locations of the problems, in the API's notation."""
    return [problem.location.dotted if problem.location else None for problem in problems]


@pytest.mark.parametrize("spec", ["<png 8000x8000>", "<png 8000x1>", "<png 1x8000>", "<svg>", "<html>"])
def test_edge_at_the_limit_or_unknown_is_accepted(spec: str) -> None:
    """8000 px is accepted, and an unknown size is not checked."""
    assert run_rule(dimension_over_limit, image(spec)) == []


@pytest.mark.parametrize("spec", ["<png 8001x8000>", "<png 1x8001>"])
def test_edge_over_the_limit_is_refused(spec: str) -> None:
    """8001 px on either edge is reported with both numbers and whose limit it is."""
    [problem] = run_rule(dimension_over_limit, image(spec))
    assert (problem.measured, problem.limit, problem.unit) == (8001, 8000, "px")
    assert problem.message == "long edge is 8001 px; anthropic takes at most 8000 px"


def test_refused_edge_is_resized_to_the_planned_size() -> None:
    """12000x9000 keeps the ratio 4:3 exactly, so the row of the table is the fix."""
    [problem] = run_rule(dimension_over_limit, image("<png 12000x9000>"))
    assert problem.fix == Resize(Size(1268, 951))


def test_twenty_images_may_be_large() -> None:
    """20 images, however large: silent."""
    assert run_rule(many_image_dimension, turn("<png 4000x3000> * 20")) == []


def test_many_images_of_2000_px_are_taken() -> None:
    """21 images at the limit: silent."""
    assert run_rule(many_image_dimension, turn("<png 2000x2000> * 21")) == []


def test_image_of_unknown_size_counts_and_is_not_reported() -> None:
    """A URL counts toward the 20 and has no size."""
    source = {"type": "url", "url": "https://example.com/a.png"}
    found = run_rule(many_image_dimension, turn("<png 800x600> * 20", {"type": "image", "source": source}))
    assert found == []


def test_twenty_first_image_makes_every_large_one_a_problem() -> None:
    """Of 21 images each one over 2000 px is reported at its own place, the small ones are not."""
    found = run_rule(many_image_dimension, turn("<png 2001x10>", "<png 800x600> * 19", "<png 10x2001>"))
    assert locations(found) == ["messages.0.content.0", "messages.0.content.20"]
    assert {(problem.measured, problem.limit, problem.unit) for problem in found} == {(2001, 2000, "px")}
    assert (
        "request of 21 images; anthropic rejects edges over 2000 px in requests of more than 20"
        in found[0].message
    )


def test_messages_name_the_platform_of_the_request() -> None:
    """Bedrock has the limits on edges from Anthropic; the message still names bedrock, where they apply."""
    body = turn("<png 2001x10>", "<png 8001x10>", "<png 800x600> * 19", platform="bedrock")
    found = run_rule(many_image_dimension, body)
    assert all("; bedrock rejects edges over 2000 px" in problem.message for problem in found)
    [problem] = run_rule(dimension_over_limit, image("<png 8001x10>"), platform="bedrock")
    assert problem.message == "long edge is 8001 px; bedrock takes at most 8000 px"


def test_images_of_other_turns_and_tool_results_count() -> None:
    """The 20 are counted over the whole body."""
    tool = {"type": "tool_result", "tool_use_id": "toolu_1", "content": ["<png 2001x600>"]}
    body = request(
        {
            "messages": [
                {"role": "user", "content": ["<png 800x600> * 20"]},
                {"role": "assistant", "content": [{"type": "tool_use", "id": "toolu_1"}]},
                {"role": "user", "content": [tool]},
            ]
        }
    )
    assert locations(run_rule(many_image_dimension, body)) == ["messages.2.content.0.content.0"]


@pytest.mark.parametrize(("platform", "count"), [("anthropic", 0), ("bedrock", 1), ("google-cloud", 1)])
def test_documents_count_on_bedrock_and_google_cloud_only(platform: str, count: int) -> None:
    """20 images and a PDF are 21 there, and 20 on the Claude API."""
    body = turn("<pdf 1>", "<png 800x600> * 19", "<png 2001x600>", platform=platform)
    assert len(run_rule(many_image_dimension, body)) == count


def test_fix_of_many_images_holds_on_the_high_resolution_tier() -> None:
    """There 2500x2500 is resized for the tier, 2400x1200 for the 2000 px alone."""
    found = run_rule(
        many_image_dimension,
        turn("<png 2500x2500>", "<png 2400x1200>", "<png 800x600> * 19", model="claude-opus-5-5"),
    )
    assert [problem.fix for problem in found] == [Resize(Size(1932, 1932)), Resize(Size(2000, 1000))]


@pytest.mark.parametrize(
    ("platform", "byte_size"), [("anthropic", 7_864_320), ("bedrock", 3_932_160), ("google-cloud", 3_932_160)]
)
def test_base64_text_at_the_limit_is_taken(platform: str, byte_size: int) -> None:
    """10,485,760 and 5,242,880 characters pass."""
    assert (
        run_rule(image_bytes_over_limit, image(f"<png 800x600 bytes={byte_size}>"), platform=platform) == []
    )


@pytest.mark.parametrize(
    ("platform", "byte_size", "length", "limit"),
    [
        ("anthropic", 7_864_321, 10_485_764, 10_485_760),
        ("bedrock", 3_932_161, 5_242_884, 5_242_880),
        ("google-cloud", 3_932_161, 5_242_884, 5_242_880),
    ],
)
def test_base64_text_over_the_limit_is_refused(
    platform: str, byte_size: int, length: int, limit: int
) -> None:
    """Four characters more are refused; the fix is a file of at most three quarters of the limit."""
    [problem] = run_rule(image_bytes_over_limit, image(f"<png 800x600 bytes={byte_size}>"), platform=platform)
    assert (problem.measured, problem.limit, problem.unit) == (length, limit, "bytes")
    assert platform in problem.message
    assert problem.fix == Recode(max_bytes=byte_size - 1)


def test_image_in_a_request_is_measured_as_it_is_sent() -> None:
    """The base64 text of a block is measured like a file."""
    assert (
        len(
            run_rule(
                image_bytes_over_limit, turn("<png 800x600 bytes=7864320>", "<png 800x600 bytes=7864321>")
            )
        )
        == 1
    )


def test_large_file_that_cannot_be_decoded_gets_no_fix() -> None:
    """The bytes are too many all the same."""
    [problem] = run_rule(image_bytes_over_limit, image('<png 800x600 bytes=7864321 damage="ends early">'))
    assert problem.fix is None


@pytest.mark.parametrize("spec", ["<jpeg 8x8>", "<png 8x8>", "<gif 8x8>", "<webp 8x8>", "<html>"])
def test_the_four_formats_are_taken(spec: str) -> None:
    """What is no image at all is another rule's business."""
    assert run_rule(unsupported_format, image(spec)) == []


@pytest.mark.parametrize(
    ("spec", "target"),
    [("<bmp 8x8>", "png"), ("<tiff 8x8>", "png"), ("<heic 8x8>", "jpeg"), ("<avif 8x8>", "jpeg")],
)
def test_other_formats_are_converted(spec: str, target: str) -> None:
    """Photographic formats become JPEG, the others PNG."""
    [problem] = run_rule(unsupported_format, image(spec))
    assert problem.fix == Recode(format=target)


@pytest.mark.parametrize("spec", ["<svg>", '<bmp 8x8 damage="ends early">'])
def test_what_cannot_be_decoded_is_not_converted(spec: str) -> None:
    """A drawing and a broken file are reported without a fix."""
    [problem] = run_rule(unsupported_format, image(spec))
    assert problem.fix is None


@pytest.mark.parametrize(
    "spec", ["<png 8x8 named=a.png>", "<jpeg 8x8 named=a.JPG>", "<png 8x8 named=a>", "<bmp 8x8 named=a.png>"]
)
def test_extension_that_agrees_or_claims_nothing_is_taken(spec: str) -> None:
    """No extension claims nothing; bytes that are refused anyway are another rule's business."""
    assert run_rule(media_type_mismatch, image(spec)) == []


def test_wrong_extension_is_a_warning() -> None:
    """A JPEG named .png: a warning, because only a program that believes the name is refused."""
    [problem] = run_rule(media_type_mismatch, image("<jpeg 8x8 named=a.png>"))
    assert problem.severity is Severity.WARNING
    assert problem.message == (
        "extension implies image/png, but the bytes are image/jpeg; "
        "a program that declares the type by extension declares the wrong one"
    )
    assert problem.fix == DeclareType("image/jpeg")


def test_declared_type_that_agrees_is_taken() -> None:
    """A block that says what its bytes are: silent; so is one without a type."""
    untyped = {"type": "image", "source": {"type": "base64", "media_type": None, "data": "<png 8x8>"}}
    assert run_rule(media_type_mismatch, turn("<png 8x8>", untyped)) == []


def test_wrong_declared_type_is_an_error() -> None:
    """The rule's own severity, error, and the API's text."""
    [problem] = run_rule(media_type_mismatch, turn("<png 8x8 declared=image/webp>"))
    assert problem.severity is None
    assert "the image appears to be a image/png image" in problem.message


def test_image_jpg_is_no_type_of_the_api() -> None:
    """`image/jpg` with JPEG bytes is refused with the list of types."""
    [problem] = run_rule(media_type_mismatch, turn("<jpeg 8x8 declared=image/jpg>"))
    assert "`Input should be 'image/jpeg', 'image/png', 'image/gif' or 'image/webp'`" in problem.message
    assert problem.fix == DeclareType("image/jpeg")


def test_clean_base64_is_taken() -> None:
    """A text without flaws: silent, and a file has no base64 text at all."""
    assert run_rule(malformed_base64, turn("<png 8x8>")) == []
    assert run_rule(malformed_base64, image("<png bytes=0 damage='is empty'>")) == []


def test_flaw_that_can_be_repaired_has_a_fix() -> None:
    """A data-URI prefix: the text is written again."""
    [problem] = run_rule(malformed_base64, turn("<png 8x8 flaw='begins with a data URI prefix'>"))
    assert problem.message.startswith("base64 text begins with a data URI prefix; ")
    assert problem.fix == RepairBase64()


def test_flaw_that_cannot_be_repaired_has_none() -> None:
    """A text of another alphabet: only the author can encode the image again."""
    [problem] = run_rule(
        malformed_base64, turn("<png 8x8 flaw='has characters of no alphabet' unrepairable>")
    )
    assert problem.fix is None


def test_empty_base64_has_its_own_message() -> None:
    """The API has a separate text for it."""
    empty = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": ""}}
    [problem] = run_rule(malformed_base64, turn(empty))
    assert "`image cannot be empty`" in problem.message
    assert problem.fix is None
