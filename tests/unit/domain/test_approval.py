"""Approvals: every state against every deed, and the rules a person can break."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trunkline.domain.approval import (
    CLOSED,
    OPEN,
    TABLE,
    UNDER_WAY,
    Approval,
    ApprovalPolicy,
    ApprovalState,
    Deed,
    Level,
    Person,
    Role,
    WhenCallerLeaves,
)
from trunkline.domain.approval_rules import Act, decide, due, next_due_at, when_caller_left
from trunkline.domain.errors import CallerError, Conflict, Forbidden, Invalid
from trunkline.domain.ids import ApprovalId

T0 = datetime(2026, 11, 21, 12, tzinfo=UTC)
ANNA, BERT = Person("anna", Role.SUPERVISOR), Person("bert", Role.SUPERVISOR)
MARIA, VERA = Person("maria", Role.MANAGER), Person("vera", Role.VIEWER)
CHAIN = (
    Level(Role.SUPERVISOR, timedelta(seconds=60)),
    Level(Role.MANAGER, timedelta(seconds=60)),
)


def asked(**policy: object) -> Approval:
    chosen = replace(
        ApprovalPolicy(levels=CHAIN, amount_field="amount", editable=frozenset({"amount"})),
        **policy,  # type: ignore[arg-type]  # what ApprovalPolicy takes
    )
    arguments = {"account": "44172908", "amount": "240.50"}
    return Approval(ApprovalId("appr_1"), "pay_bill", arguments, "h1", chosen, T0, T0)


def at(seconds: float) -> datetime:
    return T0 + timedelta(seconds=seconds)


def grant(person: Person, seen: str = "h1") -> Act:
    return Act(Deed.GRANT, person, seen_hash=seen)


def edit(person: Person, amount: str, new: str = "h2") -> Act:
    arguments = {"account": "44172908", "amount": amount}
    return Act(Deed.EDIT, person, seen_hash="h1", arguments=arguments, arguments_hash=new)


def full(deed: Deed) -> Act:
    """An act that nothing but the state could be in the way of."""
    if deed is Deed.EDIT:
        return edit(MARIA, "200.00")
    return Act(deed, MARIA, seen_hash="h1", reason="because", settled_as=ApprovalState.DONE)


@pytest.mark.parametrize("state", ApprovalState)
@pytest.mark.parametrize("deed", Deed)
def test_a_deed_is_possible_in_the_states_of_the_table_and_no_other(
    deed: Deed, state: ApprovalState
) -> None:
    approval = replace(asked(), state=state)
    if state in TABLE[deed]:
        assert decide(approval, full(deed), at(1)).revision == 1
    else:
        with pytest.raises(Conflict):
            decide(approval, full(deed), at(1))


def test_states_are_open_under_way_or_closed_and_closed_ones_stay_so() -> None:
    assert set(ApprovalState) == OPEN | UNDER_WAY | CLOSED
    reopening = {deed for deed, states in TABLE.items() if states & CLOSED}
    assert reopening == {Deed.SETTLE}
    assert TABLE[Deed.SETTLE] == {ApprovalState.UNKNOWN}


def test_one_grant_is_enough_and_a_second_click_finds_it_decided() -> None:
    granted = decide(asked(), grant(ANNA), at(3))
    assert granted.state is ApprovalState.GRANTED and granted.decided_at == at(3)
    with pytest.raises(Conflict) as caught:
        decide(granted, grant(ANNA), at(3))
    assert caught.value.code == "already_decided"


def test_two_people_must_agree_and_the_same_one_counts_once() -> None:
    once = decide(asked(grants=2), grant(ANNA), at(3))
    assert once.state is ApprovalState.ASKED
    with pytest.raises(Conflict) as caught:
        decide(once, grant(ANNA), at(4))
    assert caught.value.code == "needs_another_person"
    assert decide(once, grant(BERT), at(5)).state is ApprovalState.GRANTED


def test_an_edit_voids_the_grants_before_it_and_binds_to_new_arguments() -> None:
    once = decide(asked(grants=2), grant(ANNA), at(3))
    edited = decide(once, edit(BERT, "200.00"), at(4))
    assert (edited.state, edited.grants) == (ApprovalState.EDITED, ())
    with pytest.raises(Conflict) as caught:
        decide(edited, grant(ANNA, "h1"), at(5))
    assert caught.value.code == "arguments_changed"
    both = decide(decide(edited, grant(ANNA, "h2"), at(6)), grant(BERT, "h2"), at(7))
    assert both.state is ApprovalState.GRANTED
    assert both.arguments["amount"] == "200.00"


def test_only_what_the_policy_names_can_be_edited() -> None:
    moved = Act(
        Deed.EDIT,
        ANNA,
        seen_hash="h1",
        arguments={"account": "11111111", "amount": "240.50"},
        arguments_hash="h2",
    )
    with pytest.raises(Forbidden) as caught:
        decide(asked(), moved, at(1))
    assert (caught.value.code, "account" in caught.value.message) == ("not_editable", True)
    with pytest.raises(Invalid):
        decide(asked(), edit(ANNA, "240.50"), at(1))


def test_a_truth_value_is_not_the_number_one() -> None:
    approval = replace(asked(), arguments={"account": 1, "amount": "1"})
    act = Act(
        Deed.EDIT,
        ANNA,
        seen_hash="h1",
        arguments={"account": True, "amount": "1"},
        arguments_hash="h2",
    )
    with pytest.raises(Forbidden):
        decide(approval, act, at(1))


@pytest.mark.parametrize(
    ("person", "amount", "code"),
    [
        (VERA, "1.00", "role_too_low"),
        (ANNA, "500.01", "amount_above_limit"),
        (ANNA, "much", "amount_above_limit"),
        (ANNA, "NaN", "amount_above_limit"),
        (MARIA, "5000.01", "amount_above_limit"),
        (ANNA, "500.00", None),
        (MARIA, "5000", None),
        (Person("root", Role.ADMIN), "5000.01", "amount_above_limit"),
    ],
)
def test_a_role_grants_up_to_its_limit(person: Person, amount: str, code: str | None) -> None:
    limits = {Role.SUPERVISOR: Decimal(500), Role.MANAGER: Decimal(5000)}
    approval = replace(asked(limits=limits), arguments={"amount": amount})
    if code is None:
        assert decide(approval, grant(person), at(1)).state is ApprovalState.GRANTED
        return
    with pytest.raises(Forbidden) as caught:
        decide(approval, grant(person), at(1))
    assert caught.value.code == code


def test_nobody_else_decides_while_one_looks_and_all_may_when_the_claim_lapses() -> None:
    claimed = decide(asked(), Act(Deed.CLAIM, ANNA), at(0))
    for act in (grant(BERT), Act(Deed.REFUSE, BERT, seen_hash="h1", reason="no")):
        with pytest.raises(Conflict) as caught:
            decide(claimed, act, at(44))
        assert caught.value.code == "claimed_by_another"
    assert decide(claimed, grant(ANNA), at(44)).state is ApprovalState.GRANTED
    assert decide(claimed, grant(BERT), at(45)).state is ApprovalState.GRANTED
    assert due(claimed, at(44)) is None
    lapse = due(claimed, at(45))
    assert lapse == Act(Deed.LAPSE)
    assert decide(claimed, Act(Deed.LAPSE), at(45)).state is ApprovalState.ASKED


def test_a_late_grant_is_refused_even_before_the_clock_came_round() -> None:
    with pytest.raises(Conflict) as caught:
        decide(asked(), grant(ANNA), at(300))
    assert caught.value.code == "expired"


def test_the_clock_reminds_escalates_and_expires() -> None:
    approval = asked()
    assert due(approval, at(29)) is None and next_due_at(approval) == at(30)
    approval = decide(approval, Act(Deed.REMIND), at(30))
    assert due(approval, at(59)) is None
    escalate = due(approval, at(60))
    assert escalate is not None and escalate.deed is Deed.ESCALATE
    approval = decide(approval, escalate, at(60))
    assert (approval.state, approval.asked_role) == (ApprovalState.ESCALATED, Role.MANAGER)
    with pytest.raises(Forbidden) as caught:
        decide(approval, grant(ANNA), at(61))
    assert caught.value.code == "role_too_low"
    with pytest.raises(Conflict) as above:
        decide(approval, Act(Deed.ESCALATE, ANNA, reason="help"), at(62))
    assert above.value.code == "nothing_above"
    assert due(approval, at(300)) == Act(Deed.EXPIRE)
    expired = decide(approval, Act(Deed.EXPIRE), at(300))
    assert due(expired, at(10)) is None, "time that jumps back reopens nothing"


def test_a_refusal_says_why() -> None:
    with pytest.raises(Invalid) as caught:
        decide(asked(), Act(Deed.REFUSE, ANNA, seen_hash="h1", reason="  "), at(1))
    assert caught.value.param == "reason"


def test_the_caller_leaving_ends_what_is_open_unless_the_policy_keeps_it() -> None:
    act = when_caller_left(asked())
    assert act is not None
    assert decide(asked(), act, at(1)).state is ApprovalState.ABANDONED
    assert when_caller_left(asked(when_caller_leaves=WhenCallerLeaves.KEEP)) is None
    assert when_caller_left(decide(asked(), grant(ANNA), at(1))) is None


def test_an_unknown_one_is_settled_by_a_person_with_a_reason() -> None:
    state = decide(asked(), grant(ANNA), at(1))
    for deed in (Deed.BEGIN, Deed.LOSE):
        state = decide(state, Act(deed), at(2))
    assert state.state is ApprovalState.UNKNOWN
    with pytest.raises(Invalid):
        decide(state, Act(Deed.SETTLE, ANNA, settled_as=ApprovalState.DONE), at(3))
    found = Act(Deed.SETTLE, ANNA, reason="the bank says so", settled_as=ApprovalState.FAILED)
    assert decide(state, found, at(3)).state is ApprovalState.FAILED


people = st.sampled_from([ANNA, BERT, MARIA, VERA, Person("root", Role.ADMIN)])
acts: st.SearchStrategy[Callable[[], Act]] = st.builds(
    lambda deed, person, seen, amount: (
        lambda: (
            replace(edit(person, amount, f"h{amount}"), seen_hash=seen)
            if deed is Deed.EDIT
            else Act(deed, person, seen_hash=seen, reason="r", settled_as=ApprovalState.DONE)
        )
    ),
    st.sampled_from(Deed),
    people,
    st.sampled_from(["h1", "h2", "h1.00", "h2.00"]),
    st.sampled_from(["1.00", "2.00"]),
)


@settings(max_examples=300, deadline=None)
@given(st.lists(st.tuples(acts, st.floats(-5, 400)), max_size=25), st.integers(1, 2))
def test_nothing_is_executed_without_enough_grants_for_exactly_these_arguments(
    story: list[tuple[Callable[[], Act], float]], needed: int
) -> None:
    approval = asked(grants=needed)
    agreed: dict[str, str] = {}
    for make, seconds in story:
        act = make()
        try:
            after = decide(approval, act, at(seconds))
        except CallerError:
            continue
        assert after.revision == approval.revision + 1
        if act.deed is Deed.GRANT and act.person is not None:
            agreed[act.person.person_id] = act.seen_hash
        if after.state is ApprovalState.EXECUTING:
            bound = {who for who, seen in agreed.items() if seen == after.arguments_hash}
            assert len(bound) >= needed
            assert {one.person_id for one in after.grants} <= bound
        approval = after
