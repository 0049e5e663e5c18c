"""IB5: requests that the API takes and that could be better; and what counts as a label."""

from typing import Any

import pytest

from imgbudget.model.fixes import ImagesFirst, LabelImages
from imgbudget.model.labels import is_label
from imgbudget.model.subjects import Problem, Request
from imgbudget.testing import request, run_rule
from imgbudget_rules.ib501_image_after_text import image_after_text
from imgbudget_rules.ib502_unlabelled_images import unlabelled_images
from imgbudget_rules.ib503_resent_image import resent_image
from imgbudget_rules.ib504_duplicate_image import duplicate_image

A = "<png 800x600 digest=a>"


def turn(*content: Any, role: str = "user") -> Request:
    """A request of one turn."""
    return request({"messages": [{"role": role, "content": list(content)}]})


def locations(problems: list[Problem]) -> list[str | None]:
    """The locations of the problems, in the API's notation."""
    return [problem.location.dotted if problem.location else None for problem in problems]


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
def test_questions_and_sentences_are_no_labels(text: str) -> None:
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
    """The location is the first image after the text, separately for each turn."""
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
    """Two repeats of one image are two problems with the tokens and bytes of each."""
    found = run_rule(duplicate_image, turn(A, "<png 800x600>", A, A))
    assert locations(found) == ["messages.0.content.2", "messages.0.content.3"]
    message = "the same image as messages.0.content.0: 638 tokens and 133,336 bytes are billed and sent twice"
    assert [problem.message for problem in found] == [message, message]
    assert (found[0].measured, found[0].unit) == (638, "tokens")


def test_repeat_in_another_turn_is_a_duplicate() -> None:
    """A body contains each turn once, so the same bytes in two turns are paid for twice."""
    tool = {"type": "tool_result", "tool_use_id": "toolu_1", "content": [A]}
    body = request({"messages": [{"role": "user", "content": [A]}, {"role": "user", "content": [tool]}]})
    assert locations(run_rule(duplicate_image, body)) == ["messages.1.content.0.content.0"]


def talk(*turns: list[Any] | str, **more: Any) -> Request:
    """A request of turns that user and assistant take by turns."""
    roles = ("user", "assistant")
    messages = [{"role": roles[i % 2], "content": content} for i, content in enumerate(turns)]
    return request({"messages": messages, **more})


@pytest.mark.parametrize(
    "content",
    [
        ["Image 1:", "<png 8x8>", "Image 2:", "<png 8x8>", "Compare."],
        ["Compare the two.\nImage 1:", "<png 8x8>", "a.png", "<png 8x8>"],
        ["<png 8x8>", "What is this?"],
        ["What is this?"],
        [{"type": "tool_result", "tool_use_id": "toolu_1", "content": ["<png 8x8> * 3"]}, "<png 8x8>"],
    ],
)
def test_labelled_images_and_single_ones_are_silent(content: list[Any]) -> None:
    """A label before each, as the last line of a text too; one image needs none, tools label their own."""
    assert run_rule(unlabelled_images, turn(*content)) == []


@pytest.mark.parametrize(
    ("content", "bare", "location"),
    [
        (["<png 8x8>", "<png 8x8>", "Compare."], 2, 0),
        (["Image 1:", "<png 8x8>", "<png 8x8>"], 1, 2),
        (["Image 1:", "<png 8x8>", "This is my cat.", "<png 8x8>"], 1, 3),
        (["Image 1:", "<png 8x8>", "", "<png 8x8>"], 1, 3),
    ],
)
def test_images_without_a_label_are_one_problem_a_turn(content: list[Any], bare: int, location: int) -> None:
    """No text, a sentence and an empty text are no labels; the first image without one is the place."""
    [problem] = run_rule(unlabelled_images, turn(*content))
    assert (problem.measured, problem.unit) == (bare, "images")
    assert problem.message.startswith(f"{bare} of the 2 images of the turn have no label")
    assert locations([problem]) == [f"messages.0.content.{location}"]
    assert problem.fix == LabelImages()


def test_images_of_the_assistant_need_no_label() -> None:
    """Only user turns are looked at."""
    assert run_rule(unlabelled_images, turn("<png 8x8>", "<png 8x8>", role="assistant")) == []


@pytest.mark.parametrize(
    "turns",
    [
        (["<png 8x8>", "What?"],),
        ("Hello", "Hello", ["<png 8x8>", "What?"]),
        (["<png 8x8>", "What?"], "It is"),
        ([{"type": "image", "source": {"type": "file", "file_id": "file_1"}}], "A cat.", "Which breed?"),
        ([{"type": "image", "source": {"type": "url", "url": "https://example.com/a"}}], "A cat.", "And?"),
    ],
)
def test_images_that_are_sent_for_the_first_time_are_silent(turns: tuple[Any, ...]) -> None:
    """New images, an answer begun for the model, and images that are no base64."""
    assert run_rule(resent_image, talk(*turns)) == []


def test_two_user_turns_in_a_row_are_one() -> None:
    """Nothing was answered between them, so nothing is sent again."""
    body = request(
        {"messages": [{"role": "user", "content": ["<png 8x8>"]}, {"role": "user", "content": "?"}]}
    )
    assert run_rule(resent_image, body) == []


def test_images_of_earlier_turns_are_one_problem_with_totals() -> None:
    """Bytes and tokens of all of them, tool results included, at the first; new images are not counted."""
    tool = {"type": "tool_result", "tool_use_id": "toolu_1", "content": ["<png 800x600>"]}
    call = [{"type": "tool_use", "id": "toolu_1"}]
    body = talk("Hello", "Hello", ["Look:", "<png 800x600>"], call, [tool], "Done.", ["<png 800x600>"])
    [problem] = run_rule(resent_image, body)
    assert locations([problem]) == ["messages.2.content.1"]
    assert problem.message == (
        "2 images of earlier turns are sent again: 266,672 bytes of base64 and 1276 tokens in this request"
    )
    assert (problem.measured, problem.unit) == (266_672, "bytes")


def test_answer_of_several_messages_is_one() -> None:
    """The images before it are sent again all the same."""
    roles = ("user", "assistant", "assistant", "user")
    contents = (["<png 8x8>"], "Let me see.", "A dot.", "Which colour?")
    messages = [{"role": role, "content": text} for role, text in zip(roles, contents, strict=True)]
    assert locations(run_rule(resent_image, request({"messages": messages}))) == ["messages.0.content.0"]


@pytest.mark.parametrize(("platform", "advised"), [("anthropic", True), ("bedrock", False)])
def test_file_ids_are_advised_where_the_platform_has_them(platform: str, advised: bool) -> None:  # noqa: FBT001
    """Bedrock takes base64 only; caching is advised on both."""
    [problem] = run_rule(resent_image, talk(["<png 8x8>"], "A dot.", "Which colour?", platform=platform))
    assert problem.help is not None
    assert ("by file id" in problem.help) == advised
    assert "cached tokens cost 0.1 of the price" in problem.help
