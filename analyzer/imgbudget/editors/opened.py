"""A text that is open in the editor."""

from typing import TYPE_CHECKING

from imgbudget.editors.text import EditorText

if TYPE_CHECKING:
    import asyncio

    from lsprotocol import types

    from imgbudget.editors.checks import CheckedText


class OpenText:
    """Its last version, its last check with what is shown of it, and the check under way.

    `checks` counts the checks that have ended, `looking` decodes the images of the last one.
    """

    def __init__(self, uri: str, name: str, version: int | None, text: EditorText) -> None:
        self.uri: str = uri
        self.name: str = name
        self.version: int | None = version
        self.text: EditorText = text
        self.checked: CheckedText | None = None
        self.shown: list[types.Diagnostic] = []
        self.problems: dict[str, list[types.Diagnostic]] = {}
        self.task: asyncio.Task[None] | None = None
        self.looking: asyncio.Task[None] | None = None
        self.checks: int = 0
        self.seconds: float = 0.0

    def stop(self) -> None:
        """End the check under way."""
        for task in (self.task, self.looking):
            if task is not None:
                task.cancel()
        self.looking = None
