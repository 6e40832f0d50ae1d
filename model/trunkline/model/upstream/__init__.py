"""The engine ``upstream``: any Realtime endpoint of either generation, as an engine of ours."""
