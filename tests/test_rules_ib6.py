"""IB6, IB801 and IB004: the user's own budgets, copies of files, ignores without effect."""

import pytest

from imgbudget.limits.data import LimitsData
from imgbudget.limits.geometry import Size
from imgbudget.model.budgets import Budget, Budgets
from imgbudget.model.fixes import DropEntry, Recode, Resize, ShrinkRequest, ShrinkTokens
from imgbudget.model.location import Location
from imgbudget.model.subjects import Problem, Run, UnusedIgnore
from imgbudget.testing import image, request, run_rule, whole_run
from imgbudget_rules.ib004_unused_ignore import unused_ignore
from imgbudget_rules.ib601_over_image_tokens import over_image_tokens
from imgbudget_rules.ib602_over_request_tokens import over_request_tokens
from imgbudget_rules.ib603_over_request_cost import over_request_cost
from imgbudget_rules.ib604_over_run_budget import over_run_budget
from imgbudget_rules.ib605_over_bytes_budget import over_bytes_budget
from imgbudget_rules.ib801_duplicate_file import duplicate_file
from imgbudget_rules.limits._generated import DATA
from imgbudget_rules.spending import money
from tests.stated import stated

LIMITS = LimitsData.from_mapping(DATA).bind("claude-sonnet-4-6", "anthropic")
SQUARE = "<png 1092x1092>"  # 39 x 39 patches: 1521 tokens
TWO = request({"messages": [{"role": "user", "content": [f"{SQUARE} * 2"]}]})
BY_URL = request(
    {
        "messages": [
            {
                "role": "user",
                "content": [{"type": "image", "source": {"type": "url", "url": "https://example.com/a.png"}}],
            }
        ]
    }
)


def of_image(budget: Budget, spec: str = SQUARE) -> list[Problem]:
    """What IB601 says of an image within a budget."""
    return run_rule(over_image_tokens, image(spec), budgets=Budgets(image=budget))


def test_image_within_its_tokens_is_silent() -> None:
    """Exactly the budget is within it; so is a damaged image, which takes none."""
    assert of_image(Budget(tokens=1521)) == []
    assert of_image(Budget(cost=0.004563)) == []
    assert of_image(Budget(tokens=1), '<png 1092x1092 damage="ends early">') == []


def test_image_over_its_tokens_becomes_the_largest_within_them() -> None:
    """One token too many: the fix is 38 patches a side."""
    [problem] = of_image(Budget(tokens=1520))
    assert (problem.measured, problem.limit, problem.unit) == (1521, 1520, "tokens")
    assert problem.message == "image takes 1521 visual tokens; your budget for an image is 1520"
    assert problem.fix == Resize(Size(1064, 1064))


def test_large_image_is_counted_as_the_api_scales_it() -> None:
    """4000x3000 takes 1564 tokens, not those of its full size."""
    assert of_image(Budget(tokens=1564), "<jpeg 4000x3000>") == []
    [problem] = of_image(Budget(tokens=1563), "<jpeg 4000x3000>")
    assert problem.measured == 1564


def test_image_over_its_cost_is_reported_in_dollars() -> None:
    """A tenth of a cent buys 333 tokens; less than one token buys no image at all."""
    [problem] = of_image(Budget(cost=0.001))
    assert (problem.limit, problem.unit) == (0.001, "USD")
    assert isinstance(problem.fix, Resize)
    assert stated(LIMITS.tokens(problem.fix.size)) <= 333
    [hopeless] = of_image(Budget(cost=0.000001))
    assert hopeless.fix is None


def test_no_size_within_the_budget_is_not_advised() -> None:
    """On a model with a base price for each image a resize may not help; the help says so."""
    budgets = Budgets(image=Budget(tokens=84, cost=0.000001))
    problems = run_rule(over_image_tokens, image(SQUARE), model="gpt-4o", platform="openai", budgets=budgets)
    assert [problem.fix for problem in problems] == [None, None]
    assert [problem.help for problem in problems] == [
        "every size takes more than that; raise budgets.image.tokens",
        "every size costs more than that; raise budgets.image.cost",
    ]


def test_request_within_its_budget_is_silent() -> None:
    """Exactly the tokens and the cost; an image of unknown size counts for nothing."""
    assert run_rule(over_request_tokens, TWO, budgets=Budgets(request=Budget(tokens=3042))) == []
    assert run_rule(over_request_cost, TWO, budgets=Budgets(request=Budget(cost=0.009126))) == []
    assert run_rule(over_request_tokens, BY_URL, budgets=Budgets(request=Budget(tokens=1))) == []


def test_request_over_its_tokens_is_to_shrink() -> None:
    """The fix asks for the budget; fewer tokens than images cannot be had."""
    [problem] = run_rule(over_request_tokens, TWO, budgets=Budgets(request=Budget(tokens=3041)))
    assert (problem.measured, problem.limit, problem.fix) == (3042, 3041, ShrinkTokens(3041))
    [hopeless] = run_rule(over_request_tokens, TWO, budgets=Budgets(request=Budget(tokens=1)))
    assert hopeless.fix is None


