"""`imgbudget`: which commands there are, and the door where errors end."""

import gc
import os
import sys
from collections.abc import Sequence

from imgbudget.errors import ImgbudgetError, os_error_text

COMMANDS = {
    "check": "lint images, folders and request JSON",
    "plan": "show the resize plan: from, to, tokens, bytes, cost",
    "split": "divide a request that is too much into several that fit",
    "tiles": "cut an image that is too large into overlapping tiles",
    "audit": "report what a dataset costs, what is refused, what a plan saves",
    "size": "show what a model makes of a size",
    "coords": "map coordinates that the model returned to the original image",
    "rule": "show a rule's page",
    "limits": "show every limit in force, with source and date",
    "explain": "say what an API error means, and which block it is about",
    "send": "send a request once it is linted, and hold the prediction against the bill",
    "verify": "hold the token rule against the API's own count",
    "init": "write a first configuration and the hook snippet",
    "baseline": "write the findings that are known, or take the fixed ones out",
    "clean": "remove the cache of facts",
}
"""Name of each command to the line that stands beside it in `--help`; each has a module of its name."""

INTERRUPTED = 130

_GARBAGE = 50_000
"""Objects from which on garbage is looked for; some megabytes at most."""


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command and exit: 0 clean, 1 findings, 2 usage, configuration or internal error."""
    # a start makes tens of thousands of objects that stay: looking for garbage among them takes a tenth of it
    gc.set_threshold(_GARBAGE)
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):  # names need not be valid UTF-8, and consoles need not be UTF-8
            stream.reconfigure(errors="backslashreplace")
    arguments = list(sys.argv[1:] if arguments is None else arguments)
    sys.exit(_run(arguments))


def _run(arguments: list[str]) -> int:
    try:
        return _check_plainly(arguments[1:]) if _is_plain(arguments) else _run_group(arguments)
    except ImgbudgetError as error:
        return _say_error(str(error))
    except KeyboardInterrupt:
        print("imgbudget: interrupted", file=sys.stderr)
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
        return _say_error(
            f"internal error: {type(error).__name__}: {error}\n"
            "this is a mistake in imgbudget; run again with --verbose for the traceback and report it"
        )


def _is_plain(arguments: list[str]) -> bool:
    """Whether this is `check` with paths and nothing else, and no shell asks for completions."""
    return (
        arguments[:1] == ["check"]
        and not any(argument.startswith("-") and argument != "-" for argument in arguments)
        and "_IMGBUDGET_COMPLETE" not in os.environ
    )


def _check_plainly(paths: list[str]) -> int:
    """`check` without options, which needs no click: a quarter of such a start."""
    from imgbudget.cli.check import command  # noqa: PLC0415 - each command is loaded when it is called
    from imgbudget.cli.declared import Declared  # noqa: PLC0415

    if not isinstance(command, Declared) or not command.complete:
        return _run_group(["check", *paths])
    try:
        code: int = command.function(**command.defaults() | {"paths": tuple(paths)})
    except KeyboardInterrupt:
        print(file=sys.stderr)  # behind the ^C of the terminal, as click does it
        raise
    except BrokenPipeError:  # as click has it: what was not shown is not clean
        sys.stdout = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115 - lives until the process ends
        return 1
    sys.stdout.flush()
    return code


def _run_group(arguments: list[str]) -> int:
    from imgbudget.cli.group import run  # noqa: PLC0415 - see _check_plainly

    return run(arguments)


def _say_error(text: str) -> int:
    for line in text.splitlines() or [""]:
        print(f"imgbudget: {line}", file=sys.stderr)
    return 2
