"""Turns that may be over: understood, planned and voiced in the hangover, and no trace of it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest
from tests.fakes.realtime_session import SessionUnderTest, session_with
from tests.fakes.response_order import check_responses
from tests.fakes.virtual_time import run_virtual
from tests.fakes.voices import quiet, voiced

from trunkline.domain.errors import EngineError
from trunkline.model.endpointing import (
    Endpointer,
    EndpointingConfig,
    SpeechMayEnd,
    SpeechStarted,
    SpeechStopped,
    SpeechWentOn,
)
from trunkline.model.engine import (
    EngineCapabilities,
    EngineConfig,
    EngineSession,
    HistoryItem,
    ItemRole,
    Rehearsal,
    ResponseEnded,
    ResponsePart,
    ResponseRequest,
    SpeechDelta,
)
from trunkline.model.rehearsing import Rehearsals
from trunkline.model.script import Script, ScriptedReply, ScriptedTool
from trunkline.model.scripted import ScriptedEngine, ScriptedSession
from trunkline.realtime import client_events as ce
from trunkline.realtime import server_events as ev
from trunkline.realtime.items import FunctionCallItem, item_text

CONFIG = EndpointingConfig(silence_ms=500, longest_silence_ms=500, foresees=True)
VAD = {"type": "server_vad", "silence_duration_ms": 500}


def ends(frames: str, config: EndpointingConfig = CONFIG) -> list[str]:
    """``frames``: one character per 20 ms, ``#`` for speech."""
    endpointer = Endpointer(config)
    events = (endpointer.push(frame == "#") for frame in frames)
    return [type(event).__name__ for event in events if event is not None]


STARTED, MAY_END = SpeechStarted.__name__, SpeechMayEnd.__name__
WENT_ON, STOPPED = SpeechWentOn.__name__, SpeechStopped.__name__


def test_a_turn_may_be_over_once_before_it_is() -> None:
    assert ends("#" * 25 + "." * 40) == [STARTED, MAY_END, STOPPED]


def test_a_pause_within_a_turn_is_told_to_have_been_one() -> None:
    frames = "#" * 25 + "." * 15 + "#" * 25 + "." * 40
    assert ends(frames) == [STARTED, MAY_END, WENT_ON, MAY_END, STOPPED]


def test_the_gap_between_two_digits_is_no_end() -> None:
    assert ends("#" * 25 + "." * 7 + "#" * 25 + "." * 7) == [STARTED]


def test_a_click_in_the_pause_is_not_going_on() -> None:
    assert ends("#" * 25 + "." * 12 + "#" + "." * 40) == [STARTED, MAY_END, STOPPED]


@pytest.mark.parametrize("silence_ms", [200, 300, 500, 900, 3000])
def test_what_is_left_of_the_hangover_is_enough_for_the_first_clause(silence_ms: int) -> None:
    config = replace(CONFIG, silence_ms=silence_ms, longest_silence_ms=silence_ms)
    endpointer = Endpointer(config)
    at: dict[str, int] = {}
    for frame in "#" * 25 + "." * 200:
        event = endpointer.push(frame == "#")
        if event is not None:
            at[type(event).__name__] = endpointer.now // 8
    assert at[STOPPED] - at[MAY_END] == min(340, silence_ms - 160)


def test_nothing_is_foreseen_unless_it_is_asked_for() -> None:
    assert ends("#" * 25 + "." * 40, replace(CONFIG, foresees=False)) == [STARTED, STOPPED]


def test_a_yes_that_was_asked_for_is_not_waited_on_for_as_long_as_a_number() -> None:
    config = replace(CONFIG, silence_ms=900, longest_silence_ms=900, answer_silence_ms=400)
    endpointer = Endpointer(config)
    for frame in "#" * 25 + "." * 5:
        endpointer.push(frame == "#")
    endpointer.is_answered = True  # "yes"
    told = [endpointer.push(False) for _ in range(15)]
    assert isinstance(told[14], SpeechStopped)
    assert isinstance(told[2], SpeechMayEnd)
    assert not endpointer.is_answered


# ---- at the session ------------------------------------------------------------------------------


class Watched(ScriptedEngine):
    """Counts what is asked of it; its replies take 200 ms of thought."""

    def __init__(
        self, *transcripts: str, reply: ScriptedReply | None = None, foresees: bool = True
    ) -> None:
        said = reply or ScriptedReply(text="You said: {last}", delay_ms=200)
        super().__init__(Script(replies=(said,), transcripts=transcripts))
        self.asked: list[ResponseRequest] = []
        self.foresees = foresees

    @property
    def capabilities(self) -> EngineCapabilities:
        return replace(super().capabilities, foresees=self.foresees)

    async def open_session(self, session_id: str, config: EngineConfig) -> EngineSession:
        session = await super().open_session(session_id, config)
        assert isinstance(session, ScriptedSession)
        inner = session.respond

        def respond(request: ResponseRequest) -> AsyncIterator[ResponsePart]:
            self.asked.append(request)
            return inner(request)

        session.respond = respond  # type: ignore[method-assign]
        return session


