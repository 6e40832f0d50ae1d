"""A model server killed in mid-call: waited for, then replaced, then apologised for."""

from __future__ import annotations

import asyncio
from itertools import pairwise

import pytest
from tests.fakes.scene import scene
from tests.fakes.virtual_time import run_virtual
from tests.fakes.voices import voiced
from tests.unit.calls.test_whole_calls import BALANCE, BALANCE_CALL
from tests.unit.flows.conversation import flow_of

from trunkline.domain.call import EndCause
from trunkline.domain.turn import Speaker


def test_a_model_server_that_is_started_again_goes_on_where_it_was() -> None:
    async def play() -> None:
        async with scene(BALANCE_CALL) as call:
            call.tools.answers["get_balance"] = BALANCE
            await call.heard("How can I help you")
            call.leg.say(voiced(900))
            await call.heard("account number?")
            call.endpoint.is_down = True
            call.endpoint.kill()
            await call.heard("Sorry, one moment please.")
            await asyncio.sleep(3)
            call.leg.say(voiced(1800))  # kept while nobody listens
            await asyncio.sleep(1)
            call.endpoint.is_down = False
            await call.heard("You owe")
            assert len(call.endpoint.sessions) == 2
            call.leg.hang_up_by_caller()
            await call.over()

    run_virtual(play())


def test_an_answer_asked_for_while_no_engine_is_there_is_asked_of_the_next() -> None:
    async def play() -> None:
        async with scene(BALANCE_CALL) as call:
            await call.heard("How can I help you")
            call.endpoint.is_down = True
            call.endpoint.kill()
            await asyncio.sleep(2)
            call.leg.press("1")  # the account step asks the engine for its question
            await asyncio.sleep(2)
            call.endpoint.is_down = False
            await call.leg.until(lambda: len(call.endpoint.sessions) == 2)
            asked = [e.type for e in call.endpoint.sessions[1].told]
            await call.leg.until(
                lambda: "response.create" in [e.type for e in call.endpoint.sessions[1].told],
                5,
            )
            assert "response.create" not in asked[:1]
            call.leg.hang_up_by_caller()
            await call.over()

    run_virtual(play())


def test_an_engine_that_does_not_come_back_gives_way_to_the_fallback() -> None:
    async def play() -> None:
        async with scene(BALANCE_CALL, fallback_engine="spare") as call:
            await call.heard("How can I help you")
            call.endpoint.away = {"scripted"}
            call.endpoint.kill()
            await call.leg.until(lambda: "spare" in call.endpoint.asked)
            call.leg.say(voiced(900))
            await call.heard("account number?")
            assert call.endpoint.asked.count("spare") == 1
            call.leg.hang_up_by_caller()
            await call.over()

    run_virtual(play())


def test_without_any_engine_the_caller_hears_an_apology_within_a_deadline() -> None:
    async def play() -> None:
        async with scene(BALANCE_CALL, fallback_engine="spare") as call:
            await call.heard("How can I help you")
            call.endpoint.is_down = True
            call.endpoint.kill()
            began_s = asyncio.get_running_loop().time()
            await call.over()
            assert "technical problem" in call.said_by(Speaker.AGENT)[-1]
            assert call.end.cause is EndCause.ENGINE_ERROR
            # Ten seconds for the engine, one try of the fallback, and the words themselves.
            assert asyncio.get_running_loop().time() - began_s < 20

    run_virtual(play())


def test_an_edge_that_stops_says_goodbye_before_it_hangs_up() -> None:
    async def play() -> None:
        async with scene(BALANCE_CALL) as call:
            await call.heard("How can I help you")
            await call.service.drain(0.5)
            assert "I have to end this call now" in call.said_by(Speaker.AGENT)[-1]
            assert call.end.cause is EndCause.DRAINED
            assert call.leg.hang_ups == [(EndCause.DRAINED, None)]

    run_virtual(play())


def test_while_no_engine_is_there_the_caller_is_told_so_and_is_not_asked_whether_they_are() -> None:
    async def play() -> None:
        async with scene(BALANCE_CALL) as call:
            await call.heard("How can I help you")
            await asyncio.sleep(4)  # of the six seconds after which silence counts
            call.endpoint.is_down = True
            call.endpoint.kill()
            await call.over()
            after = call.said_by(Speaker.AGENT)
            after = after[after.index("Sorry, one moment please.") :]
            assert after[1:-1] == ["Please bear with me, I am still here."] * 2
            assert "technical problem" in after[-1]
            lines = [turn for turn in call.turns if turn.text in after]
            gaps = [b.started_ms - a.ended_ms for a, b in pairwise(lines)]
            assert max(gaps) <= 3300
            assert call.end.cause is EndCause.ENGINE_ERROR

    run_virtual(play())


def test_after_the_engine_is_back_silence_counts_from_then() -> None:
    async def play() -> None:
        async with scene(BALANCE_CALL) as call:
            await call.heard("How can I help you")
            await asyncio.sleep(5)
            call.endpoint.is_down = True
            call.endpoint.kill()
            await asyncio.sleep(4)
            assert "Are you still there?" not in call.said_by(Speaker.AGENT)
            call.endpoint.is_down = False
            await call.heard("Are you still there?")
            restored = next(line for line in call.log if line["event"] == "engine_restored")
            asked = next(turn for turn in call.turns if turn.text == "Are you still there?")
            assert asked.started_ms - restored["at_ms"] >= 6000
            call.leg.hang_up_by_caller()
            await call.over()

    run_virtual(play())


RECEIPT = """
agent: {name: till, display_name: Till}
start: hello
keys: {"1": receipt}
intents: {bye: {label: ending, description: The end., examples: [goodbye], goto: over}}
variables: {amount: twelve dollars}
steps:
  hello: {say: "Press one, dear {{ caller_number }}.", listen: {intents: [bye]}}
  receipt:
    say: {text: "We took {{ caller_number }} for {{ amount }}.", interruptible: false}
    next: over
  over: {say: Goodbye., hang_up: done}
"""


@pytest.mark.parametrize("away_s", [6, 50])
def test_what_has_to_be_heard_waits_for_the_server_that_says_it(away_s: int) -> None:
    async def play() -> None:
        async with scene(flow=flow_of(RECEIPT)) as call:
            await call.heard("Press one")
            call.speech.is_down = True
            call.leg.press("1")
            await asyncio.sleep(away_s)
            call.speech.is_down = False
            await call.heard("twelve dollars.")
            await call.over()
            assert call.end.cause is EndCause.AGENT_HANGUP

    run_virtual(play())
