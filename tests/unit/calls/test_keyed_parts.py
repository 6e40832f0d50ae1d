"""Keys that are too few for a number, in a whole call."""

from __future__ import annotations

from tests.fakes.scene import scene
from tests.fakes.virtual_time import run_virtual
from tests.unit.calls.test_whole_calls import BALANCE_CALL

from trunkline.domain.turn import Speaker, TurnKind


def test_digits_that_may_be_part_of_a_number_are_given_to_the_engine_to_complete() -> None:
    async def play() -> None:
        async with scene(BALANCE_CALL) as call:
            await call.heard("How can I help you")
            call.leg.press("1")
            await call.heard("account number?")
            call.leg.press("441")
            await call.leg.until(lambda: call.turns[-1].kind is TurnKind.REPLY)
            assert call.said_by(Speaker.CALLER)[-1] == "441"

    run_virtual(play())
