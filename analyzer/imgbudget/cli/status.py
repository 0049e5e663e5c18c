"""`imgbudget status`: a session of an agent in one line: images, bytes, tokens, and the next limit."""

import json
import os
import sys
from collections import Counter
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple

from imgbudget.cli.command import Command, argument
from imgbudget.cli.completion import files
from imgbudget.cli.options import ConfigOptions, ModelOptions, OutputOptions, SelectionOptions, run_options
from imgbudget.cli.output import chosen_formats, say_warnings, write_formats
from imgbudget.errors import UsageError
from imgbudget.linter.run import STDIN, Session, run
from imgbudget.linter.unused import why_without
from imgbudget.model.location import Location
from imgbudget.model.results import FileResult, RequestResult
from imgbudget.model.subjects import Request, Severity, walk_blocks
from imgbudget.output.status import SessionStatus, status_document, status_line
from imgbudget.planner.headroom import headroom

if TYPE_CHECKING:
    from collections.abc import Iterable

    from imgbudget.model.subjects import Finding

FORMATS = ("full", "json")

_RULES = ("IB0", "IB1", "IB4")
"""The families of rules on what an API refuses."""

_LARGEST_INPUT = 1 << 20


class StatusOptions(NamedTuple):
    """The options of `status`."""

    session: Annotated[str | None, argument("[SESSION]", complete=files)] = None
    provider: ModelOptions = ModelOptions()
    output: OutputOptions = OutputOptions()
    settings: ConfigOptions = ConfigOptions()


class _Asked(NamedTuple):
    """Which session, the model that the agent names, and whether the file may be missing yet."""

    path: str
    model: str | None = None
    optional: bool = False


def status(options: StatusOptions) -> int:
    """Show how far the next turn of an agent's session is from its limits, in one line.

    Without SESSION, or with -, the JSON that Claude Code gives its status line is read from standard input;
    its transcript_path is the session. Bytes are those of the messages: system prompt and tools come on top.
    Exit code 0: always, unless the session cannot be read, which is 2.
    """
    formats = chosen_formats(options.output.formats, FORMATS)
    asked = _asked(options.session)
    statuses = [SessionStatus(asked.path, None, None, Counter())]
    if not asked.optional or os.path.exists(asked.path):
        statuses = _statuses(asked, options) or statuses
    write_formats(
        formats,
        options.output.color,
        text=lambda colour: status_line(statuses[0], colour=colour) + "\n",
        document=lambda: status_document(statuses),
    )
    return 0


def _asked(session: str | None) -> _Asked:
    """The session that the command line or the agent names."""
    if session is not None and session != STDIN:
        return _Asked(session)
    if sys.stdin.isatty():
        raise UsageError("name a session, or give the JSON of a status line on standard input")
    given = sys.stdin.buffer.read(_LARGEST_INPUT)
    try:
        value: Any = json.loads(given)
    except ValueError as error:
        raise UsageError(f"standard input: not the JSON of a status line: {error}") from None
    path = value.get("transcript_path") if isinstance(value, dict) else None
    if not isinstance(path, str) or not path:
        raise UsageError("standard input: the JSON of a status line has a transcript_path; this one has none")
    model = value.get("model")
    name = model.get("id") if isinstance(model, dict) else None
    return _Asked(os.path.expanduser(path), name if isinstance(name, str) and name else None, optional=True)


def _statuses(asked: _Asked, options: StatusOptions) -> list[SessionStatus]:
    """The state of each conversation of a session, the nearest to a limit first."""
    if os.path.isdir(asked.path):
        raise UsageError(f"{asked.path}: is a folder; name the file of a session")
    provider = options.provider
    if provider.model is None and asked.model is not None:
        provider = provider._replace(model=asked.model)
    settings = run_options(
        provider=provider,
        settings=options.settings,
        rules=SelectionOptions(select=_RULES),
        verbose=options.output.verbose,
    )
    session = Session(settings._replace(use_ignores=False, use_baseline=False))
    results: list[FileResult] = []
    run(session, (asked.path,), on_result=results.append, whole_run=False)
    say_warnings(session.notes)
    found = []
    for result in results:
        sent = result.requests
        errors = [finding for finding in result.findings if finding.severity is Severity.ERROR]
        for one in sent:
            places = _places(one.request) if errors and len(sent) > 1 else None
            mine = [finding for finding in errors if places is None or finding.location in places]
            found.append(_status(asked.path, one, mine))
    if not found and not asked.optional:
        why = why_without(results[0], "request").removeprefix("no request: ")
        raise UsageError(f"{asked.path}: holds no session: {why}")
    found.sort(key=_urgency, reverse=True)
    return [one._replace(others=len(found) - 1) for one in found]


def _status(path: str, result: RequestResult, findings: "Iterable[Finding]") -> SessionStatus:
    refused = Counter(sorted(finding.code for finding in findings))
    return SessionStatus(path, result, headroom(result.test, tuple(refused)), refused)


def _places(request: Request) -> set[Location]:
    """Where findings on a request may be."""
    blocks = (block.location for turn in request.turns for block in walk_blocks(turn.blocks))
    return {request.location, *blocks, *(turn.location for turn in request.turns)}


def _urgency(status: SessionStatus) -> tuple[bool, float]:
    nearest = status.room.nearest if status.room else None
    return bool(status.refused), nearest.share if nearest else 0.0


command: Command[StatusOptions] = Command("status", StatusOptions, status, formats=FORMATS)
