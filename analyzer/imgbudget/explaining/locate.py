"""Finds the block that an error message refers to: by its location, its flat index, or our own rules."""

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from imgbudget.explaining.match import Match
from imgbudget.limits.values import figure
from imgbudget.model.location import Key, Location
from imgbudget.model.subjects import Block, DocumentUse, Finding, ImageUse, Nested, Request, walk_blocks

MOST = 20
"""Most blocks that are listed for one message if it may refer to any of them."""

_ROOTS = ("messages", "system", "input", "contents")
_BRACKETS = re.compile(r"\.?\[(\d+)\]")
_FIELDS = ("data", "media_type", "url", "file_id")
"""Fields of an image source that may end a location (quoted errors, 2024-03 to 2026-09)."""


class Candidate(NamedTuple):
    """A block that may be at fault: its location, its image, why it is listed, and the findings on it.

    `field` is the field of the source at the end of the location, None if the location is the whole block.
    """

    location: Location
    why: str
    use: ImageUse | None = None
    field: str | None = None
    findings: tuple[Finding, ...] = ()


class Located(NamedTuple):
    """The candidates, or only the most likely one if there is one; `note` is a remark on them."""

    candidates: tuple[Candidate, ...]
    note: str | None = None


class FailingBlock(NamedTuple):
    """A parsed location: its root, as `messages`, the indices after it, and the field at its end."""

    root: str
    indices: tuple[int, ...]
    field: str | None


def parse_location(location: str) -> FailingBlock | None:
    """Parse a location as the API writes it, without its union tags; None if it has no index.

    `messages.0.content.1.tool_result.content.2.image.source.base64.data` has the indices 0, 1, 2,
    `input[37].content[0].image_url` 37 and 0. AWS writes lists as `messages.1.member` and counts from 1.
    """
    keys = _BRACKETS.sub(r".\1", location).split(".")
    start = next((i for i, key in enumerate(keys) if key in _ROOTS), None)
    if start is None:
        return None
    first = int("member" in keys)
    indices = tuple(int(key) - first for key in keys[start + 1 :] if key.isdecimal())
    return FailingBlock(keys[start], indices, keys[-1] if keys[-1] in _FIELDS else None) if indices else None


def locate(match: Match, requests: Sequence[Request], findings: Iterable[Finding]) -> Located:
    """The blocks of `requests` that `match` may refer to; `findings` are those of our own rules."""
    found_by_us = list(findings)
    mine = [finding for finding in found_by_us if finding.code in match.pattern.codes]
    if match.paths:
        return _by_paths(match, requests, mine if match.pattern.codes else found_by_us)
    target = parse_location(match.location) if match.location else None
    if target is None:
        return _by_rule(match, requests, mine)
    notes: list[str] = []
    candidates: list[Candidate] = []
    for request in requests:
        found = _flat(match, target, request) if match.pattern.flat else _direct(match, target, request)
        candidates += _with_findings(found.candidates, mine)
        notes += [found.note] if found.note else []
    confirmed = [candidate for candidate in candidates if candidate.findings]
    if confirmed and (more := len({finding.location for finding in mine}) - len(confirmed)) > 0:
        codes = " or ".join(match.pattern.codes)
        notes.append(f"{more} more reported by {codes}: they would be rejected next")
    if len(requests) > 1 and not confirmed and len(candidates) > 1:
        notes = [f"the file has {len(requests)} requests, and the location exists in more than one"]
    if candidates:
        return Located(tuple(confirmed or candidates)[:MOST], "; ".join(dict.fromkeys(notes)) or None)
    fallback = _by_rule(match, requests, mine)
    note = f"{match.location} does not exist in the request; is this the request that was sent?"
    return fallback._replace(note=f"{note} {fallback.note}" if fallback.note else note)


def _by_paths(match: Match, requests: Sequence[Request], mine: list[Finding]) -> Located:
    """Every block that a structured error names, in its order."""
    candidates: list[Candidate] = []
    missing = 0
    for path in match.paths:
        target = parse_location(path)
        named = [_direct(match, target, request) for request in requests] if target else []
        found = [
            candidate._replace(why="named by the error") for one in named for candidate in one.candidates
        ]
        candidates += _with_findings(found, mine)
        missing += not found
    if not candidates:
        fallback = _by_rule(match, requests, mine if match.pattern.codes else [])
        lost = "the paths do not exist in the request; is this the request that was sent?"
        return fallback._replace(note=f"{lost} {fallback.note}" if fallback.note else lost)
    note = f"{missing} of {len(match.paths)} paths do not exist in the request" if missing else None
    return Located(tuple(dict.fromkeys(candidates)), note)


def indices_of(location: Location) -> tuple[Key, ...]:
    """The root key of a location in its request and the indices after it, as in `FailingBlock`."""
    keys = (*location.prefix, *(location.keys or ())[location.root :])
    return (*keys[:1], *(key for key in keys[1:] if isinstance(key, int)))


def _with_findings(candidates: Iterable[Candidate], findings: list[Finding]) -> Iterator[Candidate]:
    for candidate in candidates:
        of_it = tuple(finding for finding in findings if finding.location == candidate.location)
        yield candidate._replace(findings=of_it)


