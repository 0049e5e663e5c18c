"""The hooks of Claude Code: JSON of its documentation in, JSON out (observed with 2.1.332, 2026-11-29).

`PreToolUse` of Read may name another file, `PostToolUse` of any tool may replace its result. What a hook does
not answer goes on as without it.
"""

import base64
import json
import os
import re
from collections.abc import Callable, Iterator
from itertools import chain, zip_longest
from typing import Any, NamedTuple

from imgbudget.agents.copies import copies_folder, kept_copy
from imgbudget.agents.shrinking import ShrunkImage, broken, shrunk
from imgbudget.errors import FixError, UsageError
from imgbudget.fixing.output_files import EXTENSIONS
from imgbudget.imageinfo.files import read_image
from imgbudget.limits.bound import Limits
from imgbudget.limits.clients import CLIENTS
from imgbudget.limits.geometry import Size
from imgbudget.linter.options import RunOptions
from imgbudget.linter.run import Session
from imgbudget.model.clients import encoded_facts
from imgbudget.model.scale_notes import restated, stated_original
from imgbudget.model.subjects import ImageFacts, ProbeField
from imgbudget.planner.image import text_length
from imgbudget.positional import OPEN_FLAGS, read_named

MOST_BYTES = 64 << 20
"""The largest image that is looked at, and the longest input: more takes longer than a hook may."""

_TAIL = 1 << 18
"""Bytes at the end of a transcript in which the model of the session is looked for."""

_MODEL = re.compile(rb'"model":"([A-Za-z0-9][A-Za-z0-9._:/@\[\]-]{0,99})"')

_PLATFORMS = (("CLAUDE_CODE_USE_BEDROCK", "bedrock"), ("CLAUDE_CODE_USE_VERTEX", "google-cloud"))
"""Variables that make the agent send to another platform."""

EVENTS = ("PreToolUse", "PostToolUse")
"""The events that are answered."""

_SCREENSHOTS = "mcp__.*[sS]creenshot.*"
"""The tools besides Read that the hook is installed for."""

_IMAGES = tuple(
    f"Read(//**/*.{extension})"
    for extension in (
        "[pP][nN][gG]",
        "[jJ][pP]*[gG]",
        "[gG][iI][fF]",
        "[wW][eE][bB][pP]",
        "[tT][iI][fF]*",
        "[bB][mM][pP]",
        "[hH][eE][iI][cCfF]",
        "[aA][vV][iI][fF]",
    )
)
"""The reads that the hook is installed for: the agent starts it for each, and no text needs it."""


class HookCall(NamedTuple):
    """What the agent says of a call of a tool: `response` is its result, None before the call."""

    event: str
    tool: str
    tool_input: dict[str, Any]
    response: Any
    cwd: str
    transcript: str | None
    mode: str | None


class HookAnswer(NamedTuple):
    """The text for standard output, empty to change nothing, and what the user has to know.

    With `is_mistake`, that is a mistake in the options, which no call can do without.
    """

    text: str = ""
    notes: tuple[str, ...] = ()
    is_mistake: bool = False


def read_call(text: bytes) -> HookCall:
    """The call that the input of a hook describes.

    Raises:
        UsageError: it is none.
    """
    try:
        found = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise UsageError(f"standard input is not the JSON of a hook: {error}") from error
    found = found if isinstance(found, dict) else {}
    event, tool = _text(found.get("hook_event_name")), _text(found.get("tool_name"))
    if event is None or tool is None:
        raise UsageError("standard input is not the JSON of a hook: it has no hook_event_name and tool_name")
    given = found.get("tool_input")
    return HookCall(
        event,
        tool,
        given if isinstance(given, dict) else {},
        found.get("tool_response"),
        _text(found.get("cwd")) or os.curdir,
        _text(found.get("transcript_path")),
        _text(found.get("permission_mode")),
    )


def _text(value: object) -> str | None:
    return value if isinstance(value, str) and value else None


