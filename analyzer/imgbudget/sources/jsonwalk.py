"""Where values stand in a sound JSON text: a walk along routes, all else skipped by the parser."""

import json
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

from imgbudget.model import Key, Keys

BLANK = " \t\r\n"
"""What may stand between the values of a text."""

_TAIL = 64
_blanks = re.compile(r"[ \t\r\n]*+").match
_plain_key = re.compile(r'[ \t\r\n]*+("([^"\\]*+)")[ \t\r\n]*+:[ \t\r\n]*+').match
_scan = json.JSONDecoder(parse_int=str).raw_decode
"""The value at a position and where it ends; `str`, because integers may be too long to convert."""


class Member(NamedTuple):  # made for each value on the way
    """A value of a text: its route, positions of its text and of its key, position of what it is a member of.

    `key_end` is 0 where there is no key.
    """

    route: Keys
    start: int
    end: int
    key_start: int
    key_end: int
    parent: int


@dataclass(slots=True)
class _Open:
    """A container that the walk is in, and the member of it that it has come to.

    `end` is where it ends, 0 where that is not known yet; where it is, `value` is what the parser made of it.
    """

    route: Keys
    start: int
    is_object: bool
    end: int
    value: Any
    key: Key = -1
    key_start: int = 0
    key_end: int = 0

    def next_member(self, text: str, at: int) -> int:
        """Read the key of the member that begins at `at`; where its value begins."""
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

    def end_of_last(self, text: str) -> int:
        """Where the member ends, if it is the last one and the container's end is known; else 0."""
        if not self.end:
            return 0
        last = next(reversed(self.value)) if self.is_object else len(self.value) - 1
        return bare_end(text, self.end - 1) if self.key == last else 0


def members(text: str, enter: Callable[[Keys], bool], value: Any = None) -> Iterator[Member]:
    """The values of a text that is known to be JSON, those inside a container before the container.

    Only containers whose route `enter` says yes to are walked through; the others come as one value. With
    `value`, what the parser made of a text in which no key is doubled, the last values need no scan.
    """
    stack: list[_Open] = []
    route: Keys = ()
    at = _skip(text, 0)
    known = 0 if value is None else bare_end(text, len(text))
    while True:
        if text[at] in "[{" and enter(route):
            inner = _Open(route, at, text[at] == "{", known, value)
            stack.append(inner)
            end = at + 1
            if text[_skip(text, end)] not in "]}":
                at = inner.next_member(text, end)
                route = (*inner.route, inner.key)
                if known := inner.end_of_last(text):
                    value = inner.value[inner.key]
                continue
        else:
            end = known or _scan(text, at)[1]
            yield _member(stack, route, at, end)
        while stack:
            inner = stack[-1]
            end = _skip(text, end)
            if text[end] == ",":
                at = inner.next_member(text, end + 1)
                route = (*inner.route, inner.key)
                if known := inner.end_of_last(text):
                    value = inner.value[inner.key]
                break
            if text[end] not in "]}":
                raise AssertionError  # not reached: the text is JSON
            stack.pop()
            end += 1
            yield _member(stack, inner.route, inner.start, end)
        else:
            return


def _skip(text: str, at: int) -> int:
    """Where the next byte stands that is no blank, of which most texts have none or very many."""
    if text[at] not in BLANK:
        return at
    match = _blanks(text, at)
    return match.end() if match else at


def _member(stack: list[_Open], route: Keys, start: int, end: int) -> Member:
    if not stack:
        return Member(route, start, end, 0, 0, -1)
    outer = stack[-1]
    key_start, key_end = (outer.key_start, outer.key_end) if outer.is_object else (0, 0)
    return Member(route, start, end, key_start, key_end, outer.start)


def bare_end(text: str, end: int) -> int:
    """Where what stands before `end` ends without blanks; all of it is copied only where they are many."""
    if text[end - 1] not in BLANK:
        return end
    tail = text[max(end - _TAIL, 0) : end]
    if not (bare := tail.rstrip(BLANK)):
        tail, bare = text[:end], text[:end].rstrip(BLANK)
    return end - len(tail) + len(bare)


def find_members(text: str, value: Any, routes: Iterable[Keys], *, doubled: bool) -> dict[Keys, Member]:
    """The values that the routes lead to in a text; a route that leads nowhere is left out.

    `value` is what the parser made of the text. `doubled` says that a key may stand twice in an object: then
    the last one counts, as it does to the parser, and the walk goes to the end.
    """
    wanted = set(routes)
    inner = {route[:i] for route in wanted for i in range(len(route))}
    found: dict[Keys, Member] = {}
    for member in members(text, inner.__contains__, None if doubled else value):
        route = member.route
        if doubled and route in inner:
            _forget(found, member)
        if route in wanted:
            found[route] = member
            if len(found) == len(wanted) and not doubled:
                break
    return found


def _forget(found: dict[Keys, Member], later: Member) -> None:
    """Drop what an earlier value of the same route held."""
    depth = len(later.route)
    for route in [route for route in found if route[:depth] == later.route]:
        if found[route].start < later.start:
            del found[route]


def doubled_members(text: str) -> Iterator[Keys]:
    """The routes of members whose key stood in their object before."""
    seen: set[tuple[int, Key]] = set()
    told: set[Keys] = set()
    for member in members(text, lambda _: True):
        if not member.key_end:
            continue
        name = (member.parent, member.route[-1])
        if name in seen and member.route not in told:
            told.add(member.route)
            yield member.route
        seen.add(name)
