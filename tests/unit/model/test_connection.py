from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
from tests.fakes.realtime_session import SessionUnderTest, session_with
from tests.fakes.response_order import check_responses
from tests.fakes.virtual_time import run_virtual
from tests.fakes.voices import quiet, voiced

from trunkline.model.engine import EngineConfig, EngineSession, ResponsePart, ResponseRequest
from trunkline.model.script import Script, ScriptedFailure, ScriptedReply, ScriptedTranscript
from trunkline.model.scripted import ScriptedEngine, ScriptedSession
from trunkline.realtime import client_events as ce
from trunkline.realtime import server_events as ev
from trunkline.realtime.items import FunctionCallItem, item_text, user_message

LONG = " ".join(["word"] * 60)
VAD = {"type": "server_vad", "silence_duration_ms": 500}


def engine(
    *replies: ScriptedReply, transcripts: tuple[ScriptedTranscript | str, ...] = ()
) -> ScriptedEngine:
    said = replies or (ScriptedReply(text="You said: {last}"),)
    return ScriptedEngine(Script(replies=said, transcripts=transcripts))


def hush(ms: int) -> bytes:
    return quiet(ms, 24000)


def voice(ms: int) -> bytes:
    return voiced(ms, 24000)


def last_error(session: SessionUnderTest) -> ev.ErrorDetail:
    return session.all(ev.ErrorEvent)[-1].error


def test_the_first_event_is_the_whole_session() -> None:
    async def work() -> None:
        async with session_with(engine()) as session:
            first = session.events[0]
            assert isinstance(first, ev.SessionCreated)
            assert first.session["object"] == "realtime.session"
            assert first.session["audio"]["input"]["turn_detection"]["create_response"] is True

    run_virtual(work())


def test_an_audio_answer_keeps_the_order_and_its_words_come_before_their_audio() -> None:
    async def work() -> None:
        async with session_with(engine(ScriptedReply(text="Good morning dear caller"))) as session:
            done = await session.respond()
            check_responses(session.events)
            assert done.response.status == "completed"
            sent_ms, begun = 0.0, []
            for event in session.events:
                if isinstance(event, ev.ResponseAudioDelta):
                    sent_ms += len(event.audio) / 48
                    assert len(event.audio) <= 48_000  # a second
                elif isinstance(event, ev.ResponseTranscriptDelta):
                    assert event.x_words is not None
                    begun += [word.start_ms for word in event.x_words]
                    assert all(word.start_ms >= sent_ms - 0.1 for word in event.x_words)
            assert begun == [0, 250, 500, 750]
            assert round(sent_ms) == 1000

    run_virtual(work())


def test_long_speech_is_two_seconds_ahead_at_first_and_then_twice_real_time() -> None:
    async def work() -> float:
        async with session_with(engine(ScriptedReply(text=LONG))) as session:
            loop = asyncio.get_running_loop()
            began = loop.time()
            await session.respond()
            return loop.time() - began

    # 15 s of speech: (15 - 2) / 2
    assert abs(run_virtual(work()) - 6.5) < 0.2


def test_a_cancelled_answer_says_nothing_more_and_the_next_one_works() -> None:
    async def work() -> None:
        async with session_with(engine(ScriptedReply(text=LONG))) as session:
            await session.send(ce.ResponseCreate())
            await session.expect(ev.ResponseAudioDelta)
            await session.send(ce.ResponseCancel())
            done = await session.expect(ev.ResponseDone)
            assert done.response.status == "cancelled"
            assert done.response.status_details is not None
            assert done.response.status_details.reason == "client_cancelled"
            end = len(session.events)
            await session.send(ce.ResponseCancel(event_id="e1"))
            assert last_error(session).code == "response_cancel_not_active"
            assert last_error(session).event_id == "e1"
            assert session.types(end) == ["error"]
            assert (await session.respond()).response.status == "completed"
            check_responses(session.events)

    run_virtual(work())


def test_there_is_one_answer_at_a_time_but_others_out_of_band() -> None:
    async def work() -> None:
        async with session_with(engine(ScriptedReply(text=LONG))) as session:
            await session.send(ce.ResponseCreate())
            first = await session.expect(ev.ResponseCreated)
            await session.send(ce.ResponseCreate(event_id="second"))
            assert last_error(session).code == "conversation_already_has_active_response"
            assert last_error(session).event_id == "second"
            beside = ce.ResponseParams(
                conversation="none", output_modalities=("text",), input=(), metadata={"k": "oob"}
            )
            begin = len(session.events)
            await session.send(ce.ResponseCreate(response=beside))
            done = await session.expect(
                ev.ResponseDone, where=lambda e: e.response.id != first.response.id, since=begin
            )
            assert done.response.conversation_id is None
            assert done.response.metadata == {"k": "oob"}
            await session.expect(
                ev.ResponseDone, where=lambda e: e.response.id == first.response.id
            )
            check_responses(session.events)
            assert len(session.all(ev.ItemAdded)) == 1

    run_virtual(work())


def test_the_token_limit_ends_an_answer_as_incomplete() -> None:
    async def work() -> None:
        async with session_with(engine(ScriptedReply(text=LONG))) as session:
            for modality in ("text", "audio"):
                params = ce.ResponseParams.model_validate(
                    {"max_output_tokens": 12, "output_modalities": [modality]}
                )
                done = await session.respond(params)
                assert done.response.status == "incomplete"
                assert done.response.status_details is not None
                assert done.response.status_details.reason == "max_output_tokens"
                assert done.response.usage is not None
                assert done.response.usage.output_tokens <= 14
            check_responses(session.events)

    run_virtual(work())


