from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trunkline.audio.noise_reduction import LAG_MS, NoiseReducer

RATES = (8000, 24_000)


def pcm(samples: np.ndarray) -> bytes:
    return bytes(np.clip(samples, -32768, 32767).astype("<i2").tobytes())


def level(samples: np.ndarray) -> float:
    return float(10 * np.log10(np.mean(samples.astype(float) ** 2) + 1e-9))


def reduced(samples: np.ndarray, rate_hz: int, most_db: float) -> np.ndarray:
    """Fed in 20 ms pieces; the lag taken away."""
    reducer, step = NoiseReducer(rate_hz, most_db), rate_hz // 50 * 2
    data = pcm(samples)
    out = b"".join(reducer.feed(data[at : at + step]) for at in range(0, len(data), step))
    return np.frombuffer(out, "<i2")[rate_hz * LAG_MS // 1000 :]


@pytest.mark.parametrize("rate_hz", RATES)
@pytest.mark.parametrize(("most_db", "at_least_db"), [(9.0, 7.0), (18.0, 13.0)])
def test_steady_noise_goes_down_by_what_was_asked(
    rate_hz: int, most_db: float, at_least_db: float
) -> None:
    noise = np.random.default_rng(1).normal(scale=300, size=4 * rate_hz)
    out = reduced(noise, rate_hz, most_db)
    fell_db = level(noise[2 * rate_hz :]) - level(out[2 * rate_hz :])
    assert at_least_db <= fell_db <= most_db + 0.5


@pytest.mark.parametrize("rate_hz", RATES)
def test_a_voice_in_noise_stays_and_stands_out_more(rate_hz: int) -> None:
    at = np.arange(4 * rate_hz) / rate_hz
    voice = 4000 * np.sin(2 * np.pi * 440 * at) * (np.sin(2 * np.pi * 2 * at) > 0) * (at > 1)
    noisy = voice + np.random.default_rng(2).normal(scale=400, size=len(at))
    out = reduced(noisy, rate_hz, 15.0)
    speaking = (voice != 0)[: len(out)] & (at[: len(out)] > 2)
    resting = (voice == 0)[: len(out)] & (at[: len(out)] > 2)
    noisy = noisy[: len(out)]
    before = level(noisy[speaking]) - level(noisy[resting])
    after = level(out[speaking]) - level(out[resting])
    assert after > before + 5
    assert abs(level(out[speaking]) - level(voice[: len(out)][speaking])) < 1.0


@given(sizes=st.lists(st.integers(0, 700), max_size=12), rate_hz=st.sampled_from(RATES))
def test_every_sample_that_goes_in_comes_out_in_any_split(sizes: list[int], rate_hz: int) -> None:
    samples = np.random.default_rng(3).normal(scale=2000, size=sum(sizes))
    one, many = NoiseReducer(rate_hz, 9.0), NoiseReducer(rate_hz, 9.0)
    at, out = 0, []
    for size in sizes:
        out.append(many.feed(pcm(samples[at : at + size])))
        assert len(out[-1]) == 2 * size
        at += size
    assert b"".join(out) == one.feed(pcm(samples))


def test_silence_stays_silence() -> None:
    assert not any(NoiseReducer(8000, 18.0).feed(bytes(32_000)))
