"""The errors of an API that an agent recorded in its session, with what each means.

A session may have 100 MB of images: they stay in the file, and of many errors only the newest are kept.
"""

import os
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

from imgbudget.discovery.filetypes import FileKind, kind_of
from imgbudget.errors import UnreadableError
from imgbudget.explaining.match import Explanation, Match, explain
from imgbudget.explaining.recorded_shapes import (
    Answered,
    Noted,
    events_in,
    is_message_file,
    is_screen,
    message_events,
    screen_events,
)
from imgbudget.jsontext.document import Document, open_documents
from imgbudget.jsontext.source import JsonSource
from imgbudget.model.location import Keys, Location, Span
from imgbudget.requests.database_files import open_database_file
from imgbudget.requests.session_formats import MESSAGE_ROWS, session_format

MOST_ERRORS = 1000
"""Errors of one session that are kept: the newest."""

_LONGEST = 20_000
"""Characters of one error text that are read: an agent may record a whole page of a proxy."""

_SCREEN = "ui_messages.json"
"""The file beside a session of Cline or Roo Code that has its errors."""

_MESSAGES = "api_conversation_history.json"
"""The session that it is beside."""

_CLINE, _OPENCODE = "cline", "opencode"

_FOREIGN_LINES = 100
"""Lines that are of no session, after which a file is none."""

_MOST_EXPLAINED = 100
"""Texts whose explanations are kept: an error is repeated with each turn."""


class RecordedError(NamedTuple):
    """An error of an API, as an agent recorded it.

    `location` is that of its text, in the session or in a file beside it; `line` counts from 1, and `span` is
    that of the text, None in a database. `text` is up to 20,000 characters long. `status` is the HTTP status
    that the agent recorded, if any. `retried`: the agent sent the request again by itself. `answered`: the
    model answered later in the same conversation, so that this error does not stop it any more.
    `explanation` has the known messages in the text: `match` is the first one.
    """

    agent: str
    location: Location
    line: int
    span: Span | None
    text: str
    status: int | None
    retried: bool
    answered: bool
    explanation: Explanation

    @property
    def match(self) -> Match | None:
        """The known message; None if the text is not known, or not about images."""
        matches = self.explanation.matches
        return matches[0] if matches else None


class RecordedErrors(NamedTuple):
    """The errors of a session, in order: the newest is last. `agent` is None if it is no session.

    `left_out` counts the errors before the oldest that was kept.
    """

    agent: str | None
    errors: tuple[RecordedError, ...]
    left_out: int = 0

    @property
    def newest(self) -> RecordedError | None:
        """The error that stops the session: the last one with no answer after it, if any."""
        return next((error for error in reversed(self.errors) if not (error.answered or error.retried)), None)


def recorded_errors(path: str) -> RecordedErrors:
    """The errors that an agent recorded in the session at `path`; none if the file is no session.

    Those of Cline and Roo Code are in a file beside the session, which is read with it.

    Raises:
        OSError: the file cannot be read.
        UnreadableError: it is a database that is damaged, or the file changed while it was read.
    """
    found = _Errors()
    with open_database_file(path) as database:
        if database is not None:
            found.agent = database.name
            for row in database.messages():
                events = message_events(database.name, row.document.value, row.role, row.session)
                found.add(row.document, events, row.location, in_row=True)
            return found.end()
    lines = kind_of(os.path.basename(path)) is not FileKind.JSON
    with JsonSource.open(path) as source:
        if not found.read(source, path, lines=lines) and lines:
            found.read(source, path, lines=False)  # a JSON file of another name
    beside = os.path.join(os.path.dirname(path), _SCREEN)
    if found.agent == _CLINE and os.path.basename(path) != _SCREEN and os.path.isfile(beside):
        with JsonSource.open(beside) as source:
            found.read(source, beside, lines=False)
    return found.end()


