"""`imgbudget send`: lints a request, sends it, and compares the bill with the prediction."""

import sys
from typing import Annotated, NamedTuple

from imgbudget.cli.command import Command, Number, argument, flag, option
from imgbudget.cli.completion import files
from imgbudget.cli.options import (
    FIX_LEVEL,
    SECONDS,
    ConfigOptions,
    ConnectionOptions,
    ModelOptions,
    OutputOptions,
    SelectionOptions,
    SuppressionOptions,
    run_options,
)
from imgbudget.cli.output import chosen_formats
from imgbudget.cli.send_run import SendRun
from imgbudget.config.units import parse_cost
from imgbudget.errors import UsageError
from imgbudget.fixing.strategy import FindingFixes
from imgbudget.linter.run import STDIN, Session
from imgbudget.live.batches import checked_id
from imgbudget.live.client import checked_seconds, require_sdk
from imgbudget.live.outgoing import outgoing
from imgbudget.model.subjects import Severity

FORMATS = ("full", "json")


class SendOptions(NamedTuple):
    """The options of `send`."""

    request: Annotated[str, argument("REQUEST", complete=files)]
    provider: ModelOptions = ModelOptions()
    rules: SelectionOptions = SelectionOptions()
    jobs: Annotated[
        int | None,
        option(
            "-j",
            "--jobs",
            type=Number(1),
            metavar="N",
            help="Accepted as in check, plan and audit; a request is checked in one process.",
        ),
    ] = None
    fix: Annotated[
        bool, flag("--fix", help="Send the body with its safe fixes applied; the file is not changed.")
    ] = False
    fix_level: Annotated[str, FIX_LEVEL] = "error"
    force: Annotated[bool, flag("--force", help="Send even if errors were found.")] = False
    dry_run: Annotated[bool, flag("--dry-run", help="Show what would be sent, and send nothing.")] = False
    yes: Annotated[bool, flag("-y", "--yes", help="Do not ask for confirmation before spending.")] = False
    max_cost: Annotated[
        float | None,
        option(
            "--max-cost",
            parse=parse_cost,
            metavar="USD",
            help="Send only if the cost, with all of max_tokens counted, is at most this, e.g. $0.05.",
        ),
    ] = None
    count_only: Annotated[bool, flag("--count", help="Only count the tokens, which is free.")] = False
    stream: Annotated[bool, flag("--stream", help="Show the answer as it arrives.")] = False
    upload: Annotated[
        bool, flag("--upload", help="Upload the images to the Files API and send file ids.")
    ] = False
    delete_after: Annotated[
        bool, flag("--delete-after", help="Delete the files of --upload once the answer has arrived.")
    ] = False
    batch_id: Annotated[
        str | None,
        option("--batch-id", metavar="ID", help="Resume a batch that was created from REQUEST before."),
    ] = None
    poll: Annotated[
        float,
        option(
            "--poll",
            type=SECONDS,
            show_default=True,
            metavar="SECONDS",
            help="Interval at which the status of a batch is checked.",
        ),
    ] = 10.0
    answer_file: Annotated[
        str | None,
        option(
            "-o",
            "--output",
            metavar="FILE",
            complete=files,
            help="Write the answer as JSON, that of a batch as JSON Lines.",
        ),
    ] = None
    record: Annotated[
        str | None,
        option(
            "--record",
            metavar="FILE",
            complete=files,
            help="Append prediction and outcome to FILE, as JSON Lines.",
        ),
    ] = None
    connection: ConnectionOptions = ConnectionOptions()
    findings: SuppressionOptions = SuppressionOptions()
    output: OutputOptions = OutputOptions()
    settings: ConfigOptions = ConfigOptions()


def send(options: SendOptions) -> int:
    """Lint a request, send it, and compare what is billed with what was predicted.

    REQUEST is a Messages API body, or a batch (its own JSON, or JSON Lines), which goes through the Message
    Batches endpoint; - is standard input. Keys and addresses come from the environment, as in the official
    SDK. Exit code 0: sent and answered; 1: not sent, because of findings, --max-cost or your answer; 2:
    usage, configuration, or the API failed.
    """
    _refuse_contradictions(options)
    formats = chosen_formats(options.output.formats, FORMATS)
    if not options.dry_run:
        require_sdk("imgbudget send")
    asked = run_options(
        provider=options.provider,
        settings=options.settings,
        rules=options.rules,
        findings=options.findings,
        verbose=options.output.verbose,
    )._replace(excerpts=True)
    session = Session(asked)
    text = sys.stdin.buffer.read() if options.request == STDIN else None
    fixes = FindingFixes(level=Severity[options.fix_level.upper()]) if options.fix else None
    with outgoing(session, options.request, text, fixes) as out:
        return SendRun(session, out, options, formats, asked).run()


def _refuse_contradictions(options: SendOptions) -> None:
    """Raise UsageError for options that contradict each other."""
    count = ("--count", options.count_only)
    stream = ("--stream", options.stream)
    batch = ("--batch-id", options.batch_id is not None)
    for (one, is_one), (other, is_other), why in (
        (count, ("--upload", options.upload), "the count endpoint does not accept file ids"),
        (count, stream, "a count is one number"),
        (count, batch, "a batch is not counted"),
        (stream, batch, "a batch is not streamed"),
        (("--dry-run", options.dry_run), batch, "--batch-id continues a batch that was already sent"),
    ):
        if is_one and is_other:
            raise UsageError(f"{one} and {other} cannot be combined: {why}")
    if options.delete_after and not options.upload:
        raise UsageError("--delete-after needs --upload")
    if options.batch_id is not None:
        checked_id(options.batch_id)
    checked_seconds("--poll", options.poll)


command: Command[SendOptions] = Command("send", SendOptions, send, formats=FORMATS)
