"""A second leg to a human: dialled, briefed, asked, and joined to the caller by our own bridge.

``Consulting.run`` carries out what the table in ``consultation.py`` says. The leg belongs to the
call: whatever ends the call ends it too (``calls.winding_up``).
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import TYPE_CHECKING, Final

from trunkline.calls.consultation import (
    Answered,
    Briefed,
    Consultation,
    ConsultationEvent,
    ConsultationStage,
    LegOver,
    Rang,
    TimedOut,
    key,
)
from trunkline.calls.greeter import Greeter
from trunkline.calls.house_lines import house_lines
from trunkline.calls.other_party import OtherParty, play
from trunkline.domain.call import EndCause
from trunkline.domain.errors import EngineError, Forbidden, Invalid, TrunkError, TrunklineError
from trunkline.domain.leg import Leg, LegAnswered, LegDigit, LegEnded, LegEvent, LegRinging
from trunkline.runtime.logging import get_logger

if TYPE_CHECKING:
    from trunkline.calls.session import CallSession

log = get_logger(__name__)

_LINE_S: Final = 8.0  # for a line to be rendered, most of it while the phone rings
_LONGEST_BRIEFING_S: Final = 90.0
_ASK_AGAIN_S: Final = 6.0
_KEY_WAIT_S: Final = 15.0
_INBOX: Final = 64  # a human's events in one consultation; keys beyond it are lost
_NO_TRUNK: Final = 503
_FORBIDDEN: Final = 403
_NO_CALLER: Final = 487


class Consulting:
    """One human, asked once. ``noted`` hears every new stage with the SIP status that made it.

    ``before_join`` is awaited once they have taken the caller; False: there is none to give any
    more. With ``hand_back_key`` they leave the caller by that key as well as by hanging up.
    """

    def __init__(
        self,
        call: CallSession,
        target: str,
        *,
        briefing: str = "",
        ring_ms: int,
        needs_key: bool = False,
        detects_machine: bool = False,
        hand_back_key: str = "",
        before_join: Callable[[], Awaitable[bool]] | None = None,
        noted: Callable[[Consultation], None] = lambda _: None,
    ) -> None:
        self._call = call
        self._hand_back_key = hand_back_key
        self._before_join = before_join
        self._target = target
        self._briefing = briefing
        self._ring_s = ring_ms / 1000
        self._noted = noted
        self._now = Consultation(needs_key)
        self._inbox: asyncio.Queue[ConsultationEvent] = asyncio.Queue(_INBOX)
        self._is_over = asyncio.Event()
        self._leg: Leg | None = None
        self._party = OtherParty(call.leg.format)
        self._greeter = Greeter(call.leg.format, self._tell) if detects_machine else None
        self.is_impossible = False  # no dial plan and no trunk leads there

    @property
    def leg(self) -> Leg | None:
        """The human's, once they have been dialled."""
        return self._leg

    @property
    def now(self) -> Consultation:
        return self._now

    @property
    def is_picked_up(self) -> bool:
        """They have answered, and it is open whether they take the caller."""
        return self._now.stage in (ConsultationStage.BRIEFING, ConsultationStage.ASKING)

    async def run(self) -> Consultation:
        """Until the human is joined to the caller, or will not be."""
        call = self._call
        try:
            leg = self._leg = await call.edge.switch.place(
                self._target,
                trunk=call.leg.description.trunk,
                sample_rate_hz=call.leg.format.sample_rate_hz,
            )
        except TrunklineError as exc:
            log.warning("a human could not be dialled", call_id=call.call_id, code=exc.code)
            self.is_impossible = _is_lasting(exc)
            return self._settle(LegOver(_status_of(exc)))
        call.beside.add(leg)
        leg.listen(self._party)
        call.spawn(self._follow(leg), "human-events")
        settled = await self._consult(leg)
        if settled.is_joined:
            settled = await self._join(leg)
        if not settled.is_joined:
            await self.hang_up()
        return settled

    async def _consult(self, leg: Leg) -> Consultation:
        """Walk the table; the lines for the human are rendered while their phone rings."""
        async with asyncio.TaskGroup() as tasks:
            lines = tasks.create_task(self._render(), name="render-briefing")
            speaking: asyncio.Task[None] | None = None
            clock = asyncio.get_running_loop().time
            until_s = clock() + self._ring_s
            while not self._now.is_settled:
                before = self._now.stage
                self._settle(await self._next(until_s))
                match self._now.stage:
                    case ConsultationStage.BRIEFING if before is not ConsultationStage.BRIEFING:
                        until_s = clock() + _LONGEST_BRIEFING_S
                        self._party.before = self._greeter
                        speaking = tasks.create_task(self._brief(leg, lines), name="brief")
                    case ConsultationStage.ASKING if before is not ConsultationStage.ASKING:
                        until_s = clock() + _KEY_WAIT_S
                    case _:
                        pass
            for task in (lines, speaking):
                if task is not None:
                    task.cancel()
        leg.flush()
        return self._now

    async def _next(self, until_s: float) -> ConsultationEvent:
        try:
            async with asyncio.timeout_at(until_s):
                return await self._inbox.get()
        except TimeoutError:
            return TimedOut()

    def _settle(self, event: ConsultationEvent) -> Consultation:
        before, self._now = self._now, self._now.after(event)
        if self._now != before:
            self._noted(self._now)
        return self._now

    async def _join(self, leg: Leg) -> Consultation:
        call = self._call
        if self._before_join is not None and not await self._before_join():
            return Consultation().after(LegOver(_NO_CALLER))
        try:
            await call.edge.switch.join(call.leg, leg)
        except TrunklineError as exc:
            log.warning("two legs could not be joined", call_id=call.call_id, code=exc.code)
            return Consultation().after(LegOver(_status_of(exc)))
        self._party.begin()
        call.bridge.beside = self._party
        return self._now

    async def hang_up(self) -> None:
        """CANCEL or BYE; the caller stays."""
        leg, call = self._leg, self._call
        if leg is not None:
            with suppress(TrunklineError):
                await leg.hang_up(EndCause.AGENT_HANGUP)
            call.beside.discard(leg)

    def leave(self) -> None:
        """They are not heard any more: the caller is somebody else's again."""
        self._call.bridge.beside = None

    async def over(self) -> None:
        """Wait until the human has hung up."""
        await self._is_over.wait()

    async def pass_on(self, digit: str) -> None:
        """A key of the caller's, for the human's phone: the bridge carries audio only."""
        if self._leg is not None:
            with suppress(TrunklineError):
                await self._leg.send_digits(digit)

    # ---- the human -----------------------------------------------------------------------------

    async def _follow(self, leg: Leg) -> None:
        async for event in leg.events():
            self._call.record.note("human_leg", name=type(event).__name__)
            if self._now.is_joined and isinstance(event, LegDigit):
                if event.digit == self._hand_back_key:
                    break
                with suppress(TrunklineError):
                    await self._call.leg.send_digits(event.digit)
                continue
            told = _told(event)
            if told is not None:
                self._tell(told)
        self._is_over.set()

    def _tell(self, event: ConsultationEvent) -> None:
        if not self._inbox.full():
            self._inbox.put_nowait(event)

    async def _render(self) -> tuple[bytes, bytes]:
        """The briefing and the question, as audio; empty where there is none to be had."""
        asks = house_lines(self._call.dialogue.agent.language).press_one
        briefing = await self._line(self._briefing, keep=False)
        return briefing, await self._line(asks if self._now.needs_key else "", keep=True)

    async def _line(self, text: str, *, keep: bool) -> bytes:
        if not text:
            return b""
        call = self._call
        pcm = bytearray()
        try:
            async with asyncio.timeout(_LINE_S):
                line = call.dialogue.voice.line(text)
                async for piece in call.edge.cache.stream(line, keep=keep):
                    pcm += piece.pcm
        except (EngineError, TimeoutError):
            log.warning("a briefing could not be rendered", call_id=call.call_id)
        return bytes(pcm)

    async def _brief(self, leg: Leg, lines: asyncio.Task[tuple[bytes, bytes]]) -> None:
        """Speak the briefing, then the question, which is asked twice."""
        briefing, question = await lines
        await play(leg, briefing)
        await play(leg, question)
        if self._greeter is not None:
            await self._greeter.known()
        await self._inbox.put(Briefed())
        await asyncio.sleep(_ASK_AGAIN_S)
        await play(leg, question)


def _told(event: LegEvent) -> ConsultationEvent | None:
    match event:
        case LegRinging():
            return Rang()
        case LegAnswered():
            return Answered()
        case LegDigit(digit):
            return key(digit)
        case LegEnded(_, sip_status, _):
            return LegOver(sip_status)
        case _:
            return None


def _status_of(exc: TrunklineError) -> int:
    if isinstance(exc, Forbidden):
        return _FORBIDDEN
    return (exc.sip_status if isinstance(exc, TrunkError) else None) or _NO_TRUNK


def _is_lasting(exc: TrunklineError) -> bool:
    """Whether it would be refused again: by the dial plan, for its form, for want of a trunk."""
    if isinstance(exc, TrunkError):
        return exc.sip_status is not None
    return isinstance(exc, Forbidden | Invalid)
