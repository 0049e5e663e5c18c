"""Limits data: loading, overriding, inheritance between platforms, and the limits of one model."""

from collections import ChainMap
from collections.abc import Iterable, Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Any, cast

from imgbudget.errors import LimitsError
from imgbudget.limits.bound import Limits, tier_of
from imgbudget.limits.fields import DETAILS, SERVICES, SPECS, TIER_BOUNDS, required_in
from imgbudget.limits.geometry import PATCH, Tier
from imgbudget.limits.lifecycle import current_day, in_force
from imgbudget.limits.model_ids import (
    SISTERS,
    NormalizedModel,
    is_other_vendors,
    nearest_names,
    read_id,
    sibling_of,
    weights_of,
)
from imgbudget.limits.platforms import PlatformTable, merge_platform
from imgbudget.limits.schema import (
    Checked,
    OnDemand,
    Platform,
    Tree,
    parse,
    parse_on_demand,
    states,
)
from imgbudget.limits.values import Absent, Limit, Term, Values, term

if TYPE_CHECKING:
    from imgbudget.limits.options import Processors


def merge(base: Tree, upper: Tree) -> Tree:
    """Override `base` with `upper`, value by value."""
    return Tree(
        base.shared | upper.shared,
        _merge_values(base.tiers, upper.tiers),
        dict(base.platforms)
        | {key: merge_platform(base.platforms.get(key), item) for key, item in upper.platforms.items()},
        _merge_values(base.models, upper.models),
        text_only=dict(base.text_only) | dict(upper.text_only),
    )


def _merge_values(base: Mapping[str, Values], upper: Mapping[str, Values]) -> dict[str, Values]:
    return dict(base) | {key: base.get(key, {}) | values for key, values in upper.items()}


def require_whole(tree: Tree, platforms: PlatformTable, name: str) -> None:
    """Raise LimitsError, prefixed with `name`, if the tree lacks something that `LimitsData.bind` needs."""
    problems = [
        *_incomplete("tiers", tree.tiers, TIER_BOUNDS),
        *_incomplete(
            "platforms",
            {key: values for key, values in platforms.items() if not platforms.is_gateway(key)},
            required_in("platforms"),
        ),
        *_incomplete("models", tree.models, required_in("models")),
        *(f"images.{key}: is missing" for key in required_in("images") if key not in tree.shared),
        *(f"prices.{key}: is missing" for key in required_in("prices") if key not in tree.shared),
        *_dangling(tree),
    ]
    if not any(isinstance(values.get("input_price"), Limit) for values in tree.models.values()):
        problems.append("models: at least one needs an input_price")
    patch = tree.shared.get("patch")
    if patch is not None and patch[1] != PATCH:
        problems.append(f"images.patch: the resize algorithm only supports {PATCH} px")
    if problems:
        raise LimitsError("\n".join(f"{name}: {problem}" for problem in problems))


def _incomplete(section: str, items: Mapping[str, Values], needs: tuple[str, ...]) -> list[str]:
    """The missing values of each item of a section, with a hint if its name may be misspelled."""
    if not items:
        return [f"{section}: at least one is needed"]
    problems = []
    complete = tuple(key for key, values in items.items() if not _missing(values, needs))
    for key, values in items.items():
        missing = [] if "strategy" in values else _missing(values, needs)  # a strategy has its own numbers
        if missing:
            nearest = nearest_names(key, complete)
            hint = f" (not a known name; the nearest is {nearest[0]})" if nearest else ""
            problems.append(f"{section}.{key}: needs {', '.join(missing)}{hint}")
    return problems


def _missing(values: Values, needs: tuple[str, ...]) -> list[str]:
    absent = {key for key, value in values.items() if isinstance(value, Absent)}
    return [
        need
        for need in needs
        if need not in values or (need in absent and not (SPECS[need].required and SPECS[need].absent))
    ]


