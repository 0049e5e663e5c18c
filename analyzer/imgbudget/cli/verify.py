"""`imgbudget verify`: checks the token formula against the API's count endpoint, which is free."""

import os
from collections.abc import Sequence
from datetime import UTC, datetime
from itertools import islice
from typing import Annotated, Any, NamedTuple

from imgbudget.cli.command import Command, Number, deprecated, flag, option
from imgbudget.cli.completion import files, model_id, platform_name
from imgbudget.cli.options import ConfigOptions, ConnectionOptions, ModelOptions, OutputOptions, run_options
from imgbudget.cli.output import chosen_formats, say, say_warnings, whole_file, write_formats
from imgbudget.cli.verify_text import verify_text
from imgbudget.config.units import parse_cost
from imgbudget.errors import UsageError
from imgbudget.limits.bound import Limits
from imgbudget.linter.run import Session
from imgbudget.live.answers import ApiError
from imgbudget.live.client import Connection, connect, require_sdk
from imgbudget.live.verification import (
    CAP,
    CONFIRMED_BY,
    EDGE,
    PATCH,
    CaseResult,
    CaseVerdict,
    Model,
    as_yaml,
    case_verdict,
    count_cases,
    models,
    overlay,
    probe_cases,
    read_overlay,
)
from imgbudget.output.base import TextTable, count, figure, number
from imgbudget.output.records import TOOL, VERSION
from imgbudget.printable import blocks, joined

FORMATS = ("full", "json")


class VerifyOptions(NamedTuple):
    """The options of `verify`."""

    model: Annotated[
        str | None,
        option("--model", metavar="ID", complete=model_id, help="Model whose token formula is checked."),
    ] = None
    platform: Annotated[
        str | None,
        option(
            "--platform",
            metavar="NAME",
            complete=platform_name,
            help="anthropic, google-cloud or foundry; Bedrock has no count endpoint.",
        ),
    ] = None
    calls: Annotated[
        int, option("--calls", type=Number(2), show_default=True, help="Maximum number of count calls.")
    ] = 16
    limits: Annotated[
        str | None,
        option(
            "--limits",
            metavar="FILE",
            complete=files,
            help="Write what was confirmed today into this YAML file, for the --limits of other commands.",
        ),
    ] = None
    text: Annotated[
        str | None,
        option(
            "--text",
            metavar="IMAGE",
            complete=files,
            help="Have the model transcribe an image, and compare it with what `legible` predicts; this is "
            "billed (extra: imgbudget[text]).",
        ),
    ] = None
    expect: Annotated[
        str | None,
        option(
            "--expect",
            metavar="FILE",
            complete=files,
            help="With --text: the text that is in the image, a line for each of its lines; else what is "
            "recognised at full size.",
        ),
    ] = None
    yes: Annotated[
        bool, flag("-y", "--yes", help="With --text: do not ask for confirmation before spending.")
    ] = False
    max_cost: Annotated[
        float | None,
        option(
            "--max-cost",
            parse=parse_cost,
            metavar="USD",
            help="With --text: send only if the cost, with all of max_tokens counted, is at most this.",
        ),
    ] = None
    list_models: Annotated[
        bool, flag("--list-models", help="List the models that the key can use, and count nothing.")
    ] = False
    models: Annotated[
        bool, deprecated(flag("--models", help="The same as --list-models."), "--list-models")
    ] = False
    connection: ConnectionOptions = ConnectionOptions()
    output: OutputOptions = OutputOptions()
    settings: ConfigOptions = ConfigOptions()


def verify(options: VerifyOptions) -> int:
    """Check the token formula against the count endpoint, which is free, or with --text what a model reads.

    Grey images on both sides of each boundary are counted: the patch edges, the longest edge of the tier, its
    maximum of tokens. With --text the model transcribes an image, which is billed, and its answer is compared
    with the lines that `imgbudget legible` predicts to be kept or lost. Exit code 0: confirmed; 1: it is not,
    or nothing was sent; 2: usage, configuration, or the API failed.
    """
    output, file = options.output, options.limits
    lists_models = options.list_models or options.models
    formats = chosen_formats(output.formats, FORMATS)
    require_sdk("imgbudget verify")
    _refuse_contradictions(options)
    if options.text is not None:
        try:
            return verify_text(options.text, options, formats)
        except ApiError as error:
            raise _with_remedy(error) from None
    before = read_overlay(file) if file else {}
    provider = ModelOptions(options.model, options.platform, file if file and os.path.exists(file) else None)
    session = Session(run_options(provider=provider, settings=options.settings, verbose=output.verbose))
    limits = session.context.limits()
    platform = session.context.platform
    if platform == "bedrock":
        raise UsageError("bedrock has no count endpoint (SDK 2.14); verify the model on another platform")
    if lists_models and platform != "anthropic":
        raise UsageError(f"{platform} has no list of models; --list-models is for the anthropic platform")
    timeout, retries = options.connection
    connection = connect(platform, timeout=timeout, max_retries=retries, say=say)
    if lists_models:
        listed = _listed(connection)
        write_formats(
            formats,
            output.color,
            text=lambda colour: _models_text(session, listed, colour=colour),
            document=lambda: _models_document(listed),
        )
        return 0
    try:
        results = tuple(
            count_cases(connection, session.context.model, islice(probe_cases(limits), options.calls))
        )
        listed = models(connection) if platform == "anthropic" else ()
    except ApiError as error:
        raise _with_remedy(error) from None
    entry = next((it for it in listed if it.id in (session.context.model, limits.model)), None)
    verdict = case_verdict(results)
    write_formats(
        formats,
        output.color,
        text=lambda colour: _text(limits, results, verdict, entry, colour=colour),
        document=lambda: _document(limits, results, verdict, entry),
    )
    say_warnings(session.notes)
    if file:
        with whole_file(file) as out:
            out.write(as_yaml(overlay(limits, verdict, entry, before, datetime.now(UTC).date())))
        if not output.quiet:
            written = [rule for rule in (PATCH, EDGE, CAP) if verdict.confirmed.get(rule)]
            say(f"{file}: written; observed today: {', '.join(written) or 'no part of the rule'}")
    return 0 if all(verdict.confirmed.values()) else 1


