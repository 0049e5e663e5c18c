"""What agents call while they work: hooks, and the MCP server. Nothing here prints."""
