"""An engine's function calls in whole calls: each gets one output, and the call goes on."""

from __future__ import annotations

from typing import Any

import pytest
from tests.fakes.scene import Scene, scene
from tests.fakes.virtual_time import run_virtual
from tests.fakes.voices import voiced
from tests.unit.calls.test_hand_off import session_of
from tests.unit.flows.conversation import flow_of
from tests.unit.flows.test_offered_tools import SHOP

from trunkline.domain.call import EndCause
from trunkline.domain.events import Json, ToolOutcome, ToolRan
from trunkline.domain.turn import Speaker, TurnKind
from trunkline.flows.tools import ToolError, ToolFailed
from trunkline.model.script import Script
from trunkline.realtime.client_events import ItemCreate
from trunkline.realtime.items import FunctionCallItem, FunctionCallOutputItem

FLOW = flow_of(SHOP)
FIND = {"name": "find_order", "arguments": {"order": "12345"}}


def script(*replies: dict[str, Any]) -> Script:
    """The caller asks where an order is; the model does as told, then speaks of what came back."""
    return Script.model_validate(
        {
            "transcripts": ["where is my order", "thank you", "thank you"],
            "replies": [
                *replies,
                {"match": "thank you", "text": "You are welcome."},
                {"text": "About that: {last}"},
            ],
        }
    )


def failed(code: str, outcome: ToolOutcome = ToolOutcome.FAILED) -> ToolFailed:
    return ToolFailed(outcome, ToolError(code, "It broke."), 10, 1)


def outputs(call: Scene) -> dict[str, str]:
    """What the model was given for each call; none was answered twice."""
    items = [event.item for event in call.endpoint.told if isinstance(event, ItemCreate)]
    given = [item for item in items if isinstance(item, FunctionCallOutputItem)]
    assert len({item.call_id for item in given}) == len(given)
    return {item.call_id: item.output for item in given}


def called(call: Scene) -> set[str]:
    """Every call that the model made, as the event log has it."""
    return {
        line["item"]["call_id"]
        for line in call.log
        if line["event"] == "realtime"
        and line.get("type") == "response.output_item.done"
        and line["item"]["type"] == "function_call"
    }


async def ask(call: Scene) -> None:
    await call.heard("How can I help?")
    call.leg.say(voiced(900))


async def hang_up(call: Scene) -> None:
    call.leg.hang_up_by_caller()
    await call.over()
    assert call.end.cause is EndCause.CALLER_HANGUP
    assert called(call) == set(outputs(call)), "a model waits for an output"


MODES: dict[str, Any] = {
    "worked": {"state": "on its way"},
    "http_500": failed("http_500"),
    "bad_answer": failed("bad_answer"),
    "answer_too_large": failed("answer_too_large"),
    "unreachable": failed("unreachable"),
    "breaker_open": failed("breaker_open"),
    "invalid_arguments": failed("invalid_arguments", ToolOutcome.INVALID),
    "timed_out": failed("timed_out", ToolOutcome.TIMED_OUT),
    "broken": RuntimeError("a fault of ours"),
}


@pytest.mark.parametrize("mode", MODES)
def test_whatever_a_tool_does_the_model_gets_its_output_and_speaks(mode: str) -> None:
    async def play() -> None:
        asked = script({"match": "where is", "tool": FIND})
        async with scene(asked, flow=FLOW) as call:
            call.tools.answers["find_order"] = MODES[mode]
            await ask(call)
            await call.heard("About that:")
            (output,) = outputs(call).values()
            if mode == "worked":
                assert output == '{"state":"on its way"}'
            else:
                assert f'"code":"{"internal" if mode == "broken" else mode}"' in output
            call.leg.say(voiced(900))
            await call.heard("You are welcome.")
            await hang_up(call)
            assert len(call.facts(ToolRan)) == 1

    run_virtual(play())


