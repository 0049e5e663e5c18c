"""Copies among the image files of a run: files that may be some are compared, on several processes."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import chain

from imgbudget.imageinfo.files import identical_files
from imgbudget.linter.pool import WorkerPool

PATHS_AT_ONCE = 400
"""Files in one item of work; comparing them takes some 10 ms, more than to start a process."""

Groups = list[Sequence[str]]
Copies = tuple[int, tuple[str, ...]]
"""The length of files with the same bytes, and their paths."""


def copies_among(candidates: Iterable[Sequence[str]], processes: int) -> Iterator[Copies]:
    """The copies among each group of candidates, in the order of the groups; see `identical_files`."""
    if processes == 1:
        yield from identical_files(candidates)
        return
    items = _items(candidates)
    first, second = next(items, []), next(items, [])
    if not second:
        yield from identical_files(first)
        return
    with WorkerPool(_make_worker, processes) as pool:
        for outcome in pool.run_in_order(chain((first, second), items)):
            # the files of a process that was killed are compared in this one
            yield from identical_files(outcome.item) if outcome.answer is None else outcome.answer


def _items(candidates: Iterable[Sequence[str]]) -> Iterator[Groups]:
    groups: Groups = []
    paths = 0
    for group in candidates:
        groups.append(group)
        paths += len(group)
        if paths >= PATHS_AT_ONCE:
            yield groups
            groups, paths = [], 0
    if groups:
        yield groups


def _make_worker() -> Callable[[Groups], list[Copies]]:
    return lambda groups: list(identical_files(groups))
