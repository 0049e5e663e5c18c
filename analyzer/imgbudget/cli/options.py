"""Options that several commands share, and what they mean together."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

from imgbudget.budgets import NO_BUDGETS, Budgets
from imgbudget.cli import declared as click
from imgbudget.cli.completion import files, one_of
from imgbudget.model import Fact
from imgbudget.session import RunOptions

if TYPE_CHECKING:
    from click import Context, Parameter

F = TypeVar("F", bound=Callable[..., Any])


def codes(_ctx: "Context", _param: "Parameter", value: Sequence[str]) -> tuple[str, ...] | None:
    """Split comma-separated selectors; None when the option was not given."""
    if not value:
        return None
    return tuple(code.strip() for item in value for code in item.split(",") if code.strip())


def _stack(decorators: Sequence[Callable[[F], F]], function: F) -> F:
    for decorator in reversed(decorators):
        function = decorator(function)
    return function


def model_options(function: F) -> F:
    """`--model`, `--platform`, `--limits`: whose limits are meant."""
    return _stack(
        (
            click.option(
                "--model", metavar="ID", help="Model whose limits hold; a request's own model wins."
            ),
            click.option(
                "--platform",
                metavar="NAME",
                help="anthropic, bedrock, google-cloud, foundry, claude-ai, openai, gemini or qwen.",
            ),
            click.option(
                "--limits",
                metavar="FILE",
                shell_complete=files,
                help="YAML file of limits laid over the built-in ones.",
            ),
        ),
        function,
    )


def config_options(function: F) -> F:
    """`--config`, `--isolated`: which configuration is read."""
    return _stack(
        (
            click.option(
                "--config",
                metavar="FILE",
                shell_complete=files,
                help="Configuration file instead of the nearest one.",
            ),
            click.option("--isolated", is_flag=True, help="Read no configuration file."),
        ),
        function,
    )


def selection_options(function: F) -> F:
    """`--select`, `--ignore`, `--extend-select`: which rules run."""
    return _stack(
        (
            click.option(
                "--select",
                multiple=True,
                callback=codes,
                metavar="CODES",
                help="Rules to run: codes, prefixes such as IB2, names or ALL; comma-separated.",
            ),
            click.option(
                "--ignore", multiple=True, callback=codes, metavar="CODES", help="Rules not to run."
            ),
            click.option(
                "--extend-select",
                multiple=True,
                callback=codes,
                metavar="CODES",
                help="Rules to run as well.",
            ),
        ),
        function,
    )


def budgets(_ctx: "Context", param: "Parameter", value: Sequence[str]) -> Budgets:
    """The budgets that `--budget image.tokens=1600` and the like set."""
    if not value:
        return NO_BUDGETS
    from imgbudget.config.units import parse_budgets  # noqa: PLC0415 - on demand only

    try:
        return parse_budgets(item for text in value for item in text.split(","))
    except ValueError as error:
        from click import BadParameter  # noqa: PLC0415 - see declared.py

        raise BadParameter(str(error), param=param) from None


def silencing_options(function: F) -> F:
    """`--no-ignores`, `--baseline`, `--no-baseline`, `--budget`, `--preview`: what counts as a finding."""
    return _stack(
        (
            click.option("--preview", is_flag=True, help="Run the rules in preview too."),
            click.option(
                "--budget",
                "budgets",
                multiple=True,
                callback=budgets,
                metavar="NAME=AMOUNT",
                help="A budget, e.g. image.tokens=1600, request.cost=$0.05, run.bytes=5GB; repeatable.",
            ),
            click.option(
                "--no-ignores", is_flag=True, help="Report what the configuration's ignores silence."
            ),
            click.option("--baseline", metavar="FILE", help="Do not report the known findings in this file."),
            click.option("--no-baseline", is_flag=True, help="Report what the baseline knows."),
        ),
        function,
    )


def output_options(formats: Sequence[str], default: str) -> Callable[[F], F]:
    """`--format`, `--color`, `--quiet`, `--verbose`, `--no-progress`: how results are shown."""

    def decorate(function: F) -> F:
        return _stack(
            (
                click.option(
                    "--format",
                    "formats",
                    multiple=True,
                    metavar="FORMAT[:FILE]",
                    shell_complete=one_of(formats),
                    help=f"{', '.join(formats)}; default {default}; repeatable, with a file each.",
                ),
                click.option(
                    "--color",
                    type=click.Choice(["auto", "always", "never"]),
                    default="auto",
                    show_default=True,
                    help="Colour text; NO_COLOR is respected.",
                ),
                click.option("-q", "--quiet", is_flag=True, help="Print findings only."),
                click.option("-v", "--verbose", is_flag=True, help="Say more; show tracebacks."),
                click.option("--no-progress", is_flag=True, help="Show no progress."),
            ),
            function,
        )

    return decorate


def wishes(
    options: dict[str, Any], *, want: Fact = Fact.NONE, excerpts: bool = False, edits: bool = False
) -> RunOptions:
    """What the options of a command ask for."""
    return RunOptions(
        model=options.get("model"),
        platform=options.get("platform"),
        limits=options.get("limits"),
        config=options.get("config"),
        isolated=bool(options.get("isolated")),
        select=options.get("select"),
        extend_select=options.get("extend_select") or (),
        ignore=options.get("ignore") or (),
        pedantic=bool(options.get("pedantic")),
        preview=bool(options.get("preview")),
        budgets=options.get("budgets") or NO_BUDGETS,
        use_ignores=not options.get("no_ignores"),
        baseline=options.get("baseline"),
        use_baseline=not options.get("no_baseline"),
        collect=bool(options.get("collect")),
        statistics=bool(options.get("statistics")),
        compare=bool(options.get("compare")),
        force_exclude=bool(options.get("force_exclude")),
        want=want,
        cache=bool(options.get("cache")),
        raise_errors=bool(options.get("verbose")),
        excerpts=excerpts,
        edits=edits,
    )
