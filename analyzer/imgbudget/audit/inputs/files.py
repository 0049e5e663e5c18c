"""Local files and folders, as `imgbudget check` meets them; archives and tables among them are opened too."""

import os
from collections.abc import Iterator, Sequence

from imgbudget.audit.desk import Desk, Where
from imgbudget.audit.inputs import container_of, input_of
from imgbudget.audit.inputs.opening import fingerprint
from imgbudget.audit.partition import SHARE, Naming, Partition
from imgbudget.audit.rows import Record
from imgbudget.session import Session
from imgbudget.sources.arguments import spell
from imgbudget.sources.entry import Found, Passed

KIND = "files"


def plan_paths(paths: Sequence[str], session: Session, naming: Naming) -> Iterator[Partition]:
    """The partitions of all named files and folders, each file once.

    Raises:
        UsageError: a path does not exist.
    """
    roots = [spell(path) for path in paths]
    shares: dict[str, list[Found | Passed]] = {root: [] for root in roots}
    at = 0
    for met in session.walk(paths):
        while at < len(roots) - 1 and not _below(met.path, roots[at]):
            at += 1
        root = roots[at] if _below(met.path, roots[at]) else met.path
        kind = container_of(met.path)
        if kind and os.path.isfile(met.path):
            yield from input_of(kind).plan(met.path, os.path.abspath(met.path), fingerprint(met.path), naming)
            continue
        share = shares.setdefault(root, [])
        share.append(met)
        if len(share) == SHARE:
            yield _partition(root, share, naming)
            share.clear()
    for root, share in shares.items():
        if share:
            yield _partition(root, share, naming)


def _below(path: str, root: str) -> bool:
    if root == ".":
        return not path.startswith(("/", "../")) and path != ".."
    return path == root or path.startswith(root.rstrip("/") + "/")


def _partition(root: str, share: list[Found | Passed], naming: Naming) -> Partition:
    marks = "\n".join(f"{met.path}\0{_mark(met.path)}" for met in share)
    return naming.name(Partition("", KIND, root, root, items=tuple(share)), marks)


def _mark(path: str) -> str:
    try:
        told = os.stat(path)
    except (OSError, ValueError):
        return ""
    return f"{told.st_size} {told.st_mtime_ns}"


def count(partition: Partition) -> int:
    """Files of the partition."""
    return len(partition.items)


def read(partition: Partition, desk: Desk) -> Iterator[Record]:
    """The rows of the files."""
    root = partition.source
    cut = 0 if root == "." else len(root.rstrip("/")) + 1
    for met in partition.items:
        if not isinstance(met, Found | Passed):
            continue
        where = Where(root, met.path[cut:] or None) if met.path != root else Where(root)
        if isinstance(met, Passed):
            yield desk.skip(where, met.reason, missed=met.missed)
        else:
            yield from desk.file(where, met)
