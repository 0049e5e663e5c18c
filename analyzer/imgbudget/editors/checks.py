"""The check of a text in an editor: as that of standard input by a run in the folder that is open."""

import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from functools import cached_property

from imgbudget.config.load import PYPROJECT, YAML_NAMES, folder_of, repository_of
from imgbudget.config.settings import Settings
from imgbudget.editors.text import EditorText, TextPlace
from imgbudget.errors import ConfigError, ConfigProblem, ImgbudgetError, UnreadableError
from imgbudget.fixing.imagebytes import image_bytes
from imgbudget.imageinfo.decoding import thumbnail_of
from imgbudget.linter.options import RunOptions
from imgbudget.linter.rule_sets import PathRules
from imgbudget.linter.run import Session
from imgbudget.linter.spans import spans_of
from imgbudget.model.location import Location, Span
from imgbudget.model.results import FileResult, ImageResult, RequestResult
from imgbudget.model.subjects import Finding, ProbeField
from imgbudget.namedtuples import NamedTuple
from imgbudget.output.base import count
from imgbudget.output.editors import image_card, unread_line

MOST_BYTES = 64 << 20
"""Bytes of a text from which on it is not checked: twice what any API takes."""

MOST_IMAGE_BYTES = 32 << 20
"""Bytes of an image from which on no thumbnail of it is made."""

MOST_CARDS = 5
"""Images that are shown of a text that has several."""

_MOST_SESSIONS = 64

CONFIG_NAMES = (*YAML_NAMES, PYPROJECT)
"""The names of files that may hold the settings of their folder."""

State = tuple[tuple[str, int, int, int], ...]
"""The configuration files that may apply to a folder, each with time, size and number on disk."""


class EditorStart(NamedTuple):
    """The folder whose configuration is that of the run for a text; rule packs that it names are code.

    Without `packs` they are not loaded: nobody has opened the folder, or said that it is a project.
    """

    folder: str
    packs: bool = True

    def session(self, options: RunOptions, *, pictures: bool = False) -> Session:
        """The session of a run there, in which the configurations below count as they do for `check`.

        Images are decoded only with `pictures`, if options or configuration ask for that.
        """
        if not pictures:
            options = options._replace(pixels=False, text=False)
        return Session(options._replace(nested=True), start=self.folder, packs=self.packs)


def start_of(path: str, roots: Iterable[str]) -> EditorStart:
    """Where a run starts for a file: the innermost of the folders that are open in the editor around it.

    Without one it is the repository of the file, and without that its own folder, without rule packs.
    """
    own = folder_of(os.path.dirname(path))
    with suppress(ValueError):  # a NUL in the name: no such folder
        around = [folder for root in roots if (folder := _around(path, root)) is not None]
        if around:
            return EditorStart(max(around, key=len))
        if (repository := repository_of(own)) is not None:
            return EditorStart(_around(path, repository) or repository)
    return EditorStart(own, packs=False)


def _around(path: str, folder: str) -> str | None:
    """A folder as the path of a file below it spells it, links and all; None if the file is elsewhere."""
    real, here = os.path.realpath(folder), folder_of(os.path.dirname(path))
    while os.path.realpath(here) != real:
        parent = os.path.dirname(here)
        if parent == here:
            return None
        here = parent
    return here


class EditorSessions:
    """The sessions of a server: one for each folder with texts, until a file of its configuration changes.

    `roots` are the folders that are open in the editor. `on_note` receives notes on configurations, each once
    until they are read again.
    """

    def __init__(
        self,
        options: RunOptions,
        on_note: Callable[[str], None] = lambda _: None,
        roots: Sequence[str] = (),
    ) -> None:
        self.options = options
        self.roots: tuple[str, ...] = tuple(roots)
        self._on_note = on_note
        self._noted: set[str] = set()
        self._known: dict[tuple[EditorStart, str], tuple[State, Session]] = {}

    def start_of(self, path: str) -> EditorStart:
        """Where the run for a file starts."""
        return start_of(path, self.roots)

    def at(self, path: str) -> Session:
        """The session for a file.

        Raises:
            ImgbudgetError: a configuration that holds for it has mistakes, or names what does not exist.
        """
        key = start, folder = self.start_of(path), folder_of(os.path.dirname(path))
        known = self._known.get(key)
        if known is not None and known[0] == _state(folder, start, known[1]):
            return known[1]
        self._known.pop(key, None)
        session = start.session(self.options)
        session.context.at(path)  # with the configurations between the two folders, their mistakes and notes
        if len(self._known) >= _MOST_SESSIONS:
            self._known.clear()
        self._known[key] = _state(folder, start, session), session
        for note in session.notes:
            if note not in self._noted:
                self._noted.add(note)
                self._on_note(note)
        return session

    def forget(self) -> None:
        """Read all configurations again: a file of one has changed."""
        self._known.clear()
        self._noted.clear()


