"""Steps that leave the talking to a program outside: written, refused, and walked."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from tests.unit.flows.conversation import Conversation, flow_of

from trunkline.domain.errors import TrunklineError
from trunkline.flows.actions import Configure, EngineSpoke, ListenForCaller, ProgramPlan
from trunkline.flows.check.checker import examine_text

ROOT = Path(__file__).parents[3]
PAGE = ROOT / "docs" / "agents-sdk.md"
EXAMPLE = ROOT / "examples" / "agents_sdk" / "parcel_desk.yaml"
DESK = """
agent: {name: desk, display_name: Desk}
start: talk
steps:
  talk: {say: How can I help?, listen: {program: PROGRAM}}
"""


def configured(text: str) -> Configure:
    call = Conversation(flow_of(text))
    call.answer()
    (found,) = [action for action in call.log if isinstance(action, Configure)]
    return found


def test_the_flows_of_the_page_and_of_the_example_are_sound() -> None:
    (taught,) = re.findall(r"```yaml\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.S)
    for text in (taught, EXAMPLE.read_text(encoding="utf-8")):
        assert examine_text(text, environment={}).findings == ()
        assert configured(text).program == ProgramPlan(10_000, "One moment please.")


@pytest.mark.parametrize(
    ("written", "plan"),
    [("true", ProgramPlan()), ("{within_s: 2.5}", ProgramPlan(2500)), ("false", None)],
)
def test_a_program_may_be_let_in_with_defaults(written: str, plan: ProgramPlan | None) -> None:
    text = DESK.replace("program: PROGRAM", f"program: {written}, silence: {{goto: talk}}")
    text = text.replace("silence: {goto: talk}", "silence: {after_ms: 5000, goto: talk}")
    assert configured(text).program == plan


@pytest.mark.parametrize(
    ("listen", "complaint"),
    [
        ("{program: {within_s: 0}}", "within_s"),
        ("{program: {while_running: ''}}", "while_running"),
        ("{program: {whom: me}}", "whom"),
        ("{program: true, tools: [look]}", "a program brings its own tools"),
    ],
)
def test_what_makes_no_sense_is_refused_by_name(listen: str, complaint: str) -> None:
    text = DESK.replace("{program: PROGRAM}", listen)
    text += "tools: {look: {description: Look., http: {url: 'https://a.example'}}}\n"
    with pytest.raises(TrunklineError, match=re.escape(complaint)):
        flow_of(text)


def test_a_program_may_speak_as_often_as_it_likes() -> None:
    call = Conversation(flow_of(DESK.replace("PROGRAM", "true")))
    call.answer()
    for _ in range(30):
        last = call.feed(EngineSpoke("And what else?"))
        assert [type(action) for action in last] == [ListenForCaller]
