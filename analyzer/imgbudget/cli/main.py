"""`imgbudget`: the group of commands, each loaded when it is called, and the door where errors end."""

import os
import sys
from collections.abc import Sequence
from importlib import import_module

import click

from imgbudget.errors import ImgbudgetError
from imgbudget.version import __version__

COMMANDS = {
    "check": "lint images, folders and request JSON",
    "plan": "show the resize plan: from, to, tokens, bytes, cost",
    "audit": "report what a dataset costs, what is refused, what a plan saves",
    "size": "show what a model makes of a size",
    "rule": "show a rule's page",
    "limits": "show every limit in force, with source and date",
    "explain": "say what an API error means, and which block it is about",
    "baseline": "write the findings that are known, or take the fixed ones out",
    "clean": "remove the cache of facts",
}
"""Name of each command to the line that stands beside it in `--help`; each has a module of its name."""

INTERRUPTED = 130


class Commands(click.Group):
    """A group that imports a command only when it is called."""

    def list_commands(self, _ctx: click.Context) -> list[str]:
        """The names, in the order in which a newcomer needs them."""
        return list(COMMANDS)

    def get_command(self, _ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command of that name."""
        if cmd_name not in COMMANDS:
            return None
        command: click.Command = import_module(f"imgbudget.cli.{cmd_name}").command
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


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command and exit: 0 clean, 1 findings, 2 usage, configuration or internal error."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):  # names need not be valid UTF-8, and consoles need not be UTF-8
            stream.reconfigure(errors="backslashreplace")
    arguments = list(sys.argv[1:] if arguments is None else arguments)
    sys.exit(_run(arguments))


def _run(arguments: list[str]) -> int:
    try:
        result = cli.main(arguments, prog_name="imgbudget", standalone_mode=False)
        sys.stdout.flush()
    except click.exceptions.Exit as stop:
        return stop.exit_code
    except click.ClickException as error:
        error.show(sys.stderr)
        return 2
    except ImgbudgetError as error:
        return _say_error(str(error))
    except (click.Abort, KeyboardInterrupt):
        print("imgbudget: interrupted", file=sys.stderr)
        return INTERRUPTED
    except BrokenPipeError:  # the reader of our output went away: nothing is wrong here
        sys.stdout = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115 - lives until the process ends
        return 0
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""
        return _say_error(f"{where}{(error.strerror or str(error)).lower()}")
    except Exception as error:
        if "--verbose" in arguments or "-v" in arguments:
            raise
        return _say_error(
            f"internal error: {type(error).__name__}: {error}\n"
            "this is a mistake in imgbudget; run again with --verbose for the traceback and report it"
        )
    return result if isinstance(result, int) else 0


def _say_error(text: str) -> int:
    for line in text.splitlines() or [""]:
        print(f"imgbudget: {line}", file=sys.stderr)
    return 2
