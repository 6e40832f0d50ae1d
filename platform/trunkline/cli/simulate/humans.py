"""The humans of a simulation: phones that ring, are picked up, and do as the file says.

The same in text and in audio: only the caller's own line is real in an audio call.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import Final

from trunkline.calls.hold_queue import Waiting
from trunkline.calls.queue_board import QueueBoard
from trunkline.cli.simulate.simulation import Human, QueueAhead, TransferOutcome
from trunkline.cli.simulate.text_leg import Humans, TextLeg
from trunkline.domain.call import Direction
from trunkline.domain.leg import Leg, LegDigit

_ALERT_S: Final = 0.2
_REFUSE_S: Final = 0.6
_DECIDE_MS: Final = 900  # of silence behind the agent's question, before a key is pressed
_UNASKED_MS: Final = 4000
_QUICK_MS: Final = 600
_LOOK_S: Final = 0.5


class HumanLeg(TextLeg):
    """A leg that the edge placed to a human."""

    def __init__(self, target: str, rate_hz: int, human: Human, humans: Humans) -> None:
        super().__init__("", target, humans, direction=Direction.OUTBOUND, rate_hz=rate_hz)
        self._human = human
        self._has_decided = False

    def dial(self) -> None:
        later = asyncio.get_running_loop().call_later
        human = self._human
        match human.outcome:
            case TransferOutcome.NO_ANSWER:
                later(_ALERT_S, self.alert)
            case outcome if outcome.sip_status >= 300:
                later(_REFUSE_S, self.refuse, outcome.sip_status)
            case _:
                later(_ALERT_S, self.alert)
                later(max(human.rings_s, _ALERT_S), self._answer_unless_over)

    def talk(self) -> None:
        """They are with the caller now, and hang up when they are done."""
        self._has_decided = True
        asyncio.get_running_loop().call_later(self._human.talks_s, self.hang_up_by_caller)

    def _answer_unless_over(self) -> None:
        if self.ended is None:
            self.pick_up()

    def _tick(self, frames: int) -> None:
        super()._tick(frames)
        if self._has_decided or self.ended is not None:
            return
        quiet_ms = self.now_ms - (self.agent_last_ms or 0)
        wait_ms = _UNASKED_MS if self.agent_last_ms is None else _DECIDE_MS
        is_asked = self.queued_samples() == 0 and quiet_ms >= wait_ms
        # Who stays to the end of a briefing may have the caller already: who wants none is quick.
        is_quick = self._human.outcome in (TransferOutcome.DECLINED, TransferOutcome.HANGS_UP)
        if is_asked or (is_quick and self.now_ms >= _QUICK_MS):
            self._decide()

    def _decide(self) -> None:
        self._has_decided = True
        match self._human.outcome:
            case TransferOutcome.ANSWERED:
                self._put(LegDigit("1", 100))
            case TransferOutcome.DECLINED:
                self._put(LegDigit("2", 100))
            case TransferOutcome.HANGS_UP:
                self.hang_up_by_caller()
            case _:
                pass


class SimulatedSwitch:
    """Places calls to the simulation's humans, and to nobody else."""

    def __init__(self, humans: Humans) -> None:
        self._humans = humans
        self._legs: list[HumanLeg] = []

    @property
    def is_busy(self) -> bool:
        """Somebody is being called, or talks with the caller."""
        return any(leg.ended is None for leg in self._legs)

    async def place(
        self,
        target: str,
        *,
        trunk: str = "",
        sample_rate_hz: int = 8000,
        headers: Mapping[str, str] | None = None,
        caller_id: str = "",
        agent: str = "",
    ) -> Leg:
        leg = HumanLeg(target, sample_rate_hz, self._humans.next(), self._humans)
        self._legs.append(leg)
        leg.dial()
        return leg

    async def join(self, one: Leg, other: Leg) -> None:
        if isinstance(other, HumanLeg):
            other.talk()


def queue_up(board: QueueBoard, queues: Mapping[str, QueueAhead]) -> None:
    """Who waits already when the call comes: callers of another edge, as far as ours knows."""
    for name, queue in queues.items():
        there = board.of(name)
        there.elsewhere = tuple(
            Waiting(f"call_ahead_{number}", number) for number in range(queue.ahead)
        )
        if queue.talk_s is not None:
            there.talks_ms.append(round(queue.talk_s * 1000))


async def serve_queues(
    board: QueueBoard, queues: Mapping[str, QueueAhead], is_over: Callable[[], bool]
) -> None:
    """While our caller waits, those ahead are served one after the other."""
    waited_s = dict.fromkeys(queues, 0.0)
    while not is_over():
        await asyncio.sleep(_LOOK_S)
        for name, queue in queues.items():
            there = board.of(name)
            if not (there.callers and there.elsewhere):
                continue
            waited_s[name] += _LOOK_S
            if waited_s[name] >= queue.leaves_every_s:
                waited_s[name] = 0.0
                there.elsewhere = there.elsewhere[1:]
