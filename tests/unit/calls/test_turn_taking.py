"""What changes the turn policy from outside: a server that is away, and a step's own manner."""

from __future__ import annotations

import pytest
from tests.fakes.scene import scene
from tests.fakes.virtual_time import run_virtual
from tests.fakes.voices import voiced
from tests.unit.calls.test_turns import IDLE, Case

from trunkline.calls.turn_events import (
    Hypothesis,
    Interrupt,
    Reason,
    Resume,
    ServerBack,
    ServerLost,
    SpeechOpened,
)
from trunkline.calls.turn_state import TurnSettings, in_manner
from trunkline.domain.turn import Speaker
from trunkline.flows.actions import TurnTaking
from trunkline.flows.schema.loader import load_flow
from trunkline.model.script import Script


def test_a_lost_server_leaves_no_utterance_open() -> None:
    case = Case().speech(300)
    case.tell(SpeechOpened(300, "a"))
    case.tell(ServerLost(320))
    assert case.decisions[-1] == Resume(Reason.NOISE)
    assert not case.policy.awaits_words
    case.floor = IDLE
    case.quiet(11_000)
    assert case.kinds[-1] == "Resume"  # nobody could hear the caller
    case.tell(ServerBack(11_320))
    case.quiet(11_000)
    assert case.kinds[-1] == "Silent"


def interrupted_ms(case: Case) -> int:
    return next(at_ms for at_ms, made in case.made if isinstance(made, Interrupt))


@pytest.mark.parametrize(
    ("manner", "words_ms", "taking_ms"),
    [(TurnTaking.EAGER, 280, 420), (TurnTaking.BALANCED, 400, 600), (TurnTaking.CALM, 600, 900)],
)
def test_a_steps_manner_decides_how_much_speech_takes_the_floor(
    manner: TurnTaking, words_ms: int, taking_ms: int
) -> None:
    without_words = Case()
    without_words.policy.adopt(in_manner(TurnSettings(), manner))
    without_words.policy._tells_partials = False
    without_words.speech(1500)
    assert interrupted_ms(without_words) == pytest.approx(taking_ms, abs=40)

    with_words = Case().speech(100)
    with_words.policy.adopt(in_manner(TurnSettings(), manner))
    with_words.tell(SpeechOpened(100, "a"))
    for at_ms in (140, 180):
        with_words.speech(40)
        with_words.tell(Hypothesis(at_ms, "a", "i want to stop"))
    with_words.speech(1000)
    assert interrupted_ms(with_words) == pytest.approx(words_ms, abs=40)


MESSAGE = """
agent: {name: desk, display_name: Desk}
start: message
steps:
  message:
    {say: Please leave a message., message: left, max_s: 4, turn_taking: calm, next: thanks}
  thanks: {say: Thank you., hang_up: done}
"""
TOLD = Script.model_validate(
    {
        "transcripts": ["please call me back"],
        "replies": [
            {"match": "status", "text": "Please leave a message.", "times": 1},
            {
                "match": "call me",
                "tool": {"name": "collect_message", "arguments": {"left": "please call me back"}},
            },
        ],
    }
)


def test_a_message_that_is_too_long_is_taken_as_it_is_while_the_caller_goes_on() -> None:
    async def play() -> None:
        async with scene(TOLD, flow=load_flow(MESSAGE, environment={})) as call:
            await call.heard("leave a message.")
            (session,) = [end.__self__ for end in call.service._live._ends.values()]  # type: ignore[attr-defined]
            assert session.dialogue.policy.settings.words_ms == 600
            call.leg.say(voiced(15_000))
            await call.heard("Thank you.")
            assert not call.leg.is_caller_done
            assert call.said_by(Speaker.CALLER)[0] == "please call me back"
            await call.over()
            (thanks,) = [turn for turn in call.turns if turn.text == "Thank you."]
            (left,) = [turn for turn in call.turns if turn.text == "please call me back"]
            assert 3500 <= thanks.started_ms - left.started_ms <= 6500

    run_virtual(play())
