#!/usr/bin/env bash
# Guess: an image that read_media_file of the reference MCP server for files returns reaches the model as an image,
#   once, whichever framework calls the tool; what a framework cannot pass on, it leaves out or refuses.
# What happens: the server writes the base64 into its result twice, as an image and again in structuredContent. Google's
#   ADK sends the whole result to Gemini as JSON of functionResponse.response, and LlamaIndex sends its printed form as
#   the text of the tool message. Neither sends an image, and both send all the base64 twice, without a warning. Strands
#   sends one image.
# Why it matters: the model sees nothing. A screenshot that costs hundreds of tokens as an image is billed as some
#   hundred thousand tokens of text, with each further turn again, or overflows the context. Read the image in a
#   function of your program, and give it to the model as an image.
# Seen with: @modelcontextprotocol/server-filesystem 2026.8.31, google-adk 2.13.0, llama-index-tools-mcp 0.6.0 with
#   llama-index-core 0.14.25 and llama-index-llms-openai 0.8.3, strands-agents 1.62.0, mcp 2.1.1, a server on this
#   machine in place of the APIs, Pillow 13.0.0, Node 20.20.2, Python 3.11, 2026-11-30.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet google-adk==2.13.0 llama-index-tools-mcp==0.6.0 llama-index-core==0.14.25 \
    llama-index-llms-openai==0.8.3 'strands-agents[openai]==1.62.0' mcp==2.1.1 Pillow==13.0.0
cd "$folder"
npm install --silent --no-audit --no-fund @modelcontextprotocol/server-filesystem@2026.8.31
venv/bin/python - 2>messages <<'PY' || { cat messages; exit 1; }
import asyncio
import base64
import json
import os
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

Path("shots").mkdir()
shot = Image.effect_noise((1280, 800), 8).convert("RGB")
for top in range(20, 780, 30):
    ImageDraw.Draw(shot).text((20, top), f"Line {top} of a page", font=ImageFont.load_default(20), fill="black")
shot.save("shots/page.jpg", quality=85)
data = base64.b64encode(Path("shots/page.jpg").read_bytes()).decode()
name, arguments = "read_media_file", {"path": os.path.abspath("shots/page.jpg")}
bodies = []


def answer(path):
    """A call of the tool first, and then the end."""
    first = len(bodies) == 1
    if "generateContent" in path:
        part = {"functionCall": {"name": name, "args": arguments}} if first else {"text": "done"}
        return {"candidates": [{"content": {"role": "model", "parts": [part]}, "finishReason": "STOP", "index": 0}]}
    call = {"index": 0, "id": "c1", "type": "function", "function": {"name": name, "arguments": json.dumps(arguments)}}
    message = {"role": "assistant", "content": None, "tool_calls": [call]}
    if not first:
        message = {"role": "assistant", "content": "done"}
    choice = {"index": 0, "finish_reason": "tool_calls" if first else "stop", "message": message, "delta": message}
    return {"id": "x", "object": "chat.completion", "created": 1, "model": "m", "choices": [choice]}


class Answers(BaseHTTPRequestHandler):
    def do_POST(self):
        bodies.append(json.loads(self.rfile.read(int(self.headers["content-length"]))))
        streams = bodies[-1].get("stream")
        text = json.dumps(answer(self.path))
        self.send_response(200)
        self.send_header("content-type", "text/event-stream" if streams else "application/json")
        self.end_headers()
        self.wfile.write((f"data: {text}\n\ndata: [DONE]\n\n" if streams else text).encode())

    def log_message(self, *_):
        pass


server = ThreadingHTTPServer(("127.0.0.1", 0), Answers)
threading.Thread(target=server.serve_forever, daemon=True).start()
url = f"http://127.0.0.1:{server.server_port}"
os.environ.update(GOOGLE_API_KEY="x", GOOGLE_GEMINI_BASE_URL=url)
program = "node_modules/@modelcontextprotocol/server-filesystem/dist/index.js", os.path.abspath("shots")


async def adk():
    from google.adk.agents import Agent
    from google.adk.runners import InMemoryRunner
    from google.adk.tools.mcp_tool import McpToolset
    from google.adk.tools.mcp_tool.mcp_session_manager import StdioConnectionParams
    from mcp import StdioServerParameters

    started = StdioConnectionParams(server_params=StdioServerParameters(command="node", args=program), timeout=60)
    tools = McpToolset(connection_params=started, tool_filter=[name])
    agent = Agent(name="a", model="gemini-2.5-flash", instruction="Look.", tools=[tools])
    await InMemoryRunner(agent=agent).run_debug("What does the page say?", quiet=True)
    await tools.close()


async def llama_index():
    from llama_index.core.agent.workflow import FunctionAgent
    from llama_index.llms.openai import OpenAI
    from llama_index.tools.mcp import BasicMCPClient, McpToolSpec

    client = BasicMCPClient("node", args=list(program))
    tools = await McpToolSpec(client, allowed_tools=[name]).to_tool_list_async()
    model = OpenAI(model="gpt-4o", api_key="x", api_base=url + "/v1")
    await FunctionAgent(tools=tools, llm=model, streaming=False).run("What does the page say?")


async def strands():
    from mcp import StdioServerParameters, stdio_client
    from strands import Agent
    from strands.models.openai import OpenAIModel
    from strands.tools.mcp import MCPClient

    model = OpenAIModel(client_args={"api_key": "x", "base_url": url + "/v1"}, model_id="m")
    with MCPClient(lambda: stdio_client(StdioServerParameters(command="node", args=program))) as client:
        tools = [tool for tool in client.list_tools_sync() if tool.tool_name == name]
        await Agent(model=model, tools=tools, callback_handler=None).invoke_async("What does the page say?")


def places(value, inside=""):
    """Where the base64 is, and how often: in texts that are nothing else (images), and within other texts."""
    if isinstance(value, dict):
        inside = value.get("type", inside)
        return [found for key, one in value.items() for found in places(one, f"{inside} {key}")]
    if isinstance(value, list):
        return [found for one in value for found in places(one, inside)]
    return [inside.split()[-1]] * value.count(data) if isinstance(value, str) else []


for framework, expected in ((adk, ["data", "data"]), (llama_index, ["content", "content"]), (strands, ["url"])):
    bodies.clear()
    asyncio.run(framework())
    assert len(bodies) == 2
    last = bodies[-1]
    seen = places(last)
    print(f"{framework.__name__}: {len(seen)} copies of {len(data):,} characters, as {', '.join(seen)}")
    assert seen == expected
    text = json.dumps(last)
    for part in ("inlineData", "inline_data", "image_url"):
        assert (part in text) == (framework is strands and part == "image_url"), part
    if framework is adk:
        response = last["contents"][-1]["parts"][0]["functionResponse"]["response"]
        assert response["content"][0]["data"] == response["structuredContent"]["content"][0]["data"] == data
print("as seen")
PY
