"""Tools over the Model Context Protocol on standard input and output, by the official package `mcp`."""

import asyncio
import base64
from collections.abc import Callable, Sequence
from typing import Any

import mcp_types as types
from mcp.server.lowlevel import Server
from mcp.server.stdio import stdio_server

from imgbudget.agents.tools import ToolResult, ToolSpec
from imgbudget.version import __version__

Call = Callable[[str, dict[str, Any]], ToolResult]


def serve(tools: Sequence[ToolSpec], call: Call, instructions: str) -> None:
    """Answer a client until it closes standard input; `call` runs in a thread, one call at a time."""
    asyncio.run(_serve(tools, call, instructions))


async def _serve(tools: Sequence[ToolSpec], call: Call, instructions: str) -> None:
    one_at_a_time = asyncio.Lock()

    async def list_tools(_context: Any, _params: Any) -> Any:
        return types.ListToolsResult(tools=[_tool(one) for one in tools])

    async def call_tool(_context: Any, params: Any) -> Any:
        async with one_at_a_time:
            return _result(await asyncio.to_thread(call, params.name, params.arguments or {}))

    server: Any = Server(
        "imgbudget",
        version=__version__,
        instructions=instructions,
        on_list_tools=list_tools,
        on_call_tool=call_tool,
    )
    async with stdio_server() as (incoming, outgoing):
        await server.run(incoming, outgoing, server.create_initialization_options())


def _tool(spec: ToolSpec) -> Any:
    return types.Tool(
        name=spec.name,
        description=spec.description,
        input_schema=spec.schema,
        annotations=types.ToolAnnotations(
            read_only_hint=not spec.writes, destructive_hint=spec.writes, open_world_hint=False
        ),
    )


def _result(result: ToolResult) -> Any:
    content: list[Any] = [types.TextContent(type="text", text=text) for text in result.texts]
    if result.image is not None:
        data = base64.b64encode(result.image).decode("ascii")
        content.append(types.ImageContent(type="image", data=data, mime_type=f"image/{result.form}"))
    return types.CallToolResult(content=content, structured_content=result.document, is_error=result.is_error)
