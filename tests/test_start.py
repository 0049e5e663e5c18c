"""What a run imports: nothing that it does not need."""

import subprocess
import sys
from pathlib import Path

from tests.builders import body, image_block, image_bytes, write_json

JSON_READER = ("imgbudget.jsontext.document", "imgbudget.linter.documents", "dataclasses", "inspect")
"""What reads requests, and what that needs; 20 ms, which a hook on some pictures need not pay."""

HEAVY = (
    "PIL",
    "numpy",
    "yaml",
    "msgspec",
    "importlib.metadata",
    "pathspec",
    "tomllib",
    "rich",
    "logging",
    "multiprocessing",
    "concurrent.futures",
    "asyncio",
    "socket",
    "ssl",
    "http",
    "subprocess",
    "difflib",
    "anthropic",
    *JSON_READER,
)


def heavy_imports(folder: Path, *arguments: str) -> list[str]:
    """The heavy modules that a call of the command has imported when it ends."""
    code = (
        "import sys\n"
        "from imgbudget.cli import main\n"
        "try:\n"
        f"    main({list(arguments)!r})\n"
        "except SystemExit as stop:\n"
        "    sys.stderr.write(f'exit {stop.code}\\n')\n"
        f"sys.stderr.write(' '.join(name for name in {HEAVY!r} if name in sys.modules))\n"
    )
    done = subprocess.run(
        [sys.executable, "-I", "-c", code], cwd=folder, capture_output=True, text=True, check=True
    )
    head, _, rest = done.stderr.rpartition("\n")
    assert head in ("exit 0", "exit 1"), done.stderr
    return rest.split()


def test_one_small_png_imports_nothing_heavy(tmp_path: Path) -> None:
    """No Pillow, no YAML, no package metadata, no thread or network module."""
    (tmp_path / "a.png").write_bytes(image_bytes())
    assert heavy_imports(tmp_path, "check", "a.png") == []


def test_findings_and_a_request_import_nothing_heavy(tmp_path: Path) -> None:
    """Nor do findings, a photo and a request, which alone wants the reader of JSON."""
    (tmp_path / "a.jpg").write_bytes(image_bytes((4000, 3000), "JPEG"))
    write_json(tmp_path / "r.json", body(image_block()))
    assert heavy_imports(tmp_path, "check", "a.jpg", "r.json") == list(JSON_READER)


def test_a_folder_of_pictures_does_not_load_the_reader_of_json(tmp_path: Path) -> None:
    """Not even at its end, where copies are looked for among several files."""
    for name in ("a.jpg", "b.jpg", "c.png"):
        (tmp_path / name).write_bytes(image_bytes((4000, 3000), "JPEG"))
    assert heavy_imports(tmp_path, "check", ".") == []


def test_help_and_size_import_nothing_heavy(tmp_path: Path) -> None:
    """`--help` and `size` stay light too; click, which only help needs, loads one of them."""
    for arguments in (("--help",), ("check", "--help")):
        assert heavy_imports(tmp_path, *arguments) == ["inspect"]
    assert heavy_imports(tmp_path, "size", "1920x1080") == []


def test_foreign_pyproject_is_not_parsed(tmp_path: Path) -> None:
    """A pyproject.toml without our table costs a read, not a parser."""
    (tmp_path / "pyproject.toml").write_text("[project]\nname = 'x'\n")
    (tmp_path / "a.png").write_bytes(image_bytes())
    assert heavy_imports(tmp_path, "check", "a.png") == []
