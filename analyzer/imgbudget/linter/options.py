"""The options of a run."""

from collections.abc import Callable, Sequence
from functools import wraps
from typing import ParamSpec, TypeVar

from imgbudget.model.budgets import NO_BUDGETS, Budgets
from imgbudget.model.subjects import ProbeField
from imgbudget.namedtuples import NamedTuple


class RunOptions(NamedTuple):
    """Options of a run, which override the configuration; None and empty values keep its settings.

    `collect` keeps the findings as baseline entries, `statistics` counts by rule and folder, `compare` keeps
    what a comparison with an earlier run needs. `fields` are facts to read in addition to those that rules
    need; `excerpts` and `edits` add the text and the edit to each finding in a request. `raise_errors` raises
    unexpected exceptions instead of reporting them as findings.
    """

    model: str | None = None
    platform: str | None = None
    config: str | None = None
    isolated: bool = False
    limits: str | None = None
    select: Sequence[str] | None = None
    extend_select: Sequence[str] = ()
    ignore: Sequence[str] = ()
    pedantic: bool = False
    preview: bool = False
    budgets: Budgets = NO_BUDGETS
    use_ignores: bool = True
    baseline: str | None = None
    use_baseline: bool = True
    collect: bool = False
    statistics: bool = False
    compare: bool = False
    force_exclude: bool = False
    fields: ProbeField = ProbeField.NONE
    excerpts: bool = False
    edits: bool = False
    cache: bool = False
    raise_errors: bool = False


Arguments = ParamSpec("Arguments")
Result = TypeVar("Result")


def accepts_wishes(function: Callable[Arguments, Result]) -> Callable[Arguments, Result]:
    """Let a function accept `wishes`, the name of `options` in 0.1, with a DeprecationWarning."""

    @wraps(function)
    def call(*args: Arguments.args, **kwargs: Arguments.kwargs) -> Result:
        if "wishes" in kwargs:
            import warnings  # noqa: PLC0415 - rare

            text = f"{function.__name__}: the argument wishes is now options and goes in the next release"
            warnings.warn(text, DeprecationWarning, stacklevel=2)
            kwargs["options"] = kwargs.pop("wishes")
        return function(*args, **kwargs)

    return call
