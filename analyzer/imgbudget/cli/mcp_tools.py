"""The tools of `imgbudget mcp`: commands, called with options that a client gives."""

import io
import json
from collections.abc import Callable, Iterable, Iterator
from contextlib import redirect_stderr, redirect_stdout
from typing import Any, NamedTuple

from imgbudget.agents.roots import Root
from imgbudget.agents.tools import Property, ToolResult, ToolSpec
from imgbudget.api.measuring import is_size, parse_size
from imgbudget.cli.crop import text_lines
from imgbudget.cli.group import run as by_click
from imgbudget.cli.main import load
from imgbudget.cli.options import ConfigOptions, ModelOptions, run_options
from imgbudget.errors import ImgbudgetError, UsageError
from imgbudget.fixing.cropping import crop_image, format_named, target_of, write_crop
from imgbudget.linter.run import Session
from imgbudget.model.views import checked_box
from imgbudget.output.base import count, figure
from imgbudget.printable import joined, several_lines

MOST_CHARACTERS = 400_000
"""The longest JSON that is returned; a model reads all of it."""

_MODEL = {
    "model": Property("text", "Model whose limits apply, e.g. claude-sonnet-4-6 or gpt-4o.", "--model"),
    "platform": Property("text", "Platform, e.g. anthropic, bedrock, openai, gemini.", "--platform"),
}
_MODELS = _MODEL | {
    "model": Property(
        "texts", "Model whose limits apply, e.g. claude-sonnet-4-6 or gpt-4o; or several together.", "--model"
    )
}
_RULES = {
    "select": Property("texts", "Rules to run: codes, prefixes such as IB2, names or ALL.", "--select"),
    "ignore": Property("texts", "Rules to skip.", "--ignore"),
}
_CLIENT = Property("text", "Agent that sends the image files, e.g. claude-code or codex.", "--client")
_PATHS = Property("paths", "Images, folders, request JSON or sessions, below the root of the server.")
_SIZES = Property("sizes", "Sizes in px such as 1920x1080, or paths of images below the root of the server.")

