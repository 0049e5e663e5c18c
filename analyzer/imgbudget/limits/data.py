"""Limits data as a whole: read, laid over, asked for one model on one platform."""

from collections.abc import Iterable, Mapping
from functools import cached_property
from math import inf
from typing import Any

from imgbudget.errors import LimitsError
from imgbudget.limits.bound import Limits, tier_of
from imgbudget.limits.fields import TIER_BOUNDS
from imgbudget.limits.geometry import Tier
from imgbudget.limits.model_ids import NormalizedModel, nearest_names, read_id
from imgbudget.limits.schema import Checked, Tree, parse, parse_on_demand
from imgbudget.limits.tree import merge, require_whole, resolve_platforms
from imgbudget.limits.values import Limit, Term, Values, limit, term

_REMEMBERED = 1024
"""Model ids whose answers are kept; hostile input may name a new one on every line."""


class LimitsData:
    """The limits of every known model and platform; what it answers never changes."""

    __slots__ = ("__dict__", "_bound", "_normalized", "_platforms", "_tree", "models", "platforms")

    models: tuple[str, ...]
    platforms: tuple[str, ...]

    def __init__(self, tree: Tree, name: str, *, checked: bool = False) -> None:
        """Take a whole tree; LimitsError, told with `name`, when something in it is missing.

        One that is `checked` is taken at its word.
        """
        self._platforms = resolve_platforms(tree)
        if not checked:
            require_whole(tree, self._platforms, name)
        self._tree = tree
        self.models = tuple(tree.models)
        self.platforms = tuple(tree.platforms)
        self._normalized: dict[str, NormalizedModel] = {}
        self._bound: dict[tuple[str, str], Limits] = {}

    @classmethod
    def from_mapping(cls, mapping: Mapping[str, Any], name: str = "limits data") -> "LimitsData":
        """Read whole data; raises LimitsError with every mistake, its place told with `name`.

        Checked data is only typed, and that as it is asked for.
        """
        if isinstance(mapping, Checked):
            return cls(parse_on_demand(mapping, name), name, checked=True)
        return cls(parse(mapping, name, {}), name)

    @property
    def tiers(self) -> tuple[Tier, ...]:
        """The resolution tiers of Claude's models; those of other providers come with their models."""
        found = (tier_of(key, values) for key, values in self._tree.tiers.items())
        return tuple(tier for tier in found if not tier.strategy)

    @cached_property
    def _index(self) -> dict[str, str]:
        """Every spelling of an id that read_id may come to, with the model it means."""
        index = {key.lower(): key for key in self._tree.models}
        for key, values in self._tree.models.items():
            snapshots = term(values, "snapshots").values if "snapshots" in values else ()
            for spelling in (read_id(key).name, *(snapshot.lower() for snapshot in snapshots)):
                index.setdefault(spelling, key)
        return index

    def overlay(self, mapping: Mapping[str, Any], name: str) -> "LimitsData":
        """Lay a user's file over the data, value by value; `name` is the file's.

        A value may come alone: it then has the file as its source. Models may be added, they need a tier
        and a context. Raises LimitsError.
        """
        defaults = {"source": f"user file {name}", "date": "undated", "status": "single source"}
        return self._with(mapping, name, defaults)

    def normalize(self, model: str) -> NormalizedModel:
        """Find the model that an id names in whatever spelling: Bedrock, Google Cloud, a router's."""
        found = self._normalized.get(model)
        if found is None:
            if len(self._normalized) >= _REMEMBERED:
                self._normalized.clear()
            found = self._normalized[model] = self._normalize(model)
        return found

    def bind(self, model: str, platform: str) -> Limits:
        """The limits of a model, in any spelling, on a platform.

        An unknown model gets the strictest of everything. Raises LimitsError for an unknown platform.
        """
        limits = self._bound.get((model, platform))
        if limits is None:
            if len(self._bound) >= _REMEMBERED:
                self._bound.clear()
            limits = self._bound[model, platform] = self._bind(model, platform)
        return limits

    def _with(self, mapping: Mapping[str, Any], name: str, defaults: Mapping[str, str]) -> "LimitsData":
        return LimitsData(merge(self._tree, parse(mapping, name, defaults)), name)

    def _normalize(self, model: str) -> NormalizedModel:
        if model in self._tree.models:
            return NormalizedModel(model, known=True, nearest=(), platform=None)
        reading = read_id(model)
        for name in reading.ids:
            if name in self._index:
                return NormalizedModel(self._index[name], known=True, nearest=(), platform=reading.platform)
        nearest = nearest_names(reading.name, self.models)
        return NormalizedModel(model, known=False, nearest=nearest, platform=reading.platform)

    def model_for(self, model: str, platform: str) -> str:
        """The model to assume on a platform where nobody names one: `model` where it is served there."""
        default = self._platforms[platform].get("default_model") if platform in self._platforms else None
        if not isinstance(default, Term) or platform in self._served(model):
            return model
        return default.values[0]

    def _served(self, model: str) -> tuple[str, ...]:
        """The platforms that a model names as those that serve it; none for one of Anthropic's."""
        normal = self.normalize(model)
        values = self._tree.models[normal.id] if normal.known else {}
        return term(values, "platforms").values if "platforms" in values else ()

    def _bind(self, model: str, platform: str) -> Limits:
        if platform not in self._platforms:
            nearest = nearest_names(platform, self.platforms)
            hint = f"; did you mean {nearest[0]}?" if nearest else ""
            raise LimitsError(f"unknown platform {platform!r}{hint} (known: {', '.join(self.platforms)})")
        normal = self.normalize(model)
        platform = self._home(model, platform) if normal.known else platform
        if normal.known:
            own = self._tree.models[normal.id]
        else:
            own = _strictest(model, self._peers(platform), self._tree.tiers)
        if not isinstance(own.get("input_price"), Limit):
            own = own | {"input_price": _dearest_price(normal.id, self._peers(platform))}
        tier = term(own, "tier").values[0]
        values = self._platforms[platform] | self._tree.tiers[tier] | own
        return Limits(normal.id, platform, self._tree.tiers, values, known=normal.known)

    def _home(self, model: str, platform: str) -> str:
        """The platform that a model is judged on: the one asked for, its own where that does not serve it."""
        served = self._served(model)
        if served:
            return platform if platform in served else served[0]
        return self.platforms[0] if "default_model" in self._platforms[platform] else platform

    def _peers(self, platform: str) -> list[Values]:
        """The models among which a stand-in is looked for: those that are served where this one is."""
        own = "default_model" in self._platforms[platform]
        return [
            values
            for values in self._tree.models.values()
            if (platform in term(values, "platforms").values if "platforms" in values else not own)
        ]


