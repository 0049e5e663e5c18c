"""Limits, models and prices as data. The YAML files beside this one are the truth; `DATA` is made of them."""

from imgbudget_rules.limits._generated import DATA

__all__ = ["DATA"]
