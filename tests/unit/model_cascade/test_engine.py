"""The whole engine on real speech: telephone audio in, a function call or a voice out."""

from __future__ import annotations

import asyncio
import json
import os
import signal
from collections.abc import AsyncIterator
from contextlib import aclosing
from itertools import count

import pytest
from tests.unit.model_cascade.builders import AGENT, BALANCE, COLLECT_ACCOUNT, Talk, intent
from tests.unit.model_cascade.telephone import telephone_speech

from trunkline.domain.errors import EngineBusy
from trunkline.model.cascade.engine import CascadeEngine, CascadeSession
from trunkline.model.cascade.recogniser import LocalRecogniser
from trunkline.model.cascade.synthesiser import FliteSynthesiser
from trunkline.model.engine import (
    EngineConfig,
    Hypothesis,
    ResponseEnded,
    ResponsePart,
    ResponseRequest,
    SpeechDelta,
    TextDelta,
    ToolCalled,
    Transcribed,
    TranscriptionFailed,
)

ASK = "What is your eight digit account number?"
NUMBER = "double four one seven two nine oh eight"
CONFIG = EngineConfig(
    model="trunkline", tools=(COLLECT_ACCOUNT, BALANCE, AGENT), is_narrowband=True
)
_items = count(1)


@pytest.fixture
async def engine() -> AsyncIterator[CascadeEngine]:
    engine = CascadeEngine(LocalRecogniser(workers=1), FliteSynthesiser(), max_sessions=3)
    await engine.start()
    yield engine
    await engine.aclose()


async def hear(
    engine: CascadeEngine, session: CascadeSession, text: str, voice: str
) -> tuple[list[Hypothesis], Transcribed | TranscriptionFailed]:
    """One caller turn, fed in frames of 20 ms."""
    audio = await telephone_speech(engine.speech, text, voice)
    item_id = f"item_{next(_items)}"
    session.begin_turn(item_id)
    for start in range(0, len(audio), 640):
        session.feed(audio[start : start + 640])
    session.end_turn(item_id)
    partials: list[Hypothesis] = []
    async with asyncio.timeout(20):
        async for event in session.events():
            assert event.item_id == item_id
            if isinstance(event, Transcribed | TranscriptionFailed):
                return partials, event
            assert isinstance(event, Hypothesis)
            partials.append(event)
    raise AssertionError("the session ended without a transcription")


async def respond(
    session: CascadeSession, talk: Talk, config: EngineConfig = CONFIG
) -> list[ResponsePart]:
    request = ResponseRequest("resp_1", tuple(talk.items), config)
    async with asyncio.timeout(20):
        return [part async for part in session.respond(request)]


def spoken(parts: list[ResponsePart]) -> str:
    return "".join(part.text for part in parts if isinstance(part, SpeechDelta))


@pytest.mark.parametrize("voice", ["ballad", "ash", "alloy"])
async def test_a_spoken_account_number_becomes_a_function_call(
    engine: CascadeEngine, voice: str
) -> None:
    session = await engine.open_session("s", CONFIG)
    talk = Talk()
    parts = await respond(session, talk)
    assert spoken(parts) == ASK
    talk.agent(ASK)
    for _ in range(3):
        partials, heard = await hear(engine, session, NUMBER, voice)
        assert len({partial.text for partial in partials}) > 3
        parts = await answer(session, talk, heard)
        if "Is that right?" in spoken(parts):
            is_right = "four four one seven, two nine zero eight" in spoken(parts)
            reply = "yes that's right" if is_right else "no that's wrong"
            _, heard = await hear(engine, session, reply, voice)
            parts = await answer(session, talk, heard)
        if isinstance(parts[0], ToolCalled):
            break
    assert isinstance(parts[0], ToolCalled)
    assert (parts[0].name, json.loads(parts[0].arguments)) == (
        "collect_account",
        {"account": "44172908"},
    )
    assert parts[-1] == ResponseEnded()


async def answer(
    session: CascadeSession, talk: Talk, heard: Transcribed | TranscriptionFailed
) -> list[ResponsePart]:
    """What the agent does after a turn; its words join the conversation."""
    assert isinstance(heard, Transcribed)
    talk.caller(heard.text, heard.confidence)
    parts = await respond(session, talk)
    if spoken(parts):
        talk.agent(spoken(parts))
    return parts


async def test_words_come_with_their_place_in_the_turn(engine: CascadeEngine) -> None:
    session = await engine.open_session("s", CONFIG)
    _, heard = await hear(engine, session, NUMBER, "ash")
    assert isinstance(heard, Transcribed)
    assert " ".join(word.text for word in heard.words) == heard.text
    starts = [word.start_ms for word in heard.words]
    assert starts == sorted(starts)
    assert 250 <= starts[0] <= 600


