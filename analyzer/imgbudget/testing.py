"""For rule authors: run a rule on a subject, write subjects as short text, check a rule's page."""

import json
import re
import shlex
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cache, partial
from typing import Any, cast

from imgbudget.config.units import parse_budgets
from imgbudget.imageinfo.files import DECLARED_TYPES, base64_length
from imgbudget.limits.data import LimitsData, load_limits
from imgbudget.limits.geometry import Size
from imgbudget.model.budgets import NO_BUDGETS, Budget, Budgets
from imgbudget.model.location import Location
from imgbudget.model.pixels import PIXEL_TYPES, PixelFacts
from imgbudget.model.prompts import PrefixEdit
from imgbudget.model.request_under_test import bind_request
from imgbudget.model.subjects import (
    AlikeImage,
    Batch,
    Block,
    DocumentUse,
    ImageFacts,
    ImageUse,
    LeakedImage,
    Level,
    Nested,
    Origin,
    Other,
    Problem,
    Request,
    Run,
    ShapeFlaw,
    Text,
    Turn,
    UnusedIgnore,
    walk_blocks,
)
from imgbudget.model.text import (
    AppearingLine,
    Corners,
    ImageText,
    SeenLine,
    SeenText,
    StoredText,
    TextLine,
)
from imgbudget.registry import AnyRule, load_packs
from imgbudget.requests.base import kind_of, lone_surrogate
from imgbudget.requests.batches import BatchCount
from imgbudget.requests.messages import NESTED, ORIGINS, answered_toolsets
from imgbudget.rule import Context

_BYTE_SIZE = 100_000
_PATH = "request.json"
_CONFIGURATION = "imgbudget.yaml"
_SIZELESS = ("svg",)
_COUNTS = {
    "orientation": "orientation",
    "frames": "frames",
    "quality": "quality",
    "metadata": "metadata_bytes",
}
_WORDS = {
    *PIXEL_TYPES,
    "bytes",
    "content",
    "damage",
    "declared",
    "digest",
    "flaw",
    "appearing",
    "gps",
    "kept",
    "letters",
    "named",
    "unrepairable",
    *_COUNTS,
}


def image(spec: str) -> ImageUse:
    """The image file that e.g. `<jpeg 4000x3000 orientation=6>` describes; ValueError for an unknown word."""
    facts, words = _read_spec(spec)
    name = words.get("named", f"image.{facts.format or 'png'}")
    return ImageUse(
        location=Location(name),
        origin=Origin.PATH,
        facts=facts,
        declared=DECLARED_TYPES.get(name.rpartition(".")[2].lower()),
        base64_size=base64_length(facts.byte_size),
        digest=words.get("digest"),
    )


def request(body: Mapping[str, Any] | str) -> Request:
    """The request that a body in shorthand describes, with locations as in a file.

    A string that is not JSON, or a body without an array of messages, becomes a request with that flaw.
    """
    location = Location(_PATH, ())
    if isinstance(body, str):
        try:
            body = cast("Mapping[str, Any]", json.loads(body))
        except ValueError as error:
            return Request(
                location=location,
                dialect="unknown",
                byte_size=0,
                flaws=(ShapeFlaw(location, f"is not JSON: {error}"),),
            )
    messages: Any = body.get("messages")
    flaws: tuple[ShapeFlaw, ...] = ()
    if not isinstance(messages, list):
        at = location.at("messages")
        flaws = (ShapeFlaw(at, f"messages is {kind_of(messages)}, not an array"),)
        messages = []
    turns = []
    if "system" in body:
        here = location.at("system")
        turns.append(Turn(here, "system", _SpecReader("system", None, {}).blocks(body["system"], here, ())))
    toolsets = answered_toolsets({"tools": body.get("tools"), "messages": messages})
    for i, message in enumerate(messages):
        here, reader = location.at("messages", i), _SpecReader(message["role"], i, toolsets)
        turns.append(Turn(here, reader.role, reader.blocks(message["content"], here.at("content"), ())))
    blocks = [block for turn in turns for block in walk_blocks(turn.blocks)]
    images = tuple(block for block in blocks if isinstance(block, ImageUse))
    payloads = sum(use.base64_size or 0 for use in images)
    return Request(
        location=location,
        dialect=body.get("dialect", "messages"),
        byte_size=body.get("bytes", len(json.dumps(body)) + payloads),
        model=body.get("model"),
        platform=body.get("platform"),
        turns=tuple(turns),
        images=images,
        documents=tuple(block for block in blocks if isinstance(block, DocumentUse)),
        flaws=flaws,
        edits=(_edit(body["edit"], location),) if "edit" in body else (),
    )


def _edit(edit: Mapping[str, Any], location: Location) -> PrefixEdit:
    """What a request changes of an earlier one: `at` is the path of the block, `tokens` what it costs."""
    return PrefixEdit(
        location.at(*edit["at"]), edit["tokens"], edit.get("hour", False), edit.get("earlier", "line 1")
    )


