"""What the leg tells a call: hold, digits, transfers and the end of the dialog."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

from trunkline.calls.digits import SpareTerminator
from trunkline.calls.transfer import TransferAttempt
from trunkline.calls.turn_events import DigitPressed, Suspended
from trunkline.domain.call import EndCause, Held, TransferFailed, TransferStarted, Unheld
from trunkline.domain.errors import TrunklineError
from trunkline.domain.leg import (
    LegDigit,
    LegEnded,
    LegEvent,
    LegHeld,
    LegMediaStarted,
    LegTransferProgress,
    LegUnheld,
)
from trunkline.flows.actions import DigitsEntered, TransferFinished
from trunkline.runtime.logging import get_logger

if TYPE_CHECKING:
    from trunkline.calls.session import CallSession

log = get_logger(__name__)

_LAST_WORDS_S: Final = 30.0


class LegFollower:
    """Reads the leg's events, in order, to the last."""

    def __init__(self, call: CallSession) -> None:
        self._call = call
        self._transfer: TransferAttempt | None = None
        self._digits_from_ms = 0
        self._spare: SpareTerminator | None = None

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
        call.record.note("leg", name=type(event).__name__)
        match event:
            case LegMediaStarted(codec):
                call.record.note("media", codec=codec)
            case LegHeld():
                self._hold()
            case LegUnheld():
                self._unhold()
            case LegDigit(digit):
                self._digit(digit)
            case LegTransferProgress():
                if self._transfer is not None:
                    self._transfer.progress(event)
            case LegEnded(cause, sip_status, reason):
                call.ending.gone(cause, sip_status=sip_status, reason=reason)

    # ---- hold ----------------------------------------------------------------------------------

    def _hold(self) -> None:
        call = self._call
        call.record.advance(Held())
        call.dialogue.is_held = True
        self._suspend()
        call.leg.pause()

    def _unhold(self) -> None:
        call = self._call
        call.record.advance(Unheld())
        call.dialogue.is_held = False
        call.leg.resume()
        self._go_on()

    def _suspend(self) -> None:
        call = self._call
        call.bridge.is_deaf = call.ears.is_deaf = True
        call.dialogue.tell(Suspended(call.call_clock.now_ms))

    def _go_on(self) -> None:
        """Listen again, with the whole no-input time before us."""
        call = self._call
        call.bridge.is_deaf = call.ears.is_deaf = False
        if call.driver.no_input_ms is not None:
            call.dialogue.listen(call.driver.no_input_ms)

    # ---- digits --------------------------------------------------------------------------------

    def _digit(self, digit: str) -> None:
        call, now_ms = self._call, self._call.call_clock.now_ms
        at_ms = call.edge.clock.monotonic_ms()
        spare, self._spare = self._spare, None
        if spare is not None and spare.swallows(digit, at_ms):
            return
        call.dialogue.tell(DigitPressed(now_ms))
        entry = call.driver.entry
        if entry is None or call.dialogue.is_closing or self._transfer is not None:
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

    async def send_digits(self, digits: str) -> None:
        try:
            await self._call.leg.send_digits(digits)
        except TrunklineError as exc:
            log.warning("digits could not be sent", call_id=self._call.call_id, code=exc.code)

    # ---- transfer ------------------------------------------------------------------------------

    async def transfer(self, target: str) -> None:
        """After the last word: REFER, and the caller back with the agent when nobody takes it."""
        call = self._call
        await self._last_words()
        if not call.record.advance(TransferStarted()):
            call.driver.handle(TransferFinished(False, 491))
            return
        self._suspend()
        self._transfer = TransferAttempt(call.leg, call.record, call.call_clock, target)
        status = await self._transfer.run()
        self._transfer = None
        if status < 300:
            call.ending.ask(EndCause.TRANSFERRED, sip_status=status)
            return
        call.record.advance(TransferFailed())
        self._go_on()
        call.driver.handle(TransferFinished(False, status))

    async def _last_words(self) -> None:
        try:
            async with asyncio.timeout(_LAST_WORDS_S):
                await self._call.dialogue.speaker.idle.wait()
        except TimeoutError:
            log.warning("transferred before the last word", call_id=self._call.call_id)
