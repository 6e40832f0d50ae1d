"""An audio caller's sounds, made before the call: every turn rendered, pauses and all.

Voices come from the model server's ``/v1/audio/speech``; nothing of it is kept on disk but by the
speech cache it goes through, and the same simulation with the same seed sounds the same.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from typing import Final

import numpy as np

from trunkline.calls.speech_cache import SpeechCache
from trunkline.calls.speech_source import SpokenLine
from trunkline.cli.simulate.simulation import (
    Backchannel,
    CallerTurn,
    Cough,
    Mumble,
    Outbound,
    Say,
    Simulation,
)
from trunkline.cli.simulate.sounds import (
    Samples,
    Wave,
    beep,
    cough,
    mumble,
    noise,
    speech_at_level,
    through_telephone,
)
from trunkline.domain.errors import EngineError

_SPEECH_MODEL: Final = "trunkline-tts"
_LIFT_MS: Final = 400
_GIBBERISH: Final = "we were over and around it whenever a narrow yellow wheel may arrive anew"
_BABBLE: Final = (
    ("alloy", "so i told her that we could meet at the station around noon if it does not rain"),
    ("echo", "the meeting has been moved to the other building and nobody told the new people"),
    ("verse", "have you seen the price of those tickets it is twice what it was a year ago"),
    ("shimmer", "two coffees and a sandwich please and could i have the bill as well thank you"),
)


def dice_of(simulation: Simulation, seed: int | None) -> np.random.Generator:
    """The simulation's own dice: its seed, or the one given, and its name."""
    chosen = simulation.seed if seed is None else seed
    name = zlib.crc32(f"{simulation.agent}/{simulation.name}".encode())
    return np.random.default_rng([chosen, name])


@dataclass(frozen=True, slots=True)
class Sound:
    """PCM16 at the line's rate; ``end_samples``: where the last of it can be heard."""

    samples: Samples
    end_samples: int


@dataclass(frozen=True, slots=True)
class CallerSounds:
    """One simulation's: a sound by turn (None where a turn makes none), and the line's noise.

    ``opening`` is what is said first by whoever is called, a machine's beep included.
    """

    turns: tuple[Sound | None, ...]
    reactions_s: tuple[float, ...]
    background: Wave
    rate_hz: int
    opening: Sound | None = None


async def render_caller(
    simulation: Simulation, cache: SpeechCache, rate_hz: int, seed: int | None
) -> CallerSounds:
    """Raises EngineError when the model server cannot speak."""
    dice = dice_of(simulation, seed)
    studio = _Studio(cache, rate_hz, dice)
    line = simulation.line
    turns = [await studio.turn(turn, turn.voice or line.voice) for turn in simulation.turns]
    voices = []
    if line.noise == "babble":
        voices = [await studio.speech(text, voice) for voice, text in _BABBLE]
    # People take between an instant and half a second to begin.
    reactions_s = tuple(float(dice.uniform(0.05, 0.5)) for _ in simulation.turns)
    opening = None
    if simulation.outbound is not None:
        opening = await studio.opening(simulation.outbound, line.voice)
    background = noise(line.noise, rate_hz, dice, voices)
    return CallerSounds(tuple(turns), reactions_s, background, rate_hz, opening)


class _Studio:
    def __init__(self, cache: SpeechCache, rate_hz: int, dice: np.random.Generator) -> None:
        self._cache = cache
        self._rate_hz = rate_hz
        self._dice = dice

    async def opening(self, outbound: Outbound, voice: str) -> Sound | None:
        """After a moment: the greeting, and the beep of a machine that has one."""
        moment = np.zeros(self._rate_hz * _LIFT_MS // 1000, dtype="<i2")
        parts = [moment]
        if outbound.greeting:
            parts.append(await self.speech(outbound.greeting, voice))
        if outbound.beeps:
            parts += [moment, beep(self._rate_hz)]
        return _sound(np.concatenate(parts), self._rate_hz) if len(parts) > 1 else None

    async def turn(self, turn: CallerTurn, voice: str) -> Sound | None:
        match turn.act:
            case Say(parts):
                pieces = [
                    await self.speech(part, voice)
                    if isinstance(part, str)
                    else np.zeros(round(part * self._rate_hz), dtype="<i2")
                    for part in parts
                ]
                return _sound(np.concatenate(pieces), self._rate_hz)
            case Backchannel(text):
                return _sound(await self.speech(text, voice), self._rate_hz)
            case Mumble(seconds):
                gibberish = await self.speech(_GIBBERISH, voice)
                return _sound(mumble(gibberish, self._rate_hz, seconds), self._rate_hz)
            case Cough():
                made = through_telephone(cough(self._rate_hz, self._dice), self._rate_hz)
                return _sound(made, self._rate_hz)
            case _:
                return None

    async def speech(self, text: str, voice: str) -> Samples:
        line = SpokenLine(text, voice, 1.0, "en", _SPEECH_MODEL, self._rate_hz)
        pcm = bytearray()
        async for piece in self._cache.stream(line, keep=True):
            pcm += piece.pcm
        if not pcm:
            raise EngineError("the model server rendered a caller's words as nothing")
        spoken = _trimmed(np.frombuffer(bytes(pcm), "<i2"))
        return speech_at_level(through_telephone(spoken, self._rate_hz), self._rate_hz)


def _trimmed(pcm: Samples) -> Samples:
    """Without the silence that synthesisers put around what they say."""
    loud = np.flatnonzero(np.abs(pcm.astype(np.int32)) > 160)
    return pcm[loud[0] : loud[-1] + 1] if loud.size else pcm


def _sound(samples: Samples, rate_hz: int) -> Sound:
    loud = np.flatnonzero(np.abs(samples.astype(np.int32)) > 200)
    end = int(loud[-1]) + 1 if loud.size else samples.size
    return Sound(samples, max(end, rate_hz // 50))
