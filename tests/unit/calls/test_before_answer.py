"""What a flow fetches while the phone rings."""

from __future__ import annotations

import pytest
from tests.fakes.scene import scene
from tests.fakes.virtual_time import run_virtual

from trunkline.domain.events import Json, ToolOutcome
from trunkline.flows.schema.loader import load_flow
from trunkline.flows.tools import ToolError, ToolFailed
from trunkline.model.script import Script

FLOW = load_flow(
    """
agent: {name: energy, display_name: Greeter}
start: greet
before_answer:
  - {tool: get_caller, arguments: {number: "{{ caller_number }}"}, save_as: caller,
     timeout_s: 1.0, default: {name: stranger}}
tools:
  get_caller:
    description: Who calls.
    parameters: {type: object, properties: {number: {type: string}}}
    returns: {type: object, properties: {name: {type: string}}}
    http: {url: "https://crm.example.org/{{ number }}"}
steps:
  greet: {say: "Hello {{ caller.name }}.", next: bye}
  bye: {say: Goodbye., hang_up: done}
""",
    environment={},
    name="greeter.yaml",
)
REFUSED = ToolFailed(ToolOutcome.FAILED, ToolError("http_500", "the service answered 500"), 5, 1)


@pytest.mark.parametrize(
    ("answer", "delay_s", "greeting"),
    [
        ({"name": "Ada"}, 0.2, "Hello Ada."),
        ({"name": "Ada"}, 5.0, "Hello stranger."),
        (REFUSED, 0.2, "Hello stranger."),
        (RuntimeError("a fault of ours"), 0.2, "Hello stranger."),
    ],
    ids=["in time", "late", "refused", "broken"],
)
def test_the_greeting_knows_who_calls_or_does_without(
    answer: Json, delay_s: float, greeting: str
) -> None:
    async def play() -> None:
        async with scene(Script(), flow=FLOW) as call:
            call.tools.answers["get_caller"] = answer
            call.tools.delay_s = delay_s
            await call.over()
            assert [turn.text for turn in call.turns] == [greeting, "Goodbye."]
            assert len(call.tools.ran) == 1

    run_virtual(play())
