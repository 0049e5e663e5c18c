"""The configuration: its settings, where they are found, and every mistake in them at once.

Its schema, which costs a few milliseconds, stands in `imgbudget.config.schema`.
"""

from imgbudget.config.loading import Draft, draft, load
from imgbudget.config.selectors import check_platform, check_selectors
from imgbudget.config.settings import Budget, Budgets, Ignore, NameKind, Origin, Override, Settings, Written
from imgbudget.config.units import parse_bytes, parse_cost, parse_tokens

__all__ = [
    "Budget",
    "Budgets",
    "Draft",
    "Ignore",
    "NameKind",
    "Origin",
    "Override",
    "Settings",
    "Written",
    "check_platform",
    "check_selectors",
    "draft",
    "load",
    "parse_bytes",
    "parse_cost",
    "parse_tokens",
]