def _state(folder: str, start: EditorStart, session: Session) -> State:
    """What is on disk of the files that decide which settings apply; changed files are noticed by it."""
    parts = {path for path in (session.options.config_file, session.options.limits_file) if path}
    for context in session.contexts:
        settings = context.paths.settings
        named = (settings.source, settings.limits, settings.baseline)
        listed = (*(it.path for it in settings.overrides), *(it.path for it in settings.ignores))
        parts.update(path for path in (*named, *listed) if path)
    for inner in {folder, start.folder}:
        above: str | None = None
        here = inner
        while here != above:
            parts.update(os.path.join(here, name) for name in CONFIG_NAMES)
            above, here = here, os.path.dirname(here)
    found = []
    for path in sorted(parts):
        try:
            there = os.stat(path)
        except (OSError, ValueError):
            continue
        found.append((path, there.st_mtime_ns, there.st_size, there.st_ino))
    return tuple(found)


class EditorNote(NamedTuple):
    """What is said of a text as a whole: why it was not checked, or not all of it."""

    message: str
    is_error: bool = False


class CheckedText:
    """A text that was checked: its findings, and what is shown beside it.

    `result` is None if it could not be checked; `problems` are the mistakes in the configuration if that is
    why. `settings` are those that hold for it, None if they are not known. `asks_for_pictures`: rules on
    pixels or text are to run, which have not yet.
    """

    def __init__(  # noqa: PLR0913 - what a check comes to
        self,
        name: str,
        text: EditorText,
        result: FileResult | None = None,
        *,
        notes: Sequence[EditorNote] = (),
        problems: Sequence[ConfigProblem] = (),
        settings: Settings | None = None,
        asks_for_pictures: bool = False,
    ) -> None:
        self.name = name
        self.text = text
        self.result = result
        self.notes: tuple[EditorNote, ...] = tuple(notes)
        self.problems: tuple[ConfigProblem, ...] = tuple(problems)
        self.settings = settings
        self.asks_for_pictures: bool = asks_for_pictures

    def with_more(self, findings: Iterable[Finding], notes: Iterable[EditorNote]) -> "CheckedText":
        """The same with findings behind the others, whose numbers stay, and notes."""
        result = self.result
        if result is not None:
            result = result._replace(findings=(*result.findings, *findings))
        return CheckedText(
            self.name,
            self.text,
            result,
            notes=(*self.notes, *notes),
            problems=self.problems,
            settings=self.settings,
        )

    @property
    def findings(self) -> tuple[Finding, ...]:
        """The findings, in the order of the text."""
        return self.result.findings if self.result else ()

    @property
    def requests(self) -> Iterator[tuple[TextPlace, RequestResult]]:
        """The requests with images, each with the beginning of its first line."""
        for request in self.result.requests if self.result else ():
            if request.request.images:
                yield TextPlace(max(request.request.line - 1, 0), 0), request

    def range_of(self, span: Span | None) -> tuple[TextPlace, TextPlace]:
        """Where something is: the beginning of the text without a span."""
        if span is None:
            return TextPlace(0, 0), TextPlace(0, 0)
        return self.text.place(span.start), self.text.place(span.end)

    def between(self, first: TextPlace, last: TextPlace) -> Iterator[tuple[int, Finding]]:
        """The findings, by their number, that touch a range of the text."""
        for number, finding in enumerate(self.findings):
            start, end = self.range_of(finding.span)
            if start <= last and first <= end:
                yield number, finding

    @cached_property
    def image_spans(self) -> Mapping[Location, Span]:
        """Where the images and their blocks are, as far as that is known."""
        images = self.result.images if self.result else ()
        locations = [place for image in images for place in _places(image.use.location)]
        try:
            return spans_of(locations, self.name, self.text.data) if locations else {}
        except (OSError, UnreadableError):
            return {}

    def images_at(self, place: TextPlace) -> tuple[list[ImageResult], Span] | None:
        """The image whose block is at a position; several, if they are in one text that is no JSON itself."""
        at, span = self.text.offset(place), None
        images: list[ImageResult] = []
        for image in self.result.images if self.result else ():
            for location in _places(image.use.location):
                here = self.image_spans.get(location)
                # of those inside one another, the innermost
                if here is None or not here.start <= at <= here.end:
                    continue
                if span is None or here.end - here.start < span.end - span.start:
                    images, span = [image], here
                elif here == span and images[-1] is not image:
                    images.append(image)
        return None if span is None else (images, span)

    def card(self, images: Sequence[ImageResult], *, plain: bool = False) -> str:
        """What is shown of images; a small copy of a single one is made by the process that decodes."""
        if len(images) > 1:
            cards = [image_card(image, plain=plain) for image in images[:MOST_CARDS]]
            more = len(images) - len(cards)
            return "\n\n".join([*cards, *([f"and {count(more, 'more image')}"] if more else [])])
        (image,) = images
        picture = ""
        facts = image.use.facts
        if not plain and facts is not None and facts.damage is None:
            uses = image_bytes(self.name, [image.use], most=MOST_IMAGE_BYTES, text=self.text.data)
            picture = next((thumbnail_of(data) for _, data in uses if isinstance(data, bytes)), "")
        return image_card(image, picture, plain=plain)


