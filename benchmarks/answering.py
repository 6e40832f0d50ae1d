"""How well the answerer detector tells humans from machines, and beeps from all else.

    python -m benchmarks.answering

Greetings are synthesised with espeak-ng in several voices and speeds, through G.711, clean and with
noise; beeps are sines of many pitches and lengths.
"""

from __future__ import annotations

import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from functools import lru_cache
from itertools import product
from typing import Final

import numpy as np

from trunkline.audio.answerer import AnswererDetector, TakenBy
from trunkline.audio.call_tones import ToneFinder
from trunkline.audio.g711 import pcm_to_ulaw, ulaw_to_pcm
from trunkline.domain.audio import AudioFormat

RATE_HZ: Final = 8000
VOICES: Final = (
    "en-us",
    "en-us+f3",
    "en-us+m7",
    "en-gb",
    "en-gb+f2",
    "en-gb-scotland+m3",
    "en-us+f5",
)
WORDS_A_MINUTE: Final = (140, 170, 200)
HUMANS: Final = (
    "hello", "hello?", "hi", "yes", "yeah hello", "hello, who is this?", "john speaking",
    "good morning", "hello, this is anna", "smith residence", "yes hello", "hey", "hi there",
    "hello, anna speaking", "yes please?", "doctor miller", "good afternoon", "hello hello",
    "speaking", "hi, it's tom",
)  # fmt: skip
MACHINES: Final = (
    "Hi, you have reached John. I can't take your call right now. Please leave a message.",
    "The person you are calling is not available. Please leave a message after the tone.",
    "You have reached the voicemail of Anna Miller. Leave your name and number after the beep.",
    "Hello, this is Tom. I'm not here at the moment, so leave me a message and I'll call back.",
    "Thank you for calling. Nobody is in the office. Our hours are nine to five, Monday to Friday.",
    "Your call has been forwarded to an automatic message system. At the tone, please record.",
    "Sorry I missed you. Leave a message and I will get back to you as soon as I can.",
    "We are away until Monday. Please speak after the signal, or send us an e-mail instead.",
    "Hey, it's Sam's phone. You know what to do. Wait for the beep and tell me why you called.",
    "The mailbox of five five five, one two three four, is taking messages. Please begin now.",
)  # fmt: skip
# What length and silence cannot tell: a firm that answers like a machine, a machine that pauses.
HARD: Final = (
    (TakenBy.HUMAN, "Thank you for calling Brightwater, this is Anna, how can I help you?"),
    (TakenBy.HUMAN, "Good afternoon, Miller and sons, Peter Miller speaking"),
    (TakenBy.MACHINE, "Hello. <break time='900ms'/> You have reached John, leave a message."),
)


