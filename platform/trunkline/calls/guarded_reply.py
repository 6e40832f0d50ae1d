"""An engine's item on its way to the playout: judged clauses pass, everything else waits here."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

from trunkline.audio.framer import Framer
from trunkline.calls.transcript import Speech
from trunkline.domain.audio import SAMPLE_WIDTH_BYTES, WordMark
from trunkline.flows.guard.gate import Blocked, ClauseGate

MOST_HELD_S: Final = 4.0
"""Audio whose words do not come waits so long while the caller hears nothing, and is dropped."""


class GuardedReply:
    """``gate`` None: nothing is judged. ``release`` takes PCM that may be heard.

    What is held and then blocked is gone: no later call lets it out.
    """

    def __init__(
        self,
        speech: Speech,
        framer: Framer,
        gate: ClauseGate | None,
        release: Callable[[bytes], None],
    ) -> None:
        self.speech = speech
        self.framer = framer
        self._gate = gate
        self._release = release
        self._held = bytearray()
        self._let_out = 0  # samples
        self._is_dropped = False
        self._blocked: Blocked | None = None  # told once the fine words before it are all here

    @property
    def held_samples(self) -> int:
        return len(self._held) // SAMPLE_WIDTH_BYTES

    def text(self, delta: str, marks: Sequence[WordMark]) -> Blocked | None:
        if self._is_dropped or (self._gate is not None and self._gate.is_blocked):
            return None
        self.speech.add_words(delta, marks)
        return None if self._gate is None else self._settle(self._gate.text(delta, marks))

    def audio(self, pcm: bytes) -> Blocked | None:
        if self._gate is None:
            self._release(pcm)
            return None
        self._held += pcm
        return self._settle(self._gate.audio(len(pcm) // SAMPLE_WIDTH_BYTES))

    def told(self) -> Blocked | None:
        """No more text of it will come."""
        return None if self._gate is None else self._settle(self._gate.told())

    def whole(self) -> Blocked | None:
        """It is complete; one that broke off is not."""
        if self._gate is None:
            return None
        blocked = self._settle(self._gate.whole())
        return blocked or self._blocked  # the audio before it never came

    def give_up(self) -> Blocked | None:
        """What is held has waited too long for its words."""
        if self._gate is None or self._blocked is not None:
            return None
        return self._settle(self._gate.give_up())

    def drop(self) -> None:
        """It is over: what is held will never be judged, and what follows is not its own."""
        self._is_dropped = True
        self._held.clear()

    def _settle(self, change: object) -> Blocked | None:
        gate = self._gate
        assert gate is not None
        if self._is_dropped:
            return None
        due = (gate.until - self._let_out) * SAMPLE_WIDTH_BYTES
        if due > 0:
            pcm = bytes(self._held[:due])
            del self._held[:due]
            self._let_out = gate.until
            self._release(pcm)
        if isinstance(change, Blocked):
            self._blocked = change
            self.speech.stop_at(change.fine_text, gate.ms_of(change.heard_until))
        if self._blocked is None:
            return None
        self._held.clear()
        return self._blocked if self._let_out >= self._blocked.heard_until else None
