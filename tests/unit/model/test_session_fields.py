"""Fields of a session that ask for something: done, or refused by name."""

from __future__ import annotations

import asyncio
import base64
import json
from dataclasses import replace
from typing import Any

import numpy as np
from structlog.testing import capture_logs
from tests.fakes.realtime_session import SessionUnderTest, session_with
from tests.fakes.virtual_time import run_virtual
from tests.fakes.voices import voiced

from trunkline.domain.audio import WordMark
from trunkline.model.engine import EngineCapabilities, Transcribed, TranscriptionFailed
from trunkline.model.script import Script, ScriptedReply
from trunkline.model.scripted import ScriptedEngine
from trunkline.realtime import client_events as ce
from trunkline.realtime import server_events as ev
from trunkline.realtime.items import item_adapter, item_text

PNG = "data:image/png;base64," + base64.b64encode(b"\x89PNG\r\n\x1a\n rest").decode()
LOGPROBS = ["item.input_audio_transcription.logprobs"]


class Able(ScriptedEngine):
    """The scripted engine, able to do more."""

    def __init__(self, **more: bool) -> None:
        super().__init__(Script(replies=(ScriptedReply(text="Seen: {last}"),)))
        self._more = more

    @property
    def capabilities(self) -> EngineCapabilities:
        return replace(super().capabilities, **self._more)


def message(*parts: dict[str, Any]) -> ce.ItemCreate:
    item = {"type": "message", "role": "user", "content": list(parts)}
    return ce.ItemCreate(item=item_adapter.validate_python(item))


async def refused(session: SessionUnderTest, event: ce.ClientEvent) -> ev.ErrorDetail:
    begin = len(session.events)
    await session.send(event)
    assert session.types(begin) == ["error"]
    return session.all(ev.ErrorEvent, begin)[0].error


def test_an_image_reaches_an_engine_that_sees_and_no_other() -> None:
    image = {"type": "input_image", "image_url": PNG, "detail": "low"}
    text = {"type": "input_text", "text": "what is this"}

    async def work() -> None:
        seeing = Able(vision=True)
        async with session_with(seeing) as session:
            await session.send(message(text, image))
            done = await session.expect(ev.ItemDone)
            kept = done.item.model_dump(mode="json")["content"]
            assert kept == [text, image]
            told = session.connection._conversation.history()
            assert told[0].images == (PNG,)
            assert (await session.respond()).response.status == "completed"
            for url in ("https://example.com/a.png", "data:image/png;base64,AAAA", PNG + "!"):
                error = await refused(session, message(text, {**image, "image_url": url}))
                assert (error.code, error.param) == ("invalid_value", "item.content.1.image_url")
        async with session_with(Able()) as session:
            error = await refused(session, message(text, image))
            assert (error.code, error.param) == ("unsupported_content_type", "item.content.1.type")

    run_virtual(work())


def test_probabilities_of_words_are_told_where_the_recogniser_has_them() -> None:
    async def work() -> None:
        async with session_with(Able()) as session:
            update = ce.SessionUpdate(session={"type": "realtime", "include": LOGPROBS})
            assert (await refused(session, update)).param == "session.include"
        async with session_with(Able(word_probabilities=True)) as session:
            transcription = {"input": {"turn_detection": None, "transcription": {"model": "x"}}}
            await session.update(include=LOGPROBS, audio=transcription)
            await session.hear(voiced(300, 24000))
            await session.send(ce.InputAudioCommit())
            committed = await session.expect(ev.InputCommitted)
            words = (WordMark("yes", 0, 300), WordMark("no", 300, 400))
            session.connection._hearing.engine_said(
                Transcribed(committed.item_id, "yes no", words=words, word_probabilities=(1.0, 0.0))
            )
            told = (await session.expect(ev.TranscriptionCompleted)).logprobs
            assert told is not None
            assert [one.token for one in told] == ["yes", "no"]
            assert told[0].logprob == 0.0 and told[1].logprob < -20
            assert bytes(told[1].bytes) == b"no"

    run_virtual(work())


def test_a_traced_session_leaves_lines_without_what_was_said() -> None:
    async def work() -> list[Any]:
        async with session_with(Able()) as session:
            tracing = {"workflow_name": "desk", "group_id": "+442079460000", "metadata": {"a": "b"}}
            with capture_logs() as lines:
                await session.update(tracing=tracing, output_modalities=["text"])
                await session.say_text("my secret")
                await session.respond()
                await session.update(tracing=None)
                await session.respond()
            return lines

    lines = [line for line in run_virtual(work()) if line["event"].startswith("trace")]
    assert [line["event"] for line in lines] == ["trace of a session", "trace"]
    assert lines[1]["span"] == "response" and lines[1]["status"] == "completed"
    assert {line["workflow"] for line in lines} == {"desk"}
    assert {line["group"] for line in lines} == {lines[0]["group"]}
    text = json.dumps([{k: v for k, v in line.items() if "pii" not in k} for line in lines])
    assert "secret" not in text and "442079460000" not in text


