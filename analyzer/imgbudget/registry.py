"""Rule packs: imports them by name, collects rules and limits, refuses codes and names that are taken."""

import importlib
from collections.abc import Iterable, Mapping
from typing import Any

from imgbudget.errors import PackError
from imgbudget.namedtuples import NamedTuple
from imgbudget.rule import Rule

AnyRule = Rule[Any]


class Registry(NamedTuple):
    """The rules of all packs in the order of their codes, and the limits data of the packs."""

    rules: tuple[AnyRule, ...]
    limits: tuple[Mapping[str, Any], ...]

    def find(self, code_or_name: str) -> AnyRule | None:
        """The rule with this code or name, in any case; None if there is none."""
        wanted = code_or_name.upper()
        for rule in self.rules:
            if rule.code == wanted or rule.name == code_or_name.lower():
                return rule
        return None


def load_packs(names: Iterable[str]) -> Registry:
    """Import each pack and take its `RULES` (a tuple of rules) and `LIMITS` (a mapping, optional).

    Raises:
        PackError: a pack cannot be imported or has no rules, or a code or name is used twice.
    """
    rules: dict[str, AnyRule] = {}
    owners: dict[str, str] = {}
    limits: list[Mapping[str, Any]] = []
    for name in names:
        try:
            pack = importlib.import_module(name)
        except ImportError as error:
            raise PackError(f"rule pack {name!r} cannot be imported: {error}") from error
        found = getattr(pack, "RULES", None)
        if not isinstance(found, tuple) or not all(isinstance(rule, Rule) for rule in found):
            raise PackError(f"rule pack {name!r} has no RULES, a tuple of rules")
        for rule in found:
            for key in (rule.code, rule.name):
                if key in owners:
                    raise PackError(f"{key} of rule pack {name!r} is already used in {owners[key]!r}")
                owners[key] = name
            rules[rule.code] = rule
        data = getattr(pack, "LIMITS", None)
        if data is not None:
            limits.append(data)
    return Registry(tuple(rules[code] for code in sorted(rules)), tuple(limits))