def session_of_screen(path: str) -> str:
    """The session beside a file that has the errors of Cline or Roo Code; any other path as it is."""
    beside = os.path.join(os.path.dirname(path), _MESSAGES)
    return beside if os.path.basename(path) == _SCREEN and os.path.isfile(beside) else path


@dataclass(slots=True)
class _Errors:
    """The errors that were read so far, each with its number; `answers` has that of the last answer."""

    agent: str | None = None
    count: int = 0
    errors: deque[tuple[int, str, RecordedError]] = field(default_factory=lambda: deque(maxlen=MOST_ERRORS))
    answers: dict[str, int] = field(default_factory=dict)
    known: set[tuple[str, str]] = field(default_factory=set)
    explained: dict[str, Explanation] = field(default_factory=dict)

    def read(self, source: JsonSource, path: str, *, lines: bool) -> bool:
        """Read a file, as lines or as one value; False if its first line is not JSON."""
        for number, document in enumerate(open_documents(source, lines=lines, check=False)):
            if isinstance(document, Document):
                self._read(document, Location(path, (), 0, document.number))
            elif not number:
                return False
            if self.agent is None and number >= _FOREIGN_LINES:
                break
        return True

    def _read(self, document: Document, location: Location) -> None:
        value = document.value
        form = session_format(value)
        if form is not None and form.name != MESSAGE_ROWS:
            self.agent = self.agent or form.name
            self.add(document, events_in(form.name, value), location)
        elif is_screen(value):
            self.agent = self.agent or _CLINE
            self.add(document, screen_events(value), location)
        elif is_message_file(value):
            self.agent = self.agent or _OPENCODE
            self.add(document, message_events(_OPENCODE, value, "", ""), location)

    def add(
        self,
        document: Document,
        events: Iterator[Noted | Answered],
        location: Location,
        *,
        in_row: bool = False,
    ) -> None:
        """Keep the errors of a document, and which of those before it were answered."""
        for event in events:
            if isinstance(event, Answered):
                self.answers[event.conversation] = self.count
            elif event.identity and (event.conversation, event.identity) in self.known:
                continue  # a copy of an earlier line, or the messages so far once more
            elif error := self._error(document, event, location, in_row=in_row):
                self.known.add((event.conversation, event.identity))
                self.errors.append((self.count, event.conversation, error))
                self.count += 1

    def end(self) -> RecordedErrors:
        """All errors that are kept."""
        kept = tuple(
            error._replace(answered=number < self.answers.get(conversation, 0))
            for number, conversation, error in self.errors
        )
        return RecordedErrors(self.agent, kept, self.count - len(kept))

    def _error(
        self, document: Document, noted: Noted, location: Location, *, in_row: bool
    ) -> RecordedError | None:
        """The error by the text that is understood best; None if it may be about anything, and is unknown."""
        best: tuple[int, Keys, str, Explanation] | None = None
        for keys, string in noted.texts:
            try:
                text = document.text(string, _LONGEST)
            except UnreadableError:  # it is not a valid string
                continue
            text = text[max(text.find(noted.after), 0) :]
            explanation = self._explanation(text)
            grade = max((1 + bool(match.location) for match in explanation.matches), default=0)
            if best is None or grade > best[0]:
                best = (grade, keys, text, explanation)
        if best is None or not (best[0] or noted.certain):
            return None
        _, keys, text, explanation = best
        span = None if in_row else document.spans([keys]).get(keys)
        stated = next((match.status for match in explanation.matches), None)
        return RecordedError(
            agent=self.agent or "",
            location=location.at(*keys),
            line=span.line if span else document.line,
            span=span,
            text=text,
            status=noted.status or stated,
            retried=noted.retried,
            answered=False,
            explanation=explanation,
        )

    def _explanation(self, text: str) -> Explanation:
        found = self.explained.get(text)
        if found is None:
            if len(self.explained) >= _MOST_EXPLAINED:
                del self.explained[next(iter(self.explained))]
            found = self.explained[text] = explain(text)
        return found
