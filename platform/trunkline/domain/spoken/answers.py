"""Yes and no, in the many ways people say them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
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
    "i will", "we will", "i can", "i have", "i did", "we do", "we are", "that would be great",
    "that would be good", "that would be nice", "that would be fine", "that would be lovely",
    "that would be helpful", "i'd like that", "i would like that", "i'd love to",
    "i'd appreciate that", "i would appreciate that", "go for it", "if you could", "if you can",
    "by all means", "for sure", "fine by me", "fine with me", "works for me", "sounds great",
    "i guess so", "i suppose so", "it's fine", "no problem", "not a problem",
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
    "i cannot", "i haven't", "i have not", "i didn't", "we don't", "better not", "rather not",
    "no need", "not necessary", "that's not necessary", "that won't be necessary", "don't bother",
    "leave it", "forget it", "not today", "not right now", "not at the moment", "not this time",
    "i'd prefer not", "unfortunately not", "i'm afraid not", "i wouldn't", "i would not",
    "maybe later", "another time", "i don't want that", "i don't want to", "i guess not",
)  # fmt: skip
_TOLERATED: Final = frozenset({
    "um", "uh", "er", "erm", "ah", "oh", "hmm", "well", "so", "please", "thanks", "thank", "you",
    "just", "sir", "madam", "and", "then", "now", "very", "much", "actually", "really", "it",
    "that", "is", "that's", "it's", "i", "think", "quite", "all",
})  # fmt: skip


# Said first or last they answer by themselves, whatever else is said with them.
_PLAIN: Final[Mapping[str, bool]] = {
    **dict.fromkeys(("yes", "yeah", "yep", "yup", "absolutely", "definitely", "certainly"), True),
    **dict.fromkeys(("no", "nope", "nah"), False),
}
_PLAIN_PAIRS: Final[Mapping[tuple[str, str], bool]] = {
    ("of", "course"): True, ("sure", "thing"): True, ("go", "ahead"): True,
    ("not", "really"): False, ("no", "problem"): True,
}  # fmt: skip
_LONGEST_REST: Final = 7


def _phrases() -> dict[tuple[str, ...], bool]:
    table = {tuple(phrase.split()): True for phrase in _YES}
    table.update({tuple(phrase.split()): False for phrase in _NO})
    return table


_PHRASES: Final = _phrases()
_LONGEST: Final = max(map(len, _PHRASES))
YES_PHRASES: Final = _YES
NO_PHRASES: Final = _NO


_HESITATIONS: Final = frozenset({"um", "uh", "er", "erm", "ah", "oh", "hmm", "well", "so"})


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


def answer_within(text: str) -> bool | None:
    """The yes or no that begins or ends a short answer: "yes, call me on this one". Like
    ``parse_yes_no`` where nothing else was said; None where it contradicts itself."""
    whole = parse_yes_no(text)
    if whole is not None:
        return whole
    words = tuple(word for word in spoken_words(text) if word not in _HESITATIONS)
    if not words or len(words) > _LONGEST_REST + 2:
        return None
    said = {each for each in (_plain(words), _plain_end(words)) if each is not None}
    return said.pop() if len(said) == 1 else None


def _plain(words: Sequence[str]) -> bool | None:
    pair = _PLAIN_PAIRS.get((words[0], words[1])) if len(words) > 1 else None
    return _PLAIN.get(words[0]) if pair is None else pair


def _plain_end(words: Sequence[str]) -> bool | None:
    last = words[-2] if words[-1] in ("please", "thanks") and len(words) > 1 else words[-1]
    return _PLAIN.get(last)


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
