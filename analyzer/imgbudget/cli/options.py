"""Groups of options that several commands share, and the options of a run that they come to."""

from collections.abc import Sequence
from typing import Annotated

from imgbudget.cli.command import Choice, Number, Parameter, deprecated, flag, option
from imgbudget.cli.completion import budget_names, files, folders, model_id, one_of, platform_name, selectors
from imgbudget.config.units import parse_budgets
from imgbudget.errors import UsageError
from imgbudget.linter.options import RunOptions
from imgbudget.model.budgets import NO_BUDGETS, Budgets
from imgbudget.namedtuples import NamedTuple

JOBS = option("-j", "--jobs", type=Number(1), metavar="N", help="Number of processes; default: one per core.")
UNSAFE_FIXES = flag("--unsafe-fixes", help="Also apply fixes that change what the model sees or reads.")
SECONDS = Number(0.01, float)


def codes(texts: Sequence[str]) -> tuple[str, ...]:
    """Comma-separated selectors, each by itself."""
    return tuple(code.strip() for text in texts for code in text.split(",") if code.strip())


def named_models(texts: Sequence[str]) -> tuple[str, ...]:
    """Comma-separated models, each by itself. Raises ValueError: there is none."""
    if not (found := codes(texts)):
        raise ValueError("no model is named")
    return found


def to_budgets(texts: Sequence[str]) -> Budgets:
    """The budgets that `--budget image.tokens=1600` and the like set.

    Raises:
        ValueError: one is unknown, or its amount is none.
    """
    return parse_budgets(item for text in texts for item in text.split(","))


BUDGET = option(
    "--budget",
    many=True,
    parse=to_budgets,
    metavar="NAME=AMOUNT",
    complete=budget_names,
    help="A budget, e.g. image.tokens=1600, request.cost=$0.05, run.bytes=5GB; repeatable.",
)
PEDANTIC = flag("--pedantic", help="Also run the pedantic rules.")
PIXELS = flag(
    "--pixels", help="Also decode images and check their pixels: IB901 to IB912 (extra: imgbudget[pixels])."
)
TEXT = flag(
    "--text",
    help="Also read the text of images, at full size and as the model sees it: IB306 to IB308 "
    "(extra: imgbudget[text]).",
)
DECODE = flag(
    "--decode",
    help="Also decode every image, in a process bounded in memory and time, and report what fails (IB001).",
)
NO_IGNORES = flag("--no-ignores", help="Also report findings that the configuration ignores.")
FIX_LEVEL = option(
    "--fix-level",
    type=Choice(("error", "warning", "info")),
    help="In requests and sessions, fix findings of this severity and above; default: error.",
)
FORCE_EXCLUDE = flag(
    "--force-exclude", help="Also apply exclude patterns to files named on the command line (for hooks)."
)
FAIL_ON = option(
    "--fail-on",
    type=Choice(("error", "warning", "info", "never")),
    show_default=True,
    help="Lowest severity that causes exit code 1.",
)


PLATFORM = option(
    "--platform",
    metavar="NAME",
    complete=platform_name,
    help="anthropic, bedrock, google-cloud, foundry, claude-ai, claude-google-cloud, claude-aws, "
    "openai, azure-openai, gemini, vertex, nova, qwen, mistral, xai, openrouter, self-hosted, "
    "openai-fine-tuning, azure-openai-fine-tuning, or one of the configuration.",
)
LIMITS = option(
    "--limits", metavar="FILE", complete=files, help="YAML file of limits that override the built-in ones."
)
DATE = option(
    "--date",
    metavar="DATE",
    help="Day to check for: which models are in service, at which prices. Default: IMGBUDGET_DATE, or today.",
)


class ModelOptions(NamedTuple):
    """Whose limits apply."""

    model: Annotated[
        str | None,
        option(
            "--model",
            metavar="ID",
            complete=model_id,
            help="Model whose limits apply; a request's own model wins.",
        ),
    ] = None
    platform: Annotated[str | None, PLATFORM] = None
    limits: Annotated[str | None, LIMITS] = None
    date: Annotated[str | None, DATE] = None


CLIENTS = ("claude-code", "codex", "gemini-cli", "opencode", "qwen-code", "pi", "cline")
CLIENT = option(
    "--client",
    metavar="NAME",
    complete=one_of(CLIENTS),
    help="Check image files as this agent sends them: claude-code, codex, gemini-cli, opencode, qwen-code, "
    "pi or cline. Requests and sessions are not affected.",
)


CLIENT_FIRST = option(
    "--client",
    metavar="NAME",
    complete=one_of(CLIENTS),
    help="Agent that sends image files: what it makes of them comes first, then what the API makes of that. "
    "claude-code, codex, gemini-cli, opencode, qwen-code, pi or cline.",
)


class ConfigOptions(NamedTuple):
    """Which configuration is read."""

    config: Annotated[
        str | None,
        option(
            "--config", metavar="FILE", complete=files, help="Configuration file instead of the nearest one."
        ),
    ] = None
    isolated: Annotated[bool, flag("--isolated", help="Ignore all configuration files.")] = False
    allow_local_packs: Annotated[
        bool,
        flag(
            "--allow-local-packs",
            help="Also run the code of rule packs that are not installed, e.g. of the working folder.",
        ),
    ] = False


def rules_option(name: str, text: str) -> Parameter:
    """An option that takes codes, prefixes and names of rules; `text` is its help."""
    return option(name, many=True, parse=codes, metavar="CODES", complete=selectors, help=text)


