from __future__ import annotations

import base64

import pytest
from tests.fakes.realtime_session import SessionUnderTest, session_with
from tests.fakes.response_order import check_responses
from tests.fakes.virtual_time import run_virtual
from tests.fakes.voices import quiet, voiced

from trunkline.model.script import Script, ScriptedReply, ScriptedTranscript
from trunkline.model.scripted import ScriptedEngine
from trunkline.realtime import client_events as ce
from trunkline.realtime import server_events as ev
from trunkline.realtime.items import InputAudioPart, MessageItem, item_text

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


def test_a_turn_is_started_stopped_committed_transcribed_and_answered() -> None:
    async def work() -> None:
        async with session_with(engine(transcripts=("what is my balance",))) as session:
            await session.update(
                audio={
                    "input": {"turn_detection": VAD, "transcription": {"model": "whisper-1"}},
                }
            )
            begin = len(session.events)
            await session.hear(hush(1000) + voice(1200) + hush(900))
            done = await session.expect(ev.ResponseDone)
            assert item_text(done.response.output[0]) == "You said: what is my balance"
            started = session.all(ev.InputSpeechStarted)[0]
            stopped = session.all(ev.InputSpeechStopped)[0]
            committed = session.all(ev.InputCommitted)[0]
            assert started.item_id == stopped.item_id == committed.item_id
            assert 600 <= started.audio_start_ms <= 800
            assert 2600 <= stopped.audio_end_ms <= 2900
            order = [kind for kind in session.types(begin) if "speech_" in kind or "commit" in kind]
            assert order == [
                "input_audio_buffer.speech_started",
                "input_audio_buffer.speech_stopped",
                "input_audio_buffer.committed",
            ]
            heard = session.all(ev.TranscriptionCompleted)[0]
            assert heard.transcript == "what is my balance"
            assert heard.usage.seconds is not None and 1.8 < heard.usage.seconds < 2.3
            deltas = session.all(ev.TranscriptionDelta)
            assert "".join(delta.delta for delta in deltas) == heard.transcript
            assert all(delta.x_hypothesis is None for delta in deltas)
            check_responses(session.events)

    run_virtual(work())


def test_an_upload_in_one_piece_gives_the_same_turn() -> None:
    async def offsets(chunk_bytes: int) -> tuple[int, int]:
        async with session_with(engine()) as session:
            await session.hear(hush(1000) + voice(1200) + hush(900), chunk_bytes)
            stopped = await session.expect(ev.InputSpeechStopped)
            return session.all(ev.InputSpeechStarted)[0].audio_start_ms, stopped.audio_end_ms

    assert (
        run_virtual(offsets(960)) == run_virtual(offsets(10_000_000)) == run_virtual(offsets(333))
    )


def test_our_own_client_also_gets_hypotheses_confidence_and_rejection() -> None:
    async def work() -> None:
        told = ScriptedTranscript(text="um what", confidence=0.2, is_rejected=True)
        async with session_with(engine(transcripts=(told,))) as session:
            await session.update(
                audio={
                    "input": {
                        "turn_detection": VAD
                        | {"create_response": False, "interrupt_response": False},
                        "transcription": {"model": "trunkline-asr"},
                    }
                }
            )
            await session.hear(hush(500) + voice(800) + hush(900))
            heard = await session.expect(ev.TranscriptionCompleted)
            assert (heard.x_confidence, heard.x_rejected) == (0.2, True)
            partial = session.all(ev.TranscriptionDelta)[0]
            assert (partial.delta, partial.x_hypothesis) == ("", "um")
            assert not session.all(ev.ResponseCreated)

    run_virtual(work())


def test_speech_interrupts_the_answer_at_once() -> None:
    async def work() -> None:
        async with session_with(engine(ScriptedReply(text=LONG))) as session:
            await session.send(ce.ResponseCreate())
            await session.expect(ev.ResponseAudioDelta)
            await session.hear(hush(200) + voice(600))
            done = await session.expect(ev.ResponseDone)
            assert done.response.status == "cancelled"
            assert done.response.status_details is not None
            assert done.response.status_details.reason == "turn_detected"
            kinds = session.types()
            assert kinds.index("input_audio_buffer.speech_started") < kinds.index("response.done")
            assert "input_audio_buffer.speech_stopped" not in kinds
            check_responses(session.events)

    run_virtual(work())


