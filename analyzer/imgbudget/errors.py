"""Every exception that imgbudget raises on purpose.

ImgbudgetError
├── UsageError          an argument names something that does not exist: a path, a rule code, a format
├── ConfigError         an invalid configuration, with all its mistakes
├── LimitsError         invalid limits data
├── PackError           a rule pack that cannot be loaded
├── AuditError          an audit whose numbers would be wrong: rows were lost or duplicated
├── UnreadableError     an input that cannot be read; it becomes a finding, or a skip with a reason
├── FixError            an image that cannot be edited as planned
├── LiveError           the API, or a server in front of it, did not return a result
├── GuardError          a request that the guard did not send, because the API would reject it
└── WriteError          an output that cannot be written; an existing file is unchanged
"""

from typing import TYPE_CHECKING

from imgbudget.namedtuples import NamedTuple

if TYPE_CHECKING:
    from imgbudget.model.subjects import Finding


class ImgbudgetError(Exception):
    """The base class of all errors of imgbudget; several texts are several lines."""

    def __str__(self) -> str:
        return "\n".join(self.lines)

    @property
    def lines(self) -> tuple[str, ...]:
        """The lines of the error: a line break inside one is part of what it quotes."""
        return tuple(map(str, self.args))


class UsageError(ImgbudgetError):
    """An argument names something that does not exist, or arguments contradict each other."""


class ConfigProblem(NamedTuple):
    """One mistake in a configuration: its position, what is wrong and what would be right.

    `line` is 1-based, None for the file as a whole.
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
        super().__init__(*map(str, problems))

    def __reduce__(self) -> "tuple[type[ConfigError], tuple[tuple[ConfigProblem, ...]]]":
        return ConfigError, (self.problems,)  # from a worker process too


class LimitsError(ImgbudgetError):
    """Limits data that is malformed or names an unknown tier, model or platform."""


class PackError(ImgbudgetError):
    """A rule pack that cannot be imported, or has a code that is already taken."""


class AuditError(ImgbudgetError):
    """An audit in which not every row that was read is on disk exactly once."""


class UnreadableError(ImgbudgetError):
    """An input that cannot be read; the text says why, as a clause without the path."""


class FixError(ImgbudgetError):
    """An image that cannot be edited as planned; the text says why, as a clause without the path."""


class LiveError(ImgbudgetError):
    """The API, or a server in front of it, did not return a result; the text holds no key."""


class GuardError(ImgbudgetError):
    """A request that the guard did not send; the text names block, rule and remedy of each finding."""

    def __init__(self, text: str, findings: "tuple[Finding, ...]" = ()) -> None:
        self.findings = findings
        super().__init__(text)


class WriteError(ImgbudgetError):
    """An output that cannot be written; the text names the path and says why. Nothing was changed."""


NO_FILE = "no such file or folder"
"""How every command says that a path does not exist."""

IS_FOLDER = "is a folder, not a file"
"""How every command says that a path is none of a file."""


def os_error_text(error: OSError) -> str:
    """The operating system's reason, as a clause in lower case without the path."""
    if isinstance(error, FileNotFoundError):
        return NO_FILE
    if isinstance(error, IsADirectoryError):
        return IS_FOLDER
    return (error.strerror or str(error)).lower()


def why_unread(error: OSError) -> str:
    """Why a file could not be read, as a clause behind its name."""
    if isinstance(error, FileNotFoundError):
        return NO_FILE
    return f"cannot be read: {os_error_text(error)}"
