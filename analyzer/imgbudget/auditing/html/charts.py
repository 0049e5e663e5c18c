"""Histograms as SVG: bars between labelled bounds, limits as labelled lines, numbers as tooltips."""

from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import NamedTuple

from markupsafe import Markup, escape

from imgbudget.auditing.aggregate import METRICS, edge_of
from imgbudget.auditing.formats import bin_label
from imgbudget.auditing.html.names import percent, plain, short
from imgbudget.auditing.statistics import AxisMarker, Bin, Distribution
from imgbudget.output.base import count, figure

WIDTH, PLOT, LEFT, RIGHT, FOOT = 520, 150, 46, 10, 34
"""Px: width of the drawing, height of the plot area, and the margins around it."""

_LINE, _CHARACTER, _BOLD = 15, 6.3, 7.1
_STEPS = {metric.name: metric.step for metric in METRICS}
_WHOLE = frozenset({"px", "bytes", "tokens"})


class _Label(NamedTuple):
    """The label of a marker: the position of its line, the start of its text, its row above the plot area."""

    marker: AxisMarker
    x: float
    start: float
    level: int


def histogram(distribution: Distribution) -> Markup:
    """The drawing of a distribution; all bins have the same width."""
    bins = distribution.bins
    pitch = (WIDTH - LEFT - RIGHT) / len(bins)
    edges = {edge: LEFT + pitch * (i + 1) for i, (edge, _) in enumerate(_inner(bins))}
    labels = _labels(distribution, edges)
    top = 8 + _LINE * (1 + max((label.level for label in labels), default=0))
    most = max(item.images for item in bins)
    ticks = _ticks(most)
    scale = PLOT / ticks[-1]
    foot = top + PLOT
    bars = (_bar(distribution, item, LEFT + pitch * i, foot, (pitch, scale)) for i, item in enumerate(bins))
    name = distribution.name
    parts = [
        f'<svg class="chart" viewBox="0 0 {WIDTH} {foot + FOOT}" role="img"',
        f' aria-labelledby="{name}-title {name}-desc">',
        f'<title id="{name}-title">{escape(distribution.title)}</title>',
        f'<desc id="{name}-desc">{escape(described(distribution))}</desc>',
        *(_grid_line(tick, foot - tick * scale) for tick in ticks),
        f'<text class="tick" x="2" y="{top - 12}">images</text>',
        *bars,
        *_axis(distribution, edges, foot),
        *(_marker_line(label, foot) for label in labels),
        *(_marker_text(label, distribution.unit) for label in labels),
        "</svg>",
    ]
    return Markup("".join(parts))  # noqa: S704 - made of numbers and escaped titles


def described(distribution: Distribution) -> str:
    """The distribution as a sentence, for screen readers and the caption."""
    quantiles = dict(distribution.quantiles)
    unit = f" {distribution.unit}" if distribution.unit and distribution.unit != "bytes" else ""

    def text_of(value: float | None) -> str:
        if value is None:
            return ""
        return short(value, "bytes") if distribution.unit == "bytes" else plain(value)

    if distribution.minimum == distribution.maximum:
        which = (
            "The only image has"
            if distribution.images == 1
            else f"All {count(distribution.images, 'image')} have"
        )
        return f"{which} {text_of(distribution.maximum)}{unit}."
    return (
        f"Half of {count(distribution.images, 'image')} are at or below {text_of(quantiles.get(0.5))}{unit}, "
        f"9 in 10 between {text_of(quantiles.get(0.05))} and {text_of(quantiles.get(0.95))}, "
        f"the largest is {text_of(distribution.maximum)}."
    )


def bin_rows(distribution: Distribution) -> tuple[tuple[str, str, str], ...]:
    """The numbers of the drawing: bin, images, share."""
    return tuple(
        (
            bin_text(distribution, item),
            figure(item.images),
            percent(item.images, distribution.images),
        )
        for item in distribution.bins
    )


def bin_text(distribution: Distribution, item: Bin) -> str:
    """A bin as text, with the bounds of the axis."""
    if distribution.unit != "bytes":
        return bin_label(
            distribution, Bin(_whole(distribution, item.low), _whole(distribution, item.high), item.images)
        )
    if item.low is None:
        return f"under {short(item.high or 0, 'bytes')}"
    if item.high is None:
        return f"{short(item.low, 'bytes')} and more"
    return f"{short(item.low, 'bytes')} to {short(item.high, 'bytes')}"