def answer_to(call: HookCall, options: RunOptions) -> HookAnswer:
    """What the hook answers; `options` name the model, without which it is that of the session.

    Raises:
        ImgbudgetError: a configuration, model or platform that cannot be used.
        WriteError: a copy cannot be written.
    """
    work = {"PreToolUse": _before, "PostToolUse": _after}.get(call.event)
    if work is None:
        return HookAnswer(notes=(f"nothing is done on {call.event}; only on {' and '.join(EVENTS)}",))
    return work(call, lambda: _limits(call, options))


def _limits(call: HookCall, options: RunOptions) -> Limits | None:
    """The limits of the session's model; None if that is not known."""
    model = options.model or _model_of(call.transcript)
    if model is None:
        return None
    named = (platform for name, platform in _PLATFORMS if os.environ.get(name) not in {None, "", "0"})
    platform = options.platform or next(named, None)
    limits = Session(options._replace(model=model, platform=platform)).context.limits()
    return limits if limits.counts_tokens else None


def _model_of(transcript: str | None) -> str | None:
    """The model of the last answer in a session."""
    if transcript is None:
        return None
    try:
        with open(os.open(transcript, OPEN_FLAGS), "rb") as file:
            file.seek(max(os.fstat(file.fileno()).st_size - _TAIL, 0))
            found = _MODEL.findall(file.read(_TAIL))
    except OSError:
        return None
    return found[-1].decode("ascii") if found else None


def _before(call: HookCall, limits_of: Callable[[], Limits | None]) -> HookAnswer:
    """Name a shrunk copy to read in the place of an image, where the agent reads both without a question."""
    given = _text(call.tool_input.get("file_path"))
    if given is None:
        return HookAnswer()
    path = os.path.join(call.cwd, given)
    facts = read_image(path, ProbeField.INTEGRITY).facts if os.path.isfile(path) else None
    if facts is None or facts.format is None or facts.byte_size > MOST_BYTES:
        return HookAnswer()
    if facts.damage is not None:
        return _refused(call, path, facts)
    if not may_redirect(path, call):
        return HookAnswer()
    limits = limits_of()
    try:
        made = None if limits is None else shrunk(read_named(path, MOST_BYTES), path, limits)
    except FixError as error:
        return HookAnswer(notes=(f"{given} is read as it is: it {error}",))
    if limits is None or made is None:
        return HookAnswer()
    copy = kept_copy(made.data, EXTENSIONS[made.format])
    return _answer(
        call,
        [scale_text(made, limits)],
        updatedInput={**call.tool_input, "file_path": copy},
    )


def _refused(call: HookCall, path: str, facts: ImageFacts) -> HookAnswer:
    """Refuse to read an image that the agent would send as it is, and that the API refuses."""
    if facts.format not in _CLIENT.read or encoded_facts(facts, _CLIENT) is not None:
        return HookAnswer()
    reason = broken(read_named(path, MOST_BYTES), path)
    if reason is None:
        return HookAnswer()
    text = f"The image {reason}. The API would refuse it, and every later turn with it: {_REMEDY}."
    output = {"hookEventName": call.event, "permissionDecision": "deny", "permissionDecisionReason": text}
    return HookAnswer(json.dumps({"hookSpecificOutput": output}) + "\n")


_CLIENT = next(client for client in CLIENTS if client.name == "claude-code")
_REMEDY = "create or download the file again"


def may_redirect(path: str, call: HookCall) -> bool:
    """Whether reading a copy instead of a file asks the user for nothing less and nothing more.

    The agent checks its rules for the file that is named in the end. So the file must be one that it reads
    without a question, in the working folder; no rule may ask before files are read; and the user's own
    settings must allow the folder of the copies, as those do that install the hook.
    """
    folder, target = os.path.realpath(call.cwd), os.path.realpath(path)
    if not target.startswith(os.path.join(folder, "")):
        return False
    home = os.environ.get("CLAUDE_CONFIG_DIR") or os.path.join(os.path.expanduser("~"), ".claude")
    own = _rules(os.path.join(home, "settings.json"))
    others = [_rules(name) for name in (*_MANAGED, *_of_project(folder))]
    if own is None or None in others:
        return False
    asked = [rule for rules in (own, *others) if rules for rule in rules["ask"]]
    if any(rule.split("(")[0].strip() in {"Read", "*"} for rule in asked):
        return False
    return call.mode == "bypassPermissions" or read_rule() in own["allow"]


