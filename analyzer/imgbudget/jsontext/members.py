"""The values of JSON text with their positions: all of them in order, or those at some paths."""

import json
import re
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from imgbudget.model.location import Key, Keys
from imgbudget.namedtuples import NamedTuple
from imgbudget.slotted import dataclass

BLANK = " \t\r\n"
"""The whitespace of JSON."""

_TAIL = 64
_blanks = re.compile(r"[ \t\r\n]*+").match
_plain_key = re.compile(r'[ \t\r\n]*+("([^"\\]*+)")[ \t\r\n]*+:[ \t\r\n]*+').match
_decoder: Any = json.JSONDecoder(parse_int=str)  # typeshed does not know `scan_once`
_scan: Callable[[str, int], tuple[Any, int]] = _decoder.scan_once
"""The value at a position and its end; integers as `str`, because they may be too long to convert."""


class Member(NamedTuple):  # one for each value passed
    """A value of a text: its path, the positions of its text and of its key, the start of its container.

    `key_end` is 0 if there is no key.
    """

    path: Keys
    start: int
    end: int
    key_start: int
    key_end: int
    parent: int


@dataclass(slots=True)
class _OpenContainer:
    """A container being walked, and its current member."""

    path: Keys
    start: int
    is_object: bool
    key: Key = -1
    key_start: int = 0
    key_end: int = 0

    def next_member(self, text: str, at: int) -> int:
        """Read the key of the member that begins at `at`; returns the position of its value."""
        if not self.is_object:
            self.key = int(self.key) + 1
            return _skip(text, at)
        if plain := _plain_key(text, at):
            self.key = plain[2]
            self.key_start, self.key_end = plain.span(1)
            return plain.end()
        self.key_start = at = _skip(text, at)
        self.key, self.key_end = _scan(text, at)
        colon = _skip(text, self.key_end)
        return _skip(text, colon + 1)


def members(text: str, enter: Callable[[Keys], bool]) -> Iterator[Member]:
    """The values of valid JSON text, the members of a container before the container.

    Only containers for whose path `enter` returns True are entered; others are yielded as one value.
    """
    stack: list[_OpenContainer] = []
    path: Keys = ()
    at = _skip(text, 0)
    while True:
        if text[at] in "[{" and enter(path):
            inner = _OpenContainer(path, at, text[at] == "{")
            stack.append(inner)
            end = at + 1
            if text[_skip(text, end)] not in "]}":
                at = inner.next_member(text, end)
                path = (*inner.path, inner.key)
                continue
        else:
            end = _scan(text, at)[1]
            yield _member(stack, path, at, end)
        while stack:
            inner = stack[-1]
            end = _skip(text, end)
            if text[end] == ",":
                at = inner.next_member(text, end + 1)
                path = (*inner.path, inner.key)
                break
            if text[end] not in "]}":
                raise AssertionError  # unreachable: the text is valid JSON
            stack.pop()
            end += 1
            yield _member(stack, inner.path, inner.start, end)
        else:
            return


def _skip(text: str, at: int) -> int:
    """The position of the next non-blank character. Most texts have no blanks or very many."""
    if text[at] not in BLANK:
        return at
    match = _blanks(text, at)
    return match.end() if match else at


def _member(stack: list[_OpenContainer], path: Keys, start: int, end: int) -> Member:
    if not stack:
        return Member(path, start, end, 0, 0, -1)
    outer = stack[-1]
    key_start, key_end = (outer.key_start, outer.key_end) if outer.is_object else (0, 0)
    return Member(path, start, end, key_start, key_end, outer.start)


def end_without_blanks(text: str, end: int) -> int:
    """`end` without the blanks before it; copies the whole text only if there are many."""
    if text[end - 1] not in BLANK:
        return end
    tail = text[max(end - _TAIL, 0) : end]
    if not (bare := tail.rstrip(BLANK)):
        tail, bare = text[:end], text[:end].rstrip(BLANK)
    return end - len(tail) + len(bare)


