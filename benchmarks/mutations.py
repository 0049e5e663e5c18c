"""Small faults that can be put into a Python source: comparisons, boundaries, conditions, calls, returns."""

import ast
from collections.abc import Iterator
from typing import NamedTuple

_COMPARISONS: dict[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Lt: ast.LtE,
    ast.LtE: ast.Lt,
    ast.Gt: ast.GtE,
    ast.GtE: ast.Gt,
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.Is: ast.IsNot,
    ast.IsNot: ast.Is,
    ast.In: ast.NotIn,
    ast.NotIn: ast.In,
}


class Mutant(NamedTuple):
    """A fault: in a source, bytes `start` to `end` give way to `text`; lines are counted from 1."""

    path: str
    kind: str
    first_line: int
    last_line: int
    start: int
    end: int
    text: str

    def applied(self, source: bytes) -> bytes:
        """The source with the fault."""
        return source[: self.start] + self.text.encode() + source[self.end :]


def mutants_of(path: str, source: bytes) -> list[Mutant]:
    """Every fault that the kinds here can put into a source, in the order of the source.

    Texts are not mutated: string constants, the contents of f-strings, annotations, decorators,
    assertions, and blocks for type checkers.
    """
    starts = [0]
    for line in source.splitlines(keepends=True):
        starts.append(starts[-1] + len(line))

    def mutant(kind: str, node: ast.expr | ast.stmt, text: str) -> Mutant:
        last = node.end_lineno or node.lineno
        start = starts[node.lineno - 1] + node.col_offset
        end = starts[last - 1] + (node.end_col_offset or 0)
        return Mutant(path, kind, node.lineno, last, start, end, text)

    found = [mutant(kind, node, text) for kind, node, text in _faults(ast.parse(source))]
    return sorted(set(found), key=lambda one: (one.start, one.end, one.kind, one.text))


def _faults(tree: ast.AST) -> Iterator[tuple[str, ast.expr | ast.stmt, str]]:
    """Kind, node to replace, and what to put there."""
    for node in _runnable(tree):
        match node:
            case ast.Compare():
                yield from (("comparison", node, _inline(other)) for other in _other_comparisons(node))
            case ast.BoolOp():
                yield from ((kind, node, _inline(rest)) for kind, rest in _other_conditions(node))
            case ast.UnaryOp(op=ast.Not(), operand=operand):
                yield "dropped not", node, _inline(operand)
            case ast.If(test=test) | ast.IfExp(test=test):
                yield "condition always true", test, "True"
                yield "condition always false", test, "False"
            case ast.Constant(value=value) if isinstance(value, int) and not isinstance(value, bool):
                yield "boundary", node, f"({value + 1})"
                yield "boundary", node, f"({value - 1})"
            case ast.Expr(value=ast.Call()):
                yield "dropped call", node, "pass"
            case ast.Return(value=ast.expr() as value) if not _is_none(value):
                yield "dropped return", value, "None"
            case _:
                pass


def _other_comparisons(node: ast.Compare) -> Iterator[ast.expr]:
    for at, operator in enumerate(node.ops):
        other = _COMPARISONS[type(operator)]()
        yield ast.Compare(node.left, [*node.ops[:at], other, *node.ops[at + 1 :]], node.comparators)


def _other_conditions(node: ast.BoolOp) -> Iterator[tuple[str, ast.expr]]:
    yield "and/or", ast.BoolOp(ast.Or() if isinstance(node.op, ast.And) else ast.And(), node.values)
    for at in range(len(node.values)):
        left = [*node.values[:at], *node.values[at + 1 :]]
        yield "dropped condition", left[0] if len(left) == 1 else ast.BoolOp(node.op, left)


def _inline(node: ast.expr) -> str:
    """An expression on one line, with the parentheses that it may need in its place."""
    return f"({ast.unparse(node)})"


def _is_none(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and node.value is None


def _runnable(node: ast.AST) -> Iterator[ast.AST]:
    """The nodes that are run and are no text."""
    yield node
    for name, value in ast.iter_fields(node):
        if name in {"annotation", "returns", "decorator_list", "type_params"}:
            continue
        for child in value if isinstance(value, list) else (value,):
            if isinstance(child, ast.AST) and not _is_skipped(child):
                yield from _runnable(child)


def _is_skipped(node: ast.AST) -> bool:
    if isinstance(node, ast.If):
        return isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING"
    return isinstance(node, (ast.JoinedStr, ast.Assert))
