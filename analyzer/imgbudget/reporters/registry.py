"""The formats of `check`, by name; each is loaded when it is asked for."""

from importlib import import_module

from imgbudget.errors import UsageError
from imgbudget.reporters.base import Style
from imgbudget.session.reporting import Reporter

FORMATS = {
    "full": ("imgbudget.reporters.full", "Full"),
    "concise": ("imgbudget.reporters.concise", "Concise"),
    "json": ("imgbudget.reporters.json_v1", "JsonV1"),
    "jsonl": ("imgbudget.reporters.jsonl", "JsonLines"),
    "sarif": ("imgbudget.reporters.sarif", "Sarif"),
    "github": ("imgbudget.reporters.github", "GitHub"),
    "gitlab": ("imgbudget.reporters.gitlab", "GitLab"),
    "junit": ("imgbudget.reporters.junit", "JUnit"),
    "markdown": ("imgbudget.reporters.markdown", "Markdown"),
    "rdjson": ("imgbudget.reporters.rdjson", "RdJson"),
}
"""Format name to the module and class that write it."""

WITH_RULES = frozenset({"sarif"})
"""Formats that carry the pages of the rules."""

WITH_EDITS = frozenset({"sarif", "rdjson"})
"""Formats that show a fix as a change of the text."""


def make_reporter(name: str, style: Style) -> Reporter:
    """The reporter of a format.

    Raises:
        UsageError: there is no such format.
    """
    if name not in FORMATS:
        raise UsageError(f"unknown format {name!r}; known are {', '.join(FORMATS)}")
    module, cls = FORMATS[name]
    made: Reporter = getattr(import_module(module), cls)(style)
    return made
