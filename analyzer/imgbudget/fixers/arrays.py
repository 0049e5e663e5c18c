"""Arrays of a JSON file written in another order, with items left out or put in, in the layout they have."""

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

from imgbudget.fixers.layout import Layout, as_json
from imgbudget.fixers.splices import Part, Region, Splice
from imgbudget.model import Keys

_BLANK = b" \t\r\n"
_SEEN = 64

Item = int | dict[str, Any]
"""An item of the array as it was, by its index, or a new one."""


def rewritten(layout: Layout, route: Keys, items: Sequence[Item]) -> Splice:
    """The splice that makes the array at `route`, which is not empty, one of `items`.

    What stands between two items stays where the two stay neighbours; elsewhere it is what stood between
    others.
    """
    places = [layout.region((*route, i)) for i in range(len(layout.value(route)))]
    gaps = [Region(one.end, other.start) for one, other in pairwise(places)]
    spaced = _is_spaced(layout, gaps)
    parts: list[Part] = []
    for position, item in enumerate(items):
        if position:
            parts.append(_gap(gaps, items[position - 1], item, spaced=spaced))
        parts.append(places[item] if isinstance(item, int) else as_json(item, spaced=spaced))
    return Splice(places[0].start, places[-1].end, tuple(parts))


def _gap(gaps: Sequence[Region], before: Item, after: Item, *, spaced: bool) -> Part:
    if not gaps:
        return b", " if spaced else b","
    if isinstance(after, int) and after:
        return gaps[after - 1]
    if isinstance(before, int) and before < len(gaps):
        return gaps[before]
    return gaps[0]


def _is_spaced(layout: Layout, gaps: Sequence[Region]) -> bool:
    """Whether the file puts blanks beside its commas; so it does where there is none to look at."""
    if not gaps:
        return True
    first = layout.read(gaps[0].start, min(gaps[0].end, gaps[0].start + _SEEN))
    return len(first.strip(_BLANK)) < len(first)
