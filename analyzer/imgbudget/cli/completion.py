"""What a shell offers behind a word that is begun: files, formats, rules, models, platforms, clients."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from imgbudget.errors import ImgbudgetError
from imgbudget.linter.options import RunOptions
from imgbudget.model.budgets import NAMES, Budgets

if TYPE_CHECKING:  # a command declares these without loading click
    import click
    from click.shell_completion import CompletionItem

    from imgbudget.linter.run import Session

    Complete = Callable[[click.Context, click.Parameter, str], list[CompletionItem] | list[str]]


def files(_ctx: "click.Context", _param: "click.Parameter", begun: str) -> "list[CompletionItem]":
    """Files and folders, which the shell itself looks for."""
    return [_item(begun, type="file")]


def folders(_ctx: "click.Context", _param: "click.Parameter", begun: str) -> "list[CompletionItem]":
    """Folders alone."""
    return [_item(begun, type="dir")]


def one_of(names: Sequence[str]) -> "Complete":
    """One of these names."""

    def complete(_ctx: "click.Context", _param: "click.Parameter", begun: str) -> list[str]:
        return [name for name in names if name.startswith(begun)]

    return complete


def rules(_ctx: "click.Context", _param: "click.Parameter", begun: str) -> "list[CompletionItem]":
    """The codes of the rules, or their names once one is begun; none where they cannot be loaded."""
    session = _session()
    known = session.registry.rules if session else ()
    codes = [_item(rule.code, help=rule.name) for rule in known if rule.code.startswith(begun.upper())]
    names = [_item(rule.name, help=rule.code) for rule in known if rule.name.startswith(begun)]
    return codes or names


def selectors(ctx: "click.Context", param: "click.Parameter", begun: str) -> "list[CompletionItem]":
    """Rules in a comma-separated list, of which the last is begun."""
    before, comma, last = begun.rpartition(",")
    return [_item(f"{before}{comma}{found.value}", help=found.help) for found in rules(ctx, param, last)]


def model_id(_ctx: "click.Context", _param: "click.Parameter", begun: str) -> list[str]:
    """The id of a model; none where the limits cannot be loaded."""
    session = _session()
    return [name for name in session.limits.models if name.startswith(begun)] if session else []


def model_ids(ctx: "click.Context", param: "click.Parameter", begun: str) -> list[str]:
    """Ids of models in a comma-separated list, of which the last is begun, or all."""
    before, comma, last = begun.rpartition(",")
    found = [*model_id(ctx, param, last), *(("all",) if "all".startswith(last) else ())]
    return [f"{before}{comma}{name}" for name in found]


def platform_name(_ctx: "click.Context", _param: "click.Parameter", begun: str) -> list[str]:
    """A platform, those of the configuration included."""
    session = _session()
    return [name for name in session.limits.platforms if name.startswith(begun)] if session else []


_BUDGETED = {"plan": ("image", "request"), "split": ("request",)}
"""What budgets are of in commands that do not take all of them."""


def budget_names(ctx: "click.Context", _param: "click.Parameter", begun: str) -> list[str]:
    """The name of a budget in a comma-separated list, of which the last is begun; its amount comes behind."""
    before, comma, last = begun.rpartition(",")
    scopes = _BUDGETED.get(ctx.info_name or "", Budgets._fields)
    found = (name for name in NAMES if name.startswith(last) and name.partition(".")[0] in scopes)
    return [f"{before}{comma}{name}=" for name in found]


def _session() -> "Session | None":
    """The configuration, rules and limits of the working folder; None where they have mistakes."""
    from imgbudget.linter.run import Session  # noqa: PLC0415 - rare

    try:
        return Session(RunOptions())
    except ImgbudgetError:
        return None


def _item(value: str, type: str = "plain", help: str | None = None) -> "CompletionItem":  # noqa: A002 - click's names
    from click.shell_completion import CompletionItem  # noqa: PLC0415 - rare

    return CompletionItem(value, type=type, help=help)