def test_without_interrupt_response_the_answer_goes_on_and_no_second_one_begins() -> None:
    async def work() -> None:
        async with session_with(engine(ScriptedReply(text=LONG))) as session:
            detection = VAD | {"interrupt_response": False}
            await session.update(audio={"input": {"turn_detection": detection}})
            await session.send(ce.ResponseCreate())
            await session.hear(hush(200) + voice(600) + hush(900))
            await session.expect(ev.InputCommitted)
            done = await session.expect(ev.ResponseDone)
            assert done.response.status == "completed"
            assert len(session.all(ev.ResponseCreated)) == 1

    run_virtual(work())


@pytest.mark.parametrize("ms", [0, 99])
def test_too_little_audio_cannot_be_committed(ms: int) -> None:
    async def work() -> None:
        async with session_with(engine()) as session:
            await session.update(audio={"input": {"turn_detection": None}})
            await session.hear(hush(ms))
            await session.send(ce.InputAudioCommit(event_id="c"))
            assert last_error(session).code == "input_audio_buffer_commit_empty"
            assert last_error(session).event_id == "c"

    run_virtual(work())


def test_without_detection_the_client_commits_and_nothing_answers_by_itself() -> None:
    async def work() -> None:
        scripted = engine()
        async with session_with(scripted) as session:
            await session.update(audio={"input": {"turn_detection": None}})
            await session.hear(voice(1000))
            await session.send(ce.InputAudioCommit())
            committed = await session.expect(ev.InputCommitted)
            done = await session.expect(ev.ItemDone)
            assert done.item.id == committed.item_id
            assert isinstance(done.item, MessageItem)
            assert done.item.content == (InputAudioPart(),)
            heard = scripted.sessions[-1].heard_bytes[committed.item_id]
            assert abs(heard / 2 / 16 - 1000) < 1
            assert not session.all(ev.ResponseCreated)
            await session.hear(voice(500))
            await session.send(ce.InputAudioClear())
            await session.expect(ev.InputCleared)
            await session.send(ce.InputAudioCommit())
            assert last_error(session).code == "input_audio_buffer_commit_empty"

    run_virtual(work())


def test_a_retrieved_turn_comes_with_its_audio_in_the_input_format() -> None:
    async def work() -> None:
        async with session_with(engine()) as session:
            await session.update(
                audio={"input": {"turn_detection": None, "format": {"type": "audio/pcmu"}}}
            )
            payload = bytes(range(256)) * 8
            await session.hear(payload, chunk_bytes=160)
            await session.send(ce.InputAudioCommit())
            item_id = (await session.expect(ev.InputCommitted)).item_id
            await session.send(ce.ItemRetrieve(item_id=item_id))
            item = (await session.expect(ev.ItemRetrieved)).item
            assert isinstance(item, MessageItem)
            part = item.content[0]
            assert isinstance(part, InputAudioPart) and part.audio is not None
            # 0x7f and 0xff are both zero in mu-law.
            assert base64.b64decode(part.audio) == payload.replace(b"\x7f", b"\xff")

    run_virtual(work())


def test_a_caller_who_says_nothing_is_asked_again() -> None:
    async def work() -> None:
        async with session_with(engine(ScriptedReply(text="Hello?"))) as session:
            detection = VAD | {"idle_timeout_ms": 5000}
            await session.update(audio={"input": {"turn_detection": detection}})
            await session.respond()
            begin = len(session.events)
            await session.hear(hush(7000), chunk_bytes=9600)
            timeout = await session.expect(ev.InputTimeoutTriggered)
            assert timeout.audio_end_ms - timeout.audio_start_ms == pytest.approx(5000, abs=40)
            await session.expect(ev.ResponseDone, since=begin)
            kinds = session.types(begin)
            assert kinds[:2] == [
                "input_audio_buffer.timeout_triggered",
                "input_audio_buffer.committed",
            ]

    run_virtual(work())


def test_a_deleted_turn_is_not_spoken_of_again() -> None:
    async def work() -> None:
        told = ScriptedTranscript(text="uh huh", delay_ms=2000)
        async with session_with(engine(transcripts=(told,))) as session:
            await session.update(
                audio={
                    "input": {
                        "turn_detection": VAD | {"create_response": False},
                        "transcription": {"model": "trunkline-asr"},
                    }
                }
            )
            await session.hear(hush(500) + voice(500) + hush(900))
            item_id = (await session.expect(ev.InputCommitted)).item_id
            await session.send(ce.ItemDelete(item_id=item_id))
            done = await session.respond()
            assert item_text(done.response.output[0]) == "You said: "
            assert not session.all(ev.TranscriptionCompleted)

    run_virtual(work())