def test_request_over_its_cost_is_to_shrink_to_what_that_buys() -> None:
    """Six tenths of a cent buy 2000 tokens on this model."""
    [problem] = run_rule(over_request_cost, TWO, budgets=Budgets(request=Budget(cost=0.006)))
    assert problem.fix == ShrinkTokens(2000)
    assert (
        problem.message == "images cost $0.009126 on claude-sonnet-4-6; your budget for a request is $0.006"
    )


def test_run_within_its_budget_is_silent() -> None:
    """Exactly the budget is allowed; without a budget nothing is checked."""
    run = Run(Location("."), visual_tokens=10, byte_size=20, cost_usd=0.5)
    assert run_rule(over_run_budget, run, budgets=Budgets(run=Budget(tokens=10, bytes=20, cost=0.5))) == []
    assert run_rule(over_run_budget, run) == []


def test_run_over_several_budgets_is_reported_for_each() -> None:
    """Tokens, bytes and dollars are three problems."""
    run = Run(Location("."), visual_tokens=10, byte_size=20, cost_usd=0.5)
    found = run_rule(over_run_budget, run, budgets=Budgets(run=Budget(tokens=9, bytes=19, cost=0.49)))
    assert [(problem.measured, problem.limit, problem.unit) for problem in found] == [
        (10, 9, "tokens"),
        (20, 19, "bytes"),
        (0.5, 0.49, "USD"),
    ]


def test_bytes_within_the_budget_are_silent() -> None:
    """An image and a body of exactly so many bytes; a budget for the other is none of theirs."""
    use = image("<png 300x300 bytes=1000>")
    assert run_rule(over_bytes_budget, use, budgets=Budgets(image=Budget(bytes=1000))) == []
    assert run_rule(over_bytes_budget, use, budgets=Budgets(request=Budget(bytes=1))) == []
    body = request({"bytes": 1000, "messages": [{"role": "user", "content": ["text"]}]})
    assert run_rule(over_bytes_budget, body, budgets=Budgets(request=Budget(bytes=1000))) == []


def test_bytes_over_the_budget_are_to_become_fewer() -> None:
    """An image is encoded within them, a body shrunk; a body without images has no fix."""
    use = image("<png 300x300 bytes=1001>")
    [problem] = run_rule(over_bytes_budget, use, budgets=Budgets(image=Budget(bytes=1000)))
    assert problem.fix == Recode(max_bytes=1000)
    budgets = Budgets(request=Budget(bytes=999))
    [problem] = run_rule(over_bytes_budget, TWO, budgets=budgets)
    assert problem.fix == ShrinkRequest(999)
    body = request({"bytes": 1000, "messages": [{"role": "user", "content": ["text"]}]})
    [problem] = run_rule(over_bytes_budget, body, budgets=budgets)
    assert (problem.measured, problem.fix) == (1000, None)


def test_each_further_copy_is_reported_at_its_location() -> None:
    """Of three files with the same bytes the second and the third."""
    run = whole_run({"run": {"copies": [[5, ["a.png", "b.png", "c/d.png"]]]}})
    found = run_rule(duplicate_file, run)
    assert [problem.location for problem in found] == [Location("b.png"), Location("c/d.png")]
    assert {problem.message for problem in found} == {
        "same 5 bytes as a.png; the image is paid for and counted twice"
    }
    assert run_rule(duplicate_file, Run(Location("."))) == []


def test_unused_ignore_is_reported_at_its_line() -> None:
    """Its rules, its files and its reason; the fix removes it."""
    entry = {"rules": ["IB5", "IB301"], "files": ["a/**"], "reason": "recorded"}
    [problem] = run_rule(unused_ignore, whole_run({"run": {"unused": [entry]}}))
    assert problem.message == "ignore of IB5, IB301 in a/** suppresses nothing (reason given: recorded)"
    assert problem.location is not None
    assert problem.location.pointer == "/ignores/0"
    assert problem.fix == DropEntry()
    assert run_rule(unused_ignore, Run(Location("."))) == []


def test_an_unused_ignore_that_cannot_be_removed_has_no_fix() -> None:
    """The help says why."""
    entry = UnusedIgnore(Location("a.toml"), ("IB5",), ("**",), "recorded", "no editor is installed")
    [problem] = run_rule(unused_ignore, Run(Location("."), unused=(entry,)))
    assert problem.fix is None
    assert problem.help == "remove the entry, or correct its rules, files or pointer; no editor is installed"


@pytest.mark.parametrize(
    ("usd", "text"),
    [(0.05, "$0.05"), (5, "$5.00"), (0.004563, "$0.004563"), (1234.5, "$1,234.50"), (0.0000001, "$0.00")],
)
def test_money_has_at_most_six_digits(usd: float, text: str) -> None:
    """At least cents, at most six digits."""
    assert money(usd) == text