def _direct(match: Match, target: FailingBlock, request: Request) -> Located:
    """The block with the indices of the location."""
    wanted = (target.root, *target.indices)
    for use in request.images:
        if indices_of(use.location) == wanted:
            why, note = "its location", None
            size, measured = use.base64_size, match.measured
            if match.pattern.unit == "bytes" and size and measured is not None and size != measured:
                note = (
                    f"its base64 text has {figure(size)} bytes, but the error says {figure(measured)}: "
                    "the request has changed, or it is a different one"
                )
            return Located((Candidate(use.location, why, use, target.field),), note)
    for turn in request.turns:
        for block in walk_blocks(turn.blocks):
            if indices_of(block.location) == wanted:
                return _inside(block)
    return Located(())


def _inside(block: Block) -> Located:
    """The images inside a block that the location refers to as a whole, or the block itself."""
    inner = block.blocks if isinstance(block, (Nested, DocumentUse)) else ()
    images = [found for found in walk_blocks(inner) if isinstance(found, ImageUse)]
    if images:
        why = "inside the block at this location"
        return Located(tuple(Candidate(use.location, why, use) for use in images))
    return Located((Candidate(block.location, "its location"),))


def _flat(match: Match, target: FailingBlock, request: Request) -> Located:
    """The image that the index of a dimension error refers to.

    Such an index counts the blocks inside tool results among those of the turn (earendil-works/pi#7337,
    oh-my-pi#10633, microsoft/vscode#300407, 2026). Whether the tool result itself counts is not known, so
    every interpretation is tried, and the sizes decide.
    """
    if len(target.indices) < 2:
        return _direct(match, target, request)
    turn, index = target.indices[0], target.indices[-1]
    top = [
        block
        for one in request.turns
        for block in one.blocks
        if indices_of(block.location)[:2] == (target.root, turn)
    ]
    if len(target.indices) > 2:
        named = _direct(match, target, request)
        if named.candidates:
            return named
    readings = (
        ("its index", [block for block in top if indices_of(block.location)[-1] == index][:1]),
        ("the index, with blocks inside tool results counted", _nth(_leaves(top), index)),
        ("the index, with tool results and the blocks inside counted", _nth(_all(top), index)),
    )
    named_images: dict[Location, Candidate] = {}
    for why, blocks in readings:
        for block in blocks:
            if isinstance(block, ImageUse):
                named_images.setdefault(block.location, Candidate(block.location, why, block, target.field))
    images = list(named_images.values())
    over = [candidate for candidate in images if _is_over(candidate.use, match)]
    unsized = [candidate for candidate in images if candidate.use is not None and candidate.use.size is None]
    if over or unsized:
        found = tuple(over or unsized)
        note = "the index is ambiguous" if len(found) > 1 else None
        return Located(found, note)
    return _over_limit(match, turn, top, request)


def _over_limit(match: Match, turn: int, top: Sequence[Block], request: Request) -> Located:
    """The images over the limit in the turn, or else in the request, if the index refers to none."""
    note = "the image at the index is not over the limit"
    in_turn = [block for block in walk_blocks(tuple(top)) if isinstance(block, ImageUse)]
    for images, where in ((in_turn, f"in messages.{turn}"), (list(request.images), "in the request")):
        over = [use for use in images if _is_over(use, match)]
        if over:
            why = f"over {match.limit} px, {where}" if match.limit else where
            return Located(tuple(Candidate(use.location, why, use) for use in over), note)
    return Located(())


def _is_over(use: ImageUse | None, match: Match) -> bool:
    return bool(use and use.size and match.limit is not None and use.size.long_edge > match.limit)


def _leaves(blocks: Iterable[Block]) -> Iterator[Block]:
    """The blocks, with each tool result replaced by its contents."""
    for block in blocks:
        if isinstance(block, Nested) and block.blocks:
            yield from _leaves(block.blocks)
        else:
            yield block


def _all(blocks: Iterable[Block]) -> Iterator[Block]:
    """The blocks, with each tool result followed by its contents."""
    for block in blocks:
        yield block
        if isinstance(block, Nested):
            yield from _all(block.blocks)


def _nth(blocks: Iterable[Block], index: int) -> list[Block]:
    return list(blocks)[index : index + 1]


def _by_rule(match: Match, requests: Sequence[Request], findings: list[Finding]) -> Located:
    """The blocks that our rules report, for a message without a location."""
    uses = {use.location: use for request in requests for use in request.images}
    if findings:
        first = next((code for code in match.pattern.codes if any(f.code == code for f in findings)), "")
        mine = [finding for finding in findings if finding.code == first]
        locations = dict.fromkeys(finding.location for finding in mine)
        found = (Candidate(location, f"reported by {first}", uses.get(location)) for location in locations)
        note = "any of them may be the cause" if 1 < len(locations) <= MOST else None
        if len(locations) > MOST:
            note = f"the first {MOST} of {len(locations)} blocks that {first} reports"
        return Located(tuple(_with_findings(found, mine))[:MOST], note)
    if match.pattern.source_type:
        of_type = [use for use in uses.values() if use.source_type == match.pattern.source_type]
        count = len(of_type)
        note = None if count == 1 else f"{count} images have a {match.pattern.source_type} source"
        why = f"a {match.pattern.source_type} source"
        return Located(tuple(Candidate(use.location, why, use) for use in of_type)[:MOST], note)
    return Located((), _silent(match))


def _silent(match: Match) -> str:
    codes = " or ".join(match.pattern.codes) or "imgbudget"
    return f"{codes} reports nothing here; is this the complete, unchanged request that was sent?"
