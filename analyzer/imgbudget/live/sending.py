"""One request to the Messages API: sent, streamed or counted through the SDK, its bytes as they are."""

import json
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from imgbudget.live.answers import ApiError, answering, broken, json_answer
from imgbudget.live.billing import Usage
from imgbudget.live.client import Connection, Flowing
from imgbudget.live.outgoing import OutgoingBody

_JSON = {"headers": {"Content-Type": "application/json"}}
MESSAGES = "/v1/messages"
COUNT = "/v1/messages/count_tokens"


class Reply(NamedTuple):
    """An answer of a model: the message as plain values, what was billed, and the text of it."""

    message: Mapping[str, Any]
    usage: Usage
    text: str


def send(connection: Connection, body: OutgoingBody) -> Reply:
    """Send a request and wait for the whole answer.

    Raises:
        ApiError: it was refused, or the way to the API failed.
        UsageError: no key in the environment.
    """
    import httpx2  # noqa: PLC0415 - the SDK's own HTTP layer, loaded with it

    with answering(connection):
        response = connection.client.post(MESSAGES, cast_to=httpx2.Response, **_content(connection, body))
    message = json_answer(response, connection, "content")
    return Reply(message, Usage.of(message.get("usage") or {}), text_of(message))


def stream(connection: Connection, body: OutgoingBody, show: Callable[[str], None]) -> Reply:
    """Send a request and show the text of the answer as it comes. Raises as `send`."""
    from anthropic import Stream  # noqa: PLC0415 - loaded by whoever has a connection
    from anthropic.types import RawMessageStreamEvent  # noqa: PLC0415 - as above

    flowing = Flowing(connection.scrubber)
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
                show(flowing.add(event.delta.text))
            elif event.type == "message_delta":
                usage |= {key: value for key, value in event.usage.to_dict().items() if value is not None}
                message["stop_reason"] = event.delta.stop_reason
            elif event.type == "message_stop":
                ended = True
    show(flowing.end())
    if not ended:
        raise ApiError(broken("the stream ended before the message did"))
    text = "".join(texts)
    message |= {"content": [{"type": "text", "text": text}] if text else [], "usage": usage}
    return Reply(message, Usage.of(usage), text)


def _at_once(response: Any, connection: Connection, show: Callable[[str], None]) -> Reply:
    """The answer of a gateway that does not stream, as one piece. Raises ApiError where it is none."""
    message = json_answer(response, connection, "content")
    text = text_of(message)
    show(connection.scrubber.clean(text))
    return Reply(message, Usage.of(message.get("usage") or {}), text)


def count(connection: Connection, body: OutgoingBody) -> tuple[int, tuple[str, ...]]:
    """The input tokens of a request as the API counts them, free of charge, and the members left out.

    Members of the body that the count endpoint does not take are not sent, as the SDK's own types tell them.
    Raises as `send`.
    """
    import httpx2  # noqa: PLC0415 - the SDK's own HTTP layer, loaded with it
    from anthropic.types import MessageCountTokensParams  # noqa: PLC0415 - as above

    taken = MessageCountTokensParams.__annotations__
    gone = body.keep(lambda key: key in taken)
    with answering(connection):
        response = connection.client.post(COUNT, cast_to=httpx2.Response, **_content(connection, body))
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
    """The body as the client takes it: its bytes, or its values where the SDK has to write it anew."""
    text = body.read()
    if connection.is_verbatim:
        return {"content": text, "options": _JSON}
    return {"body": json.loads(text)}
