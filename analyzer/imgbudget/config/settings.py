"""The settings that a run goes by, as frozen values with their defaults; nothing here reads a file."""

from collections.abc import Mapping
from enum import Enum
from types import MappingProxyType
from typing import NamedTuple

from imgbudget.budgets import Budget, Budgets

__all__ = [
    "ALL_FILES",
    "Budget",
    "Budgets",
    "Ignore",
    "NameKind",
    "Origin",
    "Override",
    "Settings",
    "Written",
]

ALL_FILES = ("**",)
"""The patterns of an ignore entry that names no files."""


class Origin(NamedTuple):
    """Where a value of a configuration stands: the file as people are shown it, and the 1-based line.

    `line` is None only where it cannot be told.
    """

    path: str
    line: int | None


class NameKind(Enum):
    """What a name in a configuration is the name of, where only the caller knows which there are."""

    RULE = "rule"
    PLATFORM = "platform"


class Written(NamedTuple):
    """A name that a configuration uses; `at` is the route to it, e.g. `overrides[0].select[1]`."""

    kind: NameKind
    at: str
    text: str
    origin: Origin


class Override(NamedTuple):
    """Other rules, severities or budgets for some files. `select` None leaves what was selected before.

    `path` is the configuration that it stands in.
    """

    files: tuple[str, ...]
    select: tuple[str, ...] | None = None
    extend_select: tuple[str, ...] = ()
    ignore: tuple[str, ...] = ()
    severity: Mapping[str, str] = MappingProxyType({})
    budgets: Budgets = Budgets()
    path: str = ""


class Ignore(NamedTuple):
    """Findings that are expected, and why. `pointer` (RFC 6901) narrows it to a value and all inside it.

    `sha256` narrows it to image files whose content has a hash that begins so, wherever they lie,
    `custom_id` to the request of that id. `path` and `line` say where the entry itself stands.
    """

    rules: tuple[str, ...]
    reason: str
    files: tuple[str, ...] = ALL_FILES
    pointer: str | None = None
    sha256: str | None = None
    custom_id: str | None = None
    path: str = ""
    line: int | None = None


class Settings(NamedTuple):
    """All that a configuration says, defaults filled in.

    `severity` maps selectors of rules to `error`, `warning` or `info`. `limits` is the absolute path of a
    file laid over the shipped limits, `baseline` that of a file of known findings. Patterns are relative to
    `root`, the folder of the configuration (of the start where there is none), also those that come from a
    file it extends. `source` is the absolute path of the configuration, None without one. `notes` are
    remarks for the user that are no mistakes. `written` keeps the places of names that are checked once the
    rules are loaded.
    """

    model: str = "claude-sonnet-4-6"
    platform: str = "anthropic"
    packs: tuple[str, ...] = ("imgbudget_rules",)
    select: tuple[str, ...] = ("ALL",)
    extend_select: tuple[str, ...] = ()
    ignore: tuple[str, ...] = ()
    severity: Mapping[str, str] = MappingProxyType({})
    exclude: tuple[str, ...] = ()
    budgets: Budgets = Budgets()
    overrides: tuple[Override, ...] = ()
    ignores: tuple[Ignore, ...] = ()
    limits: str | None = None
    baseline: str | None = None
    preview: bool = False
    root: str = "."
    source: str | None = None
    notes: tuple[str, ...] = ()
    written: tuple[Written, ...] = ()
