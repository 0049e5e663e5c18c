"""The baseline of a run: the file that the command line or the configuration names."""

import os
from collections.abc import Collection
from typing import TYPE_CHECKING, NamedTuple

from imgbudget.engine.baseline import Baseline, Entry, read_baseline
from imgbudget.errors import UsageError, os_error_text
from imgbudget.model import RunData
from imgbudget.registry import Registry

if TYPE_CHECKING:
    from imgbudget.session.run import Session


class Known(NamedTuple):
    """A baseline, None where there is none, and the folder that its paths are relative to."""

    baseline: Baseline | None
    folder: str


def load_baseline(name: str, registry: Registry, *, read: bool) -> Known:
    """The baseline in the file of that name, unread where only its folder is wanted.

    Raises:
        UsageError: the file is not there, cannot be read or is no baseline.
    """
    folder = os.path.dirname(os.path.abspath(name))
    return Known(read_file(name, registry) if read else None, folder)


def read_file(name: str, registry: Registry) -> Baseline:
    """The baseline in a file.

    Raises:
        UsageError: it is not there, cannot be read or is no baseline.
    """
    try:
        with open(name, "rb") as file:
            data = file.read()
    except FileNotFoundError:
        raise UsageError(f"{name}: no such baseline; write one with imgbudget baseline --write") from None
    except OSError as error:
        raise UsageError(f"{name}: baseline cannot be read: {os_error_text(error)}") from error
    return read_baseline(data, name, placed=placed(registry))


def placed(registry: Registry) -> frozenset[str]:
    """The rules whose findings are known by their place and not by their content alone."""
    return frozenset(rule.code for rule in registry.rules if rule.run_data is RunData.COPIES)


def fixed_entries(session: "Session", missed: Collection[str]) -> tuple[Entry, ...]:
    """The entries of the baseline that a run should have met, and has not.

    An entry counts only where its rule ran and its file lies in what was checked. Nothing is known of the
    `missed` files, which could not be looked at.
    """
    silencer, ran = session.bench.paths.silencer, session.bench.paths.base_judge.rules
    if silencer is None or silencer.baseline is None:
        return ()
    folders = [_real(path) for path in session.named]
    unseen = {_real(path) for path in missed}
    base, fixed = _real(silencer.base), []
    for number, entry in enumerate(silencer.baseline.entries):
        if number in silencer.met or not ran.has(entry.rule):
            continue
        path = os.path.normpath(f"{base}/{entry.path}").replace(os.sep, "/")
        if path not in unseen and any(path == folder or path.startswith(folder + "/") for folder in folders):
            fixed.append(entry)
    return tuple(fixed)


def _real(path: str) -> str:
    return os.path.realpath(path).replace(os.sep, "/").rstrip("/")
