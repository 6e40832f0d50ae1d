"""Turns decoded in the hangover: the same words as after it, and again from the start if it was
none."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
from tests.unit.model_cascade.builders import AGENT, BALANCE, COLLECT_ACCOUNT, Talk
from tests.unit.model_cascade.telephone import telephone_speech

from trunkline.model.cascade import recogniser, spare_time
from trunkline.model.cascade.engine import CascadeEngine, CascadeSession
from trunkline.model.cascade.recogniser import LocalRecogniser
from trunkline.model.cascade.spare_time import SpareTime
from trunkline.model.cascade.synthesiser import FliteSynthesiser
from trunkline.model.engine import (
    EngineConfig,
    Foreseen,
    Hypothesis,
    Rehearsal,
    ResponseRequest,
    Transcribed,
    TranscriptionFailed,
)

CONFIG = EngineConfig(
    model="trunkline", tools=(COLLECT_ACCOUNT, BALANCE, AGENT), is_narrowband=True
)
FRAME = 640
PAUSE = bytes(FRAME * 8)


@pytest.fixture
async def engine(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[CascadeEngine]:
    # A busy machine is no finding here.
    monkeypatch.setattr(spare_time, "_LATE_S", 60.0)
    monkeypatch.setattr(recogniser, "_FINAL_S", 60.0)
    engine = CascadeEngine(LocalRecogniser(workers=1), FliteSynthesiser(), max_sessions=3)
    await engine.start()
    yield engine
    await engine.aclose()


def feed(session: CascadeSession, pcm: bytes) -> None:
    for start in range(0, len(pcm), FRAME):
        session.feed(pcm[start : start + FRAME])


async def told(session: CascadeSession) -> Foreseen | Transcribed | TranscriptionFailed:
    """The next that is no hypothesis."""
    async with asyncio.timeout(60):
        async for event in session.events():
            if not isinstance(event, Hypothesis):
                return event
    raise AssertionError("the session ended")


async def test_a_turn_reads_the_same_whether_it_was_foreseen_went_on_or_neither(
    engine: CascadeEngine,
) -> None:
    audio = await telephone_speech(engine.speech, "check my balance please", "ash")
    session = await engine.open_session("s", CONFIG)
    session.begin_turn("plain")
    feed(session, audio + PAUSE)
    session.end_turn("plain")
    plain = await told(session)
    assert isinstance(plain, Transcribed)
    assert "balance" in plain.text
    session = await engine.open_session("s", CONFIG)  # with the line's mean as it was

    session.begin_turn("over")
    feed(session, audio)
    session.foresee("over")
    foreseen = await told(session)
    assert isinstance(foreseen, Foreseen)
    feed(session, PAUSE)
    session.end_turn("over")
    over = await told(session)
    assert isinstance(over, Transcribed)
    assert over.text == foreseen.text == plain.text
    assert (over.confidence, over.is_rejected) == (foreseen.confidence, foreseen.is_rejected)
    session = await engine.open_session("s", CONFIG)

    session.begin_turn("pause")
    half = len(audio) // FRAME // 2 * FRAME
    feed(session, audio[:half])
    session.foresee("pause")
    assert isinstance(await told(session), Foreseen)
    session.go_on("pause")
    feed(session, audio[half:] + PAUSE)
    session.end_turn("pause")
    whole = await told(session)
    assert isinstance(whole, Transcribed)
    assert whole.text == plain.text


async def test_a_foreseen_turn_that_is_dropped_is_never_told(engine: CascadeEngine) -> None:
    audio = await telephone_speech(engine.speech, "check my balance please", "ash")
    session = await engine.open_session("s", CONFIG)
    for item_id, waits in (("one", True), ("two", False)):
        session.begin_turn(item_id)
        feed(session, audio)
        session.foresee(item_id)
        if waits:
            assert isinstance(await told(session), Foreseen)
        session.drop_turn(item_id)
    session.begin_turn("three")
    feed(session, audio)
    session.foresee("three")
    session.end_turn("three")  # before the answer can have come
    last = await told(session)
    assert isinstance(last, Transcribed)
    assert last.item_id == "three"


async def test_a_plan_that_comes_to_nothing_does_not_change_what_is_listened_for(
    engine: CascadeEngine,
) -> None:
    session = await engine.open_session("s", CONFIG)
    talk = Talk()
    talk.caller("my account number is four four one seven two nine oh eight", 0.6)
    before = session._state  # noqa: SLF001
    rehearsal = Rehearsal()
    request = ResponseRequest("resp_1", tuple(talk.items), CONFIG, rehearsal=rehearsal)
    _ = [part async for part in session.respond(request)]
    assert session._state is before  # noqa: SLF001
    rehearsal.adopt()
    assert session._state is not before  # noqa: SLF001


def test_three_at_once_and_a_rest_after_a_late_answer() -> None:
    spare = SpareTime()
    for _ in range(3):
        assert spare.is_there(10.0)
        spare.asked(10.0)
    assert not spare.is_there(10.1)
    spare.answered(10.0, 10.1)
    assert spare.is_there(10.1)
    spare.answered(10.0, 10.5)  # late: the processor is busy
    assert not spare.is_there(14.0)
    assert spare.is_there(15.6)


def test_answers_that_were_lost_do_not_count_for_ever() -> None:
    spare = SpareTime()
    for _ in range(3):
        spare.asked(10.0)
    assert spare.is_there(12.1)


async def test_a_yes_to_what_was_read_back_is_told_to_be_an_answer(engine: CascadeEngine) -> None:
    session = await engine.open_session("s", CONFIG)
    talk = Talk()
    talk.agent("What is your eight digit account number?")
    talk.caller("four four one seven two nine oh eight", 0.5)
    request = ResponseRequest("resp_1", tuple(talk.items), CONFIG)
    _ = [part async for part in session.respond(request)]
    audio = await telephone_speech(engine.speech, "yes", "ash")
    session.begin_turn("yes")
    feed(session, audio + PAUSE)
    session.end_turn("yes")
    answers: list[bool] = []
    async with asyncio.timeout(20):
        async for event in session.events():
            if not isinstance(event, Hypothesis):
                break
            answers.append(event.is_answer)
    assert answers
    assert answers[-1]
