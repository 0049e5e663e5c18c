"""The documentation is current and complete, and its commands are the ones that CI runs."""

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import PIL
import pytest

from families import BEGIN, END, VECTORS, with_families
from imgbudget.cli.main import COMMANDS
from imgbudget.limits.data import LimitsData
from imgbudget_rules.limits import DATA
from snippets import PAGE, python_blocks
from tests.builders import body, image_block, image_bytes, write_json

ROOT = Path(__file__).resolve().parents[1]
README = ROOT / "README.md"
WRITTEN = [
    README,
    ROOT / "CHANGELOG.md",
    ROOT / "SECURITY.md",
    *sorted((ROOT / ".github").glob("*.md")),
    *sorted((ROOT / "docs").glob("*.md")),
    *sorted((ROOT / "docs" / "rules").glob("*.md")),
    *sorted((ROOT / "docs" / "recipes").glob("*.md")),
    ROOT / "benchmarks" / "README.md",
    ROOT / "examples" / "rule-pack" / "README.md",
]


def prose(path: Path) -> str:
    """The text of a page without code, of which only the links and words are left."""
    return re.sub(r"```.*?```|`[^`\n]*`", "", path.read_text(encoding="utf-8"), flags=re.DOTALL)


def shell_blocks(path: Path) -> list[str]:
    """The set-up commands of a page."""
    return re.findall(r"^```sh\n(.*?)\n```$", path.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)


@pytest.mark.skipif(
    int(PIL.__version__.partition(".")[0]) < 13,
    reason="older versions of Pillow write other numbers of bytes",
)
def test_generated_pages_are_current() -> None:
    """The outputs in the pages, the rules' pages, the help page and the schema match the code."""
    done = subprocess.run(
        [sys.executable, str(ROOT / "docs" / "generate.py"), "--check"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout) == (0, ""), "run python docs/generate.py"


def test_every_family_has_its_rule_and_its_vectors() -> None:
    """The section of docs/providers.md is what the data and the vectors give, whatever Pillow writes."""
    page = (ROOT / "docs" / "providers.md").read_text(encoding="utf-8")
    assert with_families(page) == page, "run python docs/generate.py"
    section = page[page.index(BEGIN) : page.index(END)]
    rows = [
        line.split(" | ") for line in section.splitlines() if line.startswith("| ") and "models |" not in line
    ]
    with VECTORS.open(encoding="utf-8") as file:
        count = sum(1 for _ in file) - 1
    assert sum(int(row[4]) for row in rows if row[4] != "–") == count
    data = LimitsData.from_mapping(DATA, day="2026-11-28")
    listed = [model for row in rows for model in row[0].removeprefix("| ").split(", ")]
    assert sorted(listed) == sorted(data.models)


def test_readme_has_the_commands_that_ci_runs() -> None:
    """README has two set-up commands; CI runs the second one, and CONTRIBUTING repeats it."""
    commands = shell_blocks(README)
    assert len(commands) == 2
    assert commands[0].endswith("imgbudget check examples")
    assert commands[1] in (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    assert shell_blocks(ROOT / ".github" / "CONTRIBUTING.md") == [commands[1]]


def test_security_names_every_command_and_every_class_of_attack() -> None:
    """A command that is missing has no stated bounds; a class without a row has no stated rule."""
    text = (ROOT / "SECURITY.md").read_text(encoding="utf-8")
    table = text[text.index("| command |") : text.index("The guard of SDK clients")]
    assert {name for name in COMMANDS if f"`{name}`" not in table} == set()
    tests = {path.name for path in (ROOT / "tests" / "hostile").glob("test_*.py")}
    assert set(re.findall(r"`(test_\w+\.py)`", text)) == tests


def test_readme_is_short_and_shows_output() -> None:
    """README can be read in five minutes, and shows what the command prints."""
    text = README.read_text(encoding="utf-8")
    assert len(text.splitlines()) <= 200
    assert "<!-- $ imgbudget check examples/photo.jpg -->" in text


@pytest.mark.parametrize("page", WRITTEN, ids=lambda path: str(path.relative_to(ROOT)))
def test_links_lead_to_files_and_headings(page: Path) -> None:
    """Every relative link of a page names a file that exists, and a heading in it."""
    for target in re.findall(r"\]\(([^)\s]+)\)", prose(page)):
        if target.startswith("https://"):
            continue
        name, _, heading = target.partition("#")
        path = (page.parent / name).resolve() if name else page
        assert path.exists(), target
        if heading:
            titles = re.findall(r"^#+ (.*)$", path.read_text(encoding="utf-8"), re.MULTILINE)
            anchors = {re.sub(r"[^\w -]", "", title).lower().replace(" ", "-") for title in titles}
            assert heading in anchors, target


def test_every_page_is_linked_from_readme() -> None:
    """A reader of README finds every page of docs/ in one or two steps."""
    linked = {README}
    for _ in range(2):
        linked |= {
            (page.parent / target).resolve()
            for page in linked
            for target in re.findall(r"\]\(([^)\s#]+\.md)[^)]*\)", page.read_text(encoding="utf-8"))
        }
    assert {path for path in WRITTEN if path.is_relative_to(ROOT / "docs")} <= linked


def test_no_page_names_a_public_address() -> None:
    """Examples say `<address of this repository>`; this project owns no address on a public forge."""
    files = [*WRITTEN, ROOT / "action.yml", ROOT / "ci" / "gitlab.yml", ROOT / ".pre-commit-hooks.yaml"]
    for path in files:
        text = path.read_text(encoding="utf-8")
        assert not re.search(r"github(usercontent)?\.com/imgbudget|\bimgbudget/imgbudget@", text), path


def test_python_examples_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The examples for checking, planning, fixing, sizes and coordinates do what the page says."""
    monkeypatch.chdir(tmp_path)
    for folder in ("photos", "requests"):
        (tmp_path / folder).mkdir()
    (tmp_path / "photos" / "a.jpg").write_bytes(image_bytes((4000, 3000), "JPEG"))
    write_json(tmp_path / "requests" / "a.json", body(image_block()))
    blocks = python_blocks(PAGE.read_text(encoding="utf-8"))
    names: dict[str, Any] = {}
    for block in blocks[:3]:
        exec(compile(block, "python.md", "exec"), names)  # noqa: S102 - our own page
    assert [round(x) for x in names["points"][0]] == [2032, 1525]
    assert (tmp_path / "ready" / "a.jpg").exists()