async def talk(session: SessionUnderTest, pcm: bytes) -> None:
    """As it is spoken: 20 ms every 20 ms."""
    for begin in range(0, len(pcm), 960):
        event = ce.InputAudioAppend.model_construct(audio=pcm[begin : begin + 960])
        await session.send(event)
        await asyncio.sleep(0.02)


def hush(ms: int) -> bytes:
    return quiet(ms, 24000)


def voice(ms: int) -> bytes:
    return voiced(ms, 24000)


async def listening(session: SessionUnderTest, **detection: bool) -> None:
    heard = {"turn_detection": VAD | detection, "transcription": {"model": "trunkline-asr"}}
    await session.update(audio={"input": heard})


def test_the_answer_is_there_when_the_turn_ends() -> None:
    async def work() -> None:
        engine = Watched("what is my balance")
        async with session_with(engine) as session:
            await listening(session)
            now = asyncio.get_running_loop().time
            await talk(session, hush(400) + voice(1000) + hush(400))
            assert len(engine.asked) == 1
            assert engine.asked[0].rehearsal is not None
            await talk(session, hush(160))
            await session.expect(ev.InputCommitted)
            ended_s = now()
            await session.expect(ev.ResponseAudioDelta)
            assert now() - ended_s <= 0.02  # 200 ms of thought were in the hangover
            done = await session.expect(ev.ResponseDone)
            assert item_text(done.response.output[0]) == "You said: what is my balance"
            assert len(engine.asked) == 1
            check_responses(session.events)

    run_virtual(work())


def test_of_a_caller_who_goes_on_nothing_is_told_but_the_whole_turn() -> None:
    async def told(foresees: bool) -> tuple[list[str], str]:
        engine = Watched("what is my balance", foresees=foresees)
        async with session_with(engine) as session:
            await listening(session)
            begin = len(session.events)
            await talk(session, hush(400) + voice(800) + hush(380))
            assert len(engine.asked) == foresees
            assert session.types(begin) == ["input_audio_buffer.speech_started"]
            await talk(session, voice(600) + hush(700))
            done = await session.expect(ev.ResponseDone)
            assert len(engine.asked) == 1 + foresees
            assert done.response.usage is not None
            check_responses(session.events)
            return session.types(begin), str(done.response.usage.model_dump())

    assert run_virtual(told(True)) == run_virtual(told(False))


def test_a_client_that_asks_for_the_answer_itself_gets_the_one_that_was_made() -> None:
    async def work() -> None:
        engine = Watched("what is my balance")
        async with session_with(engine) as session:
            await listening(session, create_response=False, interrupt_response=False)
            await talk(session, hush(400) + voice(1000) + hush(600))
            await session.expect(ev.TranscriptionCompleted)
            done = await session.respond()
            assert item_text(done.response.output[0]) == "You said: what is my balance"
            assert len(engine.asked) == 1

    run_virtual(work())


@pytest.mark.parametrize("change", ["instructions", "item", "params", "deleted"])
def test_an_answer_to_something_else_is_made_anew(change: str) -> None:
    async def work() -> None:
        engine = Watched("what is my balance")
        async with session_with(engine) as session:
            await listening(session, create_response=False, interrupt_response=False)
            await talk(session, hush(400) + voice(1000) + hush(600))
            heard = await session.expect(ev.TranscriptionCompleted)
            params = None
            if change == "instructions":
                await session.update(instructions="Be brief.")
            elif change == "item":
                await session.say_text("and hurry")
            elif change == "deleted":
                await session.send(ce.ItemDelete(item_id=heard.item_id))
            else:
                params = ce.ResponseParams(instructions="Be brief.")
            await session.respond(params)
            assert len(engine.asked) == 2
            assert engine.asked[1].rehearsal is None

    run_virtual(work())


def test_a_function_is_not_called_before_the_turn_is_over() -> None:
    async def work() -> None:
        tool = ScriptedTool(name="transfer", arguments={"to": "sales"})
        engine = Watched("sales please", reply=ScriptedReply(tool=tool))
        async with session_with(engine) as session:
            await session.update(
                tools=[{"type": "function", "name": "transfer", "parameters": {"type": "object"}}]
            )
            await listening(session)
            await talk(session, hush(400) + voice(1000) + hush(400))
            assert len(engine.asked) == 1
            assert not session.all(ev.OutputItemAdded)
            await talk(session, hush(300))
            done = await session.expect(ev.ResponseDone)
            assert isinstance(done.response.output[0], FunctionCallItem)

    run_virtual(work())


