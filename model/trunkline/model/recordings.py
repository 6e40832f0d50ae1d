"""Recordings that a client puts in as items: heard one at a time, while nobody speaks."""

from __future__ import annotations

from typing import Final

from trunkline.domain.errors import ProtocolError
from trunkline.model.engine import EngineSession

_MOST_WAITING: Final = 4
_LONGEST_MS: Final = 60_000  # converted in one piece, on the loop that all sessions share
_SLICE_MS: Final = 200


class Recordings:
    """PCM16 at the engine's rate."""

    def __init__(self, engine: EngineSession, rate_hz: int) -> None:
        self._engine = engine
        self._slice_bytes = rate_hz * _SLICE_MS // 1000 * 2
        self._waiting: list[tuple[str, bytes]] = []

    def require_room(self, length_ms: float) -> None:
        """ProtocolError for a recording that is too long, or one too many."""
        if length_ms > _LONGEST_MS:
            raise ProtocolError(
                f"An item holds at most {_LONGEST_MS // 1000} s of audio; append more to the input "
                "audio buffer.",
                code="invalid_value",
                param="item.content",
            )
        if len(self._waiting) >= _MOST_WAITING:
            raise ProtocolError(
                "Too many items with audio wait for the running turn to end.",
                code="rate_limit_exceeded",
                param="item",
            )

    def put(self, item_id: str, pcm: bytes) -> None:
        self._waiting.append((item_id, pcm))

    def forget(self, item_id: str) -> None:
        self._waiting = [one for one in self._waiting if one[0] != item_id]

    def play(self) -> None:
        """Let the engine hear what waits; not during a turn."""
        while self._waiting:
            item_id, pcm = self._waiting.pop(0)
            self._engine.begin_turn(item_id)
            for begin in range(0, len(pcm), self._slice_bytes):
                self._engine.feed(pcm[begin : begin + self._slice_bytes])
            self._engine.end_turn(item_id)
