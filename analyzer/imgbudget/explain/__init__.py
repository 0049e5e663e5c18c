"""What an error text of the API means: which rule it is, what to do, and which block is meant."""

from imgbudget.explain.known import Known
from imgbudget.explain.locate import Candidate, Located, locate
from imgbudget.explain.match import Explanation, Match, Unknown, explain
from imgbudget.explain.texts import KNOWN

__all__ = ["KNOWN", "Candidate", "Explanation", "Known", "Located", "Match", "Unknown", "explain", "locate"]
