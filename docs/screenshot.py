"""Draws what a command prints on a terminal as SVG: text that can be read, copied and scaled."""

import re
from collections.abc import Iterator
from html import escape

WIDTH, LINE, SIZE = 8.43, 20, 14
"""Px: a character's advance at this size in the usual monospace fonts, a line's height, the font's size."""

_LEFT, _TOP, _BAR = 20, 52, 36
_INK, _GROUND, _FRAME = "#d6deeb", "#15202b", "#22303c"
_FONTS = "ui-monospace, SFMono-Regular, Menlo, Consolas, monospace"
_COLOURS = {"31": "#ff7b72", "32": "#7ee787", "33": "#e3b341", "34": "#79c0ff", "36": "#76e3ea"}
_CODES = re.compile(r"\x1b\[([0-9;]*)m")


def screenshot(command: str, output: str) -> str:
    """The SVG of a command and its output, which may hold ANSI colours."""
    lines = [f"\x1b[32m$\x1b[0m {command}", *output.rstrip("\n").split("\n")]
    columns = max(len(_CODES.sub("", line)) for line in lines)
    width, height = round(columns * WIDTH) + 2 * _LEFT, _TOP + len(lines) * LINE + 8
    texts = "\n".join(_text(line, _TOP + 14 + i * LINE) for i, line in enumerate(lines) if line)
    dots = "".join(
        f'<circle cx="{22 + 18 * i}" cy="18" r="6" fill="{colour}"/>'
        for i, colour in enumerate(("#ff5f57", "#febc2e", "#28c840"))
    )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" '
        f'height="{height}" role="img" font-family="{_FONTS}" font-size="{SIZE}" fill="{_INK}">\n'
        f"<title>{escape(command)}</title>\n"
        f'<rect width="{width}" height="{height}" rx="8" fill="{_GROUND}"/>\n'
        f'<path d="M0 {_BAR}V8a8 8 0 0 1 8-8h{width - 16}a8 8 0 0 1 8 8v{_BAR - 8}z" fill="{_FRAME}"/>\n'
        f"{dots}\n{texts}\n</svg>\n"
    )


def _text(line: str, y: int) -> str:
    """A line; each stretch stands at its own column, so that columns hold whatever the font."""
    return f'<text y="{y}">{"".join(_spans(line))}</text>'


def _spans(line: str) -> Iterator[str]:
    """The stretches of a line between its codes, each in its colour and weight."""
    style, column = "", 0
    for i, part in enumerate(_CODES.split(line)):
        if i % 2:
            codes = part.split(";")
            style = "".join(f' fill="{_COLOURS[code]}"' for code in codes if code in _COLOURS)
            style += ' font-weight="bold"' if "1" in codes else ""
            continue
        if words := part.strip():
            x = _LEFT + (column + len(part) - len(part.lstrip())) * WIDTH
            yield f'<tspan x="{x:.1f}"{style}>{escape(words)}</tspan>'
        column += len(part)
