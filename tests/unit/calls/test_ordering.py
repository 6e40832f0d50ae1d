"""What an order may give to a flow, and what only the flow itself gives."""

from __future__ import annotations

import pytest

from trunkline.calls.ordering import addressing, check_variables
from trunkline.domain.errors import Invalid
from trunkline.flows.catalog import SHIPPED_AGENTS
from trunkline.flows.flow import Flow
from trunkline.flows.schema.loader import load_flow


def reminder() -> Flow:
    text = (SHIPPED_AGENTS / "clinic_reminder.yaml").read_text(encoding="utf-8")
    return load_flow(text, environment={})


def test_whom_to_remind_is_given_and_where_tools_connect_is_not() -> None:
    flow = reminder()
    check_variables(flow, {"patient": "204817", "first_name": "Anna"})
    assert "sample_service_url" in addressing(flow)
    # The URL holds the tool's own argument of that name, not the flow's variable.
    assert "patient" not in addressing(flow)
    with pytest.raises(Invalid) as refused:
        check_variables(flow, {"sample_service_url": "http://198.51.100.1"})
    assert refused.value.param == "variables.sample_service_url"
