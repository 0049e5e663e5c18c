"""The structure: imports inside functions, class names, sizes of files, what ARCHITECTURE.md names."""

import ast
import re
from collections import Counter
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
ENGINE = ROOT / "analyzer" / "imgbudget"
PACK = ROOT / "rules" / "imgbudget_rules"
FILES = tuple(sorted((*ENGINE.rglob("*.py"), *PACK.rglob("*.py"))))
PAGE = (ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8")

MOST_LINES = 500
MOST_LAZY_IMPORTS = 120
GENERATED = set((PACK / "limits").glob("_[a-z]*.py"))
_KIND = re.compile(r"# noqa: PLC0415 - ([a-z ]+)$")


@cache
def tree(path: Path) -> ast.Module:
    """A file, parsed."""
    return ast.parse(path.read_text(encoding="utf-8"))


def statements(node: ast.AST) -> Iterator[ast.AST]:
    """All statements within a node, without the expressions in them, of which generated files have most."""
    waiting = [node]
    while waiting:
        for child in ast.iter_child_nodes(waiting.pop()):
            if isinstance(child, ast.stmt | ast.excepthandler | ast.match_case):
                yield child
                waiting.append(child)


def section(title: str) -> str:
    """A section of ARCHITECTURE.md."""
    return PAGE.partition(f"\n## {title}\n")[2].partition("\n## ")[0]


def first_cells(title: str) -> list[str]:
    """The code spans in the first column of the table of a section."""
    rows = [line.split("|")[1] for line in section(title).splitlines() if line.startswith("|")]
    return [name for cell in rows for name in re.findall(r"`([^`]+)`", cell)]


@cache
def lazy_imports() -> tuple[tuple[str, str], ...]:
    """The imports inside functions: their place and their line."""
    imports: list[tuple[str, str]] = []
    for path in FILES:
        lines = path.read_text(encoding="utf-8").splitlines()
        found = {
            node.lineno
            for function in statements(tree(path))
            if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef)
            for node in statements(function)
            if isinstance(node, ast.Import | ast.ImportFrom)
        }
        imports += [(f"{path.relative_to(ROOT)}:{number}", lines[number - 1]) for number in sorted(found)]
    return tuple(imports)


def test_each_import_inside_a_function_has_a_declared_kind() -> None:
    """The comment on the line names one of the kinds that ARCHITECTURE.md explains, and each is used."""
    declared = set(first_cells("Imports inside functions"))
    used = set()
    for place, line in lazy_imports():
        kind = _KIND.search(line)
        assert kind, f"{place}: name the kind of the import: # noqa: PLC0415 - KIND"
        assert kind[1] in declared, f"{place}: {kind[1]!r} is not a kind in ARCHITECTURE.md"
        used.add(kind[1])
    assert used == declared


def test_imports_inside_functions_stay_few() -> None:
    """Their number is a ceiling: it may fall and must not rise."""
    assert len(lazy_imports()) <= MOST_LAZY_IMPORTS


def test_no_class_name_is_defined_twice() -> None:
    """A name means one thing in the whole product."""
    names = Counter(
        node.name
        for path in FILES
        if "class " in path.read_text(encoding="utf-8")
        for node in statements(tree(path))
        if isinstance(node, ast.ClassDef)
    )
    assert [name for name, number in names.items() if number > 1] == []


def test_no_file_is_long() -> None:
    """At most 500 lines, but for the generated one."""
    sizes = {
        path: len(path.read_text(encoding="utf-8").splitlines()) for path in FILES if path not in GENERATED
    }
    assert {str(path.relative_to(ROOT)): size for path, size in sizes.items() if size > MOST_LINES} == {}


def test_the_table_names_every_package_and_nothing_else() -> None:
    """Packages and modules directly below `imgbudget`."""
    there = {
        path.stem
        for path in ENGINE.iterdir()
        if path.name not in ("__init__.py", "__main__.py", "__pycache__", "py.typed")
    }
    named = first_cells("Packages, from the top down")
    assert len(named) == len(set(named))
    assert set(named) == there


def resolves(name: str) -> bool:
    """Whether a dotted name is a module of the engine or a name that one defines, at any depth of classes."""
    parts = name.removeprefix("imgbudget.").split(".")
    for end in range(len(parts), 0, -1):
        base = ENGINE.joinpath(*parts[:end])
        path = base / "__init__.py" if base.is_dir() else base.with_suffix(".py")
        if path.is_file():
            return _defines(tree(path).body, parts[end:])
    return False


def _defines(body: list[ast.stmt], names: list[str]) -> bool:
    if not names:
        return True
    for node in body:
        if isinstance(node, ast.ClassDef | ast.FunctionDef) and node.name == names[0]:
            return _defines(node.body, names[1:])
    return False


@pytest.mark.parametrize("name", sorted(set(re.findall(r"`((?:\w+\.)+\w+)(?:\(\))?`", PAGE))))
def test_each_module_and_name_that_the_page_gives_exists(name: str) -> None:
    """A dotted name is a module, a function, a class or a method; public names and files are checked too."""
    if re.search(r"\.(toml|md)$", name):
        assert (ROOT / name).is_file()
    elif re.fullmatch(r"imgbudget\.\w+", name):
        assert f'"{name.partition(".")[2]}"' in (ENGINE / "__init__.py").read_text(encoding="utf-8")
    else:
        assert resolves(name), f"ARCHITECTURE.md names {name}, which is not in the code"


@pytest.mark.parametrize("path", sorted(set(re.findall(r"[`(]((?:\w[\w.-]*/)+[\w.-]*)[`)]", PAGE))))
def test_each_path_that_the_page_gives_exists(path: str) -> None:
    """Relative to the root or to the engine; names in capitals stand for a file to be made."""
    if re.search(r"NAME|NNN", path):
        path = path.rpartition("/")[0]
    assert any((base / path).exists() for base in (ROOT, ENGINE)), path
