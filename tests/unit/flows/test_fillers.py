"""Words for who waits, as a flow may have them: by turns, none at all, or the house's."""

from __future__ import annotations

import pytest
from tests.unit.flows.conversation import flow_of

from trunkline.flows.catalog import SHIPPED_AGENTS
from trunkline.flows.flow import Flow
from trunkline.flows.schema.loader import FlowInvalid

ENERGY = (SHIPPED_AGENTS / "energy.yaml").read_text(encoding="utf-8")


def flow_with(fillers: str) -> Flow:
    return flow_of(ENERGY.replace("policies:\n", f"policies:\n  fillers: {fillers}\n", 1))


def test_a_flow_that_says_nothing_of_fillers_has_the_houses() -> None:
    assert flow_of(ENERGY).policies.fillers is None


def test_the_flows_own_are_rendered_ahead_with_its_other_lines() -> None:
    flow = flow_with('["A moment, please.", "Still looking, thank you."]')
    assert {"A moment, please.", "Still looking, thank you."} <= set(flow.fixed_lines())


def test_none_at_all_may_be_asked_for() -> None:
    assert flow_with("[]").policies.fillers == ()


@pytest.mark.parametrize("fillers", ['"One moment."', '["One moment.", "One moment."]'])
def test_one_that_would_be_said_twice_running_is_refused(fillers: str) -> None:
    with pytest.raises(FlowInvalid, match="take turns"):
        flow_with(fillers)
