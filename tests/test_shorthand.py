"""The shorthand in which rule authors write images and requests, and the reading of a page's examples."""

import pytest

from imgbudget.limits.geometry import Size
from imgbudget.model.pixels import PixelFacts
from imgbudget.model.subjects import DocumentUse, ImageFacts, Nested, Origin, Other, Text
from imgbudget.testing import batch, examples, image, request, run_rule
from imgbudget_rules.ib101_dimension_over_limit import dimension_over_limit
from imgbudget_rules.ib201_oversized_image import oversized_image


def test_every_word_is_a_fact() -> None:
    """The words after the size fill the facts of the image."""
    use = image(
        "<jpeg 4000x3000 orientation=6 frames=12 bytes=8000000 quality=40 metadata=900 gps "
        'damage="ends early">'
    )
    assert use.facts == ImageFacts(
        byte_size=8_000_000,
        format="jpeg",
        size=Size(4000, 3000),
        orientation=6,
        frames=12,
        has_location=True,
        quality=40,
        metadata_bytes=900,
        damage="ends early",
        pixels=PixelFacts(),
    )
    assert use.base64_size == 10_666_668


def test_file_claims_the_type_of_its_extension() -> None:
    """A named file claims what its name says, one without a name what it is."""
    assert image("<png 8x8>").declared == "image/png"
    assert image("<png 8x8 named=a.JPG>").declared == "image/jpeg"
    assert image("<bmp 8x8>").declared == "image/bmp"


def test_content_without_a_size_is_no_image() -> None:
    """`<html>` is bytes of something else; a drawing is an image without a size."""
    html, svg = image("<html>").facts, image("<svg>").facts
    assert html is not None
    assert (html.format, html.content) == (None, "HTML")
    assert svg is not None
    assert (svg.format, svg.size) == ("svg", None)


@pytest.mark.parametrize("spec", ["png 8x8", "<png 8x8 orientaton=6>", "<png 8x8> * 2"])
def test_slip_in_an_image_is_an_error(spec: str) -> None:
    """An unknown word is refused, not ignored."""
    with pytest.raises(ValueError, match=r"is not an image|has an unknown word"):
        image(spec)


def test_blocks_have_the_locations_of_a_file() -> None:
    """Locations, roles and kinds of all blocks, nested ones included."""
    tool = {"type": "tool_result", "tool_use_id": "toolu_1", "content": ["done", "<png 8x8>"]}
    inner = {"type": "document", "source": {"type": "content", "content": ["<png 8x8>"]}}
    body = request(
        {
            "system": ["be short"],
            "messages": [
                {"role": "user", "content": "hello"},
                {"role": "assistant", "content": [{"type": "tool_use", "id": "toolu_1"}]},
                {"role": "user", "content": [tool, inner, "<pdf 12>", "<png 8x8> * 2"]},
            ],
        }
    )
    system, hello, call, answer = body.turns
    assert (system.role, system.blocks[0].location.pointer) == ("system", "/system/0")
    assert isinstance(hello.blocks[0], Text)
    assert hello.blocks[0].location.pointer == "/messages/0/content"
    assert isinstance(call.blocks[0], Other)
    assert isinstance(answer.blocks[0], Nested)
    assert answer.blocks[0].reference == "toolu_1"
    assert [use.location.pointer for use in body.images] == [
        "/messages/2/content/0/content/1/source",
        "/messages/2/content/1/source/content/0/source",
        "/messages/2/content/3/source",
        "/messages/2/content/4/source",
    ]
    assert [use.inside for use in body.images] == [("tool_result",), ("document",), (), ()]
    assert {(use.role, use.turn) for use in body.images} == {("user", 2)}
    pdf = answer.blocks[2]
    assert isinstance(pdf, DocumentUse)
    assert (pdf.pages, pdf.media_type, pdf.location.pointer) == (
        12,
        "application/pdf",
        "/messages/2/content/2",
    )


