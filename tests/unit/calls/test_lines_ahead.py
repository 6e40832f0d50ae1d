"""Lines rendered ahead: what calls open with first, the rest while nobody is on the line."""

from __future__ import annotations

import asyncio

from tests.fakes.scene import energy, scene
from tests.fakes.virtual_time import run_virtual

from trunkline.calls.house_lines import house_lines
from trunkline.flows.opening import opening_lines


def test_an_edge_is_warm_once_calls_can_open() -> None:
    async def play() -> None:
        async with scene(is_warm=False, is_called=False) as edge:
            edge.speech.delay_s = 0.1
            assert await edge.service.warm(60)
            asked = {line.text for line in edge.speech.asked}
            assert asked == {*house_lines("en").all(), *opening_lines(energy())}

    run_virtual(play())


def test_the_other_lines_wait_while_a_call_is_up() -> None:
    async def play() -> None:
        async with scene() as edge:
            edge.speech.delay_s = 5.0
            before = len(edge.speech.asked)
            await asyncio.sleep(4)
            assert len(edge.speech.asked) - before <= 1  # one that was begun is finished
            edge.leg.hang_up_by_caller()
            edge.speech.delay_s = 0.0
            await asyncio.sleep(20)
            assert set(energy().fixed_lines()) <= {line.text for line in edge.speech.asked}

    run_virtual(play())
