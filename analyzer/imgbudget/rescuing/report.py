"""What became of sessions, as lines of text and as JSON."""

import time
from collections.abc import Iterable, Iterator
from typing import Any

from imgbudget.model.subjects import Finding
from imgbudget.output.base import count, figure
from imgbudget.output.fixes import file_record, fix_lines
from imgbudget.output.records import TOOL, VERSION, finding_record
from imgbudget.rescuing.copies import ImageCopy
from imgbudget.rescuing.run import Rescue, RescueState
from imgbudget.rescuing.stores import FoundSession, resume_command

_LISTED = 20
_QUOTED = 200
_PLACES = 3


def rescue_lines(found: Rescue, *, verbose: bool = False) -> Iterator[str]:
    """The lines on one session, all but its state."""
    name = f"{found.agent or 'session'}{f' {found.identity}' if found.identity else ''}"
    yield f"{found.path}: {name}"
    if found.refusal is not None:
        text = _quoted(found.refusal.text)
        yield f"  recorded on line {found.refusal.line}: {text}{_meaning(found)}"
    yield from _listed([f"  refused: {_finding(one)}" for one in found.errors], verbose=verbose)
    made = found.fix.written is not None
    changes = [f"  {'changed' if made else 'would change'} {line}" for line in fix_lines(found.fix)]
    yield from _listed(changes, verbose=verbose)
    yield from (
        f"  not changed: {failed.location.dotted or failed.location.path}: {failed.code}: {failed.reason}"
        for failed in found.fix.failed
    )
    yield from _copy_lines(found, made=made)
    if found.fix.changed:
        yield from _listed([f"  still refused: {_finding(one)}" for one in found.remaining], verbose=verbose)


def end_lines(found: Rescue) -> Iterator[str]:
    """The lines that say how it ended, and what to do next."""
    if found.backup is not None:
        yield f"  old bytes: {found.backup} (imgbudget rescue --undo)"
    if found.omit is not None:
        which = "1 oldest image" if found.omit == 1 else f"{figure(found.omit)} oldest images"
        yield (
            f"  to make it fit, omit the {which}: imgbudget rescue --omit-images {found.omit}; then have the "
            "agent compact the session"
        )
    yield f"  {_STATES[found.state]}"
    if found.state is RescueState.CLEAN and found.refusal is not None and found.refusal.match is not None:
        yield "  should the recorded error come back: --omit-images all takes all images out of what is sent"
    if found.resume is not None and found.state in (RescueState.MENDED, RescueState.CLEAN):
        yield f"  resume: {found.resume}"


_STATES = {
    RescueState.CLEAN: "nothing that is sent next would be refused",
    RescueState.MENDED: "mended: nothing that is sent next would be refused",
    RescueState.PENDING: "nothing was written; --yes writes it",
    RescueState.BROKEN: "still broken",
}


def _copy_lines(found: Rescue, *, made: bool) -> Iterator[str]:
    if found.copies_removed:
        yield f"  {'took out' if made else 'would take out'} {_copies(found.copies_removed)}"
    if found.copies_kept:
        yield (
            f"  kept, because they are not sent: {_copies(found.copies_kept)}; --everywhere takes them out"
        )


def _copies(copies: tuple[ImageCopy, ...]) -> str:
    total = sum(copy.length for copy in copies)
    places = ", ".join(f"line {copy.line} {copy.location.pointer}" for copy in copies[:_PLACES])
    more = f" and {figure(len(copies) - _PLACES)} more" if len(copies) > _PLACES else ""
    what = count(len(copies), "copy", "copies")
    return f"{what} of removed images, {figure(total)} characters: {places}{more}"


def _listed(lines: list[str], *, verbose: bool) -> Iterator[str]:
    shown = lines if verbose else lines[:_LISTED]
    yield from shown
    if len(lines) > len(shown):
        yield f"  and {figure(len(lines) - len(shown))} more; --verbose lists them"


def _finding(finding: Finding) -> str:
    line = f" (line {finding.span.line})" if finding.span else ""
    return f"{finding.location.dotted or 'the session'}{line}: {finding.code} {finding.message}"


def _quoted(text: str) -> str:
    text = " ".join(text.split())
    return text if len(text) <= _QUOTED else f"{text[:_QUOTED]}..."


def _meaning(found: Rescue) -> str:
    refusal = found.refusal
    if refusal is None or refusal.match is None:
        return "; not an error about images that is known here"
    codes = ", ".join(refusal.match.pattern.codes)
    places = [location.dotted or "the session" for location in found.named[:_PLACES]]
    if len(found.named) > _PLACES:
        places.append(f"{figure(len(found.named) - _PLACES)} more")
    text = ": ".join(part for part in (codes, ", ".join(places)) if part)
    return f" ({text})" if text else ""


def rescue_document(rescues: Iterable[Rescue]) -> dict[str, Any]:
    """All rescues as one JSON document, version 1."""
    return {"version": VERSION, "tool": TOOL, "sessions": [_record(found) for found in rescues]}


def _record(found: Rescue) -> dict[str, Any]:
    refusal = found.refusal
    return {
        "path": found.path,
        "agent": found.agent,
        "id": found.identity,
        "state": found.state.name.lower(),
        "recorded": None
        if refusal is None
        else {
            "line": refusal.line,
            "pointer": refusal.location.pointer,
            "status": refusal.status,
            "text": refusal.text,
            "codes": list(refusal.match.pattern.codes) if refusal.match else [],
            "blocks": [location.dotted for location in found.named],
        },
        "errors": [finding_record(one) for one in found.errors],
        "changes": file_record(found.fix),
        "copies_removed": [_copy_record(copy) for copy in found.copies_removed],
        "copies_kept": [_copy_record(copy) for copy in found.copies_kept],
        "remaining": [finding_record(one) for one in found.remaining],
        "omit_images": found.omit,
        "backup": found.backup,
        "resume": found.resume,
        "notes": list(found.notes),
    }


def _copy_record(copy: ImageCopy) -> dict[str, Any]:
    return {"line": copy.line, "pointer": copy.location.pointer, "characters": copy.length}


def session_lines(found: Iterable[FoundSession]) -> Iterator[str]:
    """A line for each session that was found, the newest first."""
    for one in found:
        written = time.strftime("%Y-%m-%d %H:%M", time.localtime(one.modified))
        yield f"{written}  {one.store.agent:<12}  {one.path}"


def sessions_document(found: Iterable[FoundSession]) -> dict[str, Any]:
    """The sessions that were found, as JSON."""
    return {
        "version": VERSION,
        "tool": TOOL,
        "found": [
            {
                "agent": one.store.agent,
                "path": one.path,
                "modified": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(one.modified)),
                "database": one.is_database,
                "resume": resume_command(one.store.agent, None, one.path),
            }
            for one in found
        ],
    }
