"""Where values stand in a sound JSON text: a walk along routes, all else skipped by the parser."""

import json
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

from imgbudget.model import Key, Keys

_blanks = re.compile(r"[ \t\r\n]*").match
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
    """A container that the walk is in, and the member of it that it has come to."""

    route: Keys
    start: int
    is_object: bool
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


def members(text: str, enter: Callable[[Keys], bool]) -> Iterator[Member]:
    """The values of a text that is known to be JSON, those inside a container before the container.

    Only containers whose route `enter` says yes to are walked through; the others come as one value.
    """
    stack: list[_Open] = []
    route: Keys = ()
    at = _skip(text, 0)
    while True:
        if text[at] in "[{" and enter(route):
            stack.append(_Open(route, at, is_object=text[at] == "{"))
            end = at + 1
            if text[_skip(text, end)] not in "]}":
                at = stack[-1].next_member(text, end)
                route = (*stack[-1].route, stack[-1].key)
                continue
        else:
            end = _scan(text, at)[1]
            yield _member(stack, route, at, end)
        while stack:
            inner = stack[-1]
            end = _skip(text, end)
            if text[end] == ",":
                at = inner.next_member(text, end + 1)
                route = (*inner.route, inner.key)
                break
            if text[end] not in "]}":
                raise AssertionError  # not reached: the text is JSON
            stack.pop()
            end += 1
            yield _member(stack, inner.route, inner.start, end)
        else:
            return


def _skip(text: str, at: int) -> int:
    match = _blanks(text, at)
    return match.end() if match else at


def _member(stack: list[_Open], route: Keys, start: int, end: int) -> Member:
    if not stack:
        return Member(route, start, end, 0, 0, -1)
    outer = stack[-1]
    key_start, key_end = (outer.key_start, outer.key_end) if outer.is_object else (0, 0)
    return Member(route, start, end, key_start, key_end, outer.start)


def find_members(text: str, routes: Iterable[Keys], *, doubled: bool) -> dict[Keys, Member]:
    """The values that the routes lead to; a route that leads nowhere is left out.

    `doubled` says that a key may stand twice in an object: then the last one counts, as it does to the
    parser, and the walk goes to the end.
    """
    wanted = set(routes)
    inner = {route[:i] for route in wanted for i in range(len(route))}
    found: dict[Keys, Member] = {}
    for member in members(text, inner.__contains__):
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
