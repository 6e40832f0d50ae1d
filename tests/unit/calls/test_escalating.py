"""A call shows its rules what happens, and tells of those that come true; in virtual time."""

from __future__ import annotations

import asyncio
from dataclasses import replace

from tests.fakes.scene import Scene, energy, scene
from tests.fakes.virtual_time import run_virtual

from trunkline.calls.escalating import MOST_A_CALL
from trunkline.calls.session import CallSession
from trunkline.domain.events import EscalationRaised
from trunkline.flows.escalation import EscalationPlan, EscalationRule, Guards, Silences

RULES = (
    EscalationRule("quiet", Silences(quiet_ms=4000)),
    EscalationRule("shy", Silences(prompts=1), goto="operator"),
    EscalationRule("harm", Guards(frozenset({"self_harm"}))),
    EscalationRule("often", Guards(frozenset({"profanity"})), times=1000, cooldown_ms=0),
)


def session_of(call: Scene) -> CallSession:
    (session,) = [end.__self__ for end in call.service._live._ends.values()]  # type: ignore[attr-defined]
    return session  # type: ignore[no-any-return]


def rules_of(call: Scene) -> list[str]:
    return [fact.rule for fact in call.facts(EscalationRaised)]


def test_guardrails_dead_air_and_silence_are_told_once_and_a_step_leads_to_a_person() -> None:
    async def play() -> None:
        flow = replace(energy(), escalation=EscalationPlan({one.name: one for one in RULES}))
        async with scene(flow=flow) as call:
            await call.heard("How can I help you")
            guarded = session_of(call).escalating.guarded
            assert guarded("self_harm") and not guarded("self_harm"), "once"
            assert not guarded("violence") and guarded("violence", must_raise=True)
            await asyncio.sleep(6)
            assert rules_of(call) == ["harm", "guard_violence", "quiet"]
            await call.heard("put you through")  # nobody said a word: the flow leads to a person
            (shy,) = [fact for fact in call.facts(EscalationRaised) if fact.rule == "shy"]
            assert (shy.to, shy.goto, shy.urgency) == ("person", "operator", "normal")

    run_virtual(play())


def test_a_call_tells_of_so_many_and_no_more() -> None:
    async def play() -> None:
        flow = replace(energy(), escalation=EscalationPlan({one.name: one for one in RULES}))
        async with scene(flow=flow) as call:
            await call.heard("How can I help you")
            session = session_of(call)
            for _ in range(3 * MOST_A_CALL):
                session.escalating.guarded("profanity")
            assert len(rules_of(call)) == MOST_A_CALL
            call.leg.hang_up_by_caller()
            await call.over()
            assert not session.escalating.guarded("self_harm"), "the call is over"

    run_virtual(play())