def _dangling(tree: Tree) -> list[str]:
    """Names of strategies, tiers, models and platforms that are not defined."""
    from imgbudget.limits.processors import strategy_names  # noqa: PLC0415 - rare

    problems = []
    strategies = strategy_names()
    for key, values in tree.tiers.items():
        strategy = values.get("strategy")
        if isinstance(strategy, Term) and strategy.values[0] not in strategies:
            known = ", ".join(strategies)
            problems.append(f"tiers.{key}.strategy: no strategy {strategy.values[0]!r} (known: {known})")
        problems += [
            f"tiers.{key}.alternatives: no tier {other!r}"
            for other in (term(values, "alternatives").values if "alternatives" in values else ())
            if other not in tree.tiers or "alternatives" in tree.tiers[other]
        ]
    for key, values in tree.models.items():
        details, services = (f"detail_{level}" for level in DETAILS), (f"tier_on_{key}" for key in SERVICES)
        for name in ("tier", *details, *services):
            tier = values.get(name)
            if isinstance(tier, Term) and tier.values[0] not in tree.tiers:
                known = ", ".join(tree.tiers)
                problems.append(f"models.{key}.{name}: no tier {tier.values[0]!r} (known: {known})")
        served = values.get("platforms")
        if isinstance(served, Term):
            problems += [
                f"models.{key}.platforms: no platform {platform!r}"
                for platform in served.values
                if platform not in tree.platforms
            ]
    problems += [
        f"models.{key}.{name}: no model {other.values[0]!r}"
        for key, values in tree.models.items()
        for name in ("successor", "answered_by")
        if isinstance(other := values.get(name), Term) and other.values[0] not in tree.models
    ]
    for key, platform in tree.platforms.items():
        default = platform.values.get("default_model")
        if isinstance(default, Term) and default.values[0] not in tree.models:
            problems.append(f"platforms.{key}.default_model: no model {default.values[0]!r}")
        if platform.inherits is not None and platform.inherits not in tree.platforms:
            problems.append(f"platforms.{key}.inherits: no platform {platform.inherits!r}")
    return problems


_FOR_OTHERS = {"google-cloud": "vertex"}
"""The platform of the same cloud for an unknown model that is not Anthropic's."""

_CACHED_IDS = 1024
"""Model ids that are cached; hostile input may name a new one on every line."""


