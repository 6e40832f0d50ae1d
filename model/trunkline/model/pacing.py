"""How fast a response may leave, so that cancelling and limits mean something. Pure.

Text leaves at 50 tokens a second at most; audio at most two seconds ahead of its playback, and
after that at twice real time. The transcript runs ahead of it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from trunkline.domain.audio import WordMark
from trunkline.model.tokens import text_tokens

TEXT_TOKENS_PER_S: Final = 50.0
AUDIO_LEAD_MS: Final = 2000.0
AUDIO_SPEED: Final = 2.0
TRANSCRIPT_LEAD_MS: Final = 4000.0
"""Words leave this long before the audio in which they begin, when they are known: whoever judges a
clause before it is heard needs all of its words."""


class AudioPacer:
    """Time is any monotonic clock in seconds; it starts with the first audio."""

    def __init__(self) -> None:
        self._began_s: float | None = None
        self.sent_ms = 0.0

    def wait_s(self, now_s: float, ms: float) -> float:
        """How long to wait before ``ms`` more may be sent."""
        if self._began_s is None:
            return 0.0
        over_ms = self.sent_ms + ms - AUDIO_LEAD_MS
        return max(self._began_s + over_ms / (1000.0 * AUDIO_SPEED) - now_s, 0.0)

    def sent(self, now_s: float, ms: float) -> None:
        if self._began_s is None:
            self._began_s = now_s
        self.sent_ms += ms

    def ahead_ms(self, now_s: float) -> float:
        """Audio that was sent and cannot have been played yet, if it plays from its arrival."""
        if self._began_s is None:
            return 0.0
        return max(self.sent_ms - (now_s - self._began_s) * 1000.0, 0.0)


class TextPacer:
    def __init__(self) -> None:
        self._free_s = 0.0

    def wait_s(self, now_s: float, delta: str) -> float:
        """How long to wait before this delta may be sent; it is then taken as sent."""
        begin = max(self._free_s, now_s)
        self._free_s = begin + text_tokens(delta) / TEXT_TOKENS_PER_S
        return begin - now_s


def text_pieces(text: str, most_chars: int = 12) -> Iterator[str]:
    """Cut at blanks into pieces of a few tokens; together they are the text again."""
    piece = ""
    for word in _with_blanks(text):
        if piece and len(piece) + len(word) > most_chars:
            yield piece
            piece = ""
        piece += word
    if piece:
        yield piece


def _with_blanks(text: str) -> Iterator[str]:
    begin = 0
    for place in range(1, len(text)):
        if text[place].isspace() and not text[place - 1].isspace():
            yield text[begin:place]
            begin = place
    if text:
        yield text[begin:]


@dataclass(frozen=True, slots=True)
class SpokenText:
    """Transcript that begins at ``start_ms`` of the item's audio."""

    start_ms: float
    text: str
    words: tuple[WordMark, ...] = ()


def spoken_pieces(text: str, words: Sequence[WordMark], at_ms: float) -> list[SpokenText]:
    """A part's transcript cut at its word marks, so that each piece leaves before its audio.

    When the marks do not read as the text (numbers written out, say), all of it goes first.
    ``at_ms``: where the part begins, for text without marks.
    """
    if not words:
        return [SpokenText(at_ms, text)] if text else []
    starts: list[int] = []
    place = 0
    for word in words:
        found = text.find(word.text, place)
        if found < 0:
            return [SpokenText(words[0].start_ms, text, tuple(words))] if text else []
        starts.append(found)
        place = found + len(word.text)
    starts[0] = 0
    # A blank belongs to the word behind it, as in the deltas of the original service.
    for index in range(1, len(starts)):
        while starts[index] > 0 and text[starts[index] - 1].isspace():
            starts[index] -= 1
    ends = [*starts[1:], len(text)]
    return [
        SpokenText(word.start_ms, text[begin:end], (word,))
        for word, begin, end in zip(words, starts, ends, strict=True)
    ]
