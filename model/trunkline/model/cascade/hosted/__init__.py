"""Ports of the cascade filled by OpenAI-compatible servers, each with the local port behind it."""
