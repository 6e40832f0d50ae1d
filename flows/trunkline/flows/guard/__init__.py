"""Guardrails: what a caller asks and an agent says, judged before anything comes of it."""
