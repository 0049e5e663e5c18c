"""The names that programs import from `imgbudget`."""

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
