"""IB911 near-duplicate."""

from collections.abc import Iterator

from imgbudget.rule import Context, Level, Location, ProbeField, Problem, Run, RunData, Severity, rule


@rule(
    "IB911",
    "near-duplicate",
    level=Level.RUN,
    severity=Severity.INFO,
    since="0.2",
    needs=ProbeField.PIXELS,
    run_data=RunData.LIKENESS,
)
def near_duplicate(run: Run, ctx: Context) -> Iterator[Problem]:
    """Two images of the run show the same, though their bytes differ.

    ## Why it matters
    An image in another size, format or quality is paid for once more and adds nothing; in a training set it
    counts twice. Images are compared as viewers show them, turned by their EXIF orientation: by a hash of
    their pixels, and by a perceptual hash of 64 bits (pHash without the first row and column of its
    coefficients).

    At most 6 bits differ between near duplicates; `thresholds: {near-duplicate: 4}` in the configuration sets
    another bound, up to 10. Encodings, sizes, grey and crops of one or two percent stay within it, tighter
    crops and mirrored images do not. Images of one colour or gradient are compared by their pixels only.

    A group has one image that represents it, and each of the others is within the bound of that one, so that
    groups do not grow along chains, e.g. of the frames of a video. Each image but the first by path is
    reported. Files with the same bytes are IB801.

    ## Reports
    ```json
    {"run": {"alike": [["a-small.jpg", "a.png", 2, false]]}}
    ```

    ## Silent
    ```json
    {"run": {"alike": []}}
    ```

    ## Fix safety
    There is no fix: only the author knows which of the images to keep.

    ## Source
    imgbudget's own comparison; bound and algorithm are measured in `imgbudget.pixels.hashes`.
    """
    for image in run.alike:
        if image.same_pixels:
            what = f"same pixels as {image.other} in a different file"
        else:
            what = f"looks like {image.other} ({image.bits} of 64 bits of their hashes differ)"
        yield Problem(
            message=f"{what}; the image is paid for and counted twice",
            help="keep one of them, or ignore the rule for files where variants are intended",
            measured=image.bits,
            limit=ctx.thresholds.near_duplicate,
            unit="bits",
            location=Location(image.path),
        )
