"""The caller's end of an audio call: what goes out every 20 ms, and when the agent is heard.

Times are milliseconds of the line's own clock, counted in frames since media began.
"""

from __future__ import annotations

import asyncio
from typing import Final

import numpy as np

from trunkline.cli.simulate.audio_voice import Sound
from trunkline.cli.simulate.sounds import Wave, as_samples
from trunkline.cli.testcall.measure import AgentWatch
from trunkline.domain.audio import SAMPLE_WIDTH_BYTES
from trunkline.domain.leg import Leg

_AHEAD_MS: Final = 100
"""What lies ready in the ring: a loop that is late by less than this is not heard."""
_CUT_MS: Final = 200
"""So long a silence makes two of what the agent says: an answer after being cut is a new one."""


class AudioLine:
    """The leg's sink: feeds the caller's voice over the line's noise, and watches the agent.

    ``background`` is at ``sounds.SPEECH_DBFS``; ``snr_db`` None is a line without noise.
    """

    def __init__(self, leg: Leg, background: Wave, snr_db: float | None) -> None:
        self._leg = leg
        self._frame = leg.format.samples_per_frame
        self._background = background
        self._noise_at = 0
        self._voice: Sound | None = None
        self._voice_at = 0
        self._written = 0
        self._marks: tuple[int, int] | None = None  # first and last sample of what is being said
        self._changed = asyncio.Event()
        self.snr_db = snr_db
        self.watch = AgentWatch()
        self._onsets = AgentWatch(pause_ms=_CUT_MS)
        self.began_ms = 0
        self.ended_ms = 0
        self.is_over = False

    @property
    def now_ms(self) -> int:
        return self.watch.now_ms

    @property
    def is_speaking(self) -> bool:
        return self._marks is not None

    def agent_began_after(self, ms: int) -> int | None:
        """When the agent began to speak at or after ``ms``; None when it did not."""
        return self._onsets.first_audio_after(ms)

    def say(self, sound: Sound) -> None:
        """Begin at the next frame; ``began_ms`` and ``ended_ms`` tell afterwards when it was."""
        self._voice, self._voice_at = sound, 0
        self._marks = (self._written, self._written + sound.end_samples)
        self.began_ms = self.ended_ms = self.now_ms

    def over(self) -> None:
        """Nothing more is heard: whoever waits is woken."""
        self.is_over = True
        self._changed.set()

    async def tick(self) -> None:
        """Wait for the next frames, or the end."""
        if not self.is_over:
            self._changed.clear()
            await self._changed.wait()

    def __call__(self, pairs: bytes) -> None:
        size = self._leg.format.bytes_per_frame
        for at in range(0, len(pairs), 2 * size):
            heard = np.frombuffer(pairs[at : at + size], "<i2")
            self.watch.feed(heard)
            self._onsets.feed(heard)
        self._feed()
        played = self._written - self._leg.queued_samples()
        if self._marks is not None:
            if played <= self._marks[0]:
                self.began_ms = self.now_ms
            self.ended_ms = self.now_ms
            if played >= self._marks[1]:
                self._marks = None
        self._changed.set()

    def _feed(self) -> None:
        wanted = self._leg.format.ms_to_samples(_AHEAD_MS)
        while self._leg.queued_samples() < wanted:
            frame = self._next_frame()
            taken = self._leg.write(frame) // SAMPLE_WIDTH_BYTES
            self._written += taken
            if taken < self._frame:
                return

    def _next_frame(self) -> bytes:
        frame = np.zeros(self._frame)
        if self.snr_db is not None:
            places = (self._noise_at + np.arange(self._frame)) % self._background.size
            frame += self._background[places] * 10 ** (-self.snr_db / 20)
            self._noise_at += self._frame
        voice = self._voice
        if voice is not None:
            part = voice.samples[self._voice_at : self._voice_at + self._frame]
            frame[: part.size] += part
            self._voice_at += self._frame
            if self._voice_at >= voice.samples.size:
                self._voice = None
        return as_samples(frame).tobytes()