def _places(location: Location) -> Iterator[Location]:
    """The location of an image, and of the item of a list that it is in: its block."""
    yield location
    keys = location.keys or ()
    if location.outer_depth == 0 and keys and isinstance(keys[-1], str):
        last = max((at for at, key in enumerate(keys) if isinstance(key, int)), default=None)
        if last is not None:
            yield location._replace(keys=keys[: last + 1])


def check_text(sessions: EditorSessions, name: str, text: EditorText) -> CheckedText:
    """Check a text as the file of that name; never raises for what is in it or in the configuration."""
    if len(text.data) > MOST_BYTES:
        size, most = len(text.data) >> 20, MOST_BYTES >> 20
        reason = (
            f"the text has {size} MB, and at most {most} MB are checked in an editor; run imgbudget check"
        )
        return CheckedText(name, text, notes=[EditorNote(unread_line(reason))])
    try:
        session = sessions.at(name)
        settings = session.context.at(name).paths.settings
    except ConfigError as error:
        first = error.problems[0]
        note = EditorNote(unread_line(f"the configuration has mistakes: {first}"), is_error=True)
        return CheckedText(name, text, notes=[note], problems=error.problems)
    except ImgbudgetError as error:
        return CheckedText(name, text, notes=[EditorNote(unread_line(str(error)), is_error=True)])
    if os.path.isfile(name) and session.why_left_out(name) is not None:  # a folder would be searched
        return CheckedText(name, text)
    result = session.read_stdin(text.data, name, explicit=False)
    reasons = [unread_line(result.skipped)] if result.skipped is not None and result.missed else []
    notes = [
        EditorNote(reason) for reason in (*reasons, *(f"checked in part: {it}" for it in result.caveats))
    ]
    pictures = bool(result.images) and _asks_for_pictures(sessions.options, session, name)
    return CheckedText(name, text, result, notes=notes, settings=settings, asks_for_pictures=pictures)


def _asks_for_pictures(options: RunOptions, session: Session, path: str) -> bool:
    """Whether options or configuration ask for rules on pixels or text, by a switch or by their names."""
    own = session.context.at(path).paths
    choice = own.choice._replace(pixels=options.pixels, text=options.text)
    asked = PathRules(own.rules, own.settings, choice).runner(path)
    return bool(asked.rules.needs & (ProbeField.PIXELS | ProbeField.TEXT).value)
