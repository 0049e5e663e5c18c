"""Arguments of the public functions: names that there are not, old names, sizes, points and boxes."""

import sys
import warnings
from collections.abc import Callable, Iterable
from functools import wraps
from operator import index
from typing import Any, ParamSpec, TypeVar, get_args

from imgbudget.config.suggest import nearest, plain
from imgbudget.discovery.walk import type_name
from imgbudget.errors import UsageError
from imgbudget.limits.geometry import Size

Arguments = ParamSpec("Arguments")
Result = TypeVar("Result")


def names_arguments(function: Callable[Arguments, Result]) -> Callable[Arguments, Result]:
    """Let a function name the nearest argument where it is called with one that it does not have.

    Decorate the function itself, below what accepts old names. Raises TypeError, as Python does.
    """

    @wraps(function)
    def call(*args: Arguments.args, **kwargs: Arguments.kwargs) -> Result:
        for name in kwargs:
            if name not in (known := _arguments_of(function)):
                near = nearest(name, known)
                hint = f"; did you mean {near}?" if near else ""
                raise TypeError(f"{function.__name__}() got an unexpected keyword argument {name!r}{hint}")
        return function(*args, **kwargs)

    return call


def _arguments_of(function: Any) -> tuple[str, ...]:
    """The names of the arguments of a function, its own first and then those of its settings."""
    code = function.__code__
    settings = get_args(function.__annotations__.get("settings"))
    own = code.co_varnames[: code.co_argcount + code.co_kwonlyargcount]
    return (*own, *(name for group in settings for name in group.__annotations__))


def require_count(given: object, name: str) -> None:
    """Raise UsageError for anything but a whole number."""
    if isinstance(given, bool) or not hasattr(given, "__index__"):
        raise UsageError(f"{name}: expected a whole number, found {type_name(given)}")


def require_least(given: Any, name: str, least: int) -> None:
    """Raise UsageError for anything but a whole number of at least so many."""
    require_count(given, name)
    if index(given) < least:
        raise UsageError(f"{name}: expected {least} or more, found {given}")


def size_of(given: object, name: str) -> Size:
    """A width and a height in px.

    Raises:
        UsageError: something else.
        ValueError: an edge under 1 px.
    """
    edges = _numbers(given, 2, f"{name}: expected a width and a height in px, such as (1920, 1080)")
    for edge in edges:
        require_count(edge, name)
    if min(edges) < 1:
        raise ValueError(f"{name}: a size needs edges of at least 1 px, not {edges[0]} x {edges[1]}")
    return Size(*edges)


def points_of(given: object, name: str) -> tuple[tuple[float, float], ...]:
    """Points: x and y of each. Raises UsageError for anything else."""
    expected = f"{name}: expected pairs of numbers, such as [(640, 480)]"
    if not isinstance(given, Iterable):
        raise UsageError(f"{expected}, found {plain(repr(given))}")
    pairs = (_numbers(point, 2, expected) for point in given)
    return tuple((x, y) for x, y in pairs)


def box_of(given: object, name: str) -> tuple[float, float, float, float]:
    """A box by its two corners. Raises UsageError for anything else."""
    left, top, right, bottom = _numbers(given, 4, f"{name}: expected left, top, right and bottom")
    return left, top, right, bottom


def _numbers(given: Any, wanted: int, expected: str) -> tuple[Any, ...]:
    """So many numbers."""
    try:
        numbers = tuple(given)
        [number + 0 for number in numbers]
    except TypeError:
        numbers = ()
    if len(numbers) != wanted:
        raise UsageError(f"{expected}, found {plain(repr(given))}")
    return numbers


def accepts_wishes(function: Callable[Arguments, Result]) -> Callable[Arguments, Result]:
    """Let a function accept `wishes`, the name of `options` in 0.1, with a DeprecationWarning."""

    @wraps(function)
    def call(*args: Arguments.args, **kwargs: Arguments.kwargs) -> Result:
        if "wishes" in kwargs:
            warn_renamed(function.__name__, "wishes", "options")
            kwargs["options"] = kwargs.pop("wishes")
        return function(*args, **kwargs)

    return call


def warn_renamed(function: str, name: str, new: str) -> None:
    """Warn the caller of a public function that an argument has another name now."""
    frame, level = sys._getframe(1), 2  # noqa: SLF001 - warnings count the frames in the same way
    while frame.f_back is not None and str(frame.f_globals.get("__name__", "")).startswith("imgbudget."):
        frame, level = frame.f_back, level + 1
    text = f"{function}: the argument {name} is now {new} and goes in the next release"
    warnings.warn(text, DeprecationWarning, stacklevel=level - 1)
