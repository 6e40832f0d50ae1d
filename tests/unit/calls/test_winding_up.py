"""The last second of a call: no part of it that is slow or broken costs the others their facts."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any

import pytest
from tests.fakes.scene import Scene, scene
from tests.fakes.virtual_time import run_virtual
from tests.fakes.voices import voiced
from tests.unit.calls.test_whole_calls import BALANCE_CALL

from trunkline.audio.disk_writer import finish_in
from trunkline.calls.control import HangUpCall
from trunkline.domain.events import CallEnded, CallStarted, RecordingClosed, RecordingState
from trunkline.domain.turn import Speaker


def _finishes_after(seconds: float) -> Callable[[Callable[[], Any]], Future[Any]]:
    """A disk whose last job is done so much later."""
    loop = asyncio.get_running_loop()

    def later(run: Callable[[], None]) -> None:
        loop.call_later(seconds, run)

    return lambda job: finish_in(later, job)


async def _hung_up_in_the_greeting(call: Scene) -> float:
    """Until the call is over; the loop's time of the hang-up."""
    await call.leg.until(lambda: call.leg.has_heard(1000))
    call.leg.hang_up_by_caller()
    ended_s = asyncio.get_running_loop().time()
    await call.over()
    return ended_s


def test_a_slow_disk_delays_only_the_fact_of_the_recording(monkeypatch: pytest.MonkeyPatch) -> None:
    async def play() -> None:
        async with scene() as call:
            monkeypatch.setattr(call.disk, "finish", _finishes_after(6))
            ended_s = await _hung_up_in_the_greeting(call)
            (kept,) = call.facts(RecordingClosed)
            assert kept.state is RecordingState.COMPLETE
            assert (call.data_dir / kept.path).stat().st_size > 8000 * 4
            at_s = dict(zip((type(f) for f in call.sink.facts), call.sink.at_s, strict=True))
            assert at_s[CallEnded] - ended_s < 1
            assert 5 < at_s[RecordingClosed] - ended_s < 7

    run_virtual(play())


def test_a_disk_that_hangs_does_not_hold_the_call_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    async def play() -> None:
        async with scene() as call:
            monkeypatch.setattr(call.disk, "finish", _finishes_after(3600))
            await _hung_up_in_the_greeting(call)
            assert call.end.duration_ms > 0
            assert not call.facts(RecordingClosed)

    run_virtual(play())


def test_an_engine_whose_session_cannot_be_closed_costs_no_fact(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def broken(link: object) -> None:
        raise RuntimeError("the transport is in no state to be closed")

    async def play() -> None:
        async with scene() as call:
            monkeypatch.setattr("trunkline.calls.engine_link.EngineLink.close", broken)
            await _hung_up_in_the_greeting(call)
            assert call.end.duration_ms > 0
            assert call.facts(RecordingClosed)
            assert call.log[-1]["document"]["fact"] == "call_ended"

    run_virtual(play())


def test_the_time_it_takes_to_end_is_no_time_of_the_call(monkeypatch: pytest.MonkeyPatch) -> None:
    async def slowly(link: object) -> None:
        await asyncio.sleep(0.7)

    async def play() -> None:
        async with scene() as call:
            monkeypatch.setattr("trunkline.calls.engine_link.EngineLink.close", slowly)
            await _hung_up_in_the_greeting(call)
            (kept,) = call.facts(RecordingClosed)
            assert abs(call.end.duration_ms - kept.duration_ms) < 100

    run_virtual(play())


@pytest.mark.parametrize(
    "broken", ["session.CallSession._publish_start", "winding_up._publish_end", "session.wind_up"]
)
def test_a_call_that_breaks_where_nothing_should_leaves_nobody_on_the_line(
    broken: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fault(*anything: object) -> None:
        raise RuntimeError("as the test wants")

    async def play() -> None:
        monkeypatch.setattr(f"trunkline.calls.{broken}", fault)
        async with scene() as call:
            if "start" not in broken:
                await call.leg.until(lambda: call.leg.has_heard(300))
                call.service.obey(HangUpCall(call.facts(CallStarted)[0].call_id))
            await call.over()
            assert call.leg.ended is not None
            assert call.end.call_id
            assert call.service._nursery.failures == 0

    run_virtual(play())


def test_the_callers_last_words_are_kept_as_far_as_they_were_understood() -> None:
    async def play() -> None:
        async with scene(BALANCE_CALL) as call:
            await call.heard("How can I help you")
            call.leg.say(voiced(900))
            await call.leg.until(lambda: call.leg.is_caller_done)
            await asyncio.sleep(0.1)  # before the server has found the end of the words
            call.leg.hang_up_by_caller()
            await call.over()
            (said,) = call.said_by(Speaker.CALLER)
            assert said
            assert "what is my balance".startswith(said)
            turn = call.turns[-1]
            assert turn.confidence is None
            assert 500 < turn.ended_ms - turn.started_ms < 1100

    run_virtual(play())
