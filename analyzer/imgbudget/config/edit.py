"""Changes the list `ignores` of a configuration text and leaves every other byte as it is.

The text is read again after each change and compared with what it should mean; if it differs, nothing is
changed. TOML is edited with tomlkit, which is an optional dependency.
"""

import json
import os
from collections.abc import Collection
from importlib.util import find_spec
from itertools import count
from typing import Any, NamedTuple

from imgbudget.config.load import PYPROJECT
from imgbudget.config.settings import Ignore
from imgbudget.config.tree import Items, Kind, Node, Scalar, Table
from imgbudget.config.write import scalar
from imgbudget.errors import ConfigError

_KEY = "ignores"


class Insertion(NamedTuple):
    """A text to insert into another one, and the offset there."""

    offset: int
    text: str


def with_ignore(text: str, path: str, ignore: Ignore) -> Insertion | None:
    """What adds an entry, with its rules, files, pointer and reason, to the configuration at `path`.

    None if that cannot be done without changing the rest, or the text is no configuration.
    """
    keys: dict[str, str | list[str]] = {
        "rules": list(ignore.rules),
        "files": list(ignore.files),
        "reason": ignore.reason,
    }
    if ignore.pointer is not None:
        keys["pointer"] = ignore.pointer
    is_toml = path.endswith(".toml")
    try:
        before = _values(_read(text, path))
        added = _into_toml(text, path, keys) if is_toml else _into_yaml(text, path, keys)
        if added is None:
            return None
        after = _values(_read(text[: added.offset] + added.text + text[added.offset :], path))
    except (ConfigError, ValueError):
        return None
    entries = _entries(after)
    wanted = {key: _written(value) for key, value in keys.items()}
    is_there = bool(entries) and entries[-1] == wanted
    return added if is_there and _without(after, len(entries) - 1) == before else None


def _written(value: str | list[str]) -> object:
    return (Kind.TEXT, value) if isinstance(value, str) else [(Kind.TEXT, item) for item in value]


def _into_yaml(text: str, path: str, keys: dict[str, Any]) -> Insertion | None:
    """Behind the last entry, or with the key at the end of the text."""
    lines = [f"{key}: {_yaml(value)}" for key, value in keys.items()]
    pair = _yaml_pair(text, path)
    if pair is None:
        begin = "" if not text or text.endswith("\n") else "\n"
        return Insertion(len(text), "\n    ".join([f"{begin}{_KEY}:\n  - {lines[0]}", *lines[1:]]) + "\n")
    entries = pair[1]
    if entries.id != "sequence" or entries.flow_style or not entries.value:
        return None
    item = entries.value[-1]
    dash = text.rfind("-", 0, item.start_mark.index)
    indent = text[_line_start(text, dash) : dash]
    last = _last_leaf(item).end_mark
    end = last.index if last.column == 0 else _line_end(text, last.index)
    begin = "" if text[:end].endswith("\n") else "\n"
    return Insertion(end, f"\n{indent}  ".join([f"{begin}{indent}- {lines[0]}", *lines[1:]]) + "\n")


def _yaml(value: str | list[str]) -> str:
    return scalar(value) if isinstance(value, str) else f"[{', '.join(map(scalar, value))}]"


def _into_toml(text: str, path: str, keys: dict[str, Any]) -> Insertion:
    """A table at the end of the text."""
    is_pyproject = os.path.basename(path) == PYPROJECT or "tool.imgbudget" in text
    table = f"tool.imgbudget.{_KEY}" if is_pyproject else _KEY
    lines = [f"{key} = {json.dumps(value, ensure_ascii=False)}" for key, value in keys.items()]
    begin = "" if not text else "\n" if text.endswith("\n") else "\n\n"
    return Insertion(len(text), "\n".join([f"{begin}[[{table}]]", *lines, ""]))


def obstacle(path: str) -> str:
    """Why entries of the configuration at `path` cannot be removed, as a clause; empty if they can."""
    if not path.endswith(".toml") or find_spec("tomlkit"):
        return ""
    return "--fix needs tomlkit to edit TOML files: pip install 'imgbudget[toml]'"


def without_ignores(text: str, path: str, numbers: Collection[int]) -> str | None:
    """The text of the configuration at `path` without these entries, counted from 0 in this file.

    None if an entry cannot be removed without changing the rest, e.g. because an alias refers to it.
    """
    remove = _without_in_toml if path.endswith(".toml") else _without_in_yaml
    for number in sorted(set(numbers), reverse=True):
        try:
            wanted = _without(_values(_read(text, path)), number)
            shorter = remove(text, path, number)
            if shorter is None or _values(_read(shorter, path)) != wanted:
                return None
        except ConfigError:
            return None
        text = shorter
    return text


def moved_entries(before: str, after: str, path: str) -> dict[int, int] | None:
    """The new number of each entry of `before` that is in `after` too; None if one of them cannot be read."""
    try:
        old, new = (_entries(_values(_read(text, path))) for text in (before, after))
    except ConfigError:
        return None
    moved: dict[int, int] = {}
    for number, entry in enumerate(old):
        same = [other for other, value in enumerate(new) if value == entry and other not in moved.values()]
        if same:
            moved[number] = same[0]
    return moved


def _entries(tree: object) -> list[object]:
    entries = tree.get(_KEY) if isinstance(tree, dict) else None
    return entries if isinstance(entries, list) else []


def _read(text: str, path: str) -> Node | None:
    if path.endswith(".toml"):
        from imgbudget.config.toml import read_toml  # noqa: PLC0415 - format

        return read_toml(text, path, is_pyproject=os.path.basename(path) == PYPROJECT)
    from imgbudget.config.yaml import read_yaml  # noqa: PLC0415 - format

    return read_yaml(text, path)[0]


