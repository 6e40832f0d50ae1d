"""The line of a text call: the domain's Leg on virtual time, its ring counted in samples only."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Final

from trunkline.cli.simulate.memory_leg import MemoryLeg
from trunkline.cli.simulate.simulation import Human, TransferOutcome
from trunkline.domain.audio import PTIME_MS
from trunkline.domain.call import Direction, EndCause
from trunkline.domain.ids import new_leg_id
from trunkline.domain.leg import (
    LegAnswered,
    LegDescription,
    LegDigit,
    LegEnded,
    LegMediaStarted,
    LegRinging,
    LegStats,
    LegTransferProgress,
)
from trunkline.domain.refusals import unanswered_cause

RATE_HZ: Final = 8000
CODEC: Final = "PCMU/8000"
_CAPACITY_MS: Final = 2000
_BUSY_FRAMES: Final = 2
_IDLE_FRAMES: Final = 5  # the caller is silent: longer ticks, less work


class Humans:
    """Whom transfers and queues reach, in order; the last one stays."""

    def __init__(self, humans: Sequence[Human]) -> None:
        self._humans = list(humans)

    def next(self) -> Human:
        return self._humans.pop(0) if len(self._humans) > 1 else self._humans[0]


class TextLeg(MemoryLeg):
    """``say`` queues caller audio; ``agent_began_ms`` and ``agent_last_ms`` tell when the agent
    was heard, on the leg's own clock from the answer."""

    def __init__(
        self,
        caller_number: str,
        called_number: str,
        humans: Humans,
        *,
        direction: Direction = Direction.INBOUND,
        rate_hz: int = RATE_HZ,
    ) -> None:
        description = LegDescription(
            leg_id=new_leg_id(),
            direction=direction,
            trunk="local",
            caller_number=caller_number,
            called_number=called_number,
            sip_call_id="simulated",
        )
        super().__init__(description, rate_hz, CODEC)
        self._humans = humans
        self._queued = 0
        self._played = 0
        self._frames = 0
        self.answered = asyncio.Event()
        self.agent_began_ms: int | None = None  # since the caller's last contribution
        self.agent_last_ms: int | None = None
        self.is_referring = False
        self.hung_up_by_us = False

    # ---- the caller's side ---------------------------------------------------------------------

    @property
    def now_ms(self) -> int:
        return self._frames * PTIME_MS

    @property
    def is_caller_speaking(self) -> bool:
        return bool(self._caller)

    def forget_agent(self) -> None:
        """What the agent says from now on is its next answer."""
        self.agent_began_ms = self.agent_last_ms = None

    def press(self, digit: str) -> None:
        self._put(LegDigit(digit, 100))

    def hang_up_by_caller(self) -> None:
        cause = EndCause.CALLER_HANGUP if self.answered.is_set() else EndCause.CALLER_CANCELLED
        if self._description.direction is Direction.OUTBOUND:
            cause = EndCause.CALLEE_HANGUP
        self._end(LegEnded(cause, 200, "Normal call clearing"))

    def alert(self) -> None:
        """The phone of whoever the agent calls rings."""
        self._put(LegRinging())

    def pick_up(self) -> None:
        self._put(LegAnswered())
        self._begin()

    def refuse(self, sip_status: int) -> None:
        self._end(LegEnded(unanswered_cause(sip_status), sip_status, "as the simulation says"))

    async def tick(self) -> None:
        """Wait for the next tick, or the end of the call."""
        if self.ended is None:
            self._changed.clear()
            await self._changed.wait()

    def _stop(self) -> None:
        super()._stop()
        self.answered.set()

    # ---- the leg -------------------------------------------------------------------------------

    async def ring(self) -> None:
        self._must_live()

    async def answer(self) -> None:
        self._must_live()
        self._begin()

    def _begin(self) -> None:
        if self.ended is None:
            self._put(LegMediaStarted(CODEC))
            self._schedule(_BUSY_FRAMES)
            self.answered.set()

    async def hang_up(self, cause: EndCause, *, sip_status: int | None = None) -> None:
        if self.ended is None:
            self.hung_up_by_us = True
            self._end(LegEnded(cause, sip_status))

    async def refer(self, target_uri: str) -> None:
        """The target rings for a while and then does what the simulation says."""
        await super().refer(target_uri)
        human = self._humans.next()
        self.is_referring = True
        self._put(LegTransferProgress(180, "Ringing", is_final=False))
        loop = asyncio.get_running_loop()
        loop.call_later(human.rings_s, self._refer_ended, human.outcome)

    def _refer_ended(self, outcome: TransferOutcome) -> None:
        self.is_referring = False
        self.forget_agent()  # it speaks again when nobody took the call
        self._put(LegTransferProgress(outcome.sip_status, outcome.value, is_final=True))

    def stats(self) -> LegStats:
        return LegStats(rx_packets=self._frames, tx_packets=self._frames)

    # ---- the ring ------------------------------------------------------------------------------

    def write(self, pcm: bytes) -> int:
        room = self._format.ms_to_samples(_CAPACITY_MS) - self._queued
        samples = min(len(pcm) // 2, max(room, 0))
        self._queued += samples
        return samples * 2

    def queued_samples(self) -> int:
        return self._queued

    def played_samples(self) -> int:
        return self._played

    def pause(self) -> None:
        self._is_paused = True

    def resume(self) -> None:
        self._is_paused = False

    def flush(self) -> None:
        self._queued = 0

    def owe_speech(self, owed: bool, *, clip_after_ms: int = 1500) -> None:
        pass

    def _schedule(self, frames: int) -> None:
        delay_s = frames * PTIME_MS / 1000
        self._ticker = asyncio.get_running_loop().call_later(delay_s, self._tick, frames)

    def _tick(self, frames: int) -> None:
        samples = frames * self._format.samples_per_frame
        if not self._is_paused and self._queued:
            if self.agent_began_ms is None:
                self.agent_began_ms = self.now_ms
            played = min(self._queued, samples)
            self._queued -= played
            self._played += played
            self.agent_last_ms = self.now_ms + self._format.samples_to_ms(played)
        self._frames += frames
        caller = bytes(self._caller[: samples * 2])
        del self._caller[: samples * 2]
        if self._sink is not None:
            self._sink(_pairs(caller, frames, self._format.bytes_per_frame))
        if self.ended is None:
            self._schedule(_BUSY_FRAMES if self._caller else _IDLE_FRAMES)
        self._changed.set()


def _pairs(caller: bytes, frames: int, size: int) -> bytes:
    if not caller:
        return bytes(2 * size * frames)
    caller += bytes(size * frames - len(caller))
    silent = bytes(size)
    return b"".join(caller[at : at + size] + silent for at in range(0, size * frames, size))
