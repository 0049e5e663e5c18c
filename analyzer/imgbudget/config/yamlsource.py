"""Reads YAML into a tree with lines: built from PyYAML's events, so that depth, size and aliases are bounded.

No value is constructed: what YAML 1.1 takes for a boolean, a number or a date keeps its text and its kind,
and the schema can say how to quote it.
"""

from collections.abc import Iterator
from typing import Any

from imgbudget.config.nodes import (
    MAX_DEPTH,
    MAX_VALUES,
    TOO_DEEP,
    Entry,
    Items,
    Kind,
    Node,
    Scalar,
    Table,
    refusal,
)
from imgbudget.config.settings import Origin
from imgbudget.config.wording import plain, quoted
from imgbudget.errors import ConfigProblem

_CORE = "tag:yaml.org,2002:"
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


def read_yaml(text: str, path: str) -> tuple[Node | None, tuple[ConfigProblem, ...]]:
    """The tree of a YAML text, None when it is empty, and the mistakes that do not hinder reading on.

    Raises:
        ConfigError: the text is not YAML, is nested too deeply or stands for too many values.
    """
    import yaml  # noqa: PLC0415 - 15 ms that a run without a configuration does not pay

    strange = yaml.reader.Reader.NON_PRINTABLE.search(text)
    if strange is not None:
        line = text.count("\n", 0, strange.start()) + 1
        raise refusal(path, line, f"holds the control character {ord(strange.group()):#04x}")
    loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    tree = _Tree(path, yaml)
    try:
        root = tree.document(yaml.parse(text, Loader=loader))
    except yaml.YAMLError as error:
        raise refusal(path, *_syntax_error(error, text)) from None
    except (ValueError, OverflowError) as error:  # PyYAML's own parser on "\UFFFFFFFF"
        raise refusal(path, None, f"not YAML: {error}") from None
    return root, tuple(tree.problems)


