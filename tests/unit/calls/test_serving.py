from __future__ import annotations

import pytest
from tests.unit.calls.flow_texts import shop

from trunkline.calls.serving import HeldFlows, Served, is_in_canary
from trunkline.domain.errors import NotFound
from trunkline.flows.flow import Flow
from trunkline.flows.schema.loader import load_flow

CALLS = [f"call_{number}" for number in range(4000)]


def flow(greeting: str, agent: str = "kiosk") -> Flow:
    return load_flow(shop(greeting, agent), environment={})


@pytest.mark.parametrize("percent", [1, 5, 20, 50, 99])
def test_a_canary_takes_its_share(percent: int) -> None:
    share = sum(is_in_canary(call, "v2", percent) for call in CALLS) / len(CALLS)
    # Three standard deviations of a fair draw of 4,000.
    assert abs(share - percent / 100) < 3 * (percent / 100 * (1 - percent / 100) / 4000) ** 0.5


def test_nobody_leaves_a_canary_that_grows() -> None:
    small = {call for call in CALLS if is_in_canary(call, "v2", 5)}
    assert small <= {call for call in CALLS if is_in_canary(call, "v2", 6)}


def test_the_ends_are_nobody_and_everybody() -> None:
    assert not any(is_in_canary(call, "v2", 0) for call in CALLS)
    assert all(is_in_canary(call, "v2", 100) for call in CALLS)


def test_another_version_draws_other_calls() -> None:
    first = {call for call in CALLS if is_in_canary(call, "v2", 10)}
    second = {call for call in CALLS if is_in_canary(call, "v3", 10)}
    assert len(first & second) < len(first) / 2


def test_a_call_gets_the_same_version_however_often_it_asks() -> None:
    served = Served(flow("Hello."), flow("Hi."), 50)
    held = [HeldFlows(call, {"kiosk": served}) for call in CALLS[:50]]
    assert all(one.take("kiosk") is one.take("kiosk") for one in held)
    assert {one.take("kiosk").version for one in held} == {one.version for one in served.flows()}


def test_an_agent_that_is_not_there_is_named_with_those_that_are() -> None:
    held = HeldFlows("call_1", {"kiosk": Served(flow("Hello."))})
    with pytest.raises(NotFound, match="'shoe'.*kiosk"):
        held.take("shoe")
