"""The commands as click has them, made from their tables of options: for help, completion and mistakes."""

import os
import sys
from collections.abc import Callable, Sequence
from typing import Any

import click

from imgbudget.cli.command import Choice, Command, Field, Number
from imgbudget.cli.completion import one_of
from imgbudget.cli.main import COMMANDS, load
from imgbudget.cli.output import show
from imgbudget.config.suggest import nearest
from imgbudget.printable import joined
from imgbudget.version import __version__


class Commands(click.Group):
    """A group that imports a command only when it is called."""

    def list_commands(self, _ctx: click.Context) -> list[str]:
        """The names, in the order in which a newcomer needs them."""
        return list(COMMANDS)

    def get_command(self, _ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command of that name."""
        if cmd_name not in COMMANDS:
            return None
        return click_command(load(cmd_name))

    def format_commands(self, _ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The list in `--help`, without importing what it lists."""
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Read the options of the group; those of a command stand behind its name."""
        words = list(args)
        try:
            return super().parse_args(ctx, args)
        except click.NoSuchOption as error:
            name = next((word for word in words if word in COMMANDS), None)
            if name is None:
                raise
            option = error.option_name
            raise click.UsageError(
                f"no option {option!r} before the command; write it behind: imgbudget {name} {option}", ctx
            ) from None

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """The command that is called, or a usage error that names the nearest one."""
        name = args[0] if args else ""
        if name and not name.startswith("-") and name not in COMMANDS:
            hint = f"check {name}" if os.path.exists(name) else _nearest(name)
            if hint == "--help" and args[1:2] and args[1] in COMMANDS:
                hint = f"{args[1]} --help"
            also = f" Did you mean 'imgbudget {hint}'?" if hint else ""
            raise click.UsageError(f"no such command {name!r}.{also}", ctx)
        return super().resolve_command(ctx, args)


_ELSEWHERE = {
    "check": ("lint", "scan", "analyze", "analyse", "validate", "inspect", "test"),
    "check --fix": ("fix", "format", "repair"),
    "plan": ("resize", "shrink", "optimize", "optimise", "compress", "estimate"),
    "size": ("tokens", "count", "cost", "price", "calc"),
    "limits": ("models", "providers", "platforms", "prices"),
    "rule": ("rules",),
    "audit": ("dataset", "report", "stats"),
    "check --show-settings": ("config", "settings"),
    "tiles": ("tile", "cut"),
    "--help": ("help", "man", "usage"),
    "--version": ("version",),
}
"""What other tools call a command: the words that `difflib` would lead elsewhere."""

_OPTIONS_ELSEWHERE = {
    "--json": "--format json",
    "--sarif": "--format sarif",
    "-f": "--format",
    "--output-format": "--format",
    "--output": "--format FORMAT:FILE",
    "--output-file": "--format FORMAT:FILE",
    "-o": "--format FORMAT:FILE",
    "--models": "--model a,b",
    "--budget-tokens": "--budget request.tokens=N",
    "--budget-cost": "--budget request.cost=USD",
    "--budget-bytes": "--budget request.bytes=SIZE",
    "--provider": "--platform",
    "--disable": "--ignore",
    "--enable": "--select",
    "--rules": "--select",
    "--exclude": "exclude in the configuration",
    "--dry-run": "--diff",
    "--check": "--diff",
    "--fix": "--apply",
    "--workers": "--jobs",
    "--threads": "--jobs",
    "--no-color": "--color never",
}
"""What other tools and commands call an option: a nearest name would lead elsewhere."""

_SYNONYMS = {word: command for command, words in _ELSEWHERE.items() for word in words}


def _nearest(name: str) -> str:
    if name.lower() in _SYNONYMS:
        return _SYNONYMS[name.lower()]
    import difflib  # noqa: PLC0415 - rare

    return next(iter(difflib.get_close_matches(name, COMMANDS, 1)), "")


def click_command(command: Command[Any]) -> click.Command:
    """The same command for click."""
    fields = list(command.fields())
    parsed = {field.name for field in fields if field.parameter.parse}

    def call(**given: Any) -> int:
        chosen = {
            name: value
            for name, value in given.items()
            if value is not None and (value != () or name in parsed)
        }
        for field in fields:  # click takes the value of --option=-0 for another option
            if field.required and field.name not in chosen:
                raise click.UsageError(f"Option '{field.parameter.names[0]}' requires an argument.")
        return command.done(command.made(chosen))

    class Separated(click.Command):
        """A command whose names of files after --hook are no options."""

        def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
            """Read the words; only numbers may begin with a dash and be no options."""
            words = list(command.separated(args))
            try:
                rest = super().parse_args(ctx, list(words))
            except click.UsageError as error:
                self._refuse_unknown(ctx, words)
                raise _with_hint(error, command, words) from None
            self._refuse_unknown(ctx, words)
            return rest

        @staticmethod
        def _refuse_unknown(ctx: click.Context, words: Sequence[str]) -> None:
            """Name an option that there is not, which click takes for an argument among numbers."""
            if command.negative_numbers and (unknown := command.unknown_option(words)) is not None:
                raise _with_hint(click.NoSuchOption(unknown, ctx=ctx), command, words)

    return Separated(
        command.name,
        callback=call,
        params=[_parameter(field, command.formats) for field in fields],
        help=command.run.__doc__,
        context_settings={"ignore_unknown_options": command.negative_numbers},
    )


def _with_hint(error: click.UsageError, command: Command[Any], words: Sequence[str]) -> click.UsageError:
    """The mistake, with what this command calls an option that others have, or that is begun by one dash."""
    if not isinstance(error, click.NoSuchOption):
        return error
    every = [field.parameter for field in command.fields()]
    known = {name for one in every for name in (*one.names, *((one.off,) if one.off else ()))}
    given = _of_one_dash(error.option_name, words) or error.option_name
    hint = f"-{given}" if f"-{given}" in known else _OPTIONS_ELSEWHERE.get(error.option_name, "")
    if not hint and given != error.option_name:
        hint = nearest(f"-{given}", [name for name in known if name.startswith("--")]) or ""
    if not hint or (hint.startswith("-") and hint.split()[0] not in known):
        return error
    return click.UsageError(f"No such option {given!r}. Did you mean {hint}?", ctx=error.ctx)


def _of_one_dash(letter: str, words: Sequence[str]) -> str | None:
    """The word in which an unknown letter is taken for a short option; None if it is alone."""
    if letter.startswith("--"):
        return None
    names = (word.partition("=")[0] for word in words if word.startswith("-") and word[1:2] != "-")
    return next((name for name in names if len(name) > 2 and letter[1] in name[1:]), None)


def _parameter(field: Field, formats: Sequence[str]) -> click.Parameter:
    name, parameter, default, required = field
    if not parameter.names:
        return click.Argument(
            [name],
            nargs=-1 if parameter.many else 1,
            required=required,
            metavar=parameter.metavar,
            shell_complete=parameter.complete,
        )
    spelling = "/".join((parameter.names[-1], *((parameter.off,) if parameter.off else ())))
    # a default that is None makes a required option optional
    value: dict[str, Any] = {} if required else {"default": default if parameter.show_default else None}
    is_format = "--format" in parameter.names
    text = f"{', '.join(formats)}; default {formats[0]}; repeatable, with a file each." if is_format else ""
    return click.Option(
        [name, *parameter.names[:-1], spelling],
        required=required,
        is_flag=parameter.is_flag,
        multiple=parameter.many,
        type=_type(parameter.type),
        **value,
        show_default=parameter.show_default,
        hidden=parameter.hidden,
        callback=_parsed(parameter.parse) if parameter.parse else None,
        metavar=parameter.metavar,
        help=text or parameter.help,
        shell_complete=one_of(formats) if is_format else parameter.complete,
    )


class _WholeNumber(click.IntRange):
    """A whole number; click says of other text that it is "not a valid integer range"."""

    name = "integer"


def _type(kind: Choice | Number | None) -> "click.ParamType[Any] | None":
    match kind:
        case Choice():
            return click.Choice(kind.names)
        case Number() if kind.kind is int:
            return _WholeNumber(min=int(kind.minimum))
        case Number():
            return click.FloatRange(min=kind.minimum, min_open=kind.exclusive)
        case None:
            return None


def _parsed(parse: Callable[[Any], object]) -> Callable[[click.Context, click.Parameter, Any], Any]:
    def parsed(_ctx: click.Context, param: click.Parameter, value: Any) -> Any:
        try:
            return parse(value) if value is not None and value != () else None
        except ValueError as error:
            raise click.BadParameter(str(error), param=param) from None

    return parsed


def _show_mistake(error: click.ClickException) -> None:
    """What click says of a command line, which its message repeats in part."""
    if isinstance(error, click.exceptions.NoArgsIsHelpError):  # its message is the help
        show(joined(error.format_message().splitlines()), aside=True)
        return
    lines = [f"Error: {error.format_message()}"]
    context = error.ctx if isinstance(error, click.UsageError) else None
    if context is not None:
        hint = f"Try '{context.command_path} {context.help_option_names[0]}' for help."
        lines = [*context.get_usage().split("\n"), hint, "", *lines]
    show(joined(lines), aside=True)


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, "-V", "--version", prog_name="imgbudget", message="%(prog)s %(version)s")
def cli() -> None:
    """Know what a vision model will do with an image before it is sent.

    imgbudget reads image folders and vision-model requests and says which images the API will reject, shrink,
    mis-read or overcharge for.
    """


def run(arguments: Sequence[str]) -> int:
    """Run a command; what click says of it goes to standard error.

    Raises:
        ImgbudgetError: as the command raises it.
        KeyboardInterrupt: the run was interrupted.
    """
    try:
        result = cli.main(arguments, prog_name="imgbudget", standalone_mode=False)
        sys.stdout.flush()
    except click.exceptions.Exit as stop:
        return stop.exit_code
    except click.ClickException as error:
        _show_mistake(error)
        return 2
    except click.Abort as stop:
        raise KeyboardInterrupt from stop
    return result if isinstance(result, int) else 0
