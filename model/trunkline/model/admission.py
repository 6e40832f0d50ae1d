"""Slots of the model server: how many sessions and speech requests run at once, and draining. Pure.

A refused session is told when to come back before anything was opened for it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

from trunkline.domain.errors import TooMany


class Admission:
    """``max_per_key`` keeps one key from taking every slot; 0 means no such limit."""

    def __init__(self, max_slots: int, *, max_per_key: int = 0, retry_after_s: int = 5) -> None:
        self._max_slots = max_slots
        self._max_per_key = max_per_key
        self._retry_after_s = retry_after_s
        self._live: Counter[str] = Counter()
        self.is_draining = False

    @property
    def live(self) -> int:
        return self._live.total()

    @contextmanager
    def slot(self, key_id: str) -> Iterator[None]:
        """Hold a slot for the block; raises TooMany when there is none."""
        if self.is_draining:
            raise TooMany(
                "This server is shutting down; try another or come back later.",
                retry_after_s=self._retry_after_s,
                code="server_draining",
            )
        if self.live >= self._max_slots:
            raise TooMany(
                f"All {self._max_slots} slots are taken.",
                retry_after_s=self._retry_after_s,
                code="server_busy",
            )
        if self._max_per_key and self._live[key_id] >= self._max_per_key:
            raise TooMany(
                f"This key already uses its {self._max_per_key} slots.",
                retry_after_s=self._retry_after_s,
                code="rate_limit_exceeded",
            )
        self._live[key_id] += 1
        try:
            yield
        finally:
            self._live[key_id] -= 1
            if not self._live[key_id]:
                del self._live[key_id]
