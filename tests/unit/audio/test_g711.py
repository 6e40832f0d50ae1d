from __future__ import annotations

import warnings

import numpy as np
import pytest

from trunkline.audio.g711 import alaw_to_pcm, pcm_to_alaw, pcm_to_ulaw, ulaw_to_pcm

EVERY_SAMPLE = np.arange(65536, dtype="<u2").tobytes()
EVERY_CODE = bytes(range(256))

with warnings.catch_warnings():
    warnings.simplefilter("ignore", DeprecationWarning)
    audioop = pytest.importorskip("audioop", reason="gone since Python 3.13")


def test_mu_law_is_the_reference_for_every_sample_and_code() -> None:
    assert pcm_to_ulaw(EVERY_SAMPLE) == audioop.lin2ulaw(EVERY_SAMPLE, 2)
    assert ulaw_to_pcm(EVERY_CODE) == audioop.ulaw2lin(EVERY_CODE, 2)


def test_a_law_is_the_reference_for_every_sample_and_code() -> None:
    assert pcm_to_alaw(EVERY_SAMPLE) == audioop.lin2alaw(EVERY_SAMPLE, 2)
    assert alaw_to_pcm(EVERY_CODE) == audioop.alaw2lin(EVERY_CODE, 2)


def test_codes_survive_a_round_trip() -> None:
    assert pcm_to_alaw(alaw_to_pcm(EVERY_CODE)) == EVERY_CODE
    # Mu-law has two zeroes; 0x7f decodes to 0, which is coded as 0xff.
    survived = pcm_to_ulaw(ulaw_to_pcm(EVERY_CODE))
    assert [code for code in range(256) if survived[code] != code] == [0x7F]
