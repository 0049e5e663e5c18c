"""Targets of plans as text: what `--target` and `imgbudget.plan(target=…)` mean."""

import re
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from imgbudget.config.units import parse_bytes, parse_tokens
from imgbudget.errors import UsageError
from imgbudget.model.contents import ContentTarget, ContentTargetKind
from imgbudget.planner.image import SizeGoal, SizePreset

_KINDS = ("dimension", "tokens", "bytes")
_SPELLINGS = "table, native, latency, dimension:1024, tokens:800, bytes:500KB, legible or same:0.99"
_CONTENTS = {kind.value: kind for kind in ContentTargetKind}

T = TypeVar("T")


def goal_of(targets: Sequence[str]) -> SizeGoal:
    """The goal that the `--target`s come to.

    Raises:
        UsageError: one is not known, has no valid amount, or is given twice.
    """
    goal, given = SizeGoal(), set()
    for text in targets:
        name, colon, amount = text.partition(":")
        kind = name if name in _KINDS else "target"
        if kind in given:
            raise UsageError(f"--target {text}: {_clash(kind)}")
        given.add(kind)
        goal = goal._replace(**_part(text, name, amount if colon else None))
    return goal


def amount_of(parse: Callable[[str], T], option: str, text: str | None) -> T | None:
    """The amount that a text means to a parser; None stays None.

    Raises:
        UsageError: it is none; the message begins with the option.
    """
    try:
        return None if text is None else parse(text)
    except ValueError as error:
        raise UsageError(f"{option}: {error}") from error


def _clash(kind: str) -> str:
    return (
        "give one of table, native, latency, legible and same"
        if kind == "target"
        else f"{kind} is given twice"
    )


def _part(text: str, name: str, amount: str | None) -> dict[str, Any]:
    if name == "dimension" and re.fullmatch(r"[1-9][0-9]{0,5}", amount or ""):
        return {"dimension": int(amount or 0)}
    if name == "tokens" and amount:
        return {"tokens": amount_of(parse_tokens, f"--target {text}", amount)}
    if name == "bytes" and amount:
        return {"byte_size": amount_of(parse_bytes, f"--target {text}", amount)}
    if name in _CONTENTS:
        # the API sees no more than the native size, of which smaller ones are tried
        return {"target": SizePreset.NATIVE, "content": ContentTarget(_CONTENTS[name], _share(text, amount))}
    if amount is None and name in {target.value for target in SizePreset}:
        return {"target": SizePreset(name)}
    raise UsageError(f"unknown target {text!r}; write {_SPELLINGS}")


def _share(text: str, amount: str | None) -> float:
    """The share that a target has to keep: above 0, at most 1; all of the text without one."""
    name = text.partition(":")[0]
    if amount is None and name == ContentTargetKind.LEGIBLE.value:
        return 1.0
    if re.fullmatch(r"(0?\.[0-9]{1,9}|1(\.0{1,9})?)", amount or "", re.ASCII) and float(amount or 0) > 0:
        return float(amount or 0)
    what = {"legible": "the share of characters to keep", "same": "the structural similarity (SSIM) to keep"}
    raise UsageError(f"--target {text}: write {what[name]} above 0 and up to 1, such as {name}:0.99")