_MANAGED = (
    "/etc/claude-code/managed-settings.json",
    "/Library/Application Support/ClaudeCode/managed-settings.json",
    r"C:\Program Files\ClaudeCode\managed-settings.json",
)
_MOST_SETTINGS = 1 << 20


def _of_project(folder: str) -> Iterator[str]:
    for place in {folder, os.environ.get("CLAUDE_PROJECT_DIR") or folder}:
        for name in ("settings.json", "settings.local.json"):
            yield os.path.join(place, ".claude", name)


def _rules(path: str) -> dict[str, list[str]] | None:
    """The rules of permission in a file of settings, none if there is no file; None if it cannot be read."""
    try:
        found = json.loads(read_named(path, _MOST_SETTINGS))
    except FileNotFoundError:
        found = {}
    except (OSError, ValueError, RecursionError):
        return None
    rules = found.get("permissions", {}) if isinstance(found, dict) else None
    if not isinstance(rules, dict):
        return None
    lists = {name: rules.get(name) or [] for name in ("allow", "ask")}
    are_lists = all(isinstance(found, list) for found in lists.values())
    return lists if are_lists and all(isinstance(rule, str) for rule in chain(*lists.values())) else None


def read_rule() -> str:
    """The rule that allows the agent to read copies."""
    return f"Read(/{copies_folder().replace(os.sep, '/')}/**)"


def _after(call: HookCall, limits_of: Callable[[], Limits | None]) -> HookAnswer:
    """Replace the images in the result of a tool."""
    found = [image for image in _images(call.response) if len(image.text) <= MOST_BYTES]
    limits = limits_of() if found else None
    lines: list[str] = []
    changed: list[str] = []
    notes: list[str] = []
    for number, image in enumerate(found, 1):
        try:
            is_base64, data = image.decoded()
            if call.tool != "Read" and (reason := broken(data, call.tool)) is not None:
                image.remove(f"[image removed: it {reason}; the API would refuse it with every later turn]")
                changed.append(f"image {number} of {call.tool} {reason} and was replaced by a text")
                continue
            if data and not is_base64:
                image.holder[image.name] = base64.b64encode(data).decode("ascii")
                changed.append(f"image {number} of {call.tool} was not valid base64, and is now")
            made = None if limits is None else shrunk(data, call.tool, limits)
        except FixError as error:
            notes.append(f"image {number} of {call.tool} stays as it is: {error}")
            continue
        if made is not None and limits is not None and text_length(len(made.data)) < len(image.text):
            which = f"Image {number}: " if len(found) > 1 else ""
            lines.append(which + scale_text(made._replace(original=image.put(made)), limits))
    notes += changed
    if not lines and not changed:
        return HookAnswer(notes=tuple(notes))
    replaced = {"updatedToolOutput": call.response}
    if call.tool.startswith("mcp__"):  # the name of the field before 2.1.121
        replaced["updatedMCPToolOutput"] = call.response
    return _answer(call, lines, notes, **replaced)


_URL_SAFE = str.maketrans("-_", "+/")


