"""The house's rules: they tighten every flow's policy, and can loosen none."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trunkline.domain.approval import Approval, ApprovalPolicy, ApprovalState, Deed, Level, Role
from trunkline.domain.approval_json import read_policy, write_policy
from trunkline.domain.approval_recipients import Recipient, recipients
from trunkline.domain.approval_rules import Act, decide
from trunkline.domain.errors import Forbidden, Invalid
from trunkline.domain.house_rules import HouseRules, read_rules, tighten, tightened, write_rules
from trunkline.domain.ids import ApprovalId
from trunkline.domain.masking import masked, masked_sentence

NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)
POLICY = ApprovalPolicy(amount_field="amount")
DECIDERS = (Role.SUPERVISOR, Role.MANAGER, Role.ADMIN)
SUE = Recipient("user_1", "sue", "supervisor", "sue@example.org")
SAM = Recipient("user_2", "sam", "supervisor")
MAY = Recipient("user_3", "may", "manager", "may@example.org")
VIC = Recipient("user_4", "vic", "viewer", "vic@example.org")

amounts = st.integers(0, 10_000).map(Decimal)
limits = st.dictionaries(st.sampled_from(DECIDERS), amounts)
spans = st.integers(5, 10_000).map(lambda s: timedelta(seconds=s))
policies = st.builds(
    ApprovalPolicy,
    levels=st.lists(st.builds(Level, st.sampled_from(DECIDERS), spans), min_size=1, max_size=3).map(
        tuple
    ),
    expires_after=spans,
    remind_after=st.none() | spans,
    grants=st.integers(1, 2),
    amount_field=st.sampled_from(["", "amount"]),
    limits=limits,
)
rules = st.builds(
    HouseRules,
    limits=limits,
    two_people_above=st.none() | amounts,
    longest_sla=st.none() | spans,
    longest_expiry=st.none() | spans,
    remind_after=st.none() | spans,
)


def asked(policy: ApprovalPolicy, amount: Any = "240.50") -> Approval:
    arguments = {"amount": amount, "account": "44172908"}
    return Approval(ApprovalId("appr_1"), "pay", arguments, "h1", policy, NOON, NOON)


@given(policies, rules, amounts)
def test_rules_only_ever_tighten(
    policy: ApprovalPolicy, house: HouseRules, amount: Decimal
) -> None:
    tight = tighten(policy, house, NOON)
    before, after = asked(policy, str(amount)), asked(tight, str(amount))
    assert after.grants_needed >= before.grants_needed
    assert after.expires_at <= before.expires_at and after.sla_at <= before.sla_at
    assert tight.remind_after is None or (policy.remind_after or tight.remind_after) >= (
        tight.remind_after
    )
    for role in DECIDERS:
        most, was = tight.limit_of(role), policy.limit_of(role)
        assert was is None or (most is not None and most <= was)
    # Again, or by looser rules, changes nothing; what is written is read again.
    assert tighten(tight, house, NOON) == tight == tighten(tight, HouseRules(), NOON)
    assert read_policy(write_policy(tight)) == tight


@given(rules)
def test_rules_are_read_as_they_were_written(house: HouseRules) -> None:
    in_order = [house.limits[role] for role in sorted(house.limits)]
    if in_order == sorted(in_order):
        assert read_rules(write_rules(house)) == house


def test_without_rules_a_policy_is_written_as_it_always_was() -> None:
    assert tighten(POLICY, HouseRules(), NOON) == POLICY
    assert "house_limits" not in write_policy(POLICY)


def test_a_limit_holds_for_the_roles_below_it_and_not_above() -> None:
    house = read_rules({"limits": {"manager": "5000", "supervisor": "300"}})
    tight = tighten(POLICY, house, NOON)
    assert [tight.limit_of(role) for role in DECIDERS] == [Decimal(300), Decimal(5000), None]
    only = tighten(POLICY, read_rules({"limits": {"manager": "5000"}}), NOON)
    assert only.limit_of(Role.SUPERVISOR) == Decimal(5000)
    with pytest.raises(Forbidden) as caught:
        decide(asked(tight, "300.01"), Act(Deed.GRANT, SUE.as_person, seen_hash="h1"), NOON)
    assert caught.value.code == "amount_above_limit"
    granted = decide(asked(tight, "300.00"), Act(Deed.GRANT, SUE.as_person, seen_hash="h1"), NOON)
    assert granted.state is ApprovalState.GRANTED


def test_a_large_amount_needs_two_people_as_soon_as_it_is_large() -> None:
    house = read_rules({"two_people_above": "200"})
    tight = tighten(POLICY, house, NOON)
    one = decide(asked(tight), Act(Deed.GRANT, SUE.as_person, seen_hash="h1"), NOON)
    assert one.state is ApprovalState.ASKED and one.grants_needed == 2
    assert decide(one, Act(Deed.GRANT, SAM.as_person, seen_hash="h1"), NOON).state == "granted"
    assert asked(tight, "200.00").grants_needed == 1
    assert asked(tight, "lots").grants_needed == 2
    # Rules of today hold for what was asked yesterday.
    assert tightened(asked(POLICY), house).grants_needed == 2


def test_what_is_asked_in_quiet_hours_is_asked_of_a_higher_role() -> None:
    house = read_rules({"quiet_hours": "20:00-07:00 UTC", "quiet_role": "manager"})
    chain = replace(
        POLICY,
        levels=(
            Level(Role.SUPERVISOR, timedelta(seconds=60)),
            Level(Role.ADMIN, timedelta(seconds=90)),
        ),
    )
    assert tighten(chain, house, NOON) == chain
    night = NOON.replace(hour=22)
    assert tighten(chain, house, night).levels == chain.levels[1:]
    assert tighten(POLICY, house, night).levels == (Level(Role.MANAGER, timedelta(seconds=60)),)


@pytest.mark.parametrize(
    ("document", "param"),
    [
        ({"limits": {"king": "1"}}, "role"),
        ({"limits": {"viewer": "1"}}, "limits"),
        ({"limits": {"supervisor": "lots"}}, "limits.supervisor"),
        ({"limits": {"supervisor": "-1"}}, "limits.supervisor"),
        ({"limits": {"supervisor": "NaN"}}, "limits.supervisor"),
        ({"limits": {"supervisor": "2", "manager": "1"}}, "limits"),
        ({"limits": []}, None),
        ({"limits": [1]}, "limits"),
        ({"two_people_above": True}, "two_people_above"),
        ({"longest_sla_s": 1}, "longest_sla_s"),
        ({"longest_sla_s": 60.5}, "longest_sla_s"),
        ({"quiet_hours": "at night"}, "quiet_hours"),
        ({"quiet_role": "viewer"}, "quiet_role"),
        ({"mail_arguments": "some"}, "mail_arguments"),
        ({"limit": {}}, "limit"),
    ],
)
def test_rules_that_cannot_be_read_are_named(document: dict[str, Any], param: str | None) -> None:
    if param is None:
        assert read_rules(document) == HouseRules()
        return
    with pytest.raises(Invalid) as caught:
        read_rules(document)
    assert caught.value.param == param


def test_those_are_asked_who_may_grant_it_the_lowest_role_first() -> None:
    users = [SUE, SAM, MAY, VIC]
    assert recipients(asked(POLICY), users) == (SUE, SAM)
    assert recipients(asked(replace(POLICY, grants=2)), [SUE, MAY, VIC]) == (SUE, MAY)
    limited = replace(POLICY, limits={Role.SUPERVISOR: Decimal(100), Role.MANAGER: Decimal(900)})
    assert recipients(asked(limited), users) == (MAY,)
    half = decide(
        asked(replace(POLICY, grants=2)), Act(Deed.GRANT, SUE.as_person, seen_hash="h1"), NOON
    )
    assert recipients(half, users) == (SAM,)
    assert recipients(asked(limited), [VIC]) == ()


def test_what_leaves_the_house_is_masked() -> None:
    arguments = {"amount": "240.50", "account": "44172908", "name": "Ann Miller", "pin": "12"}
    said = "Pay 240.50 for Ann Miller on 44172908, also written 4417 2908 11?"
    hidden = masked_sentence(said, arguments, "amount")
    assert "240.50" in hidden
    for secret in ("44172908", "4417 2908", "Ann Mil"):
        assert secret not in hidden
    assert (masked("44172908"), masked("12345"), masked("1234")) == ("•••2908", "•••45", "•••")
