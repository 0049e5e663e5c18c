"""`imgbudget size`: what a model makes of a size, without an image."""

import json
import re
import sys
from typing import Any

import click

from imgbudget.cli.options import codes, config_options, model_options, output_options, wishes
from imgbudget.cli.output import Sink, parse_formats, say, wants_colour
from imgbudget.cli.tables import Table
from imgbudget.errors import UsageError
from imgbudget.geometry import CoordinateMap, Size, area_tokens, padded_size, planned_size, ratio_table
from imgbudget.limits import Limits
from imgbudget.reporters.base import money
from imgbudget.reporters.records import TOOL, VERSION, usd
from imgbudget.session import Session

FORMATS = ("full", "json")
_SIZE = re.compile(r"([1-9]\d{0,8})[xX×]([1-9]\d{0,8})")


def parse_size(text: str) -> Size:
    """`WxH` in px as a size.

    Raises:
        UsageError: the text is no size.
    """
    match = _SIZE.fullmatch(text.strip())
    if match is None:
        raise UsageError(f"{text!r} is no size; write width x height in px, such as 1920x1080")
    return Size(int(match[1]), int(match[2]))


@click.command("size")
@click.argument("sizes", nargs=-1, metavar="WxH...")
@model_options
@click.option("--table", is_flag=True, help="Print the table of sizes that are not resized, a row a ratio.")
@output_options(FORMATS, "full")
@config_options
def command(**options: Any) -> int:
    """Show what a model makes of a size: resized to, padded, tokens, cost, scale.

    Several models at once: --model a,b.
    """
    sizes = [parse_size(text) for text in options["sizes"]]
    if not sizes and not options["table"]:
        raise UsageError("give at least one size such as 1920x1080, or --table")
    models = codes(None, None, (options["model"],)) if options["model"] else None  # type: ignore[arg-type]
    session = Session(wishes({**options, "model": models[0] if models else None}))
    all_limits = [session.limits_of(model) for model in models or (session.bench.model,)]
    for name, file in parse_formats(options["formats"], "full"):
        if name not in FORMATS:
            raise UsageError(f"unknown format {name!r}; size knows {', '.join(FORMATS)}")
        sink = Sink(file)
        if name == "json":
            sink.write(json.dumps(_document(sizes, all_limits, table=options["table"]), indent=1) + "\n")
        else:
            colour = file is None and wants_colour(options["color"], sys.stdout)
            texts = (_text(sizes, limits, table=options["table"], colour=colour) for limits in all_limits)
            sink.write("\n".join(texts))
        sink.close()
    for note in session.notes:
        say(f"warning: {note}")
    return 0


def _record(size: Size, limits: Limits) -> dict[str, Any]:
    resized = limits.native_size(size)
    tokens, area = limits.tokens(size), area_tokens(resized)
    return {
        "model": limits.model,
        "platform": limits.platform,
        "tier": limits.tier.name,
        "size": list(size),
        "fits": resized == size,
        "accepted": size.long_edge <= limits.max_edge.value,
        "resized": list(resized),
        "padded": list(padded_size(resized)),
        "planned": list(planned_size(size, limits.tier)),
        "tokens": tokens,
        "cost_usd": usd(limits.cost_usd(tokens)),
        "tokens_area": area,
        "cost_area_usd": usd(limits.cost_usd(area)),
        "scale": list(CoordinateMap(size, resized).scale),
    }


def _rows(limits: Limits) -> list[dict[str, Any]]:
    return [
        {
            "model": limits.model,
            "tier": limits.tier.name,
            "ratio": f"{ratio[0]}:{ratio[1]}",
            "size": list(size),
            "tokens": limits.tokens(size),
            "cost_usd": usd(limits.cost_usd(limits.tokens(size))),
        }
        for ratio, size in ratio_table(limits.tier)
    ]


def _document(sizes: list[Size], all_limits: list[Limits], *, table: bool) -> dict[str, Any]:
    document: dict[str, Any] = {
        "version": VERSION,
        "tool": TOOL,
        "sizes": [_record(size, limits) for limits in all_limits for size in sizes],
    }
    if table:
        document["table"] = [row for limits in all_limits for row in _rows(limits)]
    return document


def _about(usd_amount: float) -> str:
    """An amount to two significant digits, for an estimate."""
    if not usd_amount:
        return "~$0"
    digits = max(1 - int(f"{usd_amount:e}".partition("e")[2]), 2)
    return f"~${usd_amount:.{digits}f}"


def _text(sizes: list[Size], limits: Limits, *, table: bool, colour: bool) -> str:
    tier = limits.tier
    parts = [
        (
            f"{limits.model} on {limits.platform}: {tier.name} tier, "
            f"at most {tier.max_edge} px an edge and {tier.max_tokens} tokens\n"
        )
    ]
    if sizes:
        shown = Table(
            (
                *("size", "resized to", "padded", "tokens", "cost"),
                *("older estimate", "its cost", "scale x, y", "note"),
            ),
            colour=colour,
        )
        for size in sizes:
            record = _record(size, limits)
            scale = "" if record["fits"] else "{:.4f}, {:.4f}".format(*record["scale"])
            shown.add(
                str(size),
                "as it is" if record["fits"] else str(Size(*record["resized"])),
                str(Size(*record["padded"])),
                str(record["tokens"]),
                money(limits.cost_usd(record["tokens"])),
                str(record["tokens_area"]),
                _about(limits.cost_usd(record["tokens_area"])),
                scale,
                "" if record["accepted"] else f"rejected: over {limits.max_edge.text} an edge",
            )
        parts.append(shown.text(right={3, 4, 5, 6}))
    if table:
        rows = Table(("ratio", "portrait", "landscape", "tokens", "cost"), colour=colour)
        for ratio, size in ratio_table(tier):
            tokens = limits.tokens(size)
            cost = money(limits.cost_usd(tokens))
            rows.add(f"{ratio[0]}:{ratio[1]}", str(size), str(size.transposed), str(tokens), cost)
        parts.append("largest sizes that are not resized, of exactly that ratio:\n" + rows.text(right={3, 4}))
    return "".join(parts)
