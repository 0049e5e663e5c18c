"""What a run imports: nothing that it does not need."""

import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from tests.builders import body, image_block, image_bytes, write_json

JSON_READER = ("imgbudget.jsontext.document", "imgbudget.linter.documents")
"""What reads requests, which a hook on some pictures need not pay for."""

DATACLASSES = ("dataclasses", "inspect")
"""What `imgbudget.slotted` replaces; from Python 3.14 on it is still needed for requests."""

FROM_3_14 = DATACLASSES if sys.version_info >= (3, 14) else ()

HEAVY = (
    "PIL",
    "numpy",
    "yaml",
    "msgspec",
    "pybase64",
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
    "rapidocr",
    "onnxruntime",
    "cv2",
    "imgbudget.legibility",
    "imgbudget.model.text",
    *JSON_READER,
    *DATACLASSES,
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
    assert heavy_imports(tmp_path, "check", "a.jpg", "r.json") == [*JSON_READER, *FROM_3_14]


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


ENTRIES = yaml.safe_load(
    (Path(__file__).parent.parent / ".pre-commit-hooks.yaml").read_text(encoding="utf-8")
)
HOOK = next(entry["entry"].split()[1:] for entry in ENTRIES if entry["id"] == "imgbudget")
"""The arguments with which pre-commit calls the shipped hook, before the names of files."""

STANDARD = (
    "atexit, contextlib, encodings.utf_8_sig, enum, errno, gc, importlib.machinery, math, re, struct, "
    "typing, unicodedata, warnings, zlib"
)
"""What a start on images may load of the standard library, with all that these import themselves."""

FOR_REQUESTS = ", ".join(["binascii, bisect, contextvars, fnmatch, json", *FROM_3_14])
"""What requests need besides."""

_RUN = """
from imgbudget.cli import main
try:
    main({arguments!r})
except SystemExit as stop:
    assert stop.code == 0
"""


def loaded_modules(folder: Path, code: str) -> frozenset[str]:
    """The modules that a process has loaded when its code has run, without those of C alone."""
    code = f"import sys\n{code}\nprint(*sys.modules)"
    command = [sys.executable, "-I", "-c", code]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=True)
    return frozenset(name for name in done.stdout.splitlines()[-1].split() if not name.startswith("_"))


@pytest.mark.parametrize(
    ("names", "more", "engine", "pack"),
    [
        ("a.png", "", 71, 24),
        ("a.jpg", "bisect", 73, 24),
        ("a.png b.png c.png", "", 71, 26),
        ("r.json", FOR_REQUESTS, 125, 32),
    ],
)
def test_the_hook_loads_few_modules(tmp_path: Path, names: str, more: str, engine: int, pack: int) -> None:
    """How many modules of the engine and of the pack the shipped hook loads is a ceiling: it may only fall.

    Of the standard library it loads nothing but what is listed here, and no rules on pixels.
    """
    for number, name in enumerate(("a.png", "b.png", "c.png")):
        (tmp_path / name).write_bytes(image_bytes((1008, 28 * (20 + number))))
    (tmp_path / "a.jpg").write_bytes(image_bytes((1008, 784), "JPEG"))
    write_json(tmp_path / "r.json", body(image_block(), "What is this?"))
    allowed = loaded_modules(tmp_path, f"import {STANDARD}" + (f", {more}" if more else ""))
    found = loaded_modules(tmp_path, _RUN.format(arguments=[*HOOK, *names.split()]))
    of_pack = {name for name in found if name.partition(".")[0] == "imgbudget_rules"}
    of_engine = {name for name in found if name.partition(".")[0] == "imgbudget"}
    assert found - of_pack - of_engine - allowed == set()
    assert len(of_engine) <= engine
    assert len(of_pack) <= pack
    assert not {name for name in of_pack if name.startswith("imgbudget_rules.ib9")}
