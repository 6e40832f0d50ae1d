"""A program outside answers whole calls; the edge keeps the floor and the sound."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from tests.fakes.program import ProgramUnderTest, attached_to
from tests.fakes.scene import Scene, scene
from tests.fakes.virtual_time import run_virtual
from tests.fakes.voices import voiced
from tests.unit.flows.conversation import flow_of

from trunkline.calls.control import ProgramAsked, decode_command, encode_command
from trunkline.domain.call import EndCause
from trunkline.domain.events import CallStarted
from trunkline.domain.ids import CallId
from trunkline.domain.turn import Speaker
from trunkline.flows.flow import Flow
from trunkline.model.script import Script

DESK = """
agent: {name: desk, display_name: Desk, voice: coral}
start: talk
policies:
  engine_failure: {say: [Nobody is there.], goto: bye}
  no_input: {after_ms: 3000, reprompts: [Are you there?], then: {goto: bye}}
steps:
  talk:
    say: How can I help?
    listen:
      keys: {9: bye}
      program: {within_s: 4, while_running: One moment please.}
  bye: {say: Goodbye., hang_up: done}
"""
FLOW: Flow = flow_of(DESK)


def script(*replies: dict[str, Any]) -> Script:
    return Script.model_validate(
        {
            "transcripts": ["pay my bill", "is it done"],
            "replies": [
                *replies,
                {"match": "pay my bill", "tool": {"name": "pay", "arguments": {"cents": 100}}},
                {"text": "About that: {last}"},
            ],
        }
    )


def call_id(call: Scene) -> CallId:
    return call.facts(CallStarted)[0].call_id


async def begun(call: Scene) -> str:
    await call.heard("How can I help?")
    return call_id(call)


@asynccontextmanager
async def answered(made: Script) -> AsyncIterator[tuple[Scene, ProgramUnderTest]]:
    """A call that a program has taken part in since the greeting."""
    async with scene(made, flow=FLOW) as call, attached(call) as program:
        await program.introduce("pay", instructions="You take payments.")
        yield call, program


@asynccontextmanager
async def attached(call: Scene) -> AsyncIterator[ProgramUnderTest]:
    async with attached_to(call.endpoint.programs, await begun(call)) as program:
        yield program


async def hang_up(call: Scene) -> None:
    call.leg.hang_up_by_caller()
    await call.over()
    assert call.end.cause is EndCause.CALLER_HANGUP


def asked(call: Scene, function_call_id: str) -> None:
    """A person is asked on the program's behalf; through the control stream and back."""
    wanted = ProgramAsked(call_id(call), function_call_id, "Please hold.", "Not yet.")
    command, _ = decode_command(encode_command(wanted, call.service._edge.clock.now()))
    assert command == wanted
    call.service.obey(command)


def test_a_function_call_goes_to_the_program_and_its_answer_is_spoken_by_the_edge() -> None:
    async def work() -> None:
        async with answered(script()) as (call, program):
            call.leg.say(voiced(900))
            await program.answer(await program.called(), "Paid one dollar.")
            await call.heard("About that: Paid one dollar.")
            kinds = {event["type"] for event in program.events}
            assert "response.output_audio_transcript.delta" in kinds
            assert "response.output_audio.delta" not in kinds  # the sound is the edge's
            assert not any(kind.startswith("trunkline.") for kind in kinds)
            await hang_up(call)
            assert (await program.left()).code == 1000

    run_virtual(work())


def test_what_a_program_says_of_the_audio_changes_nothing() -> None:
    async def work() -> None:
        async with answered(script()) as (call, program):
            document = (await program.expect("session.updated"))["session"]
            heard = document["audio"]["input"]
            assert heard["turn_detection"]["type"] == "server_vad"
            assert heard["turn_detection"]["interrupt_response"] is True
            assert heard["transcription"]["model"] == "trunkline-asr"
            assert document["audio"]["output"]["voice"] == "coral"
            await program.send("input_audio_buffer.append", audio="AAAA", event_id="mine")
            refused = await program.expect("error")
            assert refused["error"]["event_id"] == "mine"
            await program.send("session.update", session={"type": "realtime", "tools": 7})
            await program.expect("error", program.events.index(refused) + 1)
            await hang_up(call)

    run_virtual(work())


def test_a_caller_who_speaks_before_the_program_is_there_is_answered_once_it_is() -> None:
    async def work() -> None:
        async with scene(script({"match": "pay", "text": "Which bill?"}), flow=FLOW) as call:
            name = await begun(call)
            call.leg.say(voiced(900))
            await asyncio.sleep(2.5)
            assert call.said_by(Speaker.AGENT) == ["How can I help?"]
            async with attached_to(call.endpoint.programs, name) as program:
                await program.introduce("pay")
                await call.heard("Which bill?")
                await hang_up(call)

    run_virtual(work())


