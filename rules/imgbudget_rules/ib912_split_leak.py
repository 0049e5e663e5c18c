"""IB912 split-leak."""

from collections.abc import Iterator

from imgbudget.rule import Context, Level, Location, ProbeField, Problem, Run, RunData, Severity, rule


@rule(
    "IB912",
    "split-leak",
    level=Level.RUN,
    severity=Severity.WARNING,
    since="0.2",
    needs=ProbeField.PIXELS,
    run_data=RunData.LEAKS,
)
def split_leak(run: Run, ctx: Context) -> Iterator[Problem]:
    """An image that tests a model is also in what the model learns from.

    ## Why it matters
    A model may remember an image that it was trained on, so a result on that image does not show what it
    makes of a new one. The image is compared as IB911 does: other sizes, formats and qualities of it, and
    copies of the file, are the same image.

    The part of a split is that of a field `split`, `subset`, `partition` or `set` of the row of a table or
    list, else of the innermost folder named for one (`train`, `val`, `test`, also as in `val2017` and
    `test-images`), else of the name of the shard (`train-00000-of-00003.parquet`); folders that hold all
    images do not count. Images in `test` are compared with those in `validation` and `train`, images in
    `validation` with those in `train`.
    `imgbudget audit --against SET` compares all images with those of another set, such as a benchmark.

    ## Reports
    ```json
    {"run": {"leaks": [["test/9.jpg", "test", "train/1.png", "train", 3, false]]}}
    ```
    ```json
    {"run": {"leaks": [["a.jpg", "", "b/1.png", "benchmark.hashes", 0, true]]}}
    ```

    ## Silent
    ```json
    {"run": {"leaks": []}}
    ```

    ## Fix safety
    There is no fix: only the author knows from which part to remove the image.

    ## Source
    imgbudget's own comparison; bound and algorithm as in IB911.
    """
    for leak in run.leaks:
        how = "same pixels" if leak.same_pixels else f"{leak.bits} of 64 bits of their hashes differ"
        yield Problem(
            message=f"{f'{leak.part} image' if leak.part else 'image'} that {leak.other_part} has too: "
            f"{leak.other} ({how}); a result on it may show what a model remembers",
            help="remove it from one of them",
            measured=leak.bits,
            limit=ctx.thresholds.near_duplicate,
            unit="bits",
            location=Location(leak.path),
        )
