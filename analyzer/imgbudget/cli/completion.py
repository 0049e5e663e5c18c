"""What a shell offers behind a word that is begun: files, formats, rules."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from imgbudget.errors import ImgbudgetError
from imgbudget.linter.options import RunOptions

if TYPE_CHECKING:  # a command declares these without loading click
    import click
    from click.shell_completion import CompletionItem

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
    from imgbudget.linter.run import Session  # noqa: PLC0415 - rare

    try:
        known = Session(RunOptions()).registry.rules
    except ImgbudgetError:
        return []
    codes = [_item(rule.code, help=rule.name) for rule in known if rule.code.startswith(begun.upper())]
    names = [_item(rule.name, help=rule.code) for rule in known if rule.name.startswith(begun)]
    return codes or names


def _item(value: str, type: str = "plain", help: str | None = None) -> "CompletionItem":  # noqa: A002 - click's names
    from click.shell_completion import CompletionItem  # noqa: PLC0415 - rare

    return CompletionItem(value, type=type, help=help)
