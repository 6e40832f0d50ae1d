"""Another agent, or another engine, in the same call."""

from __future__ import annotations

import asyncio
from dataclasses import replace

from tests.fakes.scene import Scene, energy, scene
from tests.fakes.virtual_time import run_virtual
from tests.fakes.voices import voiced
from tests.unit.calls.test_whole_calls import BALANCE, BALANCE_CALL

from trunkline.calls.acts import CallActs
from trunkline.calls.session import CallSession
from trunkline.flows.actions import Say
from trunkline.realtime.client_events import ItemCreate, SessionUpdate


def session_of(call: Scene) -> CallSession:
    (end,) = call.service._live._ends.values()
    session = end.__self__  # type: ignore[attr-defined]
    assert isinstance(session, CallSession)
    return session


def test_another_agent_speaks_in_its_own_voice_and_knows_what_was_said() -> None:
    async def play() -> None:
        async with scene(BALANCE_CALL) as call:
            call.tools.answers["get_balance"] = BALANCE
            await call.heard("How can I help you")
            call.leg.say(voiced(900))
            await call.heard("account number?")
            session = session_of(call)
            CallActs(session).use_agent(replace(energy().agent, voice="ash", speed=1.2))
            session.dialogue.say(Say("", "Hello from the other one.", is_fixed=False))
            await call.heard("Hello from the other one.")
            asked = next(line for line in call.speech.asked if line.text.startswith("Hello"))
            assert (asked.voice, asked.speed) == ("ash", 1.2)
            await call.leg.until(lambda: len(call.endpoint.sessions) == 2)
            fresh = call.endpoint.sessions[1]
            await asyncio.sleep(0.2)
            first = next(e for e in fresh.told if isinstance(e, SessionUpdate))
            assert first.session["audio"]["output"]["voice"] == "ash"
            assert sum(isinstance(e, ItemCreate) for e in fresh.told) >= 3
            call.leg.say(voiced(1800))
            await call.heard("You owe")
            call.leg.hang_up_by_caller()
            await call.over()
            assert "engine_failed" not in [line["event"] for line in call.log]

    run_virtual(play())


def test_another_engine_takes_over_quietly() -> None:
    async def play() -> None:
        async with scene(BALANCE_CALL) as call:
            await call.heard("How can I help you")
            CallActs(session_of(call)).use_engine("other", "")
            await call.leg.until(lambda: len(call.endpoint.sessions) == 2)
            assert call.endpoint.asked == ["scripted", "other"]
            call.leg.say(voiced(900))
            await call.heard("account number?")
            assert not any("one moment" in turn.text for turn in call.turns)
            call.leg.hang_up_by_caller()
            await call.over()

    run_virtual(play())


def test_the_engine_that_answers_already_is_not_changed() -> None:
    async def play() -> None:
        async with scene(BALANCE_CALL) as call:
            await call.heard("How can I help you")
            CallActs(session_of(call)).use_engine("", "")
            await asyncio.sleep(1)
            assert len(call.endpoint.sessions) == 1
            call.leg.hang_up_by_caller()
            await call.over()

    run_virtual(play())
