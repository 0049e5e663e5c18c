"""From what the command line names to partitions, one after another; no dataset is held as a whole."""

from collections.abc import Iterator, Sequence

from imgbudget.audit.inputs.files import plan_paths
from imgbudget.audit.inputs.manifests import is_manifest
from imgbudget.audit.inputs.manifests import plan as plan_manifest
from imgbudget.audit.inputs.objects import plan_url
from imgbudget.audit.inputs.opening import is_url, local_path
from imgbudget.audit.partition import Naming, Partition
from imgbudget.discovery.filetypes import FileKind, kind_of
from imgbudget.discovery.walk import PathEntry, look_at
from imgbudget.linter.run import Session


def plan(
    datasets: Sequence[str], session: Session, naming: Naming, *, root: str | None = None
) -> Iterator[Partition]:
    """The partitions of all datasets. `root` is the folder or URL where the paths of manifests begin.

    Raises:
        UsageError: a dataset does not exist, or what its URL needs is not installed.
        OSError: a manifest cannot be read.
    """
    names = [local_path(name) for name in datasets]
    paths = [name for name in names if not is_url(name)]
    walk = session.walk(paths)  # tells a path that does not exist before anything is read
    del walk
    manifests = [path for path in paths if _is_manifest(path)]
    for path in manifests:
        yield from plan_manifest(path, path, naming, root=root)
    if others := [path for path in paths if path not in manifests]:
        yield from plan_paths(others, session, naming)
    for name in names:
        if is_url(name):
            yield from plan_url(name, naming, root=root)


def _is_manifest(path: str) -> bool:
    return (
        kind_of(path) in (FileKind.JSON, FileKind.JSONL)
        and look_at(path) is PathEntry.FILE
        and is_manifest(path)
    )
