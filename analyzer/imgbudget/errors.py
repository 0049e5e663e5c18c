"""Every exception that imgbudget raises on purpose.

ImgbudgetError
├── UsageError          the call asks for what is not there: a path, a rule code, a format
├── ConfigError         a configuration file that cannot be taken, all its mistakes at once
├── LimitsError         limits data that cannot be taken
├── PackError           a rule pack that cannot be loaded
├── AuditError          an audit that cannot vouch for its numbers: rows were lost or doubled
├── UnreadableError     an input that cannot be read; the engine turns it into a finding or a named skip
├── FixError            an image that cannot be edited as planned
├── LiveError           what the API, or a server before it, answered is no result
├── GuardError          a request that the guard did not let out, because the API would refuse it
└── WriteError          an output that cannot be written; what stood there stands there still
"""

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from imgbudget.model.subjects import Finding


class ImgbudgetError(Exception):
    """The root: what `except imgbudget.ImgbudgetError` catches."""


class UsageError(ImgbudgetError):
    """The caller asks for something that does not exist."""


class ConfigProblem(NamedTuple):
    """One mistake in a configuration: where it stands, what is wrong and what would be right.

    `line` is 1-based, None where the file as a whole is meant.
    """

    path: str
    line: int | None
    message: str

    def __str__(self) -> str:
        location = self.path if self.line is None else f"{self.path}:{self.line}"
        return f"{location}: {self.message}"


class ConfigError(ImgbudgetError):
    """A configuration with one or more mistakes; all of them are in `problems`."""

    def __init__(self, problems: tuple[ConfigProblem, ...]) -> None:
        self.problems = problems
        super().__init__("\n".join(str(problem) for problem in problems))


class LimitsError(ImgbudgetError):
    """Limits data that is malformed or names an unknown tier, model or platform."""


class PackError(ImgbudgetError):
    """A rule pack that cannot be imported, or holds a doubled code."""


class AuditError(ImgbudgetError):
    """An audit in which not every row that was met is on disk exactly once."""


class UnreadableError(ImgbudgetError):
    """An input that cannot be read; the text says why, as a clause without the path."""


class FixError(ImgbudgetError):
    """An image that cannot be edited as planned; the text says why, as a clause without the path."""


class LiveError(ImgbudgetError):
    """What the API, or a server before it, answered is no result; the text holds no key."""


class GuardError(ImgbudgetError):
    """A request that the guard did not let out; the text names block, rule and remedy of each finding."""

    def __init__(self, text: str, findings: "tuple[Finding, ...]" = ()) -> None:
        self.findings = findings
        super().__init__(text)


class WriteError(ImgbudgetError):
    """An output that cannot be written; the text names the path and says why. Nothing was changed."""


def os_error_text(error: OSError) -> str:
    """The operating system's reason, as a clause in lower case without the path."""
    return (error.strerror or str(error)).lower()
