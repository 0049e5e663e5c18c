"""Where output goes: standard output, files written whole at the end, and progress lines on a terminal."""

import os
import sys
from codecs import getincrementaldecoder
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from io import TextIOWrapper
from time import monotonic
from typing import TYPE_CHECKING, TextIO

from imgbudget.config.suggest import nearest
from imgbudget.errors import UsageError, os_error_text
from imgbudget.namedtuples import NamedTuple
from imgbudget.output.base import TextTable, figure
from imgbudget.printable import joined, one_line

if TYPE_CHECKING:
    from imgbudget.auditing.work import PartitionSummary


def show(text: str, *, aside: bool = False) -> None:
    """Write text to standard output, or `aside` to standard error: all that is printed comes through here.

    The text is finished: made of lines by `imgbudget.printable`, or in a format for other programs.
    """
    (sys.stderr if aside else sys.stdout).write(text)


def show_in_place(line: str) -> None:
    """A line of progress on standard error, which the next one replaces; an empty one makes room for text."""
    sys.stderr.write(f"\r{one_line(line)}\x1b[K")
    sys.stderr.flush()


def wants_colour(choice: str, stream: TextIO) -> bool:
    """Whether text on a stream is coloured: as asked, else by NO_COLOR and FORCE_COLOR, else on a terminal.

    Of both, NO_COLOR wins, as in Python; empty values do not count (no-color.org, force-color.org).
    """
    if choice != "auto":
        return choice == "always"
    if os.environ.get("NO_COLOR"):
        return False
    if os.environ.get("FORCE_COLOR", "0") not in {"", "0"}:
        return True
    return os.environ.get("TERM") != "dumb" and stream.isatty()


def terminal_columns(stream: TextIO) -> int | None:
    """The columns of the terminal that a stream is, or those of COLUMNS; None if it is no terminal."""
    if not stream.isatty():
        return None
    if (given := os.environ.get("COLUMNS", "")).isdecimal() and int(given):
        return int(given)
    try:
        return os.get_terminal_size(stream.fileno()).columns or None
    except (OSError, ValueError):  # no terminal after all, or no file
        return None


class Format(NamedTuple):
    """A format, and the file that it is written to; None for standard output."""

    name: str
    file: str | None


_FULL = {"text": "full", "line": "full"}
"""Other names of the text format: what other tools call it, and what `status` did in 0.1."""


def chosen_formats(given: Sequence[str], known: Sequence[str]) -> list[Format]:
    """The formats of `--format FORMAT[:FILE]`; without any, the first of those that are known.

    The text format is `full` in all commands, and `text` means the same.

    Raises:
        UsageError: a format is unknown, has no file after its colon, or two go to standard output.
    """
    formats = [_format(text) for text in given] or [Format(known[0], None)]
    formats = [Format(_FULL.get(name, name), file) for name, file in formats]
    if sum(file is None for _, file in formats) > 1:
        raise UsageError(
            "two formats cannot both go to standard output; give all but one a file: --format json:FILE"
        )
    for name, _ in formats:
        if name not in known:
            near = nearest(name, known)
            hint = f"; did you mean {near}?" if near else ""
            raise UsageError(f"unknown format {name!r}; known are {', '.join(known)}{hint}")
    return formats


def _format(text: str) -> Format:
    name, colon, file = text.partition(":")
    if colon and not file:
        raise UsageError(f"--format {text}: a file name is missing after the colon")
    return Format(name, file or None)


def write_formats(
    formats: Iterable[Format],
    color: str,
    *,
    text: Callable[[bool], str],
    document: Callable[[], object],
    aside: bool = False,
) -> None:
    """Write each format: `document` as JSON, and else `text`, called with whether to use colour.

    `aside` sends to standard error what would go to standard output.
    """
    for name, file in formats:
        sink = Sink(file, aside=aside)
        if name == "json":
            from imgbudget.output.records import indented  # noqa: PLC0415 - format

            sink.write(indented(document()))
        else:
            with fitted_to(None if file is not None else sys.stderr if aside else sys.stdout):
                sink.write(text(file is None and wants_colour(color, sys.stdout)))
        sink.close()


@contextmanager
def fitted_to(stream: TextIO | None) -> Iterator[None]:
    """Fit tables to where they go: the columns of a terminal and the characters of its encoding.

    Without a stream they go to a file, which has all characters and lines of any length.
    """
    if stream is not None:
        TextTable.most, TextTable.encoding = terminal_columns(stream), stream.encoding
    try:
        yield
    finally:
        TextTable.most = TextTable.encoding = None


class Sink:
    """One place where text goes: standard output at once, or a file when all is said.

    `aside` sends to standard error what would go to standard output, where that is taken. `named` is whether
    the user named the file: only then is a link followed.
    """

    def __init__(self, file: str | None = None, *, aside: bool = False, named: bool = True) -> None:
        self.file = file
        self.named = named
        self.aside = aside
        self._parts: list[str] = []

    def write(self, text: str) -> None:
        """Take a piece of text."""
        if not text:
            return
        if self.file is None:
            show(text, aside=self.aside)
        else:
            self._parts.append(text)

    def close(self) -> None:
        """Write the file, whole or not at all: into a neighbour first, which then takes its name.

        What is no regular file (a device, a pipe) is written to and never replaced.
        """
        if self.file is None:
            return
        with whole_file(self.file, named=self.named) as out:
            out.writelines(self._parts)


