"""Arguments of the public functions: names that there are not, and old names."""

import sys
import warnings
from collections.abc import Callable
from functools import wraps
from typing import Any, ParamSpec, TypeVar, get_args

from imgbudget.config.suggest import nearest

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
