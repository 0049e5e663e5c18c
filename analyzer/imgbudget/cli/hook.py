"""`imgbudget hook`: what agents call before and after they read images."""

import os
import shlex
import shutil
import sys
from threading import Thread
from typing import Annotated, NamedTuple

from imgbudget.agents.claude_code import MOST_BYTES, HookAnswer, HookCall, answer_to, read_call, settings
from imgbudget.cli.command import Command, argument, flag, option
from imgbudget.cli.completion import files
from imgbudget.cli.options import ModelOptions, run_options
from imgbudget.cli.output import say, show
from imgbudget.errors import ConfigError, ImgbudgetError, LimitsError, UsageError
from imgbudget.linter.options import RunOptions

PATIENCE = 1.8
"""Seconds after which the agent goes on without an answer; the start of the command takes 0.2 of two."""


class HookOptions(NamedTuple):
    """The options of `hook`."""

    agent: Annotated[str, argument("claude-code")]
    settings: Annotated[
        bool,
        flag("--settings", help="Print the settings that install the hook, as one line of JSON."),
    ] = False
    provider: ModelOptions = ModelOptions()
    config: Annotated[
        str | None,
        option(
            "--config",
            metavar="FILE",
            complete=files,
            help="Configuration file to use; that of the working folder is not read.",
        ),
    ] = None


def hook(options: HookOptions) -> int:
    """Shrink images before they enter the history of an agent.

    Called by Claude Code with JSON on standard input. After Read, and after MCP tools that take screenshots,
    an image that is larger than the model uses is replaced by one in the size that the API would make of it
    anyway, with the scale for coordinates. Before Read, such a file, or one of another format, is replaced by
    a copy in a temporary folder, if the settings allow that folder and no rule asks before files are read.
    An image that cannot be decoded, which would end the session, is not read, or gives way to a text.
    Originals are never changed, and configurations of the working folder are ignored.

    What cannot work: images named with @ or pasted call no hook, and of several hooks that replace one input
    or result, the agent takes one. A hook that fails, or takes more than 2 s, says so on standard error and
    exits with 0, so that the agent goes on; a mistake in the options exits with 1, which the agent reports.
    """
    if options.agent != "claude-code":
        raise UsageError(f"unknown agent {options.agent!r}; known is claude-code")
    if options.settings:
        show(settings(_own_command()) + "\n")
        return 0
    answer = _in_time(options)
    for note in answer.notes:
        say(f"hook: {note}")
    show(answer.text)
    return int(answer.is_mistake)


def _own_command() -> str:
    """What runs this command: its name if PATH finds it, else its path."""
    path = os.path.abspath(sys.argv[0])
    found = shutil.which("imgbudget")
    if found is not None and os.path.realpath(found) == os.path.realpath(path):
        return "imgbudget"
    return shlex.quote(path) if os.path.basename(path).startswith("imgbudget") else "imgbudget"


def _in_time(options: HookOptions) -> HookAnswer:
    """The answer, or none and why: a mistake, an input that is none, or too long a time."""
    found: list[HookAnswer] = []
    worker = Thread(target=lambda: found.append(_answer(options)), daemon=True)
    worker.start()
    worker.join(PATIENCE)
    late = HookAnswer(notes=("took too long; the agent goes on with the image as it is",))
    return found[0] if found else late


def _answer(options: HookOptions) -> HookAnswer:
    try:
        text = sys.stdin.buffer.read(2 * MOST_BYTES)
        asked = run_options(provider=options.provider)
        asked = asked._replace(config=options.config, isolated=options.config is None)
        return _answer_to_call(read_call(text), asked)
    except ImgbudgetError as error:
        return HookAnswer(notes=error.lines)
    except Exception as error:  # noqa: BLE001 - whatever happens, the agent must go on
        return HookAnswer(notes=(f"failed: {type(error).__name__}: {error}; the agent goes on without it",))


def _answer_to_call(call: HookCall, asked: RunOptions) -> HookAnswer:
    try:
        return answer_to(call, asked)
    except (ConfigError, LimitsError, UsageError) as error:
        return HookAnswer(notes=error.lines, is_mistake=True)


command: Command[HookOptions] = Command("hook", HookOptions, hook)
