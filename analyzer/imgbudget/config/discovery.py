"""Finds the configuration that holds for a place: the nearest one on the way up, nothing merged."""

import os
from typing import NamedTuple

from imgbudget.config.files import MAX_BYTES, folder_of, read_head, shown
from imgbudget.errors import os_error_text

YAML_NAMES = (".imgbudget.yaml", "imgbudget.yaml")
PYPROJECT = "pyproject.toml"
"""Names in the order of precedence within one folder, the pyproject.toml last."""

_MISSPELT = (".imgbudget.yml", "imgbudget.yml")
_TABLE_NAME = b"tool.imgbudget"
_TABLE_HEADERS = (b"[tool.imgbudget]", b"[tool.imgbudget.")


class Discovery(NamedTuple):
    """The configuration found, None without one, and what the user should know of others."""

    path: str | None
    notes: tuple[str, ...]


def discover(start: str) -> Discovery:
    """The configuration nearest to `start`, a file or folder, up to the root of the file system."""
    folder = folder_of(start)
    notes: list[str] = []
    while True:
        found = _look_in(folder, notes)
        if found is not None:
            return Discovery(found, tuple(notes))
        parent = os.path.dirname(folder)
        if parent == folder:
            return Discovery(None, tuple(notes))
        folder = parent


def _look_in(folder: str, notes: list[str]) -> str | None:
    for name in _MISSPELT:
        path = os.path.join(folder, name)
        if os.path.isfile(path):
            notes.append(f"{shown(path)} is not read; a configuration is named imgbudget.yaml")
    found = [path for name in YAML_NAMES if os.path.isfile(path := os.path.join(folder, name))]
    text = _searched(os.path.join(folder, PYPROJECT), notes)
    if found:
        passed_over = found[1:]
        if any(header in text for header in _TABLE_HEADERS):
            passed_over.append(os.path.join(folder, PYPROJECT))
        notes.extend(f"{shown(path)} is not read; {shown(found[0])} comes first" for path in passed_over)
        return found[0]
    if _TABLE_NAME not in text:
        return None
    from imgbudget.config.tomlsource import holds_table  # noqa: PLC0415 - only with the name in the file

    path = os.path.join(folder, PYPROJECT)
    return path if holds_table(text.decode("utf-8-sig", "replace")) else None


def _searched(path: str, notes: list[str]) -> bytes:
    """The bytes of a pyproject.toml, empty where there is none."""
    try:
        data = read_head(path, MAX_BYTES + 1)
    except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
        return b""
    except OSError as error:
        notes.append(f"{shown(path)} is not searched for settings: {os_error_text(error)}")
        return b""
    if len(data) > MAX_BYTES:
        notes.append(f"{shown(path)} is searched for settings in its first {MAX_BYTES:,} bytes only")
    return data
