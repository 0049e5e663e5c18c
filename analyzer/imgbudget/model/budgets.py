"""The user's own budgets: what one image, one request and one run may take."""

from imgbudget.namedtuples import NamedTuple


class Budget(NamedTuple):
    """What one image, one request or one run may take: visual tokens, bytes and US dollars."""

    tokens: int | None = None
    bytes: int | None = None
    cost: float | None = None

    def over(self, lower: "Budget") -> "Budget":
        """This one laid over another: an amount that is not set here is the lower one's."""
        return Budget(
            tokens=lower.tokens if self.tokens is None else self.tokens,
            bytes=lower.bytes if self.bytes is None else self.bytes,
            cost=lower.cost if self.cost is None else self.cost,
        )


class Budgets(NamedTuple):
    """The user's own budgets, by what they bound."""

    image: Budget = Budget()
    request: Budget = Budget()
    run: Budget = Budget()

    def amount(self, name: str) -> float | None:
        """The amount of `image.tokens` and the like, None where none is set."""
        scope, _, unit = name.partition(".")
        found: float | None = getattr(getattr(self, scope), unit)
        return found

    def over(self, lower: "Budgets") -> "Budgets":
        """These laid over others, amount by amount."""
        return Budgets(*(mine.over(theirs) for mine, theirs in zip(self, lower, strict=True)))


NO_BUDGETS = Budgets()

NAMES = tuple(f"{scope}.{unit}" for scope in Budgets._fields for unit in Budget._fields)
"""Every amount by its name: image.tokens, image.bytes, ..."""
