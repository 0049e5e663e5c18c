"""Compares prices, contexts and dates with lists that others keep, and prints what differs.

    python -m pip install --requirement tools/requirements-lists.txt
    python tools/compare_price_lists.py

The lists are those in the packages litellm and genai-prices, and the list of deprecated models in the package
anthropic. A difference is explained in `explained_differences.yaml`, with the value of the list. Exit code 1
if one is not explained, or if an explanation no longer applies. By hand, and monthly in CI.
"""

import argparse
import datetime as dt
import json
import re
import sys
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from imgbudget.limits.data import LimitsData
from imgbudget.limits.values import Limit, Term, figure
from imgbudget_rules.limits import DATA

EXPLAINED = Path(__file__).with_name("explained_differences.yaml")
MAKERS = (
    *(
        "anthropic",
        "openai",
        "gemini",
        "mistral",
        "xai",
        "dashscope",
        "moonshot",
        "zai",
        "minimax",
        "deepseek",
    ),
    *("cohere", "cohere_chat", "meta_llama", "amazon_nova", "bedrock_converse"),
    *("aws", "google", "moonshotai", "x-ai", "zhipuai", "meta"),
)
"""Providers that sell their own models, by the names of both lists; the prices of resellers differ."""

NAMED = ("retired", "successor")
"""Values that are no numbers."""

_AMAZON = re.compile(r"(?:amazon\.)?(nova-[\w-]+?)(?:-v\d+:\d+)?")
_LONG = re.compile(r"input_cost_per_token_above_(\d+)k_tokens")


_TOLERANCE = 1e-6
"""Of a price in USD per million tokens: those of cached tokens are products here."""


class Stated(NamedTuple):
    """A value of a list for one of our models."""

    source: str
    model: str
    name: str
    value: float | str


class Difference(NamedTuple):
    """A value of a list that is not ours, which is None if we have none."""

    stated: Stated
    ours: float | str | None


def model_of(data: LimitsData, key: str) -> str | None:
    """Our model that a key of a list names exactly, or as its latest version; None for versions of a day."""
    name = key.rsplit("/", 1)[-1].lower()
    found = _AMAZON.fullmatch(name)
    name = found[1] if found else name
    for candidate in (name, name.removesuffix("-latest"), name.removesuffix("-0"), name.replace(".", "-")):
        if candidate in data.models:
            return candidate
        undated = not re.search(r"\d{4}$|\d{4}-\d\d-\d\d$", candidate)
        if undated and (known := data.normalize(candidate)).known and candidate in _snapshots(data, known.id):
            return known.id
    return None


def _snapshots(data: LimitsData, model: str) -> tuple[str, ...]:
    """The other names of a model in the data."""
    value = data.stated(model).get("snapshots")
    return value.values if isinstance(value, Term) else ()


def litellm_values(data: LimitsData) -> Iterator[Stated]:
    """What litellm's map states; read as a file, because its import asks the network."""
    spec = find_spec("litellm")
    if spec is None or not spec.submodule_search_locations:
        raise SystemExit("litellm is not installed: see tools/requirements-lists.txt")
    folder = Path(spec.submodule_search_locations[0])
    text = (folder / "model_prices_and_context_window_backup.json").read_text(encoding="utf-8")
    done = set()
    for key, entry in json.loads(text).items():
        model = model_of(data, key)
        maker = entry.get("litellm_provider")
        if model is None or model in done or maker not in MAKERS or not _is_own(maker, model):
            continue
        done.add(model)
        yield from (Stated("litellm", model, name, value) for name, value in _litellm_entry(entry))
        if (successor := entry.get("successor_model")) is not None and "deprecation_date" in entry:
            yield Stated("litellm", model, "successor", model_of(data, successor) or successor)


def _is_own(maker: str, model: str) -> bool:
    """Whether a provider that sells others' models too sells its own one here."""
    own = {"dashscope": "qwen", "bedrock_converse": "nova"}
    return model.startswith(own.get(maker, ""))


def _litellm_entry(entry: dict[str, Any]) -> Iterator[tuple[str, float | str]]:
    """Prices, maximum input and end of a model by our names."""
    prices = {
        "input_price": entry.get("input_cost_per_token"),
        "output_price": entry.get("output_cost_per_token"),
        "cached_price": entry.get("cache_read_input_token_cost"),
    }
    for field, price in entry.items():
        if (found := _LONG.fullmatch(field)) and price is not None:
            prices["long_input_price"] = price
            prices["long_output_price"] = entry.get(field.replace("input", "output"))
            yield "long_prompt_tokens", int(found[1]) * 1000
    yield from ((name, round(price * 1e6, 4)) for name, price in prices.items() if price is not None)
    for name, field in (("max_input", "max_input_tokens"), ("retired", "deprecation_date")):
        if entry.get(field) is not None:
            yield name, entry[field]


