"""The schema of the configuration: the one source of validation, defaults and JSON Schema."""

from typing import Any

from imgbudget.config.gateways import GatewaysShape
from imgbudget.config.processors import ProcessorsShape
from imgbudget.config.settings import (
    ALL_FILES,
    Ignore,
    NameKind,
    Override,
    Settings,
)
from imgbudget.config.shapes import (
    Amount,
    ChoiceShape,
    FileName,
    Flag,
    JsonSchema,
    Key,
    ListOf,
    MapOf,
    PatternShape,
    Record,
    TextShape,
    Values,
)
from imgbudget.config.thresholds import THRESHOLDS
from imgbudget.config.units import (
    BYTES_PATTERN,
    COST_PATTERN,
    TOKENS_PATTERN,
    parse_bytes,
    parse_cost,
    parse_tokens,
)
from imgbudget.limits.clients import CLIENT_NAMES
from imgbudget.model.budgets import Budget, Budgets
from imgbudget.model.pixels import DEFAULT_THRESHOLDS
from imgbudget.model.subjects import Severity

_DEFAULTS = Settings()
_SEVERITY_HINT = "to turn a rule off, list it under ignore"


_SELECTOR = TextShape("a rule (a code, a prefix such as IB2, a name or ALL)", kind=NameKind.RULE)
_SELECTORS = ListOf("a list of rules", _SELECTOR)
_PATTERN = PatternShape("a file pattern")
_PACK = TextShape(
    "a rule pack",
    pattern=r"^[A-Za-z_][A-Za-z0-9_]*(\.[A-Za-z_][A-Za-z0-9_]*)*$",
    flaw="is not the name of a Python package, such as imgbudget_rules",
)
_SEVERITY = ChoiceShape(
    "a severity", tuple(str(level) for level in sorted(Severity, reverse=True)), _SEVERITY_HINT
)
_SEVERITIES = MapOf("a table of severities (rule: severity)", _SEVERITY, kind=NameKind.RULE)

TOKENS = Key(
    "tokens",
    Amount("a number of tokens", parse_tokens, TOKENS_PATTERN, "integer"),
    "Visual tokens, e.g. 1600 or 20k.",
)
BYTES = Key(
    "bytes",
    Amount("a number of bytes", parse_bytes, BYTES_PATTERN, "integer"),
    "Bytes, e.g. 5 MB or 512 KiB; KB, MB and GB are powers of 1024.",
)
COST = Key("cost", Amount("a cost", parse_cost, COST_PATTERN, "number"), "US dollars, e.g. $0.05.")


def _budget(values: Values) -> Budget:
    return Budget(tokens=values.get(TOKENS), bytes=values.get(BYTES), cost=values.get(COST))


_BUDGET = Record("a budget with the keys tokens, bytes and cost", (TOKENS, BYTES, COST), _budget)

IMAGE = Key("image", _BUDGET, "Budget of one image.")
REQUEST = Key("request", _BUDGET, "Budget of all images of one request.")
RUN = Key("run", _BUDGET, "Budget of everything checked in one run.")


def _budgets(values: Values) -> Budgets:
    return Budgets(
        image=values.get_or(IMAGE, Budget()),
        request=values.get_or(REQUEST, Budget()),
        run=values.get_or(RUN, Budget()),
    )


SELECT = Key("select", _SELECTORS, "Rules to run: codes, prefixes, names or ALL.")
EXTEND_SELECT = Key("extend-select", _SELECTORS, "Rules to run in addition to the selected ones.")
IGNORE = Key("ignore", _SELECTORS, "Rules to turn off.")
SEVERITY = Key("severity", _SEVERITIES, "Severity of the findings of a rule: error, warning or info.")

FILES = Key(
    "files",
    ListOf("a list of file patterns", _PATTERN, empty="give at least one file pattern, e.g. tests/**"),
    "File patterns, relative to the folder of the configuration.",
    required="say which files this applies to",
)


FILE_BUDGETS = Key(
    "budgets",
    Record("a table with the keys image and request", (IMAGE, REQUEST), _budgets),
    "Different budgets for these files; a budget for the run can only be set at the top level.",
)


