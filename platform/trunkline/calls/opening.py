"""How a call begins: the model session and the first lines made ready, then the answer."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Final

from trunkline.calls.before_answer import fetch_before_answer
from trunkline.calls.first_words import FirstWords
from trunkline.calls.turn_events import Suspended
from trunkline.domain.call import Answered, CallState, EndCause, Ringing
from trunkline.domain.errors import EngineError
from trunkline.domain.events import CallAnswered
from trunkline.flows.actions import DetectVoicemail, Say
from trunkline.runtime.logging import get_logger
from trunkline.runtime.telemetry import SETUP_SECONDS
from trunkline.storage.placement_views import ClaimedPlacement

if TYPE_CHECKING:
    from trunkline.calls.session import CallSession

log = get_logger(__name__)

GREETING_TIMEOUT_S: Final = 3.0
_FRAME_S: Final = 0.02


class Opening:
    """One call's; ``inbound`` and ``outbound`` return when the call is answered, or is to end."""

    def __init__(self, call: CallSession, invite_at_ms: float) -> None:
        self._call = call
        self._invite_at_ms = invite_at_ms
        self.has_engine = False
        self._is_picked_up = asyncio.Event()

    async def inbound(self) -> bool:
        """180, everything made ready, 200; False when there is nothing to answer with."""
        call = self._call
        await call.leg.ring()
        call.record.advance(Ringing())
        if not await self._get_ready():
            return False
        call.leg.listen(call.bridge)
        await call.leg.answer()
        self.answered()
        return True

    async def outbound(self, placed: ClaimedPlacement) -> bool:
        """Everything made ready while it rings; False when nobody answers in time.

        Early media (ringing tones, announcements) is heard by nobody and kept nowhere.
        """
        call = self._call
        call.leg.listen(_unheard)
        async with asyncio.TaskGroup() as tasks:
            ready = tasks.create_task(self._get_ready(), name="get-ready")
            try:
                async with asyncio.timeout(placed.ring_s):
                    await self._is_picked_up.wait()
            except TimeoutError:
                ready.cancel()
                reason = f"nobody answered within {placed.ring_s} s"
                call.ending.ask(EndCause.NO_ANSWER, sip_status=408, reason=reason)
                return False
            call.leg.listen(call.bridge)
            self.answered()
        return ready.result()

    def rang(self) -> None:
        """180 or 183 of a call that we placed; a second one changes nothing."""
        if self._call.record.state is CallState.INITIATED:
            self._call.record.advance(Ringing())

    def picked_up(self) -> None:
        self._is_picked_up.set()

    async def hello(self) -> None:
        """Let the called person speak first; a flow that asks who answered listens by itself."""
        call = self._call
        if not any(isinstance(action, DetectVoicemail) for action in call.driver.prepare()):
            first, policy = FirstWords(), call.dialogue.policy
            while not first.may_speak(  # noqa: ASYNC110  looked at as often as a frame comes
                call.call_clock.now_ms,
                stopped_ms=policy.caller_stopped_ms,
                is_confirmed=policy.caller_has_spoken,
            ):
                await asyncio.sleep(_FRAME_S)
        # A hello asks for nothing: what was heard so far is no turn to be answered.
        call.dialogue.tell(Suspended(call.call_clock.now_ms))

    async def _get_ready(self) -> bool:
        """False when there is nothing to speak with, not even an apology: the call is to end."""
        call = self._call
        self.has_engine = await self._prepare()
        if self.has_engine or call.can_apologise():
            return True
        call.ending.ask(EndCause.ENGINE_ERROR, sip_status=503, reason="no engine")
        return False

    def answered(self) -> None:
        """The call's clock begins."""
        call = self._call
        call.call_clock.answered()
        call.answered_at_ms = call.edge.clock.monotonic_ms()
        setup_ms = round(call.answered_at_ms - self._invite_at_ms)
        if call.placed is None:  # how long somebody else's phone rang is no merit of ours
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


def _unheard(pairs: bytes) -> None:
    """Early media."""
