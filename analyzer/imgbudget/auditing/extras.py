"""Modules of the audit that need packages of the extra `datasets`: loaded when they are needed."""

from importlib import import_module
from importlib.util import find_spec
from types import ModuleType

from imgbudget.errors import UsageError

MANY_ROWS = "more than 100,000 rows"
"""What needs Parquet and DuckDB in a plain audit."""


def needed(module: str, what: str) -> ModuleType:
    """The module; `what` is the subject of the message if a package for it is not installed.

    Raises:
        UsageError: a package is not installed.
    """
    try:
        return import_module(module)
    except ModuleNotFoundError as error:
        name = error.name or ""
        if name.partition(".")[0] == "imgbudget":
            raise
        raise _missing(what, name) from None


def require(what: str, *packages: str) -> None:
    """Check that packages are installed, without importing them yet.

    Raises:
        UsageError: one is not.
    """
    missing = [name for name in packages if find_spec(name) is None]
    if missing:
        raise _missing(what, ", ".join(missing))


def _missing(what: str, names: str) -> UsageError:
    return UsageError(f"{what} need {names}: pip install 'imgbudget[datasets]'")
