"""The limits of several models, to compare them: named ones, or all that are in service."""

from collections.abc import Callable, Sequence

from imgbudget.errors import UsageError
from imgbudget.limits.bound import Limits
from imgbudget.linter.context import LintContext
from imgbudget.linter.run import Session

LimitsByPlace = Callable[[str | None, str], tuple[Limits, ...]]
"""Gives the limits of several models for a file, None for none, and the platform that its request goes to."""

ALL = "all"


def several_of(names: Sequence[str]) -> tuple[str, ...]:
    """The models if they are several, or all; else none."""
    return tuple(names) if len(names) > 1 or ALL in names else ()


def limits_of_all(session: Session, names: Sequence[str]) -> tuple[Limits, ...]:
    """The limits of each model, once each, on the session's platform or the one that serves it.

    `all` means the models in service, sorted by provider and then by id. What is unknown or served
    elsewhere leaves a note.
    """
    return _bound(session.context, names)


def models_at(session: Session, names: Sequence[str]) -> LimitsByPlace:
    """What gives the limits of each model for a file, by the configuration nearest to it.

    Of None, they are those of the session. In a request they are those on the platform that it goes to, but
    of models that this does not serve.
    """
    known: dict[tuple[int, str], tuple[Limits, ...]] = {}

    def at(path: str | None, platform: str) -> tuple[Limits, ...]:
        context = session.context if path is None else session.context.at(path)
        key = id(context), platform or context.platform
        if key not in known:
            known[key] = _bound(context, names, platform)
        return known[key]

    return at


def _bound(context: LintContext, names: Sequence[str], platform: str = "") -> tuple[Limits, ...]:
    found: dict[tuple[str, str], Limits] = {}
    for name in names:
        for limits in _in_service(context, platform) if name == ALL else (context.limits_of(name, platform),):
            found.setdefault((limits.model, limits.platform), limits)
    return tuple(found.values())


def _in_service(context: LintContext, platform: str) -> list[Limits]:
    data = context.data
    every = [context.bound(model, platform) for model in data.models]
    return sorted(
        (limits for limits in every if limits.retired is None),
        key=lambda limits: (data.platforms.index(limits.platform), limits.model),
    )


def counted_models(session: Session, names: Sequence[str]) -> tuple[tuple[Limits, ...], list[str]]:
    """The models to compare in an audit, and those of `all` that are left out.

    Raises:
        UsageError: the tokens or the price of one that is named, or of the session's model, are not known.
    """
    models = limits_of_all(session, names)
    left_out = []
    if ALL in names:
        left_out = [limits.model for limits in models if not _is_counted(limits)]
        models = tuple(limits for limits in models if _is_counted(limits))
    for limits in (session.context.limits(), *models):
        _require_known(limits)
    return models, left_out


def _is_counted(limits: Limits) -> bool:
    """Whether the tokens of images of all sizes are known."""
    return limits.counts_tokens and limits.known_edge is None


def _require_known(limits: Limits) -> None:
    """Raise UsageError for a model whose tokens or price are not known: the sums of an audit need both."""
    if not limits.known:
        nearest = f"did you mean {' or '.join(limits.nearest)}? " if limits.nearest else ""
        raise UsageError(
            f"unknown model {limits.model[:80]!r}: an audit needs its tokens and price; {nearest}"
            "`imgbudget limits` lists the known models, and --limits FILE adds one"
        )
    if not _is_counted(limits):
        of_all = "images of all sizes" if limits.counts_tokens else "images"
        raise UsageError(
            f"an audit needs the tokens that {of_all} take on {limits.model}, which are not known: "
            f"{limits.doubt}"
        )
