"""`imgbudget verify --text`: what a model reads of an image, beside what `legible` predicts of it."""

import os
import sys
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from imgbudget.api.legibility import CRASHED, ReadTask, text_worker
from imgbudget.cli import send_report as words
from imgbudget.cli.consent import unaffordable
from imgbudget.cli.options import ModelOptions, run_options
from imgbudget.cli.output import Format, say, say_warnings, show, write_formats
from imgbudget.config.load import why_no_file
from imgbudget.errors import NO_FILE, UsageError
from imgbudget.imageinfo.dispatch import probe_bytes
from imgbudget.limits.bound import Limits
from imgbudget.linter.run import STDIN, Session
from imgbudget.linter.selection import require_text
from imgbudget.live.billing import Price, Usage, predict, price
from imgbudget.live.client import connect
from imgbudget.live.outgoing import Outgoing, OutgoingBody, outgoing, text_bytes
from imgbudget.live.sending import Reply, send
from imgbudget.live.transcription import (
    ExpectedLine,
    Transcription,
    expected_lines,
    recognised_lines,
    transcribed,
    transcription_body,
)
from imgbudget.model.subjects import MOST_DECODED, ImageFacts, ProbeField
from imgbudget.model.text import ImageText, LineState, SeenText
from imgbudget.model.views import upright_size
from imgbudget.output.base import TextTable, count, figure
from imgbudget.output.records import TOOL, VERSION, usd
from imgbudget.printable import blocks, joined

if TYPE_CHECKING:
    from imgbudget.cli.verify import VerifyOptions

_MOST_EXPECTED = 1 << 20
"""Bytes of a file of expected text."""

_SHOWN, _LONGEST = 5, 40
"""Lines that are shown at most, and their characters."""


class _ReadImage(NamedTuple):
    """An image file with its text as the model is predicted to see it."""

    path: str
    data: bytes
    facts: ImageFacts
    seen: SeenText
    characters: int
    expected: tuple[ExpectedLine, ...]


def verify_text(path: str, options: "VerifyOptions", formats: Sequence[Format]) -> int:
    """Have a model transcribe an image, and compare; 0: as predicted, 1: not, or not sent."""
    require_text("verify --text needs an extra")
    session = Session(
        run_options(
            provider=ModelOptions(options.model, options.platform),
            settings=options.settings,
            verbose=options.output.verbose,
        )
    )
    limits = session.context.limits()
    image = _read(path, options.expect, limits)
    body = transcription_body(image.data, image.facts.format or "", limits.model, image.characters)
    with outgoing(session, STDIN, body, None) as out:
        _refuse(path, out)
        request = next(out.bodies())
        costs = _price(request)
        why = unaffordable(
            costs,
            options.max_cost,
            yes=options.yes,
            asks=sys.stdin.isatty(),
            tell=lambda: show(joined([f"{path} to {limits.model}: {_cost(costs)}"]), aside=True),
        )
        if why is not None:
            say(f"not sent: {why}")
            return 1
        timeout, retries = options.connection
        connection = connect(out.platform, timeout=timeout, max_retries=retries, say=say)
        reply = send(connection, request)
    answer = connection.scrubber.clean(reply.text)
    found = transcribed(image.expected, answer)
    say_warnings(session.notes)
    if reply.message.get("stop_reason") == "max_tokens":
        say(
            f"warning: {path}: the answer ended at its bound of tokens; what came after it counts as not read"
        )
    write_formats(
        formats,
        options.output.color,
        text=lambda colour: _text(image, limits, found, reply.usage, colour=colour),
        document=lambda: _document(image, limits, found, reply, answer, options.expect),
    )
    return 0 if found.confirmed else 1


def _read(path: str, expect: str | None, limits: Limits) -> _ReadImage:
    """The image with its text. Raises UsageError if there is nothing to compare."""
    if why := limits.missing(("native_size",)):
        raise UsageError(f"verify --text needs the size that the model sees: {why}")
    data = _bytes_of(path, MOST_DECODED, "--text")
    facts = probe_bytes(data, ProbeField.ALL)
    size = facts.size
    if size is None:
        raise UsageError(f"{path}: {facts.damage or 'is not an image'}; --text takes an image")
    full = upright_size(facts, size)
    native = limits.native_size(full)
    text: ImageText | str | None = text_worker()(ReadTask(data, facts, (native,), every_line=True))
    if not isinstance(text, ImageText):
        raise UsageError(f"{path}: not read: {text or CRASHED}")
    seen = text.at(native)
    lines = expected_lines(_texts(expect), seen) if expect else recognised_lines(seen)
    if not lines:
        raise UsageError(f"{path}: no text was found in it; there is nothing to compare")
    if not any(line.predicted is not None for line in lines):
        raise UsageError(
            f"{expect}: none of its {count(len(lines), 'line')} was recognised in {path} at full size; there "
            "is nothing to compare"
        )
    return _ReadImage(path, data, facts, seen, text.characters, lines)


def _bytes_of(path: str, most: int, option: str) -> bytes:
    """The bytes of a file that an option names. Raises UsageError, OSError."""
    if not os.path.exists(path):
        raise UsageError(f"{path}: {NO_FILE}")
    if flaw := why_no_file(path):
        raise UsageError(f"{option} {path}: {flaw}")
    if os.path.getsize(path) > most:
        raise UsageError(f"{option} {path}: has over {figure(most)} bytes")
    with open(path, "rb") as file:
        return file.read()


