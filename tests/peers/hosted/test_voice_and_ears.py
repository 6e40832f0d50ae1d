"""Hosted speech and transcription: a server that misbehaves, and our own endpoints as far ends."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import numpy as np
import orjson
import pytest
from pydantic import SecretStr
from tests.fakes.far_end import STALL, Answer, FarEnd, Request, far_end, sse

from trunkline.domain.audio import WordMark
from trunkline.model.cascade.hosted.ears import HostedHearing, HostedRecognizer
from trunkline.model.cascade.hosted.http import HostedEndpoint
from trunkline.model.cascade.hosted.speech import HostedSpeech
from trunkline.model.cascade.triage import Meaning
from trunkline.model.engine import (
    EngineConfig,
    EngineEvent,
    Hypothesis,
    SpeechDelta,
    Transcribed,
    TranscriptionFailed,
)
from trunkline.model.script import ScriptedSpeech
from trunkline.model.scripted import ToneSpeech
from trunkline.runtime.engine_settings import HostedSpeechSettings, HostedTranscriptionSettings

pytestmark = pytest.mark.peers
SPEECH, EARS = "/v1/audio/speech", "/v1/audio/transcriptions"
TEXT = "Good morning to you all. It is half past nine."


class LocalVoice(ToneSpeech):
    """The spare: a tone a word, and what it was asked to say."""

    def __init__(self) -> None:
        super().__init__(ScriptedSpeech())
        self.asked: list[str] = []

    async def synthesise(
        self, text: str, *, voice: str, speed: float
    ) -> AsyncGenerator[SpeechDelta]:
        self.asked.append(text)
        async for delta in super().synthesise(text, voice=voice, speed=speed):
            yield delta

    async def warm_up(self) -> None: ...

    async def aclose(self) -> None: ...


@asynccontextmanager
async def voice_at(
    server: FarEnd, **settings: Any
) -> AsyncIterator[tuple[HostedSpeech, LocalVoice]]:
    wanted = HostedSpeechSettings(base_url=server.base_url, model="tts", **settings)
    spare = LocalVoice()
    endpoint = HostedEndpoint("speech", "/audio/speech", wanted, SecretStr(""))
    speech = HostedSpeech(endpoint, wanted, spare)
    try:
        yield speech, spare
    finally:
        await speech.aclose()


async def spoken(speech: HostedSpeech, text: str = TEXT) -> list[SpeechDelta]:
    async with asyncio.timeout(10):
        return [delta async for delta in speech.synthesise(text, voice="alloy", speed=1.0)]


def joined(deltas: list[SpeechDelta]) -> str:
    return "".join(delta.text for delta in deltas)


def words(deltas: list[SpeechDelta]) -> list[WordMark]:
    return [word for delta in deltas for word in delta.words]


def ms(deltas: list[SpeechDelta]) -> float:
    return sum(len(delta.pcm) for delta in deltas) / 48


def pcm(seconds: float) -> bytes:
    count = int(24_000 * seconds)
    return (8000 * np.sin(np.arange(count) / 20)).astype("<i2").tobytes()


def audio(seconds: float, **more: Any) -> Answer:
    """In pieces that split samples."""
    whole = pcm(seconds)
    size = 4801
    pieces = tuple(whole[at : at + size] for at in range(0, len(whole), size))
    return Answer(content_type="audio/pcm", chunks=more.pop("chunks", pieces), **more)


async def test_speech_comes_in_whole_samples_with_estimated_words() -> None:
    async with far_end() as server:
        server.answers(SPEECH, audio(1.6), audio(1.5))
        async with voice_at(server, voices={"alloy": "nova"}) as (speech, spare):
            deltas = await spoken(speech)
        first, second = (orjson.loads(request.body) for request in server.requests)
    assert (first["input"], first["voice"], first["response_format"]) == (
        "Good morning to you all. ", "nova", "pcm",
    )  # fmt: skip
    assert first["input"] + second["input"] == joined(deltas) == TEXT
    assert b"".join(d.pcm for d in deltas[: len(deltas) // 3]) in pcm(1.6)
    assert ms(deltas) == pytest.approx(1600 + 1500 + 120, abs=1)
    assert not spare.asked
    marks = words(deltas)
    assert [mark.text for mark in marks] == TEXT.split()
    assert all(mark.is_estimated for mark in marks)
    starts = [mark.start_ms for mark in marks]
    assert starts == sorted(starts)
    assert marks[5].start_ms == pytest.approx(1720, abs=30)  # "It": behind the first piece
    assert marks[-1].end_ms <= 3240


async def test_a_voice_that_speaks_slower_than_thought_is_known_afterwards() -> None:
    async with far_end() as server:
        server.answers(SPEECH, audio(4.0))
        async with voice_at(server) as (speech, _):
            for _ in range(2):
                deltas = await spoken(speech, "This is said very slowly indeed.")
    last = words(deltas)[-1]
    assert last.text == "indeed."
    assert 3000 < last.start_ms < 4000


@pytest.mark.parametrize(
    "bad",
    [
        Answer(500, "application/json", chunks=(b"{}",)),
        Answer(content_type="text/html", chunks=(b"<html>",)),
        Answer(content_type="audio/pcm"),
        Answer(delay_s=60),
    ],
    ids=["500", "html", "nothing", "silent"],
)
async def test_the_local_voice_speaks_when_the_far_end_does_not(bad: Answer) -> None:
    async with far_end() as server:
        server.answers(SPEECH, bad)
        quick = {"retries": 0, "connect_timeout_s": 0.1, "first_byte_timeout_s": 0.1}
        async with voice_at(server, **quick) as (speech, spare):
            deltas = await spoken(speech)
    assert joined(deltas) == TEXT == "".join(spare.asked)
    assert ms(deltas) == pytest.approx(250 * 10 + 120, abs=5)  # ten words of the spare
    assert not any(mark.is_estimated for mark in words(deltas))
    assert any(delta.is_spare for delta in deltas)  # nobody keeps it as the far end's voice


@pytest.mark.parametrize("tail", [(), (STALL,)], ids=["cut", "stalls"])
async def test_a_voice_that_breaks_off_is_continued_from_the_word_it_had_reached(
    tail: tuple[object, ...],
) -> None:
    text = "one two three four five six seven eight nine ten"
    async with far_end() as server:
        server.answers(SPEECH, audio(1.0, chunks=(pcm(1.0), *tail), is_cut=True))
        async with voice_at(server, chunk_timeout_s=0.2) as (speech, spare):
            deltas = await spoken(speech, text)
        assert len(server.requests) == 1  # never said twice
    (rest,) = spare.asked
    assert 0 < len(rest) < len(text) and text.endswith(rest)
    assert joined(deltas) == text
    marks = words(deltas)
    assert [mark.text for mark in marks] == text.split()
    assert [mark.start_ms for mark in marks] == sorted(mark.start_ms for mark in marks)


async def test_an_interruption_closes_the_request_for_speech() -> None:
    async with far_end() as server:
        server.answers(SPEECH, audio(1.0, chunks=(pcm(1.0), STALL)))
        async with voice_at(server) as (speech, _):
            deltas = speech.synthesise(TEXT, voice="alloy", speed=1.0)
            assert (await anext(deltas)).pcm
            await deltas.aclose()
            await server.until(lambda: server.hung_up == 1)


# ---- ears ----------------------------------------------------------------------------------------


class LocalHearing:
    """Understands how many bytes it heard, when it is told to."""

    def __init__(self) -> None:
        self.heard: dict[str, int] = {}
        self.ended: list[str] = []
        self.dropped: list[str] = []
        self._turn = ""
        self._events: asyncio.Queue[EngineEvent | None] = asyncio.Queue()

    def configure(self, config: EngineConfig) -> None: ...

    def begin(self, item_id: str, focus: str, meaning: Meaning) -> None:
        self._turn = item_id
        self.heard[item_id] = 0

    def feed(self, pcm: bytes) -> None:
        self.heard[self._turn] += len(pcm)
        self._events.put_nowait(Hypothesis(self._turn, "locally so far"))

    def end(self, item_id: str) -> None:
        self.ended.append(item_id)
        text = f"locally {self.heard[item_id]} bytes"
        self._events.put_nowait(Transcribed(item_id, text, confidence=0.7))

    def foresee(self, item_id: str) -> None: ...
    def go_on(self, item_id: str) -> None: ...

    def drop(self, item_id: str) -> None:
        self.dropped.append(item_id)

    async def events(self) -> AsyncIterator[EngineEvent]:
        while (event := await self._events.get()) is not None:
            yield event

    async def aclose(self) -> None:
        self._events.put_nowait(None)


class LocalEars:
    def __init__(self) -> None:
        self.hearing = LocalHearing()

    async def start(self) -> None: ...

    def open(self, config: EngineConfig) -> LocalHearing:
        return self.hearing

    async def aclose(self) -> None: ...


@asynccontextmanager
async def ears_at(
    server: FarEnd, config: EngineConfig | None = None, **settings: Any
) -> AsyncIterator[tuple[HostedHearing, LocalHearing]]:
    wanted = HostedTranscriptionSettings(base_url=server.base_url, model="asr", **settings)
    endpoint = HostedEndpoint("transcription", "/audio/transcriptions", wanted, SecretStr(""))
    spare = LocalEars()
    ears = HostedRecognizer(endpoint, wanted, spare)
    hearing = ears.open(config or EngineConfig(model="m"))
    try:
        yield hearing, spare.hearing
    finally:
        await hearing.aclose()
        await ears.aclose()


async def hear(hearing: HostedHearing, item_id: str) -> list[EngineEvent]:
    """A second of audio; everything that is said of it, its final text the last."""
    hearing.begin(item_id, "", lambda text: None)
    for _ in range(10):
        hearing.feed(bytes(3200))
        await asyncio.sleep(0)
    hearing.end(item_id)
    said: list[EngineEvent] = []
    async with asyncio.timeout(10):
        async for event in hearing.events():
            assert event.item_id == item_id
            said.append(event)
            if not isinstance(event, Hypothesis):
                return said
    raise AssertionError("nothing final was said")


def final(said: list[EngineEvent]) -> tuple[str, float | None]:
    last = said[-1]
    assert isinstance(last, Transcribed)
    return last.text, last.confidence


HEARD = sse(
    {"type": "transcript.text.delta", "delta": "what is "},
    {"type": "transcript.text.delta", "delta": "my balance"},
    {"type": "transcript.text.done", "text": "what is my balance"},
    done=False,
)


async def test_a_turn_is_heard_as_its_transcript_streams_in() -> None:
    tool = {
        "type": "function", "name": "intent_balance",
        "x-trunkline": {"role": "intent", "examples": ["what is my balance", "how much"]},
    }  # fmt: skip
    config = EngineConfig(model="m", keywords=("Brightwater",), tools=(tool,), is_narrowband=True)
    async with far_end() as server:
        server.answers(EARS, Answer(chunks=HEARD))
        async with ears_at(server, config, local_partials=False) as (hearing, local):
            said = await hear(hearing, "a")
        (request,) = server.requests
    assert [event.text for event in said if isinstance(event, Hypothesis)] == [
        "what is", "what is my balance",
    ]  # fmt: skip
    assert final(said) == ("what is my balance", None)
    assert not local.heard
    assert b"Brightwater\nwhat is my balance\nhow much" in request.body
    wav = request.body[request.body.index(b"RIFF") :]
    assert int.from_bytes(wav[24:28], "little") == 8000  # what came by telephone travels as such
    assert int.from_bytes(wav[40:44], "little") == 16_000


async def test_the_local_recogniser_tells_partials_and_the_far_end_has_the_last_word() -> None:
    async with far_end() as server:
        server.answers(EARS, Answer(content_type="application/json", chunks=(b'{"text": "Yes."}',)))
        async with ears_at(server, is_streamed=False) as (hearing, local):
            said = await hear(hearing, "a")
            assert final(said) == ("Yes.", None)
            assert local.dropped == ["a"]
        assert b'name="stream"' not in server.requests[0].body
    assert Hypothesis("a", "locally so far") in said


@pytest.mark.parametrize("local_partials", [True, False], ids=["listening along", "afterwards"])
@pytest.mark.parametrize(
    "bad",
    [
        Answer(500, "application/json", chunks=(b"{}",)),
        Answer(content_type="text/html", chunks=(b"<html>",)),
        Answer(content_type="application/json", chunks=(b"[]",)),
        Answer(content_type="application/json", chunks=(b'{"words": 1}',)),
        Answer(chunks=HEARD[:2]),
        Answer(chunks=HEARD[:1], is_cut=True),
        Answer(chunks=(*HEARD[:1], STALL)),
        Answer(chunks=sse({"type": "error", "error": {"message": "x"}})),
        Answer(delay_s=60),
    ],
    ids=["500", "html", "list", "no text", "no end", "cut", "stalls", "error", "silent"],
)
async def test_a_turn_the_far_end_does_not_understand_is_understood_here(
    bad: Answer, local_partials: bool
) -> None:
    is_slow = bad.delay_s > 0 or STALL in bad.chunks
    patience_s = 0.2 if is_slow else 5.0
    async with far_end() as server:
        server.answers(EARS, bad, Answer(chunks=HEARD))
        settings: dict[str, Any] = {
            "retries": 0,
            "first_byte_timeout_s": patience_s,
            "chunk_timeout_s": patience_s,
            "local_partials": local_partials,
        }
        async with ears_at(server, **settings) as (hearing, _):
            assert final(await hear(hearing, "a")) == ("locally 32000 bytes", 0.7)
            if not is_slow:  # the next turn is the far end's again
                assert final(await hear(hearing, "b")) == ("what is my balance", None)


async def test_ears_that_rest_let_the_local_ones_listen_from_the_first_word() -> None:
    async with far_end() as server:
        server.answers(EARS, Answer(500, "application/json", chunks=(b"{}",)))
        settings: dict[str, Any] = {"retries": 0, "breaker_failures": 1, "local_partials": False}
        async with ears_at(server, **settings) as (hearing, _):
            await hear(hearing, "a")
            said = await hear(hearing, "b")
        assert len(server.requests) == 1
    assert said[0] == Hypothesis("b", "locally so far")
    assert final(said) == ("locally 32000 bytes", 0.7)


async def test_a_dropped_turn_closes_its_request_and_is_never_spoken_of() -> None:
    async with far_end() as server:
        server.answers(EARS, Answer(delay_s=60), Answer(chunks=HEARD))
        async with ears_at(server) as (hearing, local):
            hearing.begin("a", "", lambda text: None)
            hearing.feed(bytes(3200))
            hearing.end("a")
            await server.until(lambda: bool(server.requests))
            hearing.drop("a")
            await server.until(lambda: server.hung_up == 1)
            said = [event async for event in _until(hearing, "b")]
    assert "a" in local.dropped
    assert not [e for e in said if e.item_id == "a" and not isinstance(e, Hypothesis)]


async def _until(hearing: HostedHearing, item_id: str) -> AsyncIterator[EngineEvent]:
    hearing.begin(item_id, "", lambda text: None)
    hearing.feed(bytes(3200))
    hearing.end(item_id)
    async with asyncio.timeout(10):
        async for event in hearing.events():
            yield event
            if event.item_id == item_id and isinstance(event, Transcribed | TranscriptionFailed):
                return


async def test_nothing_understood_is_a_rejected_turn() -> None:
    def silence(request: Request) -> Answer:
        return Answer(content_type="application/json", chunks=(b'{"text": " "}',))

    async with far_end() as server:
        server.responds(EARS, silence)
        async with ears_at(server) as (hearing, _):
            last = (await hear(hearing, "a"))[-1]
    assert isinstance(last, Transcribed)
    assert (last.text, last.confidence, last.is_rejected) == ("", 0.0, True)
