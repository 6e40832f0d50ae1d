"""A program outside that answers a call where a step lets it (docs/agents-sdk.md)."""

from __future__ import annotations

from dataclasses import dataclass

from trunkline.flows.prompts import Prompt


@dataclass(frozen=True, slots=True)
class ProgramSlot:
    """Where one may attach, by the call's id, to the call's Realtime session.

    ``within_ms``: how long the call waits for it, at first and whenever it has left.
    ``while_running``: said once when what it does takes longer than a moment.
    """

    within_ms: int = 8000
    while_running: Prompt | None = None


@dataclass(frozen=True, slots=True)
class ProgramPlan:
    """The same for one call, its line rendered."""

    within_ms: int = 8000
    while_running: str = ""