def _texts(path: str) -> Iterator[str]:
    """The lines of a file of expected text that are not blank. Raises UsageError."""
    try:
        text = _bytes_of(path, _MOST_EXPECTED, "--expect").decode("utf-8-sig")
    except UnicodeDecodeError:
        raise UsageError(f"--expect {path}: is not text in UTF-8") from None
    found = [line.strip() for line in text.splitlines() if line.strip()]
    if not found:
        raise UsageError(f"--expect {path}: is empty; it takes a line for each text that is in the image")
    yield from found


def _refuse(path: str, out: Outgoing) -> None:
    """Raise UsageError if the API would refuse the image."""
    for finding in out.errors:
        raise UsageError(f"{path}: not sent: {finding.code}: {finding.message}")


def _price(request: OutgoingBody) -> Price:
    prediction = predict(request.one, text_bytes(request.document, request.members))
    return price(prediction, request.one.limits, request.number("max_tokens"), batch=False)


def _cost(costs: Price) -> str:
    if costs.expected_input is None or costs.most is None:
        return "cost unknown, as no price of the model is known"
    return f"about {words.dollars(costs.expected_input)} for the input, at most {words.dollars(costs.most)}"


def _billed(usage: Usage | None, limits: Limits) -> float | None:
    """US dollars of the answer; None if the usage or a price is not known."""
    if usage is None or usage.output is None or limits.output_price is None:
        return None
    costs = limits.cost_usd(usage.input)
    return None if costs is None else costs + usage.output * limits.output_price.value / 1_000_000


def _document(  # noqa: PLR0913, PLR0917 - all that is known
    image: _ReadImage,
    limits: Limits,
    found: Transcription,
    reply: Reply,
    answer: str,
    expect: str | None,
) -> dict[str, Any]:
    usage = reply.usage
    return {
        "version": VERSION,
        "tool": TOOL,
        "model": limits.model,
        "platform": limits.platform,
        "path": image.path,
        "seen": list(image.seen.size),
        "expected": expect,
        "share_predicted": _rounded(found.predicted),
        "share_read": _rounded(found.share()),
        "confirmed": found.confirmed,
        "states": {
            state.value: {
                "lines": sum(it.line.state is state for it in found.lines),
                "share_read": _rounded(found.share(state)),
            }
            for state in LineState
        },
        "lines": [
            {
                "text": it.line.text,
                "state": None if it.line.state is None else it.line.state.value,
                "share_predicted": _rounded(it.line.predicted),
                "share_read": _rounded(it.read),
            }
            for it in found.lines
        ],
        "usage": None if usage is None else usage._asdict(),
        "cost_usd": usd(_billed(usage, limits)),
        "stop_reason": reply.message.get("stop_reason"),
        "answer": answer,
    }


def _rounded(share: float | None) -> float | None:
    return None if share is None else round(share, 4)


def _percent(share: float | None) -> str:
    return "-" if share is None else f"{100 * share:.0f} %"


def _text(
    image: _ReadImage, limits: Limits, found: Transcription, usage: Usage | None, *, colour: bool
) -> str:
    table = TextTable(("predicted", "lines", "characters", "read by the model"), colour=colour)
    for state in LineState:
        lines = [it for it in found.lines if it.line.state is state]
        characters = sum(it.line.characters for it in lines)
        table.add(state.value, figure(len(lines)), figure(characters), _percent(found.share(state)))
    unknown = [it for it in found.lines if it.line.predicted is None]
    if unknown:
        characters = sum(it.line.characters for it in unknown)
        read = sum(it.line.characters * it.read for it in unknown) / max(characters, 1)
        table.add("not recognised", figure(len(unknown)), figure(characters), _percent(read))
    read_share, predicted = found.share() or 0.0, found.predicted or 0.0
    apart = f"{100 * abs(read_share - predicted):.0f} points apart"
    verdict = "as predicted" if found.confirmed else "NOT as predicted"
    shares = f"{_percent(predicted)} of the characters predicted, {_percent(read_share)} read by the model"
    ends = [f"{verdict}: {shares}, {apart}", *_surprises(found)]
    if usage is not None:
        output = "?" if usage.output is None else figure(usage.output)
        billed = _billed(usage, limits)
        costs = "" if billed is None else f", {words.dollars(billed)}"
        ends.append(f"billed: {figure(usage.input)} input and {output} output tokens{costs}")
    head = joined([f"{image.path}: {limits.model} sees {image.seen.size}"])
    return head + blocks((table.text(right=(1, 2, 3)), joined(ends)))


def _surprises(found: Transcription) -> Iterator[str]:
    """The lines of which the model read most else than was predicted."""
    wrong = [it for it in found.predicted_lines if abs(it.read - (it.line.predicted or 0.0)) >= _FAR]
    for it in sorted(wrong, key=lambda one: -abs(one.read - (one.line.predicted or 0.0)))[:_SHOWN]:
        text = it.line.text if len(it.line.text) <= _LONGEST else f"{it.line.text[: _LONGEST - 1]}…"
        yield f"  {text!r}: {_percent(it.line.predicted)} predicted, {_percent(it.read)} read"


_FAR = 0.2
"""The difference from which on a line is shown."""