@lru_cache(maxsize=2000)
def spoken(text: str, voice: str, words_a_minute: int) -> bytes:
    """PCM16 at 8 kHz."""
    wav = subprocess.run(
        ["espeak-ng", "-m", "--stdout", "-v", voice, "-s", str(words_a_minute), text],
        capture_output=True,
        check=True,
    ).stdout
    rate = int.from_bytes(wav[24:28], "little")
    samples = np.frombuffer(wav[44 : len(wav) - len(wav) % 2], "<i2").astype(float)
    count = round(len(samples) * RATE_HZ / rate)
    # Of the telephone's band nothing is above 3.4 kHz: the spectrum is cut, and read out slower.
    spectrum = np.fft.rfft(samples)[: count // 2 + 1]
    spectrum[round(3400 * len(samples) / rate) :] = 0
    wave = np.fft.irfft(spectrum, count) * count / len(samples)
    return bytes(np.clip(np.rint(wave), -32768, 32767).astype("<i2").tobytes())


def on_a_line(pcm: bytes, seed: int, noise_db: float | None) -> bytes:
    """After 0.3 s of ringing out, 2 s of silence behind it, -20 dBFS, noise, G.711."""
    samples = np.frombuffer(pcm, "<i2").astype(float)
    rms = np.sqrt(np.mean(samples[np.abs(samples) > 200] ** 2))
    samples *= 10 ** (-20 / 20) * 32768 / max(rms, 1)
    samples = np.concatenate([np.zeros(2400), samples, np.zeros(16000)])
    if noise_db is not None:
        level = 10 ** ((-20 - noise_db) / 20) * 32768
        samples += np.random.default_rng(seed).normal(0, level, len(samples))
    clipped = np.clip(np.rint(samples), -32768, 32767).astype("<i2").tobytes()
    return ulaw_to_pcm(pcm_to_ulaw(clipped))


def frames(pcm: bytes) -> Iterator[bytes]:
    size = RATE_HZ // 50 * 2
    for at in range(0, len(pcm) - size + 1, size):
        yield pcm[at : at + size]


def judged(pcm: bytes, within_ms: int = 4000) -> tuple[TakenBy | None, int]:
    """Who took the call, and after how many milliseconds that was known."""
    detector = AnswererDetector(AudioFormat(RATE_HZ))
    for number, frame in enumerate(frames(pcm), start=1):
        detector.feed(frame)
        if detector.taken_by is not None or number * 20 >= within_ms:
            break
    return detector.decide(), detector.now_ms


def greetings() -> Iterator[tuple[TakenBy, str, float | None, bytes]]:
    for who, texts in ((TakenBy.HUMAN, HUMANS), (TakenBy.MACHINE, MACHINES)):
        for seed, (text, voice, speed, noise) in enumerate(
            product(texts, VOICES, WORDS_A_MINUTE, (None, 25.0, 15.0))
        ):
            yield who, text, noise, on_a_line(spoken(text, voice, speed), seed, noise)


def beep(hz: float, ms: int, noise_db: float | None, seed: int) -> bytes:
    at = np.arange(RATE_HZ * ms // 1000) / RATE_HZ
    wave = 0.12 * 32768 * np.sin(2 * np.pi * hz * at)
    wave = np.concatenate([np.zeros(4000), wave, np.zeros(4000)])
    if noise_db is not None:
        level = 0.12 * 32768 / np.sqrt(2) * 10 ** (-noise_db / 20)
        wave += np.random.default_rng(seed).normal(0, level, len(wave))
    return ulaw_to_pcm(pcm_to_ulaw(np.clip(np.rint(wave), -32768, 32767).astype("<i2").tobytes()))


def beeps(pcm: bytes) -> int:
    finder = ToneFinder(RATE_HZ)
    return sum(finder.feed(frame) for frame in frames(pcm))


def main() -> None:
    right: Counter[tuple[str, str]] = Counter()
    asked: Counter[tuple[str, str]] = Counter()
    took: dict[str, list[int]] = {"human": [], "machine": []}
    mistaken: Counter[str] = Counter()
    found_in_speech = 0
    for who, text, noise, pcm in greetings():
        verdict, at_ms = judged(pcm)
        key = (who.value, "clean" if noise is None else f"noise {noise:g} dB below")
        asked[key] += 1
        right[key] += verdict is who
        took[who.value].append(at_ms)
        found_in_speech += beeps(pcm)
        if verdict is not who:
            mistaken[f"{text[:40]} -> {verdict}"] += 1
    for key in sorted(asked):
        sys.stdout.write(f"{key[0]:8} {key[1]:20} {right[key]}/{asked[key]}\n")
    for name, times in took.items():
        middle, late = np.percentile(times, [50, 95])
        sys.stdout.write(f"{name:8} known after {middle:.0f} ms (p50), {late:.0f} ms (p95)\n")
    for text, count in mistaken.most_common(8):
        sys.stdout.write(f"   wrong {count:3} {text}\n")
    for who, text in HARD:
        verdicts = [judged(on_a_line(spoken(text, one, 170), 1, None))[0] for one in VOICES]
        share = f"{sum(one is who for one in verdicts)}/{len(VOICES)}"
        sys.stdout.write(f"hard: {share} right, {who.value}: {text}\n")
    hits = tried = 0
    for seed, (hz, ms, db) in enumerate(
        product((440, 620, 850, 1000, 1400, 1980), (120, 200, 400, 1000), (None, 20.0, 10.0))
    ):
        tried += 1
        hits += beeps(beep(hz, ms, db, seed)) == 1
    sys.stdout.write(f"beeps found {hits}/{tried}; found in speech alone {found_in_speech}\n")


if __name__ == "__main__":
    main()