def batch(body: Mapping[str, Any]) -> Batch:
    """The batch that a body with `requests` describes, with locations as in a file."""
    location, entries = Location(_PATH, ()), BatchCount()
    for i, entry in enumerate(body["requests"]):
        entries.add(location.at("requests", i), entry.get("custom_id"))
    whole = entries.batch(location, body.get("bytes", len(json.dumps(body))))
    return whole._replace(request_count=body.get("count", whole.request_count))


def whole_run(body: Mapping[str, Any]) -> Run:
    """The run that a body with `run` describes."""
    location, fields = Location(_CONFIGURATION), dict(body["run"])
    copies = tuple((size, tuple(paths)) for size, paths in fields.pop("copies", ()))
    unused = tuple(
        UnusedIgnore(location.at("ignores", i), tuple(entry["rules"]), tuple(entry["files"]), entry["reason"])
        for i, entry in enumerate(fields.pop("unused", ()))
    )
    alike = tuple(AlikeImage(*entry) for entry in fields.pop("alike", ()))
    leaks = tuple(LeakedImage(*entry) for entry in fields.pop("leaks", ()))
    return Run(location, copies=copies, unused=unused, alike=alike, leaks=leaks, **fields)


_TEXT = {"appearing", "kept", "letters"}
"""The words about the text of an image."""


def _read_spec(spec: str) -> tuple[ImageFacts, dict[str, str]]:
    """The facts that `<...>` describes, and its words by name."""
    if not (spec.startswith("<") and spec.endswith(">")):
        raise ValueError(f"{spec!r} is not an image; write it as <png 800x600>")
    first, *rest = shlex.split(spec[1:-1])
    size = None
    if rest and (edges := re.fullmatch(r"(\d+)x(\d+)", rest[0])):
        size, rest = Size(int(edges[1]), int(edges[2])), rest[1:]
    words = {name: value for name, _, value in (word.partition("=") for word in rest)}
    if unknown := words.keys() - _WORDS:
        raise ValueError(f"{spec!r} has an unknown word: {min(unknown)}")
    is_image = "content" not in words and (size is not None or "damage" in words or first in _SIZELESS)
    counts: dict[str, Any] = {field: int(words[name]) for name, field in _COUNTS.items() if name in words}
    pixels: dict[str, Any] = {name: kind(words[name]) for name, kind in PIXEL_TYPES.items() if name in words}
    facts = ImageFacts(
        byte_size=int(words.get("bytes", _BYTE_SIZE)),
        pixels=PixelFacts(**pixels) if is_image else None,
        text=StoredText(partial(_text_at, size, words))
        if is_image and size and words.keys() & _TEXT
        else None,
        format=first if is_image else None,
        size=size if is_image else None,
        has_location="gps" in words,
        damage=words.get("damage"),
        content=None if is_image else words.get("content", first.upper()),
        **counts,
    )
    return facts, words


def _text_at(size: Size, words: Mapping[str, str], seen: Size) -> ImageText:
    """The text that a spec describes.

    `letters` is the height of a line in px, `kept` the share of it that is read as seen, and `appearing` the
    text of a line that is read only there.
    """
    found, appearing = [], []
    if "letters" in words:
        height = float(words["letters"])
        found.append(TextLine(_corners(height), height, _CONTRAST, 5, "total"))
    if "appearing" in words:
        hidden = words["appearing"]
        line = TextLine(_corners(_LARGE), _LARGE, _CONTRAST, len(hidden), hidden)
        appearing.append(AppearingLine(line, "bicubic"))
    factor, kept = seen.width / size.width, float(words.get("kept", 1))
    shown = tuple(SeenLine(line, line.height * factor, kept, line.text) for line in found)
    return ImageText(size, tuple(found), (SeenText(seen, shown, tuple(appearing)),), 5.0)


_CONTRAST, _LARGE = 255.0, 20.0
"""Of black letters on white, and the height in px of letters that nobody overlooks."""


def _corners(height: float) -> Corners:
    """The corners of a line of five letters, near the top left."""
    right, bottom = 20 + 3 * height, 20 + 1.4 * height
    return (20, 20), (right, 20), (right, bottom), (20, bottom)


