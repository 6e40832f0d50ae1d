"""Which sightings make which rules come true, how often, and in what words."""

from __future__ import annotations

from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trunkline.domain.escalation import EscalatesTo, EscalationKind, Urgency
from trunkline.flows.escalation import (
    Asks,
    CallerSpoke,
    CameTo,
    EscalationPlan,
    EscalationRule,
    EscalationWatch,
    GuardFound,
    Guards,
    IntentTaken,
    Keywords,
    Loops,
    Moods,
    NobodySpoke,
    NoMatches,
    NotUnderstood,
    SaidNothing,
    Sighting,
    Silences,
    Trigger,
    is_said,
)
from trunkline.flows.mood import Mood, weigh

LAWYER: Final = Keywords(("my lawyer", "sue you"))


def raised(
    rules: list[EscalationRule] | Trigger, *seen: Sighting, every_ms: int = 1000
) -> list[str]:
    """The words of all that the sightings raise, one second apart, in the step that is come to."""
    listed = rules if isinstance(rules, list) else [EscalationRule("rule", rules)]
    plan = EscalationPlan({rule.name: rule for rule in listed})
    watch, step, why = EscalationWatch(), "menu", []
    for number, one in enumerate(seen):
        step = one.step if isinstance(one, CameTo) else step
        why += [found.why for found in watch.see(one, plan, step, number * every_ms)]
    return why


@pytest.mark.parametrize(
    ("trigger", "seen", "why"),
    [
        (LAWYER, [CallerSpoke("I'll call My Lawyer!")], "the caller said “my lawyer”"),
        (LAWYER, [CallerSpoke("my own lawyer")], None),
        (LAWYER, [CallerSpoke("is Susue you there")], None),
        (NoMatches(in_step=2), [NotUnderstood()] * 2, "not understood 2 times in a step"),
        (NoMatches(in_step=2), [NotUnderstood(), CameTo("b"), NotUnderstood()], None),
        (
            NoMatches(in_call=2),
            [NotUnderstood(), CameTo("b"), NotUnderstood()],
            "not understood 2 times in this call",
        ),
        (
            Moods(below=-4),
            [CallerSpoke("this is ridiculous"), CallerSpoke("it is a disgrace, absolutely awful")],
            "the caller sounds unhappy (-4.4: ridiculous -2, awful -3)",
        ),
        (Moods(below=-4), [CallerSpoke("that is not bad at all, thank you")], None),
        (Moods(below=-2, for_turns=2), [CallerSpoke("terrible"), CallerSpoke("great")], None),
        (Loops(visits=3), [CameTo("a"), CameTo("b")] * 3, "came to b 3 times in a circle"),
        (Loops(visits=3), [CameTo(s) for s in ("a", "b", "a", "c", "a", "d", "a")], None),
        (
            Loops(repeats=2),
            [CallerSpoke("I want my money back"), CallerSpoke("i want my money back!")],
            "the caller said the same 2 times",
        ),
        (Loops(repeats=2), [CallerSpoke("yes please"), CallerSpoke("yes please")], None),
        (Silences(prompts=2), [SaidNothing()] * 2, "the caller was silent 2 times"),
        (Silences(prompts=2), [SaidNothing(), CallerSpoke("hello"), SaidNothing()], None),
        (Silences(quiet_ms=9000), [NobodySpoke(8900), NobodySpoke(9100)],
         "nobody spoke for 9 seconds"),
        (Guards(frozenset({"self_harm"})), [GuardFound("self_harm")],
         "the guardrails found self harm"),
        (Guards(frozenset({"self_harm"})), [GuardFound("profanity")], None),
        (Guards(), [GuardFound("profanity")], "the guardrails found profanity"),
        (Asks(), [CallerSpoke("can I talk to a human please")], "the caller asked for a person"),
        (Asks(), [IntentTaken("person")], None),
        (Asks(frozenset({"person"})), [IntentTaken("person")], "the caller asked for a person"),
    ],
)  # fmt: skip
def test_a_rule_comes_true_by_what_it_looks_for_and_by_nothing_else(
    trigger: Trigger, seen: list[Sighting], why: str | None
) -> None:
    assert raised(trigger, *seen) == ([] if why is None else [why])


def test_a_rule_comes_true_once_unless_it_says_more_and_then_only_after_its_rest() -> None:
    said = [CallerSpoke("sue you")] * 10
    assert len(raised([EscalationRule("once", LAWYER)], *said)) == 1
    often = EscalationRule("often", LAWYER, times=3, cooldown_ms=4000)
    assert len(raised([often], *said)) == 3
    slow = EscalationRule("slow", LAWYER, times=3, cooldown_ms=60_000)
    assert len(raised([slow], *said)) == 1


