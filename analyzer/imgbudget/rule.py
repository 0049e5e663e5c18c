"""All that the author of a rule imports: the decorators, the subjects, the context, problems and fixes."""

from collections.abc import Callable, Iterator, Mapping
from typing import Generic, NamedTuple, TypeVar

from imgbudget.budgets import NO_BUDGETS, Budget, Budgets
from imgbudget.geometry import (
    PATCH,
    Size,
    Tier,
    area_tokens,
    fits,
    is_remainder,
    native_size,
    padded_size,
    patches,
    planned_size,
    size_within,
    table_row,
    without_remainders,
)
from imgbudget.intent import (
    BakeOrientation,
    DeclareType,
    DropBlock,
    DropEntry,
    FirstFrame,
    Fix,
    ImagesFirst,
    LabelImages,
    Recode,
    RepairBase64,
    Resize,
    ShrinkRequest,
    ShrinkTokens,
    StripMetadata,
)
from imgbudget.labels import is_label
from imgbudget.limits import Limits
from imgbudget.model import (
    Batch,
    Block,
    DocumentUse,
    Fact,
    FixSafety,
    ImageFacts,
    ImageUse,
    Level,
    Nested,
    Origin,
    Other,
    Place,
    Problem,
    Request,
    Run,
    Severity,
    ShapeFlaw,
    Text,
    Turn,
    UnusedIgnore,
    Watch,
    walk_blocks,
)

__all__ = [
    "PATCH",
    "BakeOrientation",
    "Batch",
    "Block",
    "Budget",
    "Budgets",
    "Context",
    "DeclareType",
    "DocumentUse",
    "DropBlock",
    "DropEntry",
    "Fact",
    "FirstFrame",
    "Fix",
    "FixSafety",
    "ImageFacts",
    "ImageUse",
    "ImagesFirst",
    "LabelImages",
    "Level",
    "Limits",
    "Nested",
    "Origin",
    "Other",
    "Place",
    "Problem",
    "Recode",
    "RepairBase64",
    "Request",
    "Resize",
    "Rule",
    "Run",
    "Severity",
    "ShapeFlaw",
    "ShrinkRequest",
    "ShrinkTokens",
    "Size",
    "StripMetadata",
    "Text",
    "Tier",
    "Turn",
    "UnusedIgnore",
    "Watch",
    "area_tokens",
    "batch_rule",
    "fits",
    "image_rule",
    "is_label",
    "is_remainder",
    "native_size",
    "padded_size",
    "patches",
    "planned_size",
    "request_rule",
    "size_within",
    "table_row",
    "walk_blocks",
    "whole_run_rule",
    "without_remainders",
]

Subject = TypeVar("Subject", bound=ImageUse | Request | Batch | Run)


NO_IMAGE_LIMITS: Mapping[Place, Limits] = {}


class Context(NamedTuple):
    """What a rule may know beside its subject: the limits of the model and platform, the user's budgets.

    `limits` are those of the subject. A rule on requests asks `limits_of` for those of one of the images,
    which can differ by the level of detail that the image asks for.
    """

    limits: Limits
    budgets: Budgets = NO_BUDGETS
    image_limits: Mapping[Place, Limits] = NO_IMAGE_LIMITS

    def limits_of(self, use: ImageUse) -> Limits:
        """The limits of an image of the request, at the level of detail that it asks for."""
        return self.image_limits.get(use.place, self.limits) if self.image_limits else self.limits


class Rule(NamedTuple, Generic[Subject]):
    """One rule: its identity, what it may do, and the pure function that judges a subject.

    `budgets` names the budgets that it holds subjects against, e.g. `image.tokens`: where none of them is set
    it does not run. `limits` names what it cannot do without, as `Limits.lack` knows it, e.g. `min_edge`: it
    does not judge what goes to a model or platform without one of these. `also` is a further level that it
    judges. `watch` is what it wants to know of a run; a rule of the run level that watches nothing judges
    batches. `by_size` says that of a sound image it looks at nothing but `visible_size`, and in a request at
    `toolset` and `oversized`; `by_kind`, that it looks at nothing but what is declared and the facts beside
    size and bytes. What it says of one is remembered for the next one that has the same.
    """

    code: str
    name: str
    level: Level
    severity: Severity
    fix: FixSafety | None
    since: str
    needs: Fact
    pedantic: bool
    preview: bool
    judge: Callable[[Subject, Context], Iterator[Problem]]
    url: str | None = None
    """Where the rule's page is read; None for the rules that ship, whose pages have a place of their own."""
    budgets: tuple[str, ...] = ()
    also: Level | None = None
    watch: Watch = Watch.NONE
    by_size: bool = False
    by_kind: bool = False
    limits: tuple[str, ...] = ()

    @property
    def family(self) -> str:
        """The family's prefix, e.g. IB2."""
        return self.code[:-2]

    @property
    def page(self) -> str:
        """The rule's page in Markdown: the docstring of its function."""
        import inspect  # noqa: PLC0415 - only a page is that slow

        return inspect.getdoc(self.judge) or ""

    @property
    def summary(self) -> str:
        """The first sentence of the page."""
        return self.page.partition("\n")[0]


