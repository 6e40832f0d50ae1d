"""The human's leg beside the caller's: what they say goes on record, what we say reaches them."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import Final

import numpy as np

from trunkline.audio.pcm import samples_of
from trunkline.domain.audio import AudioFormat
from trunkline.domain.leg import AudioSink, Leg

_KEPT_FRAMES: Final = 50
# The two rings are read one after the other: the second may be a tick behind the first.
_LEAD_FRAMES: Final = 2
_WRITE_MS: Final = 500
_LOOK_S: Final = 0.05
_GRACE_S: Final = 5.0


class OtherParty:
    """The sink of the human's leg; ``mix_into`` adds them to the agent's channel of the caller's.

    Both legs run at one rate and on one media clock. A second of frames is kept at most: beyond
    it the oldest are dropped, which only a caller's ring that nobody reads can bring about.
    """

    def __init__(self, audio_format: AudioFormat) -> None:
        self._size = audio_format.bytes_per_frame
        self._frames: deque[bytes] = deque(maxlen=_KEPT_FRAMES)
        self._is_heard = False
        self._is_primed = False
        self.before: AudioSink | None = None  # who hears them before the caller does

    def __call__(self, pairs: bytes) -> None:
        if not self._is_heard:
            if self.before is not None:
                self.before(pairs)
            return  # the briefing is between the agent and the human
        for at in range(0, len(pairs), 2 * self._size):
            self._frames.append(pairs[at : at + self._size])

    def begin(self) -> None:
        """From now on the caller hears them."""
        self._is_heard = True

    def mix_into(self, pairs: bytes) -> bytes:
        """The caller's pairs with the human's voice in every agent frame."""
        if not self._is_primed:
            self._is_primed = len(self._frames) >= _LEAD_FRAMES
        if not self._is_primed or not self._frames:
            return pairs
        mixed = samples_of(pairs).astype(np.int32).reshape(-1, 2, self._size // 2)
        for frame in mixed[:, 1]:
            if not self._frames:
                break
            frame += samples_of(self._frames.popleft())
        return np.clip(mixed, -32768, 32767).astype("<i2").tobytes()


async def play(leg: Leg, pcm: bytes) -> None:
    """Write a whole line to a leg that nobody else writes to; returns when it was played.

    Gives up, quietly, when the leg takes no audio for five seconds beyond the line's length.
    """
    rate = leg.format.sample_rate_hz
    view = memoryview(pcm)
    piece = 2 * rate * _WRITE_MS // 1000
    try:
        async with asyncio.timeout(len(pcm) / (2 * rate) + _GRACE_S):
            while view:
                view = view[leg.write(bytes(view[:piece])) :]
                if view:
                    await asyncio.sleep(_LOOK_S)
            while leg.queued_samples() > 0:  # noqa: ASYNC110  a ring in C++ tells nobody
                await asyncio.sleep(_LOOK_S)
    except TimeoutError:
        leg.flush()
