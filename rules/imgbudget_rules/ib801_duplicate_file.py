"""IB801 duplicate-file."""

from collections.abc import Iterator

from imgbudget.limits.values import figure
from imgbudget.rule import Context, Level, Location, Problem, Run, RunData, Severity, rule


@rule(
    "IB801", "duplicate-file", level=Level.RUN, severity=Severity.INFO, since="0.1", run_data=RunData.COPIES
)
def duplicate_file(run: Run, _ctx: Context) -> Iterator[Problem]:
    """Two image files of the run have the same bytes.

    ## Why it matters
    In a dataset a copy is paid for twice, counts twice in statistics and in training, and spoils an
    evaluation if it is in both parts of a split. Each file that repeats an earlier one is reported. Files of
    the same length and size in pixels are copies if all their bytes are the same.

    ## Reports
    ```json
    {"run": {"copies": [[84311, ["train/0001.jpg", "test/0977.jpg"]]]}}
    ```

    ## Silent
    ```json
    {"run": {"copies": []}}
    ```

    ## Fix safety
    There is no fix: only the author knows which of the copies to keep.

    ## Source
    imgbudget's own comparison. Copies within one request are IB504.
    """
    for size, paths in run.copies:
        for path in paths[1:]:
            yield Problem(
                message=f"same {figure(size)} bytes as {paths[0]}; the image is paid for and counted twice",
                help="keep one of them, or ignore the rule for files where copies are intended",
                measured=size,
                unit="bytes",
                location=Location(path),
            )
