"""A comparison with an earlier run as text and as a record."""

from typing import Any

from imgbudget.comparison import Comparison, Told
from imgbudget.reporters.base import count, figure, money, one_line
from imgbudget.reporters.records import usd

_SHOWN = 20
"""New findings that the text lists; the JSON has all of them."""


def headline(comparison: Comparison) -> str:
    """The difference in one line, for a pull request: +3 images, +4,120 tokens, +$0.012 per run."""
    parts = [
        _signed(comparison.images, "image"),
        _signed(comparison.requests, "request"),
        _signed(comparison.visual_tokens, "token"),
    ]
    said = [part for part in parts if part]
    cost = round(comparison.cost_usd, 6)
    if cost:
        said.append(f"{'+' if cost > 0 else '-'}{_short(abs(cost))} per run")
    return ", ".join(said) or "no images, tokens or cost more or less"


def verdict(comparison: Comparison) -> str:
    """How many findings came and went."""
    new, fixed = len(comparison.new), len(comparison.fixed)
    if not new and not fixed:
        return "no findings came or went"
    return f"{count(new, 'new finding')}, {figure(fixed)} fixed"


def comparison_text(comparison: Comparison) -> str:
    """The difference in a line, and the new findings, a line each."""
    lines = [f"against {one_line(comparison.name)}: {headline(comparison)}; {verdict(comparison)}"]
    for sign, findings in (("+", comparison.new), ("-", comparison.fixed)):
        lines += [f"  {sign} {_line(finding)}" for finding in findings[:_SHOWN]]
        if len(findings) > _SHOWN:
            lines.append(f"  {sign} and {figure(len(findings) - _SHOWN)} more; --format json has all of them")
    return "\n".join(lines) + "\n"


def _line(finding: Told) -> str:
    where = f" {finding.location}" if finding.location else ""
    return f"{one_line(finding.path)}{where}: {finding.code} {finding.severity}: {one_line(finding.message)}"


def _signed(number: int, noun: str) -> str:
    if not number:
        return ""
    return f"{number:+,} {noun if abs(number) == 1 else noun + 's'}"


def _short(usd_amount: float) -> str:
    """An amount without zeros behind its last digit, at least to the cent."""
    whole, _, cents = money(usd_amount).partition(".")
    return f"{whole}.{cents.rstrip('0'):0<2}"


def comparison_record(comparison: Comparison) -> dict[str, Any]:
    """The difference for the JSON formats: numbers are this run's less the earlier one's."""
    return {
        "with": comparison.name,
        "images": comparison.images,
        "requests": comparison.requests,
        "visual_tokens": comparison.visual_tokens,
        "tokens_after_fix": comparison.tokens_after_fix,
        "cost_usd": usd(comparison.cost_usd),
        "new": [finding._asdict() for finding in comparison.new],
        "fixed": [finding._asdict() for finding in comparison.fixed],
    }
