"""What the runner is told when the guardrails stopped something."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class GuardStopped:
    """Something was not acted on, or not said: ``line`` is said in its place.

    ``asks_again``: the caller is then asked again what they were asked; ``ends``: the call is over
    with the line.
    """

    line: str
    asks_again: bool = False
    ends: bool = False
