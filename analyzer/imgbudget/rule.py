"""Everything that the author of a rule imports: the decorator, subjects, context, problems and fixes."""

import typing
import warnings
from collections.abc import Callable, Iterator, Mapping
from importlib import import_module
from typing import TYPE_CHECKING, Any, Generic, Literal, TypedDict, TypeVar, overload

from imgbudget.limits.bound import Limits
from imgbudget.limits.geometry import (
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
from imgbudget.limits.values import Limit
from imgbudget.model.budgets import NO_BUDGETS, Budget, Budgets
from imgbudget.model.fixes import (
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
    RewriteText,
    ShrinkRequest,
    ShrinkTokens,
    StripMetadata,
    TextToImages,
)
from imgbudget.model.labels import is_label
from imgbudget.model.location import Location
from imgbudget.model.pixels import DEFAULT_THRESHOLDS, PixelFacts, PixelThresholds
from imgbudget.model.request_under_test import TRAITS, bits_of
from imgbudget.model.safety import CONVERSIONS
from imgbudget.model.subjects import (
    Batch,
    Block,
    DocumentUse,
    FixSafety,
    ImageFacts,
    ImageUse,
    Level,
    Nested,
    Origin,
    Other,
    ProbeField,
    Problem,
    Request,
    Run,
    RunData,
    Severity,
    ShapeFlaw,
    Text,
    Turn,
    UnusedIgnore,
    walk_blocks,
)
from imgbudget.namedtuples import NamedTuple

__all__ = [
    "CONVERSIONS",
    "PATCH",
    "TRAITS",
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
    "FirstFrame",
    "Fix",
    "FixSafety",
    "ImageFacts",
    "ImageUse",
    "ImagesFirst",
    "LabelImages",
    "Level",
    "Limit",
    "Limits",
    "Location",
    "Nested",
    "Origin",
    "Other",
    "PixelFacts",
    "PixelThresholds",
    "ProbeField",
    "Problem",
    "Recode",
    "RepairBase64",
    "Request",
    "Resize",
    "RewriteText",
    "Rule",
    "Run",
    "RunData",
    "Severity",
    "ShapeFlaw",
    "ShrinkRequest",
    "ShrinkTokens",
    "Size",
    "StripMetadata",
    "Text",
    "TextToImages",
    "Tier",
    "Turn",
    "UnusedIgnore",
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
    "rule",
    "scale_notes",
    "size_within",
    "table_row",
    "walk_blocks",
    "whole_run_rule",
    "without_remainders",
]

Subject = TypeVar("Subject", bound=ImageUse | Request | Batch | Run)

NO_IMAGE_LIMITS: Mapping[Location, Limits] = {}


def scale_notes(request: Request) -> "Iterator[ScaleNote]":
    """The notes of a request on the size at which its images are displayed, each with its image."""
    if not request.images:
        return iter(())
    from imgbudget.model.scale_notes import scale_notes as notes_of  # noqa: PLC0415 - request

    return notes_of(request)


class Context(NamedTuple):
    """The context of a subject: the limits of the model and platform, and the user's budgets.

    `limits` are those of the subject. A rule on requests uses `limits_of` for one of the images, whose limits
    can differ because of its level of detail. `thresholds` are the bounds of rules on pixels.
    """

    limits: Limits
    budgets: Budgets = NO_BUDGETS
    image_limits: Mapping[Location, Limits] = NO_IMAGE_LIMITS
    thresholds: PixelThresholds = DEFAULT_THRESHOLDS

    def limits_of(self, use: ImageUse) -> Limits:
        """The limits of an image of the request, at its level of detail."""
        return self.image_limits.get(use.location, self.limits) if self.image_limits else self.limits


class LateCheck:
    """The function of a rule of a pack whose modules are imported when their rules first run.

    A pack with many rules lists them with what their decorators say, so that a start imports few of them.
    """

    __slots__ = ("_function", "module", "name")

    def __init__(self, module: str, name: str) -> None:
        """The function of the rule with this name in a module."""
        self.module: str
        self.name: str
        self.module, self.name = module, name
        self._function: Callable[[Any, Context], Iterator[Problem]] | None = None

    @property
    def function(self) -> Callable[[Any, Context], Iterator[Problem]]:
        """The function itself."""
        if self._function is None:
            rule_of_module: Rule[Any] = getattr(import_module(self.module), self.name)
            self._function = rule_of_module.check
        return self._function

    def __call__(self, subject: Any, context: Context) -> Iterator[Problem]:
        """The problems of a subject."""
        return (self._function or self.function)(subject, context)


class Rule(typing.NamedTuple, Generic[Subject]):
    """One rule: its identity, its options, and the pure function that checks a subject.

    `RuleOptions` describes the fields from `severity` on.
    """

    code: str
    name: str
    level: Level
    check: Callable[[Subject, Context], Iterator[Problem]]
    severity: Severity
    since: str
    fix: FixSafety | None = None
    needs: ProbeField = ProbeField.NONE
    pedantic: bool = False
    preview: bool = False
    url: str | None = None
    budgets: tuple[str, ...] = ()
    limits: tuple[str, ...] = ()
    also: Level | None = None
    run_data: RunData = RunData.NONE
    traits: tuple[str, ...] = ()

    @property
    def family(self) -> str:
        """The prefix of the code, e.g. IB2."""
        return self.code[:-2]

    @property
    def loaded(self) -> "Rule[Subject]":
        """The rule with its function itself, which is imported now if it was not yet."""
        return self._replace(check=self.check.function) if isinstance(self.check, LateCheck) else self

    @property
    def page(self) -> str:
        """The rule's page in Markdown: the docstring of its function."""
        import inspect  # noqa: PLC0415 - rare

        return inspect.getdoc(self.loaded.check) or ""

    @property
    def summary(self) -> str:
        """The first sentence of the page."""
        return self.page.partition("\n")[0]


if TYPE_CHECKING:
    from typing import NotRequired, Unpack

    from imgbudget.model.scale_notes import ScaleNote

    class RuleOptions(TypedDict):
        """Options of the decorator besides code, name and level.

        severity: the severity of its findings; a problem can override it.
        since: the version of the pack that added the rule.
        fix: the safety of its fixes; None for a rule without fixes.
        needs: the facts that it reads beyond those of headers; with `PIXELS` it runs only with `--pixels`.
        pedantic: it runs only with `--pedantic`, or if its code or name is selected.
        preview: it runs only with `--preview`.
        url: the address of its page; not needed for imgbudget's own rules.
        budgets: the budgets that it checks, e.g. `image.tokens`; it runs only if one of them is set.
        limits: the fields of `Limits` that it needs, e.g. `min_edge`; it does not run for a model or platform
            without one of them.
        traits: what a request must have for the rule to report anything, e.g. `images`; a rule on requests
            does not run on others. `TRAITS` has their names.
        """

        severity: Severity
        since: str
        fix: NotRequired[FixSafety | None]
        needs: NotRequired[ProbeField]
        pedantic: NotRequired[bool]
        preview: NotRequired[bool]
        url: NotRequired[str | None]
        budgets: NotRequired[tuple[str, ...]]
        limits: NotRequired[tuple[str, ...]]
        traits: NotRequired[tuple[str, ...]]


if TYPE_CHECKING:

    @overload
    def rule(
        code: str,
        name: str,
        *,
        level: Literal[Level.IMAGE],
        also: Literal[Level.REQUEST],
        **options: "Unpack[RuleOptions]",
    ) -> Callable[[Callable[[ImageUse | Request, Context], Iterator[Problem]]], Rule[ImageUse]]: ...

    @overload
    def rule(
        code: str, name: str, *, level: Literal[Level.IMAGE], **options: "Unpack[RuleOptions]"
    ) -> Callable[[Callable[[ImageUse, Context], Iterator[Problem]]], Rule[ImageUse]]: ...

    @overload
    def rule(
        code: str, name: str, *, level: Literal[Level.REQUEST], **options: "Unpack[RuleOptions]"
    ) -> Callable[[Callable[[Request, Context], Iterator[Problem]]], Rule[Request]]: ...

    @overload
    def rule(
        code: str, name: str, *, level: Literal[Level.BATCH], **options: "Unpack[RuleOptions]"
    ) -> Callable[[Callable[[Batch, Context], Iterator[Problem]]], Rule[Batch]]: ...

    @overload
    def rule(
        code: str,
        name: str,
        *,
        level: Literal[Level.RUN],
        run_data: RunData,
        **options: "Unpack[RuleOptions]",
    ) -> Callable[[Callable[[Run, Context], Iterator[Problem]]], Rule[Run]]: ...


def rule(
    code: str,
    name: str,
    *,
    level: Level,
    also: Level | None = None,
    run_data: RunData = RunData.NONE,
    **options: "Unpack[RuleOptions]",
) -> Callable[[Callable[[Any, Context], Iterator[Problem]]], Rule[Any]]:
    """Turn a function that checks subjects of a level into a rule: images, requests, batches or the run.

    With `also=Level.REQUEST` a rule on images also checks whole requests. `run_data` is the data that a rule
    on the run reads; nothing else is collected.
    """
    for field in ("budgets", "limits", "traits"):
        if isinstance(options.get(field), str):
            raise TypeError(f"{field}: expected a tuple of names, found the text {options.get(field)!r}")
    bits_of(options.get("traits", ()))

    def decorate(check: Callable[[Any, Context], Iterator[Problem]]) -> Rule[Any]:
        return Rule(code, name, level, check, also=also, run_data=run_data, **options)

    return decorate


if TYPE_CHECKING:

    class _DeprecatedOptions(RuleOptions):
        by_size: NotRequired[bool]
        by_kind: NotRequired[bool]
        also: NotRequired[Level | None]
        watch: NotRequired[RunData]


def image_rule(
    code: str, name: str, **options: "Unpack[_DeprecatedOptions]"
) -> Callable[[Callable[[ImageUse, Context], Iterator[Problem]]], Rule[ImageUse]]:
    """Deprecated: `rule` with `level=Level.IMAGE`. `by_size` and `by_kind` have no effect."""
    return _deprecated(code, name, Level.IMAGE, options)


def request_rule(
    code: str, name: str, **options: "Unpack[_DeprecatedOptions]"
) -> Callable[[Callable[[Request, Context], Iterator[Problem]]], Rule[Request]]:
    """Deprecated: `rule` with `level=Level.REQUEST`."""
    return _deprecated(code, name, Level.REQUEST, options)


def batch_rule(
    code: str, name: str, **options: "Unpack[_DeprecatedOptions]"
) -> Callable[[Callable[[Batch, Context], Iterator[Problem]]], Rule[Batch]]:
    """Deprecated: `rule` with `level=Level.BATCH`."""
    return _deprecated(code, name, Level.BATCH, options)


def whole_run_rule(
    code: str, name: str, **options: "Unpack[_DeprecatedOptions]"
) -> Callable[[Callable[[Run, Context], Iterator[Problem]]], Rule[Run]]:
    """Deprecated: `rule` with `level=Level.RUN`, and with `run_data` instead of `watch`."""
    return _deprecated(code, name, Level.RUN, options)


def _deprecated(
    code: str, name: str, level: Level, options: "_DeprecatedOptions"
) -> Callable[[Callable[[Any, Context], Iterator[Problem]]], Rule[Any]]:
    """The rule of a decorator of 0.1; these are removed in 0.3."""
    text = f"rule {code}: use @rule(..., level=Level.{level.name}) instead of {level.value}_rule"
    warnings.warn(text, DeprecationWarning, stacklevel=3)
    kept = {key: value for key, value in options.items() if key not in ("by_size", "by_kind")}
    if "watch" in kept:
        kept["run_data"] = kept.pop("watch")
    return lambda check: Rule(code, name, level, check, **kept)  # type: ignore[arg-type]  # as named above
