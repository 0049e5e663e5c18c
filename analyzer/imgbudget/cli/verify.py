"""`imgbudget verify`: the token rule held against the API's own count, free of charge."""

import json
import os
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from itertools import islice
from typing import Any

import click

from imgbudget.cli.completion import files
from imgbudget.cli.options import config_options, output_options, wishes
from imgbudget.cli.output import Sink, parse_formats, say, wants_colour, whole_file
from imgbudget.cli.tables import Table
from imgbudget.errors import UsageError
from imgbudget.limits import Limits
from imgbudget.live.answers import ApiError
from imgbudget.live.client import Connection, connect, require_sdk
from imgbudget.live.trials import CAP, EDGE, PATCH, TOLD, Shown, Verdict, judge, trials
from imgbudget.live.verifying import Model, as_yaml, models, overlay, read_overlay, tried
from imgbudget.reporters.base import count, figure, one_line
from imgbudget.reporters.records import TOOL, VERSION
from imgbudget.session import Session

FORMATS = ("full", "json")


@click.command("verify")
@click.option("--model", metavar="ID", help="Model whose rule is verified.")
@click.option("--platform", metavar="NAME", help="anthropic, google-cloud or foundry; Bedrock has no count.")
@click.option(
    "--calls", type=click.IntRange(min=2), default=16, show_default=True, help="Most counts to ask for."
)
@click.option(
    "--limits",
    metavar="FILE",
    shell_complete=files,
    help="Write what was confirmed as observed today into this YAML file, which --limits of others reads.",
)
@click.option("--models", "list_models", is_flag=True, help="List the models of the key, and count nothing.")
@click.option(
    "--timeout", type=click.FloatRange(min=0.01), metavar="SECONDS", help="Default: as the SDK has it."
)
@click.option(
    "--retries", type=click.IntRange(min=0), metavar="N", help="Attempts after the first; as the SDK has it."
)
@output_options(FORMATS, "full")
@config_options
def command(**options: Any) -> int:
    """Hold the token rule against the count endpoint, which is free.

    Grey images on both sides of each boundary are counted: the edges of patches, the tier's longest edge, its
    most tokens. Exit code 0: the rule is confirmed; 1: it is not; 2: usage, configuration, or the API failed.
    """
    formats = parse_formats(options["formats"], "full")
    for name, _ in formats:
        if name not in FORMATS:
            raise UsageError(f"unknown format {name!r}; verify knows {', '.join(FORMATS)}")
    require_sdk("imgbudget verify")
    file = options["limits"]
    before = read_overlay(file) if file else {}
    session = Session(wishes({**options, "limits": file if file and os.path.exists(file) else None}))
    limits = session.bench.limits()
    platform = session.bench.platform
    if platform == "bedrock":
        raise UsageError("bedrock has no count endpoint (SDK 2.14); verify the model on another platform")
    if options["list_models"] and platform != "anthropic":
        raise UsageError(f"{platform} has no list of models; --models is for the anthropic platform")
    connection = connect(platform, timeout=options["timeout"], max_retries=options["retries"])
    if options["list_models"]:
        listed = _listed(connection)
        _show(formats, _models_document(listed), _models_text(session, listed, options))
        return 0
    try:
        shown = tuple(tried(connection, session.bench.model, islice(trials(limits), options["calls"])))
        listed = models(connection) if platform == "anthropic" else ()
    except ApiError as error:
        raise _told(error) from None
    told = next((it for it in listed if it.id in (session.bench.model, limits.model)), None)
    verdict = judge(shown)
    _show(formats, _document(limits, shown, verdict, told), _text(limits, shown, verdict, told, options))
    for note in session.notes:
        say(f"warning: {note}")
    if file:
        with whole_file(file) as out:
            out.write(as_yaml(overlay(limits, verdict, told, before, datetime.now(UTC).date())))
        if not options["quiet"]:
            written = [rule for rule in (PATCH, EDGE, CAP) if verdict.confirmed.get(rule)]
            say(f"{file}: written; observed today: {', '.join(written) or 'no part of the rule'}")
    return 0 if all(verdict.confirmed.values()) else 1


