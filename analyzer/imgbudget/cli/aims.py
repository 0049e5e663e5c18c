"""`--target` and the budgets: what a plan aims for, and what a request may take."""

import re
from collections.abc import Callable
from typing import Any, TypeVar

import click

from imgbudget.budgets import Budget
from imgbudget.cli.options import codes
from imgbudget.config.units import parse_bytes, parse_cost, parse_tokens
from imgbudget.errors import UsageError
from imgbudget.planner.goal import Goal, Target

F = TypeVar("F", bound=Callable[..., Any])

_KINDS = ("dimension", "tokens", "bytes")
_SPELLINGS = "table, native, latency, dimension:1024, tokens:800 or bytes:500KB"


def target_option(function: F) -> F:
    """`--target`: which sizes a plan takes, and what one image may have."""
    return click.option(
        "--target",
        "targets",
        multiple=True,
        metavar="TARGET",
        help="table: a row of the aspect-ratio table where one keeps the ratio, else native (default); "
        "native: the largest size that the API leaves alone; latency: 1.15 megapixels and 1568 px. Beside "
        "one of them dimension:N, tokens:N and bytes:SIZE bound each image: px an edge, visual tokens, bytes "
        "of the file.",
    )(function)


def for_options(function: F) -> F:
    """`--for`, `--cheapest`: a size that suits several models at once."""
    for name, more in (
        (
            "--cheapest",
            {
                "is_flag": True,
                "help": "With --for: of the sizes down to nine tenths of the largest the one for which all "
                "these models together cost least.",
            },
        ),
        (
            "--for",
            {
                "multiple": True,
                "callback": codes,
                "metavar": "IDS",
                "help": "Models that the images are for, of any provider, comma-separated: the largest size "
                "that none of them scales down or refuses.",
            },
        ),
    ):
        names = (name, "for_models") if name == "--for" else (name,)
        function = click.option(*names, **more)(function)  # type: ignore[arg-type]
    return function


def budget_options(function: F) -> F:
    """`--budget-tokens`, `--budget-cost`, `--budget-bytes`: what one request may take."""
    for name, metavar, text in (
        ("--budget-bytes", "SIZE", "Most bytes of the body of a request, e.g. 20MB."),
        ("--budget-cost", "USD", "Most US dollars for the visual tokens of a request, e.g. $0.05."),
        ("--budget-tokens", "N", "Most visual tokens of a request, e.g. 20k."),
    ):
        function = click.option(name, metavar=metavar, help=text)(function)
    return function


def goal_of(targets: tuple[str, ...]) -> Goal:
    """The goal that the `--target`s come to.

    Raises:
        UsageError: one is not known, has no sound amount, or stands twice.
    """
    goal, given = Goal(), set()
    for text in targets:
        name, colon, amount = text.partition(":")
        kind = name if name in _KINDS else "target"
        if kind in given:
            raise UsageError(f"--target {text}: {_clash(kind)}")
        given.add(kind)
        goal = goal._replace(**_part(text, name, amount if colon else None))
    return goal


def budget_of(options: dict[str, Any]) -> Budget:
    """The budget of a request that the options give.

    Raises:
        UsageError: an amount that is none.
    """
    return Budget(
        tokens=_amount(parse_tokens, "--budget-tokens", options["budget_tokens"]),
        bytes=_amount(parse_bytes, "--budget-bytes", options["budget_bytes"]),
        cost=_amount(parse_cost, "--budget-cost", options["budget_cost"]),
    )


T = TypeVar("T")


def _amount(parse: Callable[[str], T], option: str, text: str | None) -> T | None:
    try:
        return None if text is None else parse(text)
    except ValueError as error:
        raise UsageError(f"{option}: {error}") from error


def _clash(kind: str) -> str:
    return "give one of table, native and latency" if kind == "target" else f"{kind} is given twice"


def _part(text: str, name: str, amount: str | None) -> dict[str, Any]:
    if name == "dimension" and re.fullmatch(r"[1-9][0-9]{0,5}", amount or ""):
        return {"dimension": int(amount or 0)}
    if name == "tokens" and amount:
        return {"tokens": _amount(parse_tokens, f"--target {text}", amount)}
    if name == "bytes" and amount:
        return {"byte_size": _amount(parse_bytes, f"--target {text}", amount)}
    if amount is None and name in {target.value for target in Target}:
        return {"target": Target(name)}
    raise UsageError(f"unknown target {text!r}; write {_SPELLINGS}")
