"""Holds the rule against the API: counts the trials, reads the list of models, writes what was observed."""

from collections.abc import Iterable, Iterator, Mapping
from datetime import date
from typing import Any, NamedTuple

from imgbudget.errors import LimitsError
from imgbudget.explain import explain
from imgbudget.geometry import Size
from imgbudget.limits import Limit, Limits
from imgbudget.live.answers import ApiError, answering, json_answer
from imgbudget.live.client import Connection
from imgbudget.live.sending import COUNT
from imgbudget.live.trials import CAP, EDGE, PATCH, Shown, Trial, Verdict, body

MODELS = "/v1/models"
_PAGE = 100
_REFUSED = 400


class Model(NamedTuple):
    """A model as the Models API lists it: context in tokens, whether it takes images; None where untold."""

    id: str
    name: str
    context: int | None
    output: int | None
    images: bool | None
    lifecycle: str | None


def tried(connection: Connection, model: str, wanted: Iterable[Trial]) -> Iterator[Shown]:
    """Count each trial, as it is asked for.

    Raises:
        ApiError: a failure that is about no image: of the key, the model, the network.
        UsageError: the platform has no count endpoint, or no key is there.
    """
    for trial in wanted:
        try:
            yield Shown(trial, counted=_counted(connection, body(trial, model)))
        except ApiError as error:
            failure = error.failure
            if failure.status != _REFUSED or failure.origin != "api":
                raise
            target = _target(failure.text) if trial.strict else None
            yield Shown(trial, target=target, failure=None if target else failure.message)


def _counted(connection: Connection, text: bytes) -> int:
    import json  # noqa: PLC0415 - live runs only

    import httpx2  # noqa: PLC0415 - the SDK's own HTTP layer, loaded with it

    content: dict[str, Any] = {"content": text, "options": {"headers": {"Content-Type": "application/json"}}}
    if not connection.is_verbatim:
        content = {"body": json.loads(text)}
    with answering(connection):
        response = connection.client.post(COUNT, cast_to=httpx2.Response, **content)
    return int(json_answer(response, connection, "input_tokens")["input_tokens"])


def _target(text: str) -> Size | None:
    """The size that a refusal of an oversized image names."""
    for match in explain(text).matches:
        if target := dict(match.values).get("target"):
            width, _, height = target.partition("x")
            return Size(int(width), int(height))
    return None


def models(connection: Connection) -> tuple[Model, ...]:
    """All models that the key may use. Raises as `tried`."""
    import httpx2  # noqa: PLC0415 - the SDK's own HTTP layer, loaded with it

    found: list[Model] = []
    after: dict[str, str] = {}
    while True:
        with answering(connection):
            response = connection.client.get(
                MODELS, cast_to=httpx2.Response, options={"params": {"limit": _PAGE, **after}}
            )
        page = json_answer(response, connection, "data")
        listed = [_model(item) for item in page["data"] if isinstance(item, dict)]
        found += listed
        if not page.get("has_more") or not listed:
            return tuple(found)
        after = {"after_id": listed[-1].id}


def _model(item: Mapping[str, Any]) -> Model:
    capabilities = item.get("capabilities")
    image = capabilities.get("image_input") if isinstance(capabilities, dict) else None
    return Model(
        id=str(item.get("id")),
        name=str(item.get("display_name") or ""),
        context=_number(item.get("max_input_tokens")),
        output=_number(item.get("max_tokens")),
        images=image.get("supported") if isinstance(image, dict) else None,
        lifecycle=item.get("lifecycle") if isinstance(item.get("lifecycle"), str) else None,
    )


def _number(value: Any) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def overlay(
    limits: Limits, verdict: Verdict, told: Model | None, before: Mapping[str, Any], today: date
) -> dict[str, Any]:
    """The limits file with what was observed today laid over what stood in it.

    A rule that was not confirmed on all its trials is not written.
    """
    source = f"observed: token counts of {limits.model} by imgbudget verify"
    data = {key: dict(value) for key, value in before.items()}

    def write(
        section: str, owner: str | None, limit: Limit[float], value: float, note: str | None = None
    ) -> None:
        place = data.setdefault(section, {})
        if owner is not None:
            place[owner] = dict(place.get(owner) or {})
            place = place[owner]
        place[limit.name] = {
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
    if told is not None and told.context is not None and limits.known:
        documented = limits.context_tokens.value
        note = None if documented == told.context else f"documented as {documented:,}"
        write("models", limits.model, limits.context_tokens, told.context, note)
        source_of_model = data["models"][limits.model][limits.context_tokens.name]
        source_of_model["source"] = "observed: Models API by imgbudget verify"
    return data


def read_overlay(path: str) -> dict[str, Any]:
    """What stands in a limits file; nothing where there is none. Raises LimitsError."""
    import os  # noqa: PLC0415 - live runs only

    from imgbudget.limits.files import read_yaml  # noqa: PLC0415 - as above

    if not os.path.exists(path):
        return {}
    content = read_yaml(path)
    if wrong := [key for key, value in content.items() if not isinstance(value, dict)]:
        raise LimitsError(f"{path}: {wrong[0]} must be a mapping")
    return content


def as_yaml(data: Mapping[str, Any]) -> str:
    """A limits file as text."""
    import yaml  # noqa: PLC0415 - live runs only

    text: str = yaml.safe_dump(dict(data), sort_keys=False, allow_unicode=True, width=100)
    return f"# limits laid over imgbudget's own by --limits\n{text}"
