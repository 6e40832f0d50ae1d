"""What people say round a value, by kind of slot: "could we do | half past three | if possible".

A value that is asked for as a wish (a time, a day, an amount) is answered like a wish, one that is
a fact (a number, a name, a birthday) like a fact. The grammars are built of these and the parsers
take them off, so that what is heard is understood.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from typing import Final

from trunkline.domain.spoken.words import spoken_words
from trunkline.model.cascade.carriers import CORRECTIONS, POLITE_ENDS, VALUE_LEAD_INS

BARE: Final = 0.6
"""Of the values are said without anything before them."""
# With something after them. A fact hardly ever is: more, and "five" at its end is "i think".
_TAILED_WISHES: Final = 0.12
_TAILED_FACTS: Final = 0.005

_WISH_LEADS: Final = (
    "i'd like", "i would like", "i want", "i'd prefer", "i would prefer", "i need", "could i have",
    "can i have", "could i get", "can i get", "could we do", "can we do", "could we make it",
    "can we say", "could you do", "how about", "what about", "let's say", "let's do",
    "let's make it", "let's go with", "let's try", "maybe", "perhaps", "i'll take", "i'll have",
    "i'll go with", "make it", "i think", "i'd say", "i guess", "probably", "then", "just",
    "the best would be", "i can do", "would be",
)  # fmt: skip
_FACT_LEADS: Final = (
    "that would be", "it would be", "this is", "i have", "i've got", "i believe it's",
    "sure that's", "okay that's", "yes that's", "yeah it's", "yes this is", "here it is",
    "here you go",
)  # fmt: skip
DENIALS: Final = (
    "no that's wrong it's", "no that's not right it's", "no that's not it it's", "no wrong it's",
    "no i meant", "no i said it's", "no sorry it's", "no not quite it's",
    "no it should be", "no that should be", "no that's incorrect it's", "nope it's", "no no it's",
)  # fmt: skip
"""Between a value that was read back wrongly and the right one."""
_TIME_LEADS: Final = (
    "at", "around", "about", "for", "the", "at about", "at around", "some time around",
    "i can come at", "i could come at", "i can be there at", "i'd like to come at", "i'd like the",
    "i'll take the", "could i have the", "can i have the", "could i come at", "can i come at",
    "let's take the", "give me the", "the one at", "book the", "please book", "i prefer",
)  # fmt: skip
_DAY_LEADS: Final = (
    "for", "the", "i can come", "i could come", "i can come on", "i could come on",
    "could i come on", "can i come on", "could i come", "can i come", "i'd like to come",
    "i'd like to come on", "i'm free", "i'm free on", "i'm available on", "would", "is",
    "do you have anything on", "do you have anything", "have you got anything", "anything on",
    "what about on", "move it to", "could you move it to", "can we move it to", "i was thinking of",
    "i was hoping for",
)  # fmt: skip
_BORN_LEADS: Final = (
    "i was born", "i was born on", "i was born in", "i was born on the", "born", "born on",
    "my birthday is", "my birth date is", "my date of birth is", "the date is", "date of birth",
    "the", "it was", "that was", "i'm born",
)  # fmt: skip
_PAY_LEADS: Final = (
    "i'd like to pay", "i want to pay", "i would like to pay", "can i pay", "could i pay",
    "i can pay", "i'll pay", "i could pay", "pay", "let me pay", "i wanted to pay",
    "i'm going to pay", "i need to pay", "i'd like to make it", "i can do", "all of it",
    "the whole", "the full", "it was", "i paid", "a payment of", "put down", "say", "exactly",
    "about", "about a",
)  # fmt: skip
_NAME_LEADS: Final = (
    "my name is", "my name's", "the name is", "the name's", "i'm", "i am", "you can call me",
    "it's", "this is", "sure it's", "sure my name is", "yes my name is", "yes it's", "hi it's",
    "hello this is", "hi this is", "hi my name is", "yes of course it's", "of course it's",
    "my full name is", "first name",
)  # fmt: skip
_MAIL_LEADS: Final = (
    "my e mail is", "my email is", "my email address is", "my e mail address is", "the email is",
    "the address is", "my address is", "it's", "that's", "you can send it to", "send it to",
    "please send it to", "please use", "use", "you can use", "could you send it to",
)  # fmt: skip
_WISH_TAILS: Final = (
    "would be good", "would be great", "would be fine", "would be best", "would be better",
    "would be nice", "would be perfect", "would be ideal", "would work", "would work for me",
    "would suit me", "would suit me best", "is good", "is fine", "is great", "is best", "is okay",
    "is perfect", "is better", "works", "works for me", "works best", "suits me", "suits me best",
    "sounds good", "sounds fine", "if possible", "if you can", "if that's okay", "if you have it",
    "if that works", "if it's free", "then", "i think", "i guess", "i'd say", "for me", "one",
)  # fmt: skip
_FACT_TAILS: Final = ("that's it", "that's all", "i think", "i believe")
_WISHES: Final = frozenset({"time", "amount", "date"})
# What a kind brings itself is all that is said before it, or it is said beside the shared ones.
_OWN_LEADS: Final[Mapping[str, tuple[str, ...]]] = {
    "time": _TIME_LEADS, "date": _DAY_LEADS, "born": _BORN_LEADS, "amount": _PAY_LEADS,
}  # fmt: skip
_ALL_LEADS: Final[Mapping[str, tuple[str, ...]]] = {"name": _NAME_LEADS, "email": _MAIL_LEADS}
# Words of these that are themselves part of a value.
_NEVER: Final[Mapping[str, frozenset[str]]] = {
    "amount": frozenset({"one"}),
    "digits": frozenset({"one", "a"}),
}
_OPENERS: Final = frozenset({
    "um", "uh", "er", "well", "so", "okay", "yes", "yeah", "sure", "oh", "a", "to", "do", "please",
})  # fmt: skip
_CLOSERS: Final = frozenset({"please", "thanks", "thank", "you", "okay", "um", "uh", "sorry"})
_MOST_TAKEN_OFF: Final = 6
_SPELLED: Final = frozenset({"code", "email", "name"})
_TRIMMED: Final = frozenset({"time", "date", "born", "amount", "digits", "number"})


def leads(kind: str, *, is_past: bool = False) -> tuple[str, ...]:
    """Before a value of this kind, beside what is said before any; ``is_past``: a day gone by."""
    kind = _said_as(kind, is_past)
    shared = _WISH_LEADS if kind in _WISHES else _FACT_LEADS
    return _ALL_LEADS.get(kind) or (*_OWN_LEADS.get(kind, ()), *shared)


def tails(kind: str, *, is_past: bool = False) -> tuple[str, ...]:
    """After it."""
    return _WISH_TAILS if _said_as(kind, is_past) in _WISHES else _FACT_TAILS


def tailed(kind: str, *, is_past: bool = False) -> float:
    """How many values of this kind have something after them, 0 to 1."""
    return _TAILED_WISHES if _said_as(kind, is_past) in _WISHES else _TAILED_FACTS


def cores(kind: str, text: str, *, is_past: bool = False) -> Iterator[str]:
    """``text`` less what may stand round a value, at both ends; the least taken off first."""
    kind = _said_as(kind, is_past)
    if kind in _SPELLED:
        yield from _without_phrases(kind, " ".join(spoken_words(text)))
    if kind not in _TRIMMED:
        return
    words = text.split()
    before, after = _words_around(kind)
    front, back = _run(words, before), _run(words[::-1], after)
    for off in range(1, front + back + 1):
        for first in range(min(off, front), max(0, off - back) - 1, -1):
            core = words[first : len(words) - (off - first)]
            if core:
                yield " ".join(core)


def _without_phrases(kind: str, text: str) -> Iterator[str]:
    """Of letters a word may be one, so that only whole phrases are taken off."""
    fronts = (*leads(kind), *VALUE_LEAD_INS, *CORRECTIONS)
    ends = (*tails(kind), *POLITE_ENDS)
    found = max((f for f in fronts if text.startswith(f"{f} ")), key=len, default="")
    core = text[len(found) :].strip()
    while ending := next((e for e in ends if core.endswith(f" {e}")), ""):
        core = core[: -len(ending)].strip()
    if core != text:
        yield core


def _said_as(kind: str, is_past: bool) -> str:
    return "born" if kind == "date" and is_past else kind


def _run(words: Sequence[str], around: frozenset[str]) -> int:
    """How many of the first words may stand round a value."""
    count = 0
    for word in words[:_MOST_TAKEN_OFF]:
        if not around.issuperset(spoken_words(word)):
            break
        count += 1
    return count


@cache
def _words_around(kind: str) -> tuple[frozenset[str], frozenset[str]]:
    """Words of what is said before and after a value: a value never ends in "want"."""
    never = _NEVER.get(kind, frozenset())
    before = {word for phrase in leads(kind) for word in phrase.split()}
    after = {word for phrase in tails(kind) for word in phrase.split()}
    return frozenset(before | _OPENERS) - never, frozenset(after | _CLOSERS) - never
