"""What text of images survives the downscaling of models, as text and as JSON records."""

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from imgbudget.limits.bound import Limits
from imgbudget.limits.geometry import Size
from imgbudget.model.location import Location
from imgbudget.model.text import AppearingLine, ImageText, LineState, SeenLine, SeenText, text_tokens
from imgbudget.output.base import count, figure, money, number
from imgbudget.output.records import TOOL, VERSION, narrowed_record, usd
from imgbudget.planner.legibility import RemedyKind, TextRemedy
from imgbudget.printable import blocks, joined

MOST_LINES = 100
"""Lines of an image that are listed at most, for each model."""


class SeenByModel(NamedTuple):
    """The text of an image as a model sees it; `seen` is None for the reason `why`, a clause."""

    limits: Limits
    detail: str | None = None
    seen: SeenText | None = None
    why: str = ""
    remedies: tuple[TextRemedy, ...] = ()

    @property
    def loses(self) -> bool:
        """Whether lines are lost, or appear only at the size that the model sees."""
        return self.seen is not None and bool(self.seen.lost or self.seen.appearing)


class LegibleImage(NamedTuple):
    """An image with its text and what models see of it; `text` is None for the reason `unread`, a clause.

    `size` is that of the image as displayed, or as a client sends it.
    """

    location: Location
    size: Size | None = None
    text: ImageText | None = None
    unread: str = ""
    models: tuple[SeenByModel, ...] = ()

    @property
    def name(self) -> str:
        """Which image it is: the file, in a request with the position."""
        dotted = self.location.dotted
        return f"{self.location.path}: {dotted}" if dotted else self.location.path


def legible_document(
    images: Sequence[LegibleImage],
    unread: Sequence[tuple[str, str]],
    narrowed: Sequence[tuple[str, str]] = (),
) -> dict[str, Any]:
    """The text of images, version 1; `unread` are the files that could not be read, each with the reason.

    `narrowed` is what configurations of folders leave out.
    """
    lost = sum(any(model.loses for model in image.models) for image in images)
    return {
        "version": VERSION,
        "tool": TOOL,
        "images": [_image(image) for image in images],
        "summary": {
            "images": len(images),
            "read": sum(image.text is not None for image in images),
            "with_text": sum(image.text is not None and bool(image.text.lines) for image in images),
            "with_lines_lost": lost,
            "unread": [{"path": path, "reason": reason} for path, reason in unread],
            **narrowed_record(narrowed),
        },
    }


def _image(image: LegibleImage) -> dict[str, Any]:
    text = image.text
    return {
        "path": image.location.path,
        "pointer": image.location.pointer,
        "location": image.location.dotted,
        "size": None if image.size is None else list(image.size),
        "unread": image.unread or None,
        "lines": None if text is None else len(text.lines),
        "characters": None if text is None else text.characters,
        "smallest_px": None if text is None else _px(text.smallest),
        "finest_px": None if text is None else text.finest,
        "text_tokens": None if text is None else text_tokens(text.characters),
        "models": [_model(model, image.size) for model in image.models],
    }


def _model(model: SeenByModel, size: Size | None) -> dict[str, Any]:
    seen, limits = model.seen, model.limits
    tokens = None if size is None else limits.tokens(size)
    states = [] if seen is None else [line.state for line in seen.lines]
    return {
        "model": limits.model,
        "platform": limits.platform or None,
        "detail": model.detail,
        "seen": None if seen is None else list(seen.size),
        "reason": model.why or None,
        "lines": None if seen is None else len(seen.lines),
        "lines_lost": None if seen is None else states.count(LineState.LOST),
        "lines_doubtful": None if seen is None else states.count(LineState.DOUBTFUL),
        "lines_measured": None if seen is None else seen.measured,
        "share_kept": None if seen is None else round(seen.share_kept, 4),
        "smallest_px": None if seen is None else _px(seen.smallest),
        "tokens": tokens,
        "cost_usd": usd(limits.cost_usd(tokens)),
        "not_kept": [] if seen is None else [_line(line) for line in worst(seen)[:MOST_LINES]],
        "appearing": [] if seen is None else [_appearing(line) for line in seen.appearing[:MOST_LINES]],
        "keep": [_remedy(remedy) for remedy in model.remedies],
    }


def worst(seen: SeenText) -> list[SeenLine]:
    """The lines that are not kept, the least legible ones first."""
    missing = (line for line in seen.lines if line.state is not LineState.KEPT)
    return sorted(missing, key=lambda line: (line.kept, line.height))


def _px(height: float | None) -> float | None:
    return None if height is None else round(height, 1)


def _line(line: SeenLine) -> dict[str, Any]:
    return {
        "box": list(line.line.box),
        "height_px": _px(line.line.height),
        "seen_px": _px(line.height),
        "state": line.state.value,
        "share_kept": round(line.kept, 4),
        "measured": line.is_measured,
        "text": line.line.text,
        "seen_text": line.text,
    }


