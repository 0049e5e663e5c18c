"""Amounts with units: reads tokens, bytes and US dollars as people write them.

KB, MB and GB are powers of 1024, like KiB, MiB and GiB, because budgets are compared with the API's limits:
its error messages call 10,485,760 bytes "10 MB" and 5,242,880 bytes "5 MB" (API errors, quoted 2024-03 to
2026-09). Tokens count in thousands: 20k is 20,000.
"""

import re
from collections.abc import Iterable

from imgbudget.config.suggest import nearest, quoted
from imgbudget.model.budgets import NAMES, Budgets

NUMBER = r"(0|[1-9][0-9]{0,14}|[1-9][0-9]{0,2}(?:_[0-9]{3}){1,4})(?:\.([0-9]{1,9}))?"
"""A plain number, with or without underscores between thousands; no sign, exponent or leading zero."""

BYTES_PATTERN = rf"^{NUMBER} ?([bB]|[bB]ytes?|[kKmMgG][iI]?[bB])?$"
TOKENS_PATTERN = rf"^{NUMBER} ?([kKM])?(?: ?tokens?)?$"
COST_PATTERN = rf"^\$? ?{NUMBER}(?: ?USD)?$"

BYTES_SPELLINGS = "5 MB, 500 KB, 512 KiB, 4096 B or a plain number of bytes"
TOKENS_SPELLINGS = "1600, 1600 tokens, 20k or 1.5M"
COST_SPELLINGS = "$0.05, 0.05 USD or a plain number of US dollars"

PRICE_PATTERN = rf"^\$? ?{NUMBER}(?: ?USD(?:/MTok)?)?$"


def count_pattern(unit: str, *, fraction: bool = False) -> str:
    """The pattern of a number of a unit, which may be left out; whole unless `fraction`."""
    number = NUMBER if fraction else NUMBER.replace(r"(?:\.([0-9]{1,9}))?", "")
    return rf"^{number}(?: ?{unit})?$"


_BYTES_FACTORS = {"k": 1 << 10, "m": 1 << 20, "g": 1 << 30}
_TOKENS_FACTORS = {"k": 1_000, "K": 1_000, "M": 1_000_000}


def parse_bytes(value: str | int) -> int:
    """Whole bytes of `5 MB`, `512 KiB`, `4096 B` or a plain number, rounded down.

    Raises:
        ValueError: not a positive amount; the message is a clause with the valid spellings.
    """
    found = re.match(BYTES_PATTERN, _text(value))
    if found is None:
        raise ValueError(_not_an_amount(value, "a number of bytes", BYTES_SPELLINGS))
    whole, fraction, unit = found.groups()
    factor = _BYTES_FACTORS.get((unit or "b")[0].lower(), 1)
    if fraction and factor == 1:
        raise ValueError(_not_an_amount(value, "a number of bytes", BYTES_SPELLINGS))
    return _positive(_scaled(whole, fraction, factor), value, BYTES_SPELLINGS)


def parse_tokens(value: str | int) -> int:
    """Whole visual tokens of `1600`, `1600 tokens`, `20k` or `1.5M`, rounded down.

    Raises:
        ValueError: not a positive amount; the message is a clause with the valid spellings.
    """
    found = re.match(TOKENS_PATTERN, _text(value))
    if found is None:
        raise ValueError(_not_an_amount(value, "a number of tokens", TOKENS_SPELLINGS))
    whole, fraction, unit = found.groups()
    if fraction and unit is None:
        raise ValueError(_not_an_amount(value, "a number of tokens", TOKENS_SPELLINGS))
    amount = _scaled(whole, fraction, _TOKENS_FACTORS[unit] if unit else 1)
    return _positive(amount, value, TOKENS_SPELLINGS)


def parse_cost(value: str | float) -> float:
    """US dollars of `$0.05`, `0.05 USD` or a plain number.

    Raises:
        ValueError: not a positive amount; the message is a clause with the valid spellings.
    """
    found = re.match(COST_PATTERN, _text(value))
    if found is None:
        raise ValueError(_not_an_amount(value, "a cost", COST_SPELLINGS))
    whole, fraction = found.groups()
    dollars = float(f"{whole}.{fraction or 0}")
    if dollars <= 0:
        raise ValueError(_not_positive(value, COST_SPELLINGS))
    return dollars


def parse_count(value: str | int, unit: str) -> int:
    """A whole number of a unit, of `2000 px` or a plain number.

    Raises:
        ValueError: not a positive amount; the message is a clause with the valid spellings.
    """
    found = re.match(count_pattern(unit), _text(value))
    if found is None:
        raise ValueError(_not_an_amount(value, f"a number of {unit}", f"20 {unit} or a plain whole number"))
    return _positive(int(found[1]), value, f"20 {unit}")


def parse_factor(value: str | float) -> float:
    """A positive factor of at most 1000.

    Raises:
        ValueError: not such a factor; the message is a clause with the valid spellings.
    """
    found = re.match(count_pattern("times", fraction=True), _text(value))
    factor = float(f"{found[1]}.{found[2] or 0}") if found else 0
    if not 0 < factor <= 1000:
        raise ValueError(_not_an_amount(value, "a factor", "0.5, or another number above 0 up to 1000"))
    return factor


def parse_price(value: str | float) -> float:
    """US dollars per million tokens, with at most three decimals; 0 is a price.

    Raises:
        ValueError: not such a price; the message is a clause with the valid spellings.
    """
    found = re.match(PRICE_PATTERN, _text(value))
    if found is None or len((found[2] or "").rstrip("0")) > 3 or int(found[1].replace("_", "")) >= 1_000_000:
        spellings = "$3, 0.25 USD/MTok or a plain number with at most three decimals"
        raise ValueError(_not_an_amount(value, "a price in US dollars per million tokens", spellings))
    return float(f"{found[1]}.{found[2] or 0}")


def parse_budgets(given: Iterable[str]) -> Budgets:
    """The budgets set by texts such as `image.tokens=1600`.

    Raises:
        ValueError: an unknown budget, or an invalid amount; the message is a clause that names it.
    """
    parsers = {"tokens": parse_tokens, "bytes": parse_bytes, "cost": parse_cost}
    budgets = Budgets()
    for text in given:
        name, equals, value = text.partition("=")
        name = name.strip()
        if name not in NAMES or not equals:
            near = nearest(name, NAMES)
            hint = f"did you mean {near}?" if near and near != name else f"known: {', '.join(NAMES)}"
            if name in {"tokens", "bytes", "cost"}:
                hint = f"did you mean request.{name}, image.{name} or run.{name}?"
            raise ValueError(f"{quoted(text)} is not a budget; write e.g. image.tokens=1600; {hint}")
        scope, _, unit = name.partition(".")
        budget = getattr(budgets, scope)._replace(**{unit: parsers[unit](value)})
        budgets = budgets._replace(**{scope: budget})
    return budgets


def _text(value: str | float) -> str:
    if isinstance(value, float):
        return f"{value:.9f}".rstrip("0").rstrip(".")
    return str(value).strip()


def _scaled(whole: str, fraction: str | None, factor: int) -> int:
    fraction = fraction or ""
    return int(whole + fraction) * factor // int(10 ** len(fraction))


def _positive(amount: int, value: str | int, spellings: str) -> int:
    if amount <= 0:
        raise ValueError(_not_positive(value, spellings))
    return amount


def _not_an_amount(value: object, what: str, spellings: str) -> str:
    return f"{quoted(str(value))} is not {what}; write {spellings}"


def _not_positive(value: object, spellings: str) -> str:
    return f"{quoted(str(value))} is not more than 0; write e.g. {spellings}"
