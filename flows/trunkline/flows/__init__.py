"""What an agent does: flows, steps, tools, guardrails."""