def test_repeated_images_are_different_and_digests_make_them_the_same() -> None:
    """`* 3` gives three digests, `digest=a` one."""
    body = request({"messages": [{"role": "user", "content": ["<png 8x8> * 3", "<png 8x8 digest=a> * 2"]}]})
    assert len({use.digest for use in body.images}) == 4


def test_sources_are_distinguished() -> None:
    """URL and file id keep their reference; base64 may be written out, declared otherwise, or be empty."""
    sources = [
        {"type": "url", "url": "https://example.com/a.png"},
        {"type": "file", "file_id": "file_1"},
        {"type": "base64", "media_type": "image/gif", "data": "<png 8x8>"},
        {"type": "base64", "media_type": "image/png", "data": ""},
        {"type": "path"},
    ]
    content = [{"type": "image", "source": source} for source in sources]
    url, file, declared, empty, unknown = request({"messages": [{"role": "user", "content": content}]}).images
    assert (url.origin, url.reference, url.facts) == (Origin.URL, "https://example.com/a.png", None)
    assert (file.origin, file.reference) == (Origin.FILE_ID, "file_1")
    assert (declared.declared, declared.base64_size) == ("image/gif", 133_336)
    assert (empty.base64_size, empty.facts, empty.repairable) == (0, None, False)
    assert (unknown.origin, unknown.source_type) == (Origin.UNKNOWN, "path")


def test_body_names_its_platform_and_length() -> None:
    """`bytes` overrides the length, which otherwise counts the payloads."""
    turns = [{"role": "user", "content": ["<png 8x8 bytes=300>"]}]
    assert request({"messages": turns, "bytes": 5, "platform": "bedrock", "model": "m"}).byte_size == 5
    assert request({"messages": turns, "platform": "bedrock"}).platform == "bedrock"
    assert 400 < request({"messages": turns}).byte_size < 600


def test_body_with_requests_is_a_batch() -> None:
    """Entries have locations and ids; `count` and `bytes` replace what is not written out."""
    entries = [{"custom_id": "a"}, {}, {"custom_id": "a"}]
    whole = batch({"requests": entries, "bytes": 5, "count": 9})
    assert (whole.byte_size, whole.request_count) == (5, 9)
    assert [location.pointer for location in whole.missing] == ["/requests/1"]
    assert [(location.pointer, name) for location, name in whole.doubled] == [("/requests/2/custom_id", "a")]
    assert batch({"requests": entries}).request_count == 3


def test_requests_own_model_and_platform_win() -> None:
    """The arguments are for subjects that say nothing themselves."""
    turns = [{"role": "user", "content": ["<png 2560x1440>"]}]
    body = request({"messages": turns, "model": "claude-opus-5-5"})
    assert run_rule(oversized_image, body, model="claude-sonnet-4-6") == []
    assert len(run_rule(oversized_image, request({"messages": turns}))) == 1


def test_slip_in_an_example_is_an_error() -> None:
    """A line that begins like an example must be one."""

    def judge() -> None:
        """Something.

        ## Reports
        <png 8x8> for claude-opus-5-5 in bedrock
        """

    with pytest.raises(ValueError, match="is not an example"):
        examples(dimension_over_limit._replace(check=judge))  # type: ignore[arg-type]


def test_examples_carry_their_model_and_platform() -> None:
    """`for` and `on` are optional, in this order."""

    def judge() -> None:
        """Something.

        ## Reports
        <png 8x8> for claude-opus-5-5 on bedrock
        and words between
        <png 8x9> on bedrock

        ## Silent
        <png 8x8>
        """

    page = examples(dimension_over_limit._replace(check=judge))  # type: ignore[arg-type]
    first, second = page.reports
    assert (first.model, first.platform) == ("claude-opus-5-5", "bedrock")
    assert (second.model, second.platform) == ("claude-sonnet-4-6", "bedrock")
    assert len(page.silent) == 1