def test_a_tool_that_never_answers_is_talked_over_and_given_up() -> None:
    async def play() -> None:
        asked = script({"match": "where is", "tool": FIND})
        async with scene(asked, flow=FLOW) as call:
            call.tools.answers["find_order"] = {}
            call.tools.delay_s = 1000
            await ask(call)
            await call.heard("One moment.")
            await call.heard("About that:", deadline_s=60)
            (output,) = outputs(call).values()
            assert "timed_out" in output
            await hang_up(call)

    run_virtual(play())


@pytest.mark.parametrize(
    ("tool", "code"),
    [
        ({"name": "find_order", "arguments": {"order": "12345"}, "synthesised": ["/order"]},
         "invalid_arguments"),
        ({"name": "no_such", "arguments": {}}, "unknown_function"),
        ({"name": "to_person", "arguments": {"destination": "sip:evil@x"}}, "invalid_arguments"),
        ({"name": "press", "arguments": {}}, "invalid_arguments"),
    ],
)  # fmt: skip
def test_a_call_that_cannot_be_taken_is_answered_and_nothing_runs(
    tool: dict[str, Json], code: str
) -> None:
    async def play() -> None:
        asked = script({"match": "where is", "tool": tool, "times": 1})
        async with scene(asked, flow=FLOW) as call:
            await ask(call)
            await call.heard("About that:")
            (output,) = outputs(call).values()
            assert f'"code":"{code}"' in output
            assert call.tools.ran == []
            await hang_up(call)

    run_virtual(play())


def test_a_model_that_repeats_its_failing_call_is_stopped_and_the_caller_is_told() -> None:
    async def play() -> None:
        asked = script({"match": "where is|error", "tool": FIND})
        async with scene(asked, flow=FLOW) as call:
            call.tools.answers["find_order"] = failed("http_500")
            await ask(call)
            await call.heard("Let me stop here.")
            await call.over()
            assert called(call) == set(outputs(call))
            assert len({context.idempotency_key for _, _, context in call.tools.ran}) == 1
            assert len(call.tools.ran) == 3

    run_virtual(play())


def test_an_engine_lost_while_a_tool_runs_is_told_call_and_output_by_its_successor() -> None:
    async def play() -> None:
        asked = script({"match": "where is", "tool": FIND})
        async with scene(asked, flow=FLOW) as call:
            call.tools.answers["find_order"] = {"state": "on its way"}
            call.tools.delay_s = 3
            await ask(call)
            await call.leg.until(lambda: bool(call.tools.ran))
            call.endpoint.kill()
            await call.heard("on its way")
            fresh = call.endpoint.sessions[-1]
            items = [event.item for event in fresh.told if isinstance(event, ItemCreate)]
            calls = [item for item in items if isinstance(item, FunctionCallItem)]
            given = [item for item in items if isinstance(item, FunctionCallOutputItem)]
            assert [item.call_id for item in calls] == [item.call_id for item in given]
            assert len(given) == 1
            await hang_up(call)

    run_virtual(play())


def test_a_caller_who_speaks_first_leaves_no_call_unanswered() -> None:
    """The call of a response that is cut is answered with what became of it: nothing."""

    async def play() -> None:
        asked = script(
            {"match": "where is", "text": "Let me look that up for you now.", "tool": FIND}
        )
        async with scene(asked, flow=FLOW) as call:
            call.tools.answers["find_order"] = {"state": "on its way"}
            await ask(call)
            speaker = session_of(call).dialogue.speaker
            await call.leg.until(
                lambda: speaker.current is not None and speaker.current.kind is TurnKind.REPLY
            )
            call.leg.say(voiced(1500))
            await call.heard("You are welcome.")
            await hang_up(call)
            assert call.said_by(Speaker.CALLER)[0] == "where is my order"

    run_virtual(play())


def test_hanging_up_happens_once_and_is_the_agents() -> None:
    async def play() -> None:
        asked = script({"match": "where is|hanging", "tool": {"name": "end_call"}})
        async with scene(asked, flow=FLOW) as call:
            await ask(call)
            await call.over()
            assert call.end.cause is EndCause.AGENT_HANGUP
            assert call.said_by(Speaker.AGENT)[-1] == "Goodbye."
            assert list(outputs(call).values()) == ['{"status":"hanging_up"}']

    run_virtual(play())
