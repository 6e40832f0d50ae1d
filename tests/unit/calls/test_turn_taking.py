"""What changes the turn policy from outside: a server that is away, and a step's own manner."""

from __future__ import annotations

from tests.unit.calls.test_turns import IDLE, Case

from trunkline.calls.turn_events import Reason, Resume, ServerBack, ServerLost, SpeechOpened


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