def _strictest(model: str, peers: Iterable[Values], tiers: Mapping[str, Values]) -> Values:
    """What stands in for an unknown model: the smallest tier and the smallest context of its peers."""
    peers = [values for values in peers if "strategy" not in tiers[term(values, "tier").values[0]]] or peers
    tier = min((term(values, "tier") for values in peers), key=lambda item: _bounds(tiers[item.values[0]]))
    context = min((limit(values, "context_tokens") for values in peers), key=lambda item: item.value)
    note = f"{model} is not a known model: the smallest {{}} stands in"
    return {
        "tier": tier._replace(status="unknown", note=note.format("tier"), owner=model),
        "context_tokens": context._replace(status="unknown", note=note.format("context"), owner=model),
    }


def _bounds(tier: Values) -> tuple[float, ...]:
    """The edge and the tokens of a tier, for comparison."""
    bounds = (tier.get(name) for name in TIER_BOUNDS)
    return tuple(bound.value if isinstance(bound, Limit) else inf for bound in bounds)


def _dearest_price(model: str, peers: Iterable[Values]) -> Limit[float]:
    """The price that stands in where none is known."""
    items = (values.get("input_price") for values in peers)
    dearest = max((item for item in items if isinstance(item, Limit)), key=lambda item: item.value)
    note = f"no price of {model} is known: the dearest standard one stands in, that of {dearest.owner}"
    return dearest._replace(status="unknown", note=note, owner=model)


def load_limits(pack_data: Iterable[Mapping[str, Any]], overlay_file: str | None) -> LimitsData:
    """Read the data that rule packs bring, later packs over earlier ones, and a user's file over all.

    `overlay_file` is the path of a YAML file. Raises LimitsError, also when no pack brings data.
    """
    data = None
    for number, mapping in enumerate(pack_data, 1):
        name = f"limits data of rule pack {number}"
        data = data._with(mapping, name, {}) if data else LimitsData.from_mapping(mapping, name)  # noqa: SLF001
    if data is None:
        raise LimitsError("no rule pack brings limits data")
    if overlay_file is None:
        return data
    from imgbudget.limits.files import read_yaml  # noqa: PLC0415 - YAML is slow to import

    return data.overlay(read_yaml(overlay_file), overlay_file)
