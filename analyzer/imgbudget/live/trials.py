"""The trials of `verify`: which images to count, so that both sides of each boundary of the rule are seen."""

from collections.abc import Iterator, Sequence
from io import BytesIO
from typing import NamedTuple

from imgbudget.geometry import Size, native_size, patches
from imgbudget.limits import Limits

PATCH = "patch"
EDGE = "tier_edge"
CAP = "tier_tokens"
ENVELOPE = "envelope"
TARGET = "target"

TOLD = {
    PATCH: "a row or column of patches begins with each further px",
    EDGE: "a longer edge is scaled down to the tier's",
    CAP: "more patches are scaled down to the tier's",
    ENVELOPE: "a second image adds its patches and a constant",
    TARGET: "a refusal names the size that the rule gives",
}
"""What each rule says, as the trials show it."""


class Trial(NamedTuple):
    """Images of one size in one request: what is tried, and the visual tokens that the rule gives.

    `strict` asks the API to refuse what it would scale down, so that its answer names the size.
    """

    rule: str
    size: Size
    images: int
    resized: Size
    strict: bool = False

    @property
    def expected(self) -> int:
        """Visual tokens by the rule."""
        return self.images * patches(self.resized)


def trials(limits: Limits) -> Iterator[Trial]:
    """All trials, those that tell most first; each boundary has its two sides one after the other."""
    patch, (edge, cap) = limits.patch.value, limits.tier.bounds
    ten, low = 10 * patch, 5 * patch
    square = int(cap**0.5) * patch
    rows = cap // (edge // patch) * patch
    sizes = [
        (PATCH, Size(ten, ten), 1),
        (PATCH, Size(ten + 1, ten), 1),
        (CAP, Size(square, square), 1),
        (CAP, Size(square + 1, square + 1), 1),
        (EDGE, Size(edge, low), 1),
        (EDGE, Size(edge + 1, low), 1),
        (ENVELOPE, Size(ten, ten), 2),
        (CAP, Size(edge, rows), 1),
        (CAP, Size(edge, rows + 1), 1),
        (PATCH, Size(ten, ten + 1), 1),
        (EDGE, Size(low, edge), 1),
        (EDGE, Size(low, edge + 1), 1),
        (CAP, Size(4000, 3000), 1),
        (PATCH, Size(patch, patch), 1),
        (PATCH, Size(patch + 1, patch), 1),
    ]
    made = [Trial(rule, size, images, native_size(size, limits.tier)) for rule, size, images in sizes]
    strict = Trial(TARGET, Size(4000, 3000), 1, native_size(Size(4000, 3000), limits.tier), strict=True)
    yield from (*made[:7], strict, *made[7:])


def body(trial: Trial, model: str) -> bytes:
    """A count request for a trial: grey images, no text."""
    import json  # noqa: PLC0415 - live runs only
    from base64 import b64encode  # noqa: PLC0415 - as above

    data = b64encode(picture(trial.size)).decode("ascii")
    block = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": data}}
    if trial.strict:
        block |= {"transformations": {"oversized_image": "error"}}
    content = [block] * trial.images
    return json.dumps({"model": model, "messages": [{"role": "user", "content": content}]}).encode()


def picture(size: Size) -> bytes:
    """A grey PNG."""
    from PIL import Image  # noqa: PLC0415 - live runs only

    out = BytesIO()
    Image.new("L", size, 128).save(out, "PNG")
    return out.getvalue()


class Shown(NamedTuple):
    """A trial and what the API said: the tokens counted, or the size that its refusal names, or a failure."""

    trial: Trial
    counted: int | None = None
    target: Size | None = None
    failure: str | None = None


class Verdict(NamedTuple):
    """What all trials together tell.

    `envelope` is what one image brings beside its patches, `image_part` the share of the image in it, None
    where no second image was counted. `confirmed` says of each rule, of which both sides were tried, whether
    it held on all of its trials.
    """

    envelope: int | None
    image_part: int | None
    confirmed: dict[str, bool]

    def visual(self, shown: Shown) -> int | None:
        """What was counted less the envelope."""
        if shown.counted is None or self.envelope is None:
            return None
        return shown.counted - self.envelope - (self.image_part or 0) * (shown.trial.images - 1)

    def holds(self, shown: Shown) -> bool:
        """Whether a trial came out as the rule gives."""
        trial = shown.trial
        if shown.failure is not None:
            return False
        if trial.strict:
            return shown.target == trial.resized
        if trial.images > 1:
            return self.image_part is not None and 0 <= self.image_part <= (self.envelope or 0)
        return self.visual(shown) == trial.expected


def judge(shown: Sequence[Shown]) -> Verdict:
    """Infer the envelope, the same for all single images if the rule holds, and judge each rule by it."""
    singles = [it for it in shown if it.counted is not None and it.trial.images == 1]
    beside = [it.counted - it.trial.expected for it in singles if it.counted is not None]
    envelope = max(beside, key=lambda value: (beside.count(value), -value)) if beside else None
    pair = next((it for it in shown if it.counted is not None and it.trial.images > 1), None)
    part = None
    if pair is not None and pair.counted is not None and envelope is not None:
        more = pair.trial.images - 1
        part, rest = divmod(pair.counted - pair.trial.expected - envelope, more)
        part = None if rest else part
    verdict = Verdict(envelope, part, {})
    rules = [it.trial.rule for it in shown]
    for it in shown:
        if rules.count(it.trial.rule) < 2 and it.trial.rule in (PATCH, EDGE, CAP):
            continue  # one side of a boundary tells nothing
        verdict.confirmed[it.trial.rule] = verdict.confirmed.get(it.trial.rule, True) and verdict.holds(it)
    return verdict
