"""What a flow does when the guardrails stopped the caller's words, or the engine's."""

from __future__ import annotations

from typing import Final

from trunkline.flows.actions import HangUpReason
from trunkline.flows.guard_events import GuardStopped
from trunkline.flows.steps import Line
from trunkline.flows.walk import Mode, Walk

MAX_STOPPED: Final = 4
"""So often in one step; then the flow moves on as when it understands nothing."""


def go_on(walk: Walk, event: GuardStopped) -> str | None:
    """The line, and the same step again; nothing where the caller is with somebody else."""
    if walk.mode in (Mode.UNSTARTED, Mode.OVER) or walk.is_away:
        return None
    walk.patience.heard()
    walk.told.clear()
    walk.script.say_text(event.line, is_fixed=True, remembers=False)
    if event.ends:
        walk.hang_up(HangUpReason.DONE)
        return None
    if not walk.is_listening:
        walk.listen()  # the tool's end, or the person's word, brings the flow on
        return None
    walk.patience.stopped += 1
    if walk.patience.stopped > MAX_STOPPED:
        return walk.fall_back(walk.flow.policies.no_match.fallback, HangUpReason.NO_MATCH)
    if event.asks_again:
        slot = walk.open_slot()
        if slot is not None:
            walk.say((Line(slot.ask),), remembers=False)
        else:
            walk.script.say_again()
    walk.listen()
    return None
