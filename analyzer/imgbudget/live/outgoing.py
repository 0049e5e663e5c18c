"""The requests of a file that are to be sent: linted, optionally fixed, extracted byte for byte."""

import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from imgbudget.config.load import why_no_file
from imgbudget.discovery.filetypes import FileKind, kind_of
from imgbudget.errors import UsageError
from imgbudget.fixing.convergence import converged
from imgbudget.fixing.revisions import RequestRevision
from imgbudget.fixing.strategy import FindingFixes
from imgbudget.jsontext.document import Document, open_documents
from imgbudget.jsontext.edit import Region, Splice, as_json, spliced, value_at
from imgbudget.jsontext.source import JsonSource
from imgbudget.linter.documents import DocumentCheck
from imgbudget.linter.files import is_lines
from imgbudget.linter.run import STDIN, Session
from imgbudget.linter.unused import why_without
from imgbudget.live.client import PLATFORMS
from imgbudget.model.edits import FileFix
from imgbudget.model.location import Keys
from imgbudget.model.results import FileResult, RequestResult
from imgbudget.model.subjects import Finding, Request, Severity

_READ = ("system", "messages", "tools")
"""Top-level members of a body that the model reads."""
_UNREAD = frozenset({"type", "role", "id", "tool_use_id", "cache_control", "media_type", "signature"})
_PAYLOADS = ("image", "document")
_NAMED = frozenset({"tools", "input"})
"""Members in which the model also reads the keys: schemas and arguments of tools."""
_SCALAR = 2


def text_bytes(document: Document, members: Mapping[str, Any]) -> int:
    """The bytes of text in a body with these top-level members."""
    return sum(_size(document, members.get(key), keys=key in _NAMED) for key in _READ)


def _size(document: Document, value: Any, *, keys: bool) -> int:
    if isinstance(value, str):
        return _length(document, value)
    if isinstance(value, list):
        return sum(_size(document, item, keys=keys) for item in value)
    if not isinstance(value, dict):
        return 0 if value is None else _SCALAR
    if value.get("type") in _PAYLOADS:
        return _of_source(document, value.get("source"))
    return sum(
        (len(key) if keys else 0) + _size(document, item, keys=keys or key in _NAMED)
        for key, item in value.items()
        if keys or key not in _UNREAD
    )


def _of_source(document: Document, source: Any) -> int:
    """The bytes of text in a document given as text or as blocks; 0 for images and files."""
    if not isinstance(source, dict) or source.get("type") not in ("text", "content"):
        return 0
    return _size(document, source.get("data") or source.get("content"), keys=False)


def _length(document: Document, value: str) -> int:
    """The bytes of a string; one that was left in the file is counted as ASCII."""
    payload = document.payload(value)
    return len(value.encode("utf-8", "surrogatepass")) if payload.start is None else payload.length


SENT = ("messages", "batches", "bedrock-invoke")
"""Dialects of bodies that the SDK sends."""


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Outgoing:
    """A file of requests, linted as it will be sent. `lines`: one document per line."""

    path: str
    result: FileResult
    source: JsonSource
    lines: bool
    fix: FileFix | None = None

    @property
    def requests(self) -> tuple[RequestResult, ...]:
        """The requests, in order."""
        return self.result.requests

    @property
    def errors(self) -> tuple[Finding, ...]:
        """The findings of severity error: the API would reject the request."""
        return tuple(it for it in self.result.findings if it.severity is Severity.ERROR)

    @property
    def is_batch(self) -> bool:
        """Whether it goes through the Message Batches endpoint: a batch, or more than one request."""
        dialects = {one.request.dialect for one in self.requests}
        return self.lines or len(self.requests) > 1 or "batches" in dialects

    @property
    def platform(self) -> str:
        """The platform of all requests.

        Raises:
            UsageError: they are for several platforms, or for one without an API.
        """
        platforms = sorted({one.limits.platform for one in self.requests})
        if len(platforms) > 1:
            raise UsageError(
                f"{self.path}: its requests are for {' and '.join(platforms)}; send them separately"
            )
        if platforms[0] not in PLATFORMS:
            others = ", ".join(PLATFORMS)
            raise UsageError(f"`send` does not support {platforms[0]}; choose another --platform: {others}")
        return platforms[0]

    def bodies(self) -> Iterator["OutgoingBody"]:
        """The bodies, in order; each is valid until the next one is requested."""
        waiting: dict[int, list[RequestResult]] = {}
        for one in self.requests:
            waiting.setdefault(one.request.location.document, []).append(one)
        for document in open_documents(self.source, lines=self.lines, check=False) if waiting else ():
            if isinstance(document, Document):
                for one in waiting.get(document.number, ()):
                    yield OutgoingBody(document, self.source, one)


