"""Arithmetic on samples."""

from __future__ import annotations

import numpy as np
import pytest

from trunkline.audio.framer import Framer
from trunkline.audio.pcm import (
    SILENCE_DBFS,
    fade,
    gain,
    interleave_pairs,
    level_dbfs,
    mix,
    samples_of,
    silence,
)


def pcm(*values: int) -> bytes:
    return np.array(values, "<i2").tobytes()


def test_a_full_scale_square_is_zero_dbfs_and_silence_the_least() -> None:
    assert level_dbfs(samples_of(pcm(-32768, -32768))) == pytest.approx(0.0, abs=0.01)
    assert level_dbfs(samples_of(silence(160))) == SILENCE_DBFS


def test_gain_and_mix_clip_and_never_wrap() -> None:
    assert samples_of(gain(pcm(20_000, -20_000), 6)).tolist() == [32767, -32768]
    assert samples_of(gain(pcm(1000), -20)).tolist() == [100]
    assert samples_of(mix(pcm(30_000, 1), pcm(30_000))).tolist() == [32767, 1]


def test_a_fade_ends_in_silence_or_begins_near_it() -> None:
    faded = samples_of(fade(pcm(*[1000] * 8), 4, out=True)).tolist()
    assert faded == [1000] * 4 + [750, 500, 250, 0]
    assert samples_of(fade(pcm(*[1000] * 4), 4, out=False)).tolist() == [250, 500, 750, 1000]
    assert fade(b"", 5, out=True) == b""


def test_pairs_become_left_and_right() -> None:
    pairs = pcm(1, 2) + pcm(11, 12) + pcm(3, 4) + pcm(13, 14)
    assert samples_of(interleave_pairs(pairs, 4)).tolist() == [1, 11, 2, 12, 3, 13, 4, 14]


def test_a_framer_cuts_any_split_into_whole_pieces_and_keeps_the_rest() -> None:
    framer = Framer(4)
    assert framer.feed(b"abc") == []
    assert framer.feed(b"defghi") == [b"abcd", b"efgh"]
    assert framer.feed_whole(b"jklmn") == b"ijkl"
    assert framer.drain() == b"mn"
    with pytest.raises(ValueError, match="at least one"):
        Framer(0)
