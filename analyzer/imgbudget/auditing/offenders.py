"""Which of the worst images are shown: of each kind of finding some, since most have the same one."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import zip_longest

from imgbudget.auditing.statistics import FoundCode, Row, RuleRow
from imgbudget.auditing.store import Store

MOST = 48
"""Images that are shown, at most."""

CANDIDATES = 400
"""The worst images, among which those that are shown are searched first."""

_OF_RULE = 4
"""Images of a rule that none of these has."""

_SEVERITIES = ("error", "warning", "info")
_WHERE = "subject = 'image' and errors + warnings > 0"


def worst_images(store: Store, rules: Sequence[RuleRow]) -> tuple[Row, ...]:
    """The worst images of each rule in turn: errors first, then the largest files."""
    rows = list(store.worst(_WHERE, CANDIDATES))
    if len(rows) == CANDIDATES:
        seen = {item.code for row in rows for item in row.findings}
        for rule in rules:
            if rule.severity != "info" and rule.code not in seen:
                rows += store.worst(f"{_WHERE} and {store.having(rule.code)}", _OF_RULE)
    kinds: dict[str, dict[frozenset[str], list[Row]]] = {}
    for row in {row.place: row for row in rows}.values():
        codes = frozenset(item.code for item in row.findings if item.severity != "info")
        kinds.setdefault(_worst(row.findings), {}).setdefault(codes, []).append(row)
    return tuple(_in_turn(list(_in_turn(alike.values())) for alike in kinds.values()))[:MOST]


def _worst(findings: Sequence[FoundCode]) -> str:
    """The code of the first finding by severity."""
    return min((_SEVERITIES.index(item.severity), item.code) for item in findings)[1]


def _in_turn(lists: Iterable[Sequence[Row]]) -> Iterator[Row]:
    """The first of each list, then the second of each, and so on."""
    for together in zip_longest(*lists):
        yield from (row for row in together if row is not None)