def genai_values(data: LimitsData, day: str) -> Iterator[Stated]:
    """What genai-prices states, on a day."""
    from genai_prices.data_snapshot import get_snapshot

    when = dt.datetime.fromisoformat(day).replace(tzinfo=dt.UTC)
    done = set()
    for provider in get_snapshot().providers:
        if provider.id not in MAKERS:
            continue
        for entry in provider.models:
            model = model_of(data, entry.id)
            if model is None or model in done:
                continue
            done.add(model)
            for name, value in _genai_prices(entry.get_prices(when)):
                yield Stated("genai-prices", model, name, value)
            if entry.context_window:
                yield Stated("genai-prices", model, "context_tokens", entry.context_window)


def _genai_prices(prices: Any) -> Iterator[tuple[str, float]]:
    """Prices by our names; of a price in steps the first two and where the second begins."""
    fields = {"input_price": prices.input_mtok, "output_price": prices.output_mtok}
    for name, price in fields.items():
        steps = getattr(price, "tiers", ())
        if steps:
            yield f"long_{name}", float(steps[0].price)
        if steps and name == "input_price":
            yield "long_prompt_tokens", steps[0].start
    for name, price in (*fields.items(), ("cached_price", prices.cache_read_mtok)):
        base = getattr(price, "base", price)
        if base is not None:
            yield name, float(base)


def deprecated_values(data: LimitsData) -> Iterator[Stated]:
    """The ends of models in Anthropic's SDK."""
    from anthropic._data.deprecated_models import DEPRECATED_MODELS

    for key, text in DEPRECATED_MODELS.items():
        model = model_of(data, key)
        if model is not None or not re.search(r"\d{8}$", key):
            plain = re.sub(r"(\d)(st|nd|rd|th)", r"\1", text)
            end = dt.datetime.strptime(plain, "%B %d, %Y").replace(tzinfo=dt.UTC).date()
            yield Stated("anthropic", model or key, "retired", end.isoformat())


def ours(data: LimitsData, stated: Stated) -> float | str | None:
    """Our value for that of a list."""
    if stated.model not in data.models:
        return None
    limits, values = data.bind(stated.model, ""), data.stated(stated.model)
    if stated.name in NAMED:
        value = values.get(stated.name)
        return value.values[0] if isinstance(value, Term) else None
    price = values.get("input_price")
    if stated.name == "cached_price":
        factor = values.get("cache_read_factor") or limits.values.get("cache_read_factor")
        if not isinstance(price, Limit) or not isinstance(factor, Limit):
            return None
        return round(limits.input_price.value * factor.value, 4) if limits.input_price else None
    if stated.name == "max_input":
        most = limits.values.get("max_input_tokens") or values.get("context_tokens")
        return most.value if isinstance(most, Limit) else None
    value = limits.values.get(stated.name) if stated.name in values else None
    return value.value if isinstance(value, Limit) else None


def differences(data: LimitsData, stated: list[Stated]) -> Iterator[Difference]:
    """The values of the lists that are not ours."""
    for item in stated:
        found = ours(data, item)
        numbers = (found, item.value)
        equal = found == item.value
        if all(isinstance(number, (int, float)) for number in numbers):
            equal = abs(float(found or 0) - float(item.value)) < _TOLERANCE
        if not equal:
            yield Difference(item, found)


def explanations() -> dict[Stated, str]:
    """The reason for each difference that is known."""
    found: dict[Stated, str] = {}
    for group in yaml.safe_load(EXPLAINED.read_text(encoding="utf-8")) or ():
        for text in group["values"]:
            source, model, name, value = text.split(" ", 3)
            number: float | str = value if name in NAMED else float(value)
            found[Stated(source, model, name, number)] = group["reason"]
    return found


def main() -> int:
    """Print what differs; 1 if something is not explained, or an explanation does not apply."""
    parser = argparse.ArgumentParser(description="Compare prices, contexts and dates with others' lists.")
    today = dt.datetime.now(dt.UTC).date().isoformat()
    parser.add_argument("--date", default=today, help="day of the prices")
    parser.add_argument("--all", action="store_true", help="also print the differences that are explained")
    given = parser.parse_args()
    data = LimitsData.from_mapping(DATA, day=given.date)
    stated = [*litellm_values(data), *genai_values(data, given.date), *deprecated_values(data)]
    known = explanations()
    differing = list(differences(data, stated))
    new = [item for item in differing if item.stated not in known]
    stale = [item for item in known if item not in {one.stated for one in differing}]
    for item in differing if given.all else new:
        reason = known.get(item.stated)
        print(f"{_line(item)}{f': {reason}' if reason else ''}")
    for gone in stale:
        print(f"explained, but no longer different: {gone.source} {gone.model} {gone.name} {gone.value}")
    models = len({item.model for item in stated})
    print(
        f"{len(stated)} values of {models} models compared on {given.date}: {len(differing)} differ, "
        f"{len(differing) - len(new)} of them explained, {len(new)} not; "
        f"{len(stale)} explanations do not apply"
    )
    return 1 if new or stale else 0


def _line(item: Difference) -> str:
    source, model, name, value = item.stated
    mine = "none" if item.ours is None else item.ours if isinstance(item.ours, str) else figure(item.ours)
    return f"{source} {model} {name} {value} (here {mine})"


if __name__ == "__main__":
    sys.exit(main())
