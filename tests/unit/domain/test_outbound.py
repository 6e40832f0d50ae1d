"""Whom we may call, when, and whether again."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from trunkline.calls.outbound_rules import outbound_rules
from trunkline.domain.call import EndCause
from trunkline.domain.dial_plan import DialPlan
from trunkline.domain.errors import ConfigError, Forbidden, Invalid
from trunkline.domain.outbound import OutboundRules, OutboundTrunk
from trunkline.domain.placement import RetryPolicy
from trunkline.domain.quiet_hours import as_quiet_hours
from trunkline.domain.tariff import as_tariff
from trunkline.runtime.settings import Settings, TrunkSettings

NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("prefixes", "number", "code"),
    [
        ((), "+441632960100", "number_not_allowed"),
        (("+44",), "+441632960100", ""),
        (("+44",), "+449098765432", "premium_number"),
        (("+44909",), "+449098765432", ""),
        (("+",), "+19005550100", "premium_number"),
        (("+",), "+881612345678", "premium_number"),
        (("1",), "112", "emergency_number"),
        (("112",), "112", ""),
        (("9",), "911", "emergency_number"),
        (("+",), "+999", "emergency_number"),
        (("1",), "100", ""),
    ],
)
def test_special_numbers_are_never_allowed_by_accident(
    prefixes: tuple[str, ...], number: str, code: str
) -> None:
    plan = DialPlan(prefixes)
    if not code:
        assert plan.check(number, leads_outside=True) == number
        return
    with pytest.raises(Forbidden) as refused:
        plan.check(number, leads_outside=True)
    assert refused.value.code == code
    with pytest.raises(Forbidden):
        plan.check(f"sip:{number}@carrier.example", leads_outside=True)


@pytest.mark.parametrize(
    ("hours", "at", "then"),
    [
        ("21:00-08:00 Europe/London", "2026-07-01T20:30:00", "2026-07-02T07:00:00"),
        ("21:00-08:00 Europe/London", "2026-07-01T06:59:00", "2026-07-01T07:00:00"),
        ("21:00-08:00 Europe/London", "2026-07-01T07:00:00", "2026-07-01T07:00:00"),
        ("12:00-13:00", "2026-11-21T12:00:00", "2026-11-21T13:00:00"),
        ("12:00-12:00", "2026-11-21T12:00:00", "2026-11-21T12:00:00"),
        # The night in which clocks go forward has an hour less of quiet.
        ("21:00-08:00 Europe/London", "2027-03-27T23:00:00", "2027-03-28T07:00:00"),
    ],
)
def test_quiet_hours_end_by_the_wall_clock_of_their_zone(hours: str, at: str, then: str) -> None:
    quiet = as_quiet_hours(hours)
    assert quiet is not None
    found = quiet.over_at(datetime.fromisoformat(at).replace(tzinfo=UTC))
    assert found == datetime.fromisoformat(then).replace(tzinfo=UTC)


@pytest.mark.parametrize("text", ["at night", "25:00-08:00", "21:00-08:00 Atlantis/City"])
def test_quiet_hours_that_are_none_are_said(text: str) -> None:
    with pytest.raises(Invalid, match="Europe/London"):
        as_quiet_hours(text)
    with pytest.raises(ConfigError, match="outbound calls"):
        outbound_rules(Settings(outbound_quiet_hours=text))


def test_a_retry_waits_by_its_cause_and_stops() -> None:
    policy = RetryPolicy(3, {EndCause.BUSY: 60})
    again = NOON + timedelta(seconds=60)
    assert policy.next_try(1, EndCause.BUSY, was_answered=False, now=NOON) == again
    assert policy.next_try(3, EndCause.BUSY, was_answered=False, now=NOON) is None
    assert policy.next_try(1, EndCause.NO_ANSWER, was_answered=False, now=NOON) is None
    assert policy.next_try(1, EndCause.BUSY, was_answered=True, now=NOON) is None


@pytest.mark.parametrize(
    ("attempts", "after_s"),
    [(0, {}), (11, {}), (2, {EndCause.CALLEE_HANGUP: 5}), (2, {EndCause.BUSY: 0})],
)
def test_a_retry_policy_has_bounds(attempts: int, after_s: dict[EndCause, int]) -> None:
    with pytest.raises(Invalid):
        RetryPolicy(attempts, after_s)


def test_rules_come_from_the_settings() -> None:
    carrier = TrunkSettings(
        name="carrier",
        registrar="sip:carrier.example:5080;transport=tcp",
        caller_ids=("+44 1632 960000",),
        prices={"+44": 0.02},
    )
    by_source = TrunkSettings(name="pbx", sources=("192.0.2.1",))
    settings = Settings(
        trunks=(by_source, carrier), outbound_prefixes=("+44",), outbound_spend_cap=12.5
    )
    rules = outbound_rules(settings)
    assert rules.spend_cap == 12_500_000
    assert [trunk.name for trunk in rules.trunks] == ["carrier"]  # the other has nowhere to dial
    route = rules.route("+441632960100", caller_id="+441632960000")
    assert (route.trunk, route.price.cost(61)) == ("carrier", 40_000)
    outside = rules.route("sip:+441632960100@carrier.example:5080")
    assert (outside.trunk, outside.price.per_minute) == ("carrier", 20_000)
    assert rules.route("sip:desk@192.168.0.7").price.per_minute == 0
    with pytest.raises(ConfigError, match="trunk carrier"):
        bad = carrier.model_copy(update={"billing": "monthly"})
        outbound_rules(Settings(trunks=(bad,)))


@pytest.mark.parametrize(
    ("hosts", "uri", "is_allowed"),
    [
        (None, "sip:a@anywhere.example", True),
        ((), "sip:a@127.0.0.1", False),
        (("pbx.example.org",), "sip:a@PBX.example.org:5070;transport=tcp", True),
        (("pbx.example.org",), "sip:a@evil-pbx.example.org", False),
        (("*.example.net",), "sips:a@b.example.net", True),
        (("*.example.net",), "sip:a@example.net.evil.example", False),
        (("*.example.net",), "sip:a@evilexample.net", False),
        (("10.0.0.0/8", "fd00::/8"), "sip:a@10.9.8.7", True),
        (("10.0.0.0/8", "fd00::/8"), "sip:a@[fd00::7]:5060", True),
        (("10.0.0.0/8",), "sip:a@11.0.0.1", False),
        (("10.0.0.0/8",), "sip:a@10.example", False),
        (("*",), "sip:a@anywhere.example", True),
    ],
)
def test_a_uri_leads_to_allowed_hosts_only(
    hosts: tuple[str, ...] | None, uri: str, is_allowed: bool
) -> None:
    plan = DialPlan(hosts=hosts)
    if is_allowed:
        assert plan.check(uri, leads_outside=False) == uri
        return
    with pytest.raises(Forbidden) as refused:
        plan.check(uri, leads_outside=False)
    assert refused.value.code == "host_not_allowed"


def test_by_default_only_a_lab_calls_uris_and_only_in_private_networks() -> None:
    lab = outbound_rules(Settings(local_trunk=True)).plan
    assert lab.check("sip:anna@192.168.1.7", leads_outside=False)
    assert lab.check("sip:anna@localhost", leads_outside=False)
    for plan, uri in (
        (lab, "sip:anna@198.51.100.7"),
        (lab, "sip:anna@toll.example"),
        (outbound_rules(Settings(local_trunk=False)).plan, "sip:anna@192.168.1.7"),
    ):
        with pytest.raises(Forbidden, match="OUTBOUND_HOSTS"):
            plan.check(uri, leads_outside=False)
    named = outbound_rules(Settings(outbound_hosts=("PBX.example",))).plan
    assert named.check("sip:anna@pbx.example", leads_outside=False)
    with pytest.raises(ConfigError, match="'a b'"):
        outbound_rules(Settings(outbound_hosts=("a b",)))


def test_a_call_falls_back_to_trunks_that_may_carry_it_and_cost_no_more() -> None:
    def trunk(name: str, price: int, *prefixes: str, shows: str = "+44160") -> OutboundTrunk:
        tariff = as_tariff({"+44": price}, "60/60")
        return OutboundTrunk(name, (f"{name}.example", "5060"), (shows,), tariff, prefixes)

    rules = OutboundRules(
        DialPlan(("+44",)),
        (
            trunk("first", 2),
            trunk("dearer", 3),
            trunk("cheaper", 1),
            trunk("abroad", 1, "+33"),
            trunk("anonymous", 1, shows="+44161"),
        ),
        spend_cap=1_000_000,
    )
    assert rules.backups("+441632", trunk="first", caller_id="+44160") == ("cheaper",)
    assert rules.backups("+441632", trunk="first") == ("cheaper", "anonymous")
    free = replace(rules, spend_cap=None)
    assert free.backups("+441632", trunk="first", caller_id="+44160") == ("dearer", "cheaper")
    assert free.backups("sip:+441632@first.example", trunk="first") == ()
    assert rules.route("+441632").trunk == "first"
    abroad = OutboundRules(DialPlan(("+",)), rules.trunks[3:4])
    with pytest.raises(Forbidden, match="prefixes"):
        abroad.route("+441632")
