"""`--fail-over`: by how much a run may exceed an earlier one."""

import re

from imgbudget.cli.output import say
from imgbudget.config.units import parse_cost, parse_tokens
from imgbudget.errors import UsageError
from imgbudget.model.comparison import Allowed, Earlier, RunComparison
from imgbudget.output.summaries import growth


class GrowthGate:
    """The growth that the option allows."""

    def __init__(self, text: str, earlier: Earlier | None) -> None:
        """Read the option; `earlier` is the run to compare with.

        Raises:
            UsageError: there is no earlier run, or the text is no growth.
        """
        if earlier is None:
            raise UsageError("--fail-over needs --compare and the report of an earlier run")
        try:
            self.earlier: Earlier = earlier._replace(allowed=parse_growth(text))
        except ValueError as error:
            raise UsageError(f"--fail-over: {error}") from error

    def exit_code(self, comparison: RunComparison | None) -> int:
        """1 if a run exceeds the earlier one by more, 2 if that is not known, both reported; else 0."""
        if comparison is None or (comparison.is_growth_known and not comparison.exceeds):
            return 0
        say(f"error: {growth(comparison)} (--fail-over)")
        return 1 if comparison.is_growth_known else 2


def parse_growth(text: str) -> Allowed:
    """The growth that `5%`, `+5%`, `20k` tokens or `$0.10` allow.

    Raises:
        ValueError: it is none of them; the message is a clause.
    """
    amount = text.strip().removeprefix("+").strip()
    percent = amount.removesuffix("%").strip() if amount.endswith("%") else None
    if percent is not None and re.fullmatch(r"[0-9]{1,6}(\.[0-9]{1,6})?", percent):
        return Allowed(text, share=float(percent) / 100)
    if amount == "0":
        return Allowed(text, tokens=0)
    try:
        if amount.startswith("$") or amount.upper().endswith("USD"):
            return Allowed(text, cost_usd=parse_cost(amount))
        return Allowed(text, tokens=parse_tokens(amount))
    except ValueError:
        pass
    raise ValueError(f"{text!r} is no growth; write 5%, 20k (tokens) or $0.10")
