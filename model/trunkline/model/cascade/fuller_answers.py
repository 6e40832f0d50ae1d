"""A yes or no with more words: "yeah, call me on this one", "no, the other number please"."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from trunkline.model.cascade.automaton import START, Builder
from trunkline.model.cascade.carriers import MORE, PLAIN_ANSWERS

_SHARE: Final = 0.03  # of what is said to a question that wants a yes or no
_ENDS: Final = 0.25
_LONGEST_ECHO: Final = 6
# Who answers says the question's words as seen from the other end of the line.
_OTHER_END: Final[Mapping[str, str]] = {
    "you": "i", "your": "my", "i": "you", "my": "your", "me": "you", "we": "you", "us": "you",
    "our": "your", "are": "am",
}  # fmt: skip


def add_fuller_answers(builder: Builder, end: int, echoes: Sequence[str]) -> None:
    """A plain yes or no, then any few words: which they are the n-gram search has to find out."""
    words = tuple(dict.fromkeys((*MORE, *(word for echo in echoes for word in echo.split()))))
    more = builder.state()
    builder.words(START, more, PLAIN_ANSWERS, _SHARE)
    builder.words(more, more, words, 1 - _ENDS)
    builder.words(more, end, words, _ENDS)


def echoes_of(question: str) -> tuple[str, ...]:
    """Stretches of a question, its words in lower case, as the one who answers says them."""
    words = [_OTHER_END.get(word, word) for word in question.split()]
    found: dict[str, None] = {}
    for start in range(len(words)):
        for length in range(2, min(_LONGEST_ECHO, len(words) - start) + 1):
            found[" ".join(words[start : start + length])] = None
    return tuple(found)
