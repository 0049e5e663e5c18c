"""Limits data as a whole: read, laid over, asked for one model on one platform."""

from collections.abc import Iterable, Mapping
from typing import Any

from imgbudget.errors import LimitsError
from imgbudget.geometry import Tier
from imgbudget.limits.bound import Limits, bind_values, tier_of
from imgbudget.limits.ids import NormalizedModel, nearest_names, read_id
from imgbudget.limits.schema import Tree, parse
from imgbudget.limits.tree import merge, require_whole, resolve_platforms
from imgbudget.limits.values import Limit, Term, Values, limit, term

_REMEMBERED = 1024
"""Model ids whose answers are kept; hostile input may name a new one on every line."""


class LimitsData:
    """The limits of every known model and platform; what it answers never changes."""

    __slots__ = ("_bound", "_index", "_normalized", "_platforms", "_tree", "models", "platforms", "tiers")

    models: tuple[str, ...]
    platforms: tuple[str, ...]
    tiers: tuple[Tier, ...]

    def __init__(self, tree: Tree, name: str) -> None:
        """Take a whole tree; LimitsError, told with `name`, when something in it is missing."""
        self._platforms = resolve_platforms(tree)
        require_whole(tree, self._platforms, name)
        self._tree = tree
        self.models = tuple(tree.models)
        self.platforms = tuple(tree.platforms)
        self.tiers = tuple(tier_of(key, values) for key, values in tree.tiers.items())
        self._index = {key.lower(): key for key in tree.models}
        for key, values in tree.models.items():
            if "snapshots" in values:
                for snapshot in term(values, "snapshots").values:
                    self._index.setdefault(snapshot.lower(), key)
        self._normalized: dict[str, NormalizedModel] = {}
        self._bound: dict[tuple[str, str], Limits] = {}

    @classmethod
    def from_mapping(cls, mapping: Mapping[str, Any], name: str = "limits data") -> "LimitsData":
        """Read whole data; raises LimitsError with every mistake, its place told with `name`."""
        return cls(parse(mapping, name, {}), name)

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

    def _bind(self, model: str, platform: str) -> Limits:
        if platform not in self._platforms:
            nearest = nearest_names(platform, self.platforms)
            hint = f"; did you mean {nearest[0]}?" if nearest else ""
            raise LimitsError(f"unknown platform {platform!r}{hint} (known: {', '.join(self.platforms)})")
        normal = self.normalize(model)
        own = self._tree.models[normal.id] if normal.known else self._strictest(model)
        if not isinstance(own.get("input_price"), Limit):
            own = own | {"input_price": self._dearest_price(normal.id)}
        tier = term(own, "tier").values[0]
        values = self._platforms[platform] | self._tree.tiers[tier] | own
        return bind_values(normal.id, platform, tier_of(tier, values), values, known=normal.known)

    def _strictest(self, model: str) -> Values:
        """What stands in for an unknown model: the smallest tier and the smallest context."""
        tiers = [term(values, "tier") for values in self._tree.models.values()]
        contexts = [limit(values, "context_tokens") for values in self._tree.models.values()]
        smallest = min(self.tiers, key=lambda tier: (tier.max_edge, tier.max_tokens)).name
        tier = next(iter(item for item in tiers if item.values == (smallest,)), tiers[0])
        context = min(contexts, key=lambda item: item.value)
        note = f"{model} is not a known model: the smallest {{}} stands in"
        return {
            "tier": Term("tier", (smallest,), tier.source, tier.date, "unknown", note.format("tier"), model),
            "context_tokens": context._replace(status="unknown", note=note.format("context"), owner=model),
        }

    def _dearest_price(self, model: str) -> Limit:
        """The price that stands in where none is known."""
        items = (values.get("input_price") for values in self._tree.models.values())
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