def _refuse_contradictions(options: VerifyOptions) -> None:
    """Raise UsageError for options that do nothing together."""
    if options.text is None:
        given = {"--expect": options.expect, "--yes": options.yes, "--max-cost": options.max_cost is not None}
        for name, value in given.items():
            if value:
                raise UsageError(f"{name} is for --text IMAGE; counting is free")
    elif options.limits or options.list_models or options.models:
        name = "--limits" if options.limits else "--list-models"
        raise UsageError(f"{name} and --text cannot be combined: --text checks no limits")


def _listed(connection: Connection) -> tuple[Model, ...]:
    try:
        return models(connection)
    except ApiError as error:
        raise _with_remedy(error) from None


def _with_remedy(error: ApiError) -> ApiError:
    """The failure, with its remedy added to the message."""
    remedy = error.failure.remedy
    if remedy:
        error.args = (f"{error}; {remedy}",)
    return error


def _document(
    limits: Limits, results: Sequence[CaseResult], verdict: CaseVerdict, entry: Model | None
) -> dict[str, Any]:
    return {
        "version": VERSION,
        "tool": TOOL,
        "model": limits.model,
        "platform": limits.platform,
        "tier": limits.tier.name,
        "envelope_tokens": verdict.envelope,
        "image_envelope_tokens": verdict.image_part,
        "confirmed": verdict.confirmed,
        "trials": [
            {
                "rule": it.case.rule,
                "size": list(it.case.size),
                "images": it.case.images,
                "resized": list(it.case.resized),
                "expected_tokens": it.case.expected,
                "counted_tokens": it.counted,
                "target": list(it.target) if it.target else None,
                "failure": it.failure,
                "confirmed": verdict.holds(it),
            }
            for it in results
        ],
        "listed": entry._asdict() if entry else None,
    }


def _text(
    limits: Limits,
    results: Sequence[CaseResult],
    verdict: CaseVerdict,
    entry: Model | None,
    *,
    colour: bool,
) -> str:
    table = TextTable(
        ("rule", "images", "size", "resized", "tokens", "counted", "less envelope", ""), colour=colour
    )
    for it in results:
        less = verdict.visual(it)
        counted = figure(it.counted) if it.counted is not None else str(it.target or it.failure or "")
        table.add(
            it.case.rule,
            str(it.case.images),
            str(it.case.size),
            str(it.case.resized),
            figure(it.case.expected),
            counted,
            "" if less is None else figure(less),
            "as predicted" if verdict.holds(it) else "NOT as predicted",
        )
    head = joined([f"{limits.model} on {limits.platform}: {limits.tier.name} tier"])
    lines = []
    for rule, holds in verdict.confirmed.items():
        lines.append(f"{'confirmed' if holds else 'not confirmed'}: {rule}: {CONFIRMED_BY[rule]}")
    if verdict.envelope is not None:
        part = "" if verdict.image_part is None else f", of which {verdict.image_part} are for the image"
        lines.append(f"envelope: {count(verdict.envelope, 'token')} beside the patches of one image{part}")
    if entry is not None:
        lines.append(_listing(limits, entry))
    return head + blocks((table.text(right=(1, 4, 5, 6)), joined(lines)))


def _listing(limits: Limits, entry: Model) -> str:
    """The entry of the model in the Models API, compared with what is documented."""
    images = {True: "accepts images", False: "does NOT accept images", None: "image support not reported"}[
        entry.images
    ]
    documented = None if limits.most_input is None else int(limits.most_input.value)
    same = "as documented" if entry.context == documented else f"documented as {number(documented)}"
    context = (
        "context not reported" if entry.context is None else f"context {figure(entry.context)} tokens, {same}"
    )
    return f"listed: {entry.id} {images}; {context}; {entry.lifecycle or 'lifecycle not reported'}"


def _models_document(listed: Sequence[Model]) -> dict[str, Any]:
    return {"version": VERSION, "tool": TOOL, "models": [it._asdict() for it in listed]}


def _models_text(session: Session, listed: Sequence[Model], *, colour: bool) -> str:
    table = TextTable(
        ("model", "images", "context", "output", "lifecycle", "tier here"),
        colour=colour,
    )
    for it in listed:
        limits = session.limits.bind(it.id, session.context.platform)
        table.add(
            it.id,
            {True: "yes", False: "no", None: "?"}[it.images],
            "?" if it.context is None else figure(it.context),
            "?" if it.output is None else figure(it.output),
            it.lifecycle or "?",
            limits.tier.name if limits.known else "unknown model",
        )
    return table.text(right=(2, 3))


command: Command[VerifyOptions] = Command("verify", VerifyOptions, verify, formats=FORMATS)
