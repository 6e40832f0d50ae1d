"""A tool that has been asked leaves a fact, whatever becomes of the call."""

from __future__ import annotations

from tests.fakes.scene import scene
from tests.fakes.virtual_time import run_virtual
from tests.fakes.voices import voiced
from tests.unit.calls.test_whole_calls import BALANCE, BALANCE_CALL

from trunkline.domain.events import CallEnded, ToolOutcome, ToolRan


def test_a_tool_that_the_callers_hang_up_cuts_off_is_on_record() -> None:
    async def play() -> None:
        async with scene(BALANCE_CALL) as call:
            call.tools.answers["get_balance"] = BALANCE
            call.tools.delay_s = 5
            await call.heard("How can I help you")
            call.leg.say(voiced(900))
            await call.heard("account number?")
            call.leg.say(voiced(1800))
            await call.leg.until(lambda: bool(call.tools.ran))
            call.leg.hang_up_by_caller()
            await call.over()
            (run,) = call.facts(ToolRan)
            assert (run.tool, run.outcome) == ("get_balance", ToolOutcome.UNKNOWN)
            assert run.arguments == dict(call.tools.ran[0][1])
            kinds = [type(fact) for fact in call.sink.facts]
            assert kinds.index(ToolRan) < kinds.index(CallEnded)

    run_virtual(play())
