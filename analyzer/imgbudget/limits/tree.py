"""Limits data as a tree: one laid over another, platforms that inherit, and what must not be missing."""

from collections.abc import Mapping

from imgbudget.errors import LimitsError
from imgbudget.limits.fields import DETAILS, TIER_BOUNDS, required_in
from imgbudget.limits.geometry import PATCH
from imgbudget.limits.model_ids import nearest_names
from imgbudget.limits.schema import OnDemand, Platform, Tree
from imgbudget.limits.values import Absent, Limit, Term, Values


def merge(base: Tree, upper: Tree) -> Tree:
    """Lay `upper` over `base`, value by value."""
    return Tree(
        base.shared | upper.shared,
        _merge_values(base.tiers, upper.tiers),
        dict(base.platforms)
        | {key: _merge_platform(base.platforms.get(key), item) for key, item in upper.platforms.items()},
        _merge_values(base.models, upper.models),
    )


def _merge_values(base: Mapping[str, Values], upper: Mapping[str, Values]) -> dict[str, Values]:
    return dict(base) | {key: base.get(key, {}) | values for key, values in upper.items()}


def _merge_platform(base: Platform | None, upper: Platform) -> Platform:
    if base is None:
        return upper
    return Platform(
        base.values | upper.values, upper.inherits or base.inherits, upper.inherited or base.inherited
    )


def resolve_platforms(tree: Tree) -> Mapping[str, Values]:
    """The values of each platform, its own over inherited ones over those that hold everywhere."""
    return OnDemand(tree.platforms, lambda key, _: tree.shared | _platform_values(tree.platforms, key, ()))


def _platform_values(platforms: Mapping[str, Platform], key: str, seen: tuple[str, ...]) -> Values:
    platform = platforms.get(key)
    if platform is None or key in seen:
        return {}
    values = {} if platform.inherits is None else _platform_values(platforms, platform.inherits, (*seen, key))
    if platform.inherited is not None:
        status, note = platform.inherited
        values = {name: value._replace(status=status, note=note) for name, value in values.items()}
    return values | platform.values


def require_whole(tree: Tree, platforms: Mapping[str, Values], name: str) -> None:
    """Raise LimitsError, told with `name`, when the tree lacks something that binding needs."""
    problems = [
        *_incomplete("tiers", tree.tiers, TIER_BOUNDS),
        *_incomplete("platforms", platforms, required_in("platforms")),
        *_incomplete("models", tree.models, required_in("models")),
        *(f"images.{key}: is missing" for key in required_in("images") if key not in tree.shared),
        *(f"prices.{key}: is missing" for key in required_in("prices") if key not in tree.shared),
        *_dangling(tree),
    ]
    if not any(isinstance(values.get("input_price"), Limit) for values in tree.models.values()):
        problems.append("models: at least one needs an input_price")
    patch = tree.shared.get("patch")
    if patch is not None and patch[1] != PATCH:
        problems.append(f"images.patch: the resize rule works with {PATCH} px and no other")
    if problems:
        raise LimitsError("\n".join(f"{name}: {problem}" for problem in problems))


def _incomplete(section: str, items: Mapping[str, Values], needs: tuple[str, ...]) -> list[str]:
    """What is missing in each item of a section; an item that lacks it all may be a misspelt name."""
    if not items:
        return [f"{section}: at least one is needed"]
    problems = []
    whole = tuple(key for key, values in items.items() if not _missing(values, needs))
    for key, values in items.items():
        missing = [] if "strategy" in values else _missing(values, needs)  # a strategy needs what it asks for
        if missing:
            nearest = nearest_names(key, whole)
            hint = f" (not a known name; the nearest is {nearest[0]})" if nearest else ""
            problems.append(f"{section}.{key}: needs {', '.join(missing)}{hint}")
    return problems


def _missing(values: Values, needs: tuple[str, ...]) -> list[str]:
    return [need for need in needs if need not in values or isinstance(values[need], Absent)]


def _dangling(tree: Tree) -> list[str]:
    """Names of strategies, tiers, models and platforms that are not defined."""
    from imgbudget.limits.strategies import STRATEGIES  # noqa: PLC0415 - checked data needs no check

    problems = []
    for key, values in tree.tiers.items():
        strategy = values.get("strategy")
        if isinstance(strategy, Term) and strategy.values[0] not in STRATEGIES:
            known = ", ".join(STRATEGIES)
            problems.append(f"tiers.{key}.strategy: no strategy {strategy.values[0]!r} (known: {known})")
    for key, values in tree.models.items():
        for name in ("tier", *(f"detail_{detail}" for detail in DETAILS)):
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
    for key, platform in tree.platforms.items():
        default = platform.values.get("default_model")
        if isinstance(default, Term) and default.values[0] not in tree.models:
            problems.append(f"platforms.{key}.default_model: no model {default.values[0]!r}")
        if platform.inherits is not None and platform.inherits not in tree.platforms:
            problems.append(f"platforms.{key}.inherits: no platform {platform.inherits!r}")
    return problems