def find_members(text: str, value: Any, paths: Iterable[Keys], *, has_duplicates: bool) -> dict[Keys, Member]:
    """The values at the paths in a text; paths that do not exist are left out.

    `value` is the parsed text. With `has_duplicates` an object may have a key twice: the last one
    counts, as for the parser, and the walk goes to the end.
    """
    wanted = set(paths)
    if not has_duplicates:
        return _MemberSearch(text, wanted).found_in(value)
    inner = {path[:i] for path in wanted for i in range(len(path))}
    found: dict[Keys, Member] = {}
    for member in members(text, inner.__contains__):
        path = member.path
        if path in inner:
            _forget(found, member)
        if path in wanted:
            found[path] = member
    return found


_HERE = None
"""The key of a path in the tree of those that are looked for; other keys lead to what is inside."""


class _MemberSearch:
    """Finds values at paths in a text whose parsed value, without duplicate keys, shows how to go there."""

    __slots__ = ("_count", "_found", "_text", "_tree")

    def __init__(self, text: str, wanted: set[Keys]) -> None:
        self._text = text
        self._found: dict[Keys, Member] = {}
        self._count = len(wanted)
        self._tree: dict[Key | None, Any] = {}
        for path in wanted:
            branch = self._tree
            for key in path:
                branch = branch.setdefault(key, {})
            branch[_HERE] = path

    def found_in(self, value: Any) -> dict[Keys, Member]:
        """The values found in the whole text."""
        text, tree = self._text, self._tree
        start, end = _skip(text, 0), end_without_blanks(text, len(text))
        if _HERE in tree:
            self._found[()] = Member((), start, end, 0, 0, -1)
            del tree[_HERE]
        if tree and isinstance(value, (dict, list)):
            self._enter(value, tree, start, end)
        return self._found

    def _enter(
        self, value: dict[str, Any] | list[Any], tree: dict[Key | None, Any], start: int, end: int
    ) -> int:
        """Look at the members of a container; returns its end, or 0 once all values are found.

        `end` is that of the container, 0 if it is not known: what follows the last value that is looked for
        needs no scan if it is.
        """
        text = self._text
        is_object = isinstance(value, dict)
        items: Iterable[tuple[Key, Any]] = value.items() if isinstance(value, dict) else enumerate(value)
        at, last, left = start + 1, len(value) - 1, len(tree)
        for number, (key, item) in enumerate(items):
            key_start = key_end = 0
            if not is_object:
                at = _skip(text, at)
            elif plain := _plain_key(text, at):
                key_start, key_end = plain.span(1)
                at = plain.end()
            else:
                key_start = _skip(text, at)
                key_end = _scan(text, key_start)[1]
                at = _skip(text, _skip(text, key_end) + 1)
            branch = tree.get(key)
            if branch is None:
                at = _skip(text, _scan(text, at)[1]) + 1  # behind the comma, or the closing bracket
                continue
            left -= 1
            path = branch.pop(_HERE, None)
            stop = end_without_blanks(text, end - 1) if end and number == last else 0
            if branch and isinstance(item, (dict, list)):
                stop = self._enter(item, branch, at, stop)
                if not stop:
                    return 0
            stop = stop or _scan(text, at)[1]
            if path is not None:
                self._found[path] = Member(path, at, stop, key_start, key_end, start)
                if len(self._found) == self._count:
                    return 0
            if end and not left:
                return end
            at = _skip(text, stop) + 1
        return at if value else _skip(text, at) + 1


def _forget(found: dict[Keys, Member], later: Member) -> None:
    """Drop the members of an earlier value at the same path."""
    depth = len(later.path)
    for path in [path for path in found if path[:depth] == later.path]:
        if found[path].start < later.start:
            del found[path]


def duplicate_members(text: str) -> Iterator[Keys]:
    """The paths of members whose key is a duplicate within their object."""
    keys: set[tuple[int, Key]] = set()
    reported: set[Keys] = set()
    for member in members(text, lambda _: True):
        if not member.key_end:
            continue
        if (name := (member.parent, member.path[-1])) in keys and member.path not in reported:
            reported.add(member.path)
            yield member.path
        keys.add(name)
