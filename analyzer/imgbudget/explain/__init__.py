"""Explains an error message of the API: its meaning, the rule for it, the remedy and the block at fault."""

from imgbudget.explain.locate import Candidate, Located, locate
from imgbudget.explain.match import Explanation, Match, Unknown, explain
from imgbudget.explain.patterns import ERROR_PATTERNS
from imgbudget.explain.wording import ErrorPattern

__all__ = [
    "ERROR_PATTERNS",
    "Candidate",
    "ErrorPattern",
    "Explanation",
    "Located",
    "Match",
    "Unknown",
    "explain",
    "locate",
]