@contextmanager
def outgoing(
    session: Session, path: str, text: bytes | None, fixes: FindingFixes | None
) -> Iterator[Outgoing]:
    """Lint the file at `path`, or `text` from standard input; with `fixes`, fix a copy of it.

    Raises:
        UsageError: it holds no request that can be sent.
        OSError: it cannot be read.
    """
    name = "<stdin>" if path == STDIN else path
    if text is None:
        if os.path.isdir(path):
            raise UsageError(f"{path}: is a folder; give the file of a request")
        if os.path.exists(path) and (flaw := why_no_file(path)):
            raise UsageError(f"{path}: {flaw}; give the file of a request, or - for standard input")
    opened = JsonSource.open(path) if text is None else JsonSource.from_bytes(text)
    lines = is_lines(text, name) if text is not None else kind_of(path) is FileKind.JSONL
    if text is not None and session.context.paths.suppressor:
        session.context.paths.suppressor.unhashed = name
    with opened as source:
        check = DocumentCheck(context=session.context, source=source, path=name, lines=lines, explicit=True)
        result = check.run()
        _refuse_unsendable(result)
        if fixes is None:
            yield Outgoing(name, result, source, lines)
            return
        revision = RequestRevision(
            context=session.context, path=name, result=result, source=source, lines=lines, explicit=True
        )
        with converged(revision, fixes) as (after, made):
            if isinstance(after, RequestRevision):
                yield Outgoing(name, after.result, after.source, lines, made)


def _refuse_unsendable(result: FileResult) -> None:
    if not result.requests:
        why = why_without(result, "request").removeprefix("no request: ")
        raise UsageError(f"{result.path}: holds no request: {why}")
    for (request, *_), *_ in result.requests:
        if request.dialect not in SENT:
            raise UsageError(
                f"{result.path}: is in the format {request.dialect}; send accepts Messages API bodies"
            )
        if request.location.outer_depth:
            raise UsageError(f"{result.path}: is a recording; save the request in a separate file")


class OutgoingBody:
    """One body: its request, and its bytes with changed top-level members."""

    def __init__(self, document: Document, source: JsonSource, one: RequestResult) -> None:
        """The body of the request `one` in its document."""
        self.document = document
        self.one = one
        self._source = source
        self._route: Keys = one.request.location.keys or ()
        self._splices: list[Splice] = []
        value = value_at(document, self._route)
        self.members: dict[str, Any] = value if isinstance(value, dict) else {}
        routes = [(*self._route, key) for key in self.members]
        self._spans = document.spans([self._route, *routes])
        self._keys = document.key_spans(routes)

    @property
    def request(self) -> Request:
        """The request as it was read."""
        return self.one.request

    @property
    def region(self) -> Region:
        """Its byte range in the file."""
        if not self._route:
            return Region(self.document.start, self.document.end)
        span = self._spans[self._route]
        return Region(span.start, span.end)

    def set(self, key: str, value: Any) -> None:
        """Set a top-level member of the body, replacing an existing one."""
        text = as_json(value)
        if key in self.members:
            span = self._spans[(*self._route, key)]
            self._splices.append(Splice(span.start, span.end, (text,)))
        else:
            end = self.region.end - 1
            comma = b", " if self.members else b""
            self._splices.append(Splice(end, end, (comma + as_json(key) + b": " + text,)))

    def keep(self, wanted: Callable[[str], bool]) -> tuple[str, ...]:
        """Remove the top-level members that are not wanted; their names."""
        order = sorted(self.members, key=lambda key: self._keys[(*self._route, key)].start)
        gone = [key for key in order if not wanted(key)]
        kept_before: int | None = None
        first: int | None = None
        for key in order:
            start = self._keys[(*self._route, key)].start
            if wanted(key):
                if first is not None:
                    self._splices.append(Splice(first, start, ()))
                first, kept_before = None, self._spans[(*self._route, key)].end
            elif first is None:
                first = start
        if first is not None:
            end = self._spans[(*self._route, order[-1])].end
            self._splices.append(Splice(first if kept_before is None else kept_before, end, ()))
        return tuple(gone)

    def put(self, route: Keys, value: Any) -> None:
        """Replace the value at a path of the document."""
        span = self.document.spans([route])[route]
        self._splices.append(Splice(span.start, span.end, (as_json(value),)))

    def pieces(self) -> Iterator[bytes]:
        """The bytes of the body, in chunks. Raises UnreadableError if the file became shorter."""
        return spliced(self._source, self.region, self._splices)

    def read(self) -> bytes:
        """The bytes of the body."""
        return b"".join(self.pieces())

    def flag(self, key: str) -> bool:
        """Whether a top-level member is true."""
        return self.members.get(key) is True

    def number(self, key: str) -> int | None:
        """The integer value of a top-level member, None if it has none."""
        value = self.members.get(key)
        return value if isinstance(value, int) and not isinstance(value, bool) else None


def batch_pieces(bodies: Iterable[tuple[str, OutgoingBody]]) -> Iterator[bytes]:
    """The body that creates a batch: each request with its custom_id, byte for byte."""
    yield b'{"requests": ['
    for number, (custom_id, body) in enumerate(bodies):
        yield b", " if number else b""
        yield b'{"custom_id": ' + as_json(custom_id) + b', "params": '
        yield from body.pieces()
        yield b"}"
    yield b"]}"


def custom_id(body: OutgoingBody, number: int, *, lines: bool) -> str:
    """The id of a request in a batch: its own, or else its line, or its number in the list from 1."""
    if body.request.id is not None:
        return body.request.id
    return f"line-{body.request.line}" if lines else f"request-{number + 1}"