def _whole(distribution: Distribution, bound: float | None) -> float | None:
    """A bound without the half step that keeps a value equal to a limit in the bin below."""
    return bound if bound is None or distribution.unit not in _WHOLE else int(bound)


def bar_class(distribution: Distribution, item: Bin) -> str:
    """What happens to the images of a bin: "kept", downscaled ("over") or "refused"."""
    kinds = {
        marker.kind
        for marker in distribution.marks
        if not marker.least
        and item.low is not None
        and item.low >= edge_of(marker, _STEPS[distribution.name])
    }
    return "refused" if "refused" in kinds else "over" if "seen" in kinds else "kept"


def _inner(bins: Sequence[Bin]) -> Iterator[tuple[float, Bin]]:
    """The bounds between two bins."""
    for before, item in pairwise(bins):
        if before.high is not None:
            yield before.high, item


def _labels(distribution: Distribution, edges: dict[float, float]) -> tuple[_Label, ...]:
    """The labels of the markers in the plot area, each in the first row above it that has room."""
    ends: list[float] = []
    found = []
    for marker in distribution.marks:
        x = edges.get(edge_of(marker, _STEPS[distribution.name]))
        if x is None:
            continue
        length = _length(marker, distribution.unit)
        start = x + 4 if x + 4 + length <= WIDTH else x - 4 - length
        level = next((i for i, end in enumerate(ends) if end <= start), len(ends))
        ends[level : level + 1] = [start + length + 8]
        found.append(_Label(marker, x, start, level))
    return tuple(found)


def _label_text(marker: AxisMarker, unit: str) -> str:
    return f"{short(marker.value, unit)} {marker.label}"


def _length(marker: AxisMarker, unit: str) -> float:
    """Width of a label in px, at most; limits that apply to the audit are bold."""
    return len(_label_text(marker, unit)) * (_CHARACTER if marker.kind == "told" else _BOLD)


def _marker_line(label: _Label, foot: float) -> str:
    top = 8 + _LINE * label.level
    return f'<path class="mark {label.marker.kind}" d="M{label.x:.1f} {top}V{foot:.0f}"/>'


def _marker_text(label: _Label, unit: str) -> str:
    y = 17 + _LINE * label.level
    x, anchor = (label.x - 4, "end") if label.start < label.x else (label.x + 4, "start")
    return (
        f'<text class="mark {label.marker.kind}" x="{x:.1f}" y="{y}" text-anchor="{anchor}">'
        f"{escape(_label_text(label.marker, unit))}</text>"
    )


def _bar(distribution: Distribution, item: Bin, x: float, foot: float, scale: tuple[float, float]) -> str:
    """A bin's bar; `scale` is the width of a bin and the height of an image."""
    if not item.images:
        return ""
    pitch, height = scale[0], max(item.images * scale[1], 1.5)
    share = percent(item.images, distribution.images)
    title = f"{bin_text(distribution, item)}: {count(item.images, 'image')}, {share}"
    return (
        f'<rect class="bar {bar_class(distribution, item)}" x="{x + 1:.1f}" y="{foot - height:.1f}" '
        f'width="{pitch - 2:.1f}" height="{height:.1f}"><title>{escape(title)}</title></rect>'
    )


def _axis(distribution: Distribution, edges: dict[float, float], foot: float) -> Iterator[str]:
    """The axis with its bounds; bounds that would overlap are left out, except for limits."""
    yield f'<path class="axis" d="M{LEFT} {foot}H{WIDTH - RIGHT}"/>'
    marked = {edge_of(marker, _STEPS[distribution.name]) for marker in distribution.marks}
    taken: list[tuple[float, float]] = []
    for edge, x in sorted(edges.items(), key=lambda pair: (pair[0] not in marked, pair[0])):
        text = short(edge, distribution.unit)
        half = len(text) * _CHARACTER / 2 + 2
        if any(x - half < end and x + half > start for start, end in taken):
            continue
        taken.append((x - half, x + half))
        yield f'<text class="tick" x="{x:.1f}" y="{foot + 14}" text-anchor="middle">{escape(text)}</text>'
    unit = "" if distribution.unit in {"", "bytes"} else f", {distribution.unit}"
    title = distribution.title if distribution.unit in distribution.title else distribution.title + unit
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
