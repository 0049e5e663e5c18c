"""`imgbudget mcp`: a server of tools for agents, over standard input and output."""

import os
from typing import Annotated, NamedTuple

from imgbudget.agents.roots import Root
from imgbudget.cli.command import Command, flag, option
from imgbudget.cli.completion import files, folders
from imgbudget.cli.extras import of_extra
from imgbudget.cli.mcp_tools import Tools
from imgbudget.cli.options import ModelOptions
from imgbudget.discovery.links import confine


class McpOptions(NamedTuple):
    """The options of `mcp`."""

    root: Annotated[
        str,
        option(
            "--root",
            metavar="DIR",
            show_default=True,
            complete=folders,
            help="Folder that is read and written; nothing outside it is, not even through links.",
        ),
    ] = "."
    allow_write: Annotated[
        bool,
        flag("--allow-write", help="Let fix and rescue change files, and crop write new ones."),
    ] = False
    provider: ModelOptions = ModelOptions()
    config: Annotated[
        str | None,
        option(
            "--config",
            metavar="FILE",
            complete=files,
            help="Configuration file to use; those of the root are not read.",
        ),
    ] = None


def mcp(options: McpOptions) -> int:
    """Serve check, plan, fix, size, tiles, crop, status and rescue to agents (Model Context Protocol).

    Needs the extra mcp. `claude mcp add imgbudget -- imgbudget mcp` adds it to Claude Code. Each tool returns
    the JSON of its command and a short text, crop also the image. Without --allow-write, fix and rescue
    return what they would change.
    """
    root = Root(options.root)
    config = None if options.config is None else os.path.abspath(options.config)
    limits = options.provider.limits and os.path.abspath(options.provider.limits)
    provider = options.provider._replace(limits=limits)
    server = of_extra("imgbudget.agents.mcpserver", "mcp")
    os.chdir(root.path)
    confine(root.path)
    tools = Tools(root, allow_write=options.allow_write, provider=provider, config=config)
    writes = "fix, rescue and crop may write there" if options.allow_write else "nothing is written"
    server.serve(tools.specs, tools.call, f"Paths are relative to {root.path}; {writes}.")
    return 0


command: Command[McpOptions] = Command("mcp", McpOptions, mcp)
