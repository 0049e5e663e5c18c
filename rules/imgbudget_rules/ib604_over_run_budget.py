"""IB604 over-run-budget."""

from collections.abc import Iterator

from imgbudget.limits.values import figure
from imgbudget.rule import Context, Level, Problem, Run, RunData, Severity, rule
from imgbudget_rules.spending import money, up_to


@rule(
    "IB604",
    "over-run-budget",
    level=Level.RUN,
    severity=Severity.ERROR,
    since="0.1",
    run_data=RunData.TOTALS,
    budgets=("run.tokens", "run.bytes", "run.cost"),
)
def over_run_budget(run: Run, ctx: Context) -> Iterator[Problem]:
    """All files of the run together exceed your budget for a run.

    ## Why it matters
    A folder of images or a file of requests is eventually sent as a whole. The budget limits what that may
    cost in visual tokens, bytes (of image files and request bodies) or US dollars, before anything is sent.
    The rule runs if one of `budgets.run` is set, and checks the sum over all files of the run.

    ## Reports
    ```json
    {"budgets": {"run": {"tokens": 1000000}}, "run": {"visual_tokens": 1000001}}
    ```
    ```json
    {"budgets": {"run": {"cost": 5}}, "run": {"visual_tokens": 1700000, "cost_usd": 5.1}}
    ```
    ```json
    {"budgets": {"run": {"bytes": 5242880}}, "run": {"byte_size": 5242881}}
    ```

    ## Silent
    ```json
    {"budgets": {"run": {"tokens": 1000000}}, "run": {"visual_tokens": 1000000, "byte_size": 5242881}}
    ```
    ```json
    {"run": {"visual_tokens": 1700000, "cost_usd": 5.1}}
    ```

    ## Fix safety
    There is no fix: only the author knows which images to leave out or to shrink further. The last line of
    the run and `--statistics` show what the safe fixes of the other findings would save.

    ## Source
    Your configuration. Tokens: vision guide, 2026-09. Prices: price lists, see `imgbudget limits`.
    """
    budget = ctx.budgets.run
    doubt = up_to(0, run.tokens_doubt)
    remedy = "leave out or downscale images, or raise budgets.run"
    if budget.tokens is not None and run.visual_tokens > budget.tokens:
        yield Problem(
            message=f"run takes {doubt}{figure(run.visual_tokens)} visual tokens; your budget for a run is "
            f"{figure(budget.tokens)}",
            help=f"{remedy}.tokens",
            measured=run.visual_tokens,
            limit=budget.tokens,
            unit="tokens",
        )
    if budget.bytes is not None and run.byte_size > budget.bytes:
        yield Problem(
            message=f"run has {figure(run.byte_size)} bytes; your budget for a run is {figure(budget.bytes)}",
            help=f"{remedy}.bytes",
            measured=run.byte_size,
            limit=budget.bytes,
            unit="bytes",
        )
    if budget.cost is not None and run.cost_usd > budget.cost:
        yield Problem(
            message=f"run costs {doubt}{money(run.cost_usd)}; your budget for a run is {money(budget.cost)}",
            help=f"{remedy}.cost",
            measured=run.cost_usd,
            limit=budget.cost,
            unit="USD",
        )
