"""The formats of `check` by name; each is imported when it is used."""

from importlib import import_module

from imgbudget.errors import UsageError
from imgbudget.linter.reporting import Reporter
from imgbudget.output.base import TextStyle

FORMATS = {
    "full": ("imgbudget.output.text", "Full"),
    "concise": ("imgbudget.output.text", "Concise"),
    "json": ("imgbudget.output.json_formats", "JsonV1"),
    "jsonl": ("imgbudget.output.json_formats", "JsonLines"),
    "sarif": ("imgbudget.output.sarif", "Sarif"),
    "github": ("imgbudget.output.github", "GitHub"),
    "gitlab": ("imgbudget.output.gitlab", "GitLab"),
    "junit": ("imgbudget.output.junit", "JUnit"),
    "markdown": ("imgbudget.output.markdown", "Markdown"),
    "rdjson": ("imgbudget.output.rdjson", "RdJson"),
}
"""Format name to the module and class that write it."""

WITH_RULES = frozenset({"sarif"})
"""Formats that contain the pages of the rules."""

WITH_EDITS = frozenset({"sarif", "rdjson"})
"""Formats that show a fix as a text edit."""

IN_REPOSITORY = frozenset({"github", "gitlab", "sarif"})
"""Formats that servers read, which look for files from the root of the repository."""

WITH_TRIALS = frozenset({"markdown"})
"""Formats that show what fixes would make of an image, which takes an encoding."""


def make_reporter(name: str, style: TextStyle) -> Reporter:
    """The reporter of a format.

    Raises:
        UsageError: there is no such format.
    """
    if name not in FORMATS:
        raise UsageError(f"unknown format {name!r}; known are {', '.join(FORMATS)}")
    module, cls = FORMATS[name]
    made: Reporter = getattr(import_module(module), cls)(style)
    made.key = f"{name} {style!r}"
    return made
