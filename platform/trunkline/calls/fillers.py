"""A word now and then to a caller who waits for an engine or a tool: a filler, and no answer.

Fillers are the flow's own lines, or the house's. They are spoken and can be interrupted like any
line, and stand in transcript and recording as what they are; the engine is not told of them, the
flow does not wait for them, and no answer's time is measured by them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from trunkline.calls.house_lines import house_lines
from trunkline.domain.turn import TurnKind
from trunkline.flows.actions import Say

if TYPE_CHECKING:
    from collections.abc import Sequence

    from trunkline.calls.session import CallSession

DISTANCES_MS: Final = (1500, 4000, 7000, 11_000, 16_000)
"""Quiet before the first filler of a wait, before the second, and so on; then always the last."""
CLIP_AFTER_MS: Final = 1500


class FillerPace:
    """When a filler is due. Times are the call's clock, milliseconds. Pure."""

    def __init__(self) -> None:
        self._quiet_since_ms: int | None = None  # None: nobody waits
        self._spoken = 0  # by the agent, in this wait: fillers, or lines of the flow's
        self._was_speaking = False

    def quiet_ms(self, now_ms: int) -> int:
        return 0 if self._quiet_since_ms is None else now_ms - self._quiet_since_ms

    def is_due(self, now_ms: int, *, is_waiting: bool, agent_speaks: bool, talks: bool) -> bool:
        """Ten times a second. ``talks``: the caller does."""
        if not is_waiting:
            self._quiet_since_ms, self._spoken, self._was_speaking = None, 0, False
            return False
        if self._was_speaking and not agent_speaks:
            self._spoken += 1
        self._was_speaking = agent_speaks
        if agent_speaks or talks or self._quiet_since_ms is None:
            self._quiet_since_ms = now_ms
            return False
        distance_ms = DISTANCES_MS[min(self._spoken, len(DISTANCES_MS) - 1)]
        return now_ms - self._quiet_since_ms >= distance_ms


class Fillers:
    """One call's; ``tick`` ten times a second."""

    def __init__(self, call: CallSession) -> None:
        self._call = call
        self._pace = FillerPace()
        self._last = ""

    def tick(self) -> None:
        call, dialogue = self._call, self._call.dialogue
        now_ms = call.call_clock.now_ms
        was_waiting, dialogue.is_waited_on = dialogue.is_waited_on, self._is_waiting
        is_due = self._pace.is_due(
            now_ms,
            is_waiting=dialogue.is_waited_on,
            agent_speaks=not dialogue.speaker.is_idle,
            talks=dialogue.policy.caller_is_speaking,
        )
        if dialogue.is_waited_on:
            # The ring's clip is for a loop that does not come back to say this again.
            quiet_ms = self._pace.quiet_ms(now_ms)
            call.leg.owe_speech(True, clip_after_ms=quiet_ms + CLIP_AFTER_MS)
        elif was_waiting:
            call.leg.owe_speech(dialogue.is_owed)
        if is_due:
            self._say()

    @property
    def _is_waiting(self) -> bool:
        call, dialogue = self._call, self._call.dialogue
        is_elsewhere = call.away.is_away or call.driver.is_parked or dialogue.is_held
        if is_elsewhere or dialogue.is_closing or call.driver.is_over:
            return False
        return dialogue.responses.is_thinking or call.is_running_tools

    def _say(self) -> None:
        call, dialogue = self._call, self._call.dialogue
        for text in _after(self._last, self._lines()):
            said, stopped = dialogue.guard.sayable(Say("", text, is_fixed=True))
            is_at_hand = call.edge.cache.at_hand(dialogue.voice.line(text)) is not None
            if stopped is None and said == text and is_at_hand:
                self._last = text
                dialogue.speaker.say(
                    text,
                    say_id="",
                    step=call.record.step,
                    is_fixed=True,
                    is_interruptible=True,
                    kind=TurnKind.FILLER,
                )
                return

    def _lines(self) -> Sequence[str]:
        flow = self._call.driver.flow
        own = flow.policies.fillers
        if own is None:
            return house_lines(flow.agent.language).fillers
        constants = flow.constants
        return [
            line.prompt.render(flow.variables) for line in own if line.prompt.variables <= constants
        ]


def _after(last: str, lines: Sequence[str]) -> Sequence[str]:
    """All but the one that was said last, beginning behind it."""
    at = lines.index(last) + 1 if last in lines else 0
    return [text for text in (*lines[at:], *lines[:at]) if text != last]
