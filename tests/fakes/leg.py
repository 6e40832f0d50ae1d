"""A caller on a line, for tests: the domain's Leg with a ring that obeys the C++ port's rules.

    leg = FakeLeg()                       # 8 kHz; FakeLeg(rate_hz=24000) for wideband
    leg.say(voiced(600))                  # what the caller says next
    await leg.until(lambda: leg.has_heard(1000))
    leg.press("4"); leg.hold_by_caller(); leg.hang_up_by_caller()

The clock ticks every 20 ms of loop time from the answer on (``tests.fakes.virtual_time``). ``sent``
is every agent frame as it went out; ``consumed`` every sample the ring gave up to be played, whole
and unfaded: what was written and never flushed must be exactly that.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from trunkline.cli.simulate.memory_leg import MemoryLeg
from trunkline.domain.call import Direction, EndCause
from trunkline.domain.errors import TrunkError
from trunkline.domain.ids import new_leg_id
from trunkline.domain.leg import (
    LegDescription,
    LegDigit,
    LegEnded,
    LegHeld,
    LegMediaStarted,
    LegStats,
    LegTransferProgress,
    LegUnheld,
)

FADE_MS = 5
CAPACITY_MS = 2000


class FakeLeg(MemoryLeg):
    def __init__(self, *, rate_hz: int = 8000, codec: str = "PCMU/8000") -> None:
        description = LegDescription(
            leg_id=new_leg_id(),
            direction=Direction.INBOUND,
            trunk="local",
            caller_number="+442071230000",
            called_number="100",
            sip_call_id="fake@caller",
        )
        super().__init__(description, rate_hz, codec)
        self._ring = bytearray()
        self._was_paused = False
        self._packets = 0
        self.is_media_silent = False  # no RTP comes any more
        self.refuses_answer = False
        self.answers_bye = True
        self.answered_at_s: float | None = None
        self.is_ringing = False
        self.sent: list[bytes] = []
        self.consumed = bytearray()
        self.written = bytearray()
        self.pauses: list[int] = []  # the tick at which each pause was asked for
        self.resumes: list[int] = []
        self.flushes: list[int] = []
        self.is_owed = False
        self.clip_after_ms = 1500
        self.hang_ups: list[tuple[EndCause, int | None]] = []

    # ---- what a test does ----------------------------------------------------------------------

    @property
    def ticks(self) -> int:
        return len(self.sent)

    @property
    def is_caller_done(self) -> bool:
        return not self._caller

    def has_heard(self, ms: int) -> bool:
        """At least so much agent audio was played."""
        return self.played_samples() >= self._format.ms_to_samples(ms)

    async def until(self, condition: Callable[[], bool], deadline_s: float = 60) -> None:
        """Wait for a condition, looked at every tick."""
        async with asyncio.timeout(deadline_s):
            while not condition():
                self._changed.clear()
                await self._changed.wait()

    def press(self, digits: str) -> None:
        for digit in digits:
            self._put(LegDigit(digit, 100))

    def hold_by_caller(self) -> None:
        self._put(LegHeld())

    def unhold_by_caller(self) -> None:
        self._put(LegUnheld())

    def progress(self, sip_status: int, *, is_final: bool) -> None:
        self._put(LegTransferProgress(sip_status, "", is_final))

    def hang_up_by_caller(self) -> None:
        cause = EndCause.CALLER_CANCELLED if self.answered_at_s is None else EndCause.CALLER_HANGUP
        self._end(LegEnded(cause, 200, "Normal call clearing"))

    # ---- the leg -------------------------------------------------------------------------------

    async def ring(self) -> None:
        self._must_live()
        self.is_ringing = True

    async def answer(self) -> None:
        self._must_live()
        if self.refuses_answer:
            raise TrunkError("the transaction is gone", sip_status=487)
        loop = asyncio.get_running_loop()
        self.answered_at_s = loop.time()
        self._put(LegMediaStarted(self._codec))
        self._ticker = loop.call_later(0.02, self._tick)

    async def hang_up(self, cause: EndCause, *, sip_status: int | None = None) -> None:
        if self.ended is not None:
            return
        self.hang_ups.append((cause, sip_status))
        if self.answers_bye:
            self._end(LegEnded(cause, sip_status))
        else:
            self._stop()

    def stats(self) -> LegStats:
        return LegStats(rx_packets=self._packets, tx_packets=len(self.sent), rtt_ms=20.0)

    # ---- the ring ------------------------------------------------------------------------------

    def write(self, pcm: bytes) -> int:
        room = self._format.ms_to_samples(CAPACITY_MS) * 2 - len(self._ring)
        taken = pcm[: max(room, 0)]
        self._ring += taken
        self.written += taken
        return len(taken)

    def queued_samples(self) -> int:
        return len(self._ring) // 2

    def played_samples(self) -> int:
        return len(self.consumed) // 2

    def pause(self) -> None:
        self._is_paused = True
        self.pauses.append(self.ticks)

    def resume(self) -> None:
        self._is_paused = False
        self.resumes.append(self.ticks)

    def flush(self) -> None:
        self.flushes.append(self.ticks)
        self._ring.clear()

    def owe_speech(self, owed: bool, *, clip_after_ms: int = 1500) -> None:
        self.is_owed = owed
        self.clip_after_ms = clip_after_ms

    def _take(self, samples: int) -> bytes:
        taken = bytes(self._ring[: samples * 2])
        del self._ring[: len(taken)]
        self.consumed += taken
        return taken

    def _agent_frame(self) -> bytes:
        size = self._format.bytes_per_frame
        if not self._is_paused:
            frame = self._take(self._format.samples_per_frame)
        elif not self._was_paused:
            frame = self._take(self._format.ms_to_samples(FADE_MS))  # faded out in the real port
        else:
            frame = b""
        self._was_paused = self._is_paused
        return frame + bytes(size - len(frame))

    def _tick(self) -> None:
        size = self._format.bytes_per_frame
        self._ticker = asyncio.get_running_loop().call_later(0.02, self._tick)
        agent = self._agent_frame()
        caller = bytes(self._caller[:size])
        del self._caller[:size]
        self.sent.append(agent)
        self._packets += not self.is_media_silent
        if self._sink is not None:
            self._sink(caller + bytes(size - len(caller)) + agent)
        self._changed.set()
