"""The edge hears the caller, and neither tones, noise, nor the agent's own echo."""

from __future__ import annotations

import numpy as np
import pytest
from tests.fakes.voices import quiet, tone, voiced

from trunkline.audio.pcm import SILENCE_DBFS, gain, level_dbfs, mix, samples_of
from trunkline.audio.speech_gate import Debounce, EchoGuard, FloorTracker
from trunkline.audio.vad import Decimator, EdgeVad, FrameVerdict, SuddenVoice
from trunkline.domain.audio import AudioFormat


def listen(
    caller: bytes, agent: bytes = b"", rate_hz: int = 8000, vad: EdgeVad | None = None
) -> list[FrameVerdict]:
    vad = vad or EdgeVad(AudioFormat(rate_hz))
    size = AudioFormat(rate_hz).bytes_per_frame
    agent = agent + bytes(max(len(caller) - len(agent), 0))
    return [
        vad.feed(caller[at : at + size], agent[at : at + size])
        for at in range(0, len(caller) - size + 1, size)
    ]


def noise(ms: int, dbfs: float) -> bytes:
    samples = np.random.default_rng(3).standard_normal(8 * ms) * 32768 * 10 ** (dbfs / 20)
    return bytes(np.clip(samples, -32768, 32767).astype("<i2").tobytes())


def later(pcm: bytes, ms: int) -> bytes:
    return quiet(ms) + pcm[: len(pcm) - 16 * ms]


@pytest.mark.parametrize("rate_hz", [8000, 24000])
def test_speech_is_an_onset_within_80_ms_and_confirmed_within_260(rate_hz: int) -> None:
    heard = listen(
        quiet(500, rate_hz) + voiced(1000, rate_hz) + quiet(500, rate_hz), rate_hz=rate_hz
    )
    onset = next(n for n, verdict in enumerate(heard) if verdict.is_onset)
    confirmed = next(n for n, verdict in enumerate(heard) if verdict.is_confirmed)
    assert 25 + 1 <= onset <= 25 + 4
    assert confirmed <= 25 + 13
    assert not heard[-1].is_onset
    assert not any(verdict.is_speech for verdict in heard[:25])


@pytest.mark.parametrize(
    ("above_db", "is_spiky", "is_onset"),
    [(20, False, True), (13, False, True), (11, False, False), (20, True, False)],
)
def test_two_frames_of_a_loud_vowel_are_an_onset(
    above_db: float, is_spiky: bool, is_onset: bool
) -> None:
    frame = samples_of(tone(20, 300))
    if is_spiky:
        frame = np.zeros(160, np.int16)
        frame[80] = 20_000
    level, sudden = level_dbfs(frame), SuddenVoice()
    heard = [
        sudden.update(frame, level, level - above_db, is_speech=is_speech)
        for is_speech in (True, False, True, True)
    ]
    assert heard == [False, False, False, is_onset]


def test_keys_clicked_beside_the_microphone_are_no_onset() -> None:
    dice = np.random.default_rng(11)
    keys = np.zeros(8 * 20_000)
    at = 800
    while at < keys.size - 400:
        size = int(dice.integers(40, 400))
        burst = dice.normal(0, 1, size) * np.exp(-np.arange(size) / 80)
        keys[at : at + size] += burst * dice.uniform(800, 2500)
        at += int(dice.integers(1600, 12_000))
    heard = listen(keys.astype("<i2").tobytes())
    assert sum(verdict.is_onset for verdict in heard) <= 2


@pytest.mark.parametrize("keys", [(697, 1209), (941, 1336), (852, 1477)])
def test_dtmf_in_the_audio_is_no_speech(keys: tuple[int, int]) -> None:
    assert not any(v.is_onset for v in listen(quiet(300) + tone(400, *keys) + quiet(300)))


@pytest.mark.parametrize("hz", [1000, 1100, 2100])
def test_a_steady_tone_is_no_speech(hz: int) -> None:
    assert not any(v.is_onset for v in listen(quiet(300) + tone(800, hz) + quiet(300)))


def test_steady_noise_is_no_speech() -> None:
    assert not any(v.is_confirmed for v in listen(noise(8000, -40)))


def test_a_voice_below_the_gate_is_not_heard() -> None:
    assert not any(v.is_speech for v in listen(quiet(400) + voiced(800, level_dbfs=-58)))


