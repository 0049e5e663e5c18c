"""HR101: what the page of the rule says is what the rule does."""

import pytest

from imgbudget.testing import check_page, image, run_rule
from imgbudget_house_rules import RULES
from imgbudget_house_rules.hr101_screenshot_as_jpeg import screenshot_as_jpeg


def test_png_is_silent() -> None:
    """A PNG of a screen's size is what the rule wants."""
    assert run_rule(screenshot_as_jpeg, image("<png 1920x1080>")) == []


def test_message_names_the_size() -> None:
    """The finding tells the size that gave the screenshot away."""
    (problem,) = run_rule(screenshot_as_jpeg, image("<jpeg 1366x768>"))
    assert problem.message.startswith("a screenshot of 1366x768 is a JPEG")


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.code)
def test_pages_hold(rule: object) -> None:
    """Every example under Reports is reported, every one under Silent is not, and nothing is missing."""
    check_page(rule)  # type: ignore[arg-type]
