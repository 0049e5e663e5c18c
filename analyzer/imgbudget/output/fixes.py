"""What fixes did to each file: as lines of text, and as the JSON manifest with coordinate maps."""

from collections.abc import Iterator, Mapping
from typing import Any

from imgbudget.linter.reporting import Fragment, Reporter
from imgbudget.model.edits import POSITION, BlockChange, BodyChange, FileFix, ImageChange, ImageSnapshot
from imgbudget.model.location import Location
from imgbudget.model.results import FileResult, Summary
from imgbudget.model.subjects import Finding
from imgbudget.output.base import RunningText, figure, tokens_between
from imgbudget.output.records import TOOL, VERSION, dump, failed_record, fixes_record, ranged, ranged_pair
from imgbudget.printable import joined


def fix_lines(fix: FileFix) -> Iterator[str]:
    """A line per changed image, then one per other fix or change, with the paths of the written files."""
    name = fix.written or fix.path
    lines = {body.location.document: body.line for body in fix.bodies}
    lines |= {finding.location.document: finding.span.line for finding in fix.fixed if finding.span}
    codes: dict[Location, list[str]] = {}
    titles = _titles(fix)
    texts = {change.location: change.text for change in fix.blocks if change.text is not None}
    for finding in fix.fixed:
        codes.setdefault(finding.location, []).append(finding.code)
    if fix.written and fix.pages:
        yield f"{fix.path}: replaced by {fix.pages[0]} to {fix.pages[-1]}"
    elif fix.written and fix.written != fix.path and fix.changed:
        yield f"{fix.path}: written to {fix.written}"
    for at, change in enumerate(fix.images):
        at_first = change.origin or change.location
        mine = codes.pop(at_first, None) or codes.pop(at_first._replace(path=fix.path), [])
        name = fix.pages[at] if fix.pages else name
        why = f": {', '.join(dict.fromkeys(mine))}" if mine else ""
        yield f"{_where(lines, name, at_first)}: {change.before} -> {change.after}{change.how}{why}"
    for location, text in texts.items():
        mine = codes.pop(location, [])
        why = f": {', '.join(dict.fromkeys(mine))}" if mine else ""
        yield f'{_where(lines, name, location)}: image replaced by "{text}"{why}'
    for finding in fix.fixed:
        if finding.location in codes:
            yield f"{_where(lines, name, finding.location)}: {_title(finding, titles)}: {finding.code}"
    yield from (f"{_where(lines, name, block.location)}: {block.title}" for block in _unreported(fix))
    for body in fix.bodies:
        if body.bytes_before != body.bytes_after:
            yield (
                f"{_where(lines, name, body.location)}: "
                f"body {figure(body.bytes_before)} -> {figure(body.bytes_after)} bytes, "
                f"{tokens_between(*body.ranges[0])} -> {tokens_between(*body.ranges[1])} visual tokens"
            )


def _unreported(fix: FileFix) -> Iterator[BlockChange]:
    """The changes of blocks that go with that of an image, and so have no finding of their location."""
    reported = {finding.location for finding in fix.fixed}
    reported |= {change.origin or change.location for change in fix.images}
    yield from (block for block in fix.blocks if block.location not in reported and block.text is None)


def _titles(fix: FileFix) -> dict[Location, str]:
    """What was done with blocks: a text in place of an image fixes findings that have no fix of their own."""
    return {change.location: change.title for change in fix.blocks if change.text is not None}


def _title(finding: Finding, titles: Mapping[Location, str]) -> str:
    return finding.fix.title if finding.fix else titles.get(finding.location, finding.name)


def _where(lines: Mapping[int, int], name: str, location: Location) -> str:
    """A block of a file; the line is named unless it is in the first document."""
    line = f":{lines.get(location.document, location.document + 1)}" if location.document else ""
    return f"{name}{line}" + (f" {location.dotted}" if location.dotted else "")


class FixLines(RunningText):
    """The changes to each file, without findings."""

    def render(self, result: FileResult) -> Fragment:
        """The lines of one file."""
        lines = fix_lines(result.fix) if result.fix and not self.style.quiet else ()
        return (joined([f"made {line}" for line in lines]),)

    def end(self, summary: Summary) -> str:  # noqa: ARG002 - the protocol's
        """Nothing: the totals are beside the results, see `fixes_line`."""
        return ""


_JOINT = ",\n  "


