"""What a caller hears who is not with the agent: music, and the agent's lines over it."""

from __future__ import annotations

from typing import Final

from trunkline.audio.hold_music import Tune
from trunkline.audio.playout import PlayoutQueue, Ring
from trunkline.calls.speaker import Speaker
from trunkline.domain.ids import mint

_AHEAD_MS: Final = 700  # what a loop that is late by half a second may not be heard
_PIECE_MS: Final = 300


class HoldMusic:
    """Fills the playout queue whenever the agent has nothing to say; ``tick`` ten times a second.

    Lines wait for what is queued of the music, at most ``_AHEAD_MS``.
    """

    def __init__(self, playout: PlayoutQueue, speaker: Speaker, rate_hz: int) -> None:
        self._playout = playout
        self._speaker = speaker
        self._tune = Tune(rate_hz)
        self._segment: str | None = None
        self._is_on = False

    @property
    def is_on(self) -> bool:
        return self._is_on

    def start(self) -> None:
        self._is_on = True
        self.tick()

    def stop(self, ring: Ring) -> None:
        """Silence at once, unless the agent is speaking."""
        self._is_on = False
        self._close()
        if self._speaker.is_idle:
            self._playout.flush(ring)

    def tick(self) -> None:
        if not self._is_on:
            return
        if not self._speaker.is_idle:
            self._close()  # a line waits behind it
            return
        if self._segment is None or not self._is_queued(self._segment):
            self._segment = mint("music", 12)
            self._playout.open(self._segment)
        while self._playout.remaining_ms() < _AHEAD_MS:
            self._playout.append(self._segment, self._tune.next(_PIECE_MS))

    def _is_queued(self, segment_id: str) -> bool:
        """A cut takes the music with it."""
        return any(s.segment_id == segment_id for s in self._playout.segments)

    def _close(self) -> None:
        if self._segment is not None:
            self._playout.close(self._segment)
            self._segment = None
