"""Reads YAML into a tree with lines, from the nodes and marks of PyYAML's `compose`.

No value is constructed: what YAML 1.1 reads as a boolean, a number or a date keeps its text and its type, and
the schema can say how to quote it. Depth, size and aliases are bounded.
"""

import re
from collections.abc import Iterator
from typing import Any

import yaml

from imgbudget.config.settings import ConfigOrigin
from imgbudget.config.suggest import plain, quoted
from imgbudget.config.tree import MAX_DEPTH, TOO_DEEP, Entry, Items, Kind, Node, Scalar, Table, failure
from imgbudget.errors import ConfigProblem
from imgbudget.limits.values import figure

MAX_VALUES = 100_000
"""Most values of a file, where an alias counts as all the values that it repeats."""

_CORE = "tag:yaml.org,2002:"
_MERGE = _CORE + "merge"
_KINDS = {
    "str": Kind.TEXT,
    "int": Kind.WHOLE,
    "float": Kind.NUMBER,
    "bool": Kind.BOOLEAN,
    "null": Kind.NOTHING,
    "timestamp": Kind.DATE,
    "value": Kind.TEXT,
    "merge": Kind.TEXT,
}
_TAB = "the line is indented with a tab; YAML allows only spaces"
_SECOND_DOCUMENT = "a second YAML document starts here; only one is allowed"


def read_yaml(text: str, path: str) -> tuple[Node | None, tuple[ConfigProblem, ...]]:
    """The tree of a YAML text, None if it is empty, and the mistakes that do not prevent reading it.

    Raises:
        ConfigError: the text is not YAML, is nested too deeply or has too many values.
    """
    root = compose(text, path)
    tree = _YamlTree(path)
    node = None if root is None else tree.node(root)
    is_empty = isinstance(node, Scalar) and node.kind is Kind.NOTHING
    return None if is_empty else node, tuple(tree.problems)


def compose(text: str, path: str) -> yaml.Node | None:
    """PyYAML's node of the only document; what an alias refers to is one shared node, never a copy.

    Raises:
        ConfigError: the text is not YAML, or is nested too deeply.
    """
    strange = yaml.reader.Reader.NON_PRINTABLE.search(text)
    if strange is not None:
        line = text.count("\n", 0, strange.start()) + 1
        raise failure(path, line, f"contains the control character {ord(strange.group()):#04x}")
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        _check_depth(text, path, loader)
        root: yaml.Node | None = yaml.compose(text, Loader=loader)
    except yaml.YAMLError as error:
        raise failure(path, *_syntax_error(error, text)) from None
    except (ValueError, OverflowError) as error:  # from PyYAML's Python parser, for "\UFFFFFFFF"
        raise failure(path, None, f"not YAML: {error}") from None
    return root


def _check_depth(text: str, path: str, loader: Any) -> None:
    """Refuse deep nesting before composing, which recurses; PyYAML limits it too since 6.0.4."""
    depth = 0
    for event in yaml.parse(text, Loader=loader):
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
            if depth > MAX_DEPTH:
                mark = event.start_mark
                raise failure(path, mark.line + 1 if mark else None, TOO_DEEP)
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1


