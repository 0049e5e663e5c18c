"""Sends, streams or counts one request through the SDK, bytes unchanged; uploads images to the Files API."""

import json
import re
from collections.abc import Callable, Iterator, Mapping
from hashlib import sha256
from typing import Any, NamedTuple

from imgbudget.errors import UnreadableError, UsageError
from imgbudget.jsontext.base64text import inspect
from imgbudget.limits.bound import Limits
from imgbudget.live.answers import ApiError, Failure, answering, broken, json_answer, of_envelope
from imgbudget.live.billing import Usage
from imgbudget.live.bounds import LONG_SECONDS, SMALL_BYTES
from imgbudget.live.calls import exchange
from imgbudget.live.client import Connection, StreamScrubber
from imgbudget.live.outgoing import OutgoingBody
from imgbudget.live.streaming import StreamedMessage
from imgbudget.live.untrusted import events, tokens
from imgbudget.model.subjects import ImageUse, Origin
from imgbudget.output.base import figure
from imgbudget.printable import one_line

_JSON = {"Content-Type": "application/json"}
MESSAGES = "/v1/messages"
COUNT = "/v1/messages/count_tokens"
_EVENTS = "text/event-stream"
_AWS_EVENTS = "application/vnd.amazon.eventstream"


class Reply(NamedTuple):
    """An answer of a model: the message as plain values, its usage (None: unreadable) and its text."""

    message: Mapping[str, Any]
    usage: Usage | None
    text: str


def send(connection: Connection, body: OutgoingBody) -> Reply:
    """Send a request and wait for the whole answer.

    Raises:
        ApiError: it was rejected, or the connection failed.
        UsageError: no key in the environment.
    """
    return _reply(
        exchange(connection, "post", MESSAGES, billable=True, **_content(connection, body)), connection
    )


def _reply(response: Any, connection: Connection) -> Reply:
    message = json_answer(response, connection, "content", list)
    return Reply(message, Usage.of(message.get("usage")), text_of(message))


def stream(connection: Connection, body: OutgoingBody, show: Callable[[str], None]) -> Reply:
    """Send a request and show the text of the answer as it arrives.

    Raises as `send`; if the answer broke off, the exception holds what had arrived.
    """
    response = exchange(
        connection, "post", MESSAGES, seconds=LONG_SECONDS, billable=True, **_content(connection, body)
    )
    kind = response.headers.get("content-type", "")
    if not kind.startswith((_EVENTS, _AWS_EVENTS)):  # a gateway that does not stream
        reply = _reply(response, connection)
        show(reply.text)
        return reply
    scrubber_of_stream = StreamScrubber(connection.scrubber)
    streamed = StreamedMessage(connection.scrubber)
    try:
        for name, data in _events(connection, response, kind):
            if text := streamed.add(name, data):
                show(scrubber_of_stream.add(text))
            if streamed.is_over or streamed.error is not None:
                break
        failure = None if streamed.is_over else _unfinished(streamed, connection)
    except UnreadableError as error:
        failure = broken(connection.scrubber.clean(one_line(str(error))), connection)
    except ApiError as error:
        failure = error.failure
    finally:
        response.close()
    show(scrubber_of_stream.end())
    message = streamed.message()
    if failure is not None:
        raise ApiError(failure, message)
    return Reply(message, Usage.of(message["usage"]), connection.scrubber.clean("".join(streamed.texts)))


def _events(connection: Connection, response: Any, kind: str) -> Iterator[tuple[str, Any]]:
    """Name and data of each event. Raises ApiError, and UnreadableError."""
    if kind.startswith(_EVENTS):
        found: Iterator[tuple[str, Any]] = events(response.iter_bytes())
    else:
        from anthropic import Stream  # noqa: PLC0415 - extra

        decoded = Stream[object](cast_to=object, response=response, client=connection.client)
        found = (("", event) for event in decoded)
    while True:
        with answering(connection):
            event = next(found, None)
        if event is None:
            return
        yield event


def _unfinished(streamed: StreamedMessage, connection: Connection) -> Failure:
    """Why a stream ended before its message."""
    if streamed.error is None:
        return broken("the stream ended before the message did", connection)
    failure = of_envelope(streamed.error, connection)
    if failure is None:
        return broken("the stream ended with an error that cannot be read", connection)
    return failure._replace(remedy="the part that arrived may have been billed; send the request again")


def count(connection: Connection, body: OutgoingBody) -> tuple[int, tuple[str, ...]]:
    """The input tokens of a request as counted by the API, free of charge, and the members left out.

    Members that the count endpoint does not accept, according to the types of the SDK, are not sent.
    Raises as `send`.
    """
    from anthropic.types import MessageCountTokensParams  # noqa: PLC0415 - extra

    taken = MessageCountTokensParams.__annotations__
    gone = body.keep(lambda key: key in taken)
    return counted(connection, _content(connection, body)), gone


