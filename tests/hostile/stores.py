"""A store in memory in place of S3, and a record of every protocol that is asked for."""

from importlib import import_module
from typing import Any, ClassVar

import fsspec
import fsspec.core
import pytest
from fsspec.implementations.memory import MemoryFileSystem


class MemoryStore(MemoryFileSystem):  # type: ignore[misc]  # fsspec has no types
    """Buckets in memory, under the protocol of S3."""

    protocol = "s3"
    store: ClassVar[dict[str, Any]] = {}
    pseudo_dirs: ClassVar[list[str]] = [""]

    @classmethod
    def _strip_protocol(cls, path: str) -> str:
        return "/" + path.removeprefix("s3://").strip("/")


def memory_store(monkeypatch: pytest.MonkeyPatch, objects: dict[str, bytes]) -> list[str]:
    """Have `s3://` URLs mean these objects; the list that is returned fills with the protocols asked for."""
    registry = import_module("fsspec.registry")  # the package has a mapping of that name
    asked: list[str] = []
    found = registry.get_filesystem_class

    def record(protocol: str) -> Any:
        asked.append(protocol)
        return found(protocol)

    def chain(*_arguments: Any, **_options: Any) -> None:
        raise AssertionError("a URL was read as a chain")

    monkeypatch.setitem(registry._registry, "s3", MemoryStore)
    monkeypatch.setattr(registry, "get_filesystem_class", record)
    for module in (fsspec, fsspec.core):
        monkeypatch.setattr(module, "url_to_fs", chain)
    monkeypatch.setattr(MemoryStore, "store", {})
    monkeypatch.setattr(MemoryStore, "pseudo_dirs", [""])
    for name, data in objects.items():
        MemoryStore().pipe_file(name, data)
    asked.clear()
    return asked
