"""The user's own budgets: the most that one image, one request and one run may use."""

from imgbudget.namedtuples import NamedTuple


class Budget(NamedTuple):
    """The most that one image, one request or one run may use: visual tokens, bytes and US dollars."""

    tokens: int | None = None
    bytes: int | None = None
    cost: float | None = None

    def over(self, lower: "Budget") -> "Budget":
        """This budget with the amounts that it does not set taken from a lower one."""
        return Budget(
            tokens=lower.tokens if self.tokens is None else self.tokens,
            bytes=lower.bytes if self.bytes is None else self.bytes,
            cost=lower.cost if self.cost is None else self.cost,
        )


class Budgets(NamedTuple):
    """The user's own budgets, by scope."""

    image: Budget = Budget()
    request: Budget = Budget()
    run: Budget = Budget()

    def amount(self, name: str) -> float | None:
        """The amount of `image.tokens` and the like, None if not set."""
        scope, _, unit = name.partition(".")
        found: float | None = getattr(getattr(self, scope), unit)
        return found

    def over(self, lower: "Budgets") -> "Budgets":
        """These budgets over lower ones, amount by amount."""
        return Budgets(*(mine.over(theirs) for mine, theirs in zip(self, lower, strict=True)))


NO_BUDGETS = Budgets()

NAMES = tuple(f"{scope}.{unit}" for scope in Budgets._fields for unit in Budget._fields)
"""The name of every amount: image.tokens, image.bytes, ..."""
