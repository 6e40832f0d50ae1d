"""Tools in the background of whole calls: told when nobody speaks, kept when the call is over."""

from __future__ import annotations

import asyncio

from tests.fakes.scene import Scene, scene
from tests.fakes.virtual_time import run_virtual
from tests.fakes.voices import voiced
from tests.unit.flows.conversation import flow_of
from tests.unit.flows.test_background import SHOP

from trunkline.calls.control import ToolResult
from trunkline.domain.events import CallEnded, ToolOutcome, ToolQueued, ToolRan
from trunkline.domain.ids import CallId, ToolRunId
from trunkline.domain.turn import Speaker
from trunkline.model.script import Script

FLOW = flow_of(SHOP)
WORKED = {"number": "L 7"}
TALK = Script.model_validate({"transcripts": ["well"], "replies": [{"text": "I am listening."}]})


async def queued(call: Scene) -> ToolQueued:
    await call.leg.until(lambda: bool(call.facts(ToolQueued)))
    (fact,) = call.facts(ToolQueued)
    return fact


def came_back(
    fact: ToolQueued, outcome: ToolOutcome = ToolOutcome.OK, result: object = WORKED
) -> ToolResult:
    return ToolResult(fact.call_id, fact.run_id, outcome, result, 1200, 1)


def told(call: Scene) -> list[ToolRan]:
    return [ran for ran in call.facts(ToolRan) if ran.outcome is not ToolOutcome.RUNNING]


def test_a_result_is_told_once_nobody_speaks_and_the_flow_goes_on() -> None:
    async def play() -> None:
        async with scene(TALK, flow=FLOW, is_durable=True) as call:
            fact = await queued(call)
            assert call.tools.ran == [], "a worker runs it, and not the edge"
            for _ in range(3):
                call.service.obey(came_back(fact))
            await call.heard("Your letter is number L 7.")
            await call.heard("Shall I send another?")
            said = call.said_by(Speaker.AGENT)
            assert said.index("What else?") < said.index("Your letter is number L 7.")
            (ran,) = told(call)
            assert (ran.result, ran.duration_ms, ran.is_background) == (WORKED, 1200, True)
            call.leg.hang_up_by_caller()
            await call.over()

    run_virtual(play())


def test_a_result_waits_while_the_caller_speaks() -> None:
    async def play() -> None:
        async with scene(TALK, flow=FLOW, is_durable=True) as call:
            fact = await queued(call)
            await call.heard("What else?")
            call.leg.say(voiced(3000))
            await asyncio.sleep(0.6)
            call.service.obey(came_back(fact))
            await call.heard("Your letter is number L 7.")
            said = [(turn.speaker, turn.text) for turn in call.turns]
            assert said.index((Speaker.CALLER, "well")) < said.index(
                (Speaker.AGENT, "Your letter is number L 7.")
            )
            call.leg.hang_up_by_caller()
            await call.over()

    run_virtual(play())


def test_a_result_for_a_call_that_is_over_or_was_never_ours_changes_nothing() -> None:
    async def play() -> None:
        async with scene(TALK, flow=FLOW, is_durable=True) as call:
            fact = await queued(call)
            stranger = came_back(fact)
            call.service.obey(
                ToolResult(stranger.call_id, ToolRunId("run_other"), ToolOutcome.OK, {}, 1, 1)
            )
            call.service.obey(
                ToolResult(CallId("call_other"), fact.run_id, ToolOutcome.OK, {}, 1, 1)
            )
            await call.heard("What else?")
            call.leg.hang_up_by_caller()
            await call.over()
            call.service.obey(came_back(fact))
            assert told(call) == []
            assert isinstance(call.sink.facts[-1], CallEnded)

    run_virtual(play())


def test_a_failure_is_told_in_the_flows_words() -> None:
    async def play() -> None:
        async with scene(TALK, flow=FLOW, is_durable=True) as call:
            fact = await queued(call)
            error = {"error": {"code": "http_500", "message": "x"}}
            call.service.obey(came_back(fact, ToolOutcome.FAILED, error))
            await call.heard("The letter could not be sent.")
            call.leg.hang_up_by_caller()
            await call.over()

    run_virtual(play())


def test_without_a_worker_it_runs_here_and_ends_with_the_call() -> None:
    async def play() -> None:
        async with scene(TALK, flow=FLOW) as call:
            call.tools.answers["letter"] = WORKED
            call.tools.delay_s = 3
            await call.heard("Your letter is number L 7.")
            assert call.facts(ToolQueued) == []
            call.leg.hang_up_by_caller()
            await call.over()
        async with scene(TALK, flow=FLOW) as call:
            call.tools.answers["letter"] = WORKED
            call.tools.delay_s = 300
            await call.heard("What else?")
            call.leg.hang_up_by_caller()
            await call.over()
            assert [ran.outcome for ran in told(call)] == [ToolOutcome.UNKNOWN]

    run_virtual(play())


def test_arguments_that_break_the_schema_are_never_written_down_to_be_run() -> None:
    async def play() -> None:
        wrong = flow_of(SHOP.replace('{to: "{{ caller_number }}"}', "{to: 7}"))
        async with scene(TALK, flow=wrong, is_durable=True) as call:
            await call.heard("The letter could not be sent.")
            assert call.facts(ToolQueued) == []
            (ran,) = told(call)
            assert ran.outcome is ToolOutcome.INVALID
            call.leg.hang_up_by_caller()
            await call.over()

    run_virtual(play())
