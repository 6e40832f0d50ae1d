"""Who took the call, in virtual time: people, machines, beeps, and lines on which nobody speaks."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from tests.fakes.scene import Scene, scene
from tests.fakes.virtual_time import run_virtual
from tests.fakes.voices import quiet, tone, voiced

from trunkline.domain.turn import Speaker
from trunkline.flows.schema.loader import load_flow

FLOW = load_flow(
    """
agent: {name: caller, display_name: Caller}
start: who
steps:
  who: {voicemail: {human: person, machine: beep, unknown: nobody, wait_ms: 4000}}
  person: {say: Hello to you., next: done}
  nobody: {say: "Is anybody there?", next: done}
  beep: {say: Please call us back., after_beep: true, beep_wait_s: 15, next: done}
  done: {say: Goodbye., hang_up: done}
""",
    environment={},
)
GREETING = voiced(3000)
BEEP = tone(400, 1000.0)


@asynccontextmanager
async def placed(*parts: bytes) -> AsyncIterator[Scene]:
    """A call on which the far end makes these sounds from the answer on."""
    async with scene(flow=FLOW) as call:
        call.leg.say(b"".join(parts))
        yield call


def line(call: Scene, text: str) -> int:
    """When the line began, in milliseconds since the answer."""
    return next(turn.started_ms for turn in call.turns if turn.text == text)


def routes(call: Scene) -> list[str]:
    return [entry["answerer"] for entry in call.log if entry["event"] == "answerer"]


@pytest.mark.parametrize("hello_ms", [300, 700, 1400])
def test_a_short_word_and_silence_is_a_person_who_is_greeted_at_once(hello_ms: int) -> None:
    async def play() -> None:
        async with placed(quiet(500), voiced(hello_ms)) as call:
            await call.over()
            assert routes(call) == ["human"]
            assert line(call, "Hello to you.") - 500 - hello_ms < 1200

    run_virtual(play())


def test_a_long_greeting_is_a_machine_and_the_message_comes_right_behind_its_beep() -> None:
    async def play() -> None:
        async with placed(quiet(400), GREETING, quiet(600), BEEP) as call:
            await call.over()
            assert routes(call) == ["machine"]
            beep_ended_ms = 400 + 3000 + 600 + 400
            assert 0 <= line(call, "Please call us back.") - beep_ended_ms < 500
            assert call.said_by(Speaker.AGENT) == ["Please call us back.", "Goodbye."]

    run_virtual(play())


def test_a_beep_alone_is_a_machine_that_need_not_beep_again() -> None:
    async def play() -> None:
        async with placed(quiet(800), BEEP) as call:
            await call.over()
            assert routes(call) == ["machine"]
            assert line(call, "Please call us back.") < 1800

    run_virtual(play())


def test_a_message_is_not_interrupted_by_whatever_the_machine_does_next() -> None:
    async def play() -> None:
        async with placed(quiet(400), GREETING, quiet(400), BEEP, quiet(300), voiced(2000)) as call:
            await call.over()
            (said,) = [turn for turn in call.turns if turn.text.startswith("Please call")]
            assert not said.is_interrupted
            assert said.text == "Please call us back."

    run_virtual(play())


def test_a_machine_that_does_not_beep_is_spoken_to_when_it_has_been_silent() -> None:
    async def play() -> None:
        async with placed(quiet(400), GREETING) as call:
            await call.over()
            assert 7_000 <= line(call, "Please call us back.") <= 10_000

    run_virtual(play())


def test_a_machine_that_never_stops_is_spoken_to_at_the_end_of_the_wait() -> None:
    async def play() -> None:
        async with placed(quiet(400), voiced(5000) * 6) as call:
            await call.over()
            began = line(call, "Please call us back.")
            assert 16_500 <= began <= 18_500  # known after 2.6 s, and 15 s of patience

    run_virtual(play())


def test_a_line_on_which_nobody_speaks_is_unknown_at_the_end_of_the_wait() -> None:
    async def play() -> None:
        async with placed() as call:
            await call.over()
            assert routes(call) == ["unknown"]
            assert 4000 <= line(call, "Is anybody there?") < 4500

    run_virtual(play())


@pytest.mark.parametrize("after_s", [1.0, 5.0])
def test_a_far_end_that_hangs_up_meanwhile_ends_the_call(after_s: float) -> None:
    async def play() -> None:
        async with placed(quiet(400), GREETING) as call:
            await asyncio.sleep(after_s)
            call.leg.hang_up_by_caller()
            await call.over()
            assert not call.said_by(Speaker.AGENT)

    run_virtual(play())