def _listed(connection: Connection) -> tuple[Model, ...]:
    try:
        return models(connection)
    except ApiError as error:
        raise _told(error) from None


def _told(error: ApiError) -> ApiError:
    """The failure with what to do about it, for the one line that is said of it."""
    remedy = error.failure.remedy
    if remedy:
        error.args = (f"{error}; {remedy}",)
    return error


def _show(formats: Sequence[tuple[str, str | None]], document: dict[str, Any], text: str) -> None:
    for name, file in formats:
        sink = Sink(file)
        sink.write(json.dumps(document, indent=1) + "\n" if name == "json" else text)
        sink.close()


def _document(limits: Limits, shown: Sequence[Shown], verdict: Verdict, told: Model | None) -> dict[str, Any]:
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
                "rule": it.trial.rule,
                "size": list(it.trial.size),
                "images": it.trial.images,
                "resized": list(it.trial.resized),
                "expected_tokens": it.trial.expected,
                "counted_tokens": it.counted,
                "target": list(it.target) if it.target else None,
                "failure": it.failure,
                "confirmed": verdict.holds(it),
            }
            for it in shown
        ],
        "listed": told._asdict() if told else None,
    }


def _text(
    limits: Limits, shown: Sequence[Shown], verdict: Verdict, told: Model | None, options: dict[str, Any]
) -> str:
    colour = all(file is None for _, file in parse_formats(options["formats"], "full"))
    colour = colour and wants_colour(options["color"], sys.stdout)
    table = Table(
        ("rule", "images", "size", "resized", "tokens", "counted", "less envelope", ""), colour=colour
    )
    for it in shown:
        less = verdict.visual(it)
        counted = (
            figure(it.counted) if it.counted is not None else str(it.target or one_line(it.failure or ""))
        )
        table.add(
            it.trial.rule,
            str(it.trial.images),
            str(it.trial.size),
            str(it.trial.resized),
            figure(it.trial.expected),
            counted,
            "" if less is None else figure(less),
            "as predicted" if verdict.holds(it) else "NOT as predicted",
        )
    lines = [f"{limits.model} on {limits.platform}: {limits.tier.name} tier", table.text(right=(1, 4, 5, 6))]
    for rule, holds in verdict.confirmed.items():
        lines.append(f"{'confirmed' if holds else 'not confirmed'}: {rule}: {TOLD[rule]}")
    if verdict.envelope is not None:
        part = "" if verdict.image_part is None else f", of which {verdict.image_part} belong to the image"
        lines.append(f"envelope: {count(verdict.envelope, 'token')} beside the patches of one image{part}")
    if told is not None:
        lines.append(_listing(limits, told))
    return "\n".join(lines) + "\n"


def _listing(limits: Limits, told: Model) -> str:
    """What the Models API says of the model, beside what is documented."""
    images = {True: "takes images", False: "takes NO images", None: "says nothing of images"}[told.images]
    documented = int(limits.context_tokens.value)
    same = "as documented" if told.context == documented else f"documented as {figure(documented)}"
    context = "no context told" if told.context is None else f"context {figure(told.context)} tokens, {same}"
    return f"listed: {told.id} {images}; {context}; {told.lifecycle or 'lifecycle not told'}"


def _models_document(listed: Sequence[Model]) -> dict[str, Any]:
    return {"version": VERSION, "tool": TOOL, "models": [it._asdict() for it in listed]}


def _models_text(session: Session, listed: Sequence[Model], options: dict[str, Any]) -> str:
    table = Table(
        ("model", "images", "context", "output", "lifecycle", "tier here"),
        colour=wants_colour(options["color"], sys.stdout),
    )
    for it in listed:
        limits = session.limits.bind(it.id, session.bench.platform)
        table.add(
            one_line(it.id),
            {True: "yes", False: "no", None: "?"}[it.images],
            "?" if it.context is None else figure(it.context),
            "?" if it.output is None else figure(it.output),
            one_line(it.lifecycle or "?"),
            limits.tier.name if limits.known else "unknown model",
        )
    return table.text(right=(2, 3))
