"""Humans, machines, beeps and what is none, in frames of 20 ms."""

from __future__ import annotations

import numpy as np
import pytest
from tests.fakes.voices import quiet, tone, voiced

from trunkline.audio.answerer import AnswererDetector, TakenBy
from trunkline.audio.call_tones import ToneFinder
from trunkline.audio.hold_music import hold_music
from trunkline.domain.audio import AudioFormat


def frames(pcm: bytes, rate_hz: int = 8000) -> list[bytes]:
    size = rate_hz // 50 * 2
    return [pcm[at : at + size] for at in range(0, len(pcm) - size + 1, size)]


def noisy(pcm: bytes, level_dbfs: float) -> bytes:
    samples = np.frombuffer(pcm, "<i2").astype(float)
    noise = np.random.default_rng(3).normal(0, 10 ** (level_dbfs / 20) * 32768, len(samples))
    return np.clip(np.rint(samples + noise), -32768, 32767).astype("<i2").tobytes()


def heard(*parts: bytes, rate_hz: int = 8000) -> AnswererDetector:
    detector = AnswererDetector(AudioFormat(rate_hz))
    for frame in frames(b"".join(parts), rate_hz):
        detector.feed(frame)
    return detector


def beeps(pcm: bytes) -> int:
    finder = ToneFinder(8000)
    return sum(finder.feed(frame) for frame in frames(pcm))


@pytest.mark.parametrize("rate_hz", [8000, 24000])
def test_length_and_silence_tell_a_person_from_a_machine(rate_hz: int) -> None:
    def taken_by(ms: int, behind_ms: int = 1500) -> TakenBy | None:
        parts = quiet(400, rate_hz), voiced(ms, rate_hz), quiet(behind_ms, rate_hz)
        return heard(*parts, rate_hz=rate_hz).taken_by

    assert taken_by(600) is TakenBy.HUMAN
    assert taken_by(3000, behind_ms=0) is TakenBy.MACHINE
    assert taken_by(900, behind_ms=300) is None  # they may go on


def test_a_pause_between_words_does_not_end_a_greeting() -> None:
    parts = [voiced(700), quiet(450)] * 3
    assert heard(quiet(300), *parts).taken_by is TakenBy.MACHINE


def test_time_is_up_before_anything_is_certain() -> None:
    assert heard(quiet(300), voiced(900), quiet(200)).decide() is TakenBy.HUMAN
    assert heard(quiet(4000)).decide() is None


@pytest.mark.parametrize("hz", [440.0, 850.0, 1000.0, 1400.0, 1980.0])
@pytest.mark.parametrize("ms", [120, 400, 1500])
def test_a_beep_is_found_once_and_also_in_noise(hz: float, ms: int) -> None:
    pcm = quiet(300) + tone(ms, hz) + quiet(400)
    assert beeps(pcm) == 1
    assert beeps(noisy(pcm, -30)) == 1


def test_a_beep_has_a_length_and_a_place() -> None:
    detector = heard(quiet(500), tone(300, 1000.0), quiet(300))
    assert detector.beep is not None
    assert detector.beep.hz == pytest.approx(1000, abs=3)
    assert detector.beep.at_ms == pytest.approx(500, abs=40)
    assert detector.beep.length_ms == pytest.approx(300, abs=40)
    assert detector.taken_by is TakenBy.MACHINE


@pytest.mark.parametrize(
    ("what", "pcm"),
    [
        ("speech", voiced(5000)),
        ("music", hold_music(8000)),
        ("ringback of America", (tone(2000, 440.0, 480.0) + quiet(1000)) * 2),
        ("ringback of Britain", (tone(400, 400.0, 450.0) + quiet(200)) * 4),
        ("ringback of Europe", (tone(1000, 425.0) + quiet(1000)) * 2),
        ("keys", (tone(200, 697.0, 1209.0) + quiet(200)) * 4),
        ("a click", quiet(500) + tone(40, 1000.0) + quiet(500)),
        ("a tone without end", tone(5000, 1000.0)),
        ("a fax", tone(3000, 1100.0) + quiet(500)),
    ],
)
def test_what_is_no_beep(what: str, pcm: bytes) -> None:
    assert beeps(quiet(300) + pcm + quiet(500)) == 0, what


@pytest.mark.parametrize("hz", [(950.0, 1400.0, 1800.0), (913.8, 1370.6, 1776.7)])
def test_an_intercept_is_a_machine_and_no_beep(hz: tuple[float, float, float]) -> None:
    detector = heard(quiet(300), *(tone(330, one) for one in hz), quiet(600))
    assert detector.taken_by is TakenBy.MACHINE
    assert detector.beep is None
