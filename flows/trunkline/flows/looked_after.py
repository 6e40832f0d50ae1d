"""A person looks after the call: what the flow does when one is told, and when they leave it."""

from __future__ import annotations

from trunkline.flows import waiting
from trunkline.flows.actions import Escalated, HandedBack
from trunkline.flows.walk import Mode, Walk


def go_on(walk: Walk, event: Escalated | HandedBack) -> str | None:
    """Nothing where the caller is on the way to somebody already, or the call is over."""
    if walk.mode is Mode.UNSTARTED or walk.is_away:
        return None
    if isinstance(event, HandedBack):
        return _take_up(walk)
    return _escalate(walk, event)


def _escalate(walk: Walk, event: Escalated) -> str | None:
    """The words, then the way; what runs is waited for, what is asked is taken back."""
    walk.say(event.lines, remembers=False)
    if event.goto is None:
        walk.listen()
        return None
    walk.told.clear()
    if walk.mode is Mode.APPROVAL:
        return waiting.leave(walk, event.goto)
    if walk.tool is not None:
        walk.tool.after = event.goto
        walk.listen()
        return None
    return event.goto


def _take_up(walk: Walk) -> str | None:
    """Where the call was: what was said last is said again, unless something is waited for."""
    if walk.is_listening:
        walk.script.say_again()
    walk.listen()
    return None
