"""`imgbudget send`: a request goes to the API once it is linted, and its bill is held against the rule."""

import sys
from typing import Any

import click

from imgbudget.cli.completion import files
from imgbudget.cli.options import (
    config_options,
    model_options,
    output_options,
    selection_options,
    silencing_options,
    wishes,
)
from imgbudget.cli.output import parse_formats
from imgbudget.cli.sending import SendRun
from imgbudget.config.units import parse_cost
from imgbudget.errors import UsageError
from imgbudget.live.batches import checked_id
from imgbudget.live.client import require_sdk
from imgbudget.live.outgoing import outgoing
from imgbudget.session import Session
from imgbudget.session.run import STDIN

FORMATS = ("full", "json")


def _cost(_ctx: click.Context, param: click.Parameter, value: str | None) -> float | None:
    """The US dollars of `--max-cost`."""
    try:
        return None if value is None else parse_cost(value)
    except ValueError as error:
        raise click.BadParameter(str(error), param=param) from None


@click.command("send")
@click.argument("request", metavar="REQUEST", shell_complete=files)
@model_options
@selection_options
@click.option("--fix", is_flag=True, help="Send the body with its safe fixes; the file stays as it is.")
@click.option("--force", is_flag=True, help="Send although errors were found.")
@click.option("--dry-run", is_flag=True, help="Show what would go out, and send nothing.")
@click.option("-y", "--yes", is_flag=True, help="Do not ask before spending.")
@click.option(
    "--max-cost",
    callback=_cost,
    metavar="USD",
    help="Send only what costs at most this, its whole max_tokens counted, e.g. $0.05.",
)
@click.option("--count", is_flag=True, help="Only count the tokens, which is free.")
@click.option("--stream", is_flag=True, help="Show the answer as it comes.")
@click.option("--upload", is_flag=True, help="Upload the images to the Files API and send file ids.")
@click.option("--delete-after", is_flag=True, help="Delete what --upload has uploaded once it was answered.")
@click.option("--batch-id", metavar="ID", help="Go on with a batch that was made of REQUEST before.")
@click.option(
    "--poll",
    type=click.FloatRange(min=0.01),
    default=10.0,
    show_default=True,
    metavar="SECONDS",
    help="How often to look at a batch.",
)
@click.option("--output", metavar="FILE", help="Write the answer as JSON, that of a batch as JSON Lines.")
@click.option(
    "--record", metavar="FILE", help="Append what was predicted and what came of it, as JSON Lines."
)
@click.option(
    "--timeout", type=click.FloatRange(min=0.01), metavar="SECONDS", help="Default: as the SDK has it."
)
@click.option(
    "--retries", type=click.IntRange(min=0), metavar="N", help="Attempts after the first; as the SDK has it."
)
@silencing_options
@output_options(FORMATS, "full")
@config_options
def command(**options: Any) -> int:
    """Lint a request, send it, and hold what is billed against what was predicted.

    REQUEST is a Messages API body, or a batch (its own JSON, or JSON Lines), which goes through the Message
    Batches endpoint; - is standard input. Keys and addresses come from the environment as the official SDK
    has them. Exit code 0: sent and answered; 1: not sent, because of findings, --max-cost or your answer; 2:
    usage, configuration, or the API failed.
    """
    _refuse_contradictions(options)
    formats = parse_formats(options["formats"], "full")
    for name, _ in formats:
        if name not in FORMATS:
            raise UsageError(f"unknown format {name!r}; send knows {', '.join(FORMATS)}")
    if not options["dry_run"]:
        require_sdk("imgbudget send")
    asked = wishes(options, excerpts=True)
    session = Session(asked)
    path = options["request"]
    text = sys.stdin.buffer.read() if path == STDIN else None
    with outgoing(session, path, text, fix=options["fix"]) as out:
        return SendRun(session, out, options, formats, asked).run()


def _refuse_contradictions(options: dict[str, Any]) -> None:
    """Raise UsageError for options that do not go together."""
    pairs = (
        ("count", "upload", "the count endpoint takes no file ids"),
        ("count", "stream", "a count is one number"),
        ("count", "batch_id", "a batch is not counted"),
        ("stream", "batch_id", "a batch is not streamed"),
        ("dry_run", "batch_id", "nothing is sent to go on with a batch"),
    )
    for one, other, why in pairs:
        if options[one] and options[other]:
            raise UsageError(f"{_name(one)} and {_name(other)} do not go together: {why}")
    if options["delete_after"] and not options["upload"]:
        raise UsageError("--delete-after goes with --upload")
    if options["batch_id"] is not None:
        checked_id(options["batch_id"])


def _name(option: str) -> str:
    return f"--{option.replace('_', '-')}"