async def test_open_chatter_is_rejected_or_at_least_not_believed(engine: CascadeEngine) -> None:
    session = await engine.open_session("s", CONFIG)
    _, heard = await hear(engine, session, "the kettle is boiling in the kitchen", "ash")
    assert isinstance(heard, Transcribed)
    assert heard.is_rejected or (heard.confidence or 0) < 0.7


async def test_silence_is_nothing_understood(engine: CascadeEngine) -> None:
    session = await engine.open_session("s", CONFIG)
    session.begin_turn("item")
    session.feed(b"\0\0" * 16000)
    session.end_turn("item")
    async with asyncio.timeout(10):
        event = await anext(aiter(session.events()))
    assert isinstance(event, Transcribed)
    assert event.is_rejected
    assert event.text in ("", "um", "uh")


async def test_a_dropped_turn_says_nothing_more(engine: CascadeEngine) -> None:
    session = await engine.open_session("s", CONFIG)
    audio = await telephone_speech(engine.speech, NUMBER, "ash")
    session.begin_turn("dropped")
    session.feed(audio)
    session.end_turn("dropped")
    session.drop_turn("dropped")
    _, heard = await hear(engine, session, "operator please", "ash")
    assert isinstance(heard, Transcribed)
    assert heard.text == "operator please"


async def test_a_session_that_declares_nothing_hears_by_the_general_model(
    engine: CascadeEngine,
) -> None:
    config = EngineConfig(model="trunkline", is_narrowband=True)
    session = await engine.open_session("s", config)
    _, heard = await hear(engine, session, "hello can you hear me", "alloy")
    assert isinstance(heard, Transcribed)
    assert "hello" in heard.text.split()


async def test_tools_that_change_change_what_is_heard(engine: CascadeEngine) -> None:
    session = await engine.open_session("s", CONFIG)
    menu = intent("intent_kettle", "the kettle", "the kettle is boiling in the kitchen")
    await session.configure(EngineConfig(model="trunkline", tools=(menu,), is_narrowband=True))
    _, heard = await hear(engine, session, "the kettle is boiling in the kitchen", "ash")
    assert isinstance(heard, Transcribed)
    assert heard.text == "the kettle is boiling in the kitchen"


async def test_a_recogniser_that_dies_costs_one_turn(engine: CascadeEngine) -> None:
    session = await engine.open_session("s", CONFIG)
    assert isinstance(engine.recogniser, LocalRecogniser)
    [process] = engine.recogniser.processes
    _, heard = await hear(engine, session, "operator please", "ash")
    assert isinstance(heard, Transcribed)
    session.begin_turn("lost")
    session.feed(b"\0\0" * 1600)
    assert process.pid is not None
    os.kill(process.pid, signal.SIGKILL)
    async with asyncio.timeout(10):
        event = await anext(aiter(session.events()))
    assert isinstance(event, TranscriptionFailed)
    assert event.item_id == "lost"
    # The next turn waits for the new process.
    _, heard = await hear(engine, session, "operator please", "ash")
    assert isinstance(heard, Transcribed)
    assert heard.text == "operator please"
    assert process.restarts == 1


async def test_text_sessions_get_text(engine: CascadeEngine) -> None:
    config = EngineConfig(model="trunkline", tools=(COLLECT_ACCOUNT,), modalities=("text",))
    session = await engine.open_session("s", config)
    assert await respond(session, Talk(), config) == [TextDelta(ASK), ResponseEnded()]


async def test_closing_the_response_cancels_the_voice(engine: CascadeEngine) -> None:
    session = await engine.open_session("s", CONFIG)
    request = ResponseRequest("resp_1", (), CONFIG)
    async with aclosing(session.respond(request)) as parts:
        async for _ in parts:
            break
    assert spoken(await respond(session, Talk())) == ASK


async def test_an_impossible_demand_fails_the_response_and_says_why(engine: CascadeEngine) -> None:
    config = EngineConfig(model="trunkline", tools=(), tool_choice="required")
    session = await engine.open_session("s", config)
    [ended] = await respond(session, Talk(), config)
    assert isinstance(ended, ResponseEnded)
    assert ended.status == "failed"
    assert "no tools" in ended.message


async def test_a_full_engine_says_so(engine: CascadeEngine) -> None:
    sessions = [await engine.open_session(f"s{n}", CONFIG) for n in range(3)]
    with pytest.raises(EngineBusy):
        await engine.open_session("s4", CONFIG)
    await sessions[0].aclose()
    assert await engine.open_session("s4", CONFIG)
