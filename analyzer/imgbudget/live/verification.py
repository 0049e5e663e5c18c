"""Checks the token formula against the count endpoint: probe cases on each boundary, models, observations."""

import json
import os
from base64 import b64encode
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date
from io import BytesIO
from typing import Any, NamedTuple

import yaml
from PIL import Image

from imgbudget.errors import LimitsError
from imgbudget.explaining.match import explain
from imgbudget.limits.bound import Limits
from imgbudget.limits.files import read_yaml
from imgbudget.limits.geometry import Size, native_size, patches
from imgbudget.limits.values import Limit
from imgbudget.live.answers import ApiError, Failure, json_answer
from imgbudget.live.bounds import SMALL_BYTES
from imgbudget.live.calls import exchange
from imgbudget.live.client import Connection
from imgbudget.live.sending import counted
from imgbudget.live.untrusted import tokens
from imgbudget.output.base import count, figure

PATCH = "patch"
EDGE = "tier_edge"
CAP = "tier_tokens"
ENVELOPE = "envelope"
TARGET = "target"

CONFIRMED_BY = {
    PATCH: "one more px begins a new row or column of patches",
    EDGE: "a longer edge is downscaled to the tier's",
    CAP: "more patches are downscaled to the tier's",
    ENVELOPE: "a second image adds its own patches and a constant",
    TARGET: "the error for an oversized image names the predicted size",
}
"""What each confirmed rule means, for the text output."""


class ProbeCase(NamedTuple):
    """Images of one size in one request: what is count_cases, and the visual tokens that the rule gives.

    `strict` asks the API to refuse what it would scale down, so that its answer names the size.
    """

    rule: str
    size: Size
    images: int
    resized: Size
    strict: bool = False

    @property
    def expected(self) -> int:
        """Predicted visual tokens."""
        return self.images * patches(self.resized)


def probe_cases(limits: Limits) -> Iterator[ProbeCase]:
    """All cases, the most informative first; the two sides of a boundary follow each other."""
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
    made = [ProbeCase(rule, size, images, native_size(size, limits.tier)) for rule, size, images in sizes]
    strict = ProbeCase(TARGET, Size(4000, 3000), 1, native_size(Size(4000, 3000), limits.tier), strict=True)
    yield from (*made[:7], strict, *made[7:])


def body(case: ProbeCase, model: str) -> bytes:
    """The JSON body of a count request for a case: grey images, no text."""
    data = b64encode(picture(case.size)).decode("ascii")
    block = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": data}}
    if case.strict:
        block |= {"transformations": {"oversized_image": "error"}}
    content = [block] * case.images
    return json.dumps({"model": model, "messages": [{"role": "user", "content": content}]}).encode()


def picture(size: Size) -> bytes:
    """A grey PNG of this size."""
    out = BytesIO()
    Image.new("L", size, 128).save(out, "PNG")
    return out.getvalue()


class CaseResult(NamedTuple):
    """A case and the API's answer: the tokens counted, or the size that its error names, or a failure."""

    case: ProbeCase
    counted: int | None = None
    target: Size | None = None
    failure: str | None = None


class CaseVerdict(NamedTuple):
    """What all results together show.

    `envelope` is the number of tokens of a request with one image beside the patches, `image_part` the share
    of the image in it, None if no second image was counted. `confirmed` maps each rule of which both sides
    were tested to whether all its cases were as predicted.
    """

    envelope: int | None
    image_part: int | None
    confirmed: dict[str, bool]

    def visual(self, result: CaseResult) -> int | None:
        """The counted tokens without the envelope."""
        if result.counted is None or self.envelope is None:
            return None
        return result.counted - self.envelope - (self.image_part or 0) * (result.case.images - 1)

    def holds(self, result: CaseResult) -> bool:
        """Whether the result is as predicted."""
        case = result.case
        if result.failure is not None:
            return False
        if case.strict:
            return result.target == case.resized
        if case.images > 1:
            return self.image_part is not None and 0 <= self.image_part <= (self.envelope or 0)
        return self.visual(result) == case.expected


def case_verdict(results: Sequence[CaseResult]) -> CaseVerdict:
    """Infer the envelope, which is equal for all single images if the formula holds, and check each rule."""
    singles = [it for it in results if it.counted is not None and it.case.images == 1]
    beside = [it.counted - it.case.expected for it in singles if it.counted is not None]
    envelope = max(beside, key=lambda value: (beside.count(value), -value)) if beside else None
    pair = next((it for it in results if it.counted is not None and it.case.images > 1), None)
    part = None
    if pair is not None and pair.counted is not None and envelope is not None:
        more = pair.case.images - 1
        part, rest = divmod(pair.counted - pair.case.expected - envelope, more)
        part = None if rest else part
    verdict = CaseVerdict(envelope, part, {})
    rules = [it.case.rule for it in results]
    for it in results:
        if rules.count(it.case.rule) < 2 and it.case.rule in (PATCH, EDGE, CAP):
            continue  # one side of a boundary alone confirms nothing
        verdict.confirmed[it.case.rule] = verdict.confirmed.get(it.case.rule, True) and verdict.holds(it)
    return verdict


MODELS = "/v1/models"
_PAGE = 100
_MOST_PAGES = 100
_LONGEST_NAME = 200
_REFUSED = 400