class _Tree:
    """Builds nodes from events."""

    def __init__(self, path: str, yaml: Any) -> None:
        self.path = path
        self.problems: list[ConfigProblem] = []
        self._yaml = yaml
        self._resolver = yaml.resolver.Resolver()
        self._anchors: dict[str, tuple[Node, int] | None] = {}
        self._values = 0

    def document(self, events: Iterator[Any]) -> Node | None:
        root: Node | None = None
        documents = 0
        for event in events:
            if isinstance(event, self._yaml.DocumentStartEvent):
                documents += 1
                if documents > 1:
                    line = event.start_mark.line + 1
                    raise refusal(self.path, line, "a second YAML document begins here; a file holds one")
            elif isinstance(event, self._yaml.NodeEvent):
                root = self._node(event, events, 0)
        return None if isinstance(root, Scalar) and root.kind is Kind.NOTHING else root

    def _node(self, event: Any, events: Iterator[Any], depth: int) -> Node:
        origin = Origin(self.path, event.start_mark.line + 1)
        if depth > MAX_DEPTH:
            raise refusal(self.path, origin.line, TOO_DEEP)
        if isinstance(event, self._yaml.AliasEvent):
            return self._alias(event.anchor, origin)
        before = self._values
        self._count(1, origin)
        if event.anchor is not None:
            self._anchors[event.anchor] = None
        node: Node
        if isinstance(event, self._yaml.ScalarEvent):
            node = Scalar(self._kind(event, origin), event.value, origin)
        elif isinstance(event, self._yaml.SequenceStartEvent):
            self._expect_tag(event, "seq", origin)
            node = Items(tuple(self._items(events, depth)), origin)
        else:
            self._expect_tag(event, "map", origin)
            node = self._table(events, depth, origin)
        if event.anchor is not None:
            self._anchors[event.anchor] = node, self._values - before
        return node

    def _alias(self, anchor: str, origin: Origin) -> Node:
        if anchor not in self._anchors:
            raise refusal(self.path, origin.line, f"alias *{anchor} has no anchor &{anchor} before it")
        target = self._anchors[anchor]
        if target is None:
            raise refusal(self.path, origin.line, f"alias *{anchor} stands inside its own anchor")
        self._count(target[1], origin)
        return target[0]

    def _count(self, values: int, origin: Origin) -> None:
        self._values += values
        if self._values > MAX_VALUES:
            message = f"stands for more than {MAX_VALUES:,} values, aliases counted"
            raise refusal(self.path, origin.line, message)

    def _items(self, events: Iterator[Any], depth: int) -> Iterator[Node]:
        for event in events:
            if isinstance(event, self._yaml.SequenceEndEvent):
                return
            yield self._node(event, events, depth + 1)

    def _table(self, events: Iterator[Any], depth: int, origin: Origin) -> Table:
        entries: dict[str, Entry] = {}
        merged: list[Entry] = []
        for event in events:
            if isinstance(event, self._yaml.MappingEndEvent):
                break
            key = self._node(event, events, depth + 1)
            value = self._node(next(events), events, depth + 1)
            if isinstance(value, Scalar) and value.kind is Kind.NOTHING:
                value = Scalar(Kind.NOTHING, value.text, key.origin)
            if isinstance(event, self._yaml.ScalarEvent) and event.value == "<<" and event.implicit[0]:
                merged.extend(self._merged(value))
                continue
            name = self._key(key)
            if name is None:
                continue
            if name in entries:
                first = entries[name].origin.line
                message = f"key {quoted(name)} stands twice, first on line {first}; keep one of them"
                self._report(key.origin, message)
                continue
            entries[name] = Entry(name, value, key.origin)
        for entry in merged:
            entries.setdefault(entry.key, entry)
        return Table(tuple(entries.values()), origin)

    def _merged(self, value: Node) -> Iterator[Entry]:
        tables = value.items if isinstance(value, Items) else (value,)
        for table in tables:
            if isinstance(table, Table):
                yield from table
            else:
                self._report(table.origin, "<< wants a mapping, or a list of them, to merge in")

    def _key(self, key: Node) -> str | None:
        if not isinstance(key, Scalar):
            self._report(key.origin, "a key is a word, not a list or a mapping")
            return None
        if key.kind is not Kind.TEXT:
            misread = f"{key.text} without quotes is {key.kind.value} in YAML; quote it: {quoted(key.text)}"
            self._report(key.origin, f"a key is a word, but {misread if key.text else 'this one is empty'}")
            return None
        return key.text

    def _kind(self, event: Any, origin: Origin) -> Kind:
        tag = event.tag
        if tag is None or tag == "!":
            tag = self._resolver.resolve(self._yaml.ScalarNode, event.value, event.implicit)
        kind = _KINDS.get(str(tag).removeprefix(_CORE))
        if kind is None:
            self._report(origin, f"tag {plain(_shown_tag(tag))} has no meaning here; write the plain value")
            return Kind.TEXT
        return kind

    def _expect_tag(self, event: Any, expected: str, origin: Origin) -> None:
        if event.tag not in (None, "!", _CORE + expected):
            self._report(
                origin, f"tag {plain(_shown_tag(event.tag))} has no meaning here; write the plain value"
            )

    def _report(self, origin: Origin, message: str) -> None:
        self.problems.append(ConfigProblem(origin.path, origin.line, message))


def _shown_tag(tag: str) -> str:
    return "!!" + tag.removeprefix(_CORE) if tag.startswith(_CORE) else tag


def _syntax_error(error: Any, text: str) -> tuple[int | None, str]:
    """The 1-based line of a YAML error, and what to say of it."""
    mark = getattr(error, "problem_mark", None)
    if mark is None:
        return None, f"not YAML: {error}"
    lines = text.splitlines() or [""]
    line = min(mark.line + 1, len(lines))  # the end of the text counts as a line of its own
    if "nesting depth" in (error.problem or ""):  # libyaml counts too, since PyYAML 6.0.4
        return line, TOO_DEEP
    written = lines[line - 1]
    if "\t" in written[: len(written) - len(written.lstrip())]:
        return line, "the line is indented with a tab; YAML takes only spaces"
    begun = getattr(error, "context_mark", None)
    where = f" ({error.context} from line {begun.line + 1})" if begun and begun.line + 1 < line else ""
    return line, f"not YAML: {error.problem}{where}"
