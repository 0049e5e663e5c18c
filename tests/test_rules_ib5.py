"""IB5: requests that the API takes and that could be better; and what counts as a label."""

from typing import Any

import pytest

from imgbudget.model import ImagesFirst, Problem, Request
from imgbudget.testing import request, run_rule
from imgbudget_rules.ib501_image_after_text import image_after_text
from imgbudget_rules.ib504_duplicate_image import duplicate_image
from imgbudget_rules.labels import is_label

A = "<png 800x600 digest=a>"


def turn(*content: Any, role: str = "user") -> Request:
    """A request of one turn."""
    return request({"messages": [{"role": role, "content": list(content)}]})


def locations(problems: list[Problem]) -> list[str | None]:
    """Where the problems stand, in the API's notation."""
    return [problem.place.location if problem.place else None for problem in problems]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Image 1:",
        "image #2",
        "[Image #1]",
        "**Figure 3b**",
        "Page 3 of 10",
        "Slide 4/12",
        "Images",
        "Before",
        "After:",
        "the first photo",
        "Screenshot 2 (left)",
        "Image 1: the front door",
        "Scan IV",
        "12",
        "a)",
        "B:",
        "photo.png",
        "my holiday photo.JPG:",
        "report.pdf",
        "<image_1>",
        '<document index="1">',
        "</image>",
        "<name>Page 3</name>",
        "Here is the receipt:",
        "Bild 1:",
        "\u56fe1\uff1a",
        "x" * 59 + ":",
    ],
)
def test_text_that_names_an_image_is_a_label(text: str) -> None:
    """Names, numbers, file names, tags and short lines with a colon at the end."""
    assert is_label(text)


@pytest.mark.parametrize(
    "text",
    [
        "What is in this image?",
        "Describe this image:",
        "describe image 1",
        "Look at page 3",
        "Please compare a.png",
        "Explain:",
        "Image 1: what is this?",
        "Image 1: describe it",
        "Photo?",
        "This is my cat.",
        "hello",
        "Image 1:\nImage 2:",
        "Page 3 of the contract that we signed",
        "Image 1: the front door of our house in spring",
        "The following is the first image:",
        "<question>What is this</question>",
        "x" * 60 + ":",
    ],
)
def test_text_that_asks_or_tells_is_no_label(text: str) -> None:
    """Questions, requests, sentences, several lines, more than 60 characters."""
    assert not is_label(text)


def test_image_before_text_is_best() -> None:
    """The order that the guide advises: silent; so are a turn without images and one without text."""
    assert run_rule(image_after_text, turn("<png 8x8>", "What is this?")) == []
    assert run_rule(image_after_text, turn("What is this?")) == []
    assert run_rule(image_after_text, turn("<png 8x8>", "<png 8x8>")) == []


def test_labels_before_images_are_silent() -> None:
    """The guide's own example of several images."""
    assert (
        run_rule(image_after_text, turn("Image 1:", "<png 8x8>", "Image 2:", "<png 8x8>", "Compare.")) == []
    )


def test_text_between_images_is_silent() -> None:
    """Once an image was seen, text before the next one refers to something."""
    assert run_rule(image_after_text, turn("<png 8x8>", "This is my cat.", "<png 8x8>", "And this?")) == []


def test_other_turns_are_no_reason() -> None:
    """Text of an earlier turn, of the assistant or inside a tool result does not count."""
    tool = {"type": "tool_result", "tool_use_id": "toolu_1", "content": ["Taken at noon.", "<png 8x8>"]}
    body = request(
        {
            "messages": [
                {"role": "user", "content": "Take a screenshot."},
                {"role": "assistant", "content": ["I look at it.", "<png 8x8>"]},
                {"role": "user", "content": [tool]},
                {"role": "user", "content": ["<png 8x8>"]},
            ]
        }
    )
    assert run_rule(image_after_text, body) == []


def test_text_before_the_first_image_is_reported_once_a_turn() -> None:
    """The first image that stands after the text is the place, in each turn for itself."""
    content = ["What changed?", "Image 1:", "<png 8x8>", "Image 2:", "<png 8x8>"]
    body = request({"messages": [{"role": "user", "content": content}, {"role": "user", "content": content}]})
    found = run_rule(image_after_text, body)
    assert locations(found) == ["messages.0.content.2", "messages.1.content.2"]
    assert {problem.fix for problem in found} == {ImagesFirst()}


def test_different_images_are_no_duplicates() -> None:
    """Other bytes, and images without a digest: silent."""
    url = {"type": "image", "source": {"type": "url", "url": "https://example.com/a.png"}}
    assert run_rule(duplicate_image, turn("<png 800x600> * 3", A, url, url)) == []


def test_every_repeat_is_reported_with_the_first_and_its_price() -> None:
    """Two repeats of one image are two problems, the tokens and bytes of each are told."""
    found = run_rule(duplicate_image, turn(A, "<png 800x600>", A, A))
    assert locations(found) == ["messages.0.content.2", "messages.0.content.3"]
    message = "the same image as messages.0.content.0: 638 tokens and 133,336 bytes are paid twice"
    assert [problem.message for problem in found] == [message, message]
    assert (found[0].measured, found[0].unit) == (638, "tokens")


def test_repeat_in_another_turn_is_a_duplicate() -> None:
    """A body holds each turn once, so the same bytes in two turns are paid twice."""
    tool = {"type": "tool_result", "tool_use_id": "toolu_1", "content": [A]}
    body = request({"messages": [{"role": "user", "content": [A]}, {"role": "user", "content": [tool]}]})
    assert locations(run_rule(duplicate_image, body)) == ["messages.1.content.0.content.0"]
