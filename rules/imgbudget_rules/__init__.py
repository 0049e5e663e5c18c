"""The rules that ship with imgbudget, and the limits that they check against.

Each `ibNNN_name.py` beside this file is a rule; `_generated.py` lists them.
"""

from imgbudget_rules._generated import RULES
from imgbudget_rules.limits import DATA as LIMITS

__all__ = ["LIMITS", "RULES"]
