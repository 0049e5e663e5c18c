"""The rules on pixels and text, which decode the images of a text: in a process, once all else is shown."""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TYPE_CHECKING

from imgbudget.editors.checks import CheckedText, EditorNote, EditorStart
from imgbudget.editors.process import EditorProcess
from imgbudget.errors import ImgbudgetError
from imgbudget.imageinfo.remembered import remember_pictures
from imgbudget.linter.options import RunOptions
from imgbudget.linter.selection import on_pixels, on_text
from imgbudget.model.subjects import Finding
from imgbudget.namedtuples import NamedTuple

if TYPE_CHECKING:
    from imgbudget.editors.opened import OpenText
    from imgbudget.editors.server import EditorServer

SECONDS = 120.0
"""Time for the images of one text."""

QUIET = 0.5
"""Seconds after a check from which on its images are decoded, unless the text has changed."""


INTERNAL = "an internal error, which is in the log of the editor"


class PictureTask(NamedTuple):
    """A text whose images are decoded: its name, its bytes, and where the run for it starts."""

    name: str
    data: bytes
    start: EditorStart


class PictureFindings(NamedTuple):
    """The findings that only pixels and text show, and what was not measured or read, each as a clause."""

    findings: tuple[Finding, ...] = ()
    unchecked: tuple[str, ...] = ()


def picture_findings(options: RunOptions, task: PictureTask) -> PictureFindings:
    """Check the images of a text by the rules on pixels and text.

    Raises:
        UsageError: what decodes or reads them is not installed.
    """
    session = task.start.session(options, pictures=True)
    result = session.read_stdin(task.data, task.name, explicit=False)
    codes = {rule.code for rule in session.registry.rules if on_pixels(rule) or on_text(rule)}
    return PictureFindings(
        tuple(finding for finding in result.findings if finding.code in codes),
        result.caveats,
    )


def _make_worker(options: RunOptions) -> "partial[PictureFindings]":
    remember_pictures()
    return partial(picture_findings, options)


class PictureProcess(EditorProcess[PictureTask, PictureFindings]):
    """Decodes the images of one text after another; those that it was given before are remembered."""

    def __init__(self, options: RunOptions) -> None:
        super().__init__(partial(_make_worker, options), SECONDS)

    def check(self, task: PictureTask) -> PictureFindings:
        """What the images of a text show; never raises for what is in it or not installed."""
        try:
            found = self.run(task)
        except ImgbudgetError as error:
            return PictureFindings(unchecked=(str(error),))
        took = f"decoding its images took more than {SECONDS:.0f} s or too much memory"
        return PictureFindings(unchecked=(took,)) if found is None else found


class EditorPictures:
    """Adds what images show to the findings of a text that has not changed since."""

    def __init__(self, server: "EditorServer", process: PictureProcess) -> None:
        self._server = server
        self._process = process
        self._checks = ThreadPoolExecutor(1, "pictures")

    def close(self) -> None:
        """End the process, and all work that has not begun."""
        self._process.stop()
        self._checks.shutdown(wait=False, cancel_futures=True)

    async def look(self, opened: "OpenText", checked: CheckedText) -> None:
        """Look at the images of a text that was checked, after a while, and show what they add."""
        await asyncio.sleep(QUIET)
        task = PictureTask(opened.name, checked.text.data, self._server.sessions.start_of(opened.name))
        # a check under way goes on if the text changes: what its images show is remembered
        try:
            found = await asyncio.get_running_loop().run_in_executor(self._checks, self._process.check, task)
        except Exception as error:  # noqa: BLE001 - reported; the other findings stay
            self._server.log_error(error)
            found = PictureFindings(unchecked=(INTERNAL,))
        # what was said of the text before is not said again
        notes = [EditorNote(f"checked in part: {it}") for it in found.unchecked]
        notes = [note for note in notes if note not in checked.notes]
        if found.findings or notes:
            await self._server.show(opened, checked.with_more(found.findings, notes))