@pytest.mark.parametrize("has_been_there", [False, True])
def test_a_call_that_no_program_takes_falls_back(has_been_there: bool) -> None:
    async def work() -> None:
        async with scene(script(), flow=FLOW) as call:
            name = await begun(call)
            if has_been_there:
                async with attached_to(call.endpoint.programs, name) as program:
                    await program.introduce("pay")
                    await asyncio.sleep(1)
            await call.over()
            assert call.said_by(Speaker.AGENT)[-2:] == ["Nobody is there.", "Goodbye."]

    run_virtual(work())


def test_a_slow_function_is_talked_over_once_and_silence_meanwhile_is_no_silence() -> None:
    async def work() -> None:
        async with answered(script()) as (call, program):
            call.leg.say(voiced(900))
            wanted = await program.called()
            await asyncio.sleep(12)
            await program.answer(wanted, "Paid.")
            await call.heard("About that: Paid.")
            said = call.said_by(Speaker.AGENT)
            assert said == ["How can I help?", "One moment please.", "About that: Paid."]
            await hang_up(call)

    run_virtual(work())


def test_while_a_person_is_asked_the_house_answers_and_nobody_may_claim_it_done() -> None:
    async def work() -> None:
        async with answered(script()) as (call, program):
            call.leg.say(voiced(900))
            wanted = await program.called()
            asked(call, wanted)
            asked(call, wanted)  # a repeated command is the same question
            await call.heard("Please hold.")
            call.leg.say(voiced(900))
            await call.heard("Not yet.")
            await program.answer(wanted, "Paid.")
            await call.heard("About that: Paid.")
            assert call.said_by(Speaker.AGENT).count("Please hold.") == 1
            await hang_up(call)

    run_virtual(work())


def test_a_question_may_come_before_the_function_call_that_it_is_about() -> None:
    async def work() -> None:
        async with answered(script()) as (call, program):
            done = asyncio.Event()
            original = program._attached.see

            def see(event: Any) -> None:
                original(event)
                item: Any = getattr(event, "item", None)
                is_whole = event.type == "response.output_item.done"
                if is_whole and item.type == "function_call" and not done.is_set():
                    asked(call, item.call_id)
                    done.set()

            program._attached.see = see  # type: ignore[method-assign]
            call.leg.say(voiced(900))
            await call.heard("Please hold.")
            assert done.is_set()
            await hang_up(call)

    run_virtual(work())


def test_a_program_that_leaves_owes_nothing_and_may_come_back() -> None:
    async def work() -> None:
        async with scene(script(), flow=FLOW) as call:
            name = await begun(call)
            async with attached_to(call.endpoint.programs, name) as program:
                await program.introduce("pay")
                call.leg.say(voiced(900))
                await program.called()
            async with attached_to(call.endpoint.programs, name) as program:
                await program.introduce("pay")
                call.leg.say(voiced(900))
                await call.heard("About that: ")
                await hang_up(call)

    run_virtual(work())


def test_the_model_servers_loss_lets_the_program_back_in() -> None:
    async def work() -> None:
        async with scene(script({"match": "done", "text": "All is well."}), flow=FLOW) as call:
            name = await begun(call)
            async with attached_to(call.endpoint.programs, name) as program:
                await program.introduce("pay")
                call.endpoint.kill()
                await program.left()
            async with attached_to(call.endpoint.programs, name) as program:
                await program.introduce("pay")
                call.leg.say(voiced(900))
                await program.called()
                await hang_up(call)

    run_virtual(work())


def test_a_key_leads_out_and_the_program_is_sent_away() -> None:
    async def work() -> None:
        async with answered(script()) as (call, program):
            call.leg.press("9")
            assert (await program.left()).code == 1000
            await call.over()
            assert call.said_by(Speaker.AGENT)[-1] == "Goodbye."

    run_virtual(work())


def test_what_a_guardrail_stops_is_cut_and_what_answers_it_is_not() -> None:
    reply = {"match": "pay", "text": " ".join(["promise"] * 40)}

    async def stop(program: ProgramUnderTest) -> None:
        created = await program.expect("response.created")
        response_id = created["response"]["id"]
        await program.expect("response.output_audio_transcript.delta")
        await program.send("response.cancel", response_id=response_id)
        await program.expect("response.done")
        note = {"type": "input_text", "text": "guardrail triggered: no promises"}
        item = {"type": "message", "role": "user", "content": [note]}
        await program.send("conversation.item.create", item=item)
        await program.send("response.create")
        await program.send("response.cancel", response_id=response_id)  # late: changes nothing

    async def work() -> None:
        async with answered(script(reply)) as (call, program):
            call.leg.say(voiced(900))
            await stop(program)
            await call.heard("About that: guardrail triggered")
            cut = [text for text in call.said_by(Speaker.AGENT) if "promise promise" in text]
            assert all(len(text.split()) < 40 for text in cut)
            await hang_up(call)

    run_virtual(work())
