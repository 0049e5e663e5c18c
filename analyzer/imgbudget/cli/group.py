"""The group of commands as click has it, each loaded when it is called."""

import os
import sys
from collections.abc import Sequence
from importlib import import_module

import click

from imgbudget.cli.declared import Declared
from imgbudget.cli.main import COMMANDS
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
        found = import_module(f"imgbudget.cli.{cmd_name}").command
        command: click.Command = found.command if isinstance(found, Declared) else found
        return command

    def format_commands(self, _ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The list in `--help`, without importing what it lists."""
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """The command that is called, or a usage error that names the nearest one."""
        name = args[0] if args else ""
        if name and not name.startswith("-") and name not in COMMANDS:
            hint = f"check {name}" if os.path.exists(name) else _nearest(name)
            also = f" Did you mean 'imgbudget {hint}'?" if hint else ""
            raise click.UsageError(f"no such command {name!r}.{also}", ctx)
        return super().resolve_command(ctx, args)


def _nearest(name: str) -> str:
    import difflib  # noqa: PLC0415 - only a mistake pays for it

    return next(iter(difflib.get_close_matches(name, COMMANDS, 1)), "")


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
        error.show(sys.stderr)
        return 2
    except click.Abort as stop:
        raise KeyboardInterrupt from stop
    return result if isinstance(result, int) else 0
