"""Takes entries out of the list `ignores` of a configuration text, every other byte left as it is.

The text is read again after each removal and held against what was asked for: a text that would come to mean
something else is not changed at all.
"""

from collections.abc import Collection
from typing import Any, NamedTuple

from imgbudget.config.files import name_of
from imgbudget.config.nodes import Items, Node, Scalar, Table
from imgbudget.config.tomllines import Route, toml_lines, toml_tokens
from imgbudget.config.tomlsource import TABLE, read_toml
from imgbudget.errors import ConfigError

_KEY = "ignores"
_Plain = object


class Cut(NamedTuple):
    """A stretch of a text that is left out, in characters, the end exclusive."""

    start: int
    end: int


def without_ignores(text: str, path: str, numbers: Collection[int]) -> str | None:
    """The text of the configuration at `path` without these entries, counted from 0 in this file.

    None where an entry cannot be taken out alone: it is written in a way that is not known here, or an anchor
    in it is used elsewhere.
    """
    for number in sorted(set(numbers), reverse=True):
        before = _plain(_read(text, path))
        cuts = (_toml_cuts if path.endswith(".toml") else _yaml_cuts)(text, path, number)
        if cuts is None:
            return None
        text = _cut(text, cuts)
        try:
            after = _plain(_read(text, path))
        except ConfigError:
            return None
        if after != _without(before, number):
            return None
    return text


def _cut(text: str, cuts: Collection[Cut]) -> str:
    for start, end in sorted(cuts, reverse=True):
        text = text[:start] + text[end:]
    return text


def _read(text: str, path: str) -> Node | None:
    if path.endswith(".toml"):
        return read_toml(text, path, is_pyproject=name_of(path) == "pyproject.toml")
    from imgbudget.config.yamlsource import read_yaml  # noqa: PLC0415 - for YAML only

    return read_yaml(text, path)[0]


def _plain(node: Node | None) -> _Plain:
    """A tree without its lines, so that two can be compared."""
    match node:
        case Scalar(kind, text, _):
            return kind, text
        case Items(items, _):
            return [_plain(item) for item in items]
        case Table(entries, _):
            return {entry.key: _plain(entry.value) for entry in entries}
        case None:
            return {}


def _without(tree: _Plain, number: int) -> _Plain:
    """The tree without one entry; without the key too when it was the last one."""
    if not isinstance(tree, dict) or not isinstance(tree.get(_KEY), list):
        return None
    left = [item for i, item in enumerate(tree[_KEY]) if i != number]
    rest = {key: value for key, value in tree.items() if key != _KEY}
    return {**rest, _KEY: left} if left else rest


def _line_starts(text: str) -> list[int]:
    starts = [0]
    while found := text.find("\n", starts[-1]) + 1:
        starts.append(found)
    return starts


def _line_end(text: str, offset: int) -> int:
    """The offset behind the line in which `offset` lies."""
    newline = text.find("\n", offset)
    return len(text) if newline < 0 else newline + 1


def _yaml_cuts(text: str, _path: str, number: int) -> list[Cut] | None:
    import yaml  # noqa: PLC0415 - only a fix needs it

    try:
        root: Any = yaml.compose(text, Loader=yaml.SafeLoader)
    except (
        yaml.YAMLError
    ):  # it refuses what the configuration's own reader takes, e.g. an anchor that comes twice
        return None
    pairs = root.value if isinstance(root, yaml.MappingNode) else ()
    key, listed = next(((key, value) for key, value in pairs if key.value == _KEY), (None, None))
    if key is None or not isinstance(listed, yaml.SequenceNode) or number >= len(listed.value):
        return None
    starts = _line_starts(text)
    if listed.flow_style:
        spans = [Cut(item.start_mark.index, item.end_mark.index) for item in listed.value]
        return _list_cuts(text, spans, number, Cut(key.start_mark.index, listed.end_mark.index))
    item = listed.value[number]
    dash = text.rfind("-", 0, item.start_mark.index)
    if dash < 0 or text[dash + 1 : item.start_mark.index].strip():
        return None
    begin = starts[text.count("\n", 0, dash)]
    if text[begin:dash].strip():
        return None
    last = _last_leaf(item).end_mark
    cuts = [Cut(begin, last.index if last.column == 0 else _line_end(text, last.index))]
    if len(listed.value) == 1:
        cuts.append(Cut(starts[key.start_mark.line], _line_end(text, key.end_mark.index)))
    return cuts


def _last_leaf(node: Any) -> Any:
    """The node that ends last inside of another: a block's own end mark stands behind comments."""
    while not node.start_mark or not isinstance(node.value, str):
        if not node.value or node.flow_style:
            return node
        last = node.value[-1]
        node = last[1] if isinstance(last, tuple) else last
    return node


def _list_cuts(text: str, spans: list[Cut], number: int, whole: Cut) -> list[Cut] | None:
    """What to leave out of a list in brackets: the item and one comma, or with the last item the key too."""
    item = spans[number]
    if len(spans) == 1:
        begin = text.rfind("\n", 0, whole.start) + 1
        end = _line_end(text, whole.end)
        rest = text[whole.end : end].strip()
        return [Cut(begin, end)] if not text[begin : whole.start].strip() and rest[:1] in ("", "#") else None
    if number + 1 < len(spans):
        return [Cut(item.start, spans[number + 1].start)]
    return [Cut(spans[number - 1].end, item.end)]


def _toml_cuts(text: str, _path: str, number: int) -> list[Cut] | None:
    lines = toml_lines(text)
    for table in (TABLE, ()):
        entry: Route = (*table, _KEY, number)
        if entry in lines:
            break
    else:
        return None
    starts = _line_starts(text)
    begin = starts[lines[entry] - 1]
    if not text[begin:].lstrip().startswith("[["):
        return _inline_cuts(text, starts[lines[entry[:-1]] - 1], number)
    later = (line for route, line in lines.items() if route[: len(entry)] != entry and line > lines[entry])
    last = min(later, default=len(starts) + 1) - 1
    while last > lines[entry] and text[starts[last - 1] : _line_end(text, starts[last - 1])].lstrip()[:1] in (
        "",
        "#",
    ):
        last -= 1
    return [Cut(begin, _line_end(text, starts[last - 1]))]


def _inline_cuts(text: str, begin: int, number: int) -> list[Cut] | None:
    """The same for `ignores = [{...}, {...}]`; `begin` is where the line of the key begins."""
    spans: list[Cut] = []
    depth, key, opened = 0, -1, False
    for piece, start, end in toml_tokens(text, begin):
        if not opened:
            key = start if piece.strip("\"'") == _KEY else key
            opened = key >= 0 and piece == "["
            continue
        if piece in "[{" and piece:
            if depth == 0:
                spans.append(Cut(start, start))
            depth += 1
        elif piece in ("]", "}"):
            if depth == 0:
                return _list_cuts(text, spans, number, Cut(key, end)) if number < len(spans) else None
            depth -= 1
            if depth == 0:
                spans[-1] = Cut(spans[-1].start, end)
    return None
