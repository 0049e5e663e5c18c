"""The public Python functions: `check`, `plan`, `fix`, `coords` and `coordinate_map`."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal

from imgbudget.discovery.walk import Paths, StrPath, one_path, path_list
from imgbudget.limits.geometry import CoordinateMap, Size
from imgbudget.linter.options import RunOptions, accepts_wishes
from imgbudget.linter.run import Session, StandardInput, run
from imgbudget.linter.selection import named_rules
from imgbudget.model.results import FileResult, Report
from imgbudget.model.subjects import Severity
from imgbudget.model.views import coordinates
from imgbudget.output.records import SHOWN

if TYPE_CHECKING:
    from imgbudget.linter.protocols import RunChecker
    from imgbudget.planner.image import ImagePlan, SizeGoal, SizePreset

Point = tuple[float, float]


def coordinate_map(
    original: tuple[int, int],
    *,
    sent: tuple[int, int] | None = None,
    model: str | None = None,
    platform: str | None = None,
    allow_local_packs: bool = False,
) -> CoordinateMap:
    """The map between an original image and the image that the model sees; sizes are width and height in px.

    `sent` is the size that was sent, by default the original's; the API may downscale it. `model` and
    `platform` default to those of the configuration, whose rule packs must be installed unless
    `allow_local_packs` is set.

    Raises:
        UsageError: an unknown platform, or a provider that does not publish how it downscales images.
        ConfigError: an invalid configuration.
        ValueError: a size with an edge under 1 px.
    """
    if min((*original, *(sent or original))) < 1:
        raise ValueError(f"a size needs edges of at least 1 px: {original} {sent or ''}")
    options = RunOptions(model=model, platform=platform, allow_local_packs=allow_local_packs)
    limits = Session(options).context.limits()
    return coordinates(limits, Size(*original), Size(*(sent or original)))


def coords(  # noqa: PLR0913 - keyword options
    points: Sequence[Point],
    original: tuple[int, int],
    *,
    sent: tuple[int, int] | None = None,
    model: str | None = None,
    platform: str | None = None,
    allow_local_packs: bool = False,
) -> tuple[Point, ...]:
    """Convert points that the model returned, in px of the image it saw, to px of the original image.

    Points outside the image are moved to its border (vision-coordinates guide, 2026-09). Convert a box by its
    two corners. Arguments and errors are those of `coordinate_map`, whose `to_resized` is the inverse.
    """
    found = coordinate_map(
        original, sent=sent, model=model, platform=platform, allow_local_packs=allow_local_packs
    )
    return tuple(found.to_original(x, y) for x, y in points)


@accepts_wishes
def check(paths: Paths, options: RunOptions | None = None, *, stdin: bytes | None = None) -> Report:
    """Check files and folders, and the run as a whole; the path `-` is `stdin`.

    `paths` is one path, as text or `os.PathLike`, or several.

    Raises:
        UsageError: a path, rule or platform that does not exist.
        ConfigError: an invalid configuration.
    """
    session = Session(options or RunOptions(fields=SHOWN))
    return _report(session, session, paths, StandardInput(lambda: stdin or b""))


@accepts_wishes
def plan(
    paths: Paths,
    options: RunOptions | None = None,
    *,
    target: "SizeGoal | SizePreset | None" = None,
    measure: bool = True,
) -> "tuple[ImagePlan, ...]":
    """The resize plan of every image whose size is known, in the order of the files.

    The default target is the size of the aspect-ratio table. The images of a request are planned together,
    under its limits and the budgets of the configuration.

    Each image that changes is encoded as `imgbudget plan --apply` would, so that sizes and bytes are those of
    the result; nothing is written. With `measure=False` only headers are read, and `bytes_range` is the range
    that the bytes of a changed image will be in.

    Raises:
        UsageError: a path or platform that does not exist.
        ConfigError: an invalid configuration.
    """
    from imgbudget.fixing.trial import plan_images  # noqa: PLC0415 - command

    session = Session((options or RunOptions())._replace(client="", pixels=False))
    return plan_images(session, paths, target, measure=measure)


@accepts_wishes
def fix(  # noqa: PLR0913 - keyword options
    paths: Paths,
    options: RunOptions | None = None,
    *,
    unsafe: bool = False,
    level: Literal["error", "warning", "info"] = "error",
    output_dir: StrPath | None = None,
    backup: bool = False,
    dry_run: bool = False,
) -> Report:
    """Fix files and folders, and then check the run as a whole, as `imgbudget check --fix` does.

    The report describes the files after the fixes, and the run as a whole: its budgets, copies, and ignores
    that match nothing. Unused ignores are removed from the configuration, unless there is an `output_dir`.
    The `fix` of each file lists fixed findings, failed fixes, and each image before and after with its
    coordinate map.

    `unsafe` also applies fixes that change what the model sees; in requests and sessions, findings of `level`
    and above are fixed, and those of rules that `options` select by their whole code or name. `output_dir`
    writes the results to another folder; `backup` keeps each replaced file; `dry_run` writes nothing and
    adds the diff to `fix`. A file that cannot be written keeps its content, and its `fix` has an `error`.

    Raises:
        UsageError: a path, rule or platform that does not exist.
        ConfigError: an invalid configuration.
    """
    from imgbudget.fixing.run import Fixer, FixOptions  # noqa: PLC0415 - command
    from imgbudget.fixing.strategy import FindingFixes  # noqa: PLC0415 - command

    session = Session(options or RunOptions(fields=SHOWN))
    chosen = (*(session.options.select or ()), *session.options.extend_select)
    codes = named_rules(session.registry.rules, chosen)
    strategy = FindingFixes(unsafe=unsafe, level=Severity[level.upper()], codes=codes)
    folder = None if output_dir is None else one_path(output_dir, "output_dir")
    paths = path_list(paths)
    fix_options = FixOptions(strategy, folder, backup=backup, difference=dry_run, digests=True)
    return _report(session, Fixer(session, fix_options, paths), paths)


def _report(
    session: Session, checker: "RunChecker", paths: Paths, stdin: StandardInput | None = None
) -> Report:
    files: list[FileResult] = []
    summary = run(checker, paths, on_result=files.append, stdin=stdin)
    return Report(tuple(files), summary, session.notes)
