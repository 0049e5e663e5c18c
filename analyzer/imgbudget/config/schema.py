"""The configuration as one table of keys: validation, defaults and JSON Schema all come from it."""

from typing import Any

from imgbudget.config.records import Key, ListOf, MapOf, Record, Values
from imgbudget.config.settings import ALL_FILES, Budget, Budgets, Ignore, NameKind, Override, Settings
from imgbudget.config.shapes import Amount, Choice, FileName, Flag, JsonSchema, Text
from imgbudget.config.units import (
    BYTES_PATTERN,
    COST_PATTERN,
    TOKENS_PATTERN,
    parse_bytes,
    parse_cost,
    parse_tokens,
)
from imgbudget.model import Severity

_DEFAULTS = Settings()
_SEVERITY_HINT = "to silence a rule list it under ignore"


_SELECTOR = Text("a rule (a code, a prefix such as IB2, a name or ALL)", kind=NameKind.RULE)
_SELECTORS = ListOf("a list of rules", _SELECTOR)
_PATTERN = Text("a pattern of files")
_PACK = Text(
    "a rule pack",
    pattern=r"^[A-Za-z_][A-Za-z0-9_]*(\.[A-Za-z_][A-Za-z0-9_]*)*$",
    flaw="is no name that Python imports, such as imgbudget_rules",
)
_SEVERITY = Choice(
    "a severity", tuple(str(level) for level in sorted(Severity, reverse=True)), _SEVERITY_HINT
)
_SEVERITIES = MapOf("a table of severities, rule: severity,", _SEVERITY, kind=NameKind.RULE)

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

IMAGE = Key("image", _BUDGET, "What one image may take.")
REQUEST = Key("request", _BUDGET, "What all images of one request may take.")
RUN = Key("run", _BUDGET, "What all that is checked in one run may take.")


def _budgets(values: Values) -> Budgets:
    return Budgets(
        image=values.either(IMAGE, Budget()),
        request=values.either(REQUEST, Budget()),
        run=values.either(RUN, Budget()),
    )


SELECT = Key("select", _SELECTORS, "The rules that run: codes, prefixes, names or ALL.")
EXTEND_SELECT = Key("extend-select", _SELECTORS, "Rules that run beside the selected ones.")
IGNORE = Key("ignore", _SELECTORS, "Rules that do not run.")
SEVERITY = Key("severity", _SEVERITIES, "Rules whose findings count as error, warning or info.")

FILES = Key(
    "files",
    ListOf("a list of patterns", _PATTERN, empty="name at least one pattern of files, e.g. tests/**"),
    "Patterns of files, relative to the folder of the configuration.",
    required="say for which files this holds",
)


FILE_BUDGETS = Key(
    "budgets",
    Record("a table with the keys image and request", (IMAGE, REQUEST), _budgets),
    "Budgets of their own; one for the run stands at the top only.",
)


def _override(values: Values) -> Override:
    return Override(
        files=values.either(FILES, ()),
        select=values.get(SELECT),
        extend_select=values.either(EXTEND_SELECT, ()),
        ignore=values.either(IGNORE, ()),
        severity=values.either(SEVERITY, {}),
        budgets=values.either(FILE_BUDGETS, Budgets()),
        path=values.origin.path,
    )


_OVERRIDE = Record("an override", (FILES, SELECT, EXTEND_SELECT, IGNORE, SEVERITY, FILE_BUDGETS), _override)

RULES = Key(
    "rules",
    ListOf("a list of rules", _SELECTOR, empty="name at least one rule, e.g. IB501"),
    "The rules whose findings are expected.",
    required="say which rules are silenced",
)
IGNORED_FILES = Key("files", FILES.shape, FILES.about + " All files when left out.")
POINTER = Key(
    "pointer",
    Text(
        "a JSON pointer",
        pattern=r"^(/([^~]|~[01])*)?$",
        flaw="is none; it begins with a slash and writes ~ as ~0, e.g. /messages/0",
    ),
    "JSON pointer (RFC 6901) to the value that is meant, with all that stands inside it.",
)
SHA256 = Key(
    "sha256",
    Text(
        "a SHA-256",
        pattern=r"^[0-9a-fA-F]{8,64}$",
        flaw="is none; write at least the first 8 of its 64 hexadecimal digits",
    ),
    "SHA-256 of the content of an image file, or its first digits: holds wherever the file is moved to.",
)
CUSTOM_ID = Key(
    "custom_id", Text("a custom_id"), "The custom_id of the request that is meant, in a batch or JSONL file."
)
REASON = Key(
    "reason",
    Text("a reason"),
    "Why the findings are expected.",
    required="say why these findings are expected",
)