@contextmanager
def whole_file(file: str, *, named: bool = True) -> Iterator[TextIO]:
    """A text file that is written whole or not at all, as `Sink.close` says.

    `named` is whether the user named it; a link is followed only then.

    Raises:
        UsageError: it cannot be written.
    """
    from imgbudget.newfiles import whole_file as whole  # noqa: PLC0415 - rare

    try:
        with whole(file, follow=named) as out:
            text = TextIOWrapper(out, encoding="utf-8", errors="backslashreplace", newline="\n")
            yield text
            text.flush()
            text.detach()
    except OSError as error:
        raise UsageError(f"{file}: cannot be written: {os_error_text(error)}") from error


def refuse_replaced(written: Iterable[str], read: Iterable[str]) -> None:
    """Refuse output into a file that is read, and into one that no report can be: it would be lost.

    Raises:
        UsageError: a file is both read and written, or is no text.
    """
    files = {file: target for file in written if (target := _existing(file)) is not None}
    for path in read if files else ():
        for file, target in files.items():
            if os.path.exists(path) and os.path.samefile(target, path):
                raise UsageError(f"{file}: is read by this command, and its output would replace it")
    for file, target in files.items():
        if not _is_text(target):
            raise UsageError(
                f"{file}: is not text, as all output is, and would be replaced; name another file"
            )


def _existing(name: str) -> str | None:
    """The path without links of the file of this name, if there is one."""
    try:
        target = os.path.realpath(name)
    except ValueError:  # a null character or a lone surrogate
        return None
    return target if os.path.isfile(target) else None


_HEAD = 4096
"""Bytes from the beginning of a file that decide whether it is text."""


def _is_text(path: str) -> bool:
    """Whether a file is UTF-8 text, by its beginning; True if it cannot be read."""
    try:
        with open(path, "rb") as file:
            head = file.read(_HEAD)
        getincrementaldecoder("utf-8")().decode(head)  # a character may be cut off at the end
    except UnicodeDecodeError:
        return False
    except OSError:
        return True
    return b"\0" not in head


def say(text: str) -> None:
    """A line for people, beside the results."""
    say_lines([text])


def say_lines(lines: Iterable[str]) -> None:
    """Lines for people that belong together, beside the results."""
    show(joined([f"imgbudget: {line}" for line in lines]), aside=True)


def say_warnings(notes: Iterable[str]) -> None:
    """A warning for each of these notes."""
    for note in notes:
        say(f"warning: {note}")


_PATIENCE = 0.5
_STEP = 0.1
_ESTIMATED = 2
"""Seconds from which on the time left is estimated."""


def time_left(done: int, total: int | None, seconds: float) -> str:
    """How long the rest will take at the rate so far, as a clause; empty without a total, or too early."""
    if total is None or not 0 < done <= total or seconds < _ESTIMATED:
        return ""
    left = round(seconds / done * (total - done))
    if left < 60:
        return f", about {left} s left"
    if left < 3600:
        return f", about {left // 60} min {left % 60} s left"
    return f", about {left // 3600} h {left % 3600 // 60} min left"


class Progress:
    """Counts files on standard error, from half a second on, and never between two lines of results.

    It is shown on a terminal only. `noun` is what is counted.
    """

    def __init__(self, *, wanted: bool, noun: str = "files") -> None:
        self._wanted = wanted and sys.stderr.isatty()
        self._noun = noun
        self._begun = monotonic()
        self._next = self._begun + _PATIENCE
        self._shown = False

    @property
    def listener(self) -> Callable[[int, int | None], None] | None:
        """What a run calls; None if nothing is shown, for which it need not count its files in advance."""
        return self.at if self._wanted else None

    def at(self, done: int, total: int | None = None) -> None:
        """So many are done, of a total if that is known."""
        now = monotonic()
        if self._wanted and now >= self._next:
            self._next = now + _STEP
            self._shown = True
            of_all = "" if total is None else f" of {figure(total)}"
            show_in_place(f"{figure(done)}{of_all} {self._noun}{time_left(done, total, now - self._begun)}")

    def clear(self) -> None:
        """Make room for other text."""
        if self._shown:
            self._shown = False
            show_in_place("")


_AUDIT_PATIENCE = 0.5
_AUDIT_STEP = 0.1


class AuditProgress:
    """Tells images, their rate and the time left on standard error, from half a second on."""

    def __init__(self, *, wanted: bool) -> None:
        self._wanted = wanted and sys.stderr.isatty()
        self._begun = monotonic()
        self._next = self._begun + _AUDIT_PATIENCE
        self._shown = False

    @property
    def wants_total(self) -> bool:
        """Whether the number of partitions is to be found out in advance."""
        return self._wanted

    def at(self, summary: "PartitionSummary", total: int | None = None, reused: int = 0) -> None:
        """So much is done, of a total of partitions if that is known; `reused` of them took no time."""
        now = monotonic()
        if not self._wanted or now < self._next:
            return
        self._next = now + _AUDIT_STEP
        self._shown = True
        rate = summary.images / (now - self._begun)
        errors = f", {figure(summary.errors)} errors" if summary.errors else ""
        done = f"{figure(summary.images)} images, {figure(round(rate))} per second"
        left = None if total is None else total - reused
        time = time_left(summary.partitions - reused, left, now - self._begun)
        text = f"{done}, {summary.byte_size / 1e9:,.2f} GB{errors}{time}"
        show_in_place(text)

    def clear(self) -> None:
        """Make room for other text."""
        if self._shown:
            self._shown = False
            show_in_place("")