class SelectionOptions(NamedTuple):
    """Which rules run."""

    select: Annotated[
        tuple[str, ...] | None,
        rules_option("--select", "Rules to run: codes, prefixes such as IB2, names or ALL; comma-separated."),
    ] = None
    ignore: Annotated[tuple[str, ...], rules_option("--ignore", "Rules to skip.")] = ()
    extend_select: Annotated[
        tuple[str, ...], rules_option("--extend-select", "Rules to run in addition.")
    ] = ()


class SuppressionOptions(NamedTuple):
    """What counts as a finding."""

    preview: Annotated[bool, flag("--preview", help="Also run the rules in preview.")] = False
    budgets: Annotated[Budgets, BUDGET] = NO_BUDGETS
    no_ignores: Annotated[bool, NO_IGNORES] = False
    baseline: Annotated[
        str | None,
        option(
            "--baseline",
            metavar="FILE",
            complete=files,
            help="Do not report the known findings recorded in this file.",
        ),
    ] = None
    no_baseline: Annotated[
        bool, flag("--no-baseline", help="Also report the findings recorded in the baseline.")
    ] = False


class OutputOptions(NamedTuple):
    """How results are shown."""

    formats: Annotated[
        tuple[str, ...],
        option("--format", many=True, metavar="FORMAT[:FILE]", help="the formats of the command"),
    ] = ()
    color: Annotated[
        str,
        option(
            "--color",
            type=Choice(("auto", "always", "never")),
            show_default=True,
            help="Colour the text output; NO_COLOR and FORCE_COLOR are respected.",
        ),
    ] = "auto"
    quiet: Annotated[bool, flag("-q", "--quiet", help="Print findings only.")] = False
    verbose: Annotated[bool, flag("-v", "--verbose", help="Print more details; show tracebacks.")] = False
    no_progress: Annotated[bool, flag("--no-progress", help="Show no progress.")] = False


class WriteOptions(NamedTuple):
    """Where fixed files go."""

    diff: Annotated[bool, flag("--diff", help="Show what would change, and write nothing.")] = False
    output_dir: Annotated[
        str | None,
        option(
            "--output-dir",
            metavar="DIR",
            complete=folders,
            help="Write results to DIR (fixed files, and copies of unchanged ones); "
            "originals are not modified.",
        ),
    ] = None
    backup: Annotated[bool, flag("--backup", help="Keep each replaced file as NAME.bak.")] = False
    report: Annotated[
        str | None,
        option(
            "--report",
            metavar="FILE",
            complete=files,
            help="Write a JSON manifest of all changes: hashes, sizes, tokens, coordinate maps.",
        ),
    ] = None


def _request_budget(unit: str, metavar: str) -> Parameter:
    return deprecated(
        option(f"--budget-{unit}", metavar=metavar, help=f"The same as --budget request.{unit}={metavar}."),
        f"--budget request.{unit}={metavar}",
    )


class BudgetOptions(NamedTuple):
    """What one request may take, and in a plan one image."""

    budgets: Annotated[
        Budgets,
        BUDGET._replace(
            help="A budget of a request, e.g. request.tokens=20k, request.cost=$0.05 or request.bytes=20MB; "
            "for plan also of an image; repeatable.",
        ),
    ] = NO_BUDGETS
    budget_tokens: Annotated[str | None, _request_budget("tokens", "N")] = None
    budget_cost: Annotated[str | None, _request_budget("cost", "USD")] = None
    budget_bytes: Annotated[str | None, _request_budget("bytes", "SIZE")] = None


class ConnectionOptions(NamedTuple):
    """How the API is called."""

    timeout: Annotated[
        float | None,
        option(
            "--timeout",
            type=SECONDS,
            metavar="SECONDS",
            help="Time for a whole call, its waits and further attempts included; default: 600, for streams "
            "and batches 3600.",
        ),
    ] = None
    retries: Annotated[
        int | None,
        option(
            "--retries",
            type=Number(0),
            metavar="N",
            help="Attempts after the first, all within --timeout; default: the SDK's.",
        ),
    ] = None


def run_options(  # noqa: PLR0913 - keyword arguments with defaults
    *,
    provider: ModelOptions = ModelOptions(),  # noqa: B008 - immutable
    settings: ConfigOptions = ConfigOptions(),  # noqa: B008
    rules: SelectionOptions = SelectionOptions(),  # noqa: B008
    findings: SuppressionOptions = SuppressionOptions(),  # noqa: B008
    verbose: bool = False,
    client: str | None = "",
) -> RunOptions:
    """The options of a run that these groups come to; with `verbose` errors of rules are raised.

    `client` is that of `RunOptions`, and no agent unless a command checks files for one. Commands that check
    pixels or text replace `pixels` and `text`.

    Raises:
        UsageError: several models are named.
    """
    if provider.model is not None and not provider.model.strip(" ,"):
        raise UsageError("--model: no model is named")
    if provider.model is not None and "," in provider.model:
        raise UsageError(
            f"--model {provider.model}: this command takes one model at a time; "
            "audit, legible, plan, size and view take several"
        )
    return RunOptions(
        model=provider.model,
        platform=provider.platform,
        limits=provider.limits,
        date=provider.date,
        client=client,
        config=settings.config,
        isolated=settings.isolated,
        allow_local_packs=settings.allow_local_packs,
        select=rules.select,
        extend_select=rules.extend_select,
        ignore=rules.ignore,
        preview=findings.preview,
        budgets=findings.budgets,
        use_ignores=not findings.no_ignores,
        baseline=findings.baseline,
        use_baseline=not findings.no_baseline,
        raise_errors=verbose,
        pixels=False,
        text=False,
    )
