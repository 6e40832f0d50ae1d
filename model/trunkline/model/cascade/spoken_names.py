"""A person's name as it was said, with what was spelled of it: "sara mitchell, s a r a"."""

from __future__ import annotations

from collections.abc import Sequence
from difflib import SequenceMatcher
from typing import Final

from trunkline.domain.spoken.spelling import ALPHABET
from trunkline.domain.spoken.words import spoken_words
from trunkline.model.cascade.common_names import GIVEN_NAMES, SURNAMES

_LEAD_INS: Final = (
    ("my", "name", "is"), ("the", "name", "is"), ("my", "name's"), ("the", "name's"),
    ("my", "full", "name", "is"), ("it's",), ("it", "is"), ("this", "is"), ("i'm",), ("i", "am"),
    ("that's",), ("you", "can", "call", "me"), ("of", "course"), ("first", "name"), ("um",),
    ("uh",),
    ("yes",), ("yeah",), ("sure",), ("okay",), ("hi",), ("hello",), ("no",), ("sorry",),
    ("i", "said"), ("i", "meant"),
)  # fmt: skip
_ENDS: Final = (("please",), ("thanks",), ("thank", "you"))
_JOINERS: Final = frozenset({"that's", "spelled", "spelt", "it's", "and", "with"})
_MOST_WORDS: Final = 5
_LEAST_ALIKE: Final = 0.4
_SOUNDS: Final = {word: word[0] for word in ALPHABET}


def parse_name(text: str) -> str | None:
    """The name in capitals, or None: what was spelled replaces the part that it is most like."""
    heard = _without_ends(list(spoken_words(text)))
    words, runs = _spelled(heard)
    for run in runs:
        if len(run) < 2:
            return None
        _put(words, run)
    if not words or len(words) > _MOST_WORDS or any(word.isdigit() for word in words):
        return None
    return " ".join(word.capitalize() for word in words)


def _without_ends(words: list[str]) -> list[str]:
    is_trimmed = True
    while is_trimmed:
        is_trimmed = False
        for lead in _LEAD_INS:
            if tuple(words[: len(lead)]) == lead and len(words) > len(lead):
                words, is_trimmed = words[len(lead) :], True
        for end in _ENDS:
            if tuple(words[-len(end) :]) == end and len(words) > len(end):
                words, is_trimmed = words[: -len(end)], True
    return words


def _spelled(heard: Sequence[str]) -> tuple[list[str], list[str]]:
    """Words that were said, and what was spelled; a lone letter is an initial."""
    words: list[str] = []
    runs: list[str] = []
    run, position = "", 0
    while position < len(heard):
        letters, used = _letters(heard, position, is_in_run=bool(run))
        if letters:
            run += letters
        else:
            _close(run, words, runs)
            run = ""
            if heard[position] not in _JOINERS or not words:
                words.append(heard[position])
        position += used
    _close(run, words, runs)
    return words, runs


def _close(run: str, words: list[str], runs: list[str]) -> None:
    if len(run) == 1:
        words.append(run)
    elif run:
        runs.append(run)


def _letters(heard: Sequence[str], at: int, *, is_in_run: bool) -> tuple[str, int]:
    """The letters that are spelled here and how many words they take: "j for john" is three."""
    word, rest = heard[at], heard[at + 1 : at + 4]
    if word == "double" and rest and len(rest[0]) == 1 and rest[0].isalpha():
        return rest[0] * 2, 2
    if len(word) == 1 and word.isalpha():
        if len(rest) > 1 and rest[0] in ("for", "like") and rest[1].startswith(word):
            return word, 3
        if len(rest) > 2 and tuple(rest[:2]) == ("as", "in") and rest[2].startswith(word):
            return word, 4
        return word, 1
    # "mike" and "victor" are names too: in a row of letters they are letters.
    following = heard[at + 1] if at + 1 < len(heard) else ""
    is_sound = following in _SOUNDS and following not in GIVEN_NAMES
    if word in _SOUNDS and (is_in_run or is_sound):
        return _SOUNDS[word], 1
    return "", 1


def _put(words: list[str], run: str) -> None:
    """Spelled letters, in place of the word that they spell, or beside those there are."""
    alike = [(SequenceMatcher(None, word, run).ratio(), at) for at, word in enumerate(words)]
    ratio, at = max(alike, default=(0.0, -1))
    if ratio >= _LEAST_ALIKE:
        words[at] = run
        return
    for split in range(len(run) - 2, 1, -1):
        if run[:split] in GIVEN_NAMES and run[split:] in SURNAMES and not words:
            words += [run[:split], run[split:]]
            return
    words.append(run)
