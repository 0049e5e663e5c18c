"""`imgbudget explain`: what an error text of the API means, and which block of a request it is about."""

import os
import re
import sys
from typing import Annotated, NamedTuple

from imgbudget.api.explaining import located_matches
from imgbudget.cli.command import Command, argument, option
from imgbudget.cli.completion import files
from imgbudget.cli.options import ConfigOptions, ModelOptions, OutputOptions, run_options
from imgbudget.cli.output import Format, chosen_formats, say, say_warnings, write_formats
from imgbudget.errors import NO_FILE, UnreadableError, UsageError
from imgbudget.explaining.match import Explanation, Match, Unknown
from imgbudget.explaining.match import explain as explain_text
from imgbudget.explaining.recorded import RecordedError, RecordedErrors, recorded_errors, session_of_screen
from imgbudget.linter.run import STDIN
from imgbudget.output.explain import LocatedMatch, SessionOfErrors, explanation_document, full_text

FORMATS = ("full", "json")
_FILE_NAME = re.compile(r"\S+\.(?:jsonl?|log|txt|db|sqlite3?|har|ya?ml)", re.IGNORECASE)
"""A text that is meant as the name of a file."""

_MARKS = ((b"\xef\xbb\xbf", "utf-8-sig"), (b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16"))


class ExplainOptions(NamedTuple):
    """The options of `explain`."""

    words: Annotated[tuple[str, ...], argument("[TEXT]", many=True)] = ()
    request_file: Annotated[
        str | None,
        option(
            "--request",
            metavar="FILE",
            complete=files,
            help="The rejected request, as JSON: find the block that the error means.",
        ),
    ] = None
    provider: ModelOptions = ModelOptions()
    output: OutputOptions = OutputOptions()
    settings: ConfigOptions = ConfigOptions()


def explain(options: ExplainOptions) -> int:
    """Explain an API error: which rule it breaks, what it means, what to do, which block caused it.

    TEXT is a message, an error envelope or a traceback, or the path of an agent's session, whose recorded
    errors are read and found in what it sends. Without TEXT, or with -, a whole log is read from standard
    input. Exit code 0: at least one error about images was recognised; 1: none; 2: usage.
    """
    formats = chosen_formats(options.output.formats, FORMATS)
    if options.request_file is None and (recorded := _session_errors(options.words)):
        return _explain_session(options.words[0], recorded, options, formats)
    text = _text(options.words, options.request_file)
    explanation = explain_text(text)
    found: list[LocatedMatch] = []
    if options.request_file is not None:
        found = _located_matches(explanation, options.request_file, options)
    write_formats(
        formats,
        options.output.color,
        text=lambda colour: full_text(explanation, found, colour=colour),
        document=lambda: explanation_document(explanation, found),
    )
    if not explanation.matches and os.path.isfile(text.strip()):
        say(f"{text.strip()} is a file; to explain its content: imgbudget explain - < {text.strip()}")
    return 0 if explanation.matches else 1


def _session_errors(words: tuple[str, ...]) -> RecordedErrors | None:
    """The errors of the session that the words are the path of; None if they are none.

    Raises:
        UsageError: it is one, and cannot be read.
    """
    if len(words) != 1 or words == (STDIN,) or not os.path.isfile(words[0]):
        return None
    try:
        recorded = recorded_errors(words[0])
    except (OSError, UnreadableError) as error:
        raise UsageError(f"{words[0]}: {error}") from None
    return recorded if recorded.agent is not None else None


def _explain_session(
    path: str, recorded: RecordedErrors, options: ExplainOptions, formats: list[Format]
) -> int:
    """Explain the errors that are recorded in a session, each once, the newest last."""
    seen: dict[Match, list[RecordedError]] = {}
    unknown: dict[str, Unknown] = {}
    for error in recorded.errors:
        for match in error.explanation.matches[:1]:
            mine = match._replace(line=0, status=error.status or match.status)
            seen[mine] = [*seen.pop(mine, ()), error]  # the order is that of the last time
        for other in () if error.match else error.explanation.unknown[:1]:
            before = unknown.pop(other.text, other._replace(line=error.line, occurrences=0))
            unknown[other.text] = before._replace(occurrences=before.occurrences + 1)
    matches = tuple(
        match._replace(line=errors[0].line, occurrences=len(errors)) for match, errors in seen.items()
    )
    explanation = Explanation(matches, tuple(unknown.values()))
    found: list[LocatedMatch] = []
    if matches:
        located = _located_matches(explanation, session_of_screen(path), options, optional=True)
        found = [
            one._replace(recorded=errors[-1]) for one, errors in zip(located, seen.values(), strict=True)
        ]
    total = len(recorded.errors) + recorded.left_out
    session = SessionOfErrors(path, recorded.agent or "", total, recorded.left_out)
    write_formats(
        formats,
        options.output.color,
        text=lambda colour: full_text(explanation, found, session, colour=colour),
        document=lambda: explanation_document(explanation, found, session),
    )
    return 0 if matches else 1


def _text(words: tuple[str, ...], request_file: str | None) -> str:
    """The text to explain: the arguments, or what comes on standard input."""
    if words and words != (STDIN,):
        text = " ".join(words)
        if _FILE_NAME.fullmatch(text) and not os.path.exists(text):
            raise UsageError(f"{text}: {NO_FILE}")
    elif request_file == STDIN:
        raise UsageError("the error text and the request cannot both come from standard input")
    elif not words and sys.stdin.isatty():
        raise UsageError("give an error text, or pipe a log: imgbudget explain - < FILE")
    else:
        data = sys.stdin.buffer.read()
        encoding = next((name for mark, name in _MARKS if data.startswith(mark)), "utf-8")
        text = data.decode(encoding, "replace")
    if not text.strip():
        raise UsageError("the text to explain is empty")
    return text


def _located_matches(
    explanation: Explanation, request_file: str, options: ExplainOptions, *, optional: bool = False
) -> list[LocatedMatch]:
    """What each error means in the request, in the order of the matches."""
    asked = run_options(provider=options.provider, settings=options.settings, verbose=options.output.verbose)
    text = sys.stdin.buffer.read() if request_file == STDIN else None
    found, notes = located_matches(explanation, request_file, asked, text, optional=optional)
    say_warnings(notes)
    return found


command: Command[ExplainOptions] = Command("explain", ExplainOptions, explain, formats=FORMATS)
