"""The public functions `check` and `check_request`."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Unpack

from imgbudget.api.reports import CheckReport
from imgbudget.api.settings import CheckSettings, body_bytes, run_options
from imgbudget.discovery.walk import Paths, StrPath, one_path
from imgbudget.linter.arguments import accepts_wishes, names_arguments
from imgbudget.linter.options import RunOptions, require_str
from imgbudget.linter.run import STDIN, Session, StandardInput, run
from imgbudget.model.comparison import read_report_file
from imgbudget.output.records import SHOWN

if TYPE_CHECKING:
    from imgbudget.linter.protocols import RunChecker
    from imgbudget.model.comparison import Earlier
    from imgbudget.model.results import FileResult


@accepts_wishes
@names_arguments
def check(
    paths: Paths,
    options: RunOptions | None = None,
    *,
    stdin: bytes | None = None,
    stdin_filename: str | None = None,
    compare: StrPath | None = None,
    **settings: Unpack[CheckSettings],
) -> CheckReport:
    """Check files and folders, and the run as a whole, as `imgbudget check` does; the path `-` is `stdin`.

    `paths` is one path, as text or `os.PathLike`, or several. Options are given by name, such as
    `model="claude-opus-4-8"` or `select="IB2"`, or as `RunOptions`; those by name count more. Nothing is
    written, and no exit code is computed: see `findings`.

    `stdin_filename` is the name to report for `stdin`, whose nearest configuration counts. `compare` is the
    saved document of an earlier check, as JSON: the difference to it is `comparison` of the `summary`.

    Raises:
        UsageError: a path, rule or platform that does not exist, or a document that cannot be compared.
        ConfigError: an invalid configuration.
    """
    require_str(stdin_filename, "stdin_filename")
    earlier = None if compare is None else read_report_file(one_path(compare, "compare"), "compare")
    asked = shown(run_options(options, settings))
    session = Session(asked._replace(compare=True) if earlier is not None else asked)
    given = StandardInput(lambda: stdin or b"")
    if stdin_filename:
        given = given._replace(name=stdin_filename)
    return report_of(session, session, paths, given, earlier)


@names_arguments
def check_request(
    request: Mapping[str, object] | bytes | str,
    options: RunOptions | None = None,
    **settings: Unpack[CheckSettings],
) -> CheckReport:
    """Check one request that is in memory: its body as a dictionary, or as JSON in bytes or text.

    The findings, tokens and costs are those of `imgbudget check -` for the same body; their `path` is `-`.
    The model of the body counts, not the argument `model`, if it names one.

    Raises:
        UsageError: a value that JSON does not have, or a rule or platform that does not exist.
        ConfigError: an invalid configuration.
    """
    return check(STDIN, options, stdin=body_bytes(request), **settings)


def shown(options: RunOptions) -> RunOptions:
    """The options of a check, with the facts that the records of a report show."""
    return options._replace(fields=options.fields | SHOWN, nested=True)


def report_of(
    session: Session,
    checker: "RunChecker",
    paths: Paths,
    stdin: StandardInput | None = None,
    earlier: "Earlier | None" = None,
) -> CheckReport:
    """What a run over paths finds, and how that differs from an earlier one."""
    files: list[FileResult] = []
    summary = run(checker, paths, on_result=files.append, stdin=stdin, earlier=earlier)
    return CheckReport(tuple(files), summary, session.notes)
