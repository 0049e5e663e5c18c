"""Rendering results: the protocols of reporters and outputs, and fragments of output merged in order."""

from collections.abc import Sequence
from typing import Protocol

from imgbudget.model.results import FileResult, Summary

Fragment = tuple[str, ...]
"""The output for some files: one text per section of the format, empty if the section has nothing."""


class Reporter(Protocol):
    """One output format: a head, one fragment per file in the order of the files, and a foot.

    `render` has no side effects and may run in a worker; `add` is called in order, in the main process.
    """

    separators: tuple[str, ...]
    """The text between two fragments of a section, one per section."""

    takes_parts: bool = False
    """Whether it accepts the results of a long file in parts."""

    shows_parts: bool = False
    """Whether its output depends on how a long file is divided into parts."""

    key: str = ""
    """What `render` depends on besides the result; empty where that is not known."""

    def begin(self) -> str:
        """The text before all results."""

    def render(self, result: FileResult) -> Fragment:
        """The output for one file."""

    def add(self, fragment: Fragment, /) -> str:
        """The text that can be shown once this fragment is added."""

    def end(self, summary: Summary) -> str:
        """The text after all results."""


class RunOutput(Protocol):
    """A reporter and the destination of its text."""

    @property
    def reporter(self) -> Reporter:
        """The format."""

    def write(self, text: str) -> None:
        """Write more text, which may be empty."""

    def close(self) -> None:
        """Finish the output. Raises UsageError: it cannot be written."""


def merge(separators: tuple[str, ...], fragments: Sequence[Fragment]) -> Fragment:
    """Fragments in order, as one."""
    return tuple(
        separator.join([text for text in texts if text])
        for separator, texts in zip(separators, zip(*fragments, strict=True), strict=True)
    )
