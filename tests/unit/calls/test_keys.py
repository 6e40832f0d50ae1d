"""Callers who know the way key ahead: nothing that the engine does meanwhile loses a digit."""

from __future__ import annotations

from tests.fakes.scene import Scene, scene
from tests.fakes.virtual_time import run_virtual
from tests.unit.calls.test_whole_calls import BALANCE, BALANCE_CALL

from trunkline.domain.turn import TurnKind


def engine_has_asked(call: Scene) -> bool:
    return any(line.get("name") == "EngineSpoke" for line in call.log)


def test_keys_pressed_while_the_engine_is_still_asking_are_part_of_the_entry() -> None:
    async def play() -> None:
        async with scene(BALANCE_CALL) as call:
            call.tools.answers["get_balance"] = BALANCE
            await call.leg.until(lambda: call.leg.has_heard(200))
            call.leg.press("1")
            call.leg.press("4417")
            await call.leg.until(lambda: engine_has_asked(call))
            call.leg.press("2908")
            await call.heard("You owe")
            digits = [turn.text for turn in call.turns if turn.kind is TurnKind.DIGITS]
            assert digits == ["1", "44172908"]

    run_virtual(play())
