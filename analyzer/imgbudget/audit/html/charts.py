"""Histograms as SVG: bars between labelled bounds, limits as marked lines, numbers for those who hover."""

from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import NamedTuple

from markupsafe import Markup, escape

from imgbudget.audit.formats import bin_label
from imgbudget.audit.gather import METRICS, edge_of
from imgbudget.audit.html.names import percent, plain, short
from imgbudget.audit.statistics import Bin, Distribution, Mark
from imgbudget.output.base import count, figure

WIDTH, PLOT, LEFT, RIGHT, FOOT = 520, 150, 46, 10, 34
"""Px: the drawing's width, the height of the bars' field, the room around it."""

_LINE, _CHARACTER, _BOLD = 15, 6.3, 7.1
_STEPS = {measure.name: measure.step for measure in METRICS}
_WHOLE = frozenset({"px", "bytes", "tokens"})


class _Label(NamedTuple):
    """A mark: where its line stands, where its words begin, on which of the lines above the field."""

    mark: Mark
    x: float
    start: float
    level: int


def histogram(measure: Distribution) -> Markup:
    """The drawing of a distribution; bins are as wide as each other, whatever they span."""
    bins = measure.bins
    pitch = (WIDTH - LEFT - RIGHT) / len(bins)
    edges = {edge: LEFT + pitch * (i + 1) for i, (edge, _) in enumerate(_inner(bins))}
    labels = _labels(measure, edges)
    top = 8 + _LINE * (1 + max((label.level for label in labels), default=0))
    most = max(item.images for item in bins)
    ticks = _ticks(most)
    scale = PLOT / ticks[-1]
    foot = top + PLOT
    bars = (_bar(measure, item, LEFT + pitch * i, foot, (pitch, scale)) for i, item in enumerate(bins))
    name = measure.name
    parts = [
        f'<svg class="chart" viewBox="0 0 {WIDTH} {foot + FOOT}" role="img"',
        f' aria-labelledby="{name}-title {name}-desc">',
        f'<title id="{name}-title">{escape(measure.title)}</title>',
        f'<desc id="{name}-desc">{escape(described(measure))}</desc>',
        *(_grid_line(tick, foot - tick * scale) for tick in ticks),
        f'<text class="tick" x="2" y="{top - 12}">images</text>',
        *bars,
        *_axis(measure, edges, foot),
        *(_mark_line(label, foot) for label in labels),
        *(_mark_words(label, measure.unit) for label in labels),
        "</svg>",
    ]
    return Markup("".join(parts))  # noqa: S704 - made of numbers and escaped titles


def described(measure: Distribution) -> str:
    """The distribution in a sentence, for those who cannot see it and as the caption's second line."""
    quantiles = dict(measure.quantiles)
    unit = f" {measure.unit}" if measure.unit and measure.unit != "bytes" else ""

    def told(value: float | None) -> str:
        if value is None:
            return ""
        return short(value, "bytes") if measure.unit == "bytes" else plain(value)

    return (
        f"Half of {count(measure.images, 'image')} are at or below {told(quantiles.get(0.5))}{unit}, "
        f"9 in 10 between {told(quantiles.get(0.05))} and {told(quantiles.get(0.95))}, "
        f"the largest is {told(measure.maximum)}."
    )


def bin_rows(measure: Distribution) -> tuple[tuple[str, str, str], ...]:
    """The numbers of the drawing: bin, images, share."""
    return tuple(
        (
            bin_text(measure, item),
            figure(item.images),
            percent(item.images, measure.images),
        )
        for item in measure.bins
    )


def bin_text(measure: Distribution, item: Bin) -> str:
    """A bin in words, with bounds as they are on the axis."""
    if measure.unit != "bytes":
        return bin_label(measure, Bin(_whole(measure, item.low), _whole(measure, item.high), item.images))
    if item.low is None:
        return f"under {short(item.high or 0, 'bytes')}"
    if item.high is None:
        return f"{short(item.low, 'bytes')} and more"
    return f"{short(item.low, 'bytes')} to {short(item.high, 'bytes')}"


def _whole(measure: Distribution, bound: float | None) -> float | None:
    """A bound without the half step that lets a value at a limit keep it."""
    return bound if bound is None or measure.unit not in _WHOLE else int(bound)


def bar_class(measure: Distribution, item: Bin) -> str:
    """What becomes of the images of a bin: kept, scaled down ("over") or "refused"."""
    kinds = {
        mark.kind
        for mark in measure.marks
        if not mark.least and item.low is not None and item.low >= edge_of(mark, _STEPS[measure.name])
    }
    return "refused" if "refused" in kinds else "over" if "seen" in kinds else "kept"


