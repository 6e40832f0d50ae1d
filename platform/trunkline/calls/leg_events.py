"""What the leg tells a call: hold, digits, how a transfer fares, and the end of the dialog."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trunkline.calls.digits import SpareTerminator
from trunkline.calls.ending import Dialog
from trunkline.calls.turn_events import DigitPressed
from trunkline.domain.call import CallState, EndCause, Held, Unheld
from trunkline.domain.leg import (
    LegAnswered,
    LegDigit,
    LegEnded,
    LegEvent,
    LegHeld,
    LegMediaStarted,
    LegRinging,
    LegTransferProgress,
    LegUnheld,
)
from trunkline.flows.actions import DigitsEntered
from trunkline.runtime.logging import get_logger

if TYPE_CHECKING:
    from trunkline.calls.session import CallSession

log = get_logger(__name__)


class LegFollower:
    """Reads the leg's events, in order, to the last."""

    def __init__(self, call: CallSession) -> None:
        self._call = call
        self._digits_from_ms = 0
        self._spare: SpareTerminator | None = None
        self.seen = 0  # events

    async def run(self) -> None:
        call = self._call
        try:
            async for event in call.leg.events():
                self._take(event)
        except Exception as exc:  # the leg broke: the call must still end, with all its facts
            log.error("a leg broke", call_id=call.call_id, exc_info=exc)
            call.ending.ask(EndCause.INTERNAL_ERROR, reason="internal error")

    def _take(self, event: LegEvent) -> None:
        call = self._call
        self.seen += 1
        call.record.note("leg", name=type(event).__name__)
        match event:
            case LegMediaStarted(codec):
                call.record.note("media", codec=codec)
            case LegRinging():
                call.opening.rang()
            case LegAnswered():
                call.opening.picked_up()
            case LegHeld():
                self._hold()
            case LegUnheld():
                self._unhold()
            case LegDigit(digit):
                self._digit(digit)
            case LegTransferProgress():
                call.away.progress(event)
            case LegEnded(cause, sip_status, reason, signalling, media_problem):
                call.ending.dialog = Dialog(signalling, media_problem)
                call.ending.gone(cause, sip_status=sip_status, reason=reason)

    # ---- hold ----------------------------------------------------------------------------------

    def _hold(self) -> None:
        call = self._call
        if not call.away.is_away:
            call.record.advance(Held())
        call.dialogue.is_held = True
        call.away.suspend()
        call.leg.pause()

    def _unhold(self) -> None:
        call = self._call
        if call.record.state is CallState.HELD:
            call.record.advance(Unheld())
        call.dialogue.is_held = False
        call.leg.resume()
        call.away.go_on()

    # ---- digits --------------------------------------------------------------------------------

    def _digit(self, digit: str) -> None:
        call, now_ms = self._call, self._call.call_clock.now_ms
        at_ms = call.edge.clock.monotonic_ms()
        spare, self._spare = self._spare, None
        if spare is not None and spare.swallows(digit, at_ms):
            return
        if call.away.is_away:
            call.away.key(digit)
            return
        call.dialogue.tell(DigitPressed(now_ms))
        entry = call.driver.entry
        if entry is None or call.dialogue.is_closing:
            return
        if not entry.digits:
            self._digits_from_ms = now_ms
        if call.dialogue.floor().is_interruptible:
            call.dialogue.cut()
        digits = entry.press(digit, at_ms)
        if digits is not None:
            self._spare = entry.spare_terminator(digit)
        self._complete(digits)

    def tick(self, now_ms: float) -> None:
        entry = self._call.driver.entry
        if entry is not None:
            self._complete(entry.expire(now_ms))

    def _complete(self, digits: str | None) -> None:
        if digits is None:
            return
        call, now_ms = self._call, self._call.call_clock.now_ms
        turn = call.dialogue.transcript.digits_turn(
            digits, self._digits_from_ms, now_ms, call.record.step
        )
        call.record.turn(turn)
        call.dialogue.receipts.caller_stopped(now_ms)
        call.driver.handle(DigitsEntered(digits))
