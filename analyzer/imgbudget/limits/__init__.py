"""Limits and prices of models on platforms, each with its source and date; rule packs supply the numbers."""

from imgbudget.limits.bound import Limits
from imgbudget.limits.data import LimitsData, load_limits
from imgbudget.limits.model_ids import NormalizedModel
from imgbudget.limits.schema import Checked
from imgbudget.limits.values import Absent, Limit, Term

__all__ = ["Absent", "Checked", "Limit", "Limits", "LimitsData", "NormalizedModel", "Term", "load_limits"]
