"""Sends, streams or counts one request through the SDK, bytes unchanged; uploads images to the Files API."""

import json
from collections.abc import Callable, Iterator, Mapping
from hashlib import sha256
from typing import Any, NamedTuple

from imgbudget.errors import UsageError
from imgbudget.jsontext.base64text import inspect
from imgbudget.limits.bound import Limits
from imgbudget.live.answers import ApiError, answering, broken, json_answer
from imgbudget.live.billing import Usage
from imgbudget.live.client import Connection, StreamScrubber
from imgbudget.live.outgoing import OutgoingBody
from imgbudget.model.subjects import ImageUse, Origin
from imgbudget.output.base import figure

_JSON = {"headers": {"Content-Type": "application/json"}}
MESSAGES = "/v1/messages"
COUNT = "/v1/messages/count_tokens"


class Reply(NamedTuple):
    """An answer of a model: the message as plain values, its usage and its text."""

    message: Mapping[str, Any]
    usage: Usage
    text: str


def send(connection: Connection, body: OutgoingBody) -> Reply:
    """Send a request and wait for the whole answer.

    Raises:
        ApiError: it was rejected, or the connection failed.
        UsageError: no key in the environment.
    """
    with answering(connection):
        response = connection.client.post(MESSAGES, cast_to=connection.response, **_content(connection, body))
    message = json_answer(response, connection, "content")
    return Reply(message, Usage.of(message.get("usage") or {}), text_of(message))


def stream(connection: Connection, body: OutgoingBody, show: Callable[[str], None]) -> Reply:
    """Send a request and show the text of the answer as it arrives. Raises as `send`."""
    from anthropic import Stream  # noqa: PLC0415 - extra
    from anthropic.types import RawMessageStreamEvent  # noqa: PLC0415 - extra

    scrubber_of_stream = StreamScrubber(connection.scrubber)
    message: dict[str, Any] = {}
    usage: dict[str, Any] = {}
    texts: list[str] = []
    ended = False
    with answering(connection):
        events = connection.client.post(
            MESSAGES,
            cast_to=RawMessageStreamEvent,
            stream=True,
            stream_cls=Stream[RawMessageStreamEvent],
            **_content(connection, body),
        )
        kind = events.response.headers.get("content-type", "")
        if not kind.startswith(("text/event-stream", "application/vnd.amazon.eventstream")):
            events.response.read()
            return _at_once(events.response, connection, show)
        for event in events:
            if event.type == "message_start":
                message = event.message.to_dict(mode="json")
                usage |= message.get("usage") or {}
            elif event.type == "content_block_delta" and event.delta.type == "text_delta":
                texts.append(event.delta.text)
                show(scrubber_of_stream.add(event.delta.text))
            elif event.type == "message_delta":
                usage |= {key: value for key, value in event.usage.to_dict().items() if value is not None}
                message["stop_reason"] = event.delta.stop_reason
            elif event.type == "message_stop":
                ended = True
    show(scrubber_of_stream.end())
    if not ended:
        raise ApiError(broken("the stream ended before the message did"))
    text = "".join(texts)
    message |= {"content": [{"type": "text", "text": text}] if text else [], "usage": usage}
    return Reply(message, Usage.of(usage), text)


def _at_once(response: Any, connection: Connection, show: Callable[[str], None]) -> Reply:
    """The whole answer, from a gateway that does not stream. Raises ApiError if it is not one."""
    message = json_answer(response, connection, "content")
    text = text_of(message)
    show(connection.scrubber.clean(text))
    return Reply(message, Usage.of(message.get("usage") or {}), text)


def count(connection: Connection, body: OutgoingBody) -> tuple[int, tuple[str, ...]]:
    """The input tokens of a request as counted by the API, free of charge, and the members left out.

    Members that the count endpoint does not accept, according to the types of the SDK, are not sent.
    Raises as `send`.
    """
    from anthropic.types import MessageCountTokensParams  # noqa: PLC0415 - extra

    taken = MessageCountTokensParams.__annotations__
    gone = body.keep(lambda key: key in taken)
    with answering(connection):
        response = connection.client.post(COUNT, cast_to=connection.response, **_content(connection, body))
    answer = json_answer(response, connection, "input_tokens")
    return int(answer["input_tokens"]), gone


def text_of(message: Mapping[str, Any]) -> str:
    """The text blocks of a message, joined."""
    content = message.get("content")
    blocks = content if isinstance(content, list) else []
    return "".join(
        str(block.get("text", ""))
        for block in blocks
        if isinstance(block, dict) and block.get("type") == "text"
    )


def _content(connection: Connection, body: OutgoingBody) -> dict[str, Any]:
    """The body for the client: its bytes, or its values if the SDK has to rewrite it."""
    text = body.read()
    if connection.is_verbatim:
        return {"content": text, "options": _JSON}
    return {"body": json.loads(text)}


FILES = "/v1/files"


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
                with answering(self._connection):
                    self._connection.client.files.delete(file_id)
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
            with answering(self._connection):
                response = self._connection.client.post(
                    FILES,
                    cast_to=self._connection.response,
                    files=[("file", (name, data, f"image/{form}"))],
                    options={"headers": {"Content-Type": "multipart/form-data"}},
                )
            answer: Any = json_answer(response, self._connection, "id")
            self._known[digest] = str(answer["id"])
            self._say(f"uploaded {use.location.dotted} as {answer['id']} ({figure(len(data))} bytes)")
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
