"""What type checkers know of the package: pyright counts it in CI; here is what needs no Node."""

import ast
import inspect
import re
import textwrap
from collections.abc import Iterator
from pathlib import Path

import pytest

import imgbudget

FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)


def definition(value: object) -> ast.stmt:
    """The statement that defines a function or class."""
    source = inspect.getsource(inspect.unwrap(value))  # type: ignore[arg-type]
    return ast.parse(textwrap.dedent(source)).body[0]


def public_definitions() -> Iterator[tuple[str, ast.stmt]]:
    """The public functions and classes, with the classes of the package that they inherit from."""
    for name in imgbudget.__all__:
        value = getattr(imgbudget, name)
        for one in value.__mro__ if isinstance(value, type) else [value]:
            # the fields of a NamedTuple are those of its class, the rest is as in `typing`
            if (
                getattr(one, "__module__", "").startswith("imgbudget.")
                and one.__module__ != "imgbudget.namedtuples"
            ):
                yield name, definition(one)


def annotations(node: ast.stmt) -> Iterator[tuple[str, ast.expr | None]]:
    """The annotations of a function, or of the fields and public methods of a class."""
    if isinstance(node, ast.ClassDef):
        for part in node.body:
            yield from annotations(part)
    elif isinstance(node, ast.AnnAssign):
        yield ast.unparse(node.target), node.annotation
    elif isinstance(node, FUNCTIONS) and (not node.name.startswith("_") or node.name.startswith("__")):
        given = node.args
        each = [*given.posonlyargs, *given.args, *given.kwonlyargs, given.vararg, given.kwarg]
        for one in each:
            if one is not None and one.arg not in ("self", "cls"):
                yield f"{node.name}({one.arg})", one.annotation
        yield node.name, node.returns


def test_public_names_are_annotated_without_any() -> None:
    """No parameter, result, field or method of a public name lacks a type, or has one that allows all."""
    found = [(name, *one) for name, node in public_definitions() for one in annotations(node)]
    assert len(found) > 200
    for name, part, annotation in found:
        assert annotation is not None, f"{name}: {part}"
        assert not re.search(r"\bAny\b", ast.unparse(annotation)), f"{name}: {part}"


def inferred(owner: ast.stmt) -> Iterator[str]:
    """Public attributes of a class whose types checkers have to infer, each in their own way."""
    body = owner.body if isinstance(owner, ast.ClassDef) else []
    start = next((one for one in body if isinstance(one, FUNCTIONS) and one.name == "__init__"), None)
    if start is None:
        return
    given = {one.arg for one in ast.walk(start.args) if isinstance(one, ast.arg)}
    annotated = [one.target for one in ast.walk(owner) if isinstance(one, ast.AnnAssign)]
    declared = {ast.unparse(one).removeprefix("self.") for one in annotated}
    for one in ast.walk(start):
        if not isinstance(one, ast.Assign) or (isinstance(one.value, ast.Name) and one.value.id in given):
            continue
        for name in (part for target in one.targets for part in getattr(target, "elts", [target])):
            text = ast.unparse(name)
            attribute = text.removeprefix("self.")
            if text != attribute and attribute[0] != "_" and attribute not in declared:
                yield attribute


def test_attributes_are_annotated() -> None:
    """An attribute set to more than a parameter of `__init__` has a type that all checkers agree on."""
    flawed = "class A:\n  def __init__(self, a):\n    self.a, self.b = a, f(a)"
    assert list(inferred(ast.parse(flawed).body[0])) == ["a", "b"]
    assert not [(name, one) for name, node in public_definitions() for one in inferred(node)]


def test_spelling_mistakes_are_errors_at_the_call(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """And before it: an ignored error that mypy does not find is one that it reports."""
    monkeypatch.chdir(tmp_path)
    with pytest.raises(AttributeError, match="chekc"):
        imgbudget.chekc("./")  # type: ignore[attr-defined]
    with pytest.raises(TypeError, match="'dry_rnu'"):
        imgbudget.fix("./", dry_rnu=True)  # type: ignore[call-arg]
    with pytest.raises(imgbudget.UsageError, match="bedrok"):
        imgbudget.check("./", platform="bedrok")  # type: ignore[arg-type]
    with pytest.raises(imgbudget.UsageError, match="unknown mode"):
        imgbudget.guard(object(), "rase")  # type: ignore[arg-type]
    with pytest.raises(imgbudget.UsageError, match="expected a path as text"):
        imgbudget.check(b"./")  # type: ignore[arg-type]
