"""A blind transfer: REFER sent, its NOTIFYs followed, the caller taken back when it fails."""

from __future__ import annotations

import asyncio
from typing import Final

from trunkline.calls.bridge import CallClock
from trunkline.calls.record import CallRecord
from trunkline.domain.errors import TrunkError, TrunklineError
from trunkline.domain.events import TransferAttempted
from trunkline.domain.leg import Leg, LegTransferProgress

TRANSFER_TIMEOUT_S: Final = 45.0
_TIMED_OUT: Final = 408


class TransferAttempt:
    """One REFER. ``run`` returns the target's final SIP status (RFC 3515 §2.4.5)."""

    def __init__(self, leg: Leg, record: CallRecord, call_clock: CallClock, target: str) -> None:
        self._leg = leg
        self._record = record
        self._call_clock = call_clock
        self._target = target
        self._final: asyncio.Future[int] = asyncio.get_running_loop().create_future()

    async def run(self) -> int:
        try:
            await self._leg.refer(self._target)
        except TrunklineError as exc:
            status = (exc.sip_status if isinstance(exc, TrunkError) else None) or 400
            self._note(status, is_final=True)
            return status
        try:
            async with asyncio.timeout(TRANSFER_TIMEOUT_S):
                return await self._final
        except TimeoutError:
            self._note(_TIMED_OUT, is_final=True)
            return _TIMED_OUT

    def progress(self, event: LegTransferProgress) -> None:
        if self._final.done():
            return
        self._note(event.sip_status, is_final=event.is_final)
        if event.is_final:
            self._final.set_result(event.sip_status)

    def _note(self, sip_status: int, *, is_final: bool) -> None:
        self._record.publish(
            TransferAttempted(
                call_id=self._record.call_id,
                at=self._record.clock.now(),
                at_ms=self._call_clock.now_ms,
                target=self._target,
                is_final=is_final,
                sip_status=sip_status,
            )
        )
