"""Several models at once: what `--model a,b`, `--models` and `--for` name, `all` for every one in service."""

from collections.abc import Sequence

from imgbudget.limits import Limits
from imgbudget.session import Session

ALL = "all"


def limits_of_all(session: Session, names: Sequence[str]) -> tuple[Limits, ...]:
    """The limits of each model, once each, on the session's platform or the one that serves it.

    `all` stands for the models in service, sorted by provider and then by id. What is unknown or served
    elsewhere leaves a note.
    """
    found: dict[tuple[str, str], Limits] = {}
    for name in names:
        for limits in _in_service(session) if name == ALL else (session.limits_of(name),):
            found.setdefault((limits.model, limits.platform), limits)
    return tuple(found.values())


def _in_service(session: Session) -> list[Limits]:
    data = session.limits
    every = [data.bind(model, session.bench.platform) for model in data.models]
    return sorted(
        (limits for limits in every if limits.retired is None),
        key=lambda limits: (data.platforms.index(limits.platform), limits.model),
    )
