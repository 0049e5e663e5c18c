"""Lines of sessions in the shapes of agents other than Claude Code.

Each was seen in the sources of the release named, and in a session that it wrote.
"""

import base64
import copy
import json
import random
from pathlib import Path
from typing import Any

from tests.builders import image_bytes
from tests.requestreading import requests_of

Json = dict[str, Any]
STAMP = "2026-11-28T10:00:00.000Z"
CUT = image_bytes((400, 300))[:60]


def coded(width: int) -> str:
    """An image that is known by its width, in base64."""
    return base64.b64encode(image_bytes((width, 10))).decode()


def sizes(*lines: Any) -> list[str]:
    """The sizes of the images of the next request, with their places in it."""
    (request,) = requests_of(*lines)
    return [f"{use.location.dotted} {use.size}" for use in request.images]


def write_lines(path: Path, *lines: Any) -> Path:
    """A session of these lines."""
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return path


def inline(data: str, kind: str = "image/png") -> Json:
    """A part of Gemini with an image."""
    return {"inlineData": {"data": data, "mimeType": kind}}


def gemini_header(**more: Any) -> Json:
    """The first line of a session of Gemini CLI 0.61.0 (services/chatRecordingService)."""
    return {"sessionId": "s1", "projectHash": "h", "startTime": STAMP, "lastUpdated": STAMP, **more}


def gemini_row(identity: str, kind: str, content: Any, **more: Any) -> Json:
    """A message of Gemini CLI 0.61.0 (services/chatRecordingTypes)."""
    model = {"model": "gemini-3-flash-preview"} if kind == "gemini" else {}
    return {"id": identity, "timestamp": STAMP, "type": kind, "content": content, **model, **more}


def gemini_call(identity: str, *result: Json) -> Json:
    """A call of a tool with its result, of Gemini CLI 0.61.0."""
    return {"id": identity, "name": "read_file", "args": {}, "status": "success", "result": list(result)}


def answer(identity: str, *parts: Json) -> Json:
    """The result of a tool as a part; models from Gemini 3 on take images inside it."""
    inner = {"parts": list(parts)} if parts else {}
    return {"functionResponse": {"id": identity, "name": "read_file", "response": {"output": "ok"}, **inner}}


def qwen_record(kind: str, identity: str, parent: str | None, *parts: Json, **more: Any) -> Json:
    """A record of Qwen Code 0.24.4 (chatRecordingService)."""
    place = {"uuid": identity, "parentUuid": parent, "sessionId": "s1", "timestamp": STAMP}
    made: Json = {**place, "type": kind, "provenance": kind, "cwd": "/p", "version": "0.24.4"}
    if kind != "system":
        made["message"] = {"role": "model" if kind == "assistant" else "user", "parts": list(parts)}
    if kind == "assistant":
        made["model"] = "qwen3-vl-plus"
    return made | more


def pi_header(**more: Any) -> Json:
    """The first line of a session of pi 0.73.1 (core/session-manager)."""
    return {"type": "session", "version": 3, "id": "s1", "timestamp": STAMP, "cwd": "/p"} | more


def pi_entry(kind: str, identity: str, parent: str | None, **more: Any) -> Json:
    """An entry of pi 0.73.1 (core/session-manager)."""
    return {"type": kind, "id": identity, "parentId": parent, "timestamp": STAMP, **more}


def pi_message(role: str, identity: str, parent: str | None, *content: Json, **more: Any) -> Json:
    """A message of pi 0.73.1 (pi-ai, types)."""
    message: Json = {"role": role, "content": list(content), "timestamp": 1}
    if role == "assistant":
        message |= {"model": "claude-opus-4-8", "provider": "anthropic", "stopReason": "stop"}
    return pi_entry("message", identity, parent, message=message | more)


def pi_image(data: str, kind: str = "image/png") -> Json:
    """An image of pi."""
    return {"type": "image", "data": data, "mimeType": kind}


def mutated(lines: list[Any], seed: int) -> list[Any]:
    """The lines with a few values replaced by others of any type, or taken out."""
    chance = random.Random(seed)  # noqa: S311 - no secret
    lines = copy.deepcopy(lines)
    for _ in range(chance.randint(1, 4)):
        places: list[tuple[Any, Any]] = []
        stack: list[Any] = list(lines)
        while stack:
            item = stack.pop()
            keys = item if isinstance(item, dict) else range(len(item)) if isinstance(item, list) else ()
            for key in keys:
                places.append((item, key))
                stack.append(item[key])
        if not places:
            break
        holder, key = chance.choice(places)
        values: list[Any] = [None, True, 0, -1, 1.5, "", "x", [], {}, [[]], [None], ["x"], {"type": []}]
        if chance.random() < 0.2:
            del holder[key]
        else:
            holder[key] = chance.choice(values)
    return lines