@dataclass(frozen=True, slots=True)
class _SpecReader:
    """Reads the blocks of one turn, or with `toolset` those of the result of a tool in that toolset."""

    role: str
    turn: int | None
    toolsets: Mapping[str, str]
    toolset: str | None = None

    def blocks(self, content: Any, location: Location, inside: tuple[str, ...]) -> tuple[Block, ...]:
        """The blocks of a `content`, an array in shorthand or a plain string."""
        if isinstance(content, str):
            return (Text(location, content, lone_surrogate(content)),)
        expanded = (block for entry in content for block in _expand(entry))
        return tuple(self.block(block, location.at(j), inside) for j, block in enumerate(expanded))

    def block(self, block: Mapping[str, Any], location: Location, inside: tuple[str, ...]) -> Block:
        """The block of a mapping."""
        kind, source = block["type"], block.get("source")
        if kind == "text":
            return Text(
                location,
                block["text"],
                lone_surrogate(block["text"]),
                block.get("image_characters", 0),
            )
        if kind == "image" and isinstance(source, dict):
            return self.image(block, source, location.at("source"), inside)
        if kind == "document" and isinstance(source, dict):
            return self.document(source, location, inside)
        if kind in NESTED:
            reference = block.get("tool_use_id")
            toolset = self.toolsets.get(reference) if reference and not inside else None
            reader = replace(self, toolset=toolset)
            blocks = reader.blocks(block.get("content", []), location.at("content"), (*inside, kind))
            return Nested(location, kind, blocks, reference)
        return Other(location, kind)

    def image(
        self, block: Mapping[str, Any], source: Mapping[str, Any], location: Location, inside: tuple[str, ...]
    ) -> ImageUse:
        """An image block; base64 data is an image in shorthand, or empty."""
        origin = ORIGINS.get(source["type"], Origin.UNKNOWN)
        facts: ImageFacts | None = None
        words: dict[str, str] = {}
        length: int | None = None
        flaws: tuple[str, ...] = ()
        if origin is Origin.BASE64 and source["data"]:
            facts, words = _read_spec(source["data"])
            length = base64_length(facts.byte_size)
            flaws = (words["flaw"],) if "flaw" in words else ()
        elif origin is Origin.BASE64:
            length, flaws = 0, ("is empty",)
        repairable = bool(length) and "unrepairable" not in words
        real_type = f"image/{facts.format}" if facts and facts.format else "image/png"
        return ImageUse(
            location=location,
            origin=origin,
            facts=facts if repairable else None,
            declared=words.get("declared", source.get("media_type", real_type if length else None)),
            base64_size=length,
            flaws=flaws,
            repairable=repairable or origin is not Origin.BASE64,
            role=self.role,
            inside=inside,
            turn=self.turn,
            digest=words.get("digest", location.pointer) if length else None,
            source_type=source["type"],
            reference=source.get("url", source.get("file_id")),
            oversized=(block.get("transformations") or {}).get("oversized_image"),
            toolset=self.toolset,
        )

    def document(self, source: Mapping[str, Any], location: Location, inside: tuple[str, ...]) -> DocumentUse:
        """A document block; base64 data is `<pdf 12>`, `<pdf encrypted>`, or a document of unknown length."""
        kind = source["type"]
        counted = re.fullmatch(r"<pdf (\d+)>", source.get("data", "")) if kind == "base64" else None
        pages = int(counted[1]) if counted else 0 if kind in ("text", "content") else None
        inner, reader = location.at("source", "content"), replace(self, toolset=None)
        return DocumentUse(
            location=location,
            origin=ORIGINS.get(kind, Origin.UNKNOWN),
            media_type=source.get("media_type"),
            pages=pages,
            blocks=reader.blocks(source.get("content", []), inner, (*inside, "document")),
            source_type=kind,
            uncounted="the file is encrypted" if source.get("data") == "<pdf encrypted>" else None,
        )


def _expand(entry: Any) -> Iterator[Mapping[str, Any]]:
    """Expand an entry of a `content` array into mappings."""
    if not isinstance(entry, str):
        yield entry
        return
    if not entry.startswith("<"):
        yield {"type": "text", "text": entry}
        return
    spec, _, times = entry.partition(" * ")
    source = {"type": "base64", "data": spec}
    kind = "image"
    if spec.startswith("<pdf "):
        kind, source = "document", {**source, "media_type": "application/pdf"}
    for _ in range(int(times or 1)):
        yield {"type": kind, "source": source}


MODEL = "claude-sonnet-4-6"
PLATFORM = "anthropic"
HEADINGS = ("Why it matters", "Reports", "Silent", "Fix safety", "Source")
"""The headings of a rule's page, in order."""