def _appearing(found: AppearingLine) -> dict[str, Any]:
    line = found.line
    return {
        "box": list(line.box),
        "height_px": _px(line.height),
        "seen_text": line.text,
        "resampling": found.resampling,
    }


def _remedy(remedy: TextRemedy) -> dict[str, Any]:
    return {
        "kind": remedy.kind.value,
        "name": remedy.name or None,
        "seen": list(remedy.size),
        "box": None if remedy.box is None else list(remedy.box),
        "tiles": remedy.tiles,
        "lines": remedy.lines,
        "tokens": remedy.tokens,
        "cost_usd": usd(remedy.cost_usd),
    }


def legible_text(images: Sequence[LegibleImage]) -> str:
    """The text of images, for people: within 80 columns but for names."""
    return blocks(joined(_lines(image)) for image in images)


def _lines(image: LegibleImage) -> Iterator[str]:
    yield image.name
    if image.text is None:
        yield f"  not read: {image.unread}"
        return
    text = image.text
    if not text.lines:
        yield f"  {text.size}: no text found{_finest(text)}"
    else:
        about = count(text.characters, "character")
        letters = f"letters from {text.smallest:.0f} px{_finest(text)}"
        yield f"  {text.size}: {count(len(text.lines), 'line')}, about {about}, {letters}"
    for model in image.models:
        yield from _model_lines(model, image)


def _finest(text: ImageText) -> str:
    return f" (searched from {text.finest:.0f} px on)" if text.finest > _USUAL else ""


_USUAL = 5.0


def _model_lines(model: SeenByModel, image: LegibleImage) -> Iterator[str]:
    limits, seen, text = model.limits, model.seen, image.text
    tokens = None if image.size is None else limits.tokens(image.size)
    level = f" at detail {model.detail}" if model.detail else ""
    if seen is None or text is None:
        yield f"  {limits.model}{level}: {model.why}"
        return
    cost = f"{number(tokens)} token{'' if tokens == 1 else 's'}, {money(limits.cost_usd(tokens))}"
    yield f"  {limits.model}{level} sees {seen.size}, {cost}"
    if text.lines:
        yield f"    {_fate(seen)}"
        shown = worst(seen)[:_SHOWN]
        yield from (f"    {_quoted(line)}" for line in shown)
        yield f"    as text: about {count(text_tokens(text.characters), 'token')}"
    for found in seen.appearing[:_SHOWN]:
        by = "" if found.resampling == _ASSUMED else f" ({found.resampling})"
        yield f"    appears only at this size{by}: {_short(found.line.text or '')!r}"
    if model.remedies:
        yield "    what keeps these lines:"
        missing = sum(line.state is not LineState.KEPT for line in seen.lines)
        for remedy in model.remedies:
            part = f" ({figure(remedy.lines)} of them)" if remedy.lines < missing else ""
            yield f"      {_advice(remedy)}{part}"
    elif seen.lost:
        yield "    nothing keeps these lines: they are too small in the file itself"


_SHOWN = 3
_ASSUMED = "lanczos"


def _fate(seen: SeenText) -> str:
    states = [line.state for line in seen.lines]
    lost, doubtful = states.count(LineState.LOST), states.count(LineState.DOUBTFUL)
    letters = f"letters from {seen.smallest:.1f} px"
    if not lost and not doubtful:
        return f"all lines kept, {letters}"
    parts = [f"{figure(lost)} lost"] if lost else []
    parts += [f"{figure(doubtful)} doubtful"] if doubtful else []
    share = int(seen.share_kept * 100)
    return f"{', '.join(parts)} of {count(len(seen.lines), 'line')}; {share} % of characters kept, {letters}"


_LONGEST = 24


def _short(text: str) -> str:
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"


def _quoted(line: SeenLine) -> str:
    what = f"{line.state.value} at {line.height:.1f} px"
    if line.line.text is None:
        left, top, *_ = line.line.box
        return f"{what}: the line at {left:.0f},{top:.0f}"
    if line.text is None:
        return f"{what}: {_short(line.line.text)!r}"
    return f"{what}: {_short(line.line.text)!r} is read as {_short(line.text)!r}"


def _advice(remedy: TextRemedy) -> str:
    cost = f"{number(remedy.tokens)} token{'' if remedy.tokens == 1 else 's'}, {money(remedy.cost_usd)}"
    match remedy.kind:
        case RemedyKind.DETAIL:
            return f"detail {remedy.name}: seen as {remedy.size}, {cost}"
        case RemedyKind.TIER:
            return f"{remedy.name}: sees {remedy.size}, {cost}"
        case RemedyKind.CROP:
            return f"crop {','.join(map(str, remedy.box or ()))}: {remedy.size}, {cost}"
        case RemedyKind.TILES:
            return f"{remedy.tiles} tiles of {remedy.size}, {cost}"
