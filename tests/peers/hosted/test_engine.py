"""The cascade over hosted ports as one engine: voiced while it is written, closed when cut off."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import orjson
import pytest
from pydantic import SecretStr
from tests.fakes.far_end import STALL, Answer, FarEnd, far_end, sse
from tests.peers.hosted.test_chat import CHAT, delta
from tests.peers.hosted.test_voice_and_ears import (
    SPEECH,
    LocalEars,
    LocalVoice,
    audio,
    joined,
    words,
)
from tests.unit.model_cascade.builders import BALANCE

from trunkline.domain.clock import SystemClock
from trunkline.model.cascade.engine import CascadeEngine
from trunkline.model.cascade.hosted.chat import GeneratorWithSpare, HostedGenerator
from trunkline.model.cascade.hosted.http import HostedEndpoint
from trunkline.model.cascade.hosted.speech import HostedSpeech
from trunkline.model.cascade.local_generator import LocalGenerator
from trunkline.model.engine import (
    EngineConfig,
    HistoryItem,
    ItemRole,
    ResponseEnded,
    ResponsePart,
    ResponseRequest,
    SpeechDelta,
    TextDelta,
    ToolCalled,
)
from trunkline.runtime.engine_settings import HostedChatSettings, HostedSpeechSettings

pytestmark = pytest.mark.peers
CONFIG = EngineConfig(model="m", tools=(BALANCE,))
FIRST = "Good morning to all of you there. "
ASKED = (HistoryItem("u", ItemRole.USER, text="hello"),)


@asynccontextmanager
async def engine_at(server: FarEnd) -> AsyncIterator[CascadeEngine]:
    chat = HostedChatSettings(base_url=server.base_url, model="gpt", retries=0)
    speech = HostedSpeechSettings(base_url=server.base_url, model="tts", retries=0)
    no_key = SecretStr("")
    generator = HostedGenerator(HostedEndpoint("chat", "/chat/completions", chat, no_key), chat)
    voice = HostedSpeech(
        HostedEndpoint("speech", "/audio/speech", speech, no_key), speech, LocalVoice()
    )
    engine = CascadeEngine(
        LocalEars(),
        voice,
        max_sessions=2,
        generator=GeneratorWithSpare(generator, LocalGenerator(SystemClock())),
    )
    await engine.start()
    try:
        yield engine
    finally:
        await engine.aclose()


async def answered(engine: CascadeEngine, config: EngineConfig = CONFIG) -> list[ResponsePart]:
    session = await engine.open_session("s", config)
    async with asyncio.timeout(10):
        return [part async for part in session.respond(ResponseRequest("r", ASKED, config))]


async def test_the_first_sentence_is_heard_while_the_next_is_being_thought_of() -> None:
    async with far_end() as server, engine_at(server) as engine:
        server.answers(
            CHAT, Answer(chunks=(*sse(delta(content=FIRST + "And "), done=False), STALL))
        )
        server.answers(SPEECH, audio(1.5))
        session = await engine.open_session("s", CONFIG)
        answer = session.respond(ResponseRequest("r", ASKED, CONFIG))
        heard: list[SpeechDelta] = []
        async with asyncio.timeout(10):
            async for part in answer:
                assert isinstance(part, SpeechDelta)
                heard.append(part)
                if sum(len(each.pcm) for each in heard) >= 1.4 * 48_000:
                    break
        assert joined(heard).startswith("Good morning to all")
        await answer.aclose()  # the caller speaks
        await server.until(lambda: server.hung_up == 1)


async def test_sentences_that_were_voiced_apart_are_one_message_with_one_clock() -> None:
    text = FIRST + "Your balance is ten dollars."
    async with far_end() as server, engine_at(server) as engine:
        said = [delta(content=text[at : at + 5]) for at in range(0, len(text), 5)]
        call = {"index": 0, "id": "c", "function": {"name": BALANCE["name"], "arguments": "{}"}}
        server.answers(CHAT, Answer(chunks=sse(*said, delta("tool_calls", tool_calls=[call]))))
        server.answers(SPEECH, audio(2.0), audio(1.8))
        *speech, called, ended = await answered(engine)
        asked = [orjson.loads(request.body)["input"] for request in server.to(SPEECH)]
    assert asked == [FIRST, "Your balance is ten dollars."]
    spoken = [part for part in speech if isinstance(part, SpeechDelta)]
    assert spoken == speech
    assert joined(spoken) == text
    starts = [word.start_ms for word in words(spoken)]
    assert starts == sorted(starts)
    second = next(word for word in words(spoken) if word.text == "Your")
    assert second.start_ms == pytest.approx(2000 + 220, abs=60)  # behind the pause
    assert called == ToolCalled(BALANCE["name"], "{}")
    assert isinstance(ended, ResponseEnded) and ended.status == "completed"


async def test_a_text_session_needs_no_voice() -> None:
    config = EngineConfig(model="m", modalities=("text",))
    async with far_end() as server, engine_at(server) as engine:
        server.answers(CHAT, Answer(chunks=sse(delta(content="Hello. "), delta("stop"))))
        parts = await answered(engine, config)
        assert not server.to(SPEECH)
    assert parts[0] == TextDelta("Hello. ")


async def test_a_break_after_words_were_heard_fails_the_response_and_repeats_nothing() -> None:
    async with far_end() as server, engine_at(server) as engine:
        cut = sse(delta(content=FIRST + "And so "), done=False)
        server.answers(CHAT, Answer(chunks=cut, is_cut=True))
        server.answers(SPEECH, audio(1.5))
        *speech, ended = await answered(engine)
        assert len(server.to(CHAT)) == 1
    assert isinstance(ended, ResponseEnded)
    assert (ended.status, ended.code) == ("failed", "hosted_cut")
    assert joined([part for part in speech if isinstance(part, SpeechDelta)]) == FIRST