def test_a_failing_engine_fails_its_answer_and_not_the_session() -> None:
    async def work() -> None:
        failing = ScriptedReply(match="break", text="So ", fail=ScriptedFailure())
        async with session_with(engine(failing, ScriptedReply(text="ok"))) as session:
            await session.say_text("break it")
            done = await session.respond()
            assert done.response.status == "failed"
            assert done.response.status_details is not None
            assert done.response.status_details.error is not None
            assert done.response.status_details.error.message == "as scripted"
            await session.say_text("go on")
            assert (await session.respond()).response.status == "completed"
            check_responses(session.events)

    run_virtual(work())


def test_an_engine_that_says_nothing_fails_after_its_deadline() -> None:
    async def work() -> None:
        slow = ScriptedReply(text="late", delay_ms=40_000)
        async with session_with(engine(slow)) as session:
            done = await session.respond()
            assert done.response.status == "failed"
            assert done.response.status_details is not None
            assert done.response.status_details.error is not None
            assert done.response.status_details.error.code == "engine_timeout"

    run_virtual(work())


def test_a_tool_is_called_answered_and_spoken_about() -> None:
    async def work() -> None:
        call = ScriptedReply.model_validate(
            {"match": "balance", "tool": {"name": "lookup", "arguments": {"account": "44172908"}}}
        )
        async with session_with(engine(call, ScriptedReply(text="It is {last}"))) as session:
            await session.say_text("my balance please")
            done = await session.respond()
            item = done.response.output[0]
            assert isinstance(item, FunctionCallItem) and item.call_id
            assert item.name == "lookup" and item.arguments == '{"account": "44172908"}'
            await session.tool_output(item.call_id, "182.40")
            done = await session.respond()
            assert item_text(done.response.output[0]) == "It is 182.40"
            await session.tool_output("call_nope", "x")
            assert last_error(session).code == "invalid_tool_call_id"
            check_responses(session.events)

    run_virtual(work())


def test_a_rejected_update_changes_nothing_and_the_engine_hears_only_good_ones() -> None:
    async def work() -> None:
        scripted = engine()
        async with session_with(scripted) as session:
            told = scripted.sessions[-1]
            assert isinstance(told, ScriptedSession)
            await session.send(
                ce.SessionUpdate(
                    event_id="bad",
                    session={"type": "realtime", "instructions": "LOST", "nonsense": 1},
                )
            )
            assert last_error(session).event_id == "bad"
            assert session.connection.session.instructions != "LOST"
            assert len(told.configs) == 1
            await session.update(instructions="KEPT")
            assert told.configs[-1].instructions == "KEPT"

    run_virtual(work())


def test_truncation_reaches_the_next_request() -> None:
    async def work() -> None:
        async with session_with(engine(ScriptedReply(text="one two three four"))) as session:
            done = await session.respond()
            item_id = str(done.response.output[0].id)
            await session.send(ce.ItemTruncate(item_id=item_id, content_index=0, audio_end_ms=500))
            cut = await session.expect(ev.ItemTruncated)
            assert (cut.item_id, cut.audio_end_ms) == (item_id, 500)
            await session.send(ce.ItemRetrieve(item_id=item_id))
            got = await session.expect(ev.ItemRetrieved)
            assert item_text(got.item) == "one two"

    run_virtual(work())


def test_the_session_ends_after_its_hour_with_a_reason() -> None:
    async def work() -> None:
        async with session_with(engine(), limit_s=3600) as session:
            await asyncio.sleep(3601)
            assert last_error(session).code == "session_expired"
            assert session.closed is not None and session.closed.code == 1001
            assert session.closed.reason == ("Your session hit the maximum duration of 60 minutes.")

    run_virtual(work(), deadline_s=7200)


@pytest.mark.parametrize("frame", ["{not json", '{"type":"no.such"}', "[]", '{"event_id":"x"}'])
def test_nonsense_is_answered_and_the_session_lives(frame: str) -> None:
    async def work() -> None:
        async with session_with(engine()) as session:
            await session.connection.receive(frame)
            session.connection.receive_binary()
            await session.update(instructions="alive")
            assert len(session.all(ev.ErrorEvent)) == 2

    run_virtual(work())


def test_an_engine_is_told_which_context_is_not_the_conversation() -> None:
    """An engine that keeps a conversation elsewhere must not take it for one."""
    asked: list[bool] = []

    class Listening(ScriptedSession):
        def respond(self, request: ResponseRequest) -> AsyncIterator[ResponsePart]:
            asked.append(request.is_out_of_band)
            return super().respond(request)

    class ListeningEngine(ScriptedEngine):
        async def open_session(self, session_id: str, config: EngineConfig) -> EngineSession:
            return Listening(self.script, self.speech, config)

    async def work() -> None:
        async with session_with(ListeningEngine(Script())) as session:
            for params in (
                ce.ResponseParams(),
                ce.ResponseParams(conversation="none"),
                ce.ResponseParams(input=(user_message("other"),)),
                ce.ResponseParams(),
            ):
                await session.respond(params)

    run_virtual(work())
    assert asked == [False, True, True, False]
