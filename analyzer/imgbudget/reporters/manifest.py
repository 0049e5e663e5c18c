"""The manifest of a run that fixes: each file, image and body before and after, with coordinate maps."""

import json
from typing import Any

from imgbudget.fixed import BodyChange, FileFix, ImageChange, Picture
from imgbudget.report import FileResult, Summary
from imgbudget.reporters.records import TOOL, VERSION, failed_record
from imgbudget.session.reporting import Piece, Reporter

_JOINT = ",\n  "


class Manifest(Reporter):
    """One JSON document. Files whose bytes stay are listed only where they were copied or a fix failed."""

    joints: tuple[str, ...] = (_JOINT,)

    def __init__(self) -> None:
        self._any = False

    def begin(self) -> str:
        """The head and the opening of the files."""
        return f'{{"version": {VERSION},\n "tool": {json.dumps(TOOL)},\n "files": ['

    def render(self, result: FileResult) -> Piece:
        """One file."""
        return (json.dumps(_file(result.fix)) if result.fix else "",)

    def add(self, piece: Piece) -> str:
        """The files, as they come."""
        if not piece[0]:
            return ""
        joint = _JOINT if self._any else "\n  "
        self._any = True
        return joint + piece[0]

    def end(self, summary: Summary) -> str:
        """The sum."""
        total = {
            "files": summary.files,
            "changed": summary.changed,
            "fixed": summary.fixed,
            "not_fixed": len(summary.failed),
            "remaining": summary.findings.total(),
        }
        return f'],\n "summary": {json.dumps(total)}}}\n'


def _file(fix: FileFix) -> dict[str, Any]:
    return {
        "path": fix.path,
        "written": fix.written,
        "changed": fix.changed,
        "error": fix.error,
        "original": {"bytes": fix.bytes_before, "sha256": fix.digest_before} if fix.changed else None,
        "sent": {"bytes": fix.bytes_after, "sha256": fix.digest_after} if fix.changed else None,
        "fixed": [
            {"code": it.code, "pointer": it.place.pointer, "title": it.fix.title if it.fix else None}
            for it in fix.fixed
        ],
        "not_fixed": [failed_record(failed) for failed in fix.failed],
        "images": [_image(change) for change in fix.images],
        "requests": [_body(body) for body in fix.bodies],
    }


def _image(change: ImageChange) -> dict[str, Any]:
    original, sent = change.coordinates
    return {
        "pointer": change.place.pointer,
        "location": change.place.location,
        "document": change.place.document,
        "original": _picture(change.before),
        "sent": {**_picture(change.after), "quality": change.quality, "degraded": list(change.degraded)},
        "coordinates": {
            "original": list(original),
            "sent": list(sent),
            "scale": list(change.coordinates.scale),
        },
    }


def _picture(picture: Picture) -> dict[str, Any]:
    return {
        "sha256": picture.digest,
        "format": picture.format,
        "width": picture.size.width if picture.size else None,
        "height": picture.size.height if picture.size else None,
        "orientation": picture.orientation,
        "frames": picture.frames,
        "bytes": picture.byte_size,
        "tokens": picture.tokens,
    }


def _body(body: BodyChange) -> dict[str, Any]:
    return {
        "pointer": body.place.pointer,
        "line": body.line,
        "id": body.id,
        "bytes": [body.bytes_before, body.bytes_after],
        "tokens": [body.tokens_before, body.tokens_after],
    }


class Differences(Reporter):
    """What would change, file by file."""

    joints: tuple[str, ...] = ("",)

    def begin(self) -> str:
        """Nothing."""
        return ""

    def render(self, result: FileResult) -> Piece:
        """The difference of one file."""
        return (result.fix.difference if result.fix else "",)

    def add(self, piece: Piece) -> str:
        """The difference, at once."""
        return piece[0]

    def end(self, summary: Summary) -> str:  # noqa: ARG002 - the protocol's
        """Nothing."""
        return ""
