"""Dividing a request into as few as hold its images, and the command that shows how."""

import json
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from imgbudget.model.budgets import Budget
from imgbudget.model.request_under_test import bind_request
from imgbudget.model.subjects import Request
from imgbudget.planner.division import split_request
from imgbudget.testing import request, run_rule
from imgbudget_rules import RULES
from tests.builders import body, image_block, image_bytes, write_json
from tests.conftest import Command
from tests.rule_runner import limits_of

STANDARD = limits_of()
REFUSES = [rule for rule in RULES if rule.code in ("IB102", "IB401", "IB402")]


def one_turn(*content: str) -> Request:
    """A request of one turn in shorthand."""
    return request({"messages": [{"role": "user", "content": list(content)}]})


def turns(*contents: list[str]) -> Request:
    """A request of several user turns."""
    return request({"messages": [{"role": "user", "content": content} for content in contents]})


def sizes(split_up: Request, **budget: int) -> list[int]:
    """How many images each part has."""
    split = split_request(bind_request(split_up, STANDARD), budget=Budget(**budget))
    return [part.span.images for part in split.parts]


def test_what_fits_is_one_part() -> None:
    """And a request without images is none."""
    assert sizes(one_turn("<png 800x600> * 20", "What is this?")) == [20]
    assert sizes(one_turn("What is this?")) == []


def test_many_large_images_are_spread_evenly() -> None:
    """25 over 2000 px: two requests, 13 and 12 and not 20 and 5; the 21st is the first too many."""
    assert sizes(one_turn("<png 1290x2796> * 20")) == [20]
    assert sizes(one_turn("<png 1290x2796> * 21")) == [11, 10]
    assert sizes(one_turn("<png 1290x2796> * 25")) == [13, 12]


def test_small_images_may_be_many() -> None:
    """The edge alone divides a crowd: 50 small images stay together."""
    assert sizes(one_turn("<png 800x600> * 50")) == [50]


def test_bytes_count_with_the_texts_that_each_part_repeats() -> None:
    """Three images of 10 MB of base64 are one too many for 32 MB beside 2.5 MB of text."""
    asked = one_turn("<png 800x600 bytes=7400000> * 3")
    assert sizes(asked) == [3]
    assert sizes(asked._replace(byte_size=asked.byte_size + 2_500_000)) == [2, 1]


def test_a_turn_is_kept_whole_where_it_fits() -> None:
    """Turns of 12 and 15 images are not cut to fill the first request up."""
    large = "<png 1290x2796> * "
    assert sizes(turns([f"{large}12"], [f"{large}15"])) == [12, 15]
    assert sizes(turns([f"{large}25"], [f"{large}3"])) == [14, 14]


def test_documents_count_with_their_pages() -> None:
    """Haiku 4.5 takes 100 images and pages: two documents of 60 pages part."""
    limits = limits_of("claude-haiku-4-5")
    split = split_request(bind_request(one_turn("<pdf 60>", "<png 800x600> * 30", "<pdf 60>"), limits))
    assert [(part.span.images, part.span.pages) for part in split.parts] == [(15, 60), (15, 60)]


def test_image_too_large_by_itself_is_reported() -> None:
    """An image of 9000 px is refused in any request."""
    split = split_request(bind_request(one_turn("<png 9000x600>", "<png 800x600>"), STANDARD))
    assert not split.fits
    assert [bool(part.reasons) for part in split.parts] == [True, False]
    assert "8000 px" in split.parts[0].reasons[0]


images = st.builds(
    "<png {}x{} bytes={}>".format,
    st.integers(1, 2500),
    st.integers(1, 2500),
    st.integers(500, 7_000_000),
)


@given(st.lists(images, min_size=1, max_size=60), st.none() | st.integers(5000, 100_000))
def test_parts_are_valid_and_as_few_as_possible(found: list[str], tokens: int | None) -> None:
    """Every image is in one part, in order; each part passes the rules; no two neighbours fit together."""
    asked = one_turn(*found)
    split = split_request(bind_request(asked, STANDARD), budget=Budget(tokens=tokens))
    assert sum(part.span.images for part in split.parts) == len(asked.images)
    at = 0
    for part in split.parts:
        mine = asked.images[at : at + part.span.images]
        at += len(mine)
        assert (part.span.first, part.span.last) == (mine[0].location, mine[-1].location)
        seen = asked._replace(images=mine, byte_size=part.byte_size)
        assert not [problem for rule in REFUSES for problem in run_rule(rule, seen)]
        assert tokens is None or part.span.tokens <= tokens
    assert split.fits


def test_the_command_shows_the_parts(imgbudget: Command, tmp_path: Path) -> None:
    """From where to where, how many, and what each takes; the places are those of the blocks."""
    blocks = [image_block(image_bytes((2100, 300), colour=i * 99)) for i in range(22)]
    write_json(tmp_path / "r.json", body(*blocks))
    run = imgbudget("split", "r.json")
    assert run.code == 0
    assert "split into 2 requests" in run.out
    assert "messages.0.content.11" in run.out
    document = imgbudget("split", "r.json", "--format", "json").json
    (split,) = document["splits"]
    assert [part["images"] for part in split["parts"]] == [11, 11]
    assert split["parts"][1]["from"]["location"] == "messages.0.content.11"
    assert split["fits"] is True
    pointer = split["parts"][1]["to"]["pointer"]
    assert pointer.startswith("/messages/0/content/21")


def test_the_command_takes_budgets_and_standard_input(imgbudget: Command) -> None:
    """Each image takes 165 tokens, so two are within 400."""
    text = json.dumps(body(*[image_block(image_bytes((400, 300), colour=i)) for i in range(5)])).encode()
    run = imgbudget("split", "-", "--budget", "request.tokens=400", "--format", "json", stdin=text)
    assert [part["images"] for part in run.json["splits"][0]["parts"]] == [2, 2, 1]


def test_the_command_names_what_cannot_be_divided(imgbudget: Command, tmp_path: Path) -> None:
    """One image over the budget by itself: exit 1, with the reason."""
    write_json(tmp_path / "r.json", body(image_block()))
    run = imgbudget("split", "r.json", "--budget", "request.tokens=100")
    assert run.code == 1
    assert "too large by itself: 165 visual tokens, over the limit of 100" in run.out


def test_file_without_a_request_is_reported(imgbudget: Command, tmp_path: Path) -> None:
    """A named file without a request is an error with its reason; one that a search finds is skipped."""
    (tmp_path / "r.json").write_text("{}")
    run = imgbudget("split", "r.json")
    assert (run.code, run.out) == (2, "requests that fit without splitting: 0 of 0\n")
    assert "no requests found" in run.err
    assert "error: r.json: not split: no request: " in run.err
    run = imgbudget("split", ".")
    assert (run.code, "skipped r.json: no request: " in run.err) == (0, True)
