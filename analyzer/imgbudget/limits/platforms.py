"""Platforms: what they inherit from each other, which models they serve, and what gateways pass on."""

from collections.abc import Callable, Iterator, Mapping
from itertools import takewhile

from imgbudget.limits.model_ids import NormalizedModel
from imgbudget.limits.schema import OnDemand, Platform, Tree, states
from imgbudget.limits.values import Values, term

TRAINING = {"openai": "openai-fine-tuning", "azure-openai": "azure-openai-fine-tuning"}
"""The platforms that training files go to, by those that take the requests to the models."""


def merge_platform(base: Platform | None, upper: Platform) -> Platform:
    """A platform with the values of `upper` over those of `base`."""
    if base is None:
        return upper
    return Platform(
        base.values | upper.values,
        upper.inherits or base.inherits,
        upper.inherited or base.inherited,
        upper.is_gateway or base.is_gateway,
        base.stated | upper.stated,
    )


class PlatformTable(Mapping[str, Values]):
    """The values of each platform: its own, then inherited ones, then the shared ones."""

    __slots__ = ("_models", "_platforms", "_shared", "_values")

    def __init__(self, tree: Tree) -> None:
        """Take the platforms of a tree; values are put together on first use."""
        self._platforms, self._models, self._shared = tree.platforms, tree.models, tree.shared
        self._values = OnDemand(tree.platforms, self._whole)

    def __getitem__(self, key: str) -> Values:
        return self._values[key]

    def __contains__(self, key: object) -> bool:
        return key in self._platforms

    def __iter__(self) -> Iterator[str]:
        return iter(self._platforms)

    def __len__(self) -> int:
        return len(self._platforms)

    def _whole(self, key: str, _platform: Platform) -> Values:
        return self._shared | self._inherited(key, ())

    def _inherited(self, key: str, visited: tuple[str, ...]) -> Values:
        platform = self._platforms.get(key)
        if platform is None or key in visited:
            return {}
        above = {} if platform.inherits is None else self._inherited(platform.inherits, (*visited, key))
        return _marked(above, platform.inherited) | platform.values

    def ancestry(self, platform: str) -> tuple[str, ...]:
        """A platform and those that it inherits from, nearest first; empty for an unknown one."""
        names: list[str] = []
        while platform in self._platforms and platform not in names:
            names.append(platform)
            platform = self._platforms[platform].inherits or ""
        return tuple(names)

    def is_gateway(self, platform: str) -> bool:
        """Whether a platform passes requests on, whatever their model is."""
        return platform in self._platforms and self._platforms[platform].is_gateway

    def base(self, platform: str) -> str:
        """The platform itself, or the one that a gateway is like in the end; empty if it is like none."""
        return next((name for name in self.ancestry(platform) if not self.is_gateway(name)), "")

    def listed(self, model: str) -> tuple[str, ...]:
        """The platforms that a known model of another provider lists; empty for Anthropic's models."""
        return term(self._models[model], "platforms").values if self.is_listed(model) else ()

    def is_listed(self, model: str) -> bool:
        """Whether a known model lists platforms, as those of other providers do."""
        return states(self._models, model, "platforms")

    def serves(self, platform: str, model: str) -> bool:
        """Whether a platform serves a known model, given by its id in the data."""
        if self.is_gateway(platform):
            return True
        listed = self.listed(model)
        if not listed:
            return "default_model" not in self[platform]
        return any(name in listed for name in self._same_models(platform))

    def _same_models(self, platform: str) -> Iterator[str]:
        """The platform, and those above it whose default model it inherits: they serve the same models."""
        for name in self.ancestry(platform):
            yield name
            if "default_model" in self._platforms[name].values:
                return

    def for_model(self, platform: str, model: NormalizedModel, without: Callable[[], Values]) -> Values:
        """The values of a platform, but for those that the user states.

        Where it does not serve a known model, they are those of the model's own platform. So they are for a
        gateway whose like does not; other models have those of the like. `without` makes the values where no
        platform is known.
        """
        if not platform or (not self.is_gateway(platform) and not model.known):
            return self[platform] if platform else without()
        base = self.base(platform)
        if model.known and not (base and self.serves(base, model.id)):
            base = (self.listed(model.id) or tuple(self._platforms))[0]
        values = self[base] if base else without()
        if base != platform and not self.is_gateway(platform):
            note = f"no figure of {platform} for this model was found; that of {base} is assumed"
            return _marked(values, ("unknown", note))
        for name in reversed(self._gateways(platform)):
            values = _marked(values, self._platforms[name].inherited) | self._platforms[name].values
        return values

    def stated(self, platform: str) -> Values:
        """What the user states of a platform: it applies to every model, whatever the data has."""
        values: Values = {}
        for name in (self.base(platform), *reversed(self._gateways(platform))):
            values |= self._platforms[name].stated if name else {}
        return values

    def _gateways(self, platform: str) -> tuple[str, ...]:
        """The platform and those that it is like, as far as they are gateways."""
        return tuple(takewhile(self.is_gateway, self.ancestry(platform)))


def _marked(values: Values, inherited: tuple[str, str] | None) -> Values:
    """Inherited values with the status and the note that they have where they are inherited."""
    if inherited is None:
        return values
    status, note = inherited
    return {name: value._replace(status=status, note=note) for name, value in values.items()}
