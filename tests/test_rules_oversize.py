"""IB107, IB108, IB505: what becomes of an image that is too large when it matters that it is not scaled."""

from typing import Any

import pytest

from imgbudget.limits.geometry import Size
from imgbudget.model.fixes import Resize
from imgbudget.model.subjects import Problem, Request
from imgbudget.testing import request, run_rule
from imgbudget_rules.ib107_toolset_screenshot_oversized import toolset_screenshot_oversized
from imgbudget_rules.ib108_oversized_and_strict import oversized_and_strict
from imgbudget_rules.ib201_oversized_image import oversized_image
from imgbudget_rules.ib505_coordinate_drift import coordinate_drift


def turn(*content: Any, **more: Any) -> Request:
    """A request of one user turn."""
    return request({"messages": [{"role": "user", "content": list(content)}], **more})


def talk(*turns: list[Any] | str, **more: Any) -> Request:
    """A request of turns that user and assistant take by turns."""
    roles = ("user", "assistant")
    messages = [{"role": roles[i % 2], "content": content} for i, content in enumerate(turns)]
    return request({"messages": messages, **more})


def locations(problems: list[Problem]) -> list[str | None]:
    """The locations of the problems, in the API's notation."""
    return [problem.location.dotted if problem.location else None for problem in problems]


def screenshot(spec: str, kind: str = "computer_toolset_20260801", **more: Any) -> Request:
    """A session with one screenshot, taken by the tool of that type."""
    name = kind.partition("_")[0]
    tool = {"type": kind} if "toolset" in kind else {"type": kind, "name": name}
    said = {"toolset_name": name} if "toolset" in kind else {}
    call = {"type": "tool_use", "id": "toolu_1", "name": "screenshot" if said else name, "input": {}}
    result = {"type": "tool_result", "tool_use_id": "toolu_1", "content": ["done", spec]}
    turns = [
        {"role": "assistant", "content": [call | said]},
        {"role": "user", "content": [result | said]},
    ]
    return request({"tools": [tool], "messages": turns, **more})


@pytest.mark.parametrize("spec", ["<png 1568x784>", "<png 1092x1092>", "<png 9000x9000>", "<png damage=x>"])
def test_screenshot_that_fits_is_accepted(spec: str) -> None:
    """1568 px and 1568 tokens pass; refused or undecodable images are not checked."""
    assert run_rule(toolset_screenshot_oversized, screenshot(spec)) == []


@pytest.mark.parametrize("kind", ["computer_20250124", "computer_20251124", "computer_toolset_20991231"])
def test_screenshot_of_an_older_or_unknown_tool_is_scaled_down(kind: str) -> None:
    """Tools before the toolsets, and versions of which nothing is known, are IB201's business."""
    body = screenshot("<png 1920x1080>", kind)
    assert run_rule(toolset_screenshot_oversized, body) == []
    assert len(run_rule(oversized_image, body)) == 1
    assert run_rule(toolset_screenshot_oversized, turn("<png 1920x1080>")) == []


@pytest.mark.parametrize("kind", ["computer_toolset_20260801", "browser_toolset_20260801"])
@pytest.mark.parametrize(
    ("spec", "measured", "unit", "planned"),
    [("<png 1569x784>", 1569, "px", Size(1568, 784)), ("<png 1093x1093>", 1600, "tokens", Size(1092, 1092))],
)
def test_oversized_screenshot_of_a_toolset_is_refused(
    kind: str, spec: str, measured: int, unit: str, planned: Size
) -> None:
    """One pixel over is reported with the toolset's name, and not as an image that is scaled down."""
    body = screenshot(spec, kind)
    [problem] = run_rule(toolset_screenshot_oversized, body)
    assert (problem.measured, problem.limit, problem.unit) == (measured, 1568, unit)
    assert f"the API rejects such a screenshot for {kind}, it does not downscale it" in problem.message
    assert problem.fix == Resize(planned)
    assert run_rule(oversized_image, body) == []


def test_screenshot_is_compared_with_the_tier_of_the_model() -> None:
    """2560x1440 is allowed for the high-resolution tier only."""
    assert (
        run_rule(toolset_screenshot_oversized, screenshot("<png 2560x1440>", model="claude-opus-5-5")) == []
    )
    assert len(run_rule(toolset_screenshot_oversized, screenshot("<png 2560x1440>"))) == 1


