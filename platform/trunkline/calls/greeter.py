"""Who picked up the second leg: heard while they are being briefed, before a caller is given."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final

from trunkline.audio.answerer import AnswererDetector, TakenBy
from trunkline.calls.consultation import AnsweredByMachine
from trunkline.domain.audio import AudioFormat

_LONGEST_S: Final = 4.0  # beyond the briefing, for somebody who has not said a word


class Greeter:
    """A leg's audio sink; tells of a machine once. ``known`` waits until it is clear who it is."""

    def __init__(
        self, audio_format: AudioFormat, tell: Callable[[AnsweredByMachine], None]
    ) -> None:
        self._detector = AnswererDetector(audio_format)
        self._size = audio_format.bytes_per_frame
        self._tell = tell
        self._is_known = asyncio.Event()

    def __call__(self, pairs: bytes) -> None:
        if self._is_known.is_set():
            return
        size = self._size
        for at in range(0, len(pairs), 2 * size):
            self._detector.feed(pairs[at : at + size], pairs[at + size : at + 2 * size])
        if self._detector.taken_by is None:
            return
        self._is_known.set()
        if self._detector.taken_by is TakenBy.MACHINE:
            self._tell(AnsweredByMachine())

    async def known(self) -> None:
        """Returns when it is; whoever is still silent, or not yet told apart, counts as a human."""
        try:
            async with asyncio.timeout(_LONGEST_S):
                await self._is_known.wait()
        except TimeoutError:
            self._is_known.set()