class Manifest(Reporter):
    """One JSON document. Unchanged files are listed only if they were copied or a fix failed."""

    separators: tuple[str, ...] = (_JOINT,)

    def __init__(self) -> None:
        self._any = False

    def begin(self) -> str:
        """The head and the opening of the files."""
        return f'{{"version": {VERSION},\n "tool": {dump(TOOL)},\n "files": ['

    def render(self, result: FileResult) -> Fragment:
        """One file."""
        return (dump(file_record(result.fix)) if result.fix else "",)

    def add(self, piece: Fragment) -> str:
        """The files, as they come."""
        if not piece[0]:
            return ""
        joint = _JOINT if self._any else "\n  "
        self._any = True
        return joint + piece[0]

    def end(self, summary: Summary) -> str:
        """The totals."""
        total = {
            "files": summary.files,
            "changed": summary.changed,
            "fixed": summary.fixed,
            "removed_images": summary.removed_images,
            "not_fixed": len(summary.failed),
            "remaining": summary.findings.total(),
            **fixes_record(summary),
        }
        return f'],\n "summary": {dump(total)}}}\n'


def file_record(fix: FileFix) -> dict[str, Any]:
    """The fixes of one file."""
    titles = _titles(fix)
    return {
        "path": fix.path,
        "written": fix.written,
        **({"pages": list(fix.pages)} if fix.pages else {}),
        "changed": fix.changed,
        "error": fix.error,
        "elsewhere": fix.elsewhere,
        "removed": list(fix.removed),
        "backup": fix.backup,
        "original": {"bytes": fix.bytes_before, "sha256": fix.digest_before} if fix.changed else None,
        "sent": {"bytes": fix.bytes_after, "sha256": fix.digest_after} if fix.changed else None,
        "fixed": [
            {"code": it.code, "pointer": it.location.pointer, "title": _title(it, titles)} for it in fix.fixed
        ],
        "not_fixed": [failed_record(failed) for failed in fix.failed],
        "images": [_image(change) for change in fix.images],
        "blocks": [_block(change) for change in fix.blocks],
        "requests": [_body(body) for body in fix.bodies],
    }


def _image(change: ImageChange) -> dict[str, Any]:
    original, sent = change.coordinates
    return {
        "pointer": change.location.pointer,
        "location": change.location.dotted,
        "document": change.location.document,
        "original": _snapshot(change.before),
        "sent": {**_snapshot(change.after), "quality": change.quality, "degraded": list(change.degraded)},
        "removed": [
            {"what": part.name, "bytes": None if part.name == POSITION else part.byte_size}
            for part in change.removed
        ],
        "coordinates": {
            "original": list(original),
            "sent": list(sent),
            "scale": list(change.coordinates.scale),
        },
    }


def _snapshot(snapshot: ImageSnapshot) -> dict[str, Any]:
    return {
        "sha256": snapshot.digest,
        "format": snapshot.format,
        "width": snapshot.size.width if snapshot.size else None,
        "height": snapshot.size.height if snapshot.size else None,
        "orientation": snapshot.orientation,
        "frames": snapshot.frames,
        "bytes": snapshot.byte_size,
        **ranged("tokens", *(snapshot.tokens_range or (snapshot.tokens, snapshot.tokens))),
    }


def _block(change: BlockChange) -> dict[str, Any]:
    """A change of a block; places are those before it."""
    gone = {"bytes": change.byte_size, "sha256": change.digest}
    return {
        "pointer": change.location.pointer,
        "location": change.location.dotted,
        "document": change.location.document,
        "title": change.title,
        "text": change.text,
        "original": gone if change.text is not None else None,
    }


def _body(body: BodyChange) -> dict[str, Any]:
    return {
        "pointer": body.location.pointer,
        "line": body.line,
        "id": body.id,
        "bytes": [body.bytes_before, body.bytes_after],
        **ranged_pair("tokens", *body.ranges),
    }


class Differences(Reporter):
    """What would change, file by file."""

    separators: tuple[str, ...] = ("",)

    def begin(self) -> str:
        """Nothing."""
        return ""

    def render(self, result: FileResult) -> Fragment:
        """The difference of one file."""
        return (result.fix.difference if result.fix else "",)

    def add(self, piece: Fragment) -> str:
        """The difference, at once."""
        return piece[0]

    def end(self, summary: Summary) -> str:  # noqa: ARG002 - the protocol's
        """Nothing."""
        return ""