CHECK = ToolSpec(
    "check",
    "Lint images, folders, request JSON and sessions of agents: which images an API rejects, downscales, "
    "misreads or overcharges for, and how to fix it. Changes nothing.",
    {
        "paths": _PATHS,
        **_MODEL,
        "client": _CLIENT,
        **_RULES,
        "pedantic": Property("flag", "Also run the pedantic rules.", "--pedantic"),
    },
    ("paths",),
)
PLAN = ToolSpec(
    "plan",
    "Show to which size each image should be resized, with tokens, bytes and cost before and after. Changes "
    "nothing.",
    {
        "paths": _PATHS,
        **_MODELS,
        "target": Property(
            "texts", "table, native or latency; dimension:N, tokens:N, bytes:SIZE for each image.", "--target"
        ),
        "budget": Property(
            "texts",
            "The most of a request or image: request.tokens=20k, request.cost=$0.05, request.bytes=20MB.",
            "--budget",
        ),
        "for": Property("texts", "", "--for", hidden=True),
        "budget_tokens": Property("text", "", "--budget-tokens", hidden=True),
        "budget_cost": Property("text", "", "--budget-cost", hidden=True),
        "budget_bytes": Property("text", "", "--budget-bytes", hidden=True),
    },
    ("paths",),
)
_FIX = ToolSpec(
    "fix",
    "Make the safe fixes of check",
    {
        "paths": _PATHS,
        **_MODEL,
        **_RULES,
        "unsafe": Property("flag", "Also make fixes that change what the model sees.", "--unsafe-fixes"),
        "level": Property(
            "text",
            "In requests and sessions, fix findings of this severity and above; default: error.",
            "--fix-level",
            ("error", "warning", "info"),
        ),
    },
    ("paths",),
)
_RESCUE = ToolSpec(
    "rescue",
    "Mend the session file of an agent that the API refuses because of an image",
    {
        "session": Property("path", "Session file below the root of the server."),
        **_MODEL,
        "omit_images": Property(
            "text", "Also replace the N oldest images by texts, or all of them.", "--omit-images"
        ),
        "everywhere": Property("flag", "Also take out copies that are kept and not sent.", "--everywhere"),
    },
    ("session",),
)
STATUS = ToolSpec(
    "status",
    "Show how far the next turn of an agent's session is from its limits: images, bytes, tokens, and whether "
    "it will be refused.",
    {"session": Property("path", "Session file below the root of the server."), **_MODEL},
    ("session",),
)
SIZE = ToolSpec(
    "size",
    "Show how a model resizes and counts an image or a size: resized size, tokens, cost, scale.",
    {
        "sizes": _SIZES,
        **_MODELS,
        "detail": Property("text", "Level of detail that the image asks for, e.g. low or high.", "--detail"),
    },
    ("sizes",),
)
TILES = ToolSpec(
    "tiles",
    "Show how to cut a large image into the fewest overlapping tiles that the model sees at full resolution.",
    {
        "sizes": _SIZES,
        **_MODEL,
        "overlap": Property("number", "Least overlap of neighbouring tiles in px.", "--overlap"),
    },
    ("sizes",),
)
CROP = ToolSpec(
    "crop",
    "Cut a part out of an image, given in px of the image that the model saw, from the original at full "
    "resolution; returns the part as an image, and offset and scale to map its coordinates to the original.",
    {
        "image": Property("path", "Path of the image below the root of the server."),
        "box": Property("box", "Left, top, right and bottom in px of the image that the model saw."),
        "sent": Property("text", "Size that was sent, e.g. 1268x951, if the image was resized before."),
        "client": _CLIENT,
        **_MODEL,
    },
    ("image", "box"),
)
_OUTPUT = Property("path", "New file to write the part to; a file that exists is never replaced.")
_DRY_RUN = Property("flag", "Return the difference, and write nothing.")


