"""Where a model takes fewer tokens of input than its context holds, the input is what decides."""

import pytest

from imgbudget.limits.geometry import Size
from imgbudget.model.budgets import Budget
from imgbudget.model.request_under_test import bind_request
from imgbudget.planner.bounds import token_bounds
from imgbudget.planner.division import split_request
from imgbudget.testing import request
from tests.rule_runner import limits_of, rules
from tests.stated import stated

SCREEN = Size(1920, 1080)


@pytest.mark.parametrize(
    ("model", "context", "most"),
    [
        ("gpt-5", 400_000, 272_000),
        ("gpt-5.4-nano", 400_000, 272_000),
        ("gpt-5.6", 1_050_000, 922_000),
        ("gpt-6.2-astra", 1_050_000, 922_000),
    ],
)
def test_the_maximum_input_is_stated_beside_the_context(model: str, context: int, most: int) -> None:
    """Both have a source; the smaller one is the limit of a request."""
    limits = limits_of(model, "openai")
    assert (stated(limits.context_tokens).value, stated(limits.max_input_tokens).value) == (context, most)
    assert limits.most_input is limits.max_input_tokens
    (bound,) = token_bounds(limits, Budget())
    assert (bound.name, bound.tokens) == ("maximum input", most)


@pytest.mark.parametrize(("model", "most"), [("claude-sonnet-4-6", 1_000_000), ("gpt-4o", 128_000)])
def test_without_one_the_context_decides(model: str, most: int) -> None:
    """A model whose lists state one number only."""
    limits = limits_of(model)
    (bound,) = token_bounds(limits, Budget())
    assert (limits.max_input_tokens, bound.name, bound.tokens) == (None, "context", most)


def test_a_smaller_context_of_the_user_decides() -> None:
    """Of the two the smaller one."""
    limits = limits_of("gpt-5", "openai")
    context = stated(limits.context_tokens)._replace(value=100_000)
    smaller = object.__new__(type(limits))
    smaller.__dict__.update(limits.__dict__, context_tokens=context)
    assert smaller.most_input is context


def test_a_request_between_the_two_is_reported_and_split() -> None:
    """The message names the input; a split makes parts within it."""
    body = {"role": "user", "content": ["<png 1920x1080> * 200"]}
    whole = request({"model": "gpt-5-mini", "messages": [body]})
    test = bind_request(whole, limits_of("gpt-5-mini", "openai"))
    assert stated(test.visual_tokens) == 362_000
    (finding,) = rules("IB405").check_request(test)
    assert "gpt-5-mini takes at most 272,000 tokens of input" in finding.message
    assert (finding.measured, finding.limit) == (362_000, 272_000)
    parts = split_request(test).parts
    assert [part.span.tokens <= 272_000 for part in parts] == [True, True]


def test_a_retired_preview_is_known_with_its_date() -> None:
    """Its requests are counted, reported as retired, and led to its successor."""
    limits = limits_of("claude-mythos-preview")
    assert (limits.state, limits.retired, limits.successor) == ("exact", "2026-06-30", "claude-mythos-5-2")
    assert limits.tokens_state(SCREEN) == "derived"
