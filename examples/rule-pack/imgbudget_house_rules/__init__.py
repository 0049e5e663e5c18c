"""House rules for imgbudget: a pack is a package with `RULES`."""

from typing import Any

from imgbudget.rule import Rule
from imgbudget_house_rules.hr101_screenshot_as_jpeg import screenshot_as_jpeg

__all__ = ["RULES"]

RULES: tuple[Rule[Any], ...] = (screenshot_as_jpeg,)