def wished(spec: str, transformations: Any) -> Request:
    """An image block with its transformations."""
    source = {"type": "base64", "media_type": "image/png", "data": spec}
    return turn({"type": "image", "source": source, "transformations": transformations})


@pytest.mark.parametrize("wish", [None, {}, {"oversized_image": None}, {"oversized_image": "downsize"}])
def test_image_that_may_be_scaled_down_is_not_refused(wish: Any) -> None:
    """Left out, null, empty and `downsize` are the same."""
    assert run_rule(oversized_and_strict, wished("<png 1920x1080>", wish)) == []
    assert len(run_rule(oversized_image, wished("<png 1920x1080>", wish))) == 1


def test_strict_image_that_fits_is_taken() -> None:
    """The size that the API would have made is left alone."""
    assert run_rule(oversized_and_strict, wished("<png 1456x819>", {"oversized_image": "error"})) == []


def test_strict_image_that_is_too_large_is_refused_in_the_words_of_the_api() -> None:
    """The text is the API's to the letter, with both sizes."""
    [problem] = run_rule(oversized_and_strict, wished("<png 1920x1080>", {"oversized_image": "error"}))
    assert (
        "`image dimensions 1920x1080 exceed the maximum image size of a model named on this request and "
        "would be downsized to 1456x819; scale the image to at most 1456x819 or set the image's "
        'oversized_image setting to "downsize"`'
    ) in problem.message
    assert problem.fix == Resize(Size(1456, 819))


BOX = "Give the bounding box of the button."


@pytest.mark.parametrize(
    ("spec", "text"),
    [
        ("<png 1456x819>", BOX),
        ("<png 1920x1080>", "What is in this image?"),
        ("<png 1920x1080>", "Does it fit my boxes?"),
        ("<png 9000x100>", BOX),
        ("<svg>", BOX),
    ],
)
def test_image_that_is_not_scaled_or_not_asked_for_places_is_silent(spec: str, text: str) -> None:
    """What fits, what is refused, and text that asks for something else."""
    assert run_rule(coordinate_drift, turn(spec, text)) == []


def test_words_of_another_turn_and_of_tools_do_not_count() -> None:
    """An earlier question, the assistant's answer and what a tool says are about something else."""
    tool = {"type": "tool_result", "tool_use_id": "toolu_1", "content": ["clicked", "<png 1920x1080>"]}
    assert run_rule(coordinate_drift, talk(BOX, "The bbox is 1,2", ["<png 1920x1080>", "And?"])) == []
    assert run_rule(coordinate_drift, turn(tool)) == []


def test_image_that_forbids_scaling_does_not_drift() -> None:
    """It is refused instead."""
    source = {"type": "base64", "data": "<png 1920x1080>"}
    block = {"type": "image", "source": source, "transformations": {"oversized_image": "error"}}
    assert run_rule(coordinate_drift, turn(block, BOX)) == []


@pytest.mark.parametrize(
    "text",
    [
        BOX,
        "Return bboxes as JSON",
        "Where should I click?",
        "Coordinates of the door?",
        "the pixel position of the cat",
        "answer as x, y",
        "answer as (x,y)",
    ],
)
def test_question_for_places_in_a_scaled_image_is_reported(text: str) -> None:
    """Each of the words, with both sizes and the fix."""
    [problem] = run_rule(coordinate_drift, turn("<png 1920x1080>", text))
    assert "the API downscales 1920x1080 to 1456x819" in problem.message
    assert (problem.measured, problem.limit, problem.unit) == (1920, 1568, "px")
    assert problem.fix == Resize(Size(1456, 819))


def test_system_prompt_that_asks_for_places_holds_for_every_turn() -> None:
    """Images of all user turns are reported, those in tool results too."""
    tool = {"type": "tool_result", "tool_use_id": "toolu_1", "content": ["<png 1920x1080>"]}
    body = talk(["<png 1920x1080>"], "ok", [tool, "<png 800x600>"], system="Answer with the point to click.")
    found = run_rule(coordinate_drift, body)
    assert locations(found) == ["messages.0.content.0", "messages.2.content.0.content.0"]
    assert found[0].message.startswith("text asks for coordinates ('click'), but ")