class Tools:
    """The tools of a server: what it may read and write, and the options that it was started with."""

    def __init__(self, root: Root, *, allow_write: bool, provider: ModelOptions, config: str | None) -> None:
        self._root, self._provider, self._config = root, provider, config
        self._allow_write = allow_write
        fix, crop, rescue = _FIX, CROP, _RESCUE
        if allow_write:
            fix = fix._replace(
                description=f"{fix.description}, in place.",
                properties={**fix.properties, "dry_run": _DRY_RUN},
                writes=True,
            )
            crop = crop._replace(properties={**crop.properties, "output": _OUTPUT}, writes=True)
            rescue = rescue._replace(
                description=f"{rescue.description}; the old bytes are kept in the user's state folder.",
                properties={**rescue.properties, "dry_run": _DRY_RUN},
                writes=True,
            )
        else:
            shown = ": returns what would change, and writes nothing."
            fix = fix._replace(description=fix.description + shown)
            rescue = rescue._replace(description=rescue.description + shown)
        self.specs: tuple[ToolSpec, ...] = (CHECK, PLAN, fix, SIZE, TILES, crop, STATUS, rescue)

    def call(self, name: str, given: dict[str, Any]) -> ToolResult:
        """The result of a call; mistakes of the client are results that say so."""
        try:
            spec = self._spec_named(name)
            return _bounded(self._called(spec, spec.checked(given)))
        except ImgbudgetError as error:
            return _error(joined(error.lines))
        except Exception as error:  # noqa: BLE001 - the server goes on with the next call
            return _error(f"internal error: {type(error).__name__}: {error}")

    def _spec_named(self, name: str) -> ToolSpec:
        specs = {spec.name: spec for spec in self.specs}
        if name not in specs:
            raise UsageError(f"unknown tool {name!r}; known are {', '.join(specs)}")
        return specs[name]

    def _called(self, spec: ToolSpec, given: dict[str, Any]) -> ToolResult:
        shows = given.pop("dry_run", False) or not self._allow_write
        match spec.name:
            case "crop":
                return self._crop(given)
            case "rescue":
                return self._command(["rescue", "--dry-run" if shows else "--yes"], spec, given)
            case "fix" if shows:
                ran = self._run(["check", "--diff", "--no-cache"], spec, given)
                text = "nothing would change" if not ran.out else "nothing was written; this would change"
                return ran.result(text, {"written": False, "difference": ran.out})
            case "fix":
                return self._command(["check", "--fix", "--no-cache"], spec, given)
            case "check":
                return self._command(["check", "--no-cache"], spec, given)
            case command:
                return self._command([command], spec, given)

    def _command(self, words: list[str], spec: ToolSpec, given: dict[str, Any]) -> ToolResult:
        ran = self._run([*words, "--format=json"], spec, given)
        document = json.loads(ran.out)
        return ran.result(SUMMARIES[words[0]](document), document)

    def _run(self, words: list[str], spec: ToolSpec, given: dict[str, Any]) -> "_Ran":
        paths: list[str] = []
        for name, value in given.items():
            one = spec.properties[name]
            match one.kind:
                case "path":
                    paths.append(self._root.inside(value))
                case "paths":
                    paths += [self._root.inside(path) for path in value]
                case "sizes":
                    paths += [text if is_size(text) else self._named(text) for text in value]
                case "texts":
                    words += [f"{one.option}={text}" for text in value]
                case "flag":
                    words += [one.option] if value else []
                case _:
                    words.append(f"{one.option}={value}")
        own = () if spec.name == "rescue" else self._configured()
        return _ran([*words, *own, *self._defaults(given), "--", *paths])

    def _named(self, path: str) -> str:
        """A path as commands read it that also take sizes."""
        inside = self._root.inside(path)
        return f"./{inside}" if is_size(inside) else inside

    def _configured(self) -> tuple[str]:
        return ("--isolated" if self._config is None else f"--config={self._config}",)

    def _defaults(self, given: dict[str, Any]) -> Iterator[str]:
        for name, value in self._provider._asdict().items():
            if value is not None and name not in given:
                yield f"--{name}={value}"

    def _crop(self, given: dict[str, Any]) -> ToolResult:
        path, output = self._root.inside(given["image"]), given.get("output")
        provider = self._provider._replace(**{name: given[name] for name in _MODEL if name in given})
        settings = ConfigOptions(self._config, isolated=self._config is None)
        session = Session(run_options(provider=provider, settings=settings, client=given.get("client", "")))
        made = crop_image(
            path,
            checked_box(*given["box"]),
            target_of(session, path),
            sent=parse_size(given["sent"]) if "sent" in given else None,
            form=None if output is None else format_named(output),
        )
        if output is not None:
            made = write_crop(made, self._root.inside(output), within=".")
        notes = joined((*session.notes, *made.notes)).splitlines()
        text = joined((*text_lines(made), *notes))
        return ToolResult((text,), {**made.to_dict(), "notes": notes}, made.data, made.format)


class _Ran(NamedTuple):
    """What a command printed."""

    out: str
    err: str

    def result(self, text: str, document: dict[str, Any]) -> ToolResult:
        """The result with a short text, and the JSON with the warnings, which some clients show alone."""
        notes = [line.removeprefix("imgbudget: ") for line in self.err.splitlines()]
        return ToolResult((joined((*text.splitlines(), *notes)),), {**document, "notes": notes})


def _ran(words: list[str]) -> _Ran:
    """Run a command. What it could not read is among its warnings, and in its document.

    Raises:
        UsageError: it refuses its options, or has no result.
    """
    out, err = io.StringIO(), io.StringIO()
    with redirect_stdout(out), redirect_stderr(err):
        command = load(words[0])
        options = command.parse(words[1:])
        code = command.run(options) if options is not None else by_click(words)
    if code > 1 and not out.getvalue():
        raise UsageError(*(err.getvalue().splitlines() or (f"{words[0]} failed",)))
    return _Ran(out.getvalue(), err.getvalue())


