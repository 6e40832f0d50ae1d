"""Humans at the other end of our own calls: legs that ring, are picked up, and hang up.

switch = FakeSwitch()
edge.switch.connect(switch)
human = await switch.placed(1)      # the first leg that was ever placed
human.alert(); human.pick_up(); human.say(voiced(500)); human.press("1"); human.hang_up()
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from tests.fakes.leg import FakeLeg

from trunkline.domain.call import Direction, EndCause
from trunkline.domain.errors import TrunklineError
from trunkline.domain.ids import new_leg_id
from trunkline.domain.leg import (
    Leg,
    LegAnswered,
    LegDescription,
    LegEnded,
    LegMediaStarted,
    LegRinging,
)
from trunkline.domain.refusals import unanswered_cause


class OutsideLeg(FakeLeg):
    """A leg that the edge placed; the test is the one who is called."""

    def __init__(self, target: str, trunk: str, rate_hz: int, caller_id: str = "") -> None:
        super().__init__(rate_hz=rate_hz)
        self.target = target
        self._description = LegDescription(
            leg_id=new_leg_id(),
            direction=Direction.OUTBOUND,
            trunk=trunk,
            caller_number=caller_id,
            called_number=target,
            sip_call_id="fake@edge",
        )

    def alert(self) -> None:
        self._put(LegRinging())

    def pick_up(self) -> None:
        loop = asyncio.get_running_loop()
        self.answered_at_s = loop.time()
        self._put(LegAnswered())
        self._put(LegMediaStarted(self._codec))
        self._ticker = loop.call_later(0.02, self._tick)

    def refuse(self, sip_status: int) -> None:
        self._end(LegEnded(unanswered_cause(sip_status), sip_status, "refused"))

    def hang_up_by_callee(self) -> None:
        self._end(LegEnded(EndCause.CALLEE_HANGUP, 200, "Normal call clearing"))


class FakeSwitch:
    """``failure`` is raised by the next ``place``."""

    def __init__(self) -> None:
        self.legs: list[OutsideLeg] = []
        self.joined: list[tuple[Leg, Leg]] = []
        self.failure: TrunklineError | None = None
        self._changed = asyncio.Event()

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
        if self.failure is not None:
            raise self.failure
        leg = OutsideLeg(target, trunk, sample_rate_hz, caller_id)
        self.legs.append(leg)
        self._changed.set()
        return leg

    async def join(self, one: Leg, other: Leg) -> None:
        self.joined.append((one, other))

    async def placed(self, number: int, deadline_s: float = 60) -> OutsideLeg:
        """The leg that was placed as the ``number``-th, once it is."""
        async with asyncio.timeout(deadline_s):
            while len(self.legs) < number:
                self._changed.clear()
                await self._changed.wait()
        return self.legs[number - 1]
