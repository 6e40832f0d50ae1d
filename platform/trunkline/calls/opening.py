"""How a call begins: the model session and the first lines made ready, then the answer."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Final

from trunkline.calls.before_answer import fetch_before_answer
from trunkline.domain.call import Answered, EndCause, Ringing
from trunkline.domain.errors import EngineError
from trunkline.domain.events import CallAnswered
from trunkline.flows.actions import Say
from trunkline.runtime.logging import get_logger
from trunkline.runtime.telemetry import SETUP_SECONDS

if TYPE_CHECKING:
    from trunkline.calls.session import CallSession

log = get_logger(__name__)

GREETING_TIMEOUT_S: Final = 3.0


class Opening:
    """One call's; ``inbound`` returns when the call is answered, or has been told to end."""

    def __init__(self, call: CallSession, invite_at_ms: float) -> None:
        self._call = call
        self._invite_at_ms = invite_at_ms
        self.has_engine = False

    async def inbound(self) -> bool:
        """180, everything made ready, 200; False when there is nothing to answer with."""
        call = self._call
        await call.leg.ring()
        call.record.advance(Ringing())
        self.has_engine = await self._prepare()
        if not self.has_engine and not call.can_apologise():
            call.ending.ask(EndCause.ENGINE_ERROR, sip_status=503, reason="no engine")
            return False
        call.leg.listen(call.bridge)
        await call.leg.answer()
        self.answered()
        return True

    def answered(self) -> None:
        """The call's clock begins."""
        call = self._call
        call.call_clock.answered()
        call.answered_at_ms = call.edge.clock.monotonic_ms()
        setup_ms = round(call.answered_at_ms - self._invite_at_ms)
        SETUP_SECONDS.observe(setup_ms / 1000)
        call.dialogue.receipts.setup_ms = setup_ms
        call.record.advance(Answered())
        call.record.publish(
            CallAnswered(call.call_id, call.edge.clock.now(), call.leg.codec, setup_ms)
        )

    async def _prepare(self) -> bool:
        """The model session and the first lines, side by side; False without an engine."""
        async with asyncio.TaskGroup() as tasks:
            opening = tasks.create_task(self._open_engine(), name="engine")
            tasks.create_task(self._first_lines(), name="greeting")
        return opening.result()

    async def _first_lines(self) -> None:
        """What the flow wants to know first, then what it says first."""
        call = self._call
        if call.flow.before_answer:
            call.driver.know(
                await fetch_before_answer(
                    call.flow, call.driver.variables, call.edge.tools, call.call_id
                )
            )
        lines = [
            call.dialogue.voice.line(action.text)
            for action in call.driver.prepare()
            if isinstance(action, Say) and action.is_fixed
        ]
        if lines:
            await self._fetch(lines[0])

    async def _open_engine(self) -> bool:
        try:
            await self._call.link.open()
        except EngineError as exc:
            self._call.record.note("engine_failed", code=exc.code)
            return False
        return True

    async def _fetch(self, line: Any) -> None:
        try:
            async with asyncio.timeout(GREETING_TIMEOUT_S):
                await self._call.edge.cache.prefetch([line])
        except TimeoutError:
            log.warning(
                "the greeting was not rendered before the answer", call_id=self._call.call_id
            )