class LimitsData:
    """The limits of every known model and platform; immutable."""

    __slots__ = ("__dict__", "_bound", "_normalized", "_tree", "day", "models", "platforms", "table")

    day: str
    """The day whose prices apply, and on which models are in service or not, as ISO 8601."""

    processors: "Processors | None" = None
    """The bounds of image processors that a configuration sets."""

    models: tuple[str, ...]
    platforms: tuple[str, ...]
    table: PlatformTable
    """What platforms inherit and serve."""

    def __init__(self, tree: Tree, name: str, *, checked: bool = False, day: str | None = None) -> None:
        """Take a complete tree. Raises LimitsError, prefixed with `name`, if something in it is missing.

        With `checked` the tree is not validated again. `day` is the current one unless given.
        """
        self.day = day or current_day()
        self.table = PlatformTable(tree)
        if not checked:
            require_whole(tree, self.table, name)
        self._tree = tree
        self.models = tuple(tree.models)
        self.platforms = tuple(tree.platforms)
        self._normalized: dict[str, NormalizedModel] = {}
        self._bound: dict[tuple[str, str, bool], Limits] = {}

    @classmethod
    def from_mapping(
        cls, mapping: Mapping[str, Any], name: str = "limits data", day: str | None = None
    ) -> "LimitsData":
        """Read complete data. Raises LimitsError with every mistake, each prefixed with `name`.

        `Checked` data is not validated, and each item is converted on first use: all sessions of a process on
        one day share what was converted and bound.
        """
        if isinstance(mapping, Checked):
            day = day or current_day()
            known = mapping.read
            if isinstance(known, cls) and known.day == day:
                return known
            mapping.read = found = cls(parse_on_demand(mapping, name), name, checked=True, day=day)
            return found
        return cls(parse(mapping, name, {}), name, day=day)

    @cached_property
    def tiers(self) -> tuple[Tier, ...]:
        """The resolution tiers of Claude's models, without those of other providers."""
        tiers = self._tree.tiers
        return tuple(tier_of(key, tiers) for key in tiers if not states(tiers, key, "strategy"))

    @property
    def ids(self) -> Mapping[str, str]:
        """The model for every spelling of an id, for the generated data."""
        return self._index

    @cached_property
    def _index(self) -> Mapping[str, str]:
        """The model for every spelling that `read_id` may return."""
        if self._tree.ids is not None:
            return self._tree.ids
        index = {key.lower(): key for key in self._tree.models}
        for key, values in self._tree.models.items():
            snapshots = term(values, "snapshots").values if "snapshots" in values else ()
            for spelling in (read_id(key).name, *(snapshot.lower() for snapshot in snapshots)):
                index.setdefault(spelling, key)
        return index

    def overlay(self, mapping: Mapping[str, Any], name: str) -> "LimitsData":
        """Override the data with a user's file, value by value; `name` is the name of the file.

        A value without a source gets the file as its source. Added models need a tier and a context. Raises
        LimitsError.
        """
        defaults = {"source": f"user file {name}", "date": "undated", "status": "single source"}
        return self._with(mapping, name, defaults)

    def with_processors(self, processors: "Processors") -> "LimitsData":
        """The data with bounds of image processors that a configuration sets."""
        found = LimitsData(self._tree, "processors of the configuration", checked=True, day=self.day)
        found.processors = processors
        return found

    def pattern_of(self, text: str) -> str:
        """A pattern of ids in lower case; the spelling of one model becomes its id."""
        normal = self.normalize(text)
        return (normal.id if normal.known else text).lower()

    def normalize(self, model: str) -> NormalizedModel:
        """Find the model for an id in any spelling: of Bedrock, Google Cloud or a router."""
        found = self._normalized.get(model)
        if found is None:
            if len(self._normalized) >= _CACHED_IDS:
                self._normalized.clear()
            found = self._normalized[model] = self._normalize(model)
        return found

    def bind(self, model: str, platform: str, *, certain: bool = False) -> Limits:
        """The limits of a model, in any spelling, on a platform; on an empty one, those of the model only.

        A platform that does not list the model gives way to the model's own, unless it is `certain` that the
        request goes there.

        The one answer to which limits a model has here: its own, those of its family, or, for a model that
        nobody knows, none but those of the platform; `Limits.state` is which. Raises LimitsError for an
        unknown platform.
        """
        limits = self._bound.get((model, platform, certain))
        if limits is None:
            if len(self._bound) >= _CACHED_IDS:
                self._bound.clear()
            limits = self._bind(model, platform, certain=certain)
            if self.processors is not None:
                limits = self.processors.applied(limits)
            self._bound[model, platform, certain] = limits
        return limits

    def with_gateways(self, gateways: Iterable[tuple[str, str | None, Values]]) -> "LimitsData":
        """The data with platforms of the user: the name, the platform that it is like, and its own limits.

        Without the latter it is a known platform, whose limits are changed.
        """
        known, added = self._tree.platforms, {}
        for name, like, stated in gateways:
            new = Platform({}, like, is_gateway=name not in known, stated=stated)
            added[name] = merge_platform(known.get(name), new)
        tree = self._tree._replace(platforms=ChainMap(added, cast("dict[str, Platform]", known)))
        return LimitsData(tree, "platforms of the configuration", checked=True, day=self.day)

    def _with(self, mapping: Mapping[str, Any], name: str, defaults: Mapping[str, str]) -> "LimitsData":
        return LimitsData(merge(self._tree, parse(mapping, name, defaults)), name, day=self.day)

    def _normalize(self, model: str) -> NormalizedModel:
        if model in self._tree.models:
            return NormalizedModel(model, known=True, nearest=(), platform=None)
        reading = read_id(model)
        named = next((self._index[name] for name in reading.ids if name in self._index), None)
        text_only = next((self._blind[name] for name in reading.ids if name in self._blind), None)
        known = named if named or text_only else weights_of(reading.name, {**self._blind, **self._index})
        if known is not None and known in self._tree.text_only:
            known, text_only = None, known
        if known is not None:
            platform = self._in_cloud(reading.platform, known)
            return NormalizedModel(known, known=True, nearest=(), platform=platform)
        platform = reading.platform
        if is_other_vendors(reading.name, ""):
            platform = _FOR_OTHERS.get(platform or "", platform)
        nearest = nearest_names(reading.name, self.models)
        latest = model.strip().lower().endswith("latest")
        sibling = sibling_of(reading.name, self.models, latest=latest)
        return NormalizedModel(
            model, known=False, nearest=nearest, platform=platform, sibling=sibling, text_only=text_only
        )

    @cached_property
    def _blind(self) -> Mapping[str, str]:
        """The models that take no images, by every spelling that `read_id` may return."""
        return {
            spelling: key
            for key in self._tree.text_only
            for spelling in (key, key.replace(".", "-"))
            if key not in self._tree.models
        }

    def _in_cloud(self, platform: str | None, model: str) -> str | None:
        """The platform that a spelling implies, or of the same cloud the one that serves the model."""
        if platform is None or platform not in self._tree.platforms:
            return None
        sister = SISTERS.get(platform, platform)
        is_there = sister in self._tree.platforms and self.table.serves(sister, model)
        return sister if is_there and not self.table.serves(platform, model) else platform

    def stated(self, model: str) -> Values:
        """The values of a model of the data as stated, those of other days included."""
        return self._tree.models[model]

    def stated_on(self, platform: str) -> Values:
        """The values of a platform of the data, inherited and shared ones included."""
        return self.table[platform]

    @property
    def content(self) -> str:
        """All data and the day, as a text that is the same whenever they are."""
        tree = self._tree
        sections: tuple[Mapping[str, Any], ...] = (tree.shared, tree.tiers, tree.platforms, tree.models)
        items = (dict(part.raw if isinstance(part, OnDemand) else part).items() for part in sections)
        rows = self.processors.rows if self.processors else ()
        return repr((self.day, *map(sorted, items), rows))

    @property
    def claude_models(self) -> tuple[str, ...]:
        """The models of Anthropic, in the order of the data."""
        return tuple(model for model in self.models if not self.table.is_listed(model))

    def model_for(self, model: str, platform: str) -> str:
        """The model to assume on a platform: `model` if served there, else the default of the platform."""
        default = self.table[platform].get("default_model") if platform in self.table else None
        if not isinstance(default, Term):
            return model
        normal = self.normalize(model)
        served = normal.known and self.table.serves(self.table.base(platform) or platform, normal.id)
        return model if served else default.values[0]

    def serving(self, model: str) -> tuple[str, ...]:
        """The platforms that serve a model and bill it, in the order of the data: no gateways."""
        return tuple(
            name
            for name in self.platforms
            if not self.table.is_gateway(name) and self._serving_platform(model, name) == name
        )

    def _served(self, model: str) -> tuple[str, ...]:
        """The platforms that list a model of another provider; empty for Anthropic's models."""
        normal = self.normalize(model)
        named = normal.id if normal.known else normal.sibling
        return self.table.listed(named) if named else ()

    def _bind(self, model: str, platform: str, *, certain: bool) -> Limits:
        if platform and platform not in self.table:
            nearest = nearest_names(platform, self.platforms)
            hint = f"; did you mean {nearest[0]}?" if nearest else ""
            raise LimitsError(f"unknown platform {platform!r}{hint} (known: {', '.join(self.platforms)})")
        normal = self.normalize(model)
        own: Values = {}
        if normal.known:
            platform = platform if platform and certain else self._serving_platform(model, platform)
            own = in_force(self._tree.models[normal.id], self.day)
            own = _on_platform(own, platform)
            if "platforms" not in own and not isinstance(own.get("input_price"), Limit):
                own = own | {"input_price": _highest_price(normal.id, self._peers(platform))}
        elif normal.sibling is not None:
            if self._served(model) and not (platform and certain):
                platform = self._serving_platform(model, platform)
            own = _derived(normal, self._tree.models[normal.sibling])
        tier = self._tree.tiers[term(own, "tier").values[0]] if own else {}
        maker = self._serving_platform(model, "")
        shared = self.table.for_model(platform, normal, lambda: self._any_platform)
        return Limits(
            normal,
            platform,
            self._tree.tiers,
            shared | tier | own | self.table.stated(platform),
            day=self.day,
            at_maker=platform in ("", maker),
            is_gateway=self.table.is_gateway(platform),
            text_only=self._tree.text_only[normal.text_only] if normal.text_only else None,
        )

    @cached_property
    def _any_platform(self) -> Values:
        """The values where the platform is not known: no limits, and whatever any platform accepts."""
        required = {name for section in ("images", "prices") for name in required_in(section)}
        values = {name: value for name, value in self._tree.shared.items() if name in required}
        for name in ("media_types", "source_types"):
            terms = [term(found, name) for found in self.table.values() if name in found]
            merged = tuple(dict.fromkeys(one for item in terms for one in item.values))
            values[name] = terms[0]._replace(
                values=merged, status="derived", note="accepted by some platform", owner="any platform"
            )
        return values

    def _serving_platform(self, model: str, platform: str) -> str:
        """The platform whose limits apply: the given one, or the model's own if that does not serve it."""
        normal = self.normalize(model)
        if platform and normal.known:
            there = self._in_cloud(platform, normal.id)
            if there is not None and self.table.serves(there, normal.id):
                return there
        return (self._served(model) or self.platforms)[0]

    def _peers(self, platform: str) -> list[Values]:
        """The models served on a platform, from which a price is assumed for one of them without a price.

        Those in service that have a price; if there are none, all.
        """
        own = "default_model" in self.table[platform]
        served = [
            values
            for values in self._tree.models.values()
            if (platform in term(values, "platforms").values if "platforms" in values else not own)
        ]
        priced = [values for values in served if isinstance(values.get("input_price"), Limit)]
        return [values for values in priced if "retired" not in in_force(values, self.day)] or served


