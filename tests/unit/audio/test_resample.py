from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trunkline.audio.resample import RATES_HZ, Resampler, resampled

PAIRS = [(a, b) for a in RATES_HZ for b in RATES_HZ if a != b]


def tone(hz: float, rate_hz: int, seconds: float = 0.5, amplitude: float = 8000.0) -> bytes:
    at = np.arange(int(rate_hz * seconds)) / rate_hz
    return (amplitude * np.sin(2 * np.pi * hz * at + 0.3)).astype("<i2").tobytes()


def level_db(pcm: bytes) -> float:
    wave = np.frombuffer(pcm, "<i2").astype(float)[300:-300]
    return float(20 * np.log10(np.sqrt((wave**2).mean()) / (8000 / np.sqrt(2)) + 1e-9))


@pytest.mark.parametrize(("from_hz", "to_hz"), PAIRS)
def test_a_tone_keeps_its_place_and_shape(from_hz: int, to_hz: int) -> None:
    got = np.frombuffer(resampled(tone(1000, from_hz), from_hz, to_hz), "<i2").astype(float)
    wanted = np.frombuffer(tone(1000, to_hz), "<i2").astype(float)
    assert len(got) == len(wanted)
    error = (got - wanted)[300:-300]
    assert 10 * np.log10((wanted**2).mean() / ((error**2).mean() + 1e-9)) > 60


@pytest.mark.parametrize(("from_hz", "to_hz"), [p for p in PAIRS if p[1] < p[0]])
def test_what_the_lower_rate_cannot_carry_is_gone(from_hz: int, to_hz: int) -> None:
    assert level_db(resampled(tone(to_hz / 2 * 1.15, from_hz), from_hz, to_hz)) < -60


@pytest.mark.parametrize(("from_hz", "to_hz"), PAIRS)
def test_the_telephone_band_passes(from_hz: int, to_hz: int) -> None:
    assert abs(level_db(resampled(tone(3300, from_hz), from_hz, to_hz))) < 0.5


@given(
    pair=st.sampled_from(PAIRS),
    cuts=st.lists(st.integers(min_value=0, max_value=700), max_size=12),
)
def test_any_split_gives_the_same_stream(pair: tuple[int, int], cuts: list[int]) -> None:
    rng = np.random.default_rng(7)
    pcm = (rng.standard_normal(sum(cuts) + 5) * 3000).astype("<i2").tobytes()
    stream = Resampler(*pair)
    pieces, place = [], 0
    for cut in cuts:
        pieces.append(stream.feed(pcm[place : place + cut * 2]))
        place += cut * 2
    pieces += [stream.feed(pcm[place:]), stream.flush()]
    assert b"".join(pieces) == resampled(pcm, *pair)
    assert len(b"".join(pieces)) // 2 == -(-len(pcm) // 2 * pair[1] // pair[0])


@pytest.mark.parametrize(("from_hz", "to_hz"), PAIRS)
def test_the_lag_is_two_milliseconds_at_most(from_hz: int, to_hz: int) -> None:
    given_pcm = tone(500, from_hz, 0.1)
    taken = Resampler(from_hz, to_hz).feed(given_pcm)
    lag_ms = 100 - len(taken) / 2 / to_hz * 1000
    assert 0 <= lag_ms <= 2.01


def test_equal_rates_pass_through_untouched() -> None:
    assert Resampler(8000, 8000).feed(b"\x01\x02") == b"\x01\x02"
    assert Resampler(8000, 8000).flush() == b""


def test_a_flushed_stream_begins_anew() -> None:
    stream = Resampler(24000, 8000)
    first = stream.feed(tone(700, 24000)) + stream.flush()
    assert stream.feed(tone(700, 24000)) + stream.flush() == first


def test_other_rates_are_refused() -> None:
    with pytest.raises(ValueError, match="rates are"):
        Resampler(44100, 8000)
