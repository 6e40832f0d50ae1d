"""MCP servers that a session names: where they may be, what they offer, and calling their tools."""
