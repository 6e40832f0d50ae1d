"""Yes and no, in the many ways people say them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from trunkline.domain.spoken.words import spoken_words

_YES: Final = (
    "yes", "yeah", "yep", "yup", "yes please", "sure", "sure thing", "correct", "that's correct",
    "that is correct", "that's right", "that is right", "right", "you're right", "okay", "ok",
    "alright", "all right", "go ahead", "please do", "do it", "absolutely", "exactly", "definitely",
    "certainly", "of course", "indeed", "affirmative", "i do", "i am", "i would", "it is",
    "it does", "they are", "sounds good", "sounds right", "looks good", "that's fine",
    "that is fine", "fine",
    "that's it", "that's the one", "that works", "uh huh", "mm hmm", "mhm", "perfect", "great",
    "good", "that's good", "true", "you got it", "i think so", "why not", "spot on", "i confirm",
    "confirm", "confirmed", "speaking", "this is she", "this is he", "that's me", "it's me",
    "i will", "we will", "i can", "i have", "i did", "we do", "we are",
)  # fmt: skip
_NO: Final = (
    "no", "nope", "nah", "no way", "not really", "not at all", "that's wrong", "that is wrong",
    "wrong", "incorrect", "that's incorrect", "that is incorrect", "that's not right",
    "that is not right", "that isn't right", "that's not correct", "that is not correct",
    "that's not it", "not right", "not correct", "not quite", "it is not", "it isn't", "it's not",
    "i don't", "i do not", "i'm not", "i am not", "i don't think so", "i do not think so",
    "negative", "never", "not now", "not yet", "don't", "do not", "please don't", "don't do it",
    "don't do that", "no thanks", "no thank you", "absolutely not", "definitely not",
    "certainly not", "of course not", "i'd rather not", "i would rather not", "false", "it doesn't",
    "that's not what i said", "that is not what i said", "i will not", "i won't", "i can't",
    "i cannot", "i haven't", "i have not", "i didn't", "we don't",
)  # fmt: skip
_TOLERATED: Final = frozenset({
    "um", "uh", "er", "erm", "ah", "oh", "hmm", "well", "so", "please", "thanks", "thank", "you",
    "just", "sir", "madam", "and", "then", "now", "very", "much", "actually", "really", "it",
    "that", "is", "that's", "it's", "i", "think", "quite", "all",
})  # fmt: skip


def _phrases() -> dict[tuple[str, ...], bool]:
    table = {tuple(phrase.split()): True for phrase in _YES}
    table.update({tuple(phrase.split()): False for phrase in _NO})
    return table


_PHRASES: Final = _phrases()
_LONGEST: Final = max(map(len, _PHRASES))
YES_PHRASES: Final = _YES
NO_PHRASES: Final = _NO


def parse_yes_no(text: str) -> bool | None:
    """True, False, or None when anything else was said, or both were."""
    answers: set[bool] = set()
    words = spoken_words(text)
    position = 0
    while position < len(words):
        answer, used = _phrase_at(words, position)
        if answer is not None:
            answers.add(answer)
            position += used
        elif words[position] in _TOLERATED:
            position += 1
        else:
            return None
    return answers.pop() if len(answers) == 1 else None


def leading_answer(text: str) -> tuple[bool | None, str]:
    """A yes or no at the start, and the rest: "no it's four one" → (False, "it's four one")."""
    words = spoken_words(text)
    position = 0
    answer: bool | None = None
    while position < len(words):
        found, used = _phrase_at(words, position)
        if found is not None and answer in (None, found):
            answer = found
            position += used
        elif answer is None and words[position] in ("um", "uh", "oh", "well", "er", "ah"):
            position += 1
        else:
            break
    if answer is None:
        return None, " ".join(words)
    return answer, " ".join(words[position:])


def _phrase_at(words: Sequence[str], position: int) -> tuple[bool | None, int]:
    for length in range(min(_LONGEST, len(words) - position), 0, -1):
        answer = _PHRASES.get(tuple(words[position : position + length]))
        if answer is not None:
            return answer, length
    return None, 0
