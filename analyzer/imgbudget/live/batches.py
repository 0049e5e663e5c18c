"""The Message Batches endpoint: create a batch from the bytes of the file, poll it, read its results."""

import json
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from time import monotonic, sleep
from typing import Any, NamedTuple

from imgbudget.errors import UnreadableError, UsageError
from imgbudget.limits.bound import Limits
from imgbudget.live.answers import ApiError, Failure, answering, broken, foreign, json_answer, of_envelope
from imgbudget.live.billing import Usage
from imgbudget.live.bounds import LONG_SECONDS, SMALL_BYTES
from imgbudget.live.calls import exchange
from imgbudget.live.client import MASK, Connection
from imgbudget.live.untrusted import lines, read_json, tokens
from imgbudget.output.base import figure
from imgbudget.printable import one_line

BATCHES = "/v1/messages/batches"
ENDED = "ended"
STATUSES = ("in_progress", "canceling", ENDED)

_ID = re.compile(r"[\w-]{1,200}", re.ASCII)
_LONGEST_ID = 500
_LONGEST_RUN = 25 * 3600
"""Seconds after which a batch is no longer waited for: it expires after 24 hours (batches guide, 2026-11)."""
_SPARE_LINES = 1000
"""Lines of results beyond the number of requests that are read before the rest is given up."""
OUTCOMES = ("succeeded", "errored", "canceled", "expired")


class BatchProgress(NamedTuple):
    """The status of a batch, and the number of requests by outcome."""

    id: str
    status: str
    counts: Mapping[str, int]

    @property
    def is_over(self) -> bool:
        """Whether the results can be read."""
        return self.status == ENDED

    def __str__(self) -> str:
        counts = ", ".join(f"{figure(count)} {name}" for name, count in self.counts.items() if count)
        return f"{self.status.replace('_', ' ')}{f': {counts}' if counts else ''}"


class BatchOutcome(NamedTuple):
    """The result of one request: its line, and the usage or the failure; neither if the usage is unreadable.

    `custom_id` is None if the line cannot be read.
    """

    custom_id: str | None
    line: str
    usage: Usage | None = None
    failure: Failure | None = None


class RepeatableBody:
    """A body in chunks that are generated again for each attempt, so that it is never whole in memory."""

    def __init__(self, pieces: Callable[[], Iterator[bytes]]) -> None:
        """`pieces` generates the chunks."""
        self._pieces = pieces

    def __iter__(self) -> Iterator[bytes]:
        return self._pieces()


def require_batches(limits: Limits) -> None:
    """Raise UsageError unless the platform has batches."""
    if limits.batch_factor is None:
        raise UsageError(f"{limits.platform} has no Message Batches; send the requests one by one")


def checked_id(text: str) -> str:
    """A valid batch id, which becomes part of a URL. Raises UsageError."""
    if _ID.fullmatch(text):
        return text
    raise UsageError(f"--batch-id {text!r}: is not a batch id, such as msgbatch_013Zva2CMHLNnXjNJJKqJ2EF")


def create(connection: Connection, pieces: Callable[[], Iterator[bytes]]) -> BatchProgress:
    """Create a batch from a body in chunks.

    Raises:
        ApiError: it was rejected, or the connection failed.
        UsageError: no key in the environment.
    """
    size = sum(map(len, pieces()))
    response = exchange(
        connection,
        "post",
        BATCHES,
        seconds=LONG_SECONDS,
        most_bytes=SMALL_BYTES,
        billable=True,
        headers={"Content-Type": "application/json", "Content-Length": str(size)},
        content=RepeatableBody(pieces),
    )
    return _progress(json_answer(response, connection, "processing_status"), None)


def look(connection: Connection, batch_id: str) -> BatchProgress:
    """The current state of a batch. Raises as `create`."""
    response = exchange(connection, "get", f"{BATCHES}/{batch_id}", most_bytes=SMALL_BYTES)
    return _progress(json_answer(response, connection, "processing_status"), batch_id)


def watch(
    connection: Connection, progress: BatchProgress, *, seconds: float, tell: Callable[[BatchProgress], None]
) -> BatchProgress:
    """Poll a batch every `seconds` until it has ended, for at most 25 hours. Raises as `create`."""
    tell(progress)
    end = monotonic() + _LONGEST_RUN
    while not progress.is_over:
        if monotonic() + seconds > end:
            raise ApiError(_wrong("the batch has not ended after 25 hours; the API ends one within 24"))
        sleep(seconds)
        progress = look(connection, progress.id)
        tell(progress)
    return progress


