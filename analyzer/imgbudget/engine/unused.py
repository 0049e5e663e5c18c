"""Ignore entries that silenced nothing, told only where the run would have shown that they do."""

import os
from collections.abc import Iterable, Iterator, Sequence
from itertools import count

from imgbudget.config import Ignore, Settings
from imgbudget.engine.paths import PathRules
from imgbudget.engine.selection import Layer, is_selected, specificity
from imgbudget.model import Keys, Place, UnusedIgnore
from imgbudget.sources.wildmatch import SPECIAL


def unused_ignores(paths: PathRules, named: Sequence[str]) -> Iterator[tuple[UnusedIgnore, int | None]]:
    """The entries that silenced nothing, each with its line; `named` are the files and folders checked."""
    if paths.silencer is None:
        return
    real = [os.path.realpath(path).replace(os.sep, "/") for path in named]
    root = os.path.realpath(paths.settings.root).replace(os.sep, "/")
    places = _places(paths.settings)
    for number, (ignore, _) in enumerate(paths.silencer.ignores):
        place = places[number]
        if number in paths.silencer.used or not _rules_ran(ignore, paths):
            continue
        if all(covered(pattern, root, real) for pattern in ignore.files):
            from imgbudget.config.edit import obstacle  # noqa: PLC0415 - runs with unused entries only

            why_not = obstacle(place.path)
            yield UnusedIgnore(place, ignore.rules, ignore.files, ignore.reason, why_not), ignore.line


def _places(settings: Settings) -> list[Place]:
    """Where each ignore entry stands: its file, and the route to it there."""
    counts: dict[str, Iterator[int]] = {}
    places = []
    for ignore in settings.ignores:
        table: Keys = ("tool", "imgbudget") if ignore.path.endswith("pyproject.toml") else ()
        number = next(counts.setdefault(ignore.path, count()))
        keys: Keys = (*table, "ignores", number)
        places.append(Place(ignore.path, keys, root=len(keys)))  # the API has no name for it
    return places


def covered(pattern: str, root: str, named: Iterable[str]) -> bool:
    """Whether all files that a pattern can match lie in what was checked; all paths absolute, with `/`."""
    around = root
    if "/" in pattern.rstrip("/") and not pattern.startswith("!"):
        for step in pattern.strip("/").split("/"):
            if SPECIAL.search(step):
                break
            around = f"{around}/{step}"
    return any(around == path or around.startswith(path.rstrip("/") + "/") for path in named)


def _rules_ran(ignore: Ignore, paths: PathRules) -> bool:
    """Whether the rules that an entry names ran, but for those that the configuration itself leaves off."""
    config = paths.settings
    layer = Layer(config.select, config.extend_select, config.ignore)
    ran = {rule.code for rule in paths.rules if paths.base_judge.rules.has(rule.code)}
    meant = [rule for rule in paths.rules if any(specificity(text, rule) >= 0 for text in ignore.rules)]
    wanted = [rule for rule in meant if is_selected(rule, (layer,), pedantic=False, preview=config.preview)]
    silent = {rule.code for rule in meant if rule.budgets}
    return any(rule.code in ran for rule in meant) and all(
        rule.code in ran or rule.code in silent for rule in wanted
    )
