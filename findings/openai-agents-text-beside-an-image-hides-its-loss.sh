#!/usr/bin/env bash
# Guess: what a function tool returns as ToolOutputImage reaches the model by both APIs of the SDK, or there is an error,
#   at the latest with strict_feature_validation=True.
# What happens: by Chat Completions the image is left out. A result of nothing but an image is replaced by a placeholder,
#   with a warning in the log, and refused in strict mode. With a text beside it, in the same list, the image is dropped
#   without either, strict or not. By Responses it is sent.
# Why it matters: OpenAIChatCompletionsModel is how one talks to vLLM, Ollama and most other servers, and a screenshot
#   with its URL or a caption is the usual result of a tool. The model answers from the caption.
# Seen with: openai-agents 0.24.0, a server on this machine in place of the API, Python 3.11, 2026-11-30.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet openai-agents==0.24.0 openai==3.57.0
"$folder/venv/bin/python" - <<'PY'
import asyncio
import json
import logging
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from agents import Agent, OpenAIProvider, RunConfig, Runner, ToolOutputImage, ToolOutputText, UserError, function_tool
from openai import AsyncOpenAI

PICTURE = "data:image/png;base64,iVBORw0KGgo="
bodies, warned = [], []


def answer(path, body):
    """A call of the tool first, and then the end."""
    first = len(bodies) % 2 == 1
    if path.endswith("/responses"):
        call = {"type": "function_call", "id": "f1", "call_id": "c1", "name": "look", "arguments": "{}"}
        text = {"type": "output_text", "text": "done", "annotations": []}
        said = {"type": "message", "id": "m1", "role": "assistant", "status": "completed", "content": [text]}
        output = [call if first else said]
        rest = {"parallel_tool_calls": True, "tool_choice": "auto", "tools": []}
        return {"id": "r1", "object": "response", "created_at": 1, "model": "m", "output": output, **rest}
    call = {"id": "c1", "type": "function", "function": {"name": "look", "arguments": "{}"}}
    message = {"role": "assistant", "content": None, "tool_calls": [call]}
    choice = {"index": 0, "finish_reason": "tool_calls", "message": message}
    if not first:
        choice = {"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": "done"}}
    return {"id": "x", "object": "chat.completion", "created": 1, "model": "m", "choices": [choice]}


class Answers(BaseHTTPRequestHandler):
    def do_POST(self):
        bodies.append(json.loads(self.rfile.read(int(self.headers["content-length"]))))
        data = json.dumps(answer(self.path, bodies[-1])).encode()
        self.send_response(200)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_):
        pass


class Warnings(logging.Handler):
    def emit(self, record):
        warned.append(record.getMessage())


logging.getLogger("openai.agents").addHandler(Warnings(logging.WARNING))
server = ThreadingHTTPServer(("127.0.0.1", 0), Answers)
threading.Thread(target=server.serve_forever, daemon=True).start()


async def outcome(result, *, responses, strict):
    """What became of the image that a tool returned."""
    bodies.clear()
    warned.clear()

    @function_tool
    def look() -> list[ToolOutputImage | ToolOutputText]:
        return result

    client = AsyncOpenAI(api_key="x", base_url=f"http://127.0.0.1:{server.server_port}/v1")
    provider = OpenAIProvider(openai_client=client, use_responses=responses, strict_feature_validation=strict)
    config = RunConfig(model_provider=provider, tracing_disabled=True)
    try:
        await Runner.run(Agent("a", tools=[look], model="m"), "Look.", run_config=config)
    except UserError:
        return "refused"
    sent = PICTURE in json.dumps(bodies[1])
    return "sent" if sent else f"dropped, {len(warned)} warnings"


image = ToolOutputImage(image_url=PICTURE)
alone, with_text = [image], [ToolOutputText(text="the start page"), image]
for what, result, responses, strict, expected in (
    ("image, Responses", alone, True, True, "sent"),
    ("text and image, Responses", with_text, True, True, "sent"),
    ("image, Chat Completions", alone, False, False, "dropped, 1 warnings"),
    ("image, Chat Completions, strict", alone, False, True, "refused"),
    ("text and image, Chat Completions", with_text, False, False, "dropped, 0 warnings"),
    ("text and image, Chat Completions, strict", with_text, False, True, "dropped, 0 warnings"),
):
    seen = asyncio.run(outcome(result, responses=responses, strict=strict))
    print(f"{what}: {seen}")
    assert seen == expected
print("as seen")
PY
