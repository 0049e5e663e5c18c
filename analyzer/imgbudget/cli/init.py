"""`imgbudget init`: writes a first configuration, and says how to run imgbudget at each commit."""

import os

import click

from imgbudget.cli.completion import folders
from imgbudget.cli.output import say
from imgbudget.config.files import discover, shown
from imgbudget.config.starter import Proposal, starter
from imgbudget.errors import UsageError, os_error_text
from imgbudget.reporters.base import count
from imgbudget.session.survey import survey
from imgbudget.version import __version__

NAME = ".imgbudget.yaml"

_HOOK = f"""\
repos:
  - repo: https://github.com/imgbudget/imgbudget
    rev: v{__version__}
    hooks:
      - id: imgbudget
"""


@click.command("init")
@click.argument("folder", default=".", metavar="[FOLDER]", shell_complete=folders)
@click.option("--dry-run", is_flag=True, help="Print the configuration and write nothing.")
def command(folder: str, *, dry_run: bool) -> int:
    """Write a first configuration, made from what stands in FOLDER, and print the hook snippet.

    Model and platform are those that most requests name; folders of other people's files are excluded;
    budgets are what was measured and a quarter more. A configuration that is there is never touched.
    """
    if not os.path.isdir(folder):
        raise UsageError(f"{folder}: no such folder")
    nearest = discover(folder).path
    if nearest and os.path.dirname(nearest) == os.path.abspath(folder) and not dry_run:
        raise UsageError(f"{shown(nearest)} is there already; --dry-run shows what init would write")
    proposal = survey(folder)
    text = starter(proposal)
    if dry_run:
        click.echo(text, nl=False)
        return 0
    path = os.path.join(folder, NAME)
    try:
        with open(path, "x", encoding="utf-8", newline="\n") as file:
            file.write(text)
    except OSError as error:
        raise UsageError(f"{shown(path)}: cannot be written: {os_error_text(error)}") from error
    click.echo(f"wrote {shown(path)}: {_told(proposal)}")
    if nearest:
        hidden = f"{nearest} does not hold below {shown(path)} any more"
        say(f"warning: {hidden}; `extend: {nearest}` takes it along")
    click.echo(f"\nTo check each commit, add to .pre-commit-config.yaml:\n\n{_HOOK}\nNext: imgbudget check")
    return 0


def _told(proposal: Proposal) -> str:
    measured = f"{count(proposal.images, 'image')}, {count(proposal.requests, 'request')}"
    return f"{proposal.model} on {proposal.platform}, budgets from {measured}"