def counted(connection: Connection, content: Mapping[str, Any]) -> int:
    """The answer of the count endpoint to a body for the client. Raises as `send`."""
    response = exchange(connection, "post", COUNT, most_bytes=SMALL_BYTES, **content)
    answer = json_answer(response, connection, "input_tokens")
    number = tokens(answer["input_tokens"])
    if number is None:
        shown = one_line(json.dumps(answer["input_tokens"]))[:100]
        raise ApiError(
            Failure(
                origin="api",
                message=f"the count cannot be read: input_tokens is {shown}",
                remedy="check the base URL: the API counts in whole numbers from 0 on",
                status=response.status_code,
            )
        )
    return number


def text_of(message: Mapping[str, Any]) -> str:
    """The text blocks of a message, joined."""
    content = message.get("content")
    blocks = content if isinstance(content, list) else []
    texts = (block.get("text") for block in blocks if isinstance(block, dict) and block.get("type") == "text")
    return "".join(text for text in texts if isinstance(text, str))


def _content(connection: Connection, body: OutgoingBody) -> dict[str, Any]:
    """The body for the client: its bytes, or its values if the SDK has to rewrite it."""
    text = body.read()
    if connection.is_verbatim:
        return {"content": text, "headers": _JSON}
    return {"body": json.loads(text)}


FILES = "/v1/files"
_FILE_ID = re.compile(r"[\w-]{1,200}", re.ASCII)


class Uploads:
    """The uploaded files of a run. `ids` are those not deleted, in order."""

    def __init__(self, connection: Connection, say: Callable[[str], None]) -> None:
        """Upload through a connection; `say` prints a line for each file."""
        self._connection = connection
        self._say = say
        self._known: dict[bytes, str] = {}

    @property
    def ids(self) -> tuple[str, ...]:
        """The ids of the files."""
        return tuple(self._known.values())

    def put(self, body: OutgoingBody) -> int:
        """Upload the base64 images of a body and replace them by file ids; the number of images.

        Raises:
            ApiError: an upload failed.
            UsageError: the platform does not accept file ids.
        """
        require_files(body.one.limits)
        count = 0
        for use, data in _images(body):
            file_id = self._upload(data, use)
            body.put(use.location.keys or (), {"type": "file", "file_id": file_id})
            count += 1
        return count

    def delete(self) -> tuple[str, ...]:
        """Delete the uploaded files; the ids that could not be deleted."""
        left = []
        for digest, file_id in list(self._known.items()):
            try:
                exchange(self._connection, "delete", f"{FILES}/{file_id}", most_bytes=SMALL_BYTES).close()
            except (ApiError, UsageError):
                left.append(file_id)
            else:
                del self._known[digest]
        return tuple(left)

    def _upload(self, data: bytes, use: ImageUse) -> str:
        digest = sha256(data).digest()
        if digest not in self._known:
            form = (use.facts and use.facts.format) or "png"
            name = f"image-{len(self._known) + 1}.{form}"
            response = exchange(
                self._connection,
                "post",
                FILES,
                most_bytes=SMALL_BYTES,
                headers={"Content-Type": "multipart/form-data"},
                files=[("file", (name, data, f"image/{form}"))],
            )
            file_id = json_answer(response, self._connection, "id")["id"]
            if not isinstance(file_id, str) or not _FILE_ID.fullmatch(file_id):
                shown = one_line(json.dumps(file_id))[:100]
                raise ApiError(
                    Failure(
                        origin="api",
                        message=f"the id of an uploaded file cannot be read: {shown}",
                        remedy="the file may be stored: the Console lists files; check the base URL",
                        status=response.status_code,
                    )
                )
            self._known[digest] = file_id
            self._say(f"uploaded {use.location.dotted} as {file_id} ({figure(len(data))} bytes)")
        return self._known[digest]


def require_files(limits: Limits) -> None:
    """Raise UsageError unless the platform accepts file ids."""
    if "file" not in limits.source_types:
        raise UsageError(
            f"--upload: {limits.platform} does not accept file ids in requests, only "
            f"{' and '.join(limits.source_types)} (platform limits)"
        )


def _images(body: OutgoingBody) -> Iterator[tuple[ImageUse, bytes]]:
    """The valid base64 images of a body with their bytes."""
    for use in body.request.images:
        if use.origin is not Origin.BASE64 or use.flaws:
            continue
        value: Any = body.document.value
        for key in use.location.keys or ():
            value = value[key]
        text = inspect(body.document.payload(value["data"]))
        yield use, text.read(text.byte_size, 0)
