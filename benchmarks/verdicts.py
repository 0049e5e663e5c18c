"""Who is wrong how often: what candidates tell against the manifest and against each other."""

from collections.abc import Iterator, Sequence

from candidates import Told
from manifest import Truth

FACTS = "format / size / orientation / animated / frames / bytes"


def meant(truths: Sequence[Truth]) -> list[Told]:
    """What a candidate would tell that is never wrong."""
    return [
        Told(
            truth.format,
            (truth.width, truth.height),
            truth.orientation,
            truth.animated,
            truth.frames,
            truth.byte_size,
        )
        for truth in truths
    ]


def differing(told: Sequence[Told], other: Sequence[Told]) -> str:
    """How often two candidates differ, fact by fact as in FACTS; a dash for a fact that one never reports."""
    facts = range(len(Told._fields))
    return " / ".join(_count([one[i] for one in told], [one[i] for one in other]) for i in facts)


def _count(mine: Sequence[object], its: Sequence[object]) -> str:
    if all(one is None for one in mine) or all(one is None for one in its):
        return "–"
    return f"{sum(one != other for one, other in zip(mine, its, strict=True)):,}"


def explained(truths: Sequence[Truth], ours: Sequence[Told], pillow: Sequence[Told]) -> Iterator[str]:
    """A line for each file that imgbudget and Pillow see otherwise, with what it was made with."""
    for truth, mine, its, right in zip(truths, ours, pillow, meant(truths), strict=True):
        facts = [
            f"{name} {made}, imgbudget says {one}, Pillow {other}"
            for name, one, other, made in zip(Told._fields, mine, its, right, strict=True)
            if one != other
        ]
        if facts:
            note = f" with {truth.note}" if truth.note else ""
            yield f"- {truth.path}, {truth.format}{note}: {'; '.join(facts)}"
