"""A line on which nobody speaks costs little: frames pass by, and audio goes up in pieces."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator

import pytest
from tests.fakes.virtual_time import run_virtual

from trunkline.calls.engine_link import HELD_MS, EngineLink
from trunkline.calls.turn_events import (
    AgentFloor,
    Heard,
    Hypothesis,
    Interrupt,
    Listening,
    NotListening,
    Pause,
    Resume,
    ServerBack,
    ServerLost,
    SpeechClosed,
    SpeechOpened,
    Transcribed,
    TurnEvent,
)
from trunkline.calls.turns import TurnPolicy
from trunkline.domain.events import Json
from trunkline.realtime.client_events import ClientEvent, InputAudioCommit
from trunkline.realtime.server_events import ServerEvent, SessionUpdated

FRAME = bytes(160)


def some_event(dice: random.Random, at_ms: int) -> TurnEvent:
    item = f"item{dice.randrange(2)}"
    events: list[TurnEvent] = [
        SpeechOpened(at_ms, item),
        Hypothesis(at_ms, item, dice.choice(["yes", "stop it please", "what about"])),
        SpeechClosed(at_ms, item),
        Transcribed(at_ms, item, dice.choice([None, "", "uh huh", "stop it please"])),
        Listening(at_ms, dice.choice([500, 5000])),
        NotListening(at_ms),
        ServerLost(at_ms),
        ServerBack(at_ms),
    ]
    return dice.choice(events)


@pytest.mark.parametrize("seed", range(15))
def test_a_quiet_frame_that_passes_by_decides_what_it_would_have_decided(seed: int) -> None:
    dice = random.Random(seed)
    whole, quick = TurnPolicy(), TurnPolicy()
    floor = AgentFloor()
    speaks, passed = 0, 0
    for number in range(1, 2000):
        at_ms = 20 * number
        if dice.random() < 0.02:
            event = some_event(dice, at_ms)
            assert whole.handle(event) == quick.handle(event)
        if dice.random() < 0.03:
            is_speaking = dice.random() < 0.5
            floor = AgentFloor(is_speaking, dice.random() < 0.9, dice.random() < 0.3)
        speaks = dice.randrange(40) if dice.random() < 0.02 else max(speaks - 1, 0)
        is_speech = bool(speaks)
        heard = Heard(at_ms, is_speech, is_speech, speaks > 9, -25.0, floor)
        decided = whole.handle(heard)
        quickly = None if is_speech else quick.pass_quiet(at_ms, floor)
        passed += quickly is not None
        assert decided == (quick.handle(heard) if quickly is None else quickly), at_ms
        for decision in decided:
            if isinstance(decision, Pause | Resume | Interrupt):
                floor = AgentFloor(not isinstance(decision, Interrupt))
        assert whole == quick
    assert passed > 20


class Session:
    """Takes what a link sends, in order."""

    def __init__(self) -> None:
        self.sent: list[bytes | ClientEvent] = []

    async def __aenter__(self) -> Session:
        return self

    async def __aexit__(self, *exc: object) -> None:
        return

    def send(self, event: ClientEvent) -> None:
        self.sent.append(event)

    def append_audio(self, payload: bytes) -> None:
        self.sent.append(payload)

    async def events(self) -> AsyncIterator[ServerEvent]:
        yield SessionUpdated(session={"type": "realtime"})
        await asyncio.Event().wait()


def opened(session: Session) -> EngineLink:
    base: dict[str, Json] = {"type": "realtime"}
    link = EngineLink(lambda _: session, ["only"], base, rate_hz=8000)
    run_virtual(link.open())
    session.sent.clear()
    return link


def test_audio_that_may_wait_goes_up_in_one_piece() -> None:
    session = Session()
    link = opened(session)
    for number in range(1, HELD_MS // 20 + 1):
        assert session.sent == []
        link.append(FRAME, 160, may_wait=True)
        assert link.appended_samples == 160 * number
    assert session.sent == [FRAME * (HELD_MS // 20)]


def test_speech_takes_along_what_was_held_before_it_and_does_not_wait() -> None:
    session = Session()
    link = opened(session)
    link.append(b"a" * 160, 160, may_wait=True)
    link.append(b"b" * 160, 160)
    link.append(b"c" * 160, 160)
    assert session.sent == [b"a" * 160 + b"b" * 160, b"c" * 160]


def test_an_event_never_overtakes_the_audio_before_it() -> None:
    session = Session()
    link = opened(session)
    link.append(FRAME, 160, may_wait=True)
    link.send(InputAudioCommit())
    assert session.sent == [FRAME, InputAudioCommit()]
