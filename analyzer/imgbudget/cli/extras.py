"""Modules that need an extra, for commands that are nothing without it."""

from importlib import import_module
from typing import Any

from imgbudget.errors import UsageError


def of_extra(module: str, extra: str) -> Any:
    """A module of imgbudget that imports what the extra installs; the command is named as the extra.

    Raises:
        UsageError: it is not installed, or is broken.
    """
    try:
        return import_module(module)
    except ImportError as error:
        needs = f"imgbudget {extra} needs the extra {extra}: pip install 'imgbudget[{extra}]' ({error})"
        raise UsageError(needs) from error