class Model(NamedTuple):
    """A model as the Models API lists it: context in tokens, image support; None if not reported."""

    id: str
    name: str
    context: int | None
    output: int | None
    images: bool | None
    lifecycle: str | None


def count_cases(connection: Connection, model: str, wanted: Iterable[ProbeCase]) -> Iterator[CaseResult]:
    """Count each case, lazily.

    Raises:
        ApiError: a failure unrelated to the image: key, model or network.
        UsageError: the platform has no count endpoint, or there is no key.
    """
    for case in wanted:
        try:
            yield CaseResult(case, counted=_counted(connection, body(case, model)))
        except ApiError as error:
            failure = error.failure
            if failure.status != _REFUSED or failure.origin != "api":
                raise
            target = _target(failure.text) if case.strict else None
            yield CaseResult(case, target=target, failure=None if target else failure.message)


def _counted(connection: Connection, text: bytes) -> int:
    content: dict[str, Any] = {"content": text, "headers": {"Content-Type": "application/json"}}
    if not connection.is_verbatim:
        content = {"body": json.loads(text)}
    return counted(connection, content)


def _target(text: str) -> Size | None:
    """The size that the error for an oversized image names."""
    for match in explain(text).matches:
        if target := dict(match.values).get("target"):
            width, _, height = target.partition("x")
            return Size(int(width), int(height))
    return None


def models(connection: Connection) -> tuple[Model, ...]:
    """All models that the key may use. Raises as `count_cases`."""
    found: dict[str, Model] = {}
    after: dict[str, str] = {}
    for _ in range(_MOST_PAGES):
        response = exchange(
            connection, "get", MODELS, most_bytes=SMALL_BYTES, params={"limit": _PAGE, **after}
        )
        page = json_answer(response, connection, "data", list)
        listed = [model for item in page["data"] if (model := _model(item)) is not None]
        fresh = {model.id: model for model in listed if model.id not in found}
        found |= fresh
        if not page.get("has_more") or not listed:
            return tuple(found.values())
        if not fresh:
            break
        after = {"after_id": listed[-1].id}
    raise ApiError(
        Failure(
            origin="api",
            message=f"the list of models does not end: has_more is true after {count(len(found), 'model')}",
            remedy="check the base URL",
        )
    )


def _model(item: object) -> Model | None:
    """The model in an entry of the list; None if it has no id that can be used."""
    if not isinstance(item, dict):
        return None
    name, lifecycle, capabilities = item.get("display_name"), item.get("lifecycle"), item.get("capabilities")
    image = capabilities.get("image_input") if isinstance(capabilities, dict) else None
    supported = image.get("supported") if isinstance(image, dict) else None
    model_id = item.get("id")
    if not isinstance(model_id, str) or not 0 < len(model_id) <= _LONGEST_NAME:
        return None
    return Model(
        id=model_id,
        name=name[:_LONGEST_NAME] if isinstance(name, str) else "",
        context=tokens(item.get("max_input_tokens")),
        output=tokens(item.get("max_tokens")),
        images=supported if isinstance(supported, bool) else None,
        lifecycle=lifecycle[:_LONGEST_NAME] if isinstance(lifecycle, str) else None,
    )


def overlay(
    limits: Limits, verdict: CaseVerdict, entry: Model | None, before: Mapping[str, Any], today: date
) -> dict[str, Any]:
    """The content of the limits file, updated with today's observations.

    A rule that was not confirmed by all its cases is not written.
    """
    source = f"observed: token counts of {limits.model} by imgbudget verify"
    data = {key: dict(value) for key, value in before.items()}

    def write(
        section: str, owner: str | None, limit: Limit[float], value: float, note: str | None = None
    ) -> None:
        location = data.setdefault(section, {})
        if owner is not None:
            location[owner] = dict(location.get(owner) or {})
            location = location[owner]
        location[limit.name] = {
            "value": value,
            "source": source,
            "date": today.isoformat(),
            "status": "confirmed",
            **({"note": note} if note else {}),
        }

    if verdict.confirmed.get(PATCH):
        write("images", None, limits.patch, limits.patch.value)
    if limits.tier_edge and verdict.confirmed.get(EDGE):
        write("tiers", limits.tier.name, limits.tier_edge, limits.tier_edge.value)
    if limits.tier_tokens and verdict.confirmed.get(CAP):
        write("tiers", limits.tier.name, limits.tier_tokens, limits.tier_tokens.value)
    context = limits.most_input
    if entry is not None and entry.context is not None and context is not None:
        note = None if context.value == entry.context else f"documented as {figure(context.value)}"
        write("models", limits.model, context, entry.context, note)
        source_of_model = data["models"][limits.model][context.name]
        source_of_model["source"] = "observed: Models API by imgbudget verify"
    return data


def read_overlay(path: str) -> dict[str, Any]:
    """The content of a limits file, empty if it does not exist. Raises LimitsError."""
    if not os.path.exists(path):
        return {}
    content = read_yaml(path)
    if wrong := [key for key, value in content.items() if not isinstance(value, dict)]:
        raise LimitsError(f"{path}: {wrong[0]} must be a mapping")
    return content


def as_yaml(data: Mapping[str, Any]) -> str:
    """A limits file as text."""
    text: str = yaml.safe_dump(dict(data), sort_keys=False, allow_unicode=True, width=100)
    return f"# limits that override imgbudget's own, for --limits\n{text}"
