"""What a session costs under each way to remove its images: three shapes of sessions, with prompt caching.

    python benchmarks/pruning.py [--model MODEL] [--json]

Nothing is sent: calls are billed by `imgbudget.planner.caching`, whose formula the tests hold against a
simulated cache. Answers are counted as input of the next call, their own price is left out: it is the same
for every policy.
"""

import argparse
import json
import sys
from collections.abc import Callable, Iterator
from typing import NamedTuple

from imgbudget.limits.bound import Limits
from imgbudget.limits.geometry import Size
from imgbudget.linter.options import RunOptions
from imgbudget.linter.run import Session
from imgbudget.planner.caching import Bill, CacheRates, Part, bill_of_session
from imgbudget.planner.pruning import REMOVED, PruneMarks, Step, Weight, pruned_steps, worthwhile


class Turn(NamedTuple):
    """What one call adds: tokens of text before its images, the images, tokens of text after, the answer.

    `raw` is the size of each image file in bytes.
    """

    before: int
    images: tuple[Size, ...]
    after: int
    answer: int
    raw: int = 150_000


class Shape(NamedTuple):
    """One session: tokens of system prompt and tools, and its turns."""

    name: str
    system: int
    turns: tuple[Turn, ...]


SCREEN = Size(1920, 1080)


def shapes() -> Iterator[Shape]:
    """The sessions, by the sizes of what their turns add."""
    screens = tuple(Turn(500, (SCREEN,), 2500, 200) for _ in range(40))
    yield Shape("screenshots: 40 turns, 1 image each", 5000, screens)
    yield Shape("screenshots: 200 turns, 1 image each", 5000, (screens[0],) * 200)
    pages = (Turn(300, (Size(1240, 1754),) * 12, 0, 900, 250_000),)
    yield Shape(
        "documents: 5 x 12 pages, 6 questions on each", 2000, (pages + (Turn(80, (), 0, 500),) * 5) * 5
    )
    coding = tuple(
        Turn(1500, (Size(1400, 900),) if at in (2, 9, 21, 38, 55) else (), 1800, 600) for at in range(80)
    )
    yield Shape("coding: 80 turns, 5 images", 18000, coding)


def parts_of(shape: Shape, limits: Limits) -> list[list[Part]]:
    """What each call adds to the prompt."""
    calls: list[list[Part]] = []
    answer = shape.system
    for turn in shape.turns:
        images = [Part(limits.tokens(size) or 0, is_image=True) for size in turn.images]
        calls.append([Part(answer + turn.before), *images, Part(turn.after)])
        answer = turn.answer
    return calls


