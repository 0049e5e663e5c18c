"""What changes with the day: models that end, and prices that are valid for a time."""

import os
import time

from imgbudget.errors import UsageError
from imgbudget.limits.values import Limit, Term, Values

VARIABLE = "IMGBUDGET_DATE"
"""The environment variable with the day to check for, for reproducible runs."""

SOON = 60
"""Days before its end from which a model is reported."""

_UNKNOWN = "unknown"
_NEXT = "next_"


def day_of(text: str, where: str) -> str:
    """A day as ISO 8601; `where` is the option or variable that it comes from.

    Raises:
        UsageError: the text is no day.
    """
    if not _is_day(text):
        raise UsageError(f"{where}: {text!r} is no day; write it as 2026-11-28")
    return text


def current_day() -> str:
    """The day of the environment variable, else today.

    Raises:
        UsageError: the variable has no day.
    """
    stated = os.environ.get(VARIABLE)
    return day_of(stated, VARIABLE) if stated else time.strftime("%Y-%m-%d")


def in_force(values: Values, day: str) -> Values:
    """The values of a model on a day: `ends` instead of `retired` until it has ended, and the prices then."""
    retired = values.get("retired")
    if isinstance(retired, Term) and retired.values[0] != _UNKNOWN and day < first_day(retired.values[0]):
        values = {name: value for name, value in values.items() if name != "retired"}
        values["ends"] = retired._replace(name="ends")
    change = values.get("price_changes")
    if isinstance(change, Term) and change.values[0] != _UNKNOWN and day >= first_day(change.values[0]):
        later = {
            name.removeprefix(_NEXT): value._replace(name=name.removeprefix(_NEXT))
            for name, value in values.items()
            if name.startswith(_NEXT) and isinstance(value, Limit)
        }
        kept = {
            name: value
            for name, value in values.items()
            if name != "price_changes" and not name.startswith(_NEXT)
        }
        values = kept | later
    return values


def is_soon(end: str, day: str) -> bool:
    """Whether a model that ends on one day is to be reported on another, before it."""
    return _ordinal(first_day(end)) - _ordinal(day) <= SOON


def _ordinal(text: str) -> int:
    """The number of a day of the Gregorian calendar, counted from a March, so that leap days come last."""
    year, month, day = map(int, text.split("-"))
    year, month = (year, month - 3) if month > 2 else (year - 1, month + 9)
    return 365 * year + year // 4 - year // 100 + year // 400 + (153 * month + 2) // 5 + day


def _is_day(text: object) -> bool:
    """Whether it is a day of the calendar as ISO 8601; without datetime, which takes 2 ms at each start."""
    parts = text.split("-") if isinstance(text, str) and text.isascii() else []
    if [len(part) for part in parts] != [4, 2, 2] or not all(part.isdecimal() for part in parts):
        return False
    year, month, day = map(int, parts)
    leap = year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)
    days = {2: 29 if leap else 28, 4: 30, 6: 30, 9: 30, 11: 30}.get(month, 31)
    return year > 0 and 1 <= month <= 12 and 1 <= day <= days


def first_day(date: str) -> str:
    """The first day of a date, which may be a month or a year."""
    return date + "-01-01"[len(date) - len("2026") :] if len(date) < len("2026-11-28") else date