PACK = "imgbudget_rules"
"""The pack whose limits are used; loaded by name, like any pack."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Example:
    """One example of a page: its text, subject, model, platform and budgets."""

    text: str
    subject: ImageUse | Request | Batch | Run
    model: str = MODEL
    platform: str = PLATFORM
    budgets: Budgets = NO_BUDGETS


@dataclass(frozen=True, slots=True)
class Examples:
    """The examples of a page: those that its rule reports, and those that it does not report."""

    reports: tuple[Example, ...]
    silent: tuple[Example, ...]


def run_rule(
    rule: AnyRule,
    subject: ImageUse | Request | Batch | Run,
    *,
    model: str = MODEL,
    platform: str = PLATFORM,
    budgets: Budgets = NO_BUDGETS,
) -> list[Problem]:
    """Run one rule on a subject, with the limits of a model on a platform, and budgets.

    A request's own model and platform override these. A rule on images checks each image of a request. A rule
    that needs a limit which the model or platform does not have reports nothing.
    """
    if isinstance(subject, Request):
        model, platform = subject.model or model, subject.platform or platform
    limits = _limits().bind(model, platform)
    if not isinstance(subject, Request):
        return _problems(rule, subject, Context(limits, budgets))
    test = bind_request(subject, limits)
    context = Context(limits, budgets, test.image_limits)
    if rule.level is not Level.IMAGE:
        return _problems(rule, subject, context)
    images = [_problems(rule, use, Context(limits, budgets)) for use, limits in test.images]
    found = [problem for problems in images for problem in problems]
    return found + (_problems(rule, subject, context) if rule.also is Level.REQUEST else [])


def _problems(rule: AnyRule, subject: ImageUse | Request | Batch | Run, context: Context) -> list[Problem]:
    return [] if context.limits.missing(rule.limits) else list(rule.check(subject, context))


def check_page(rule: AnyRule) -> None:
    """Check a rule against its own page, as the tests of the shipped rules do.

    Raises:
        AssertionError: a heading is missing or out of order; an example under Reports is not reported, or one
            under Silent is; a number has no unit; the fixes of the examples do not match the declared fix;
            the rule reports something different the second time.
        ValueError: an example cannot be read.
    """
    headings = tuple(re.findall(r"^## (.+)$", rule.page, re.MULTILINE))
    _expect(headings == HEADINGS, rule, f"has the headings {headings}, not {HEADINGS}")
    page = examples(rule)
    _expect(bool(page.silent), rule, "has no example under Silent")
    for example in page.silent:
        _expect(not _run_example(rule, example), rule, f"reports an example under Silent: {example.text}")
    fixes = 0
    for example in page.reports:
        problems = _run_example(rule, example)
        _expect(bool(problems), rule, f"does not report an example under Reports: {example.text}")
        _expect(
            problems == _run_example(rule, example),
            rule,
            f"reports different problems when run twice on {example.text}",
        )
        for problem in problems:
            numbers = {problem.measured, problem.limit} - {None}
            _expect(bool(numbers) == (problem.unit is not None), rule, "gives a number without a unit")
            fixes += problem.fix is not None
    _expect(bool(fixes) == (rule.fix is not None), rule, f"declares the fix {rule.fix} and offers {fixes}")


def _run_example(rule: AnyRule, example: Example) -> list[Problem]:
    return run_rule(
        rule, example.subject, model=example.model, platform=example.platform, budgets=example.budgets
    )


def _expect(holds: bool, rule: AnyRule, flaw: str) -> None:  # noqa: FBT001 - an assertion
    if not holds:
        raise AssertionError(f"{rule.code} {rule.name} {flaw}")


def examples(rule: AnyRule) -> Examples:
    """The examples of a rule's page; raises ValueError for one that cannot be read."""
    parts = re.split(r"^## (.+)\n", rule.page, flags=re.MULTILINE)
    sections = dict(zip(parts[1::2], parts[2::2], strict=True))
    return Examples(
        tuple(_examples(sections.get("Reports", ""))), tuple(_examples(sections.get("Silent", "")))
    )


def _examples(section: str) -> Iterator[Example]:
    for match in re.finditer(r"^(?:```json\n(.*?)\n```|(<.*?))$", section, re.MULTILINE | re.DOTALL):
        body, line = match.groups()
        if body is not None:
            yield _body(body)
            continue
        parts = re.fullmatch(r"(<[^<>]+>)(?: for (\S+))?(?: on (\S+))?(?: within (\S+))?", line)
        if parts is None:
            raise ValueError(f"{line!r} is not an example; write it as <png 800x600> for MODEL on PLATFORM")
        spec, model, platform, budget = parts.groups()
        yield Example(
            text=line,
            subject=image(spec),
            model=model or MODEL,
            platform=platform or PLATFORM,
            budgets=parse_budgets([budget]) if budget else NO_BUDGETS,
        )


def _body(text: str) -> Example:
    """The example of a body: a run, a batch or a request, with the budgets in it."""
    try:
        body = json.loads(text)
    except ValueError:
        return Example(text=text, subject=request(text))
    budgets = Budgets(**{scope: Budget(**amounts) for scope, amounts in body.pop("budgets", {}).items()})
    subject = whole_run(body) if "run" in body else batch(body) if "requests" in body else request(body)
    return Example(text=text, subject=subject, budgets=budgets)


@cache
def _limits() -> LimitsData:
    return load_limits(load_packs((PACK,)).limits, None)
