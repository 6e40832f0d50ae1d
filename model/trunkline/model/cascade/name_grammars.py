"""How people say and spell names and mail addresses, as automata between two states."""

from __future__ import annotations

from collections.abc import Iterator
from string import ascii_lowercase
from typing import Final

from trunkline.domain.spoken.numerals import DIGIT_WORDS, TENS_WORDS
from trunkline.domain.spoken.spelling import ALPHABET
from trunkline.model.cascade.automaton import Builder
from trunkline.model.cascade.common_names import GIVEN_NAMES, SURNAMES

_LETTERS: Final = tuple(ascii_lowercase)
_LETTER_WORDS: Final = tuple(word for word in ALPHABET if word.isalpha())
# What letters are commonly told apart by, beside the radio's alphabet.
_SPELLING_WORDS: Final = (
    *_LETTER_WORDS, "apple", "boy", "baker", "charlie", "cat", "dog", "david", "edward", "easy",
    "frank", "fox", "george", "green", "henry", "house", "ida", "ice", "john", "jack", "king",
    "larry", "lion", "mary", "mother", "nancy", "nora", "ocean", "orange", "peter", "paul", "queen",
    "robert", "roger", "sam", "sugar", "tom", "thomas", "union", "uncle", "victory", "william",
    "yellow", "young", "zebra",
)  # fmt: skip
_PAIRINGS: Final = 2
_SPELLING_LEADS: Final = ("that's", "spelled", "it's spelled", "that's spelled", "and that's")
# Where most private addresses are; any other host can be spelled.
_MAIL_HOSTS: Final = (
    "gmail", "g mail", "outlook", "hotmail", "hot mail", "yahoo", "icloud", "i cloud", "example",
    "aol", "live", "me", "mail", "comcast", "verizon",
)  # fmt: skip
_TOP_LEVELS: Final = ("com", "net", "org", "co dot u k", "e d u", "i o")
_MAILBOXES: Final = (
    "info",
    "office",
    "contact",
    "mail",
    "home",
    "family",
    "sales",
    "hello",
    "team",
)
_MARKS: Final = ("dot", "underscore", "dash", "hyphen")


def add_name(builder: Builder, start: int, end: int) -> None:
    """ "sarah mitchell", "sarah mitchell m i t c h e l l", "mitchell", "s a r a h"."""
    given, family, said = builder.state(), builder.state(), builder.state()
    builder.words(start, given, GIVEN_NAMES, 0.85)
    builder.skip(given, said, 0.15)
    builder.words(given, family, SURNAMES, 0.8)
    middle = builder.state()
    builder.words(given, middle, (*_LETTERS, *GIVEN_NAMES), 0.05)
    builder.words(middle, family, SURNAMES)
    builder.words(start, family, SURNAMES, 0.05)
    builder.skip(family, said)
    builder.skip(said, end, 0.6)
    spelling = builder.state()
    builder.skip(said, spelling, 0.2)
    for lead in _SPELLING_LEADS:
        builder.phrase(said, spelling, lead, 0.2 / len(_SPELLING_LEADS))
    # Letters sound alike: that they spell a name tells them apart. Spelled after it was said, or
    # alone; one tree of letters serves all.
    letters, surname = builder.state(), builder.state()
    builder.skip(spelling, surname, 0.6)
    builder.skip(spelling, letters, 0.4)
    builder.skip(start, letters, 0.1)
    builder.skip(letters, surname, 0.25)
    between = builder.state()
    _add_spellings(builder, letters, between, GIVEN_NAMES, 0.35)
    builder.skip(between, end, 0.3)
    builder.skip(between, surname, 0.7)
    _add_spellings(builder, surname, end, SURNAMES, 1.0)
    _add_letters(builder, letters, end, weight=0.4)


def name_sentences() -> Iterator[str]:
    """Every name at least once, for n-grams: samples of so wide a grammar leave most out."""
    for turn in range(_PAIRINGS):
        for number, family in enumerate(SURNAMES):
            yield f"{GIVEN_NAMES[(number * 7 + turn * 131) % len(GIVEN_NAMES)]} {family}"


