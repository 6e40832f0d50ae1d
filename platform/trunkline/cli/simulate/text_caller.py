"""The caller of a text call: waits for its turn, and does what the simulation says."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final

from trunkline.cli.simulate.judge import TurnDone
from trunkline.cli.simulate.simulation import (
    Backchannel,
    CallerTurn,
    Cough,
    HangUp,
    Keys,
    Mumble,
    Outbound,
    Say,
    Silence,
    Simulation,
    Trouble,
)
from trunkline.cli.simulate.text_engine import TextEndpoint
from trunkline.cli.simulate.text_leg import TextLeg
from trunkline.cli.simulate.text_speech import BEEP_MS, beep, hum, thump, timed_words

KEY_S: Final = 0.2
_PAUSE_MS: Final = 800  # of the agent's, after which it is the caller's turn
_COUGH_MS: Final = 260
_ONSET_S: Final = 0.16
_LIFT_S: Final = 0.4


class TextCaller:
    def __init__(
        self,
        simulation: Simulation,
        leg: TextLeg,
        endpoint: TextEndpoint,
        is_being_served: Callable[[], bool],
    ) -> None:
        self._simulation = simulation
        self._leg = leg
        self._endpoint = endpoint
        self._is_being_served = is_being_served
        self._ended_speaking_ms: int | None = None
        self._busy_until_ms = 0
        self.done: list[TurnDone] = []

    async def run(self) -> None:
        await self._leg.answered.wait()
        if self._simulation.outbound is not None:
            await self._answer_phone(self._simulation.outbound)
        for turn in self._simulation.turns:
            await self._wait_for_turn(turn)
            if self._leg.ended is not None:
                return
            self.done.append(TurnDone(turn, self._leg.now_ms))
            self._leg.forget_agent()
            self._ended_speaking_ms = None
            await self._act(turn)
            if turn.takes_floor:
                self._ended_speaking_ms = self._leg.now_ms
            if isinstance(turn.act, Say):
                self._leg.forget_agent()  # what it said until it was cut is no answer
        await self._agent_has_finished()
        # Whoever answers a goodbye hangs up; give it the time to do so.
        await self._pass(2.0)
        self._leg.hang_up_by_caller()

    async def _answer_phone(self, outbound: Outbound) -> None:
        """Whoever is called speaks first; a machine goes on until its beep."""
        await self._pass(_LIFT_S)
        if outbound.greeting:
            await self._say(Say((outbound.greeting,)))
        if outbound.beeps:
            await self._pass(_LIFT_S)
            self._leg.forget_agent()
            self._leg.say(beep())
            await self._pass(BEEP_MS / 1000)

    async def _wait_for_turn(self, turn: CallerTurn) -> None:
        if isinstance(turn.act, Trouble) or turn.after_s is None:
            await self._agent_has_finished()
        else:
            await self._until(lambda: self._leg.agent_began_ms is not None, self._answer_ms)
            began_ms = self._leg.agent_began_ms
            if began_ms is None:
                began_ms = self._leg.now_ms
            until_ms = began_ms + turn.after_s * 1000
            await self._until(lambda: self._leg.now_ms >= until_ms, turn.after_s * 1000 + 100)
        self._settle()

    @property
    def _answer_ms(self) -> float:
        return self._simulation.answer_within_s * 1000

    async def _agent_has_finished(self) -> None:
        """The agent has answered what was said last, and is silent now."""
        await self._until(self._is_our_turn, self._answer_ms)
        self._settle()

    def _settle(self) -> None:
        """Note how the turn before was answered."""
        if self.done and self._ended_speaking_ms is not None:
            last, leg = self.done[-1], self._leg
            if leg.agent_began_ms is not None:
                took_ms = max(leg.agent_began_ms - self._ended_speaking_ms, 0)
                self.done[-1] = TurnDone(last.turn, last.at_ms, True, took_ms)
            elif leg.ended is None:
                self.done[-1] = TurnDone(last.turn, last.at_ms, False)
            self._ended_speaking_ms = None

    def _is_our_turn(self) -> bool:
        leg = self._leg
        if leg.agent_last_ms is None:
            return False
        if self._is_busy():
            self._busy_until_ms = leg.now_ms  # and then it has something to say about it
            return False
        quiet_since_ms = max(leg.agent_last_ms, self._busy_until_ms)
        return leg.queued_samples() == 0 and leg.now_ms - quiet_since_ms >= _PAUSE_MS

    def _is_busy(self) -> bool:
        answering = self._endpoint.session.is_answering
        return self._is_being_served() or answering or self._leg.is_referring

    async def _until(self, condition: Callable[[], bool], deadline_ms: float) -> None:
        """Wait on the call's clock; what keeps the agent busy stops it."""
        waited_ms, before_ms = 0.0, self._leg.now_ms
        while self._leg.ended is None and not condition() and waited_ms < deadline_ms:
            await self._leg.tick()
            now_ms = self._leg.now_ms
            is_talking = self._leg.queued_samples() > 0
            if not (is_talking or self._leg.is_referring or self._is_being_served()):
                waited_ms += now_ms - before_ms
            before_ms = now_ms

    async def _pass(self, seconds: float) -> None:
        until_ms = self._leg.now_ms + seconds * 1000
        while self._leg.ended is None and self._leg.now_ms < until_ms:
            await self._leg.tick()

    # ---- acts ----------------------------------------------------------------------------------

    async def _act(self, turn: CallerTurn) -> None:
        match turn.act:
            case Say() as say:
                await self._say(say)
            case Backchannel(text):
                await self._say(Say((text,)))
            case Mumble(seconds):
                await self._mumble(seconds)
            case Cough():
                self._leg.say(thump(_COUGH_MS))
                await self._pass(_COUGH_MS / 1000)
            case Keys(digits):
                for digit in digits:
                    self._leg.forget_agent()  # an answer may come with the last one
                    self._leg.press(digit)
                    await self._pass(KEY_S)
            case Silence(seconds):
                await self._pass(seconds)
            case HangUp():
                self._leg.hang_up_by_caller()
            case Trouble(kind):
                self._endpoint.trouble(kind)

    async def _say(self, say: Say) -> None:
        """Words as they fall; a pause longer than the hangover makes two utterances of it."""
        for place, part in enumerate(say.parts):
            if not isinstance(part, str):
                continue
            marks, length_ms = timed_words(part)
            self._leg.say(hum(marks[-1].end_ms if marks else length_ms))
            await self._pass(_ONSET_S)
            self._endpoint.session.voice_began(say.confidence)
            spoken_ms = _ONSET_S * 1000
            for mark in marks:
                await self._pass(max(mark.end_ms - spoken_ms, 0) / 1000)
                spoken_ms = max(mark.end_ms, spoken_ms)
                self._endpoint.session.word(mark.text)
            pause = say.parts[place + 1] if place + 1 < len(say.parts) else None
            pause_s = float(pause) if isinstance(pause, float | int) else 0.0
            hangover_s = self._endpoint.session.hangover_ms / 1000
            is_last = place + 1 >= len(say.parts) or place + 2 == len(say.parts) and pause_s > 0
            if is_last or pause_s >= hangover_s:
                self._commit_after(hangover_s, is_rejected=False)
            if pause_s:
                await self._pass(pause_s)

    async def _mumble(self, seconds: float) -> None:
        self._leg.say(hum(round(seconds * 1000)))
        await self._pass(_ONSET_S)
        self._endpoint.session.voice_began(0.1)
        await self._pass(max(seconds - _ONSET_S, 0))
        self._commit_after(self._endpoint.session.hangover_ms / 1000, is_rejected=True)

    def _commit_after(self, hangover_s: float, *, is_rejected: bool) -> None:
        session = self._endpoint.session
        asyncio.get_running_loop().call_later(hangover_s, session.voice_ended, is_rejected)
