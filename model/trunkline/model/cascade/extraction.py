"""Values in a free sentence: what is said along with a wish ("the weather in Paris tomorrow")."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from datetime import date
from decimal import Decimal
from typing import Final

from trunkline.domain.events import Json
from trunkline.domain.spoken.dates import WEEKDAYS
from trunkline.domain.spoken.words import spoken_words
from trunkline.model.cascade.slots import Slot, SlotKind, understand_exactly

_LONGEST_VALUE_WORDS: Final = 14
_SHY: Final = (SlotKind.DATE, SlotKind.TIME, SlotKind.AMOUNT)
_TELLING: Final = frozenset({*WEEKDAYS, "today", "tomorrow", "tonight", "noon", "midnight"})
_WRITTEN: Final = re.compile(r"\d.*[:/.$-]|[:/.$-].*\d|\d\s*[ap]m", re.I)
_QUOTED: Final = re.compile(r"[\"\u201c]([^\"\u201d]+)[\"\u201d]")
_NAMED: Final = re.compile(r"\b([A-Z][\w'\u2019-]*(?:\s+[A-Z][\w'\u2019-]*)*)")
_AFTER: Final = re.compile(
    r"\b(?:in|for|at|to|named|called|about|from|near)\s+([\w'\u2019-]+(?:\s+[\w'\u2019-]+){0,3})",
    re.I,
)
_NUMERAL: Final = re.compile(r"(?<![\w.])-?\d+(?:\.\d+)?(?![\w.])")
_MAIL: Final = re.compile(r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+")
_OPENERS: Final = frozenset(
    {"i", "what", "what's", "how", "please", "can", "could", "tell", "is", "when", "where", "who",
     "hi", "hello", "yes", "no", "the", "my", "i'm", "i'd", "set", "get", "show", "book", "call"}
)  # fmt: skip


def volunteered(slots: Sequence[Slot], text: str, today: date) -> dict[str, Json]:
    """Slot name to the value found in ``text``; each stretch of words fills one slot only."""
    return _search(slots, text, today)[0]


def without_values(slots: Sequence[Slot], text: str, today: date) -> str:
    """``text`` less the words that say values of ``slots``."""
    return _search(slots, text, today)[1]


def _search(slots: Sequence[Slot], text: str, today: date) -> tuple[dict[str, Json], str]:
    found: dict[str, Json] = {}
    rest = text
    for slot in sorted(slots, key=_specific_first):
        hit = find_value(slot, rest, today)
        if hit is not None:
            found[slot.name], used = hit
            rest = rest.replace(used, " ", 1) if used else rest
    return found, rest


def _specific_first(slot: Slot) -> int:
    return 1 if slot.kind in (SlotKind.NAME, SlotKind.FREE_TEXT) else 0


def find_value(slot: Slot, text: str, today: date) -> tuple[Json, str] | None:
    """The value and the words it was taken from; longer stretches are tried first."""
    if slot.kind in (SlotKind.NAME, SlotKind.FREE_TEXT):
        return _find_text(slot, text)
    if slot.kind is SlotKind.NUMBER:
        return _find_number(slot, text, today)
    if slot.kind is SlotKind.YES_NO:
        return None  # a "yes" in passing answers nothing
    for stretch in _stretches(text):
        if slot.kind in _SHY and _is_too_short(stretch):
            continue
        reading = understand_exactly(slot, stretch, today)
        if reading is not None and not reading.is_unsure:
            return reading.value, stretch
    return None


def _is_too_short(stretch: str) -> bool:
    """Whether one bare word would be taken for a value: "one", "second", "may"."""
    words = spoken_words(stretch)
    return len(words) < 2 and not _TELLING.issuperset(words) and not _WRITTEN.search(stretch)


def _stretches(text: str) -> Iterator[str]:
    words = text.split()
    for length in range(min(len(words), _LONGEST_VALUE_WORDS), 0, -1):
        for start in range(len(words) - length + 1):
            yield " ".join(words[start : start + length]).rstrip(".?!,;")


def _find_number(slot: Slot, text: str, today: date) -> tuple[Json, str] | None:
    numeral = _NUMERAL.search(text)
    if numeral is not None:
        number = Decimal(numeral[0])
        is_whole = number == int(number)
        if is_whole or not slot.is_integer:
            return (int(number) if is_whole else float(number)), numeral[0]
    for stretch in _stretches(text):
        if not spoken_words(stretch) or len(stretch.split()) > 8:
            continue
        reading = understand_exactly(slot, stretch, today)
        if reading is not None:
            return reading.value, stretch
    return None


def _find_text(slot: Slot, text: str) -> tuple[Json, str] | None:
    """Quoted words, a mail address, a capitalised name, or what follows a preposition."""
    quoted = _QUOTED.search(text)
    if quoted is not None:
        return quoted[1], quoted[0]
    if "mail" in slot.name:
        mail = _MAIL.search(text)
        return (mail[0], mail[0]) if mail else None
    names = _names(text)
    if names:
        return names[0], names[0]
    following = _AFTER.search(text)
    if following is not None:
        return following[1].rstrip(".?!"), following[1]
    return None


def _names(text: str) -> Sequence[str]:
    """Runs of capitalised words, less the one that merely opens the sentence."""
    found = []
    for match in _NAMED.finditer(text):
        words = match[1].split()
        is_opening = match.start() == 0 or text[: match.start()].rstrip().endswith((".", "?", "!"))
        while words and (words[0].lower() in _OPENERS):
            words = words[1:]
            is_opening = False
        if words and not (is_opening and len(words) == 1 and len(text.split()) > 1):
            found.append(" ".join(words))
    return found
