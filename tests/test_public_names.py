"""The names that programs import from `imgbudget`."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import imgbudget


def test_all_public_names_can_be_imported() -> None:
    """Each name of `__all__` is there."""
    for name in imgbudget.__all__:
        assert getattr(imgbudget, name) is not None


def test_old_name_of_run_options_warns_and_still_works() -> None:
    """`Wishes` is `RunOptions` for one more release, and names its successor in a DeprecationWarning."""
    with pytest.warns(DeprecationWarning, match=r"imgbudget\.Wishes is now imgbudget\.RunOptions"):
        old = getattr(imgbudget, "Wishes")  # noqa: B009 - type checkers do not know the old name
    assert old is imgbudget.RunOptions


@pytest.mark.parametrize("function", [imgbudget.check, imgbudget.plan, imgbudget.fix])
def test_old_name_of_the_argument_warns_and_still_works(function: Callable[..., Any], tmp_path: Path) -> None:
    """`wishes` is `options` for one more release: it takes effect as before."""
    with pytest.warns(DeprecationWarning, match="the argument wishes is now options"):
        assert function([str(tmp_path)], wishes=imgbudget.RunOptions(isolated=True)) is not None
    warns = pytest.warns(DeprecationWarning, match="is now options")
    with warns, pytest.raises(imgbudget.ImgbudgetError, match="IB999"):
        function([str(tmp_path)], wishes=imgbudget.RunOptions(select=("IB999",)))
