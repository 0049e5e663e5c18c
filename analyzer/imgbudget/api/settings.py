"""Options of the public functions, as keyword arguments."""

import json
import os
from collections.abc import Callable, Mapping, Sequence
from functools import wraps
from typing import Any, Literal, TypeAlias, TypedDict

from imgbudget.config.units import parse_budgets
from imgbudget.discovery.walk import Paths, StrPath, path_list, type_name
from imgbudget.errors import UsageError
from imgbudget.linter.arguments import Arguments, Result, require_least, warn_renamed
from imgbudget.linter.models import ALL
from imgbudget.linter.options import RunOptions, require_switch, word_list
from imgbudget.model.budgets import Budget, Budgets
from imgbudget.model.subjects import ProbeField

Platform: TypeAlias = Literal[
    "anthropic",
    "bedrock",
    "google-cloud",
    "foundry",
    "claude-ai",
    "claude-google-cloud",
    "claude-aws",
    "openrouter",
    "gemini",
    "vertex",
    "mistral",
    "nova",
    "self-hosted",
    "openai",
    "azure-openai",
    "openai-fine-tuning",
    "azure-openai-fine-tuning",
    "qwen",
    "xai",
]
"""The platforms that imgbudget knows. One that a limits file adds is named in `RunOptions(platform=…)`."""

Detail: TypeAlias = Literal["low", "medium", "high", "ultra_high", "original", "auto"]
"""Levels of detail that an image can ask for: OpenAI's detail, Gemini's media resolution."""


class LimitSettings(TypedDict, total=False):
    """Which limits count; what is not given is as the configuration has it.

    That is the one nearest to each file; that of the working folder for what is in no file, in `audit`, the
    guard and what counts for the run as a whole.

    `limits` is a file with limits of the user, `date` the day to check for, as ISO 8601. `config` is a
    configuration to use instead of the nearest one, `isolated` uses none. `allow_local_packs` imports rule
    packs also from the working folder.
    """

    platform: Platform | None
    config: StrPath | None
    isolated: bool
    limits: StrPath | None
    date: str | None
    allow_local_packs: bool


class ModelSettings(LimitSettings, total=False):
    """The options of `LimitSettings`, and the model whose limits apply; a request's own model wins."""

    model: str | None


class ReadSettings(TypedDict, total=False):
    """How files are read. `client` is the agent that sends them; an empty text is none.

    `force_exclude` also excludes files that are named. `allow_outside` follows links in folders wherever they
    lead.
    """

    client: str | None
    force_exclude: bool
    allow_outside: bool


class ModelsFileSettings(LimitSettings, ReadSettings, total=False):
    """The options of `LimitSettings` and `ReadSettings`, for functions that take several models."""


class FileSettings(ModelSettings, ReadSettings, total=False):
    """The options of `ModelSettings` and `ReadSettings`."""


class RuleSettings(TypedDict, total=False):
    """Which rules run, and what their findings are compared with.

    Rules are selected by code, prefix or name, or all by `ALL`. `pixels` runs rules that decode images,
    `text` those that read their text. `decode` decodes every image in a process that is bounded in memory and
    time, and reports what fails.
    `baseline` is a file with known findings, which are not reported again. `budget` is what images, requests
    and the run may take, as `{"image.tokens": 1600, "run.cost": "$5"}` or "image.tokens=1600".
    """

    select: str | Sequence[str] | None
    extend_select: str | Sequence[str]
    ignore: str | Sequence[str]
    pedantic: bool
    preview: bool
    pixels: bool | None
    text: bool | None
    decode: bool
    use_ignores: bool
    baseline: StrPath | None
    use_baseline: bool
    cache: bool
    budget: "BudgetLike | None"


class AuditSettings(ModelsFileSettings, RuleSettings, total=False):
    """The options of `LimitSettings`, `ReadSettings` and `RuleSettings`."""


class CheckSettings(FileSettings, RuleSettings, total=False):
    """The options of `ModelSettings`, `ReadSettings` and `RuleSettings`.

    `statistics` counts by rule and by folder, in `summary` of the report.
    """

    statistics: bool


BudgetLike: TypeAlias = Mapping[str, str | float] | str | Sequence[str] | Budgets
"""Budgets: amounts by name, or texts such as "request.tokens=20k"."""

Models: TypeAlias = str | Sequence[str] | None
"""A model, or several."""

MOST_BUDGET = 1e18
"""The most of a budget; what is more cannot be compared exactly, and is none."""


def require_number(given: object, name: str) -> None:
    """Raise UsageError for anything but a number."""
    if isinstance(given, bool) or not (isinstance(given, float) or hasattr(given, "__index__")):
        raise UsageError(f"{name}: expected a number, found {type_name(given)}")


