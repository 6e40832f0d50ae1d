"""What people spell: codes of letters and digits, and e-mail addresses, both ways."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Sequence
from typing import Final

from trunkline.domain.spoken.digits import parse_digits
from trunkline.domain.spoken.numerals import DIGIT_WORDS, TENS
from trunkline.domain.spoken.words import spoken_words

ALPHABET: Final = (
    "alpha", "bravo", "charlie", "delta", "echo", "foxtrot", "golf", "hotel", "india", "juliet",
    "kilo", "lima", "mike", "november", "oscar", "papa", "quebec", "romeo", "sierra", "tango",
    "uniform", "victor", "whiskey", "x-ray", "yankee", "zulu",
)  # fmt: skip
"""The spelling alphabet of radio and telephone (ICAO Annex 10)."""

# How recognisers write the names of letters.
_LETTER_NAMES: Final = {
    "ay": "a", "bee": "b", "be": "b", "cee": "c", "see": "c", "sea": "c", "dee": "d", "eff": "f",
    "gee": "g", "aitch": "h", "eye": "i", "jay": "j", "kay": "k", "ell": "l", "em": "m", "en": "n",
    "owe": "o", "pee": "p", "pea": "p", "cue": "q", "queue": "q", "are": "r", "ar": "r", "ess": "s",
    "tee": "t", "tea": "t", "you": "u", "vee": "v", "ex": "x", "why": "y", "wye": "y", "zee": "z",
    "zed": "z", "alfa": "a", "juliett": "j", "whisky": "w", "xray": "x",
}  # fmt: skip
_CODE_WORDS: Final = {word: word[0] for word in ALPHABET} | _LETTER_NAMES
_REPEATS: Final = {"double": 2, "triple": 3, "treble": 3}
_SEPARATORS: Final = frozenset({"dash", "hyphen", "space", "comma", "then", "and"})
_MARKS: Final = {
    "at": "@", "dot": ".", "point": ".", "period": ".", "dash": "-", "hyphen": "-", "minus": "-",
    "underscore": "_", "plus": "+",
}  # fmt: skip
_SAID_MARKS: Final = {
    "@": "at", ".": "dot", "-": "dash", "_": "underscore", "+": "plus", "%": "percent",
}  # fmt: skip
_AROUND: Final = frozenset({
    "it's", "its", "it", "is", "that's", "that", "my", "the", "um", "uh", "er", "yes", "yeah",
    "okay", "ok", "sure", "well", "so", "sorry", "please", "thanks", "mail", "email", "address",
    "code", "reference", "number", "would", "say",
})  # fmt: skip
_WRITTEN_MAIL: Final = re.compile(r"[\w.%+-]+@[\w-]+(?:\.[\w-]+)+", re.ASCII)
_MAIL: Final = re.compile(r"[a-z0-9._%+-]{1,64}@[a-z0-9-]+(\.[a-z0-9-]+)*\.[a-z]{2,24}", re.ASCII)
_WRITTEN_CODE: Final = re.compile(r"(?=[A-Za-z0-9 -]*[0-9])[A-Za-z0-9]+(?:[ -][A-Za-z0-9]+){0,3}")


def parse_email(text: str, slot_words: Collection[str] = ()) -> str | None:
    """The address that ``text`` says ("anna dot lee at example dot com"), in lower case, or None.

    Spelled letters run together, whole words stay whole: "a double n a at g mail dot com".
    """
    written = _WRITTEN_MAIL.search(text)
    if written is not None:
        found = written[0].lower().rstrip(".")
        return found if _MAIL.fullmatch(found) else None
    words = _trimmed(spoken_words(text.replace("e-mail", "email")), slot_words)
    if "at" not in words:
        return None
    split = len(words) - 1 - words[::-1].index("at")  # names hold "at" seldom, hosts never
    spelled = [_spell(words[:split], _MARKS), _spell(words[split + 1 :], _MARKS)]
    if None in spelled:
        return None
    found = "@".join(part for part in spelled if part is not None)
    return found if _MAIL.fullmatch(found) else None


def parse_code(text: str, slot_words: Collection[str] = ()) -> str | None:
    """Letters and digits read out one by one, in capitals; None when a word is left over.

    "s for sugar", "s as in sugar", "sierra" and "double s" are understood.
    """
    core = text.strip().rstrip(".?!")
    words = _trimmed(spoken_words(text), slot_words)
    if _WRITTEN_CODE.fullmatch(core) and len(core.split()) <= 2:
        return re.sub(r"[ -]", "", core).upper()
    letters = _spell([word for word in words if word not in _SEPARATORS], {}, whole_words=False)
    return letters.upper() if letters else None


def say_code(code: Iterable[str]) -> str:
    """ "SW1A 1AA" as "S W one, A one A A": two to four characters at a time."""
    characters = [character for character in code if character.isalnum()]
    said = [
        DIGIT_WORDS[int(character)] if character in "0123456789" else character.upper()
        for character in characters
    ]
    size = 4 if len(said) % 3 == 1 or len(said) == 8 else 3
    groups = [" ".join(said[at : at + size]) for at in range(0, len(said), size)]
    return ", ".join(groups)


def say_email(address: str) -> str:
    """ "anna.lee@example.com" as "anna dot lee at example dot com"."""
    said = "".join(f" {_SAID_MARKS[mark]} " if mark in _SAID_MARKS else mark for mark in address)
    return " ".join(said.split())


def _trimmed(words: Sequence[str], slot_words: Collection[str]) -> list[str]:
    """Without what people say before and after the thing itself."""
    rest = list(words)
    while rest and (rest[0] in _AROUND or rest[0] in slot_words):
        rest.pop(0)
    while rest and rest[-1] in ("please", "thanks", "thank", "you"):
        rest.pop()
    return rest


def _spell(words: Sequence[str], marks: dict[str, str], *, whole_words: bool = True) -> str | None:
    """What the words put together spell, or None when one of them spells nothing."""
    found, position = "", 0
    while position < len(words):
        word = words[position]
        following = words[position + 1] if position + 1 < len(words) else ""
        if word in marks:
            found, used = found + marks[word], 1
        elif word in _REPEATS and (one := _character(following)):
            found, used = found + one * _REPEATS[word], 2
        elif len(word) == 1 and word.isalpha():
            found, used = found + word, _spelled_words(words, position)
        elif (number := parse_digits(" ".join(words[position : position + 2]))) and word in TENS:
            found, used = found + number, 2
        elif number := parse_digits(word):
            found, used = found + number, 1
        elif not whole_words and word in _CODE_WORDS:
            found, used = found + _CODE_WORDS[word], 1
        elif whole_words and word.isalpha():
            found, used = found + word, 1
        else:
            return None
        position += used
    return found


def _spelled_words(words: Sequence[str], position: int) -> int:
    """How many words a letter takes: "b", "b for bravo", "b as in bravo"."""
    letter, rest = words[position], list(words[position + 1 : position + 4])
    for lead in (["as", "in"], ["for"], ["like"]):
        at = len(lead)
        if rest[:at] == lead and len(rest) > at and rest[at].startswith(letter):
            return at + 2
    return 1


def _character(word: str) -> str:
    if len(word) == 1 and word.isalpha():
        return word
    return parse_digits(word, max_length=1) or _LETTER_NAMES.get(word, "")