def _inner(bins: Sequence[Bin]) -> Iterator[tuple[float, Bin]]:
    """The bounds between two bins."""
    for before, item in pairwise(bins):
        if before.high is not None:
            yield before.high, item


def _labels(measure: Distribution, edges: dict[float, float]) -> tuple[_Label, ...]:
    """The marks inside the field; each one's words on the first line above it where they have room."""
    ends: list[float] = []
    found = []
    for mark in measure.marks:
        x = edges.get(edge_of(mark, _STEPS[measure.name]))
        if x is None:
            continue
        length = _length(mark, measure.unit)
        start = x + 4 if x + 4 + length <= WIDTH else x - 4 - length
        level = next((i for i, end in enumerate(ends) if end <= start), len(ends))
        ends[level : level + 1] = [start + length + 8]
        found.append(_Label(mark, x, start, level))
    return tuple(found)


def _words(mark: Mark, unit: str) -> str:
    return f"{short(mark.value, unit)} {mark.label}"


def _length(mark: Mark, unit: str) -> float:
    """Px that the words take at most; those of limits that hold for the audit are bold."""
    return len(_words(mark, unit)) * (_CHARACTER if mark.kind == "told" else _BOLD)


def _mark_line(label: _Label, foot: float) -> str:
    top = 8 + _LINE * label.level
    return f'<path class="mark {label.mark.kind}" d="M{label.x:.1f} {top}V{foot:.0f}"/>'


def _mark_words(label: _Label, unit: str) -> str:
    y = 17 + _LINE * label.level
    x, anchor = (label.x - 4, "end") if label.start < label.x else (label.x + 4, "start")
    return (
        f'<text class="mark {label.mark.kind}" x="{x:.1f}" y="{y}" text-anchor="{anchor}">'
        f"{escape(_words(label.mark, unit))}</text>"
    )


def _bar(measure: Distribution, item: Bin, x: float, foot: float, scale: tuple[float, float]) -> str:
    """A bin's bar; `scale` is the width of a bin and the height of an image."""
    if not item.images:
        return ""
    pitch, height = scale[0], max(item.images * scale[1], 1.5)
    title = (
        f"{bin_text(measure, item)}: {count(item.images, 'image')}, {percent(item.images, measure.images)}"
    )
    return (
        f'<rect class="bar {bar_class(measure, item)}" x="{x + 1:.1f}" y="{foot - height:.1f}" '
        f'width="{pitch - 2:.1f}" height="{height:.1f}"><title>{escape(title)}</title></rect>'
    )


def _axis(measure: Distribution, edges: dict[float, float], foot: float) -> Iterator[str]:
    """The base line with its bounds; those that would touch the last one are left out, marked ones never."""
    yield f'<path class="axis" d="M{LEFT} {foot}H{WIDTH - RIGHT}"/>'
    marked = {edge_of(mark, _STEPS[measure.name]) for mark in measure.marks}
    taken: list[tuple[float, float]] = []
    for edge, x in sorted(edges.items(), key=lambda pair: (pair[0] not in marked, pair[0])):
        text = short(edge, measure.unit)
        half = len(text) * _CHARACTER / 2 + 2
        if any(x - half < end and x + half > start for start, end in taken):
            continue
        taken.append((x - half, x + half))
        yield f'<text class="tick" x="{x:.1f}" y="{foot + 14}" text-anchor="middle">{escape(text)}</text>'
    unit = "" if measure.unit in {"", "bytes"} else f", {measure.unit}"
    title = measure.title if measure.unit in measure.title else measure.title + unit
    middle = (LEFT + WIDTH - RIGHT) / 2
    yield f'<text class="title" x="{middle}" y="{foot + 30}" text-anchor="middle">{escape(title)}</text>'


def _grid_line(tick: int, y: float) -> str:
    number = short(tick, "images")
    return (
        f'<path class="rule" d="M{LEFT} {y:.1f}H{WIDTH - RIGHT}"/>'
        f'<text class="tick" x="{LEFT - 5}" y="{y + 3.5:.1f}" text-anchor="end">{number}</text>'
    )


def _ticks(most: int) -> tuple[int, ...]:
    """Round numbers of images from 0 to at least `most`, four or five of them."""
    step = 1
    while step * 4 < most:
        step = next(n for n in _round() if n > step)
    return tuple(range(0, step * (-(-most // step)) + 1, step))


def _round() -> Iterator[int]:
    """One, two, five and their multiples by ten."""
    scale = 1
    while True:
        yield from (scale, 2 * scale, 5 * scale)
        scale *= 10