def test_a_step_may_have_other_rules_or_none() -> None:
    flows_own = EscalationRule("legal", LAWYER)
    steps_own = EscalationRule("legal", LAWYER, urgency=Urgency.HIGH, goto="desk")
    plan = EscalationPlan(
        {"legal": flows_own}, {"pay": {"legal": None}, "end": {"legal": steps_own}}
    )
    said = CallerSpoke("my lawyer")
    assert EscalationWatch().see(said, plan, "pay", 0) == []
    (found,) = EscalationWatch().see(said, plan, "end", 0)
    assert (found.rule.to, found.rule.kind) == (EscalatesTo.PERSON, EscalationKind.KEYWORD)
    (found,) = EscalationWatch().see(said, plan, "menu", 0)
    assert found.rule is flows_own
    assert plan.every() == (flows_own, steps_own)


def test_the_guardrails_are_heard_where_no_rule_waits_for_them_if_they_must_be() -> None:
    plan, watch = EscalationPlan(), EscalationWatch()
    assert watch.see(GuardFound("violence"), plan, "menu", 0) == []
    (found,) = watch.see(GuardFound("violence", must_raise=True), plan, "menu", 0)
    assert (found.rule.name, found.rule.urgency) == ("guard_violence", Urgency.HIGH)
    assert watch.see(GuardFound("violence", must_raise=True), plan, "menu", 9) == [], "once"


def test_an_agent_that_takes_the_call_over_has_rules_of_its_own() -> None:
    plan, watch = EscalationPlan({"legal": EscalationRule("legal", LAWYER)}), EscalationWatch()
    said = CallerSpoke("my lawyer")
    assert watch.see(said, plan, "menu", 0, agent="one")
    assert not watch.see(said, plan, "menu", 10, agent="one")
    assert watch.see(said, plan, "menu", 20, agent="two")


# ---- the mood ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "score"),
    [
        ("thank you that is great", 4.0),
        ("not happy", -1.6),
        ("I am very angry", -3.0),
        ("I'm fed up with waiting", -4.0),
        ("what is my balance", 0.0),
        ("no thanks", 0.0),
        ("", 0.0),
    ],
)
def test_words_weigh_with_what_stands_before_them(text: str, score: float) -> None:
    assert sum(weight for _, weight in weigh(text)) == pytest.approx(score)


def test_a_mood_fades_with_every_turn() -> None:
    mood = Mood().after("this is terrible")
    assert mood.score == -2.0
    for _ in range(4):
        mood = mood.after("my number is four two")
    assert -0.6 < mood.score < 0


@given(st.text())
def test_no_text_weighs_without_end_or_breaks_the_scales(text: str) -> None:
    assert -6.0 <= Mood().after(text).score <= 6.0
    is_said(text, text)


# ---- whatever happens ----------------------------------------------------------------------------

SIGHTINGS: Final = st.one_of(
    st.sampled_from(["my lawyer", "sue you now please", "terrible awful", "thanks"]).map(
        CallerSpoke
    ),
    st.sampled_from(["a", "b", "c"]).map(CameTo),
    st.integers(0, 20_000).map(NobodySpoke),
    st.sampled_from(["self_harm", "violence"]).map(GuardFound),
    st.sampled_from(["person", "other"]).map(IntentTaken),
    st.just(NotUnderstood()),
    st.just(SaidNothing()),
)
TRIGGERS: Final[tuple[Trigger, ...]] = (
    LAWYER, NoMatches(2, 3), Moods(-3), Loops(2, 2), Silences(2, 5000), Guards(), Asks(),
)  # fmt: skip


@given(
    st.lists(st.tuples(SIGHTINGS, st.integers(0, 5000)), max_size=60),
    st.integers(1, 3),
    st.integers(0, 10_000),
)
def test_no_rule_comes_true_more_often_or_sooner_than_it_says(
    seen: list[tuple[Sighting, int]], times: int, cooldown_ms: int
) -> None:
    plan = EscalationPlan(
        {
            f"rule_{number}": EscalationRule(
                f"rule_{number}", trigger, times=times, cooldown_ms=cooldown_ms
            )
            for number, trigger in enumerate(TRIGGERS)
        }
    )
    watch, now_ms, step = EscalationWatch(), 0, "a"
    fired: dict[str, list[int]] = {}
    for sighting, later_ms in seen:
        now_ms += later_ms
        step = sighting.step if isinstance(sighting, CameTo) else step
        for found in watch.see(sighting, plan, step, now_ms):
            assert found.why
            fired.setdefault(found.rule.name, []).append(now_ms)
    for moments in fired.values():
        assert len(moments) <= times
        gaps = [then - before for before, then in zip(moments, moments[1:], strict=False)]
        assert all(gap >= cooldown_ms for gap in gaps)
