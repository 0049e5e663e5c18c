"""A Messages API on loopback that answers as the real one does, as far as tests need it."""

import base64
import json
from collections.abc import Callable
from io import BytesIO
from typing import Any

from PIL import Image
from pytest_httpserver import HTTPServer
from werkzeug import Request, Response

from imgbudget.limits.geometry import Size, Tier, native_size, patches

KEY = "sk-ant-marked-0123456789abcdef"
"""The key that no output may show."""
TIER = Tier("standard", 1568, 1568)

Json = dict[str, Any]


def envelope(message: str, kind: str = "invalid_request_error") -> Json:
    """An error as the API wraps it."""
    return {"type": "error", "error": {"type": kind, "message": message}, "request_id": "req_1"}


def answer(value: Any, status: int = 200, **headers: str) -> Response:
    """A JSON answer."""
    return Response(json.dumps(value), status, headers, content_type="application/json")


def message(model: str, tokens: int, text: str = "A grey square.") -> Json:
    """A message of a model."""
    return {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "model": model,
        "content": [{"type": "text", "text": text}],
        "stop_reason": "end_turn",
        "stop_sequence": None,
        "usage": {"input_tokens": tokens, "output_tokens": 5},
    }


def events(model: str, tokens: int, *texts: str, whole: bool = True) -> bytes:
    """The stream of a message; without `whole` it breaks off before its end."""
    start = message(model, tokens) | {"content": [], "stop_reason": None}
    start["usage"] = {"input_tokens": tokens, "output_tokens": 1}
    parts: list[Json] = [
        {"type": "message_start", "message": start},
        {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
        *(
            {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": text}}
            for text in texts
        ),
    ]
    if whole:
        stop: Json = {"stop_reason": "end_turn", "stop_sequence": None}
        parts += [
            {"type": "content_block_stop", "index": 0},
            {"type": "message_delta", "delta": stop, "usage": {"output_tokens": 7}},
            {"type": "message_stop"},
        ]
    return b"".join(f"event: {part['type']}\ndata: {json.dumps(part)}\n\n".encode() for part in parts)


def image_tokens(body: Json, tier: Tier = TIER) -> int:
    """What the images of a body cost by the rule, each with its 3 tokens, and 7 for the request."""
    total = 7
    for _, block in image_blocks(body):
        if block["source"]["type"] == "base64":
            data = base64.b64decode(block["source"]["data"])
            total += 3 + patches(native_size(Size(*Image.open(BytesIO(data)).size), tier))
    return total


def image_blocks(body: Json) -> list[tuple[str, Json]]:
    """The image blocks of a body with their locations, those in tool results included."""
    found = []
    for i, turn in enumerate(body["messages"]):
        for j, block in enumerate(turn["content"] if isinstance(turn["content"], list) else ()):
            where = f"messages.{i}.content.{j}"
            if block["type"] == "image":
                found.append((where, block))
            elif block["type"] == "tool_result":
                found += [(f"{where}.content.{k}", it) for k, it in enumerate(block["content"])]
    return found


def sizes(body: Json) -> list[tuple[int, int]]:
    """The sizes of the base64 images of a body, px."""
    found = (block["source"] for _, block in image_blocks(body))
    return [Image.open(BytesIO(base64.b64decode(it["data"]))).size for it in found if it["type"] == "base64"]


def listed(model: str, context: int = 1_000_000, *, images: bool = True) -> Json:
    """A model as the Models API lists it."""
    return {
        "id": model,
        "type": "model",
        "display_name": model,
        "created_at": "2026-02-17T00:00:00Z",
        "lifecycle": "active",
        "max_input_tokens": context,
        "max_tokens": 128_000,
        "capabilities": {"image_input": {"supported": images}},
    }


class Api:
    """The endpoints, and the bodies that came: `seen` has the bytes of each, in order."""

    def __init__(self, server: HTTPServer) -> None:
        self.server = server
        self.seen: list[bytes] = []
        self.headers: list[dict[str, str]] = []
        self.url = server.url_for("").rstrip("/")

    def on(self, path: str, reply: Callable[[Request], Response], method: str = "POST") -> None:
        """Answer a path."""

        def handler(request: Request) -> Response:
            self.seen.append(request.get_data())
            self.headers.append(dict(request.headers))
            return reply(request)

        self.server.expect_request(path, method=method).respond_with_handler(handler)

    def always(self, reply: Response | Callable[[], Response], path: str = "/v1/messages") -> None:
        """Answer a path the same way each time."""
        self.on(path, lambda _request: reply if isinstance(reply, Response) else reply())

    def enforcing(self) -> None:
        """Messages and token counts by the rule, with the many-image limit as the real API words it."""
        self.on("/v1/messages", lambda request: enforced(json.loads(request.get_data())))
        self.on("/v1/messages/count_tokens", lambda request: counted(json.loads(request.get_data())))

    def models(self, *listed: Json) -> None:
        """The Models API."""
        self.on("/v1/models", lambda _request: answer({"data": list(listed), "has_more": False}), "GET")

    @property
    def bodies(self) -> list[Json]:
        """The JSON bodies that came, as values."""
        return [json.loads(body) for body in self.seen if body.startswith(b"{")]


def counted(body: Json, tier: Tier = TIER) -> Response:
    """A count; members that the endpoint does not take are refused, as the real one does."""
    if extra := body.keys() - {"model", "messages", "system", "tools", "tool_choice", "thinking"}:
        return answer(envelope(f"{min(extra)}: Extra inputs are not permitted"), 400)
    for where, block in image_blocks(body):
        size = Size(*Image.open(BytesIO(base64.b64decode(block["source"]["data"]))).size)
        fits = native_size(size, tier)
        if (block.get("transformations") or {}).get("oversized_image") == "error" and fits != size:
            text = (
                f"{where}: image dimensions {size} exceed the maximum image size of a model named on this "
                f"request and would be downsized to {fits}; scale the image to at most {fits} or set the "
                'image\'s oversized_image setting to "downsize"'
            )
            return answer(envelope(text), 400)
    return answer({"input_tokens": image_tokens(body, tier)})


def enforced(body: Json) -> Response:
    """A message, or a 400 if more than 20 images include one over 2000 px."""
    if refused := many_image_refusal(body):
        return refused
    return answer(message(body["model"], image_tokens(body)))


def many_image_refusal(body: Json) -> Response | None:
    """The 400 for an image over 2000 px among more than 20 (FACTS, section 4)."""
    blocks = image_blocks(body)
    for where, block in blocks:
        data = base64.b64decode(block["source"]["data"])
        if len(blocks) > 20 and max(Image.open(BytesIO(data)).size) > 2000:
            text = (
                f"{where}.image.source.base64.data: At least one of the image dimensions exceed max allowed "
                "size for many-image requests: 2000 pixels"
            )
            return answer(envelope(text), 400)
    return None
