"""Phone calls for programs made with openai-agents (docs/agents-sdk.md); imports nothing else of
ours, so that it runs wherever that library does."""