class _YamlTree:
    """Converts PyYAML's nodes, each once however many aliases refer to it."""

    def __init__(self, path: str) -> None:
        self.problems: list[ConfigProblem] = []
        self._path = path
        self._converted: dict[int, tuple[Node, int] | None] = {}
        """Nodes by identity, with the number of their values; None while one is being converted."""
        self._values = 0

    def node(self, source: Any) -> Node:
        origin = ConfigOrigin(self._path, source.start_mark.line + 1)
        if id(source) in self._converted:
            known = self._converted[id(source)]
            if known is None:
                raise failure(self._path, origin.line, "the value contains itself through an alias")
            self._count(known[1], origin)
            return known[0]
        self._converted[id(source)] = None
        before = self._values
        self._count(1, origin)
        node = self._convert(source, origin)
        self._converted[id(source)] = node, self._values - before
        return node

    def _count(self, values: int, origin: ConfigOrigin) -> None:
        self._values += values
        if self._values > MAX_VALUES:
            raise failure(self._path, origin.line, f"more than {figure(MAX_VALUES)} values, counting aliases")

    def _convert(self, source: Any, origin: ConfigOrigin) -> Node:
        name = source.tag.removeprefix(_CORE)
        if isinstance(source, yaml.ScalarNode):
            if name not in _KINDS:
                self._report_tag(source.tag, origin)
            return Scalar(_KINDS.get(name, Kind.TEXT), source.value, origin)
        is_list = isinstance(source, yaml.SequenceNode)
        if name != ("seq" if is_list else "map"):
            self._report_tag(source.tag, origin)
        if is_list:
            return Items(tuple(self.node(item) for item in source.value), origin)
        return self._table(source, origin)

    def _table(self, source: Any, origin: ConfigOrigin) -> Table:
        entries: dict[str, Entry] = {}
        merged: list[Entry] = []
        for key_source, value_source in source.value:
            key, value = self.node(key_source), self.node(value_source)
            if isinstance(value, Scalar) and value.kind is Kind.NOTHING:
                value = Scalar(Kind.NOTHING, value.text, key.origin)
            if key_source.tag == _MERGE:
                merged.extend(self._merged(value))
            elif (name := self._key(key)) is None:
                continue
            elif name in entries:
                first = entries[name].origin.line
                self._report(key.origin, f"duplicate key {quoted(name)} (first on line {first}); keep one")
            else:
                entries[name] = Entry(name, value, key.origin)
        for entry in merged:
            entries.setdefault(entry.key, entry)
        return Table(tuple(entries.values()), origin)

    def _merged(self, value: Node) -> Iterator[Entry]:
        for table in value.items if isinstance(value, Items) else (value,):
            if isinstance(table, Table):
                yield from table
            else:
                self._report(table.origin, "<< merges a mapping or a list of mappings, nothing else")

    def _key(self, key: Node) -> str | None:
        if isinstance(key, Scalar) and key.kind is Kind.TEXT:
            return key.text
        if not isinstance(key, Scalar):
            self._report(key.origin, "a key must be text, not a list or a mapping")
        elif not key.text:
            self._report(key.origin, "a key must be text, but this one is empty")
        else:
            misread = f"{plain(key.text)} without quotes is {key.kind.value} in YAML"
            self._report(key.origin, f"a key must be text, but {misread}; quote it: {quoted(key.text)}")
        return None

    def _report_tag(self, tag: str, origin: ConfigOrigin) -> None:
        shown = plain("!!" + tag.removeprefix(_CORE) if tag.startswith(_CORE) else tag)
        self._report(origin, f"tag {shown} is not supported; write the plain value")

    def _report(self, origin: ConfigOrigin, message: str) -> None:
        self.problems.append(ConfigProblem(origin.path, origin.line, message))


def _syntax_error(error: Any, text: str) -> tuple[int | None, str]:
    """The 1-based line of a YAML error and its message."""
    mark = getattr(error, "problem_mark", None)
    if mark is None:
        return None, f"not YAML: {error}"
    lines = text.splitlines() or [""]
    line = min(mark.line + 1, len(lines))  # the mark may be after the last line
    problem = str(error.problem or error.context)
    if "nesting depth" in problem:  # the scanner's limit since PyYAML 6.0.4, which reads ahead
        return line, TOO_DEEP
    if problem == "but found another document":
        return line, _SECOND_DOCUMENT
    name = re.match(r"[&*][^\s,\[\]{}]+", text[mark.index :])
    if name and (problem == "second occurrence" or problem.startswith("found undefined alias")):
        what = "duplicate anchor" if problem == "second occurrence" else "undefined alias"
        return line, f"{what} {plain(name.group())}"
    indent = re.match(r"\s*", lines[line - 1])
    if indent and "\t" in indent.group():
        return line, _TAB
    begun = getattr(error, "context_mark", None)
    where = f" ({error.context} from line {begun.line + 1})" if begun and begun.line + 1 < line else ""
    return line, f"not YAML: {problem}{where}"
