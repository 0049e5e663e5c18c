"""`imgbudget init`: writes a first configuration, and shows how to run imgbudget on each commit."""

import os
from typing import Annotated, NamedTuple

from imgbudget import version
from imgbudget.cli.command import Command, argument, flag
from imgbudget.cli.completion import folders
from imgbudget.cli.output import say
from imgbudget.config.files import discover, shown
from imgbudget.config.starter import Proposal, starter
from imgbudget.errors import UsageError, os_error_text
from imgbudget.reporters.base import count
from imgbudget.session.survey import survey

NAME = ".imgbudget.yaml"

_HOOK = """\
repos:
  - repo: {repo}
    rev: {rev}
    hooks:
      - id: imgbudget
"""


class InitOptions(NamedTuple):
    """The options of `init`."""

    folder: Annotated[str, argument("[FOLDER]", complete=folders)] = "."
    dry_run: Annotated[bool, flag("--dry-run", help="Print the configuration and write nothing.")] = False


def init(options: InitOptions) -> int:
    """Write a first configuration that suits the files in FOLDER, and print the pre-commit snippet.

    Model and platform are the ones that most requests name; folders of third-party files are excluded;
    budgets are the measured values plus a quarter. An existing configuration is never changed.
    """
    folder = options.folder
    if not os.path.isdir(folder):
        raise UsageError(f"{folder}: no such folder")
    nearest = discover(folder).path
    if nearest and os.path.dirname(nearest) == os.path.abspath(folder) and not options.dry_run:
        raise UsageError(f"{shown(nearest)} already exists; --dry-run shows what init would write")
    proposal = survey(folder)
    text = starter(proposal)
    if options.dry_run:
        print(text, end="")
        return 0
    path = os.path.join(folder, NAME)
    try:
        with open(path, "x", encoding="utf-8", newline="\n") as file:
            file.write(text)
    except OSError as error:
        raise UsageError(f"{shown(path)}: cannot be written: {os_error_text(error)}") from error
    print(f"wrote {shown(path)}: {_summary(proposal)}")
    if nearest:
        hidden = f"{nearest} no longer applies below {shown(path)}"
        say(f"warning: {hidden}; to keep its settings, add `extend: {nearest}`")
    print(f"\nTo check each commit, add to .pre-commit-config.yaml:\n\n{_hook()}\nNext: imgbudget check")
    return 0


def _summary(proposal: Proposal) -> str:
    measured = f"{count(proposal.images, 'image')}, {count(proposal.requests, 'request')}"
    return f"{proposal.model} on {proposal.platform}, budgets from {measured}"


command = Command("init", InitOptions, init)


def _hook() -> str:
    """The lines of `.pre-commit-config.yaml`, with places to fill in while the project has no address."""
    if version.HOME is None:
        return _HOOK.format(repo="<address of the repository of imgbudget>", rev="<tag or commit>")
    return _HOOK.format(repo=version.HOME, rev=f"v{version.__version__}")
