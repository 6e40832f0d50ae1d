"""flite speaks: text, times and samples agree."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing
from itertools import pairwise

import numpy as np
import numpy.typing as npt
import pytest

from trunkline.domain.errors import Invalid
from trunkline.model.cascade.synthesiser import FliteSynthesiser
from trunkline.model.cascade.voices import VOICES
from trunkline.model.engine import SpeechDelta

Wave = npt.NDArray[np.float64]

TEXT = "Your balance is $182.40, due on March 3. Would you like to pay it now?"


@pytest.fixture
async def synthesiser() -> AsyncIterator[FliteSynthesiser]:
    voices = FliteSynthesiser()
    yield voices
    voices.close()


async def speak(
    synthesiser: FliteSynthesiser, text: str, voice: str = "alloy", speed: float = 1.0
) -> list[SpeechDelta]:
    return [delta async for delta in synthesiser.synthesise(text, voice=voice, speed=speed)]


def samples(deltas: list[SpeechDelta]) -> Wave:
    pcm = b"".join(delta.pcm for delta in deltas)
    return np.frombuffer(pcm, "<i2").astype(np.float64)


def level_db(wave: Wave) -> float:
    """RMS of the frames within 30 dB of the loudest, in dBFS."""
    frames = wave[: len(wave) // 320 * 320].reshape(-1, 320) / 32768
    energy = (frames**2).mean(axis=1)
    return float(10 * np.log10(energy[energy > energy.max() * 1e-3].mean()))


def loudness(wave: Wave) -> Wave:
    levels: Wave = np.sqrt((wave[: len(wave) // 320 * 320].reshape(-1, 320) ** 2).mean(axis=1))
    return levels


@pytest.mark.parametrize("voice", sorted(VOICES))
async def test_every_voice_says_the_whole_text_at_the_same_level(
    synthesiser: FliteSynthesiser, voice: str
) -> None:
    deltas = await speak(synthesiser, TEXT, voice)
    assert "".join(delta.text for delta in deltas) == TEXT
    assert [word.text for delta in deltas for word in delta.words] == TEXT.split()
    assert level_db(samples(deltas)) == pytest.approx(-20, abs=3)
    assert np.abs(samples(deltas)).max() < 32767


@pytest.mark.parametrize("speed", [0.25, 0.5, 1.5, 2.0, 3.0, 4.0])
async def test_speed_scales_the_audio_and_the_word_times(
    synthesiser: FliteSynthesiser, speed: float
) -> None:
    normal, changed = await speak(synthesiser, TEXT), await speak(synthesiser, TEXT, speed=speed)
    ratio = len(samples(normal)) / len(samples(changed))
    assert ratio == pytest.approx(speed, rel=0.08)
    last = [delta.words[-1] for delta in changed if delta.words][-1]
    reference = [delta.words[-1] for delta in normal if delta.words][-1]
    assert reference.start_ms / last.start_ms == pytest.approx(ratio, rel=0.05)


@pytest.mark.parametrize("speed", [1.0, 3.0])
async def test_words_come_with_the_delta_they_begin_in(
    synthesiser: FliteSynthesiser, speed: float
) -> None:
    given = 0
    for delta in await speak(synthesiser, TEXT, speed=speed):
        begin_ms, given = given / 32, given + len(delta.pcm)
        for word in delta.words:
            assert begin_ms - 1 <= word.start_ms <= given / 32
            assert not word.is_estimated


async def test_word_times_are_in_order_and_within_the_audio(synthesiser: FliteSynthesiser) -> None:
    deltas = await speak(synthesiser, TEXT, "verse")
    words = [word for delta in deltas for word in delta.words]
    assert all(a.end_ms <= b.start_ms + 1 for a, b in pairwise(words))
    assert words[-1].end_ms <= len(samples(deltas)) / 16


async def test_the_pause_between_sentences_is_silent_where_the_times_say_so(
    synthesiser: FliteSynthesiser,
) -> None:
    deltas = await speak(synthesiser, TEXT, "ash")
    words = [word for delta in deltas for word in delta.words]
    wave = samples(deltas)
    third, would = words[6], words[8]
    assert (third.text, would.text) == ("March", "Would")
    gap = wave[(words[7].end_ms + 100) * 16 : (would.start_ms - 40) * 16]
    assert len(gap) > 1600
    assert np.abs(gap).max() < 200


async def test_hardly_any_silence_leads_or_trails(synthesiser: FliteSynthesiser) -> None:
    wave = np.abs(samples(await speak(synthesiser, "Yes, of course.", "ballad")))
    loud = np.nonzero(wave > 600)[0]
    assert loud[0] < 0.12 * 16000
    assert len(wave) - loud[-1] < 0.25 * 16000


async def test_closing_the_iterator_stops_the_voice_and_frees_it(
    synthesiser: FliteSynthesiser,
) -> None:
    long_text = " ".join(["this sentence has no end in sight"] * 10)
    speech = synthesiser.synthesise(long_text, voice="alloy", speed=1.0)
    async with aclosing(speech) as deltas:
        async for _ in deltas:
            break
    async with asyncio.timeout(5):
        assert await speak(synthesiser, "next")


async def test_many_texts_for_one_voice_do_not_mix(synthesiser: FliteSynthesiser) -> None:
    alone = samples(await speak(synthesiser, "one two three", "ash"))
    together = await asyncio.gather(
        *(speak(synthesiser, "one two three", voice) for voice in ("ash", "echo", "ash", "ash"))
    )
    for index in (0, 2, 3):
        # The voice's breath is random noise, so the samples differ and the loudness does not.
        heard = loudness(samples(together[index]))
        assert np.corrcoef(heard, loudness(alone))[0, 1] > 0.97


@pytest.mark.parametrize("text", ["", "...", "\U0001f600", "hello \U0001f600"])
async def test_what_cannot_be_said_still_gives_audio_and_its_text(
    synthesiser: FliteSynthesiser, text: str
) -> None:
    deltas = await speak(synthesiser, text)
    assert "".join(delta.text for delta in deltas) == text
    assert len(samples(deltas)) > 0


async def test_unknown_voices_and_speeds_are_named(synthesiser: FliteSynthesiser) -> None:
    with pytest.raises(Invalid, match="alloy, ash"):
        await speak(synthesiser, "hi", "nova")
    with pytest.raises(Invalid, match="between"):
        await speak(synthesiser, "hi", speed=5)