def body_bytes(request: object) -> bytes:
    """A request in memory as JSON; what is none is found when it is read.

    Raises:
        UsageError: no mapping, text or bytes, a path instead of JSON, or a value that JSON does not have.
    """
    if isinstance(request, Mapping):
        try:
            request = json.dumps(dict(request), ensure_ascii=False)
        except (TypeError, ValueError, RecursionError) as error:
            raise UsageError(f"request: {error}; give the body as it is sent, as JSON") from None
    if isinstance(request, str):
        if os.path.isfile(request):
            raise UsageError(f"request: {request} is the path of a file, not JSON; check(path) reads files")
        return request.encode("utf-8", "surrogatepass")
    if isinstance(request, bytes | bytearray | memoryview):
        return bytes(request)
    raise UsageError(f"request: expected a dictionary or JSON as bytes or text, found {type_name(request)}")


def run_options(
    options: RunOptions | None,
    settings: ModelSettings | FileSettings | CheckSettings | ModelsFileSettings | AuditSettings,
    model: Models = None,
    budget: BudgetLike | None = None,
) -> RunOptions:
    """The options with those that are given by name, which count more; of several models the first.

    Raises:
        UsageError: `options` are none, or a budget is none.
    """
    if options is not None and not isinstance(options, RunOptions):
        raise UsageError(f"options: expected RunOptions, found {type_name(options)}")
    given: dict[str, Any] = dict(settings)
    budget = given.pop("budget", budget)
    if budget is not None:
        given["budgets"] = budgets_of(budget)
    decode = given.pop("decode", False)
    require_switch(decode, "decode")
    if decode:  # nothing is kept: what decodes depends on the decoder, not only on the bytes
        asked = options or RunOptions()
        given |= {"fields": asked.fields | ProbeField.DECODE, "cache": False}
    if (first := next((name for name in model_names(model) if name != ALL), None)) is not None:
        given["model"] = first
    return (options or RunOptions())._replace(**given)


def require_jobs(jobs: object) -> None:
    """Raise UsageError for anything but a number of processes, or None for one per core."""
    if jobs is not None:
        require_least(jobs, "jobs", 1)


def file_list(paths: Paths) -> tuple[str, ...]:
    """The paths, of a function that does not read standard input.

    Raises:
        UsageError: the path `-`, or something else than paths.
    """
    found = path_list(paths)
    if "-" in found:
        raise UsageError("-: is standard input, which is not read here; name a file")
    return found


def model_names(model: Models) -> tuple[str, ...]:
    """The models that an argument names.

    Raises:
        UsageError: something else than text.
    """
    return () if model is None else word_list(model, "model")


def budgets_of(given: BudgetLike) -> Budgets:
    """The budgets that an argument is.

    Raises:
        UsageError: something else, an unknown budget, or an amount that is none.
    """
    if isinstance(given, Budgets):
        return given
    if isinstance(given, Mapping):
        for name, amount in given.items():
            if not isinstance(amount, str):
                require_number(amount, f"budget {name!r}")
        given = [
            f"{name}={f'{amount:.9f}' if isinstance(amount, float) else amount}"
            for name, amount in given.items()
        ]
    try:
        return parse_budgets(word_list(given, "budget"))
    except ValueError as error:
        raise UsageError(f"budget: {error}") from error


_OLD_BUDGETS = {
    "budget_tokens": "request.tokens",
    "budget_bytes": "request.bytes",
    "budget_usd": "request.cost",
}


def accepts_old_budgets(function: Callable[Arguments, Result]) -> Callable[Arguments, Result]:
    """Let a function accept `budget_tokens`, `budget_bytes` and `budget_usd`, with a DeprecationWarning."""

    @wraps(function)
    def call(*args: Arguments.args, **kwargs: Arguments.kwargs) -> Result:
        amounts: dict[str, Any] = {name: kwargs.pop(name, None) for name in _OLD_BUDGETS}
        for name, amount in amounts.items():
            if amount is not None:
                warn_renamed(function.__name__, name, f'budget={{"{_OLD_BUDGETS[name]}": …}}')
        if any(amount is not None for amount in amounts.values()):
            old = Budgets(request=budget_of(*amounts.values()))
            new: Any = kwargs.get("budget")
            kwargs["budget"] = old if new is None else budgets_of(new).over(old)
        return function(*args, **kwargs)

    return call


def budget_of(tokens: int | None, byte_size: int | None, cost_usd: float | None) -> Budget:
    """The budget of a request.

    Raises:
        UsageError: an amount that is no number.
        ValueError: an amount that is not positive, or larger than any budget.
    """
    for amount, name in ((tokens, "budget_tokens"), (byte_size, "budget_bytes"), (cost_usd, "budget_usd")):
        if amount is None:
            continue
        require_number(amount, name)
        if not amount > 0:
            raise ValueError(f"a budget is more than 0, not {amount}")
        if amount > MOST_BUDGET:
            raise ValueError(f"a budget is at most {MOST_BUDGET:.0e}; None is no budget")
    return Budget(tokens=tokens, bytes=byte_size, cost=cost_usd)
