"""What the turns of a body have, told in one pass: all that recognising its dialect asks for."""

from typing import Any, NamedTuple


class Outline(NamedTuple):
    """Roles of the turns and types of their blocks; `untyped` are the blocks without a type that is a text.

    `has_role` says whether a turn has a role of any kind, `has_calls` whether one has `tool_calls`.
    """

    roles: frozenset[str] = frozenset()
    has_role: bool = False
    has_calls: bool = False
    kinds: frozenset[str] = frozenset()
    untyped: tuple[dict[str, Any], ...] = ()


def outline(body: Any) -> Outline:
    """The outline of the `messages` of a body; an empty one where there are none."""
    messages = body.get("messages") if isinstance(body, dict) else None
    if not isinstance(messages, list):
        return Outline()
    has_role = has_calls = False
    roles, kinds, untyped = set(), set(), []
    for turn in messages:  # plain loops: a long conversation has many blocks
        if not isinstance(turn, dict):
            continue
        if "role" in turn:
            has_role = True
            if isinstance(role := turn["role"], str):
                roles.add(role)
        if turn.get("tool_calls"):
            has_calls = True
        content = turn.get("content")
        for block in content if isinstance(content, list) else ():
            if isinstance(block, dict):
                if isinstance(kind := block.get("type"), str):
                    kinds.add(kind)
                else:
                    untyped.append(block)
    return Outline(frozenset(roles), has_role, has_calls, frozenset(kinds), tuple(untyped))


def each_block(body: dict[str, Any]) -> list[dict[str, Any]]:
    """The blocks that an outline tells of, for what it leaves open."""
    turns = [turn for turn in body["messages"] if isinstance(turn, dict)]
    contents = [turn["content"] for turn in turns if isinstance(turn.get("content"), list)]
    return [block for content in contents for block in content if isinstance(block, dict)]