def _override(values: Values) -> Override:
    return Override(
        files=values.get_or(FILES, ()),
        select=values.get(SELECT),
        extend_select=values.get_or(EXTEND_SELECT, ()),
        ignore=values.get_or(IGNORE, ()),
        severity=values.get_or(SEVERITY, {}),
        budgets=values.get_or(FILE_BUDGETS, Budgets()),
        model=values.get(MODEL),
        platform=values.get(PLATFORM),
        path=values.origin.path,
        line=values.origin.line,
    )


MODEL = Key("model", TextShape("a model id"), "Model to check images for, unless a request names one.")
PLATFORM = Key(
    "platform", TextShape("a platform", kind=NameKind.PLATFORM), "Platform that requests are sent to."
)

_OVERRIDE = Record(
    "an override",
    (FILES, MODEL, PLATFORM, SELECT, EXTEND_SELECT, IGNORE, SEVERITY, FILE_BUDGETS),
    _override,
)

RULES = Key(
    "rules",
    ListOf("a list of rules", _SELECTOR, empty="give at least one rule, e.g. IB501"),
    "The rules whose findings are expected.",
    required="say which rules to ignore",
)
IGNORED_FILES = Key("files", FILES.shape, FILES.about + " All files if left out.")
POINTER = Key(
    "pointer",
    TextShape(
        "a JSON pointer",
        pattern=r"^(/([^~]|~[01])*)?$",
        flaw="is not one; it starts with a slash and writes ~ as ~0, e.g. /messages/0",
    ),
    "JSON pointer (RFC 6901): only findings at this value or inside it.",
)
SHA256 = Key(
    "sha256",
    TextShape(
        "a SHA-256",
        pattern=r"^[0-9a-fA-F]{8,64}$",
        flaw="is not one; give at least the first 8 of its 64 hexadecimal digits",
    ),
    "SHA-256 of the content of an image file, or its first digits; applies wherever the file is moved.",
)
CUSTOM_ID = Key(
    "custom_id", TextShape("a custom_id"), "Only the request with this custom_id, in a batch or JSONL file."
)
REASON = Key(
    "reason",
    TextShape("a reason"),
    "Why the findings are expected.",
    required="say why these findings are expected",
)


def _ignore(values: Values) -> Ignore:
    return Ignore(
        rules=values.get_or(RULES, ()),
        files=values.get_or(IGNORED_FILES, ALL_FILES),
        pointer=values.get(POINTER),
        sha256=(values.get(SHA256) or "").lower() or None,
        custom_id=values.get(CUSTOM_ID),
        reason=values.get_or(REASON, ""),
        path=values.origin.path,
        line=values.origin.line,
    )


_IGNORE = Record("an ignore entry", (RULES, IGNORED_FILES, POINTER, SHA256, CUSTOM_ID, REASON), _ignore)

EXTEND = Key(
    "extend",
    FileName("the name of a configuration file", "--config"),
    "Another configuration, of the same repository, that this one extends.",
)
INHERIT = Key(
    "inherit",
    Flag(),
    "Whether to take the settings of the next configuration in a folder above where this one has none.",
)
CLIENT = Key(
    "client",
    ChoiceShape("a client", CLIENT_NAMES, "leave it out to check image files as they are stored"),
    "Agent that sends the image files: they are checked as it sends them.",
)
PLATFORMS = Key(
    "platforms",
    GatewaysShape(),
    "Gateways by name, each with the platform that it is like and its own limits; or other limits of a known "
    "platform.",
)
PROCESSORS = Key(
    "processors",
    ProcessorsShape(),
    "Bounds that your server sets for image processors, by model id or a pattern of ids.",
)
PACKS = Key(
    "packs",
    ListOf("a list of rule packs", _PACK, empty="without a rule pack nothing is checked"),
    "Installed Python packages with rules.",
)
EXCLUDE = Key(
    "exclude", ListOf("a list of file patterns", _PATTERN), "Patterns of files and folders to skip."
)
INCLUDE = Key(
    "include",
    ListOf("a list of file patterns", _PATTERN, empty="leave it out to include all files"),
    "Patterns of the files that a model gets: a search of folders checks no others. All files if left out.",
)
BUDGETS = Key(
    "budgets",
    Record("a table with the keys image, request and run", (IMAGE, REQUEST, RUN), _budgets),
    "Your own limits of tokens, bytes and cost.",
)
OVERRIDES = Key("overrides", ListOf("a list of overrides", _OVERRIDE), "Different settings for some files.")
IGNORES = Key(
    "ignores", ListOf("a list of ignore entries", _IGNORE), "Findings that are expected, with the reason."
)
LIMITS = Key(
    "limits",
    FileName("the name of a limits file", "--limits"),
    "File of limits, of the same repository, that replace shipped ones.",
)
BASELINE = Key(
    "baseline",
    FileName("the name of a baseline file", "--baseline", exists=False),
    "File of known findings, of the same repository, written by imgbudget baseline; they are not reported.",
)
PREVIEW = Key("preview", Flag(), "Whether to also run rules that may still change.")


