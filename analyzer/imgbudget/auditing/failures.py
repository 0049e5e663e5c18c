"""What an audit does when a reader fails: the only place that catches whatever a reader raises."""

from collections.abc import Callable, Iterable, Iterator
from typing import ParamSpec, TypeVar

from imgbudget.auditing.urls import without_secrets
from imgbudget.errors import UnreadableError, os_error_text

Item = TypeVar("Item")
Other = TypeVar("Other")
Given = ParamSpec("Given")

_MOST_TEXT = 200
"""Characters of an error's own text that are shown."""


def until_failure(items: Iterable[Item], last: Callable[[Exception], Iterable[Item]]) -> Iterator[Item]:
    """The items up to the failure of their source, and then those that `last` makes of the failure.

    Readers run parsers of other projects on data that nobody has checked, and no list of the exceptions that
    they raise is complete. So everything is caught except what ends the process: Ctrl-C and exits.
    """
    try:
        yield from items
    except Exception as error:  # noqa: BLE001 - as above
        failure = error
    else:
        return
    yield from last(failure)


def attempted(
    work: Callable[Given, Item], last: Callable[[Exception], Other], *given: Given.args, **named: Given.kwargs
) -> Item | Other:
    """The result of `work`, or what `last` makes of its failure, as in `until_failure`."""
    try:
        return work(*given, **named)
    except Exception as error:  # noqa: BLE001 - as above
        failure = error
    return last(failure)


def attempt(work: Callable[[], Item], *, otherwise: Item) -> Item:
    """The result of `work`, or `otherwise` if it fails."""
    return attempted(work, lambda _: otherwise)


def reason_of(error: Exception, damage: str, rest: str = "") -> str:
    """Why something could not be read, as a clause.

    `damage` names what is wrong if the data is, such as "damaged archive"; `rest` is added to the reason.
    """
    if isinstance(error, OSError) and error.errno:
        return f"cannot be read: {os_error_text(error)}{rest}"
    if isinstance(error, ImportError):
        return f"a package cannot be loaded: {_text_of(error)}"
    return f"{damage}: {_text_of(error)}{rest}"


def _text_of(error: Exception) -> str:
    text = without_secrets(str(error).strip().partition("\n")[0])
    if isinstance(error, UnreadableError):
        return text
    if isinstance(error, MemoryError):
        return "it takes more memory than there is"
    if isinstance(error, RecursionError):
        return "it is nested too deeply"
    if isinstance(error, LookupError | TypeError | AttributeError | ArithmeticError) or not text:
        text = f"{type(error).__name__}: {text}" if text else type(error).__name__
    else:
        text = text[:1].lower() + text[1:]
    return text if len(text) <= _MOST_TEXT else f"{text[:_MOST_TEXT]} …"