def _values(node: Node | None) -> object:
    """A tree without its positions, so that two can be compared."""
    match node:
        case Scalar(kind, text, _):
            return kind, text
        case Items(items, _):
            return [_values(item) for item in items]
        case Table(entries, _):
            return {entry.key: _values(entry.value) for entry in entries}
        case None:
            return {}


def _without(tree: object, number: int) -> object:
    """The tree without one entry, and without the key if it was the only one."""
    if not isinstance(tree, dict) or not isinstance(tree.get(_KEY), list):
        return None
    left = [item for i, item in enumerate(tree[_KEY]) if i != number]
    rest = {key: value for key, value in tree.items() if key != _KEY}
    return {**rest, _KEY: left} if left else rest


_YAML_BREAKS = "\n\r\x85\u2028\u2029"
"""What ends a line, and a comment, in YAML 1.1; in TOML only the line feed does."""


def _line_start(text: str, offset: int, breaks: str = _YAML_BREAKS) -> int:
    """The offset at which the line of `offset` starts."""
    return max(text.rfind(char, 0, offset) for char in breaks) + 1


def _line_end(text: str, offset: int, breaks: str = _YAML_BREAKS) -> int:
    """The offset after the line of `offset`, with its line feed."""
    end = min((found for char in breaks if (found := text.find(char, offset)) >= 0), default=len(text))
    return min(end + (2 if text.startswith("\r\n", end) else 1), len(text))


def _yaml_pair(text: str, path: str) -> tuple[Any, Any] | None:
    """The node of the key and that of the list; None if there is none."""
    from imgbudget.config.yaml import compose  # noqa: PLC0415 - format

    root: Any = compose(text, path)
    pairs = root.value if root is not None and root.id == "mapping" else ()
    return next(((key, value) for key, value in pairs if key.value == _KEY), None)


def _without_in_yaml(text: str, path: str, number: int) -> str | None:
    key, entries = _yaml_pair(text, path) or (None, None)
    if key is None or entries is None or entries.id != "sequence" or number >= len(entries.value):
        return None
    if entries.flow_style:
        return _without_flow_item(text, key, entries, number)
    item = entries.value[number]
    dash = text.rfind("-", 0, item.start_mark.index)
    begin = _line_start(text, dash)
    if dash < 0 or text[begin:dash].strip() or text[dash + 1 : item.start_mark.index].strip():
        return None
    last = _last_leaf(item).end_mark
    end = last.index if last.column == 0 else _line_end(text, last.index)
    text = text[:begin] + text[end:]
    if len(entries.value) > 1:
        return text
    return text[: _line_start(text, key.start_mark.index)] + text[_line_end(text, key.end_mark.index) :]


def _last_leaf(node: Any) -> Any:
    """The node inside another that ends last; the end mark of a block itself is after its comments."""
    while node.id != "scalar" and node.value and not node.flow_style:
        last = node.value[-1]
        node = last[1] if isinstance(last, tuple) else last
    return node


def _without_flow_item(text: str, key: Any, entries: Any, number: int) -> str | None:
    """The text without an item of a list in brackets and one comma, or without the key of the only item."""
    spans = [(item.start_mark.index, item.end_mark.index) for item in entries.value]
    if len(spans) > 1:
        begin, end = spans[number]
        if number + 1 < len(spans):
            end = spans[number + 1][0]
        else:
            begin = spans[number - 1][1]
        return text[:begin] + text[end:]
    begin, end = _line_start(text, key.start_mark.index), _line_end(text, entries.end_mark.index)
    rest = text[entries.end_mark.index : end].strip()
    is_alone = not text[begin : key.start_mark.index].strip() and rest[:1] in ("", "#")
    return text[:begin] + text[end:] if is_alone else None


def _without_in_toml(text: str, _path: str, number: int) -> str | None:
    if not find_spec("tomlkit"):
        return None
    from imgbudget.config.toml import TABLE, same_elsewhere  # noqa: PLC0415 - format

    tomlkit = _tomlkit()
    document: Any = tomlkit.parse(text)
    table = document
    for name in TABLE:
        table = table.get(name, {})
    entries = (table or document).get(_KEY)
    if not isinstance(entries, list) or number >= len(entries) or tomlkit.dumps(document) != text:
        return None
    if isinstance(entries, tomlkit.items.AoT):
        shorter = _without_table(document, entries[number], _mark_for(text))
    else:
        if len(entries) > 1:
            del entries[number]
        else:
            del (table or document)[_KEY]
        shorter = str(tomlkit.dumps(document))
    return shorter if same_elsewhere(text, shorter) else None


def _tomlkit() -> Any:
    import tomlkit  # noqa: PLC0415 - extra

    return tomlkit


def _mark_for(text: str) -> str:
    """A word that the text does not contain."""
    return next(mark for number in count() if (mark := f"imgbudget-removes-this-{number}") not in text)


def _without_table(document: Any, entry: Any, mark: str) -> str:
    """The text of a document without a table of an array, but with the comments after the table's last key.

    tomlkit counts such comments among the table, though they are most often about what follows.
    """
    tomlkit = _tomlkit()
    entry.comment(mark)
    body = entry.value.body
    last = max(index for index, (key, _) in enumerate(body) if key is not None)
    body.insert(last + 1, (None, tomlkit.comment(mark)))
    text = str(tomlkit.dumps(document))
    begin, end = text.index(mark), text.rindex(mark)
    return text[: _line_start(text, begin, "\n")] + text[_line_end(text, end, "\n") :]
