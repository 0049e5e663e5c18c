"""The settings of a run as frozen values with their defaults; nothing here reads a file."""

from collections.abc import Mapping
from enum import Enum
from types import MappingProxyType
from typing import TYPE_CHECKING

from imgbudget.limits.values import Values
from imgbudget.model.budgets import Budget, Budgets
from imgbudget.model.pixels import DEFAULT_THRESHOLDS, PixelThresholds
from imgbudget.namedtuples import NamedTuple

if TYPE_CHECKING:
    from imgbudget.config.processors import ProcessorTable

__all__ = [
    "ALL_FILES",
    "Budget",
    "Budgets",
    "ConfigOrigin",
    "Gateway",
    "Ignore",
    "ModelProcessor",
    "NameKind",
    "NameReference",
    "Override",
    "PatternUse",
    "Settings",
]

ALL_FILES = ("**",)
"""The patterns of an ignore entry that names no files."""


class ConfigOrigin(NamedTuple):
    """The position of a value in a configuration: the file as messages show it, and the 1-based line.

    `line` is None only if it is not known.
    """

    path: str
    line: int | None


class NameKind(Enum):
    """What a name in a configuration refers to, if only the caller knows the valid names."""

    RULE = "rule"
    PLATFORM = "platform"


class NameReference(NamedTuple):
    """A name used in a configuration; `at` is the path of its value, e.g. `overrides[0].select[1]`."""

    kind: NameKind
    at: str
    text: str
    origin: ConfigOrigin


class PatternUse(NamedTuple):
    """A file pattern that says which files something holds for; `written` is the text in the file.

    `at` is the path of its value, e.g. `overrides[0].files[1]`, `pattern` what it comes to in the folder that
    the patterns of the settings are relative to.
    """

    at: str
    written: str
    pattern: str
    origin: ConfigOrigin

    @property
    def place(self) -> tuple[ConfigOrigin, str]:
        """The same for all configurations that inherit it."""
        return self.origin, self.written

    @property
    def list_at(self) -> str:
        """The path of the list that it is in."""
        return self.at.rpartition("[")[0]


class Gateway(NamedTuple):
    """A platform of the configuration: a new one, which is like another, or other limits of a known one.

    `limits` are those that it states, by name, with their file and line as the source.
    """

    name: str
    like: str | None
    limits: Values
    origin: ConfigOrigin


class Override(NamedTuple):
    """Different rules, severities, budgets or limits for some files.

    `select` None keeps the rules selected so far, `model` and `platform` None those that hold otherwise.
    `path` and `line` are the position of the entry.
    """

    files: tuple[str, ...]
    select: tuple[str, ...] | None = None
    extend_select: tuple[str, ...] = ()
    ignore: tuple[str, ...] = ()
    severity: Mapping[str, str] = MappingProxyType({})
    budgets: Budgets = Budgets()
    model: str | None = None
    platform: str | None = None
    path: str = ""
    line: int | None = None


class Ignore(NamedTuple):
    """Findings that are expected, and why. `pointer` (RFC 6901) limits it to a value and its contents.

    `sha256` limits it to image files whose hash starts with these digits, in any folder, `custom_id` to the
    request with that id. `path` and `line` are the position of the entry itself.
    """

    rules: tuple[str, ...]
    reason: str
    files: tuple[str, ...] = ALL_FILES
    pointer: str | None = None
    sha256: str | None = None
    custom_id: str | None = None
    path: str = ""
    line: int | None = None


DEFAULT_MODEL = "claude-sonnet-4-6"
DEFAULT_PLATFORM = "anthropic"


class ModelProcessor(NamedTuple):
    """Bounds that a server sets for the image processor of the models whose ids match a pattern."""

    pattern: str
    options: Mapping[str, int | str]
    origin: ConfigOrigin


class Settings(NamedTuple):
    """A whole configuration with the defaults filled in.

    `client` is the agent that sends the image files, None where they are checked as they are stored.
    `severity` maps rule selectors to `error`, `warning` or `info`. `limits` is the absolute path of a file
    that overrides the shipped limits, `baseline` that of a file of known findings. `include` are the files
    that a search may find, empty for all. Patterns are relative to `root`: the folder of the configuration
    (without one, of the checked path), even those from an extended file, or that of the uppermost one that it
    inherits. `source` is the absolute path of the configuration, None without one; `inherited` are those
    above it that it takes settings from, the nearest first. `origins` are the positions of the values that
    are set, by key, such as `model` and `budgets.image.tokens`. `notes` are remarks for the
    user that are no mistakes. `references` are the names to check after the rules are loaded, `patterns` all
    file patterns but those of `exclude`, which may name what is not there yet. `gateways` are
    the platforms that the configuration adds or changes, `processors` the bounds of image processors.
    `pixels` runs the rules on pixels, whose bounds are `thresholds`, `text` those on the text of images.
    """

    model: str = DEFAULT_MODEL
    platform: str = DEFAULT_PLATFORM
    packs: tuple[str, ...] = ("imgbudget_rules",)
    select: tuple[str, ...] = ("ALL",)
    extend_select: tuple[str, ...] = ()
    ignore: tuple[str, ...] = ()
    severity: Mapping[str, str] = MappingProxyType({})
    exclude: tuple[str, ...] = ()
    include: tuple[str, ...] = ()
    budgets: Budgets = Budgets()
    overrides: tuple[Override, ...] = ()
    ignores: tuple[Ignore, ...] = ()
    client: str | None = None
    limits: str | None = None
    baseline: str | None = None
    preview: bool = False
    pixels: bool = False
    text: bool = False
    thresholds: PixelThresholds = DEFAULT_THRESHOLDS
    root: str = "."
    source: str | None = None
    inherited: tuple[str, ...] = ()
    origins: Mapping[str, ConfigOrigin] = MappingProxyType({})
    notes: tuple[str, ...] = ()
    references: tuple[NameReference, ...] = ()
    patterns: tuple[PatternUse, ...] = ()
    gateways: tuple[Gateway, ...] = ()
    processors: "ProcessorTable | None" = None