def _add_spellings(
    builder: Builder, start: int, end: int, names: tuple[str, ...], weight: float
) -> None:
    """Each name letter by letter, as a tree: names share what they begin with."""
    nodes: dict[str, int] = {"": start}
    counts: dict[str, int] = {}
    for name in dict.fromkeys(names):
        for length in range(1, len(name) + 1):
            counts[name[:length]] = counts.get(name[:length], 0) + 1
    known = set(names)
    for prefix, count in counts.items():
        nodes[prefix] = builder.state()
        before = prefix[:-1]
        share = count / counts[before] if before else weight * count / len(names)
        builder.word(nodes[before], nodes[prefix], prefix[-1], share)
        if prefix in known:
            builder.skip(nodes[prefix], end, 1 / count)


def add_letter(builder: Builder, start: int, end: int, weight: float) -> None:
    """By its name, by the spelling alphabet, or "b for bravo", "b as in boy"."""
    builder.words(start, end, _LETTER_WORDS, weight * 0.2)
    for letter in ascii_lowercase:
        named = builder.state()
        builder.word(start, named, letter, weight * 0.8 / 26)
        builder.skip(named, end, 0.88)
        told = builder.state()
        builder.word(named, told, "for", 0.1)
        builder.phrase(named, told, "as in", 0.02)
        alike = [word for word in _SPELLING_WORDS if word.startswith(letter)]
        builder.words(told, end, alike)


def _add_letters(builder: Builder, start: int, end: int, *, weight: float) -> None:
    """Two letters and more; double ones too."""
    once, again = builder.state(), builder.state()
    add_letter(builder, start, once, weight)
    add_letter(builder, once, again, 0.95)
    doubled = builder.state()
    builder.word(once, doubled, "double", 0.05)
    builder.words(doubled, again, _LETTERS)
    builder.skip(again, once, 0.75)
    builder.skip(again, end, 0.25)


def add_email(builder: Builder, start: int, end: int) -> None:
    """Names, letters and digits with dots between, "at", and a host that is known or spelled."""
    first, second, named = builder.state(), builder.state(), builder.state()
    _add_part(builder, start, first)
    _add_spellings(builder, start, first, (*GIVEN_NAMES, *SURNAMES), 0.1)
    builder.words(first, second, _MARKS[:1], 0.3)
    builder.words(first, second, _MARKS[1:], 0.12)
    builder.skip(first, second, 0.18)
    builder.skip(first, named, 0.25)
    _add_number(builder, first, named, 0.15)
    _add_part(builder, second, named)
    last = builder.state()
    builder.skip(named, last, 0.75)
    _add_number(builder, named, last, 0.25)
    host = builder.state()
    builder.word(last, host, "at")
    dot, top = builder.state(), builder.state()
    for known in _MAIL_HOSTS:
        builder.phrase(host, dot, known, 0.85 / len(_MAIL_HOSTS))
    _add_letters(builder, host, dot, weight=0.1)
    builder.words(host, dot, SURNAMES, 0.05)
    builder.word(dot, top, "dot")
    for ending in _TOP_LEVELS:
        builder.phrase(top, end, ending, 0.8 if ending == "com" else 0.2 / len(_TOP_LEVELS))


def _add_part(builder: Builder, start: int, end: int) -> None:
    builder.words(start, end, GIVEN_NAMES, 0.33)
    builder.words(start, end, SURNAMES, 0.33)
    builder.words(start, end, _LETTERS, 0.1)
    builder.words(start, end, _MAILBOXES, 0.04)
    _add_letters(builder, start, end, weight=0.15)


def _add_number(builder: Builder, start: int, end: int, weight: float) -> None:
    """One to four digits, or a number of two."""
    at = start
    for position in range(4):
        following = builder.state()
        first = weight * 0.7 if position == 0 else 1.0
        builder.words(at, following, (*DIGIT_WORDS, "oh"), first)
        builder.skip(following, end, 0.4)
        at = following
    builder.skip(at, end)
    tens = builder.state()
    builder.words(start, tens, TENS_WORDS, weight * 0.3)
    builder.words(tens, end, DIGIT_WORDS[1:], 0.8)
    builder.skip(tens, end, 0.2)
