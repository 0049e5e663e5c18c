"""The baseline of a run: the file that the command line or the configuration names."""

import os
from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING, NamedTuple

from imgbudget.config import Settings
from imgbudget.engine.baseline import Baseline, Entry, read_baseline
from imgbudget.engine.selection import RuleSet
from imgbudget.engine.silencing import Silencer
from imgbudget.errors import UsageError
from imgbudget.model import Watch
from imgbudget.registry import Registry

if TYPE_CHECKING:
    from imgbudget.session.wishes import Wishes


class Known(NamedTuple):
    """A baseline, None where there is none, and the folder that its paths are relative to."""

    baseline: Baseline | None
    folder: str


def load_baseline(wishes: "Wishes", settings: Settings, registry: Registry) -> Known:
    """The baseline that holds for a run.

    Raises:
        UsageError: the file that is named is not there, cannot be read or is no baseline.
    """
    name = wishes.baseline or settings.baseline
    if name is None:
        return Known(None, settings.root)
    folder = os.path.dirname(os.path.abspath(name))
    return Known(read_file(name, registry) if wishes.use_baseline else None, folder)


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
        why = (error.strerror or str(error)).lower()
        raise UsageError(f"{name}: baseline cannot be read: {why}") from error
    return read_baseline(data, name, placed=placed(registry))


def placed(registry: Registry) -> frozenset[str]:
    """The rules whose findings are known by their place and not by their content alone."""
    return frozenset(rule.code for rule in registry.rules if rule.watch is Watch.COPIES)


def fixed_entries(
    silencer: Silencer, ran: RuleSet, named: Sequence[str], missed: Collection[str]
) -> tuple[Entry, ...]:
    """The entries of the baseline that a run over the `named` files and folders has not met.

    An entry counts only where its rule ran and its file lies in what was named and was not missed.
    """
    if silencer.baseline is None:
        return ()
    folders = [_real(path) for path in named]
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
