"""Explains an error message of the API: its meaning, the rule for it, the remedy and the block at fault."""

from imgbudget.explaining.locate import Candidate, Located, locate
from imgbudget.explaining.match import Explanation, Match, Unknown, explain
from imgbudget.explaining.patterns import ERROR_PATTERNS
from imgbudget.explaining.wording import ErrorPattern

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
