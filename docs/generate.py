"""Generate documentation: command outputs in the pages, the rules' pages and index, help, schema, screenshot.

Run `python docs/generate.py` after a change; a test fails when a file is not current.
"""

import json
import os
import re
import shlex
import sys
from collections.abc import Iterator
from pathlib import Path
from unittest.mock import patch

from click.testing import CliRunner

from catalog import schemastore_files
from columns import column_page
from families import with_families
from imgbudget.cli.command import Choice
from imgbudget.cli.group import cli
from imgbudget.cli.main import COMMANDS, load
from imgbudget.cli.rule import markdown
from imgbudget.config.layers import json_schema
from imgbudget.discovery.filetypes import hook_pattern
from imgbudget.explaining.patterns import ERROR_PATTERNS
from imgbudget.explaining.structures import STRUCTURES
from imgbudget.explaining.wording import ErrorPattern
from imgbudget.fixing import vips
from imgbudget.linter.options import RunOptions
from imgbudget.linter.run import Session
from imgbudget.registry import load_packs
from reference import with_reference
from screenshot import screenshot

ROOT = Path(__file__).resolve().parents[1]
DOCS = ROOT / "docs"
HOOKS = (ROOT / ".pre-commit-hooks.yaml", ROOT / ".pre-commit-config.yaml")
"""Files with hooks of pre-commit, whose patterns are those of the files that a check reads."""

GENERATED = ("audit-columns.md", "cli.md", "errors.md")
"""Pages of which nothing is written by hand."""

ERRORS = """\
`imgbudget explain` knows {listed} texts, and other wordings by their structure: the last table has the kinds.
Words in braces stand for values; quotes, letter case, separators of thousands and line breaks do not matter.
Rate limits, keys, billing, overload, content policies and containers are named as what they are, and never
taken for an error about an image.
"""
"""The beginning of the page of error texts."""

OPTIONS = """\
## Options by command

| option | value | commands |
|---|---|---|"""
"""The head of the table of options."""

SHOWN = "imgbudget check examples/photo.jpg examples/requests/many-images.json"
"""The command of the screenshot in README."""


def rule_index() -> str:
    """The index of the rules' pages, as a Markdown table."""
    rows = ["# Rules\n", "| rule | severity | fix | reports |", "|---|---|---|---|"]
    for rule in load_packs(["imgbudget_rules"]).rules:
        severity = f"{rule.severity}{', pedantic' if rule.pedantic else ''}"
        link = f"[{rule.code}]({rule.code.lower()}.md) {rule.name}"
        rows.append(f"| {link} | {severity} | {rule.fix or '–'} | {rule.summary} |")
    return "\n".join(rows) + "\n"


def command_help() -> str:
    """The help of every command as one Markdown page."""
    parts = ["# The commands of imgbudget\n"]
    for name in (None, *COMMANDS):
        arguments = [name, "--help"] if name else ["--help"]
        run = CliRunner().invoke(cli, arguments, prog_name="imgbudget", terminal_width=100)
        title = f"imgbudget {name}" if name else "imgbudget"
        parts.append(f"## {title}\n\n```text\n{run.output}```\n")
    return "\n".join([*parts, OPTIONS, *_option_rows(), ""])


def _option_rows() -> Iterator[str]:
    """A row for each option: its value, and the commands that have it."""
    commands: dict[str, dict[str, list[str]]] = {}
    for name in COMMANDS:
        for field in load(name).fields():
            parameter = field.parameter
            if parameter.names and not parameter.hidden:
                choices = parameter.type.names if isinstance(parameter.type, Choice) else ()
                value = parameter.metavar or ("" if parameter.is_flag else "|".join(choices))
                commands.setdefault(", ".join(parameter.names), {}).setdefault(value, []).append(name)
    for option, values in sorted(commands.items(), key=lambda row: row[0].lstrip("-").lower()):
        for value, names in values.items():
            listed = "all" if len(names) == len(COMMANDS) else ", ".join(names)
            yield f"| `{option}` | {f'`{_cell(value)}`' if value else ''} | {listed} |"