def _ignore(values: Values) -> Ignore:
    return Ignore(
        rules=values.either(RULES, ()),
        files=values.either(IGNORED_FILES, ALL_FILES),
        pointer=values.get(POINTER),
        sha256=(values.get(SHA256) or "").lower() or None,
        custom_id=values.get(CUSTOM_ID),
        reason=values.either(REASON, ""),
        path=values.origin.path,
        line=values.origin.line,
    )


_IGNORE = Record("an ignore entry", (RULES, IGNORED_FILES, POINTER, SHA256, CUSTOM_ID, REASON), _ignore)

EXTEND = Key(
    "extend", FileName("the name of a configuration file"), "Another configuration, laid under this one."
)
MODEL = Key("model", Text("a model id"), "The model that images are judged for, where a request names none.")
PLATFORM = Key("platform", Text("a platform", kind=NameKind.PLATFORM), "The platform that requests go to.")
PACKS = Key(
    "packs",
    ListOf("a list of rule packs", _PACK, empty="without a pack nothing is checked"),
    "Python packages that bring rules.",
)
EXCLUDE = Key(
    "exclude", ListOf("a list of patterns", _PATTERN), "Patterns of files and folders to pass over."
)
BUDGETS = Key(
    "budgets",
    Record("a table with the keys image, request and run", (IMAGE, REQUEST, RUN), _budgets),
    "Your own limits on tokens, bytes and cost.",
)
OVERRIDES = Key("overrides", ListOf("a list of overrides", _OVERRIDE), "Other rules for some files.")
IGNORES = Key(
    "ignores", ListOf("a list of ignore entries", _IGNORE), "Findings that are expected, with the reason."
)
LIMITS = Key("limits", FileName("the name of a limits file"), "A file of limits laid over the shipped ones.")
BASELINE = Key(
    "baseline",
    FileName("the name of a baseline file", exists=False),
    "A file of known findings, written by imgbudget baseline: what stands in it is not reported.",
)
PREVIEW = Key("preview", Flag("true or false"), "Whether rules that may still change run too.")


def _settings(values: Values) -> Settings:
    return Settings(
        model=values.either(MODEL, _DEFAULTS.model),
        platform=values.either(PLATFORM, _DEFAULTS.platform),
        packs=values.either(PACKS, _DEFAULTS.packs),
        select=values.either(SELECT, _DEFAULTS.select),
        extend_select=values.either(EXTEND_SELECT, ()),
        ignore=values.either(IGNORE, ()),
        severity=values.either(SEVERITY, {}),
        exclude=values.either(EXCLUDE, ()),
        budgets=values.either(BUDGETS, Budgets()),
        overrides=values.either(OVERRIDES, ()),
        ignores=values.either(IGNORES, ()),
        limits=values.get(LIMITS),
        baseline=values.get(BASELINE),
        preview=values.either(PREVIEW, default=False),
    )


CONFIGURATION = Record(
    "a table of settings, key: value,",
    (
        EXTEND,
        MODEL,
        PLATFORM,
        PACKS,
        SELECT,
        EXTEND_SELECT,
        IGNORE,
        SEVERITY,
        EXCLUDE,
        BUDGETS,
        OVERRIDES,
        IGNORES,
        LIMITS,
        BASELINE,
        PREVIEW,
    ),
    _settings,
)
"""All of it: the top of a YAML file, or the table `[tool.imgbudget]` of a pyproject.toml."""


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
