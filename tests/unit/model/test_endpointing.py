from __future__ import annotations

import pytest

from trunkline.model.endpointing import (
    Endpoint,
    Endpointer,
    EndpointingConfig,
    IdleTimedOut,
    SpeechStarted,
    SpeechStopped,
)

FRAME = 160


def run(endpointer: Endpointer, frames: str, **how: bool) -> list[Endpoint]:
    """``frames``: one character per 20 ms, ``#`` for speech."""
    events = (endpointer.push(frame == "#", **how) for frame in frames)
    return [event for event in events if event is not None]


def ms(samples: int) -> int:
    return samples // 8


def test_silence_alone_says_nothing() -> None:
    assert run(Endpointer(EndpointingConfig()), "." * 500) == []


def test_three_frames_of_five_begin_a_turn_and_the_prefix_is_counted_from_the_onset() -> None:
    events = run(Endpointer(EndpointingConfig(prefix_ms=300)), "." * 50 + "#.##")
    assert events == [SpeechStarted(1000 * 8 - 300 * 8)]


def test_a_click_is_no_speech() -> None:
    assert run(Endpointer(EndpointingConfig()), "..........##..........#........") == []


def test_a_turn_ends_after_the_silence_and_its_end_includes_it() -> None:
    config = EndpointingConfig(silence_ms=500)
    events = run(Endpointer(config), "." * 50 + "#" * 50 + "." * 40)
    assert [type(event) for event in events] == [SpeechStarted, SpeechStopped]
    stopped = events[1]
    assert isinstance(stopped, SpeechStopped)
    assert ms(stopped.end) == 2000 + 500


def test_a_pause_shorter_than_the_silence_does_not_split_a_turn() -> None:
    frames = "." * 50 + "#" * 25 + "." * 20 + "#" * 25 + "." * 30
    events = run(Endpointer(EndpointingConfig(silence_ms=500)), frames)
    assert len(events) == 2


def test_a_click_in_the_pause_does_not_prolong_it() -> None:
    config = EndpointingConfig(silence_ms=500)
    events = run(Endpointer(config), "#" * 25 + "." * 12 + "#" + "." * 12)
    assert isinstance(events[-1], SpeechStopped)


def test_the_next_turns_prefix_does_not_reach_into_the_last_turn() -> None:
    endpointer = Endpointer(EndpointingConfig(silence_ms=200, prefix_ms=1000))
    events = run(endpointer, "." * 60 + "#" * 20 + "." * 10 + ".." + "#####")
    first_end, second = events[1], events[2]
    assert isinstance(first_end, SpeechStopped) and isinstance(second, SpeechStarted)
    assert second.start == first_end.end


def test_the_prefix_does_not_reach_before_the_session() -> None:
    assert run(Endpointer(EndpointingConfig()), "#####") == [SpeechStarted(0)]


@pytest.mark.parametrize(
    ("threshold", "needed"), [(0.0, 1), (0.3, 2), (0.5, 3), (0.7, 4), (0.9, 5), (1.0, 5)]
)
def test_a_higher_threshold_wants_more_of_five_frames(threshold: float, needed: int) -> None:
    def begins(speech: int) -> bool:
        endpointer = Endpointer(EndpointingConfig(threshold=threshold))
        return bool(run(endpointer, "." * 20 + "#" * speech + "." * 5))

    assert begins(needed)
    assert needed == 1 or not begins(needed - 1)


def test_while_the_agent_speaks_a_turn_needs_nine_of_twelve() -> None:
    short, long = "." * 20 + "#" * 8 + "." * 12, "." * 20 + "#" * 9
    assert run(Endpointer(EndpointingConfig()), short, needs_confirmation=True) == []
    events = run(Endpointer(EndpointingConfig(prefix_ms=0)), long, needs_confirmation=True)
    assert events == [SpeechStarted(20 * FRAME)]


def test_an_unfinished_sentence_gets_the_longer_silence() -> None:
    endpointer = Endpointer(EndpointingConfig(silence_ms=400, longest_silence_ms=2000))
    run(endpointer, "#" * 20)
    endpointer.is_unfinished = True
    assert run(endpointer, "." * 99) == []
    assert isinstance(run(endpointer, ".")[0], SpeechStopped)


def test_endless_speech_is_cut_into_turns() -> None:
    endpointer = Endpointer(EndpointingConfig(longest_turn_ms=2000))
    events = run(endpointer, "#" * 250)
    assert [type(event) for event in events].count(SpeechStopped) == 2


def test_after_a_clients_own_commit_the_same_speech_begins_a_new_turn() -> None:
    endpointer = Endpointer(EndpointingConfig())
    run(endpointer, "#" * 20)
    endpointer.restart()
    assert not endpointer.is_in_speech
    assert run(endpointer, "###") == [SpeechStarted(20 * FRAME)]


def test_the_idle_time_starts_when_the_agent_has_been_heard_to_its_end() -> None:
    endpointer = Endpointer(EndpointingConfig(idle_timeout_ms=5000))
    run(endpointer, "." * 10)
    endpointer.await_caller(playback_ms=1000)
    assert run(endpointer, "." * 299) == []
    assert run(endpointer, ".") == [IdleTimedOut(1200 * 8, 6200 * 8)]
    assert run(endpointer, "." * 1000) == []


def test_speech_and_the_agent_end_the_waiting() -> None:
    endpointer = Endpointer(EndpointingConfig(idle_timeout_ms=5000))
    endpointer.await_caller(0)
    events = run(endpointer, "." * 200 + "#" * 10 + "." * 400)
    assert [type(event) for event in events] == [SpeechStarted, SpeechStopped]
    endpointer.await_caller(0)
    endpointer.stop_awaiting()
    assert run(endpointer, "." * 400) == []


def test_new_settings_apply_to_a_running_turn() -> None:
    endpointer = Endpointer(EndpointingConfig(silence_ms=2000))
    run(endpointer, "#" * 20)
    endpointer.reconfigure(EndpointingConfig(silence_ms=200))
    assert isinstance(run(endpointer, "." * 10)[0], SpeechStopped)
