"""Copies among the image files of a run: files that may be some are compared, on several processes."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import chain
from typing import TYPE_CHECKING

from imgbudget.imageinfo.files import identical_files
from imgbudget.linter.pool import WorkerPool

if TYPE_CHECKING:
    from imgbudget.imageinfo.cache import ComparisonCache

PATHS_AT_ONCE = 400
"""Files in one item of work; comparing them takes some 10 ms, more than to start a process."""

PATHS_WITH_CACHE = 100_000
"""Files whose earlier comparisons are looked up, some 60 MB; of more, each part would read all the cache."""

Groups = list[Sequence[str]]
Copies = tuple[int, tuple[str, ...]]
"""The length of files with the same bytes, and their paths."""


def copies_among(
    candidates: Iterable[Sequence[str]], processes: int, cache: "ComparisonCache | None" = None
) -> Iterator[Copies]:
    """The copies among each group of candidates, in the order of the groups; see `identical_files`.

    Groups that the cache knows are not read, unless there are very many files.
    """
    if cache is None:
        return _compared(candidates, processes)
    items = _items(candidates, PATHS_WITH_CACHE)
    first = next(items, [])
    second = next(items, None)
    if second is None:
        return _with_cache(first, processes, cache)
    return _compared(chain(first, second, chain.from_iterable(items)), processes)


def _with_cache(groups: Groups, processes: int, cache: "ComparisonCache") -> Iterator[Copies]:
    cache.load(chain.from_iterable(groups))
    known = [cache.copies(group) for group in groups]
    unknown = [number for number, copies in enumerate(known) if copies is None]
    number_of = {path: number for number in unknown for path in groups[number]}
    found: dict[int, list[Copies]] = {}
    for copies in _compared([groups[number] for number in unknown], processes):
        found.setdefault(number_of[copies[1][0]], []).append(copies)
    for number in unknown:
        cache.keep(groups[number], found.get(number, ()))
    cache.flush()
    for number, copies_in_group in enumerate(known):
        yield from found.get(number, ()) if copies_in_group is None else copies_in_group


def _compared(candidates: Iterable[Sequence[str]], processes: int) -> Iterator[Copies]:
    if processes == 1:
        yield from identical_files(candidates)
        return
    items = _items(candidates, PATHS_AT_ONCE)
    first, second = next(items, []), next(items, [])
    if not second:
        yield from identical_files(first)
        return
    with WorkerPool(_make_worker, processes) as pool:
        for outcome in pool.run_in_order(chain((first, second), items)):
            # the files of a process that was killed are compared in this one
            yield from identical_files(outcome.item) if outcome.answer is None else outcome.answer


def _items(candidates: Iterable[Sequence[str]], at_once: int) -> Iterator[Groups]:
    groups: Groups = []
    paths = 0
    for group in candidates:
        groups.append(group)
        paths += len(group)
        if paths >= at_once:
            yield groups
            groups, paths = [], 0
    if groups:
        yield groups


def _make_worker() -> Callable[[Groups], list[Copies]]:
    return lambda groups: list(identical_files(groups))
