"""IB801 duplicate-file."""

from collections.abc import Iterator

from imgbudget.rule import Context, Level, Location, Problem, Run, RunData, Severity, rule


@rule(
    "IB801", "duplicate-file", level=Level.RUN, severity=Severity.INFO, since="0.1", run_data=RunData.COPIES
)
def duplicate_file(run: Run, _ctx: Context) -> Iterator[Problem]:
    """Two image files of the run have the same bytes.

    ## Why it matters
    In a dataset a copy is paid for twice, counts twice in what is measured or learnt from it, and gives an
    evaluation away when it stands on both sides of a split. Each file that repeats an earlier one is a
    problem at its own place. Only files of the same length and size in pixels are compared, byte by byte in
    effect: by a SHA-256 of their content.

    ## Reports
    ```json
    {"run": {"copies": [[84311, ["train/0001.jpg", "test/0977.jpg"]]]}}
    ```

    ## Silent
    ```json
    {"run": {"copies": []}}
    ```

    ## Fix safety
    There is no fix: which of the copies is to stay is for the author to say.

    ## Source
    imgbudget's own comparison. Copies within one request are IB504.
    """
    for size, paths in run.copies:
        for path in paths[1:]:
            yield Problem(
                message=f"same {size:,} bytes as {paths[0]}",
                help="keep one of the two, or ignore the rule where copies are meant",
                measured=size,
                unit="bytes",
                location=Location(path),
            )
