"""Looks at a tree to propose a first configuration: models, platforms, folders of others, what is largest."""

import os
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from imgbudget.budgets import NO_BUDGETS, Budget, Budgets
from imgbudget.config.starter import Proposal
from imgbudget.report import FileResult
from imgbudget.session.run import RunOptions, Session

FOREIGN = frozenset(
    {"third_party", "third-party", "vendor", "vendored", "node_modules", "site-packages", "external"}
)
"""Names of folders that hold what others have written."""


@dataclass(slots=True)
class _Tally:
    """What was met: counts, and the largest of each amount."""

    folder: str
    models: Counter[str] = field(default_factory=Counter)
    platforms: Counter[str] = field(default_factory=Counter)
    foreign: Counter[str] = field(default_factory=Counter)
    images: int = 0
    requests: int = 0
    image: Budget = NO_BUDGETS.image
    request: Budget = NO_BUDGETS.request
    run: Budget = NO_BUDGETS.run

    def add(self, result: FileResult) -> None:
        """Count one file."""
        if result.skipped is not None:
            return
        if foreign := _foreign_folder(os.path.relpath(result.path, self.folder)):
            self.foreign[foreign] += 1
            return
        self.images += len(result.images)
        self.requests += len(result.requests)
        for image in result.images:
            facts = image.use.facts
            self.image = _largest(self.image, image.tokens, facts.byte_size if facts else None)
            if not image.use.in_request:
                self.run = _sum(self.run, image.cost_usd)
        for request in result.requests:
            body = request.request
            self.request = _largest(self.request, request.visual_tokens, body.byte_size, request.cost_usd)
            self.run = _sum(self.run, request.cost_usd)
            if body.model:
                self.models[request.limits.model] += 1
            self.platforms[request.limits.platform] += 1

    def proposal(self, session: Session) -> Proposal:
        """What is proposed, with what nobody names as the session has it."""
        return Proposal(
            model=_first(self.models) or session.bench.model,
            platform=_first(self.platforms) or session.bench.platform,
            models=dict(self.models.most_common()),
            platforms=dict(self.platforms.most_common()),
            excluded=dict(sorted(self.foreign.items())),
            images=self.images,
            requests=self.requests,
            measured=Budgets(self.image, self.request, self.run),
        )


def survey(folder: str) -> Proposal:
    """The proposal for a folder; it is read again where its requests name another model than the default.

    Raises:
        UsageError: the folder does not exist.
    """
    session = Session(RunOptions(isolated=True), start=folder)
    found = _tally(folder, session.check((folder,))).proposal(session)
    if (found.model, found.platform) == (session.bench.model, session.bench.platform):
        return found
    again = Session(RunOptions(isolated=True, model=found.model, platform=found.platform), start=folder)
    return found._replace(measured=_tally(folder, again.check((folder,))).proposal(again).measured)


def _tally(folder: str, results: Iterator[FileResult]) -> _Tally:
    tally = _Tally(folder)
    for result in results:
        tally.add(result)
    return tally


def _foreign_folder(path: str) -> str | None:
    """The outermost folder of a path that holds what others have written, with slashes; None without one."""
    parts = path.split(os.sep)[:-1]
    for i, part in enumerate(parts):
        if part.lower() in FOREIGN:
            return "/".join(parts[: i + 1])
    return None


def _largest(budget: Budget, tokens: int | None, size: int | None, cost: float | None = None) -> Budget:
    return Budget(_most((budget.tokens, tokens)), _most((budget.bytes, size)), _highest(budget.cost, cost))


def _most(amounts: Iterable[int | None]) -> int | None:
    return max((amount for amount in amounts if amount is not None), default=None)


def _highest(first: float | None, second: float | None) -> float | None:
    return max((amount for amount in (first, second) if amount is not None), default=None)


def _sum(budget: Budget, cost: float | None) -> Budget:
    return budget if cost is None else budget._replace(cost=(budget.cost or 0.0) + cost)


def _first(counts: Counter[str]) -> str | None:
    return counts.most_common(1)[0][0] if counts else None
