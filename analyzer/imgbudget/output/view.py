"""The page of `imgbudget view`: an image as models see it, as one HTML file without any external resource."""

from collections.abc import Iterable, Iterator, Sequence
from html import escape
from typing import NamedTuple

from imgbudget.limits.geometry import Size
from imgbudget.limits.values import figure
from imgbudget.model.text import AppearingLine, LineState, SeenLine, SeenText, TextLine
from imgbudget.model.views import EmbeddedPicture
from imgbudget.output.base import count
from imgbudget.output.legible import worst
from imgbudget.output.pagepolicy import packaged, policy
from imgbudget.output.size import Measured, cost_cell, notes_of, size_record, tokens_cell
from imgbudget.printable import one_line
from imgbudget.version import __version__

GENERATOR = f'<meta name="generator" content="imgbudget {__version__}">'

MARK = '<meta name="imgbudget-page" content="view">'
"""What the beginning of every page holds, by which it is known that a file is one; others of ours are not."""

MOST_BOXES = 3000
"""Lines of text that are drawn at most; those that are lost come first."""

MOST_LINES = 200
"""Lines in a table at most."""

_LONGEST = 300
"""Characters of a name or line that are shown."""


class ViewPanel(NamedTuple):
    """What models that see an image alike see of it; `rows` has at least one model.

    `size` is the size that they see, px, or the size as sent if that is not published. `cell` is the edge of
    their patches or tiles, None if those are not published. `text` is None if text was not looked for.
    """

    rows: tuple[Measured, ...]
    size: Size
    published: bool
    cell: int | None
    picture: EmbeddedPicture
    text: SeenText | None = None

    @property
    def canvas(self) -> Size:
        """The size in whole cells, which the image does not fill at the right and bottom."""
        if self.cell is None:
            return self.size
        cell = self.cell
        return Size(*(-(-edge // cell) * cell for edge in self.size))

    @property
    def title(self) -> str:
        """The models, of many the first."""
        names = list(dict.fromkeys(row.limits.model for row in self.rows))
        more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
        return ", ".join(names[:_NAMED]) + more


_NAMED = 2

_TILE = 128
"""Px of an edge from which on a cell is called a tile; patches have at most 32 px, tiles at least 256."""


class ViewedImage(NamedTuple):
    """An image and what models see of it.

    `size` is that of the upright image, px; `facts` describes the file. `lines` are those found at full size,
    None if text was not looked for. `notes` are what the reader needs to know of the whole.
    """

    name: str
    facts: str
    size: Size
    picture: EmbeddedPicture
    panels: tuple[ViewPanel, ...]
    lines: tuple[TextLine, ...] | None = None
    notes: tuple[str, ...] = ()


def _shown(text: str) -> str:
    """Text from outside: on one line, of a long one without its middle, as HTML."""
    if len(text) > _LONGEST:
        text = f"{text[: _LONGEST // 2]}…{text[-_LONGEST // 2 :]}"
    return escape(one_line(text))


def view_page(view: ViewedImage) -> str:
    """The whole page."""
    style, script = packaged("page.css") + packaged("view.css"), packaged("view.js")
    name = _shown(view.name)
    views = ["Original", *(panel.title for panel in view.panels)]
    parts = [
        "<!doctype html>",
        '<html lang="en">',
        "<head>",
        '<meta charset="utf-8">',
        f'<meta http-equiv="Content-Security-Policy" content="{escape(policy(style, script))}">',
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        '<meta name="color-scheme" content="light dark">',
        '<meta name="referrer" content="no-referrer">',
        GENERATOR,
        MARK,
        f"<title>{name} as models see it</title>",
        f"<style>{style}</style>",
        "</head>",
        "<body>",
        '<a class="skip" href="#main">Skip to the pictures</a>',
        "<header>",
        f"<h1><bdi>{name}</bdi> as models see it</h1>",
        f'<p class="quiet">{_shown(view.facts)}</p>',
        *_notes(view.notes),
        "</header>",
        *_tools(views, grid=any(panel.cell for panel in view.panels), boxes=view.lines is not None),
        '<main id="main" tabindex="-1">',
        *_original(view),
        *(line for number, panel in enumerate(view.panels) for line in _panel(panel, view, number)),
        "</main>",
        f"<footer><p>Made by imgbudget {__version__}. Nothing is loaded or sent by this page.</p></footer>",
        f"<script>{script}</script>",
        "</body>",
        "</html>",
    ]
    return "\n".join(parts) + "\n"


def _notes(notes: Iterable[str]) -> Iterator[str]:
    items = [f"<li>{_shown(note)}</li>" for note in notes]
    if items:
        yield f'<ul class="notes">{"".join(items)}</ul>'


def _button(label: str, key: str, *, name: str = "", pressed: str = "", spoken: str = "") -> str:
    attributes = f' id="{name}"' if name else ""
    if pressed:
        attributes += f' aria-pressed="{pressed}"'
    if spoken:
        attributes += f' aria-label="{spoken}"'
    shortcut = f' <kbd aria-hidden="true">{key}</kbd>' if key else ""
    return f'<button type="button"{attributes}>{label}{shortcut}</button>'


def _tools(views: Sequence[str], *, grid: bool, boxes: bool) -> Iterator[str]:
    """The buttons; the script shows them, without which all pictures are below each other."""
    yield '<div id="tools" hidden><div class="bar">'
    yield '<div class="group" id="views" role="group" aria-label="Pictures; arrow keys change them">'
    yield from (_button(_shown(view), "", pressed="false") for view in views)
    yield '</div><div class="group" role="group" aria-label="Display">'
    if grid:
        yield _button("Grid", "g", name="grid", pressed="true")
    if boxes:
        yield _button("Text boxes", "t", name="boxes", pressed="true")
    yield _button("Smaller", "-", name="out")
    yield _button("100 %", "", name="zoom", spoken="Zoom: back to 100 %")
    yield _button("Larger", "+", name="in")
    yield _button("Dark", "", name="theme")
    yield '</div><div role="status" aria-live="polite" id="state" class="skip"></div></div></div>'


def _original(view: ViewedImage) -> Iterator[str]:
    yield '<section aria-labelledby="original"><h2 id="original">Original</h2>'
    lines = (view.lines or ())[:MOST_BOXES]
    boxes = [_polygon(line, "found", f"{_text(line)}: {line.height:.1f} px", 1, 1) for line in lines]
    yield from _svg("original", "The original", view.size, view.picture, canvas=view.size, boxes=boxes)
    yield from _facts((("Size", _px(view.size)),))
    yield from _downscaled(view.picture, view.size)
    if view.lines is not None:
        yield f"<p>{count(len(view.lines), 'line')} of text found.</p>"
    yield "</section>"


def _panel(panel: ViewPanel, view: ViewedImage, number: int) -> Iterator[str]:
    name = f"model-{number}"
    yield f'<section aria-labelledby="{name}"><h2 id="{name}">As seen by {_shown(panel.title)}</h2>'
    across, down = panel.size.width / view.size.width, panel.size.height / view.size.height
    boxes = [] if panel.text is None else _boxes(panel.text, across, down)
    spoken = f"The image at {_px(panel.size)} px"
    yield from _svg(
        name, spoken, panel.size, panel.picture, canvas=panel.canvas, grid=_grid(panel), boxes=boxes
    )
    yield from _facts(_measures(panel))
    if not panel.published:
        yield "<p>The size that these models use is not published: the picture is shown as it is sent.</p>"
    yield from _downscaled(panel.picture, panel.size)
    yield from _models(panel)
    if panel.text is not None:
        yield from _lines(panel.text)
    yield "</section>"


def _boxes(text: SeenText, across: float, down: float) -> list[str]:
    """A box around each line, coloured by its state; px of full size are multiplied by the factors."""
    rest = [line for line in text.lines if line.state is LineState.KEPT]
    chosen = [*worst(text), *rest][:MOST_BOXES]
    boxes = [_polygon(one.line, one.state.value, _title(one), across, down) for one in chosen]
    return boxes + [_appeared(found, across, down) for found in text.appearing]


def drawing(name: str, spoken: str, text: SeenText, full: Size, picture: EmbeddedPicture) -> Iterator[str]:
    """An image as a model sees it with boxes around its text, as HTML; `full` is its size as displayed."""
    across, down = text.size.width / full.width, text.size.height / full.height
    boxes = _boxes(text, across, down)
    yield from _svg(name, spoken, text.size, picture, canvas=text.size, boxes=boxes)


def _px(size: Sequence[int | float]) -> str:
    return f"{size[0]} × {size[1]}"


def _measures(panel: ViewPanel) -> Iterator[tuple[str, str]]:
    """What is under a picture: the sizes, the scale and the cells; the numbers of `imgbudget size`."""
    record = size_record(panel.rows[0])
    yield "Original, px", _px(record["size"])
    sent = panel.rows[0].size
    if list(sent) != record["size"]:
        yield "Sent as, px", _px(sent)
    if record["resized"] is not None:
        yield "Seen as, px", _px(record["resized"]) + (", unchanged" if record["fits"] else "")
        yield "Scale", " × ".join(f"{factor:.4f}" for factor in record["scale"])
    if record["padded"] is not None:
        yield "Padded to, px", _px(record["padded"])
    if panel.cell is not None:
        cells = Size(*(edge // panel.cell for edge in panel.canvas))
        kind = "tiles" if panel.cell >= _TILE else "patches"
        yield "Grid", f"{_px(cells)} {kind} of {panel.cell} px"


def _facts(pairs: Iterable[tuple[str, str]]) -> Iterator[str]:
    yield f"<dl>{''.join(f'<div><dt>{term}</dt><dd>{_shown(text)}</dd></div>' for term, text in pairs)}</dl>"


def _downscaled(picture: EmbeddedPicture, size: Size) -> Iterator[str]:
    if picture.size.width < size.width or picture.size.height < size.height:
        yield (
            f'<p class="quiet">Downscaled to {_px(picture.size)} px for this page, '
            "so it shows less detail than there is.</p>"
        )


def _models(panel: ViewPanel) -> Iterator[str]:
    """The tokens and the cost of each model that sees the image so."""
    noted = [notes_of(row) for row in panel.rows]
    head = ["model", "platform", "detail", "tokens", "cost", *(["note"] if any(noted) else [])]
    rows = []
    for row, notes in zip(panel.rows, noted, strict=True):
        cells = [row.limits.model, row.limits.platform, size_record(row)["detail"] or "none"]
        cells += [tokens_cell(row), cost_cell(row), *(["; ".join(notes)] if any(noted) else [])]
        rows.append(cells)
    yield _table("Tokens and cost", head, rows, right={3, 4})


def _table(caption: str, head: Sequence[str], rows: Iterable[Sequence[str]], right: set[int]) -> str:
    def cell(at: int, text: str) -> str:
        kind = ' class="n"' if at in right else ""
        return f"<td{kind}>{_shown(text)}</td>"

    titles = "".join(
        f'<th scope="col"{" class=" + chr(34) + "n" + chr(34) if at in right else ""}>{title}</th>'
        for at, title in enumerate(head)
    )
    body = "".join(f"<tr>{''.join(cell(at, text) for at, text in enumerate(row))}</tr>" for row in rows)
    return (
        f'<div class="wide"><table><caption>{caption}</caption><thead><tr>{titles}</tr></thead>'
        f"<tbody>{body}</tbody></table></div>"
    )


def _svg(  # noqa: PLR0913 - the parts of a drawing
    name: str,
    spoken: str,
    size: Size,
    picture: EmbeddedPicture,
    *,
    canvas: Size,
    grid: str = "",
    boxes: Sequence[str],
) -> Iterator[str]:
    """A picture at its size in px, on the padding up to the canvas, under its grid and boxes."""
    width, height = canvas
    yield (
        f'<div class="frame" role="region" aria-label="{_shown(spoken)}; scrolls when enlarged">'
        f'<svg width="{width}" height="{height}" viewBox="0 0 {width} {height}" role="img" '
        f'aria-labelledby="{name}-picture"><title id="{name}-picture">{_shown(spoken)}</title>'
    )
    if canvas != size:
        title = "<title>outside of the image</title>"
        yield f'<rect class="padding" width="{width}" height="{height}">{title}</rect>'
    yield (
        f'<image href="{picture.uri}" width="{size.width}" height="{size.height}" '
        'preserveAspectRatio="none"/>'
    )
    yield grid
    if boxes:
        yield f'<g class="boxes">{"".join(boxes)}</g>'
    yield "</svg></div>"


def _grid(panel: ViewPanel) -> str:
    """The edges of the cells."""
    if panel.cell is None:
        return ""
    width, height = panel.canvas
    lines = [f"M{x} 0V{height}" for x in range(0, width + 1, panel.cell)]
    lines += [f"M0 {y}H{width}" for y in range(0, height + 1, panel.cell)]
    path = "".join(lines)
    return f'<g class="grid"><path class="under" d="{path}"/><path class="over" d="{path}"/></g>'


def _polygon(line: TextLine, kind: str, title: str, across: float, down: float) -> str:
    points = " ".join(f"{x * across:.1f},{y * down:.1f}" for x, y in line.corners)
    return f'<polygon class="{kind}" points="{points}"><title>{_shown(title)}</title></polygon>'


def _appeared(found: AppearingLine, across: float, down: float) -> str:
    return _polygon(found.line, "appearing", f"appears only here: {_text(found.line)}", across, down)


def _text(line: TextLine) -> str:
    """What was read of a line, or where it is."""
    if line.text:
        return line.text
    left, top, *_ = line.box
    return f"line at {left:.0f},{top:.0f}, not read"


def _title(line: SeenLine) -> str:
    return f"{line.state.value}: {_text(line.line)}; {line.line.height:.1f} px, seen as {line.height:.1f} px"


def _lines(text: SeenText) -> Iterator[str]:
    """How many lines are kept, and a table of those that are not."""
    states = [line.state for line in text.lines]
    shares = [
        f'<span class="{state.value}">{states.count(state)} {state.value}</span>' for state in LineState
    ]
    if text.appearing:
        shares.append(f'<span class="appearing">{len(text.appearing)} only at this size</span>')
    yield f'<p class="legend">{" ".join(shares) if text.lines or text.appearing else "No text found."}</p>'
    missing = worst(text)
    if missing:
        first = missing[:MOST_LINES]
        head = ["line", "read as", "state", "height, px", "as seen, px"]
        rows = [
            [_text(one.line), one.text or "", one.state.value, f"{one.line.height:.1f}", f"{one.height:.1f}"]
            for one in first
        ]
        what = "Lines that are lost or doubtful"
        if len(first) < len(missing):
            what += f": the first {figure(len(first))} of {figure(len(missing))}"
        yield _table(what, head, rows, right={3, 4})
    if text.appearing:
        rows = [[_text(found.line), found.resampling] for found in text.appearing[:MOST_LINES]]
        yield _table("Lines that appear only at this size", ["line", "filter"], rows, right=set())
