"""What the caller of a run asks for."""

from collections.abc import Sequence
from typing import NamedTuple

from imgbudget.model.budgets import NO_BUDGETS, Budgets
from imgbudget.model.subjects import ProbeField


class RunOptions(NamedTuple):
    """Options of a run, which override the configuration. None and empty keep what the configuration says.

    `collect` keeps the findings as entries of a baseline, `statistics` sums by rule and folder, `compare`
    what a comparison with an earlier run needs.
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
