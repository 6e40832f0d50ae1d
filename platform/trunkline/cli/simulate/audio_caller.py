"""The caller of an audio call: real sound over a real leg, and what the simulation says, in turn.

It hears no more than a caller does, but for one thing: it is told while the agent is busy with a
tool or a transfer, so that a silence in which something is being done is not taken for its turn.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from typing import Final

from trunkline.cli.simulate.audio_line import AudioLine
from trunkline.cli.simulate.audio_voice import CallerSounds
from trunkline.cli.simulate.judge import TurnDone
from trunkline.cli.simulate.simulation import (
    CallerTurn,
    CallTaker,
    HangUp,
    Keys,
    Outbound,
    Silence,
    Simulation,
)
from trunkline.domain.call import EndCause
from trunkline.domain.errors import TrunkError
from trunkline.domain.leg import Leg, LegEnded, LegMediaStarted
from trunkline.runtime.supervision import until_first_done

_MEDIA_S: Final = 15.0
_RINGS_S: Final = 60.0
_LONGEST_WAIT_S: Final = 180.0
_LAST_WORDS_S: Final = 3.0


class AudioCaller:
    """``is_busy`` tells whether the agent is; ``done`` is what was done of the simulation.

    ``zero_ms`` is when the call was answered, on the line's clock: turns are told from there.
    """

    def __init__(
        self,
        simulation: Simulation,
        leg: Leg,
        sounds: CallerSounds,
        is_busy: Callable[[], bool],
    ) -> None:
        self._simulation = simulation
        self._leg = leg
        self._sounds = sounds
        self._is_busy = is_busy
        self._line = AudioLine(leg, sounds.background, simulation.line.snr_db)
        self._media = asyncio.Event()
        self._spoke_ms = 0  # when we last contributed; the agent's next words answer that
        self._busy_ms = 0  # when the agent was busy last: what comes of it is still to be said
        self._owed_since_ms: int | None = None
        self.done: list[TurnDone] = []
        self.sip_status: int | None = None
        self.is_answered = False
        self.is_stalled = False

    async def run(self) -> None:
        """Returns when the call is over, by whomever it is ended."""
        if self._simulation.outbound is not None:
            await self._lift_phone(self._simulation.outbound)
        await until_first_done(events=self._follow(), talk=self._talk())
        await self._leg.hang_up(EndCause.CALLER_HANGUP)

    async def _lift_phone(self, outbound: Outbound) -> None:
        """Let it ring, and take the call or refuse it; nobody there lets it ring on."""
        with suppress(TrunkError):
            await self._leg.ring()
            if outbound.answers is CallTaker.NO_ANSWER:
                return
            await asyncio.sleep(outbound.rings_s)
            if outbound.answers.answers:
                await self._leg.answer()
            else:
                status = outbound.answers.sip_status
                await self._leg.hang_up(EndCause.REJECTED, sip_status=status)

    async def _follow(self) -> None:
        async for event in self._leg.events():
            match event:
                case LegMediaStarted():
                    self.is_answered = True
                    self._media.set()
                case LegEnded(sip_status=status):
                    self.sip_status = status
                    self._line.over()
                    self._media.set()
                    return
                case _:
                    pass

    async def _talk(self) -> None:
        try:
            async with asyncio.timeout(_MEDIA_S if self._simulation.outbound is None else _RINGS_S):
                await self._media.wait()
        except TimeoutError:
            return
        if not self.is_answered:
            return
        self._leg.listen(self._line)
        if self._sounds.opening is not None:  # whoever is called speaks first
            self._line.say(self._sounds.opening)
            await self._spoken()
            self._spoke_ms = self._line.ended_ms
        for number, turn in enumerate(self._simulation.turns):
            await self._wait_for_turn(turn, self._sounds.reactions_s[number])
            if self._line.is_over:
                return
            self._line.snr_db = self._simulation.line.snr_db if turn.snr_db is None else turn.snr_db
            await self._act(number, turn)
        await self._agent_has_finished()
        # Whoever answers a goodbye hangs up; give it the time to do so, and to go on if it does.
        await self._until(self._is_silent_for_good)

    # ---- whose turn it is ----------------------------------------------------------------------

    async def _wait_for_turn(self, turn: CallerTurn, reaction_s: float) -> None:
        if turn.after_s is None:
            await self._agent_has_finished()
            await self._pass(reaction_s)
            return
        await self._until(lambda: self._agent_began_ms() is not None)
        began_ms = self._agent_began_ms()
        self._settle()
        if began_ms is not None:
            await self._pass((began_ms + turn.after_s * 1000 - self._line.now_ms) / 1000)

    async def _agent_has_finished(self) -> None:
        await self._until(self._is_our_turn)
        self._settle()

    def _is_our_turn(self) -> bool:
        """The agent has spoken since we did, and has been silent and idle for a while."""
        watch = self._line.watch
        if self._is_busy():
            self._busy_ms = watch.now_ms
        return (
            watch.last_loud_ms > self._spoke_ms
            and not watch.is_speaking
            and watch.silent_for_ms >= watch.pause_ms
            and watch.now_ms - self._busy_ms >= watch.pause_ms
        )

    def _is_silent_for_good(self) -> bool:
        watch = self._line.watch
        return self._is_our_turn() and min(
            watch.silent_for_ms, watch.now_ms - self._busy_ms
        ) >= round(_LAST_WORDS_S * 1000)

    def _agent_began_ms(self) -> int | None:
        return self._line.agent_began_after(self._spoke_ms)

    def _settle(self) -> None:
        """Note how the turn before was answered."""
        owed_ms, self._owed_since_ms = self._owed_since_ms, None
        if owed_ms is None or not self.done:
            return
        last, began_ms = self.done[-1], self._agent_began_ms()
        if began_ms is not None:
            took_ms = max(began_ms - owed_ms, 0)
            self.done[-1] = TurnDone(last.turn, last.at_ms, True, took_ms)
        elif not self._line.is_over:
            self.done[-1] = TurnDone(last.turn, last.at_ms, False)

    async def _until(self, condition: Callable[[], bool]) -> None:
        """Wait on the line's clock; while the agent speaks or is busy its time does not run out."""
        waited_ms, before_ms = 0, self._line.now_ms
        deadline_ms = self._simulation.answer_within_s * 1000
        try:
            # A wall-clock bound too, in case the media stops altogether.
            async with asyncio.timeout(_LONGEST_WAIT_S):
                while not (self._line.is_over or condition() or waited_ms >= deadline_ms):
                    await self._line.tick()
                    now_ms = self._line.now_ms
                    if not (self._line.watch.is_speaking or self._is_busy()):
                        waited_ms += now_ms - before_ms
                    before_ms = now_ms
        except TimeoutError:
            self.is_stalled = True
            self._line.over()

    async def _pass(self, seconds: float) -> None:
        until_ms = self._line.now_ms + seconds * 1000
        with suppress(TimeoutError):
            async with asyncio.timeout(max(seconds, 0) + 5):
                while not self._line.is_over and self._line.now_ms < until_ms:
                    await self._line.tick()

    # ---- acts ----------------------------------------------------------------------------------

    async def _act(self, number: int, turn: CallerTurn) -> None:
        line = self._line
        self.done.append(TurnDone(turn, line.now_ms))
        sound = self._sounds.turns[number]
        if sound is not None:
            line.say(sound)
            await self._spoken()
            self.done[-1] = TurnDone(turn, line.began_ms)
            if turn.takes_floor:
                self._spoke_ms = self._owed_since_ms = line.ended_ms
            return
        match turn.act:
            case Keys(digits):
                # An answer may come with the last digit, but never before the first.
                self._spoke_ms = line.now_ms
                with suppress(TrunkError):
                    await self._leg.send_digits(digits)
                self._owed_since_ms = line.now_ms
            case Silence(seconds):
                self._spoke_ms = line.now_ms
                await self._pass(seconds)
            case HangUp():
                await self._leg.hang_up(EndCause.CALLER_HANGUP)
                await self._pass(1.0)
            case _:
                pass

    async def _spoken(self) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(_LONGEST_WAIT_S):
                while self._line.is_speaking and not self._line.is_over:
                    await self._line.tick()
