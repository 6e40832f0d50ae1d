"""Written words to words a voice can say, each kept beside the token it stands for.

The transcript shows the tokens as written ("$182.40"); the voice says their words. Because every
token keeps its own words, the times of the words are the times of the token.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, time
from typing import Final

from trunkline.domain.spoken.amounts import DOLLARS, EUROS, POUNDS, Currency, say_amount
from trunkline.domain.spoken.dates import MONTHS
from trunkline.domain.spoken.digits import say_digits
from trunkline.domain.spoken.numerals import DIGIT_WORDS, say_cardinal, say_ordinal, say_year
from trunkline.domain.spoken.times import say_time


@dataclass(frozen=True, slots=True)
class SpokenToken:
    """One token as displayed, where it begins in the text, and the words said for it, if any."""

    display: str
    start: int
    words: tuple[str, ...]


_TOKEN: Final = re.compile(r"\S+")
_RIM: Final = re.compile(
    r"^([\"'(\[\u201c\u2018*_]*)(.*?)([\"')\]\u201d\u2019*_.,;:!?\u2026]*)$", re.S
)
_ABBREVIATIONS: Final = {
    "mr": "mister", "mrs": "missus", "ms": "miz", "dr": "doctor", "e.g": "for example",
    "i.e": "that is", "etc": "et cetera", "vs": "versus", "approx": "approximately",
    "a.m": "ay em", "p.m": "pee em", "am": "am", "kwh": "kilowatt hours", "kw": "kilowatts",
    "km": "kilometres", "kg": "kilograms", "ok": "okay", "&": "and", "%": "percent", "+": "plus",
    "=": "equals", "@": "at", "#": "number", "/": "or", "ext": "extension", "acct": "account",
    "dept": "department", "wifi": "why fie", "wi-fi": "why fie", "\u2013": "", "\u2014": "",
    "-": "",
}  # fmt: skip
_MONTH_SHORT: Final = {name[:3]: name for name in MONTHS} | {"sept": "september"}
_UNIT_MONEY: Final = {
    "dollar": DOLLARS, "dollars": DOLLARS, "pound": POUNDS, "pounds": POUNDS, "euro": EUROS,
    "euros": EUROS,
}  # fmt: skip
_SIGNS: Final = {"$": DOLLARS, "£": POUNDS, "€": EUROS}
# Names of letters as flite's lexicon has them: a lone "a" would be the article.
_LETTERS: Final = {"a": "ay"}
_MONEY: Final = re.compile(r"([$£€])(\d+(?:,\d{3})*)(?:\.(\d{1,2}))?$")
_NUMBER: Final = re.compile(r"[+-]?\d+(?:,\d{3})*(?:\.\d+)?$")
_CLOCK: Final = re.compile(r"(\d{1,2}):(\d{2})\s*([ap])?\.?m?\.?$", re.I)
_HOUR: Final = re.compile(r"(\d{1,2})([ap])\.?m\.?$", re.I)
_ISO: Final = re.compile(r"(\d{4})-(\d{2})-(\d{2})$")
_ORDINAL: Final = re.compile(r"(\d{1,3})(?:st|nd|rd|th)$", re.I)
_PERCENT: Final = re.compile(r"([+-]?\d+(?:\.\d+)?)%$")
_MIXED: Final = re.compile(r"(?=.*\d)(?=.*[A-Za-z])[A-Za-z0-9-]+$")
_PHONE: Final = re.compile(r"\+?\d[\d-]{5,}\d$")


def speakable(text: str) -> list[SpokenToken]:
    """Every white-space token of ``text``, in order, with its words."""
    matches = list(_TOKEN.finditer(text))
    tokens: list[SpokenToken] = []
    previous, cents_owed = "", ""
    for index, match in enumerate(matches):
        following = matches[index + 1][0] if index + 1 < len(matches) else ""
        core, after = _split_rim(match[0])
        unit = _split_rim(following)[0].lower()
        if cents_owed:
            said, cents_owed = f"{core} {cents_owed}", ""
        elif unit in _UNIT_MONEY and re.fullmatch(r"\d+(?:,\d{3})*\.\d{2}", core):
            # "182.40 dollars": the cents are said after the unit.
            whole, _, cents = core.replace(",", "").partition(".")
            said = say_cardinal(int(whole))
            if int(cents):
                cents_owed = f"and {say_amount(f'0.{cents}', _UNIT_MONEY[unit])}"
        else:
            said = _say(core, previous)
        tokens.append(SpokenToken(match[0], match.start(), _words(said, after)))
        previous = core.lower().rstrip(".")
    return tokens


def _split_rim(token: str) -> tuple[str, str]:
    """The token without quotes and brackets, and the marks after it; a full stop that belongs to an
    abbreviation is no mark."""
    match = _RIM.match(unicodedata.normalize("NFKC", token))
    assert match is not None  # every part may be empty
    _, core, after = match.groups()
    if after.startswith(".") and core.lower() in _ABBREVIATIONS:
        after = after[1:]
    return core, after


def _words(said: str, after: str) -> tuple[str, ...]:
    """Plain ASCII words; the punctuation of the token stays with the last one, for the prosody."""
    plain = unicodedata.normalize("NFKD", said).encode("ascii", "ignore").decode()
    words = [word for word in plain.split() if any(c.isalnum() for c in word)]
    if not words:
        return ()
    mark = next((c for c in after if c in ".,;:!?"), "")
    words[-1] = words[-1].rstrip(",;:.!?") + mark
    return tuple(words)


def _say(core: str, previous: str) -> str:
    lowered = core.lower()
    if lowered in _ABBREVIATIONS:
        return _ABBREVIATIONS[lowered]
    if any(c.isdigit() for c in core):
        for rule in (_money, _percent, _clock, _calendar, _number, _mixed):
            said = rule(core, previous)
            if said is not None:
                return said
        return " ".join(_say_pieces(core))
    if lowered in _MONTH_SHORT and core[:1].isupper() and len(core) > 2 and lowered != "may":
        return _MONTH_SHORT[lowered].capitalize()
    if "@" in core or re.search(r"\w\.\w{2,}", core):
        return _address(core)
    return core.replace("\u2019", "'").replace("-", " ").replace("/", " or ").replace("_", " ")


def _money(core: str, previous: str) -> str | None:
    match = _MONEY.match(core)
    if match is None:
        return None
    cents = (match[3] or "0").ljust(2, "0")
    return say_amount(f"{match[2].replace(',', '')}.{cents}", _sign(match[1]))


def _sign(sign: str) -> Currency:
    return _SIGNS[sign]


def _percent(core: str, previous: str) -> str | None:
    match = _PERCENT.match(core)
    return f"{_number(match[1], '')} percent" if match else None


def _clock(core: str, previous: str) -> str | None:
    match = _CLOCK.match(core)
    if match is not None and int(match[1]) < 24 and int(match[2]) < 60:
        hour, minute = int(match[1]), int(match[2])
        if match[3]:
            return f"{_hour_minute(hour, minute)} {_half(match[3])}"
        return (
            say_time(time(hour, minute)) if hour > 12 or hour == 0 else _hour_minute(hour, minute)
        )
    match = _HOUR.match(core)
    if match is not None and int(match[1]) <= 12:
        return f"{say_cardinal(int(match[1]))} {_half(match[2])}"
    return None


def _hour_minute(hour: int, minute: int) -> str:
    if minute == 0:
        return f"{say_cardinal(hour)} o'clock"
    middle = "oh " if minute < 10 else ""
    return f"{say_cardinal(hour)} {middle}{say_cardinal(minute)}"


def _half(letter: str) -> str:
    return "ay em" if letter.lower() == "a" else "pee em"


def _calendar(core: str, previous: str) -> str | None:
    match = _ISO.match(core)
    if match is not None:
        try:
            day = date(int(match[1]), int(match[2]), int(match[3]))
        except ValueError:
            return None
        month = MONTHS[day.month - 1].capitalize()
        return f"{month} {say_ordinal(day.day)} {say_year(day.year)}"
    match = _ORDINAL.match(core)
    if match is not None:
        return say_ordinal(int(match[1]))
    is_after_month = previous in MONTHS or previous in _MONTH_SHORT
    if core.isdigit() and is_after_month and 1 <= int(core) <= 31:
        return say_ordinal(int(core))
    is_year = core.isdigit() and len(core) == 4 and 1900 <= int(core) <= 2099
    if is_year and (
        is_after_month or previous in ("in", "since", "of", "year") or _ends_date(previous)
    ):
        return say_year(int(core))
    return None


def _ends_date(previous: str) -> bool:
    return bool(_ORDINAL.match(previous)) or (previous.isdigit() and 1 <= int(previous) <= 31)


def _number(core: str, previous: str) -> str | None:
    if (
        core.isascii()
        and core.isdigit()
        and (len(core) >= 5 or core.startswith("0"))
        and core != "0"
    ):
        return say_digits(core)
    if _PHONE.match(core) and not _NUMBER.match(core):
        digits = say_digits(re.sub(r"\D", "", core))
        return f"plus {digits}" if core.startswith("+") else digits
    if not _NUMBER.match(core):
        return None
    if core.startswith("+") and len(core) > 6:
        return f"plus {say_digits(core[1:].replace(',', ''))}"
    plain = core.replace(",", "").lstrip("+")
    whole, point, fraction = plain.partition(".")
    said = say_cardinal(int(whole)) if whole != "-0" else "minus zero"
    if point:
        said += " point " + " ".join(DIGIT_WORDS[int(digit)] for digit in fraction)
    return said


def _mixed(core: str, previous: str) -> str | None:
    """A reference such as "AB-123": letters and digits one by one."""
    return " ".join(_say_pieces(core)) if _MIXED.match(core) else None


def _say_pieces(core: str) -> Iterator[str]:
    for piece in re.findall(r"\d+|[A-Za-z]+|[%&+@]", core):
        if piece.isdigit():
            yield say_digits(piece) if len(piece) > 2 else say_cardinal(int(piece))
        elif piece.isalpha():
            if len(piece) > 3 or not piece.isupper():
                yield piece
            else:
                yield from (_LETTERS.get(c, c) for c in piece.lower())
        else:
            yield _ABBREVIATIONS[piece]


def _address(core: str) -> str:
    """Mail and web addresses: "at" and "dot" are said."""
    said = core.replace("@", " at ").replace(".", " dot ").replace("-", " dash ")
    return said.replace("://", " ").replace("/", " slash ").replace("_", " underscore ")
