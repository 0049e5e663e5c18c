"""IB414 omitted-image."""

import re
from collections.abc import Iterator

from imgbudget.rule import (
    Context,
    ImageUse,
    Level,
    Location,
    Problem,
    Request,
    Severity,
    Text,
    Turn,
    rule,
    walk_blocks,
)


@rule(
    "IB414", "omitted-image", level=Level.REQUEST, severity=Severity.INFO, since="0.2", traits=("transcript",)
)
def omitted_image(request: Request, _ctx: Context) -> Iterator[Problem]:
    r"""A text in an agent's session stands in the place of an image, which the model does not see.

    ## Why it matters
    Agents leave images out: because the model takes none, because an image is too large or cannot be decoded,
    or to save context. A note such as `[image omitted]` remains in the conversation. Later turns refer to the
    image as if it were there, and the model guesses what it shows. Equal notes are one finding, at the first.

    Only notes of a user turn or of a tool result count that are a line of their text. They are looked for in
    the first 4,096 characters of each text. Notes that imgbudget wrote when it mended a session do not count:
    what it removes is printed then.

    ## Reports
    ```json
    {"dialect": "transcript", "messages": [{"role": "user", "content": ["[image removed]", "Fix it"]}]}
    ```
    ```json
    {"dialect": "transcript", "messages": [{"role": "user", "content": [
        {"type": "tool_result", "tool_use_id": "toolu_01",
         "content": ["Read a.png\n(tool image omitted: model does not support images)"]}]}]}
    ```
    ```json
    {"dialect": "transcript", "messages": [{"role": "user", "content": [
        {"type": "text", "text": "<image content omitted because you do not support image input>"}]}]}
    ```

    ## Silent
    ```json
    {"dialect": "transcript", "messages": [{"role": "user", "content": ["[Image #1]", "<png 800x600>"]}]}
    ```
    ```json
    {"dialect": "transcript", "messages": [{"role": "user", "content": [
        "Why does parse() return \"[image omitted]\" here?"]}]}
    ```

    A request is what its author wrote; only sessions are looked at:
    ```json
    {"messages": [{"role": "user", "content": ["[image removed]"]}]}
    ```

    ## Fix safety
    There is no fix: the image is not in the session. Attach it again if a later turn needs it.

    ## Source
    Codex CLI (`image content omitted because ...`), pi 0.73.1 (`(image omitted: model does not support
    images)`), openclaw (`[image data removed - already processed by model]`), hermes-agent#91548
    (`[screenshot]`), opencode#42758 (`[Attached image/png: ...]`), opencode#22469 (`ERROR: Cannot read ...`),
    claude-ai-mcp#969 (the MCP connector of the API: `[MCP tool returned an image ...]`), 2026.
    """
    if request.dialect != "transcript":
        return
    notes: dict[str, list[Location]] = {}
    for turn in request.turns:
        for note, location in _notes(turn):
            notes.setdefault(note, []).append(location)
    for note, places in notes.items():
        count = f"{len(places):,} images were" if len(places) > 1 else "an image was"
        yield Problem(
            message=f"{count} left out, and the model does not see {'them' if len(places) > 1 else 'it'}: "
            f"{note[:_SHOWN]}{'…' if len(note) > _SHOWN else ''}",
            help="attach the image again if a later turn needs it",
            measured=len(places),
            unit="images",
            location=places[0],
        )


_SHOWN = 120
"""Characters of a note that a message shows."""

_OWN = ("[image removed, because ", "[image omitted to make room: ")
"""How the notes of imgbudget's own fixes begin."""

_WORDS = ("mage", "MAGE", "creenshot", "CREENSHOT", "icture", "hoto")
"""Parts of the words of which a note has one: a quick look, since sessions have very many texts."""

_SAID = (
    r"(?:[\w-]+ ){0,4}(?:image|screenshot|picture|photo)s?\bANY{0,200}?"
    r"\b(?:omitted|removed|stripped|dropped|elided|cleared|pruned|redacted|discarded|deleted|evicted|rejected|"
    r"not (?:retained|included|sent|kept|shown|available|stored))\bANY{0,400}"
)
_NOTE = "".join(
    (
        *(r"(?im)^[ \t]*(?:", r"\[ ?", _SAID.replace("ANY", r"[^]\n]"), r"\]"),
        *(r"|\( ?", _SAID.replace("ANY", r"[^)\n]"), r"\)"),
        *(r"|< ?", _SAID.replace("ANY", r"[^>\n]"), ">"),
        r"|image content omitted because [^\n]{0,200}",
        r"|error: cannot read [^\n]{0,200} \(this model does not support image input\)[^\n]{0,40}",
        r"|\[(?:\w+ )?tool returned an image [^]\n]{0,100}doesn't currently support image responses\]",
        r"|\[Attached image/[\w.+-]+: [^\n]{0,200}\])[ \t.]*$",
    )
)
_BARE_NOTE = r"(?i)\s*\[(?:image|screenshot|photo|picture)\]\s*"


def _notes(turn: Turn) -> Iterator[tuple[str, Location]]:
    """The notes of a turn, with the locations of their texts."""
    if turn.role != "user":
        return
    blocks = tuple(walk_blocks(turn.blocks))
    for block in blocks:
        if not isinstance(block, Text) or not any(word in block.text for word in _WORDS):
            continue
        for match in re.finditer(_NOTE, block.text):
            note = match[0].strip()
            if not note.startswith(_OWN):
                yield note, block.location
        # the label of an image, if the turn has one
        if re.fullmatch(_BARE_NOTE, block.text) and not any(isinstance(other, ImageUse) for other in blocks):
            yield block.text.strip(), block.location