def outcomes(connection: Connection, batch_id: str, requests: int) -> Iterator[BatchOutcome]:
    """The results of a batch of so many requests that has ended, in no particular order.

    They are requested at the URL of the batch: the key is never sent to a URL from a response. A line that
    cannot be read is an outcome without id, unless none can be. Raises as `create`.
    """
    response = exchange(
        connection,
        "get",
        f"{BATCHES}/{batch_id}/results",
        seconds=LONG_SECONDS,
        most_bytes=None,
        headers={"Accept": "application/binary"},
    )
    found = lines(response.iter_bytes())
    is_known = False
    with closing(response):
        for number in range(requests + _SPARE_LINES):
            try:
                with answering(connection):
                    line = next(found, None)
            except UnreadableError as error:
                raise ApiError(broken(str(error), connection)) from None
            if line is None:
                return
            if not line.strip():
                continue
            outcome = _outcome(connection, line)
            if outcome.custom_id is None and not is_known and number == 0:
                raise ApiError(foreign(response, connection, line))
            is_known = True
            yield outcome
    raise ApiError(broken(f"more than {figure(requests + _SPARE_LINES)} lines of results", connection))


def _outcome(connection: Connection, raw: bytes) -> BatchOutcome:
    text = raw.decode("utf-8", "replace")
    line = connection.scrubber.clean(text)
    try:
        value = read_json(text, connection.scrubber)
    except UnreadableError:
        return BatchOutcome(None, line)
    custom_id = value.get("custom_id") if isinstance(value, dict) else None
    result = value.get("result") if isinstance(value, dict) else None
    kind = result.get("type") if isinstance(result, dict) else None
    if not isinstance(custom_id, str) or len(custom_id) > _LONGEST_ID or not isinstance(result, dict):
        return BatchOutcome(None, line)
    if kind not in OUTCOMES:
        return BatchOutcome(None, line)
    if MASK not in line and MASK in json.dumps(value):  # a secret was written with escapes
        line = json.dumps(value)
    if kind == "succeeded":
        message = result.get("message")
        usage = Usage.of(message.get("usage")) if isinstance(message, dict) else None
        return BatchOutcome(custom_id, line, usage=usage)
    inner = of_envelope(result.get("error"), connection) or of_envelope(result, connection)
    failure = inner or _wrong(f"the request was {kind}")
    is_error = kind == "errored"
    return BatchOutcome(
        custom_id,
        line,
        failure=failure._replace(
            remedy="" if is_error else "it was not billed; send it again",
            status=400 if is_error else None,
            kind=failure.kind or kind,
            text=f"Error code: 400 - {failure.message}" if is_error else "",
        ),
    )


def _wrong(message: str) -> Failure:
    return Failure(origin="api", message=message, remedy="check the base URL")


def _progress(answer: Mapping[str, Any], batch_id: str | None) -> BatchProgress:
    """The state in an answer; `batch_id` is the one that was asked for."""
    status, given = answer["processing_status"], answer.get("id")
    if batch_id is None:
        if not isinstance(given, str) or not _ID.fullmatch(given):
            shown = one_line(json.dumps(given))[:100]
            raise ApiError(
                _wrong(f"the batch was accepted, but its id cannot be read: {shown}")._replace(
                    remedy="it may run and be billed: the Console lists batches; check the base URL"
                )
            )
        batch_id = given
    elif given != batch_id:
        shown = one_line(json.dumps(given))[:100]
        raise ApiError(_wrong(f"the answer is about another batch: {shown}"))
    if status not in STATUSES:
        shown = one_line(json.dumps(status))[:100]
        raise ApiError(_wrong(f"the status of batch {batch_id} cannot be read: {shown}"))
    counts = answer.get("request_counts")
    numbers = counts if isinstance(counts, dict) else {}
    return BatchProgress(
        batch_id,
        status,
        {name: count for name in _COUNTS if (count := tokens(numbers.get(name))) is not None},
    )


_COUNTS = ("processing", *OUTCOMES)
