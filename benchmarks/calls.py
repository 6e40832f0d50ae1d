"""What a caller waits for: set-up, first audio, and the agent's silence after a barge-in.

Measured on RTP packets at the caller's socket against a whole installation on this machine.
"""

from __future__ import annotations

import asyncio
import random
from dataclasses import dataclass, field

import httpx
import numpy as np
from numpy.typing import NDArray
from tests.peers.drivers.installation import Installation

from benchmarks.rtp_caller import RtpCaller
from trunkline.audio.resample import resampled
from trunkline.cli.testcall.measure import speech_span
from trunkline.model.cascade.synthesiser import FliteSynthesiser

RATE = 8000
INTERRUPTIONS = (
    "Sorry, hold on, I need to ask something else.",
    "No wait, please stop, that is not what I want.",
    "Excuse me, what are your opening hours?",
    "Hang on a moment, I want to talk to a person.",
)
# Into the greeting, whose first sentence (the recording notice, 1.6 s) may not be interrupted.
MOMENT_S = (1.9, 3.3)
VOICES = ("ash", "ballad", "alloy", "sage")


def speech(installation: Installation, text: str, voice: str) -> NDArray[np.int16]:
    """A rendered phrase at 8 kHz."""
    answer = httpx.post(
        f"http://127.0.0.1:{installation.model_port}/v1/audio/speech",
        headers={"authorization": f"Bearer {installation.api_key}"},
        json={
            "model": "trunkline-tts",
            "input": text,
            "voice": voice,
            "response_format": "pcm",
            "x_sample_rate": RATE,
        },
        timeout=30,
        trust_env=False,
    )
    answer.raise_for_status()
    return np.frombuffer(answer.content, "<i2")


async def local_speech(text: str, voice: str) -> NDArray[np.int16]:
    """A phrase of the local voice at 8 kHz, whatever engine answers: the scripted one has tones."""
    synthesiser = FliteSynthesiser()
    deltas = synthesiser.synthesise(text, voice=voice, speed=1.0)
    spoken = b"".join([delta.pcm async for delta in deltas])
    synthesiser.close()
    return np.frombuffer(resampled(spoken, synthesiser.output_rate_hz, RATE), "<i2")


@dataclass
class Figures:
    """Milliseconds, one entry a trial; ``missed``: barge-ins that did not silence the agent."""

    setup_ms: list[float] = field(default_factory=list)
    first_audio_ms: list[float] = field(default_factory=list)
    stop_to_silence_ms: list[float] = field(default_factory=list)
    missed: int = 0

    def rows(self) -> list[tuple[str, str]]:
        return [
            ("INVITE → 200, p50 / p95 / max", spread(self.setup_ms)),
            ("200 → first agent audio, p50 / p95 / max", spread(self.first_audio_ms)),
            (
                f"stop-to-silence at the RTP edge ({len(self.stop_to_silence_ms)} trials, "
                f"{self.missed} missed), p50 / p95 / max",
                spread(self.stop_to_silence_ms),
            ),
        ]


def spread(values: list[float]) -> str:
    if not values:
        return "nothing measured"
    p50, p95 = np.percentile(values, [50, 95])
    return f"{p50:.0f} / {p95:.0f} / {max(values):.0f} ms"


async def barge_in_trial(
    installation: Installation, phrase: NDArray[np.int16], after_s: float, figures: Figures
) -> None:
    """Interrupt the greeting ``after_s`` into it, from the true start of the phrase's speech."""
    onset_ms, _ = speech_span(phrase, RATE)
    async with RtpCaller("127.0.0.1", installation.sip_port) as caller:
        await caller.invite()
        first = await caller.first_loud(caller.answered_at)
        figures.setup_ms.append((caller.answered_at - caller.invited_at) * 1000)
        figures.first_audio_ms.append((first - caller.answered_at) * 1000)
        await asyncio.sleep(after_s)
        await caller.speak(phrase)
        await asyncio.sleep(1.6)
        onset = caller.left_at(onset_ms)
        silent = caller.last_loud_before_silence(onset)
        if silent is None:
            figures.missed += 1
        else:
            # The last packet carries 20 ms of sound.
            figures.stop_to_silence_ms.append((silent - onset) * 1000 + 20)


async def measure(installation: Installation, trials: int, seed: int = 1) -> Figures:
    """One call a trial, voices and phrases in turn, moments drawn from ``seed``."""
    rng = random.Random(seed)
    figures = Figures()
    phrases = [speech(installation, text, v) for text in INTERRUPTIONS for v in VOICES]
    for trial in range(trials):
        await barge_in_trial(
            installation, phrases[trial % len(phrases)], rng.uniform(*MOMENT_S), figures
        )
    return figures
