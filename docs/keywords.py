"""Options of commands with another name in the functions of Python, or none; for the page and a test."""

from typing import NamedTuple


class Difference(NamedTuple):
    """Options of some commands, of all without names, and the keyword in Python; or why there is none."""

    options: tuple[str, ...]
    commands: tuple[str, ...]
    keyword: str
    note: str = ""


FUNCTIONS = {
    "audit": ("audit",),
    "check": ("check", "fix"),
    "coords": ("coords",),
    "crop": ("crop",),
    "explain": ("explain",),
    "legible": ("legible",),
    "plan": ("plan",),
    "rescue": ("rescue",),
    "size": ("size",),
    "split": ("split",),
    "tiles": ("tiles",),
}
"""The functions that give what a command gives."""

DIFFERENCES = (
    Difference(
        ("--format", "--color", "--quiet", "--verbose", "--no-progress"),
        (),
        "",
        "nothing is printed: `to_dict()` is the document",
    ),
    Difference(("--files-from",), (), "", "the paths are a list"),
    Difference(
        ("--fail-on", "--fail-on-unread", "--fail-over", "--exit-zero", "--exit-non-zero-on-fix"),
        ("check", "audit"),
        "",
        "there is no exit code: findings, `summary.comparison`, `missed` and `unread` are in the report",
    ),
    Difference(("--fix",), ("check",), "", "`imgbudget.fix`"),
    Difference(("--unsafe-fixes",), ("check", "plan"), "unsafe"),
    Difference(("--fix-level",), ("check",), "level"),
    Difference(("--diff",), ("check",), "dry_run"),
    Difference(("--diff",), ("plan",), "", "nothing is written without `apply`"),
    Difference(("--report",), ("check", "plan", "rescue"), "", "the changes are in the report"),
    Difference(("--no-ignores",), ("check", "audit"), "use_ignores"),
    Difference(("--no-baseline",), ("check",), "use_baseline"),
    Difference(("--jobs",), ("check",), "", "the results are objects of this process"),
    Difference(("--show-files",), ("check",), "", "`imgbudget.Session(…).files`"),
    Difference(("--show-settings",), ("check",), "", "printed for people"),
    Difference(("--offline",), ("check",), "", "`check` never uses the network"),
    Difference(("--estimate",), ("plan",), "measure"),
    Difference(("--all",), ("plan", "split"), "", "reports have all"),
    Difference(("--from",), ("coords",), "", "`coordinate_map(…).to_resized` is the other way"),
    Difference(("--table",), ("size",), "", "`planned` of a size is its row of the table"),
    Difference(("--image-field",), ("audit",), "image_fields"),
    Difference(
        ("--dedupe-list", "--keep", "--hashes", "--html"),
        ("audit",),
        "",
        "the command writes these files; what they are made of is in the folder `rows`",
    ),
    Difference(("--engine", "--ray-address"), ("audit",), "", "`jobs` are processes of this machine"),
    Difference(("--yes", "--dry-run"), ("rescue",), "write"),
    Difference(("--agent", "--last"), ("rescue",), "", "the session is named"),
    Difference(
        ("--undo", "--force"), ("rescue",), "", "the command gives back the bytes in `backup` of a result"
    ),
)
"""All others have the name of the option, with underscores."""

ONLY_KEYWORDS = {
    "options": "holds the options of several calls",
    "stdin": "what the command reads from standard input",
    "allow_outside": "the command reads what named folders and their repository hold; `audit` has the option",
    "force_exclude": "for hooks, which call `check` and `plan`",
    "client": "of commands that read requests only, or images as they are stored",
    "baseline": "a group of settings that `audit` shares with `check`",
    "use_baseline": "as `baseline`",
    "budget": "as `baseline`",
    "cache": "as `baseline`",
    "preview": "as `baseline`",
    "models": "an old name of `model`",
    "config": "a group of settings that `rescue` shares; it reads none",
    "isolated": "as `config`",
    "allow_local_packs": "as `config`",
}
"""Keywords that are no option of a command, with the reason."""


def keyword_table() -> str:
    """The differences as a table of Markdown."""
    lines = [
        "| option | commands | in Python |",
        "|---|---|---|",
        *(
            f"| {_list(one.options)} | {_list(one.commands) or 'all'} | "
            f"{f'`{one.keyword}`' if one.keyword else one.note} |"
            for one in DIFFERENCES
        ),
    ]
    return "\n".join(lines)


def _list(names: tuple[str, ...]) -> str:
    return ", ".join(f"`{name}`" for name in names)
