"""Runs rules on subjects: selection, judging, silencing, fingerprints."""

from imgbudget.engine.judge import Judge
from imgbudget.engine.selection import Layer, RuleSet, select_rules

__all__ = ["Judge", "Layer", "RuleSet", "select_rules"]
