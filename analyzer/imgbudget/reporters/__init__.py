"""How results are shown: one small file a format, text out, nothing read."""

from imgbudget.reporters.base import Reporter
from imgbudget.reporters.registry import FORMATS, make_reporter

__all__ = ["FORMATS", "Reporter", "make_reporter"]
