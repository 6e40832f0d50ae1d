"""The test caller's voice: phrases rendered by ``/v1/audio/speech``, or read from WAV."""

from __future__ import annotations

import wave
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import httpx
import numpy as np
from numpy.typing import NDArray

from trunkline.audio.resample import resampled
from trunkline.cli.testcall.measure import speech_span
from trunkline.cli.testcall.script import Step, StepKind
from trunkline.domain.errors import EngineError, Invalid


@dataclass(frozen=True, slots=True)
class Phrase:
    """PCM16 mono at the leg's rate, and where its speech really begins and ends (ms)."""

    pcm: NDArray[np.int16]
    onset_ms: int
    end_ms: int


async def render(
    steps: Sequence[Step], *, model_url: str, api_key: str, voice: str, rate_hz: int
) -> list[Phrase | None]:
    """One phrase a step, None for digits."""
    phrases: list[Phrase | None] = []
    async with httpx.AsyncClient(timeout=30, trust_env=False) as client:
        for step in steps:
            match step.kind:
                case StepKind.DIGITS:
                    phrases.append(None)
                case StepKind.WAV:
                    phrases.append(_phrase(read_wav(Path(step.value), rate_hz), rate_hz))
                case StepKind.SAY:
                    answer = await client.post(
                        f"{model_url}/audio/speech",
                        headers={"authorization": f"Bearer {api_key}"},
                        json={
                            "model": "trunkline-tts",
                            "input": step.value,
                            "voice": voice,
                            "response_format": "pcm",
                            "x_sample_rate": rate_hz,
                        },
                    )
                    if answer.status_code != 200:
                        raise EngineError(
                            f"the model server could not speak the test phrase: "
                            f"{answer.status_code} {answer.text[:200]}"
                        )
                    pcm = np.frombuffer(answer.content, "<i2")
                    phrases.append(_phrase(pcm, rate_hz))
    return phrases


def _phrase(pcm: NDArray[np.int16], rate_hz: int) -> Phrase:
    onset_ms, end_ms = speech_span(pcm, rate_hz)
    return Phrase(pcm, onset_ms, end_ms)


def read_wav(path: Path, rate_hz: int) -> NDArray[np.int16]:
    """A 16-bit WAV as mono at ``rate_hz``; Invalid says what is wrong with it."""
    try:
        with wave.open(str(path)) as file:
            width, channels, rate = file.getsampwidth(), file.getnchannels(), file.getframerate()
            data = file.readframes(file.getnframes())
    except (wave.Error, EOFError) as exc:
        raise Invalid(f"{path} is not a PCM WAV file: {exc}") from None
    if width != 2:
        raise Invalid(f"{path} has {width * 8}-bit samples; 16-bit is wanted")
    samples = np.frombuffer(data, "<i2").reshape(-1, channels)
    mono = samples.astype(np.int32).mean(axis=1).astype(np.int16)
    return np.frombuffer(resampled(mono.tobytes(), rate, rate_hz), "<i2")
