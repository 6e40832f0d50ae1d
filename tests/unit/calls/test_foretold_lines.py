"""What the flow would say is rendered while the caller speaks; nobody hears of what it was not."""

from __future__ import annotations

from tests.fakes.scene import Scene, scene
from tests.fakes.virtual_time import run_virtual
from tests.fakes.voices import voiced

from trunkline.domain.events import TurnEnded
from trunkline.domain.turn import Speaker
from trunkline.flows.schema.loader import load_flow
from trunkline.model.script import Script

FLOW = """
agent: {name: desk, display_name: Desk}
start: menu
intents:
  number: {label: number, description: Which number., examples: [my number], goto: number}
  hours: {label: hours, description: Hours., examples: [hours], goto: hours}
policies: {no_input: {after_ms: 20000}}
steps:
  menu: {say: How can I help?, listen: {intents: [number, hours]}}
  number: {say: "You call from {{ caller_number }}.", hang_up: done}
  hours: {say: We are open all day., hang_up: done}
"""


def told(intent: str) -> Script:
    tool = {"name": f"intent_{intent}", "arguments": {}}
    return Script.model_validate({"transcripts": [intent], "replies": [{"tool": tool}]})


async def asked(call: Scene, intent_line: str) -> list[str]:
    """The lines that were rendered in the call, once it is over."""
    before = len(call.speech.asked)
    call.leg.say(voiced(1200))
    await call.heard(intent_line)
    await call.over()
    return [line.text for line in call.speech.asked[before:]]


def response_ms(call: Scene) -> int:
    (answer,) = [turn for turn in call.turns if turn.response_ms is not None]
    assert answer.response_ms is not None
    return answer.response_ms


def test_a_line_with_the_callers_own_values_is_there_when_the_turn_ends() -> None:
    async def play() -> None:
        flow = load_flow(FLOW, environment={})
        async with scene(told("number"), flow=flow) as call:
            await call.heard("How can I help?")
            call.speech.delay_s = 0.4
            lines = await asked(call, "You call from")
            assert sum(line.startswith("You call from") for line in lines) == 1
            assert response_ms(call) <= 640  # the hangover, and a few frames

    run_virtual(play())


def test_a_way_that_was_not_taken_leaves_no_trace() -> None:
    async def play() -> None:
        flow = load_flow(FLOW, environment={})
        async with scene(told("hours"), flow=flow) as call:
            await call.heard("How can I help?")
            lines = await asked(call, "We are open all day.")
            assert any(line.startswith("You call from") for line in lines)
            said = [turn.text for turn in call.turns if turn.speaker is Speaker.AGENT]
            assert said == ["How can I help?", "We are open all day."]
            assert "You call from" not in str(call.facts(TurnEnded))
            assert not any("You call from" in str(note) for note in call.log)

    run_virtual(play())


def test_a_line_that_could_not_be_had_ahead_is_had_when_it_is_said() -> None:
    async def play() -> None:
        flow = load_flow(FLOW, environment={})
        async with scene(told("number"), flow=flow) as call:
            await call.heard("How can I help?")
            call.speech.is_down = True
            call.leg.say(voiced(1200))
            tried = "You call from"
            await call.leg.until(
                lambda: any(line.text.startswith(tried) for line in call.speech.asked), 20
            )
            call.speech.is_down = False
            await call.heard(tried)
            assert not any(note["event"] == "line_failed" for note in call.log)

    run_virtual(play())


def test_an_engine_that_thinks_does_so_in_the_hangover() -> None:
    async def play() -> None:
        script = Script.model_validate(
            {
                "transcripts": ["number"],
                "replies": [{"delay_ms": 300, "tool": {"name": "intent_hours", "arguments": {}}}],
            }
        )
        async with scene(script, flow=load_flow(FLOW, environment={})) as call:
            await call.heard("How can I help?")
            await asked(call, "We are open all day.")
            assert response_ms(call) <= 640

    run_virtual(play())
