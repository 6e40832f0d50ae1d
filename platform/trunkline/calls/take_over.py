"""A supervisor takes a live call over: their phone rings, they talk to the caller, they give back.

Until they have taken it the caller stays with the agent. While they talk the agent is silent: what
happens in the flow waits, and the recording goes on with both. When they hang up, or press ``*``,
the agent says so and goes on where it was.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from trunkline.calls.consultation import Consultation, ConsultationStage
from trunkline.calls.control import TakeOverCall
from trunkline.calls.house_lines import house_lines
from trunkline.calls.warm_transfer import Consulting
from trunkline.domain.call import CallState, HandedBack, Joined, TransferFailed, TransferStarted
from trunkline.domain.events import TakeOverChanged
from trunkline.domain.take_over import TakeOverCause, TakeOverStage
from trunkline.flows.actions import HandedBack as FlowHandedBack
from trunkline.flows.actions import Say, TransferCause
from trunkline.runtime.logging import get_logger

if TYPE_CHECKING:
    from trunkline.calls.session import CallSession

log = get_logger(__name__)

RING_MS: Final = 25_000
HAND_BACK_KEY: Final = "*"


class TakingOver:
    """One person at a time; ``begin`` is what the control stream asks for."""

    def __init__(self, call: CallSession) -> None:
        self._call = call
        self._is_under_way = False
        self._came_too_late = False

    def begin(self, wanted: TakeOverCall) -> bool:
        """Tells what comes of it by TakeOverChanged; False when the call is past taking over."""
        call = self._call
        if self._is_under_way:
            self._tell(wanted, TakeOverStage.FAILED, TakeOverCause.UNDER_WAY)
        elif not self._is_free:
            self._tell(wanted, TakeOverStage.FAILED, TakeOverCause.NOT_FREE)
        else:
            self._is_under_way, self._came_too_late = True, False
            try:
                call.spawn(self._run(wanted), "take-over")
            except RuntimeError:
                return False
        return True

    @property
    def _is_free(self) -> bool:
        """The caller is with the agent, and will be for now."""
        call = self._call
        return (
            call.record.state is CallState.ANSWERED
            and not (call.away.is_away or call.driver.is_over)
            and not (call.dialogue.is_closing or call.dialogue.is_held)
        )

    async def _run(self, wanted: TakeOverCall) -> None:
        call = self._call
        try:
            lines = house_lines(call.dialogue.agent.language)
            human = Consulting(
                call,
                wanted.target,
                briefing=lines.takes_over,
                ring_ms=RING_MS,
                needs_key=True,
                hand_back_key=HAND_BACK_KEY,
                before_join=self._leave_agent,
                noted=lambda now: self._noted(wanted, now),
            )
            settled = await human.run()
            if settled.is_joined:
                await self._talk(wanted, human)
                return
            if call.driver.is_parked:  # the caller was told, and then they could not be joined
                call.record.advance(TransferFailed())
                self._back_to_agent()
            self._tell(wanted, TakeOverStage.FAILED, self._cause_of(settled))
        finally:
            self._is_under_way = False

    async def _leave_agent(self) -> bool:
        """They have taken it: the caller hears so, and the flow waits from here on."""
        call = self._call
        if not self._is_free or not call.record.advance(TransferStarted()):
            self._came_too_late = True
            return False
        call.driver.park()
        call.away.leave()
        call.dialogue.cut()
        line = house_lines(call.dialogue.agent.language).put_through
        call.dialogue.say(Say("", line, is_fixed=True, is_interruptible=False))
        await call.away.last_words()
        return not call.driver.is_over

    async def _talk(self, wanted: TakeOverCall, human: Consulting) -> None:
        call = self._call
        call.record.advance(Joined())
        call.away.talk_to(human)
        self._tell(wanted, TakeOverStage.JOINED)
        if wanted.withdraws_approvals:
            call.parked.withdraw_all()
        await human.over()
        human.leave()
        await human.hang_up()
        call.away.talk_to(None)
        call.record.advance(HandedBack())
        self._tell(wanted, TakeOverStage.HANDED_BACK)
        self._back_to_agent()

    def _back_to_agent(self) -> None:
        call = self._call
        line = house_lines(call.dialogue.agent.language).with_you_again
        call.dialogue.say(Say("", line, is_fixed=True))
        call.away.come_back()
        call.driver.unpark(FlowHandedBack())

    def _cause_of(self, failed: Consultation) -> TakeOverCause:
        if self._came_too_late:
            return TakeOverCause.NOT_FREE
        if failed.cause is None or failed.cause is TransferCause.OTHERWISE:
            return TakeOverCause.UNREACHABLE
        return TakeOverCause(failed.cause.value)

    def _noted(self, wanted: TakeOverCall, now: Consultation) -> None:
        match now.stage:
            case ConsultationStage.RINGING:
                self._tell(wanted, TakeOverStage.RINGING)
            case ConsultationStage.BRIEFING:
                self._tell(wanted, TakeOverStage.ANSWERED)
            case _:
                pass

    def _tell(
        self, wanted: TakeOverCall, stage: TakeOverStage, cause: TakeOverCause | None = None
    ) -> None:
        call = self._call
        log.info("a call is taken over", call_id=call.call_id, stage=stage.value)
        call.record.publish(
            TakeOverChanged(
                call_id=call.call_id,
                at=call.record.clock.now(),
                at_ms=call.call_clock.now_ms,
                take_over_id=wanted.take_over_id,
                by=wanted.by,
                stage=stage.value,
                cause="" if cause is None else cause.value,
            )
        )