class ImageInResult(NamedTuple):
    """An image in a result, in its `block`.

    `holder` has its base64 text as `name`, and its media type as `media_type`. `note` is the block after it
    in which the agent states its scale.
    """

    block: dict[str, Any]
    holder: dict[str, Any]
    name: str
    media_type: str
    note: dict[str, Any] | None = None

    @property
    def text(self) -> str:
        """The base64 text."""
        text: str = self.holder[self.name]
        return text

    def decoded(self) -> tuple[bool, bytes]:
        """Whether the text is base64 as the API takes it, and its bytes; if need be, of what is base64 in it.

        Tools forget to take away the prefix of a data URI, line breaks, or the url-safe alphabet.
        """
        try:
            return True, base64.b64decode(self.text, validate=True)
        except ValueError:
            clean = "".join(self.text.rpartition(",")[2].split()).translate(_URL_SAFE).rstrip("=")
        try:
            return False, base64.b64decode(clean + "=" * (-len(clean) % 4), validate=True)
        except ValueError:
            return False, b""

    def remove(self, text: str) -> None:
        """Put a text in its place."""
        self.block.clear()
        self.block.update({"type": "text", "text": text})

    def put(self, made: ShrunkImage) -> Size:
        """Put another image in its place, and correct the sizes beside it; the size of the original, px."""
        self.holder[self.name] = base64.b64encode(made.data).decode("ascii")
        self.holder[self.media_type] = f"image/{made.format}"
        original = made.original
        if self.note is not None:
            original = stated_original(self.note["text"]) or original
            self.note["text"] = restated(self.note["text"], made.seen)
        sizes = self.holder.get("dimensions")
        if isinstance(sizes, dict):
            sizes["displayWidth"], sizes["displayHeight"] = made.seen
            width, height = sizes.get("originalWidth"), sizes.get("originalHeight")
            if isinstance(width, int) and isinstance(height, int) and width > 0 and height > 0:
                original = Size(width, height)
        return original


def _images(value: Any) -> Iterator[ImageInResult]:
    """The images in the result of a tool: blocks of the Messages API or of MCP, and the result of Read."""
    if isinstance(value, dict):
        if value.get("type") == "image":
            yield from _image(value, None)
        else:
            yield from _images(value.get("content"))
        return
    blocks = [block for block in value if isinstance(block, dict)] if isinstance(value, list) else []
    for block, following in zip_longest(blocks, blocks[1:]):
        if block.get("type") == "image":
            text = None if following is None else following.get("text")
            is_note = isinstance(text, str) and stated_original(text) is not None
            yield from _image(block, following if is_note else None)


def _image(block: dict[str, Any], note: dict[str, Any] | None) -> Iterator[ImageInResult]:
    for holder, name, media_type in (
        (block.get("file"), "base64", "type"),
        (block.get("source"), "data", "media_type"),
        (block, "data", "mimeType"),
    ):
        if isinstance(holder, dict) and isinstance(holder.get(name), str):
            yield ImageInResult(block, holder, name, media_type, note)
            return


def scale_text(made: ShrunkImage, limits: Limits) -> str:
    """What the model has to know of the scale of an image."""
    (width, height), (across, down) = made.original, made.seen
    if made.original == made.seen:
        return f"The image is shown in full size, {made.seen} px, converted to {made.format}."
    factors = f"{width / across:.3f} (x) and {height / down:.3f} (y)"
    return (
        f"The image is shown at {made.seen} px, which {limits.model} uses, instead of {made.original}. "
        f"Multiply coordinates by {factors} for the original, whatever another note says. The command "
        "`imgbudget crop FILE X,Y,X2,Y2`, with a box in px of the image as shown, cuts that part out of the "
        "original at full resolution."
    )


def _answer(call: HookCall, lines: list[str], notes: list[str] | None = None, **fields: Any) -> HookAnswer:
    context = {"additionalContext": "\n".join(lines)} if lines else {}
    output = {"hookEventName": call.event, **fields, **context}
    return HookAnswer(json.dumps({"hookSpecificOutput": output}) + "\n", tuple(notes or ()))


def settings(command: str) -> str:
    """The settings of the agent that install the hook, in one line of JSON; `command` runs imgbudget."""
    hook = {"type": "command", "command": f"{command} hook claude-code", "timeout": 5}
    reads = {"matcher": "Read", "hooks": [{**hook, "if": condition} for condition in _IMAGES]}
    hooks = {event: [reads] for event in EVENTS}
    hooks["PostToolUse"] = [reads, {"matcher": _SCREENSHOTS, "hooks": [hook]}]
    return json.dumps({"permissions": {"allow": [read_rule()]}, "hooks": hooks})