def test_a_script_counts_only_the_replies_that_were_given() -> None:
    async def work() -> None:
        once = ScriptedReply(text="Only once.", times=1)
        engine = ScriptedEngine(
            Script(replies=(once, ScriptedReply(text="Again.")), transcripts=("hello",))
        )
        async with session_with(engine) as session:
            await listening(session)
            await talk(session, hush(400) + voice(600) + hush(380) + voice(600) + hush(700))
            done = await session.expect(ev.ResponseDone)
            assert item_text(done.response.output[0]) == "Only once."

    run_virtual(work())


# ---- alone ---------------------------------------------------------------------------------------

REQUEST = ResponseRequest(
    "resp_1", (HistoryItem("item_1", ItemRole.USER, "hello"),), EngineConfig("trunkline")
)
DELTA = SpeechDelta(b"\0\0" * 1600, "Hello.")


class Engine:
    """Says 40 deltas, or fails, or never says how it ended; ``open`` answers are being made."""

    def __init__(self, *, fails: bool = False, ends: bool = True) -> None:
        self.fails = fails
        self.ends = ends
        self.open = self.given = self.effects = 0

    async def respond(self, request: ResponseRequest) -> AsyncIterator[ResponsePart]:
        self.open += 1
        try:
            if request.rehearsal is not None:
                request.rehearsal.then(self._effect)
            if self.fails:
                raise RuntimeError("a bug")
            for _ in range(40):
                self.given += 1
                yield DELTA
            if self.ends:
                yield ResponseEnded()
        finally:
            self.open -= 1

    def _effect(self) -> None:
        self.effects += 1


def test_no_more_than_the_first_clause_is_made_ahead() -> None:
    async def work() -> None:
        engine = Engine()
        async with asyncio.TaskGroup() as tasks:
            rehearsals = Rehearsals(engine.respond, tasks)
            rehearsals.begin(REQUEST)
            await asyncio.sleep(1)
            assert engine.given < 20
            assert engine.effects == 0
            parts = [part async for part in rehearsals.respond(REQUEST)]
            assert (len(parts), engine.effects, engine.open) == (41, 1, 0)

    run_virtual(work())


def test_what_nobody_asks_for_is_let_go() -> None:
    async def work() -> None:
        engine = Engine()
        async with asyncio.TaskGroup() as tasks:
            rehearsals = Rehearsals(engine.respond, tasks)
            rehearsals.begin(REQUEST)
            await asyncio.sleep(1)
            assert engine.open == 1
            await asyncio.sleep(10)
            assert (engine.open, engine.effects) == (0, 0)

    run_virtual(work())


def test_one_is_made_at_a_time() -> None:
    async def work() -> None:
        engine = Engine()
        async with asyncio.TaskGroup() as tasks:
            rehearsals = Rehearsals(engine.respond, tasks)
            for _ in range(5):
                rehearsals.begin(REQUEST)
                await asyncio.sleep(0.01)
                assert engine.open == 1
            rehearsals.throw_away()

    run_virtual(work())


def test_an_engine_that_failed_ahead_fails_when_it_is_asked() -> None:
    async def work() -> None:
        async with asyncio.TaskGroup() as tasks:
            rehearsals = Rehearsals(Engine(fails=True).respond, tasks)
            rehearsals.begin(REQUEST)
            await asyncio.sleep(1)
            with pytest.raises(RuntimeError):
                _ = [part async for part in rehearsals.respond(REQUEST)]

    run_virtual(work())


def test_an_answer_that_just_stops_is_a_failure_and_nothing_to_wait_for() -> None:
    async def work() -> None:
        async with asyncio.TaskGroup() as tasks:
            rehearsals = Rehearsals(Engine(ends=False).respond, tasks)
            rehearsals.begin(REQUEST)
            await asyncio.sleep(1)
            async with asyncio.timeout(5):
                with pytest.raises(EngineError):
                    _ = [part async for part in rehearsals.respond(REQUEST)]

    run_virtual(work())


def test_a_listener_who_leaves_ends_it() -> None:
    async def work() -> None:
        engine = Engine()
        async with asyncio.TaskGroup() as tasks:
            rehearsals = Rehearsals(engine.respond, tasks)
            rehearsals.begin(REQUEST)
            await asyncio.sleep(1)
            answer = rehearsals.respond(REQUEST)
            await anext(answer)
            await answer.aclose()  # type: ignore[attr-defined]
            await asyncio.sleep(0.1)
            assert engine.open == 0

    run_virtual(work())


def test_effects_wait_for_the_adoption_and_then_do_not() -> None:
    done: list[int] = []
    rehearsal = Rehearsal()
    rehearsal.then(lambda: done.append(1))
    assert done == []
    rehearsal.adopt()
    rehearsal.then(lambda: done.append(2))
    assert done == [1, 2]