def test_the_agents_echo_is_learned_and_then_not_heard() -> None:
    vad = EdgeVad(AudioFormat(8000))
    agent = voiced(6000, level_dbfs=-16)
    echo = later(gain(agent, -20), 120)
    listen(echo, agent, vad=vad)
    assert 14 <= vad.gate.echo.loss_db <= 24
    again = listen(echo, agent, vad=vad)
    assert not any(v.is_onset for v in again)


def test_a_caller_is_heard_over_the_agents_echo() -> None:
    vad = EdgeVad(AudioFormat(8000))
    agent = voiced(6000, level_dbfs=-18)
    echo = later(gain(agent, -24), 100)
    listen(echo, agent, vad=vad)
    words = quiet(2000) + voiced(1000, level_dbfs=-20) + quiet(3000)
    heard = listen(mix(echo, words), agent, vad=vad)
    onset = next(n for n, v in enumerate(heard) if v.is_onset)
    assert 100 <= onset <= 112


def test_the_agents_echo_is_told_from_a_caller_who_speaks() -> None:
    vad, size = EdgeVad(AudioFormat(8000)), 320
    agent = voiced(6000, level_dbfs=-18)
    echo = later(gain(agent, -20), 100)
    listen(echo, agent, vad=vad)
    words = quiet(2000) + voiced(1000, level_dbfs=-18) + quiet(3000)
    both = mix(echo, words)
    taken = []
    for at in range(0, len(both) - size + 1, size):
        vad.feed(both[at : at + size], agent[at : at + size])
        taken.append(vad.is_echo)
    assert sum(taken[20:100]) > 70  # before the words, and from 200 ms behind them
    assert [n for n in range(104, 155) if taken[n]] == []
    assert sum(taken[170:290]) > 100


def test_a_line_without_echo_is_left_as_it_is() -> None:
    vad, size = EdgeVad(AudioFormat(8000)), 320
    agent, hiss = voiced(6000, level_dbfs=-18), noise(6000, -45)
    taken = 0
    for at in range(0, len(agent) - size + 1, size):
        vad.feed(hiss[at : at + size], agent[at : at + size])
        taken += vad.is_echo
    assert taken < 10


def test_talking_over_the_agent_for_long_does_not_teach_the_guard_a_wrong_loss() -> None:
    guard = EchoGuard()
    for _ in range(400):
        guard.update(-60.0, -18.0, False)
    learned = guard.loss_db
    for _ in range(500):  # ten seconds of the caller at -20 dBFS
        guard.update(-20.0, -18.0, True)
    assert learned - guard.loss_db < 5


def test_the_floor_falls_fast_and_rises_slowly() -> None:
    floor = FloorTracker()
    for _ in range(20):
        floor.update(-50.0)
    assert floor.floor_dbfs == pytest.approx(-50.0, abs=1)
    for _ in range(50):
        floor.update(-35.0)
    assert floor.floor_dbfs == pytest.approx(-47.0, abs=1)  # 3 dB in a second
    for _ in range(10):
        floor.update(-65.0)
    assert floor.floor_dbfs == pytest.approx(-65.0, abs=1)


def test_the_debounce_counts_the_last_frames_only() -> None:
    debounce = Debounce(3, 5)
    seen = [debounce.update(mark == "#") for mark in "##.#....###"]
    assert seen == [mark == "1" for mark in "00011000001"]
    debounce.reset()
    assert not debounce.update(True)
    with pytest.raises(ValueError, match="needed"):
        Debounce(6, 5)


def test_decimation_keeps_speech_and_drops_what_would_alias() -> None:
    decimator = Decimator()
    low = decimator.feed(samples_of(tone(500, 1000, rate_hz=24000)))
    high = Decimator().feed(samples_of(tone(500, 7000, rate_hz=24000)))
    assert len(low) == 4000
    assert level_dbfs(low[100:]) == pytest.approx(level_dbfs(samples_of(tone(500, 1000))), abs=0.5)
    assert level_dbfs(high[100:]) < level_dbfs(low[100:]) - 30


def test_a_frame_of_the_wrong_size_is_refused() -> None:
    with pytest.raises(ValueError, match="whole frame"):
        EdgeVad(AudioFormat(8000)).feed(bytes(100), bytes(320))
    with pytest.raises(ValueError, match="8 or 24 kHz"):
        EdgeVad(AudioFormat(16000))
    assert level_dbfs(samples_of(b"")) == SILENCE_DBFS