def error_table() -> str:
    """The error texts that `imgbudget explain` knows, as one Markdown page."""
    listed = sum(not known.loose for known in ERROR_PATTERNS)
    parts = [
        "# Error texts\n",
        ERRORS.format(listed=listed),
        "| text | rule | what it means | seen in |",
        "|---|---|---|---|",
        *(_error_row(known) for known in ERROR_PATTERNS),
        "\n## Kinds of errors in other words\n",
        "| kind | rule | what it means | what to do |",
        "|---|---|---|---|",
    ]
    for one in STRUCTURES:
        known = one.pattern
        parts.append(
            f"| {known.wording} | {_error_rule(known)} | {_cell(known.meaning)} | {_cell(known.remedy)} |"
        )
    return "\n".join(parts) + "\n"


def _error_row(known: ErrorPattern) -> str:
    era = "" if known.era == "current" else f" ({known.era})"
    seen = f"{known.source}, {known.date}{era}"
    return f"| `{_cell(known.wording)}` | {_error_rule(known)} | {_cell(known.meaning)} | {_cell(seen)} |"


def _error_rule(known: ErrorPattern) -> str:
    codes = [f"[{code}](rules/{code.lower()}.md)" for code in known.codes]
    return " ".join(codes) or "–"


def _cell(text: str) -> str:
    return text.replace("`", "'" if text.count("`") % 2 else "").replace("|", "\\|")


def with_output(page: str) -> str:
    """A page with the current output of its commands, each below the comment that names the command.

    One in another folder takes the configuration there.
    """

    def fill(found: re.Match[str]) -> str:
        where, command = found[2] or ".", found[3]
        arguments = [*shlex.split(command)[1:], *(["--isolated"] if where == "." else [])]
        os.chdir(ROOT / where)
        # encoded bytes depend on the library that scales
        with patch.object(vips, "library", return_value=None):
            run = CliRunner().invoke(cli, arguments, prog_name="imgbudget", standalone_mode=False)
        if run.exception:
            raise run.exception
        return f"<!-- $ {found[1]} -->\n```text\n$ {found[1]}\n{run.stdout.rstrip()}\n```\n"

    command = r"<!-- \$ ((?:cd (\S+) && )?(imgbudget [^\n]*)) -->\n```text\n.*?```\n"
    made = re.sub(command, fill, page, flags=re.DOTALL)
    os.chdir(ROOT)
    return made


def terminal() -> str:
    """The screenshot of README."""
    arguments = [*shlex.split(SHOWN)[1:], "--isolated", "--color", "always"]
    os.chdir(ROOT)
    run = CliRunner().invoke(cli, arguments, prog_name="imgbudget", standalone_mode=False, color=True)
    return screenshot(SHOWN, run.stdout)


def with_hook_patterns(text: str) -> str:
    """A file with hooks of pre-commit, each with the current pattern of its files."""

    def fill(found: re.Match[str]) -> str:
        return f"{found[1]}{hook_pattern(found[2])}"

    return re.sub(r"(- id: (imgbudget[a-z-]*)\n(?:(?! *- id:) .*\n)*? +files: )[^\n]*", fill, text)


def pages() -> dict[Path, str]:
    """Every generated file and its current content, on a fixed day: models end, and prices change."""
    os.environ["IMGBUDGET_DATE"] = "2026-11-28"
    written = [
        path for path in (ROOT / "README.md", *sorted(DOCS.glob("*.md"))) if path.name not in GENERATED
    ]
    made = {path: with_families(with_output(path.read_text(encoding="utf-8"))) for path in written}
    made[DOCS / "python.md"] = with_reference(made[DOCS / "python.md"])
    made |= {
        DOCS / "audit-columns.md": column_page(tuple(Session(RunOptions(isolated=True)).limits.tiers)),
        DOCS / "cli.md": command_help(),
        **{path: with_hook_patterns(path.read_text("utf-8")) for path in HOOKS},
        DOCS / "errors.md": error_table(),
        DOCS / "check.svg": terminal(),
        DOCS / "imgbudget.schema.json": json.dumps(json_schema(), indent=2) + "\n",
        DOCS / "rules" / "README.md": rule_index(),
        **schemastore_files(),
    }
    for rule in load_packs(["imgbudget_rules"]).rules:
        made[DOCS / "rules" / f"{rule.code.lower()}.md"] = markdown(rule)
    return made


def main() -> int:
    """Write the files that are not current, or with --check only list them."""
    made = pages()
    stale = [path for path, text in made.items() if not path.exists() or path.read_text("utf-8") != text]
    for path in stale:
        print(path.relative_to(ROOT))
    if "--check" in sys.argv:
        return 1 if stale else 0
    for path in stale:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(made[path], encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
