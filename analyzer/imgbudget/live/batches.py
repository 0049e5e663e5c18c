"""The Message Batches endpoint: create a batch from the bytes of the file, poll it, read its results."""

import json
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from time import sleep
from typing import Any, NamedTuple

from imgbudget.errors import UsageError
from imgbudget.limits.bound import Limits
from imgbudget.live.answers import ApiError, Failure, answering, foreign, json_answer
from imgbudget.live.billing import Usage
from imgbudget.live.client import Connection
from imgbudget.output.base import figure

BATCHES = "/v1/messages/batches"
ENDED = "ended"

_ID = re.compile(r"[\w-]{1,200}")
_STREAMED = {"X-Stainless-Raw-Response": "stream", "Accept": "application/binary"}
"""Makes the SDK return the response unread, as its `with_streaming_response` does."""


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
    """The result of one request: its line, and either the usage or the failure."""

    custom_id: str
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
    headers = {"Content-Type": "application/json", "Content-Length": str(size)}
    with answering(connection):
        response = connection.client.post(
            BATCHES, cast_to=connection.response, content=RepeatableBody(pieces), options={"headers": headers}
        )
    return _progress(json_answer(response, connection, "processing_status"))


def look(connection: Connection, batch_id: str) -> BatchProgress:
    """The current state of a batch. Raises as `create`."""
    with answering(connection):
        response = connection.client.get(f"{BATCHES}/{batch_id}", cast_to=connection.response)
    return _progress(json_answer(response, connection, "processing_status"))


def watch(
    connection: Connection, progress: BatchProgress, *, seconds: float, tell: Callable[[BatchProgress], None]
) -> BatchProgress:
    """Poll a batch every `seconds` until it has ended. Raises as `create`."""
    tell(progress)
    while not progress.is_over:
        sleep(seconds)
        progress = look(connection, progress.id)
        tell(progress)
    return progress


def outcomes(connection: Connection, batch_id: str) -> Iterator[BatchOutcome]:
    """The results of a batch that has ended, in no particular order.

    They are requested at the URL of the batch: the key is never sent to a URL from a response. Raises as
    `create`.
    """
    with answering(connection):
        answer = connection.client.get(
            f"{BATCHES}/{batch_id}/results", cast_to=connection.response, options={"headers": _STREAMED}
        )
        with closing(answer):
            for line in answer.iter_lines():
                if line.strip():
                    yield _outcome(connection, line, answer)


def _outcome(connection: Connection, line: str, response: Any) -> BatchOutcome:
    try:
        value = json.loads(line)
        custom_id, result = value["custom_id"], value["result"]
        kind = result["type"]
    except (ValueError, KeyError, TypeError):
        raise ApiError(foreign(response, connection, line)) from None
    line = connection.scrubber.clean(line)
    if kind == "succeeded":
        return BatchOutcome(custom_id, line, usage=Usage.of(result.get("message", {}).get("usage", {})))
    error = (result.get("error") or {}).get("error") or {}
    message = connection.scrubber.clean(str(error.get("message") or f"the request was {kind}"))
    failure = Failure(
        origin="api",
        message=message,
        remedy="" if kind == "errored" else "it was not billed; send it again",
        status=400 if kind == "errored" else None,
        kind=error.get("type") or kind,
        paths=tuple((error.get("details") or {}).get("paths") or ()),
        text=f"Error code: 400 - {message}" if kind == "errored" else "",
    )
    return BatchOutcome(custom_id, line, failure=failure)


def _progress(answer: Mapping[str, Any]) -> BatchProgress:
    counts = answer.get("request_counts")
    numbers = counts if isinstance(counts, dict) else {}
    return BatchProgress(
        checked_id(str(answer.get("id"))),
        str(answer["processing_status"]),
        {str(name): count for name, count in numbers.items() if isinstance(count, int)},
    )
