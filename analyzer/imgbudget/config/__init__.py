"""The configuration: its settings, where it is found, and all mistakes in it at once.

The schema, which costs a few milliseconds, is in `imgbudget.config.layers`; `imgbudget.config.files` reads
and merges files.
"""

from imgbudget.config.load import UncheckedSettings, load, load_unchecked
from imgbudget.config.settings import ConfigOrigin, Ignore, NameKind, NameReference, Override, Settings
from imgbudget.config.suggest import check_platform, check_selectors
from imgbudget.config.units import parse_bytes, parse_cost, parse_tokens
from imgbudget.model.budgets import Budget, Budgets

__all__ = [
    "Budget",
    "Budgets",
    "ConfigOrigin",
    "Ignore",
    "NameKind",
    "NameReference",
    "Override",
    "Settings",
    "UncheckedSettings",
    "check_platform",
    "check_selectors",
    "load",
    "load_unchecked",
    "parse_bytes",
    "parse_cost",
    "parse_tokens",
]
