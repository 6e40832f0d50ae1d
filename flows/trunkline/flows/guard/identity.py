"""Card and identity numbers in what is said: written in digits, or spoken digit by digit. Pure.

Found: payment cards (ISO/IEC 7812: 13 to 19 digits that pass Luhn), IBAN (ISO 13616, mod 97),
United States social security numbers in their usual grouping. Numbers a flow asks for (accounts,
readings, orders) are none of these, unless they happen to pass the checks.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from trunkline.domain.spoken.checksums import passes_iban, passes_luhn

_SPOKEN: Final = {
    **{
        name: str(value)
        for value, name in enumerate(
            ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
        )
    },
    "oh": "0",
    "o": "0",
    "nought": "0",
}
_TEENS: Final = {
    name: str(value)
    for value, name in enumerate(
        (
            "ten",
            "eleven",
            "twelve",
            "thirteen",
            "fourteen",
            "fifteen",
            "sixteen",
            "seventeen",
            "eighteen",
            "nineteen",
        ),
        10,
    )
}
_TENS: Final = {
    name: str(value)
    for value, name in enumerate(
        ("twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"), 2
    )
}
_TIMES: Final = {"double": 2, "triple": 3, "treble": 3}
_FEWEST_DIGITS: Final = 9
_SAID: Final = re.compile(rf"(?i)\b(?:{'|'.join((*_SPOKEN, *_TEENS, *_TENS))})\b")
_TOKEN: Final = re.compile(r"[0-9]+|[A-Za-z]+|[^\sA-Za-z0-9]")
_JOINING: Final = frozenset("-./,")
_IBAN: Final = re.compile(
    r"\b([A-Za-z]{2}[0-9]{2}(?: ?[A-Za-z0-9]{4}){2,7}(?: ?[A-Za-z0-9]{1,3})?)\b"
)
_SSN: Final = re.compile(r"\b(?!000|666|9[0-9]{2})[0-9]{3}[- ](?!00)[0-9]{2}[- ](?!0000)[0-9]{4}\b")
_CARD: Final = range(13, 20)
_SHORTEST_IBAN: Final = 15  # Norway's
MASK: Final = "[number]"


@dataclass(frozen=True, slots=True)
class Number:
    """``start`` and ``end``: characters of the text."""

    kind: str
    start: int
    end: int


def find_numbers(text: str) -> tuple[Number, ...]:
    """Every card, IBAN and social security number, in order, none inside another."""
    # Most texts are asked in vain, and all that is written of a call is asked.
    if sum(map(text.count, "0123456789")) < _FEWEST_DIGITS and not _SAID.search(text):
        return ()
    found = [Number("iban", m.start(), m.end()) for m in _IBAN.finditer(text) if _is_iban(m[1])]
    found += [Number("social_security", m.start(), m.end()) for m in _SSN.finditer(text)]
    found += _cards(text)
    kept: list[Number] = []
    for one in sorted(found, key=lambda number: (number.start, -number.end)):
        if not kept or one.start >= kept[-1].end:
            kept.append(one)
    return tuple(kept)


def masked(text: str, mask: str = MASK) -> str:
    """The text with ``mask`` in place of every number."""
    for number in reversed(find_numbers(text)):
        text = text[: number.start] + mask + text[number.end :]
    return text


def masked_after(before: str, text: str, mask: str = MASK) -> tuple[str, bool]:
    """``text`` without the numbers that end in it, and whether one began in ``before``."""
    if not before:
        return masked(text, mask), False
    whole, begin = f"{before} {text}", len(before) + 1
    is_over, kept = False, text
    for number in reversed(find_numbers(whole)):
        if number.end > begin:
            is_over = is_over or number.start < begin
            first = max(number.start - begin, 0)
            kept = kept[:first] + mask + kept[number.end - begin :]
    return kept, is_over


def masked_so_far(text: str, mask: str = MASK) -> str:
    """The same for a text that is still growing: digits that may become a card go as well."""
    kept = masked(text, mask)
    if could_begin_card(kept):
        return f"{kept[: list(_runs(kept))[-1][0][1]]}{mask}"
    return kept


def open_run(text: str) -> str:
    """The digits that the text ends with, as they stand in it; they may go on."""
    runs = list(_runs(text))
    if not runs or runs[-1][-1][2] < len(text.rstrip(" .,-")):
        return ""
    return text[runs[-1][0][1] :].rstrip(" .,-")


def could_begin_card(text: str) -> bool:
    """Whether the text ends within a run of digits that more words might make a card number."""
    runs = list(_runs(text))
    if not runs:
        return False
    digits = runs[-1]
    return digits[-1][2] >= len(text.rstrip()) - 1 and len("".join(d for d, _, _ in digits)) >= 6


def _cards(text: str) -> Iterator[Number]:
    for run in _runs(text):
        first = 0
        while first < len(run):
            last = _card_from(run, first)
            if last is None:
                first += 1
                continue
            yield Number("card", run[first][1], run[last][2])
            first = last + 1


def _card_from(run: list[tuple[str, int, int]], first: int) -> int | None:
    """The last part of the longest card number that begins with part ``first``."""
    digits, found = "", None
    for place in range(first, len(run)):
        digits += run[place][0]
        if len(digits) > _CARD[-1]:
            break
        is_card = len(digits) in _CARD and digits[0] in "3456" and len(set(digits)) > 1
        if is_card and passes_luhn(digits):
            found = place
    return found


def _runs(text: str) -> Iterator[list[tuple[str, int, int]]]:
    """Digits that follow each other without another word between: (digits, start, end)."""
    run: list[tuple[str, int, int]] = []
    times, tens, start = 1, "", 0
    for token in _TOKEN.finditer(text):
        word = token.group().lower()
        if word in _TIMES:
            times, start = _TIMES[word], token.start()
            continue
        if tens and word in _SPOKEN and word not in ("zero", "oh", "o"):
            digits, run = run[-1][0][0] + _SPOKEN[word], run[:-1]
            run.append((digits, start, token.end()))
            tens = ""
            continue
        tens = ""
        digits = word if word.isdigit() else _SPOKEN.get(word) or _TEENS.get(word, "")
        if word in _TENS:
            digits, tens = _TENS[word] + "0", word
        if digits:
            begins = start if times > 1 else token.start()
            start = begins
            run.append((digits * times, begins, token.end()))
        elif word not in _JOINING:
            if run:
                yield run
            run = []
        times = 1
    if run:
        yield run


def _is_iban(text: str) -> bool:
    plain = text.replace(" ", "")
    return len(plain) >= _SHORTEST_IBAN and passes_iban(plain)
