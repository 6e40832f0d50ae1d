"""Agent speech is let out clause by clause: judged as text before any of its audio is. Pure.

Nothing is taken for granted about the order in which text and audio come. Where every word has its
time, audio is let out to the end of the last word that was judged. Where times are missing or
estimated, it is let out as far as the judged text must reach even if it is spoken faster than
people speak; the rest follows when the text is known to be whole. Positions are samples of the
item's audio.
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
FASTEST_CHARS_PER_S: Final = 30.0
"""At normal speed; people speak about 15, an auctioneer 25."""


@dataclass(frozen=True, slots=True)
class Released:
    """Audio up to ``until`` samples may be heard."""

    until: int


@dataclass(frozen=True, slots=True)
class Blocked:
    """Nothing after ``heard_until`` samples may be heard, come or still to come; ``fine_text`` may.

    ``text``: the clause. ``verdict`` is None when nobody can tell what is said.
    """

    heard_until: int
    fine_text: str
    text: str = ""
    verdict: Verdict | None = None


@dataclass(frozen=True, slots=True)
class _Delta:
    """``words``: where each ends, like ``end`` in characters of the whole text."""

    end: int
    words: tuple[int, ...]
    marks: tuple[WordMark, ...]


class ClauseGate:
    """One item's gate. ``judge`` gets what was said just before, and the clause.

    ``speed``: how much faster than normal the voice was told to speak.
    """

    def __init__(
        self, judge: Callable[[str, str], Verdict], rate_hz: int, *, speed: float = 1.0
    ) -> None:
        self._judge = judge
        self._rate_hz = rate_hz
        self._fastest = FASTEST_CHARS_PER_S * max(speed, 1.0)
        self._text = ""
        self._judged = 0  # characters
        self._deltas: list[_Delta] = []
        self._received = 0  # samples
        self._until = 0
        self._is_blocked = False
        self._limit = 0  # once something is blocked: where the fine words before it end
        self._is_whole = False
        self._is_timed = True
        self._last_ms = 0

    @property
    def until(self) -> int:
        return self._until

    def ms_of(self, samples: int) -> int:
        return samples * 1000 // self._rate_hz

    @property
    def is_blocked(self) -> bool:
        return self._is_blocked

    def text(self, delta: str, marks: Sequence[WordMark] = ()) -> Released | Blocked | None:
        """Words that are in the audio somewhere; None when that changes nothing yet."""
        if self._is_blocked or not delta:
            return None
        begin = len(self._text)
        self._text += delta
        words = tuple(begin + word.end() for word in re.finditer(r"\S+", delta))
        self._deltas.append(_Delta(len(self._text), words, tuple(marks)))
        self._is_timed = self._is_timed and self._is_in_time(marks, has_words=bool(words))
        self._is_whole = False
        while (end := self._clause_end()) is not None:
            if blocked := self._judge_to(end):
                return blocked
        return self._release()

    def audio(self, samples: int) -> Released | None:
        """So many samples came."""
        self._received += samples
        return self._release()

    def told(self) -> Released | Blocked | None:
        """No more text will come: what is left is its last clause."""
        if self._is_blocked:
            return None
        if self._text[self._judged :].strip() and (blocked := self._judge_to(len(self._text))):
            return blocked
        return self._release()

    def whole(self) -> Released | Blocked | None:
        """The item is complete: its text tells all that its audio says, and the rest may go.

        An item that broke off is never said to be whole: there may be words nobody told.
        """
        change = self.told()
        if self._is_blocked:
            return change
        if not self._text.strip() and self._received:
            return self.give_up()
        self._is_whole = True
        return self._release()

    def give_up(self) -> Blocked:
        """What is held is never let out: its words have not come."""
        self._is_blocked = True
        self._limit = self._until
        return Blocked(self._until, self._text[: self._judged])

    # ---- clauses -------------------------------------------------------------------------------

    def _clause_end(self) -> int | None:
        text = self._text
        found = _ENDS.search(text, self._judged)
        # A comma at the very end, behind a figure, may be the one in "1,000". A point ends a clause
        # all the same, for nobody may be made to wait for it; what follows is judged with it.
        if found is not None and not (
            found.end() == len(text) and found.group() == "," and text[found.start() - 1].isdigit()
        ):
            return found.end()
        words = list(re.finditer(r"\S+\s", text[self._judged :]))
        if len(words) >= _LONGEST_WORDS:
            return self._judged + words[_LONGEST_WORDS - 1].end()
        return None

    def _judge_to(self, end: int) -> Blocked | None:
        before = self._text[max(0, self._judged - _CONTEXT_CHARS) : self._judged]
        clause = self._text[self._judged : end]
        verdict = self._judge(before, clause)
        if verdict.may_be_said:
            self._judged = end
            return None
        self._release()
        # What is fine is said to its end, where that is known; nobody is cut off within a word.
        self._limit = max(self._until, self._reach() if self._is_timed else 0)
        self._is_blocked = True
        return Blocked(self._limit, self._text[: self._judged].rstrip(), clause.strip(), verdict)

    # ---- audio ---------------------------------------------------------------------------------

    def _release(self) -> Released | None:
        reach = self._limit if self._is_blocked else self._reach()
        until = min(reach, self._received)
        if until <= self._until:
            return None
        self._until = until
        return Released(until)

    def _reach(self) -> int:
        """How far the audio holds nothing but judged words."""
        if self._is_whole:
            return self._received
        if self._is_timed:
            return self._timed_reach() * self._rate_hz // 1000
        chars = len(self._text[: self._judged].rstrip())
        return int(chars / self._fastest * self._rate_hz)

    def _timed_reach(self) -> int:
        """In milliseconds: to the end of the last judged word, and no further than the next."""
        reach = 0
        for delta in self._deltas:
            # Words may be timed as they are spoken ("one hundred" for 100): then all or none.
            pairs = len(delta.words) == len(delta.marks)
            for place, mark in enumerate(delta.marks):
                last = delta.words[place] if pairs else delta.end
                if last <= self._judged or (not pairs and self._is_judged(delta)):
                    reach = max(reach, mark.end_ms)
                else:
                    return min(reach, mark.start_ms)
        return reach

    def _is_in_time(self, marks: Sequence[WordMark], *, has_words: bool) -> bool:
        """Times that are missing, estimated or run backwards are none."""
        for mark in marks:
            if mark.is_estimated or not self._last_ms <= mark.start_ms <= mark.end_ms:
                return False
            self._last_ms = mark.start_ms
        return bool(marks) or not has_words

    def _is_judged(self, delta: _Delta) -> bool:
        return not self._text[self._judged : delta.end].strip()