def image_rule(  # noqa: PLR0913 - the fields of a rule
    code: str,
    name: str,
    *,
    severity: Severity,
    fix: FixSafety | None = None,
    since: str,
    needs: Fact = Fact.NONE,
    pedantic: bool = False,
    preview: bool = False,
    url: str | None = None,
    budgets: tuple[str, ...] = (),
    limits: tuple[str, ...] = (),
    also: Level | None = None,
    by_size: bool = False,
    by_kind: bool = False,
) -> Callable[[Callable[[ImageUse, Context], Iterator[Problem]]], Rule[ImageUse]]:
    """Make a rule of a function that judges one use of one image, and with `also` another level too."""

    def decorate(judge: Callable[[ImageUse, Context], Iterator[Problem]]) -> Rule[ImageUse]:
        return Rule(
            code=code,
            name=name,
            level=Level.IMAGE,
            severity=severity,
            fix=fix,
            since=since,
            needs=needs,
            pedantic=pedantic,
            preview=preview,
            judge=judge,
            url=url,
            budgets=budgets,
            also=also,
            by_size=by_size,
            by_kind=by_kind,
            limits=limits,
        )

    return decorate


def request_rule(  # noqa: PLR0913 - the fields of a rule
    code: str,
    name: str,
    *,
    severity: Severity,
    fix: FixSafety | None = None,
    since: str,
    needs: Fact = Fact.NONE,
    pedantic: bool = False,
    preview: bool = False,
    url: str | None = None,
    budgets: tuple[str, ...] = (),
    limits: tuple[str, ...] = (),
) -> Callable[[Callable[[Request, Context], Iterator[Problem]]], Rule[Request]]:
    """Make a rule of a function that judges one request as a whole."""

    def decorate(judge: Callable[[Request, Context], Iterator[Problem]]) -> Rule[Request]:
        return Rule(
            code=code,
            name=name,
            level=Level.REQUEST,
            severity=severity,
            fix=fix,
            since=since,
            needs=needs,
            pedantic=pedantic,
            preview=preview,
            judge=judge,
            url=url,
            budgets=budgets,
            limits=limits,
        )

    return decorate


def batch_rule(  # noqa: PLR0913 - the fields of a rule
    code: str,
    name: str,
    *,
    severity: Severity,
    since: str,
    url: str | None = None,
    limits: tuple[str, ...] = (),
) -> Callable[[Callable[[Batch, Context], Iterator[Problem]]], Rule[Batch]]:
    """Make a rule of a function that judges the requests of a batch together; what it finds has no fix."""

    def decorate(judge: Callable[[Batch, Context], Iterator[Problem]]) -> Rule[Batch]:
        return Rule(
            code=code,
            name=name,
            level=Level.RUN,
            severity=severity,
            fix=None,
            since=since,
            needs=Fact.NONE,
            pedantic=False,
            preview=False,
            judge=judge,
            url=url,
            limits=limits,
        )

    return decorate


def whole_run_rule(  # noqa: PLR0913 - the fields of a rule
    code: str,
    name: str,
    *,
    severity: Severity,
    watch: Watch,
    fix: FixSafety | None = None,
    since: str,
    budgets: tuple[str, ...] = (),
) -> Callable[[Callable[[Run, Context], Iterator[Problem]]], Rule[Run]]:
    """Make a rule of a function that judges a run as a whole, once everything is checked."""

    def decorate(judge: Callable[[Run, Context], Iterator[Problem]]) -> Rule[Run]:
        return Rule(
            code=code,
            name=name,
            level=Level.RUN,
            severity=severity,
            fix=fix,
            since=since,
            needs=Fact.NONE,
            pedantic=False,
            preview=False,
            judge=judge,
            budgets=budgets,
            watch=watch,
        )

    return decorate