def _error(text: str) -> ToolResult:
    return ToolResult((several_lines(text),), is_error=True)


def _bounded(result: ToolResult) -> ToolResult:
    """The result with its JSON as a text too, for clients that read nothing else."""
    if result.document is None:
        return result
    text = json.dumps(result.document, ensure_ascii=False)
    if len(text) > MOST_CHARACTERS:
        return _error(
            f"the result has {figure(len(text))} characters of JSON, over {figure(MOST_CHARACTERS)}; name "
            f"fewer paths, or select fewer rules. In short: {result.texts[0]}"
        )
    return result._replace(texts=(*result.texts, text))


def _checked(document: dict[str, Any]) -> str:
    summary = document["summary"]
    found = summary["findings"]
    counts = ", ".join(count(found[one], one) for one in ("error", "warning"))
    checked = ", ".join(count(summary[f"{one}s"], one) for one in ("image", "request"))
    fixed = f"; fixed: {figure(len(document['fixed']))}" if document["fixed"] else ""
    files = count(summary["files"] - len(summary["skipped"]), "checked file")
    return f"{counts}, {figure(found['info'])} info in {files} ({checked}){_skipped(summary)}{fixed}"


def _skipped(summary: dict[str, Any]) -> str:
    skipped = len(summary["skipped"])
    return f"; {count(skipped, 'file')} skipped" if skipped else ""


def _planned(document: dict[str, Any]) -> str:
    totals = document["totals"]
    before, after = totals["before"], totals["after"]
    return (
        f"{figure(totals['changed'])} of {count(totals['images'], 'image')} to change: "
        f"{figure(before['tokens'])} → {figure(after['tokens'])} tokens, "
        f"{figure(before['bytes'])} → {figure(after['bytes'])} bytes"
        f"{_skipped(document['summary'])}"
    )


def _rescued(document: dict[str, Any]) -> str:
    (session,) = document["sessions"]
    return (
        f"{session['path']}: {session['state'].replace('_', ' ')}; errors before: {len(session['errors'])}, "
        f"remaining: {len(session['remaining'])}"
    )


def _status(document: dict[str, Any]) -> str:
    return _rows(
        f"{document['session']}: {count(one['images'], 'image')}, {figure(one['bytes'])} bytes; next limit: "
        f"{one['next'] or 'none'}{'; the next turn will be refused' if one['refused'] else ''}"
        for one in document["conversations"]
    )


def _sized(document: dict[str, Any]) -> str:
    return _rows(
        f"{_name(row)}{_size(row['size'])} on {row['model']}: used as {_size(row['resized'])}, "
        f"{_tokens(row['tokens'])}"
        for row in document["sizes"]
    )


def _tiled(document: dict[str, Any]) -> str:
    return _rows(
        f"{_name(row)}{_size(row['size'])} for {row['model']}: {count(len(row['tiles']), 'tile')}, "
        f"{_tokens(row['tokens'])}"
        for row in document["tilings"]
    )


_MOST_ROWS = 20


def _rows(lines: Iterable[str]) -> str:
    rows = list(lines)
    more = [f"and {figure(len(rows) - _MOST_ROWS)} more"] if len(rows) > _MOST_ROWS else []
    return joined(rows[:_MOST_ROWS] + more)


def _tokens(number: int | None) -> str:
    return "tokens unknown" if number is None else count(number, "token")


def _name(row: dict[str, Any]) -> str:
    return f"{row['path']}: " if row.get("path") else ""


def _size(edges: list[int] | None) -> str:
    return "x".join(map(str, edges)) if edges else "an unknown size"


SUMMARIES: dict[str, Callable[[dict[str, Any]], str]] = {
    "check": _checked,
    "plan": _planned,
    "rescue": _rescued,
    "status": _status,
    "size": _sized,
    "tiles": _tiled,
}