PIXELS = Key(
    "pixels", Flag(), "Whether to decode images and run the rules on their pixels (extra: imgbudget[pixels])."
)

TEXT = Key(
    "text", Flag(), "Whether to read the text of images and run the rules on it (extra: imgbudget[text])."
)


def _settings(values: Values) -> Settings:
    return Settings(
        model=values.get_or(MODEL, _DEFAULTS.model),
        platform=values.get_or(PLATFORM, _DEFAULTS.platform),
        client=values.get(CLIENT),
        packs=values.get_or(PACKS, _DEFAULTS.packs),
        select=values.get_or(SELECT, _DEFAULTS.select),
        extend_select=values.get_or(EXTEND_SELECT, ()),
        ignore=values.get_or(IGNORE, ()),
        severity=values.get_or(SEVERITY, {}),
        exclude=values.get_or(EXCLUDE, ()),
        include=values.get_or(INCLUDE, ()),
        budgets=values.get_or(BUDGETS, Budgets()),
        overrides=values.get_or(OVERRIDES, ()),
        ignores=values.get_or(IGNORES, ()),
        limits=values.get(LIMITS),
        baseline=values.get(BASELINE),
        preview=values.get_or(PREVIEW, default=False),
        pixels=values.get_or(PIXELS, default=False),
        text=values.get_or(TEXT, default=False),
        thresholds=values.get_or(THRESHOLDS, DEFAULT_THRESHOLDS),
        gateways=values.get_or(PLATFORMS, ()),
        processors=values.get(PROCESSORS),
    )


CONFIGURATION = Record(
    "a table of settings (key: value)",
    (
        EXTEND,
        INHERIT,
        MODEL,
        PLATFORM,
        CLIENT,
        PLATFORMS,
        PROCESSORS,
        PACKS,
        SELECT,
        EXTEND_SELECT,
        IGNORE,
        SEVERITY,
        EXCLUDE,
        INCLUDE,
        BUDGETS,
        OVERRIDES,
        IGNORES,
        LIMITS,
        BASELINE,
        PREVIEW,
        PIXELS,
        TEXT,
        THRESHOLDS,
    ),
    _settings,
)
"""The top level of a YAML file, or the table `[tool.imgbudget]` of a pyproject.toml."""


def json_schema() -> JsonSchema:
    """The JSON Schema (draft 2020-12) of a configuration, for editors and other tools."""
    schema = CONFIGURATION.schema()
    properties: dict[str, Any] = schema["properties"]
    for name in (MODEL.name, PLATFORM.name):
        properties[name]["default"] = getattr(_DEFAULTS, name)
    for name in (PACKS.name, SELECT.name):
        properties[name]["default"] = list(getattr(_DEFAULTS, name))
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "imgbudget configuration",
        **schema,
    }


COMBINED = frozenset({BUDGETS.name, PLATFORMS.name, PROCESSORS.name, SEVERITY.name, THRESHOLDS.name})
APPENDED = frozenset({EXTEND_SELECT.name, IGNORES.name, OVERRIDES.name})
