"""What a recording holds: how loud, which phrase and where, and what a recogniser makes of it."""

from __future__ import annotations

import asyncio
import io
import wave
from dataclasses import dataclass

import httpx
import numpy as np
from tests.peers.drivers.installation import Installation
from tests.peers.drivers.tones import Samples

from trunkline.audio.g711 import pcm_to_ulaw
from trunkline.audio.resample import resampled
from trunkline.domain.events import Json
from trunkline.realtime.client import RealtimeClient
from trunkline.realtime.client_events import InputAudioCommit, SessionUpdate
from trunkline.realtime.server_events import TranscriptionCompleted, TranscriptionFailed

_EARS_HZ = 8000


@dataclass(frozen=True, slots=True)
class Sound:
    """Mono PCM16."""

    samples: Samples
    rate_hz: int

    @property
    def seconds(self) -> float:
        return len(self.samples) / self.rate_hz

    def between(self, start_s: float, end_s: float | None = None) -> Sound:
        end = None if end_s is None else round(end_s * self.rate_hz)
        return Sound(self.samples[round(start_s * self.rate_hz) : end], self.rate_hz)

    def at(self, rate_hz: int) -> Sound:
        pcm = resampled(self.samples.astype("<i2").tobytes(), self.rate_hz, rate_hz)
        return Sound(np.frombuffer(pcm, "<i2"), rate_hz)

    @property
    def dbfs(self) -> float:
        """RMS of all of it; -120 for nothing at all."""
        rms = float(np.sqrt(np.mean(self.samples.astype(np.float64) ** 2)))
        return 20 * float(np.log10(rms / 32768)) if rms > 0.03 else -120.0

    def loud_share(self, over_dbfs: float = -45.0) -> float:
        """The share of 20 ms frames above a level: speech is heard in about as many."""
        size = self.rate_hz // 50
        frames = self.samples[: len(self.samples) // size * size].reshape(-1, size)
        rms = np.sqrt(np.mean(frames.astype(np.float64) ** 2, axis=1))
        return float(np.mean(rms > 32768 * 10 ** (over_dbfs / 20)))


@dataclass(frozen=True, slots=True)
class Found:
    """Where a phrase is most like the sound; ``likeness`` is 1 for the phrase itself."""

    at_s: float
    likeness: float


def find(phrase: Sound, sound: Sound) -> Found:
    """The place of the highest normalised correlation."""
    wanted = phrase.at(sound.rate_hz).samples.astype(np.float64)
    # A phrase ends in silence, of which a caller who hangs up on it does not hear everything.
    heard = np.pad(sound.samples.astype(np.float64), (0, sound.rate_hz // 4))
    if len(heard) < len(wanted):
        return Found(0.0, 0.0)
    size = 1 << (len(heard) + len(wanted)).bit_length()
    crossed = np.fft.rfft(heard, size) * np.conj(np.fft.rfft(wanted, size))
    products = np.fft.irfft(crossed, size)[: len(heard) - len(wanted) + 1]
    energy = np.concatenate([[0.0], np.cumsum(heard**2)])
    windows = energy[len(wanted) :] - energy[: len(products)]
    # A window that is silent is like nothing; without a floor it would be like anything.
    floor = max(float(windows.max()) * 1e-3, 1.0)
    likeness = products / np.sqrt(np.maximum(windows, floor) * float(np.sum(wanted**2)))
    best = int(np.argmax(likeness))
    return Found(best / sound.rate_hz, float(likeness[best]))


def share_found(phrase: Sound, sound: Sound, likeness: float = 0.8) -> float:
    """The share of a phrase's parts of 0.3 s that are in the sound, each wherever it is.

    For what went through a jitter buffer that had to wait or to catch up in mid-phrase.
    """
    ends = np.arange(0.3, phrase.seconds, 0.3)
    parts = [phrase.between(end_s - 0.3, end_s) for end_s in ends]
    spoken = [part for part in parts if part.dbfs > phrase.dbfs - 12]
    found = [find(part, sound).likeness > likeness for part in spoken]
    return sum(found) / len(found)


def channels(wav: bytes) -> tuple[Sound, Sound]:
    """Caller and agent of a call's recording."""
    with wave.open(io.BytesIO(wav)) as file:
        assert (file.getnchannels(), file.getsampwidth()) == (2, 2)
        both = np.frombuffer(file.readframes(file.getnframes()), "<i2").reshape(-1, 2)
        rate_hz = file.getframerate()
    return Sound(both[:, 0].copy(), rate_hz), Sound(both[:, 1].copy(), rate_hz)


async def rendered(installation: Installation, text: str, voice: str, rate_hz: int) -> Sound:
    """A phrase as the installation's own speech endpoint says it."""
    # The endpoint has 8, 16 and 24 kHz; what a phone wants at 48 kHz is resampled.
    asked_hz = min(rate_hz, 24000)
    async with httpx.AsyncClient(timeout=30, trust_env=False) as client:
        answer = await client.post(
            f"http://127.0.0.1:{installation.model_port}/v1/audio/speech",
            headers={"authorization": f"Bearer {installation.api_key}"},
            json={
                "model": "trunkline-tts",
                "input": text,
                "voice": voice,
                "response_format": "pcm",
                "x_sample_rate": asked_hz,
            },
        )
    answer.raise_for_status()
    return Sound(np.frombuffer(answer.content, "<i2"), asked_hz).at(rate_hz)


async def transcribed(installation: Installation, sound: Sound, candidates: list[str]) -> str:
    """Which words the installation's recogniser hears, told only what it might be one of."""
    pcm = sound.at(_EARS_HZ).samples.astype("<i2").tobytes()
    async with (
        asyncio.timeout(60),
        RealtimeClient.connect(
            f"http://127.0.0.1:{installation.model_port}/v1",
            api_key=installation.api_key,
            model="trunkline",
        ) as client,
    ):
        client.send(SessionUpdate(session=_ears(candidates)))
        # A recogniser that is short of a processor gives up after six seconds; it is asked again.
        for _ in range(3):
            text = await _understood(client, pcm)
            if text is not None:
                return text
    raise AssertionError("the recogniser could not keep up, three times")


async def _understood(client: RealtimeClient, pcm: bytes) -> str | None:
    """The transcript; None when it failed."""
    for start in range(0, len(pcm), 2 * _EARS_HZ // 10):
        client.append_audio(pcm_to_ulaw(pcm[start : start + 2 * _EARS_HZ // 10]))
        await asyncio.sleep(0.02)  # five times real time: nobody's buffer is without end
    client.send(InputAudioCommit())
    async for event in client.events():
        if isinstance(event, TranscriptionCompleted):
            return event.transcript.lower()
        if isinstance(event, TranscriptionFailed):
            return None
    raise AssertionError("the session ended before its transcript")


def _ears(candidates: list[str]) -> dict[str, Json]:
    return {
        "type": "realtime",
        "output_modalities": ["text"],
        "audio": {
            "input": {
                "format": {"type": "audio/pcmu"},
                "turn_detection": None,
                "transcription": {
                    "model": "trunkline-asr",
                    "language": "en",
                    "prompt": "\n".join(candidates),
                },
            }
        },
    }
