"""Which image of a group of copies is kept, and in which file that is listed."""

from enum import StrEnum

from imgbudget.errors import UsageError

LIST_FORMATS = (".csv", ".jsonl")
"""The suffixes of lists of copies, which name their formats."""


class Keep(StrEnum):
    """Which image of a group is kept; of equal ones the first in the order of the report."""

    FIRST = "first"
    SHARPEST = "sharpest"
    LARGEST = "largest"
    SHORTEST_PATH = "shortest-path"
    LEAST_TOKENS = "least-tokens"


def require_list(file: str | None, policy: str | None, *, measured: bool) -> None:
    """Check the options of a list of copies before anything is read; `measured`: the pixels of images are.

    Raises:
        UsageError: its suffix names no format, a policy has no list, or it needs what is not measured.
    """
    if file is None:
        if policy is not None:
            raise UsageError("--keep needs --dedupe-list")
        return
    if not file.lower().endswith(LIST_FORMATS):
        raise UsageError(f"--dedupe-list {file}: name a file with the suffix {' or '.join(LIST_FORMATS)}")
    if policy == Keep.SHARPEST and not measured:
        raise UsageError("--keep sharpest needs --pixels, which measures how sharp images are")
