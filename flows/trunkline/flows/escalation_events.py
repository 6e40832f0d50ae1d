"""What the runner is told of people who look after a call: an escalation, and a call given back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from trunkline.flows.steps import Line


@dataclass(frozen=True, slots=True)
class Escalated:
    """A person is told: ``lines`` are said, and the flow goes to ``goto`` where there is one."""

    lines: tuple[Line, ...] = ()
    goto: str | None = None


@dataclass(frozen=True, slots=True)
class HandedBack:
    """Whoever had taken the call has left it: the caller is with the agent again."""
