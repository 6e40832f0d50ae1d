"""The caller away from the agent: transferred, in a queue, joined to a human; and taken back.

While away nobody listens to the caller's words: the dialogue is suspended, and the caller hears the
agent's lines, music or a human.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

from trunkline.calls.consultation import Consultation, ConsultationStage, cause_of
from trunkline.calls.holding import HoldMusic
from trunkline.calls.queueing import Queueing
from trunkline.calls.transfer import TransferAttempt
from trunkline.calls.turn_events import Suspended
from trunkline.calls.warm_transfer import Consulting
from trunkline.domain.call import (
    Dequeued,
    EndCause,
    Enqueued,
    Joined,
    TransferFailed,
    TransferStarted,
)
from trunkline.domain.events import TransferAttempted
from trunkline.domain.leg import LegTransferProgress
from trunkline.flows.actions import (
    Enqueue,
    QueueFinished,
    QueueOutcome,
    Transfer,
    TransferFinished,
    TransferMode,
)
from trunkline.runtime.logging import get_logger

if TYPE_CHECKING:
    from trunkline.calls.session import CallSession

log = get_logger(__name__)

_LAST_WORDS_S: Final = 30.0
_REQUEST_PENDING: Final = 491
_RINGING: Final = 180
_OK: Final = 200


class Away:
    """One at a time; the flow asks for nothing else until it is told how the last one ended."""

    def __init__(self, call: CallSession) -> None:
        self._call = call
        self._refer: TransferAttempt | None = None
        self._human: Consulting | None = None
        self._queueing: Queueing | None = None
        self._music = HoldMusic(
            call.dialogue.playout, call.dialogue.speaker, call.leg.format.sample_rate_hz
        )
        self.is_away = False
        self.is_joined = False

    # ---- what the call tells -------------------------------------------------------------------

    def progress(self, event: LegTransferProgress) -> None:
        if self._refer is not None:
            self._refer.progress(event)

    def key(self, digit: str) -> None:
        """A key of a caller who is away."""
        if self.is_joined and self._human is not None:
            self._call.spawn(self._human.pass_on(digit), "pass-digit")
        elif self._queueing is not None:
            self._queueing.key(digit)

    def tick(self) -> None:
        self._music.tick()

    # ---- transfers -----------------------------------------------------------------------------

    async def transfer(self, action: Transfer) -> None:
        """After the last word; the caller is back with the agent when nobody takes the call."""
        call = self._call
        await self.last_words()
        if call.driver.is_over:
            return  # those were the last words of the call
        if not call.record.advance(TransferStarted()):
            call.driver.handle(TransferFinished(False, _REQUEST_PENDING))
            return
        self.leave()
        if action.mode is TransferMode.WARM:
            await self._warm(action)
        else:
            await self._blind(action.target)

    async def _blind(self, target: str) -> None:
        call = self._call
        self._refer = TransferAttempt(call.leg, call.record, call.call_clock, target)
        status = await self._refer.run()
        self._refer = None
        if status < 300:
            call.ending.ask(EndCause.TRANSFERRED, sip_status=status)
        else:
            self._taken_back(TransferFinished(False, status, cause_of(status)))

    async def _warm(self, action: Transfer) -> None:
        call = self._call
        self._music.start()
        human = self._human = Consulting(
            call,
            action.target,
            briefing=action.briefing,
            ring_ms=action.ring_ms,
            needs_key=action.needs_key,
            detects_machine=action.detects_machine,
            noted=lambda now: self.note(action.target, now),
        )
        settled = await human.run()
        self._music.stop(call.leg)
        if settled.is_joined:
            await self.joined(human, TransferFinished(True, _OK))
        else:
            self._human = None
            self._taken_back(TransferFinished(False, settled.sip_status, settled.cause))

    # ---- the hold queue --------------------------------------------------------------------------

    async def enqueue(self, action: Enqueue) -> None:
        """After the last word: wait for a human, who is joined to the caller by our bridge."""
        call = self._call
        await self.last_words()
        if call.driver.is_over:
            return
        if not call.record.advance(Enqueued()):
            call.driver.handle(QueueFinished(QueueOutcome.UNAVAILABLE, 0))
            return
        self.leave()
        self._music.start()
        queueing = self._queueing = Queueing(call, action)
        outcome = await queueing.run()
        self._queueing = None
        finished = QueueFinished(outcome, queueing.waited_ms)
        human = queueing.human
        if outcome is QueueOutcome.CONNECTED and human is not None:
            call.dialogue.cut()
            self._music.stop(call.leg)
            await self._talk(queueing, human, finished)
        elif outcome is not QueueOutcome.LEFT:
            self._music.stop(call.leg)
            call.record.advance(Dequeued())
            self.come_back()
            call.driver.handle(finished)

    async def _talk(self, queueing: Queueing, human: Consulting, finished: QueueFinished) -> None:
        """Whoever took the caller is free for the next one when they are done."""
        call, clock = self._call, self._call.edge.clock
        since_ms = clock.monotonic_ms()
        try:
            await self.joined(human, finished)
        finally:
            talked_ms = round(clock.monotonic_ms() - since_ms)
            call.edge.queues.talked(queueing.queue, queueing.target, call.call_id, talked_ms)

    def talk_to(self, human: Consulting | None) -> None:
        """Whoever has taken the call over, or nobody any more; the agent stays, and is silent."""
        self._human, self.is_joined = human, human is not None

    def abandon(self) -> None:
        """The call ends here: no more music, and nobody is put through any more."""
        self._music.stop(self._call.leg)
        if self._queueing is not None:
            self._queueing.abandon()
        elif self._human is not None and not self.is_joined:
            self._call.spawn(self._human.hang_up(), "no-transfer-any-more")

    def _taken_back(self, event: TransferFinished) -> None:
        self._call.record.advance(TransferFailed())
        self.come_back()
        self._call.driver.handle(event)

    async def joined(self, human: Consulting, event: TransferFinished | QueueFinished) -> None:
        """They talk; the agent has left, and the first of the two to hang up ends the call."""
        call = self._call
        self._human, self.is_joined = human, True
        call.record.advance(Joined())
        call.driver.handle(event)
        call.dialogue.is_closing = True
        await call.link.close()
        await human.over()
        call.ending.ask(EndCause.TRANSFERRED, sip_status=_OK, reason="the colleague hung up")

    def note(self, target: str, now: Consultation) -> None:
        call = self._call
        match now.stage:
            case ConsultationStage.RINGING:
                status, is_final = _RINGING, False
            case ConsultationStage.BRIEFING:
                status, is_final = _OK, False
            case ConsultationStage.JOINED:
                status, is_final = _OK, True
            case ConsultationStage.FAILED:
                status, is_final = now.sip_status, True
            case _:
                return
        call.record.publish(
            TransferAttempted(
                call_id=call.call_id,
                at=call.record.clock.now(),
                at_ms=call.call_clock.now_ms,
                target=target,
                is_final=is_final,
                sip_status=status,
            )
        )

    # ---- leaving and coming back ---------------------------------------------------------------

    async def last_words(self) -> None:
        try:
            async with asyncio.timeout(_LAST_WORDS_S):
                await self._call.dialogue.speaker.idle.wait()
        except TimeoutError:
            log.warning("transferred before the last word", call_id=self._call.call_id)

    def leave(self) -> None:
        self.is_away = True
        self.suspend()

    def come_back(self) -> None:
        self.is_away = False
        if not self._call.dialogue.is_held:
            self.go_on()

    def suspend(self) -> None:
        """Nothing that is heard now belongs to the conversation."""
        call = self._call
        call.bridge.is_deaf = call.ears.is_deaf = True
        call.dialogue.tell(Suspended(call.call_clock.now_ms))

    def go_on(self) -> None:
        """Listen again, with the whole no-input time before us; not while the caller is away."""
        call = self._call
        if self.is_away:
            return
        call.bridge.is_deaf = call.ears.is_deaf = False
        if call.driver.no_input_ms is not None:
            call.dialogue.listen(call.driver.no_input_ms)