def steps_of(shape: Shape, limits: Limits) -> list[Step]:
    """What each call adds to the messages, with the answer to the call before."""
    steps = []
    for call, turn in zip(parts_of(shape, limits), shape.turns, strict=True):
        text = sum(part.tokens for part in call if not part.is_image)
        images = tuple(Weight(-(-turn.raw // 3) * 4, part.tokens) for part in call if part.is_image)
        steps.append(Step(images, Weight(text * 4, text)))
    return steps


Policy = Callable[[Shape, Limits], list[int]]


def no_pruning(shape: Shape, _: Limits) -> list[int]:
    """Nothing is ever removed."""
    return [0] * len(shape.turns)


def keep_three(shape: Shape, _: Limits) -> list[int]:
    """All but the last three images go with each call, but never those new in it."""
    gone, images = [], 0
    for turn in shape.turns:
        images += len(turn.images)
        gone.append(images - min(images, max(3, len(turn.images))))
    return gone


def marked(*, most_kept: int, keep: int) -> Policy:
    """As `prune_conversation` removes images, without regard to the limits of the model."""

    def removed(shape: Shape, limits: Limits) -> list[int]:
        steps = steps_of(shape, limits)
        return [
            at.removed
            for at in pruned_steps(steps, PruneMarks(next_images=0, keep=keep, most_kept=most_kept))
        ]

    return removed


def by_limits(shape: Shape, limits: Limits) -> list[int]:
    """As `prune_conversation(messages)`: only when a limit is near."""
    return [at.removed for at in pruned_steps(steps_of(shape, limits), PruneMarks.of(limits))]


def by_price(shape: Shape, limits: Limits) -> list[int]:
    """As `prune_conversation(messages, remaining_calls=N)`, with the true number of calls to come."""
    steps, rates = steps_of(shape, limits), CacheRates.of(limits)
    gone, found = 0, []
    forced = pruned_steps(steps, PruneMarks.of(limits))
    for at in range(len(steps)):
        gone = max(gone, forced[at].removed)
        least = max(3, len(steps[at].images))
        gone += worthwhile(steps[: at + 1], gone, least, len(steps) - at, rates)
        found.append(gone)
    return found


POLICIES: dict[str, Policy] = {
    "no pruning": no_pruning,
    "keep 3, each turn": keep_three,
    "from 20 to 5": marked(most_kept=20, keep=5),
    "prune_conversation(keep=3)": marked(most_kept=6, keep=3),
    "prune_conversation()": by_limits,
    "prune_conversation(remaining_calls=…)": by_price,
}
"""From the whole session to the number of images that each call is sent without."""


class Row(NamedTuple):
    """One policy on one session: what it costs, how often it changes the beginning, images left at the end.

    `refused` is whether a call exceeds the limit on images, the body or the context.
    """

    shape: str
    policy: str
    bill: Bill
    changes: int
    left: int
    refused: bool


def measure(model: str) -> Iterator[Row]:
    """Every policy on every session."""
    limits = Session(RunOptions(model=model, isolated=True)).context.limits()
    rates = CacheRates.of(limits)
    for shape in shapes():
        calls, steps = parts_of(shape, limits), steps_of(shape, limits)
        for name, policy in POLICIES.items():
            gone = policy(shape, limits)
            placed = 0 if name in ("no pruning", "keep 3, each turn", "from 20 to 5") else REMOVED.tokens
            whole = bill_of_session(calls, gone, limits, rates, placed=placed)
            images = sum(len(turn.images) for turn in shape.turns)
            changes = sum(now > before for before, now in zip([0, *gone], gone, strict=False))
            yield Row(shape.name, name, whole, changes, images - gone[-1], _is_refused(steps, gone, limits))


def _is_refused(steps: list[Step], gone: list[int], limits: Limits) -> bool:
    """Whether a call has too many images, bytes or tokens."""
    images: list[Weight] = []
    rest = Weight()
    media, body, context = limits.request_media, limits.request_bytes, limits.most_input
    for step, removed in zip(steps, gone, strict=True):
        images += step.images
        rest = rest.plus(step.rest)
        whole = rest
        for image in images[removed:]:
            whole = whole.plus(image)
        if (
            (media and len(images) - removed > media.value)
            or (body and whole.byte_size > body.value)
            or (context and whole.tokens > context.value)
        ):
            return True
    return False


def main() -> None:
    """Print the tables in Markdown."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--model", default="claude-sonnet-4-6")
    parser.add_argument("--json", action="store_true")
    chosen = parser.parse_args()
    rows = list(measure(chosen.model))
    if chosen.json:
        fields = [{**row._asdict(), "bill": row.bill._asdict()} for row in rows]
        sys.stdout.write(json.dumps(fields, indent=1) + "\n")
        return
    for shape in dict.fromkeys(row.shape for row in rows):
        sys.stdout.write(f"\n{shape}, {chosen.model}:\n\n")
        sys.stdout.write("| policy | cost | against none | read | written | changes | images at the end |\n")
        sys.stdout.write("|---|---:|---:|---:|---:|---:|---:|\n")
        mine = [row for row in rows if row.shape == shape]
        none = mine[0].bill.cost_usd or 0.0
        for row in mine:
            cost = row.bill.cost_usd or 0.0
            sys.stdout.write(
                f"| {row.policy}{' (refused)' if row.refused else ''} | ${cost:.2f} | {cost / none - 1:+.0%} "
                f"| {row.bill.read:,} | {row.bill.written:,} | {row.changes} | {row.left} |\n"
            )


if __name__ == "__main__":
    main()
