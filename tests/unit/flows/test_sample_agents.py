"""The sample agents as they ship: sound together, told apart, and quick to open."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.unit.flows.conversation import Conversation, flow_of

from trunkline.flows.catalog import SHIPPED_AGENTS
from trunkline.flows.check.checker import examine_text
from trunkline.flows.opening import opening_lines
from trunkline.flows.prompts import PromptError, compile_prompt
from trunkline.flows.schema.loader import FlowInvalid
from trunkline.runtime.settings import SAMPLE_NUMBERS

FLOWS = {path.stem: flow_of(path.read_text("utf-8")) for path in SHIPPED_AGENTS.glob("*.yaml")}
DESK = """\
agent: {name: desk, display_name: Desk}
start: hello
%s
steps:
  hello: {say: "%s", next: over}
  over: {handoff: %s}
"""


def test_every_sample_number_leads_to_an_agent_that_ships() -> None:
    assert set(SAMPLE_NUMBERS.values()) <= FLOWS.keys()


@pytest.mark.parametrize("agent", FLOWS)
def test_agents_hand_over_to_agents_that_are_there(agent: str) -> None:
    text = (SHIPPED_AGENTS / f"{agent}.yaml").read_text("utf-8")
    assert examine_text(text, environment={}, agents=FLOWS).findings == ()


def test_a_handoff_to_nobody_is_found() -> None:
    text = DESK % ("", "Hello.", "shpo")
    (finding,) = examine_text(text, environment={}, agents=FLOWS).findings
    assert (finding.code, finding.line, finding.is_error) == ("unknown_agent", 6, True)
    assert "did you mean 'shop'?" in finding.message
    assert examine_text(text, environment={}).findings == ()  # who else there is is not known


@pytest.mark.parametrize("agent", FLOWS)
def test_few_lines_are_needed_before_calls_are_taken(agent: str) -> None:
    flow = FLOWS[agent]
    opening = opening_lines(flow)
    assert len(opening) <= 10
    call = Conversation(flow)
    call.answer()
    constant = [said for said in call.said if said in flow.fixed_lines()]
    assert set(constant) <= set(opening)
    gone = [line.prompt.render(flow.variables) for line in flow.policies.engine_failure.lines]
    assert set(gone) <= set(opening)


def test_a_calendar_has_to_be_named() -> None:
    office = 'calendars: {office: {weekdays: "08:00-17:00"}}'
    with pytest.raises(FlowInvalid, match="open") as caught:
        flow_of(DESK % (office, "{{ open }}", "shop"))
    (complaint,) = caught.value.complaints
    assert "Write open.office" in complaint.message
    assert complaint.line == 5
    with pytest.raises(FlowInvalid):
        flow_of(DESK % (office, "{% if opens %}x{% endif %}", "shop"))
    with pytest.raises(FlowInvalid):
        flow_of(DESK % ("", "{{ open.office }}", "shop"))
    flow_of(DESK % (office, "{% if open.office %}Hello.{% endif %}", "shop"))


def test_a_tools_own_parameter_may_have_the_name_of_a_secret_slot() -> None:
    text = """\
agent: {name: till, display_name: Till}
start: card
tools:
  charge:
    description: Charge a card.
    parameters: {type: object, properties: {card: {type: string}}, required: [card]}
    http: {method: POST, url: "https://till.example.org/charge", body: {number: "no %s"}}
steps:
  card: {collect: {card: {use: card_number}}, next: charge}
  charge: {tool: charge, arguments: {card: "{{ card }}"}, next: done}
  done: {say: "Done%s.", hang_up: done}
"""
    flow_of(text % ("{{ card }}", ""))
    with pytest.raises(FlowInvalid, match="secret"):
        flow_of(text % ("{{ card }}", " {{ card }}"))


@pytest.mark.parametrize("field", ["items", "keys", "values", "get", "copy", "pop"])
def test_a_dotted_name_is_a_field_and_never_a_method(field: str) -> None:
    prompt = compile_prompt(f"You have {{{{ found.{field} }}}}.")
    assert prompt.render({"found": {field: "two lamps"}}) == "You have two lamps."
    with pytest.raises(PromptError):
        prompt.render({"found": {}})


def test_the_reminder_tells_a_machine_nothing_about_anybodys_health() -> None:
    text = Path(SHIPPED_AGENTS / "clinic_reminder.yaml").read_text("utf-8")
    left = text[text.index("  after_beep:") : text.index("  left_message:")]
    assert "callback_number" in left
    for word in ("appointment", "doctor", "patient"):
        assert word not in left.lower()
