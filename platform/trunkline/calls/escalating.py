"""What a call shows to its flow's escalation rules, and what comes of the rules that come true."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from trunkline.calls.withholding import WITHHELD
from trunkline.domain.call import CallState
from trunkline.domain.events import CallFact, EscalationRaised, StepEntered, TurnEnded
from trunkline.domain.ids import mint
from trunkline.domain.turn import Speaker, TurnKind
from trunkline.flows.actions import CallerSilent, CallerUnclear, Escalated, FlowEvent
from trunkline.flows.escalation import (
    CallerSpoke,
    CameTo,
    EscalationWatch,
    GuardFound,
    IntentTaken,
    NobodySpoke,
    NotUnderstood,
    Raised,
    SaidNothing,
    Sighting,
)
from trunkline.flows.routes import Route
from trunkline.runtime.logging import get_logger
from trunkline.runtime.telemetry import ESCALATIONS

if TYPE_CHECKING:
    from trunkline.calls.session import CallSession

log = get_logger(__name__)

_INTENT: Final = "intent "
_AGAIN: Final = ("asked again", "no_match")
MOST_A_CALL: Final = 20
"""Escalations of one call; a flow whose rules say more is not taken at its word."""


class Escalating:
    """Looks on while a call goes; ``guarded`` is what the guardrails call."""

    def __init__(self, call: CallSession) -> None:
        self._call = call
        self._watch = EscalationWatch()
        self._quiet_since_ms: int | None = None
        self._raised = 0
        call.record.published = self._on_fact
        call.driver.noticed = self._on_event

    def guarded(self, category: str, *, must_raise: bool = False) -> bool:
        """The guardrails found something; True when somebody is told of it.

        ``must_raise``: their own action is to escalate, whatever rules the flow has.
        """
        return bool(self._see(GuardFound(category, must_raise)))

    def tick(self, now_ms: int) -> None:
        """Ten times a second: whether anybody speaks."""
        call, dialogue = self._call, self._call.dialogue
        is_quiet = dialogue.speaker.is_idle and not dialogue.policy.caller_is_speaking
        # Nobody is expected to speak to music, to a person's phone, or while on hold.
        is_elsewhere = call.away.is_away or dialogue.is_held or dialogue.is_closing
        if not is_quiet or is_elsewhere or call.answered_at_ms is None:
            self._quiet_since_ms = None
        elif self._quiet_since_ms is None:
            self._quiet_since_ms = now_ms
        else:
            self._see(NobodySpoke(now_ms - self._quiet_since_ms))

    # ---- what is seen --------------------------------------------------------------------------

    def _on_fact(self, fact: CallFact) -> None:
        match fact:
            case StepEntered(_, _, _, step):
                self._see(CameTo(step))
            case TurnEnded(_, _, turn) if (
                turn.speaker is Speaker.CALLER
                and turn.kind is TurnKind.SPEECH
                and turn.text not in ("", WITHHELD)
            ):
                raised = self._see(CallerSpoke(turn.text))
                if any(one.rule.goto is not None for one in raised):
                    self._call.dialogue.led_on_at = self._call.call_clock.samples
            case _:
                pass

    def _on_event(self, event: FlowEvent, routes: list[Route]) -> None:
        if isinstance(event, CallerSilent):
            self._see(SaidNothing())
        for route in routes:
            if route.name.startswith(_INTENT):
                self._see(IntentTaken(route.name.removeprefix(_INTENT)))
        if isinstance(event, CallerUnclear) or any(one.name.startswith(_AGAIN) for one in routes):
            self._see(NotUnderstood())

    def _see(self, seen: Sighting) -> list[Raised]:
        call = self._call
        if call.driver.is_over or call.driver.is_parked or call.record.state is CallState.ENDED:
            return []
        now_ms = call.call_clock.now_ms
        raised = self._watch.see(
            seen,
            call.driver.flow.escalation,
            call.record.step,
            now_ms,
            agent=call.dialogue.agent.name,
        )
        for one in raised:
            self._raise(one, now_ms)
        if raised:
            self._tell_flow(raised)
        return raised

    # ---- what comes of it ----------------------------------------------------------------------

    def _raise(self, raised: Raised, now_ms: int) -> None:
        call, rule = self._call, raised.rule
        self._raised += 1
        if self._raised > MOST_A_CALL:
            log.warning("no more escalations of this call", call_id=call.call_id, rule=rule.name)
            return
        ESCALATIONS.labels(kind=rule.kind.value).inc()
        call.record.publish(
            EscalationRaised(
                call_id=call.call_id,
                at=call.record.clock.now(),
                at_ms=now_ms,
                escalation_id=mint("esc"),
                rule=rule.name,
                kind=rule.kind.value,
                urgency=rule.urgency.value,
                to=rule.to.value,
                step=call.record.step,
                why=raised.why,
                goto=rule.goto or "",
            )
        )

    def _tell_flow(self, raised: list[Raised]) -> None:
        """Every rule's words, and the way of the first that has one."""
        lines = tuple(line for one in raised for line in one.rule.lines)
        goto = next((one.rule.goto for one in raised if one.rule.goto is not None), None)
        if lines or goto is not None:
            self._call.driver.handle(Escalated(lines, goto))
