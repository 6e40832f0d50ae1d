from __future__ import annotations

import subprocess

import numpy as np
import numpy.typing as npt
import pytest

from trunkline.audio.resample import resampled
from trunkline.model.endpointing import Endpointer, EndpointingConfig, SpeechStarted, SpeechStopped
from trunkline.model.vad import VoiceActivity

Wave = npt.NDArray[np.float64]

RNG = np.random.default_rng(3)


def pcm(wave: Wave) -> bytes:
    return bytes(np.clip(wave, -32768, 32767).astype("<i2").tobytes())


def noise(seconds: float, dbfs: float, rate_hz: int) -> Wave:
    return RNG.standard_normal(int(seconds * rate_hz)) * 32768 * 10 ** (dbfs / 20)


def speech(rate_hz: int) -> Wave:
    """espeak-ng saying a sentence, peak at -6 dBFS."""
    made = subprocess.run(
        ["espeak-ng", "-v", "en-us", "--stdout", "my account number is four four one seven"],
        check=True,
        capture_output=True,
        timeout=20,
    ).stdout
    raw = np.frombuffer(made[made.find(b"data") + 8 :][: len(made) // 2 * 2 - 100], "<i2")
    # 22,050 Hz taken for 24,000: a slightly higher voice, which is a voice all the same.
    wave = np.frombuffer(resampled(raw.tobytes(), 24000, rate_hz), "<i2").astype(float)
    loud: Wave = wave / np.abs(wave).max() * 16384
    return loud


def active_ms(wave: Wave, rate_hz: int, step: int = 0) -> int:
    vad, data = VoiceActivity(rate_hz), pcm(wave)
    step = step or len(data)
    verdicts = [v for at in range(0, len(data), step) for v in vad.feed(data[at : at + step])]
    return 20 * sum(verdicts)


@pytest.mark.parametrize("rate_hz", [8000, 24000])
def test_speech_is_found_and_quiet_noise_is_not(rate_hz: int) -> None:
    wave = speech(rate_hz)
    assert active_ms(wave, rate_hz) > 0.5 * len(wave) / rate_hz * 1000
    assert active_ms(noise(10, -65, rate_hz), rate_hz) == 0


def test_a_noisy_line_raises_the_floor_and_stays_silent() -> None:
    assert active_ms(noise(20, -40, 8000), 8000) <= 60


def test_in_band_dtmf_is_no_speech() -> None:
    at = np.arange(8000 * 2) / 8000
    digit = 4000 * (np.sin(2 * np.pi * 770 * at) + np.sin(2 * np.pi * 1336 * at))
    assert active_ms(digit, 8000) == 0


def test_a_steady_tone_is_no_speech_for_longer_than_three_frames() -> None:
    at = np.arange(24000 * 3) / 24000
    assert active_ms(8000 * np.sin(2 * np.pi * 1000 * at), 24000) <= 60


def test_any_split_of_the_stream_gives_the_same_verdicts() -> None:
    wave = speech(24000)
    assert active_ms(wave, 24000) == active_ms(wave, 24000, step=334)


@pytest.mark.parametrize("rate_hz", [8000, 24000])
def test_a_spoken_sentence_is_one_turn_at_its_place(rate_hz: int) -> None:
    said = speech(rate_hz)
    wave = np.concatenate([noise(2, -65, rate_hz), said, noise(2, -65, rate_hz)])
    vad, endpointer = VoiceActivity(rate_hz), Endpointer(EndpointingConfig())
    endpoints = [endpointer.push(verdict) for verdict in vad.feed(pcm(wave))]
    events = [event for event in endpoints if event is not None]
    assert [type(event) for event in events] == [SpeechStarted, SpeechStopped]
    start, stop = events
    assert isinstance(start, SpeechStarted) and isinstance(stop, SpeechStopped)
    assert 1600 <= start.start // 8 <= 1900
    ends_ms = 2000 + len(said) * 1000 // rate_hz
    assert ends_ms - 200 <= stop.end // 8 <= ends_ms + 600


def test_the_rate_may_change_in_the_middle() -> None:
    vad = VoiceActivity(8000)
    list(vad.feed(pcm(noise(1, -65, 8000))))
    vad.change_rate(24000)
    assert sum(vad.feed(pcm(speech(24000)))) > 20
