"""Calls that do not end: what moved last, and when that is too long ago."""

from __future__ import annotations

import asyncio

import pytest
from tests.fakes.scene import scene
from tests.fakes.virtual_time import run_virtual

import trunkline.calls.session
from trunkline.calls.stuck import OVER_S, SILENT_S, Sign, Stuck, StuckWatch, Why
from trunkline.domain.call import EndCause
from trunkline.domain.ids import CallId

ONE, TWO = CallId("call_one"), CallId("call_two")


def test_a_call_whose_packets_or_events_move_is_never_stuck() -> None:
    watch = StuckWatch()
    for second in range(0, 20_000, 60):
        assert not watch.look([Sign(ONE, (second, 0), is_over=False)], second)


def test_one_in_which_nothing_moves_for_half_an_hour_is() -> None:
    watch, sign = StuckWatch(), Sign(ONE, (7, 3), is_over=False)
    assert not watch.look([sign], 0)
    assert not watch.look([sign], SILENT_S - 1)
    assert watch.look([sign, Sign(TWO, (1,), is_over=False)], SILENT_S) == [Stuck(ONE, Why.SILENT)]
    assert not watch.look([Sign(ONE, (8, 3), is_over=False)], SILENT_S + 1)


def test_one_that_is_over_and_does_not_end_is_even_if_packets_come() -> None:
    watch = StuckWatch()
    for second in range(int(OVER_S)):
        assert not watch.look([Sign(ONE, (second,), is_over=True)], second)
    assert watch.look([Sign(ONE, (99,), is_over=True)], OVER_S) == [Stuck(ONE, Why.WINDS_UP)]


def test_a_call_that_is_gone_is_forgotten() -> None:
    watch, sign = StuckWatch(), Sign(ONE, (7,), is_over=False)
    watch.look([sign], 0)
    watch.look([], 1)
    assert not watch.look([sign], SILENT_S + 1)


def test_a_call_that_cannot_wind_up_is_cut_off_with_a_cause(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def hang_for_ever(call: object) -> None:
        await asyncio.sleep(1_000_000)

    async def play() -> None:
        monkeypatch.setattr(trunkline.calls.session, "wind_up", hang_for_ever)
        async with scene() as call:
            await call.heard("How can I help you")
            call.leg.hang_up_by_caller()
            await call.over(deadline_s=OVER_S + 20)
            assert call.end.cause is EndCause.INTERNAL_ERROR

    run_virtual(play())
