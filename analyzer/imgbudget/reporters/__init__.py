"""How results are shown: one small file a format, text out, nothing read."""

from imgbudget.reporters.registry import FORMATS, WITH_EDITS, WITH_RULES, make_reporter
from imgbudget.session.reporting import Reporter

__all__ = ["FORMATS", "WITH_EDITS", "WITH_RULES", "Reporter", "make_reporter"]