def _on_platform(own: Values, platform: str) -> Values:
    """The values of a model, those that it has on one platform only in place of the general ones."""
    end = f"_on_{platform}"
    there = {name.removesuffix(end): value for name, value in own.items() if name.endswith(end)}
    return own | {name: value._replace(name=name) for name, value in there.items()} if there else own


def _derived(model: NormalizedModel, sibling: Values) -> Values:
    """The tiers of a model that is not in the data, by the rule of its family."""
    note = f"{model.id} is not a known model; by the rule of its family, as {model.sibling}"
    names = (name for name in sibling if name == "tier" or name.startswith("detail_"))
    return {name: term(sibling, name)._replace(status="derived", note=note, owner=model.id) for name in names}


def _highest_price(model: str, peers: Iterable[Values]) -> Limit[float]:
    """The price that is assumed if none is known."""
    items = (values.get("input_price") for values in peers)
    highest = max((item for item in items if isinstance(item, Limit)), key=lambda item: item.value)
    note = f"no price of {model} is known; the highest standard price is assumed, that of {highest.owner}"
    return highest._replace(status="unknown", note=note, owner=model)


def load_limits(
    pack_data: Iterable[Mapping[str, Any]], overlay_file: str | None, day: str | None = None
) -> LimitsData:
    """Read the data of the rule packs, later packs over earlier ones, and a user's file over all of them.

    `overlay_file` is the path of a YAML file; `day` is the current one unless given. Raises LimitsError,
    also if no pack has data.
    """
    data = None
    for number, mapping in enumerate(pack_data, 1):
        name = f"limits data of rule pack {number}"
        data = data._with(mapping, name, {}) if data else LimitsData.from_mapping(mapping, name, day)  # noqa: SLF001
    if data is None:
        raise LimitsError("no rule pack has limits data")
    if overlay_file is None:
        return data
    from imgbudget.limits.files import read_yaml  # noqa: PLC0415 - rare

    return data.overlay(read_yaml(overlay_file), overlay_file)
