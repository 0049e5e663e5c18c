"""`imgbudget`: which commands there are, and the door where errors end."""

import atexit
import gc
import os
import sys
from collections.abc import Sequence
from importlib import import_module
from typing import TYPE_CHECKING, Any

from imgbudget.cli.output import say, say_lines, show
from imgbudget.errors import ImgbudgetError, os_error_text
from imgbudget.printable import READABLE, several_lines

if TYPE_CHECKING:
    from types import TracebackType

    from imgbudget.cli.command import Command

COMMANDS = {
    "check": "lint images, folders and request JSON",
    "plan": "show the resize plan: from, to, tokens, bytes, cost",
    "split": "split a request that is too large into several that fit",
    "tiles": "cut an image that is too large into overlapping tiles",
    "audit": "report what a dataset costs, what is rejected, and what a plan saves",
    "size": "show how a model resizes and counts an image size",
    "legible": "show what text of images survives the downscaling of models",
    "view": "write a page that shows an image as models see it",
    "coords": "map coordinates that the model returned to the original image",
    "crop": "cut a part out of an image, by the coordinates that the model saw",
    "rule": "show the documentation of a rule",
    "limits": "show all limits that apply, with source and date",
    "explain": "explain an API error, and find the block that caused it",
    "status": "show in one line how far a session of an agent is from its limits",
    "rescue": "mend a session of an agent that an image broke",
    "send": "lint a request, send it, and compare the bill with the prediction",
    "verify": "check the token formula against the count endpoint",
    "hook": "shrink images before they enter the history of an agent",
    "mcp": "serve check, plan, fix, size, tiles, crop, status and rescue to agents",
    "lsp": "serve editors: findings, fixes and costs of requests while they are written",
    "init": "write a first configuration, and print the pre-commit snippet",
    "baseline": "record current findings as known, or remove fixed ones",
    "clean": "remove the cache of image facts",
}
"""Name of each command, and its line in `--help`; each has a module of its name."""

INTERRUPTED = 130
_MISTAKE = 2

_GARBAGE = 50_000
"""Objects from which on garbage is looked for; some megabytes at most."""


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command and exit: 0 clean, 1 findings, 2 usage, configuration or internal error."""
    # a start makes tens of thousands of objects that stay: looking for garbage among them takes a tenth of it
    gc.set_threshold(_GARBAGE)
    atexit.register(gc.freeze)  # the interpreter searches all objects for garbage as it ends, without use
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):  # names need not be valid UTF-8, and consoles need not be UTF-8
            stream.reconfigure(errors=READABLE)
    sys.excepthook = _show_traceback
    arguments = list(sys.argv[1:] if arguments is None else arguments)
    code = _run(arguments)
    # an agent takes exit code 2 of a hook for an order not to read the image
    sys.exit(1 if code == _MISTAKE and arguments[:1] == ["hook"] else code)


def _run(arguments: list[str]) -> int:
    try:
        code = _run_directly(arguments)
        return _run_group(arguments) if code is None else code
    except ImgbudgetError as error:
        return _say_error(*error.lines)
    except KeyboardInterrupt:
        say("interrupted")
        return INTERRUPTED
    except BrokenPipeError:  # the reader of our output went away: nothing is wrong here
        sys.stdout = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115 - lives until the process ends
        return 0
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""
        return _say_error(f"{where}{os_error_text(error)}")
    except Exception as error:
        if "--verbose" in arguments or "-v" in arguments:
            raise
        if isinstance(error, ImportError):
            return _say_error(
                f"a package cannot be loaded: {error}",
                "install imgbudget again, with pip, pipx or uv; --verbose shows the traceback",
            )
        return _say_error(
            f"internal error: {type(error).__name__}: {error}",
            "this is a mistake in imgbudget; run again with --verbose for the traceback and report it",
        )


def load(name: str) -> "Command[Any]":
    """The command of that name; its module is imported only now."""
    command: Command[Any] = import_module(f"imgbudget.cli.{name}").command
    return command


def _run_directly(arguments: list[str]) -> int | None:
    """Run a well-formed command line; None for what click answers: help, completion and mistakes."""
    if not arguments or arguments[0] not in COMMANDS or "_IMGBUDGET_COMPLETE" in os.environ:
        return None
    command = load(arguments[0])
    options = command.parse(arguments[1:])
    if options is None:
        return None
    try:
        code = command.done(options)
    except KeyboardInterrupt:
        show("\n", aside=True)  # behind the ^C of the terminal, as click does it
        raise
    except BrokenPipeError:  # as in click: what was not shown is not clean
        sys.stdout = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115 - lives until the process ends
        return 1
    sys.stdout.flush()
    return code


def _run_group(arguments: list[str]) -> int:
    from imgbudget.cli.group import run  # noqa: PLC0415 - command

    return run(arguments)


def _say_error(*lines: str) -> int:
    say_lines(lines)
    return _MISTAKE


def _show_traceback(kind: type[BaseException], error: BaseException, trace: "TracebackType | None") -> None:
    """Show an exception that ends the process: its text may come from a file."""
    from traceback import format_exception  # noqa: PLC0415 - rare

    show(several_lines("".join(format_exception(kind, error, trace))), aside=True)
