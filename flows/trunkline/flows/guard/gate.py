"""Agent speech is let out clause by clause: judged as text before any of its audio is. Pure.

Text of a response comes ahead of the audio in which its words begin (realtime contract), so the
audio that is here when a clause is complete holds nothing later than that clause and perhaps a
part of it. Positions are samples of the response's audio.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from trunkline.domain.audio import WordMark
from trunkline.flows.guard.verdict import Verdict

_ENDS: Final = re.compile(r"[.!?;:,\u2014\u3002\uff01\uff1f](?=\s|$)|\n")
_LONGEST_WORDS: Final = 14
"""A clause without a mark is judged after so many words: 4 to 5 s of speech."""
_CONTEXT_CHARS: Final = 160


@dataclass(frozen=True, slots=True)
class Released:
    """Audio up to ``until`` samples may be heard; ``None`` when all that comes may."""

    until: int | None


@dataclass(frozen=True, slots=True)
class Blocked:
    """Nothing after ``heard_until`` samples may be heard: ``verdict`` says why."""

    heard_until: int
    verdict: Verdict


class ClauseGate:
    """One response's gate. ``judge`` gets a clause with what was said just before it."""

    def __init__(self, judge: Callable[[str], Verdict], rate_hz: int) -> None:
        self._judge = judge
        self._rate_hz = rate_hz
        self._text = ""
        self._judged = 0  # characters
        self._marks: list[WordMark] = []
        self._received = 0  # samples
        self._until = 0
        self._blocked: Blocked | None = None
        self._is_done = False

    @property
    def until(self) -> int:
        return self._until

    @property
    def is_blocked(self) -> bool:
        return self._blocked is not None

    def text(self, delta: str, marks: Sequence[WordMark] = ()) -> Released | Blocked | None:
        """Words that will be heard; None when that changes nothing yet."""
        if self._blocked is not None:
            return None
        # Words whose audio is still to come begin no earlier than here.
        is_ahead = self._received
        self._text += delta
        self._marks += marks
        return self._settle(is_ahead)

    def audio(self, samples: int) -> Released | None:
        """So many samples came; they may go at once when every word told so far was judged."""
        self._received += samples
        if self._blocked is None and (self._is_done or not self._open_text.strip()):
            return self._release(self._received)
        return None

    def done(self) -> Released | Blocked | None:
        """The response is complete: what is left is its last clause."""
        if self._blocked is not None:
            return None
        self._is_done = True
        if self._open_text.strip():
            verdict = self._judge_to(len(self._text))
            if verdict.is_blocked:
                return self._block(verdict)
        return self._release(max(self._received, self._until))

    @property
    def _open_text(self) -> str:
        return self._text[self._judged :]

    def _settle(self, is_ahead: int) -> Released | Blocked | None:
        released: Released | Blocked | None = None
        while (end := self._clause_end()) is not None:
            verdict = self._judge_to(end)
            if verdict.is_blocked:
                return self._block(verdict)
            released = self._release(self._samples_at(end, is_ahead))
        return released

    def _clause_end(self) -> int | None:
        found = _ENDS.search(self._text, self._judged)
        # A mark at the very end may be the point in "240.50".
        if found is not None and found.end() < len(self._text):
            return found.end()
        words = list(re.finditer(r"\S+\s", self._text[self._judged :]))
        if len(words) >= _LONGEST_WORDS:
            return self._judged + words[_LONGEST_WORDS - 1].end()
        return None

    def _judge_to(self, end: int) -> Verdict:
        begin = max(0, self._judged - _CONTEXT_CHARS)
        verdict = self._judge(self._text[begin:end])
        self._judged = end
        return verdict

    def _samples_at(self, end: int, is_ahead: int) -> int:
        """Where the judged words end in the audio: by their marks, or by what was here before."""
        words = len(self._text[:end].split())
        if len(self._marks) >= words > 0:
            return self._marks[words - 1].end_ms * self._rate_hz // 1000
        return is_ahead

    def _release(self, until: int) -> Released | None:
        if until <= self._until:
            return None
        self._until = until
        return Released(until)

    def _block(self, verdict: Verdict) -> Blocked:
        self._blocked = Blocked(self._until, verdict)
        return self._blocked