def test_noise_reduction_cleans_what_is_committed_and_off_leaves_it_alone() -> None:
    noise = np.random.default_rng(1).normal(scale=500, size=3 * 24_000).astype("<i2").tobytes()

    async def power(reduction: dict[str, Any] | None) -> float:
        async with session_with(Able()) as session:
            heard = {"turn_detection": None, "noise_reduction": reduction}
            updated = await session.update(audio={"input": heard})
            assert updated.session["audio"]["input"]["noise_reduction"] == reduction
            await session.hear(noise)
            await session.send(ce.InputAudioCommit())
            committed = await session.expect(ev.InputCommitted)
            await session.send(ce.ItemRetrieve(item_id=committed.item_id))
            item = (await session.expect(ev.ItemRetrieved)).item.model_dump()
            audio = np.frombuffer(base64.b64decode(item["content"][0]["audio"]), "<i2")
            return float(np.mean(audio[48_000:].astype(float) ** 2))

    plain = run_virtual(power(None))
    near = run_virtual(power({"type": "near_field", "strength": None}))
    far = run_virtual(power({"type": "far_field", "strength": 1.0}))
    assert far < near / 3 < plain / 15


def test_a_recording_put_in_as_an_item_is_heard_and_travels_only_when_retrieved() -> None:
    audio = base64.b64encode(voiced(400, 24000)).decode()

    async def work() -> None:
        engine = ScriptedEngine(Script(transcripts=("one", "two")))
        async with session_with(engine) as session:
            await session.update(output_modalities=["text"])
            await session.send(message({"type": "input_audio", "audio": audio}))
            done = await session.expect(ev.ItemDone)
            assert done.item.model_dump(mode="json")["content"] == [{"type": "input_audio"}]
            answer = await session.respond()
            assert item_text(answer.response.output[0]) == "You said: one"
            assert not session.all(ev.TranscriptionCompleted)
            await session.send(ce.ItemRetrieve(item_id=str(done.item.id)))
            item = (await session.expect(ev.ItemRetrieved)).item.model_dump(mode="json")
            assert item["content"][0] == {
                "type": "input_audio",
                "audio": audio,
                "transcript": "one",
            }
            told = {"type": "input_audio", "audio": audio, "transcript": "three"}
            await session.send(message(told))
            answer = await session.respond()
            assert item_text(answer.response.output[0]) == "You said: three"
            error = await refused(session, message({"type": "input_audio", "audio": "?"}))
            assert (error.code, error.param) == ("invalid_value", "item.content.0.audio")
            minute = base64.b64encode(bytes(61 * 48_000)).decode()
            error = await refused(session, message({"type": "input_audio", "audio": minute}))
            assert "60 s" in error.message

    run_virtual(work())


def test_a_recording_put_in_while_somebody_speaks_waits_for_the_turn_to_end() -> None:
    audio = base64.b64encode(voiced(400, 24000)).decode()

    async def work() -> None:
        engine = ScriptedEngine(Script(transcripts=("spoken", "recorded")))
        async with session_with(engine) as session:
            await session.update(audio={"input": {"turn_detection": None}})
            await session.hear(voiced(400, 24000))
            await session.send(message({"type": "input_audio", "audio": audio}))
            recorded = await session.expect(ev.ItemDone)
            await session.send(ce.InputAudioCommit())
            await session.respond()
            known = session.connection._conversation
            spoken = (await session.expect(ev.InputCommitted)).item_id
            assert known.retrieve(spoken).transcript == "spoken"
            assert known.retrieve(str(recorded.item.id)).transcript == "recorded"

    run_virtual(work())


def test_a_turn_that_fails_while_it_is_said_is_told_when_it_is_committed() -> None:
    async def work() -> float:
        async with session_with(Able()) as session:
            heard = {"turn_detection": None, "transcription": {"model": "x"}}
            await session.update(audio={"input": heard}, output_modalities=["text"])
            await session.hear(voiced(400, 24000))
            hearing = session.connection._hearing
            assert hearing._turn_id is not None
            hearing.engine_said(TranscriptionFailed(hearing._turn_id, "recogniser_lost", "gone"))
            assert not session.all(ev.TranscriptionFailed)
            await session.send(ce.InputAudioCommit())
            told = await session.expect(ev.TranscriptionFailed)
            assert told.item_id == (await session.expect(ev.InputCommitted)).item_id
            began = asyncio.get_running_loop().time()
            await session.respond()
            return asyncio.get_running_loop().time() - began

    assert run_virtual(work()) < 1  # nobody waits for words that will not come
