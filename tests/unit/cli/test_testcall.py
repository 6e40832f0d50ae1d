"""The test caller's script and its measurements, on frames made here."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from trunkline.cli.testcall.measure import AgentWatch, level_dbfs, speech_span, stop_to_silence_ms
from trunkline.cli.testcall.report import CallReport, StepReport, judge
from trunkline.cli.testcall.script import Step, StepKind, script_from_options
from trunkline.domain.errors import Invalid

RATE = 8000
RNG = np.random.default_rng(7)


def tone(ms: int, dbfs: float) -> NDArray[np.int16]:
    t = np.arange(ms * RATE // 1000) / RATE
    peak = 32768 * 10 ** (dbfs / 20) * np.sqrt(2)
    return np.asarray(peak * np.sin(2 * np.pi * 300 * t), dtype=np.int16)


def frames(pcm: NDArray[np.int16]) -> NDArray[np.int16]:
    return pcm.reshape(-1, RATE // 50)


def test_levels_are_rms_in_dbfs() -> None:
    assert level_dbfs(tone(20, -20.0)) == pytest.approx(-20, abs=0.1)
    assert level_dbfs(np.zeros(160, np.int16)) == -120


def test_a_phrase_begins_and_ends_with_its_speech() -> None:
    pcm = np.concatenate([np.zeros(800, np.int16), tone(300, -20), np.zeros(1600, np.int16)])
    assert speech_span(pcm, RATE) == (100, 400)


def test_the_agent_is_followed_through_pauses_shorter_than_the_limit() -> None:
    watch = AgentWatch(pause_ms=900)
    quiet = tone(600, -60)
    for frame in frames(np.concatenate([quiet, tone(1000, -20), quiet, tone(500, -20), quiet])):
        watch.feed(frame)
    assert [(u.started_ms, u.ended_ms) for u in watch.utterances] == [(600, 2700)]
    assert watch.is_speaking
    for frame in frames(tone(400, -60)):
        watch.feed(frame)
    assert not watch.is_speaking
    assert watch.silent_for_ms == 1000


def test_a_click_is_no_utterance() -> None:
    watch = AgentWatch()
    for frame in frames(np.concatenate([tone(200, -60), tone(40, -10), tone(400, -60)])):
        watch.feed(frame)
    assert watch.utterances == []


def test_stop_to_silence_ends_with_the_last_loud_frame() -> None:
    loud = list(range(0, 2160, 20))  # speaking until 2160 ms
    assert stop_to_silence_ms(loud, onset_ms=2000) == 160


def test_stop_to_silence_is_unknown_when_the_agent_was_silent() -> None:
    assert stop_to_silence_ms(list(range(0, 1000, 20)), onset_ms=2000) is None


def test_a_pause_followed_by_more_speech_counts_from_the_onset_to_the_pause() -> None:
    loud = [*range(0, 2140, 20), *range(3000, 3500, 20)]
    assert stop_to_silence_ms(loud, onset_ms=2000) == 140


def test_barge_in_belongs_to_the_step_after_it_or_to_the_last() -> None:
    steps = script_from_options([("say", "a"), ("barge_in_after", "1.5"), ("say", "b")])
    assert steps == [Step(StepKind.SAY, "a"), Step(StepKind.SAY, "b", 1.5)]
    assert script_from_options([("say", "a"), ("barge_in_after", "1")])[0].barge_in_after_s == 1


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ([("barge_in_after", "1")], "needs a --say"),
        ([("barge_in_after", "soon"), ("say", "x")], "wants seconds"),
        ([("dtmf", "12x")], "wants digits"),
        ([("wav", "nowhere.wav")], "not a file"),
        ([("say", "  ")], "something to say"),
    ],
)
def test_a_wrong_script_is_refused_by_name(options: list[tuple[str, str]], says: str) -> None:
    with pytest.raises(Invalid, match=says):
        script_from_options(options)


def good_report() -> CallReport:
    report = CallReport("sip:100@h", is_answered=True, answer_ms=90, first_audio_ms=40)
    report.steps = [StepReport("say", "hi", 0, 500, was_barge_in=False, response_ms=600)]
    report.ended_by = "far end"
    return report


def test_a_good_call_has_no_problems() -> None:
    report = good_report()
    judge(report, wanted_steps=1)
    assert report.is_good


def test_what_went_wrong_is_said() -> None:
    report = good_report()
    report.steps[0].response_ms = None
    report.steps[0].was_barge_in = True
    report.ended_by = "caller"
    judge(report, wanted_steps=2)
    assert len(report.problems) == 3
