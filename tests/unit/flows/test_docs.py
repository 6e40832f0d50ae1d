"""The page that teaches flows is itself loaded."""

from __future__ import annotations

import re
from pathlib import Path

from tests.unit.flows.conversation import Conversation, flow_of

from trunkline.flows.actions import RunTool
from trunkline.flows.check.checker import examine_text

PAGE = Path(__file__).parents[3] / "docs" / "flows.md"


def examples() -> list[str]:
    return re.findall(r"```yaml\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.S)


def test_the_example_of_the_documentation_loads_and_runs() -> None:
    example, _, policies = examples()
    call = Conversation(flow_of(f"{example}\n{policies}"))
    call.answer()
    call.caller_wants("loans")
    call.caller_gives(card="123456")
    call.tool_returns({"count": 3, "due": "2026-12-01"})
    assert call.said == [
        "You have 3 items, due Tuesday, December first.",
        "Is there anything else?",
    ]
    call.caller_wants("nothing")
    assert call.hung_up is not None


def test_the_example_of_the_other_steps_loads_and_runs() -> None:
    call = Conversation(flow_of(examples()[1]))
    call.answer()
    assert call.said == ["How can I help?"]
    call.caller_wants("pay")
    call.caller_presses("4111111111111111")
    assert isinstance(call.running, RunTool)
    assert "4111111111111111" not in str(call.running.arguments)
    call.tool_returns({})
    assert call.hung_up is not None


def test_the_example_of_tools_offered_to_a_model_loads_and_is_sound() -> None:
    page = PAGE.with_name("tools.md").read_text(encoding="utf-8")
    offered = next(
        text for text in re.findall(r"```yaml\n(.*?)```", page, re.S) if text.startswith("agent:")
    )
    assert examine_text(offered, environment={}).findings == ()
    call = Conversation(flow_of(offered), caller_number="+15550100")
    call.answer()
    call.engine_reports("find_parcel", number="7")
    assert dict(call.running.arguments) == {"number": "7", "phone": "+15550100"}
