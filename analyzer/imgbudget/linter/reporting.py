"""How results become text: what a reporter is, and fragments of output that are merged in order."""

from collections.abc import Sequence
from typing import Protocol

from imgbudget.model.results import FileResult, Summary

Fragment = tuple[str, ...]
"""What is said of some files: a text for each section of the format, empty where nothing is said."""


class Reporter(Protocol):
    """Turns results into text as they come: a head, pieces in the order of the files, a foot.

    `render` keeps nothing and may run in another process; `add` takes pieces in order, where they are shown.
    """

    joints: tuple[str, ...]
    """What stands between two texts of the same section, a section each."""

    takes_parts: bool = False
    """Whether it may be given the results of a long file part by part."""

    shows_parts: bool = False
    """Whether its text is in another order when a long file is divided into other parts."""

    def begin(self) -> str:
        """What stands before everything."""

    def render(self, result: FileResult) -> Fragment:
        """What is said of one file."""

    def add(self, piece: Fragment) -> str:
        """The text that can be shown now that this piece has come."""

    def end(self, summary: Summary) -> str:
        """What stands after everything."""


def merge(joints: tuple[str, ...], pieces: Sequence[Fragment]) -> Fragment:
    """Several pieces in order as one."""
    return tuple(
        joint.join([text for text in texts if text])
        for joint, texts in zip(joints, zip(*pieces, strict=True), strict=True)
    )
