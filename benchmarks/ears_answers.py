"""How callers of the ears' development set answer what a flow asks, in many natural wordings.

Values and wordings are drawn by a seed: nobody chose them to fit a grammar.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final

from trunkline.domain.events import Json
from trunkline.domain.spoken.dates import MONTHS, WEEKDAYS
from trunkline.domain.spoken.numerals import DIGIT_WORDS, say_cardinal, say_ordinal, say_year

GIVEN: Final = (
    "sarah", "thomas", "maria", "kevin", "linda", "robert", "emma", "daniel", "grace", "steven",
    "laura", "patrick", "helen", "james", "rachel", "peter",
)  # fmt: skip
SURNAMES: Final = (
    "mitchell", "carter", "lopez", "brennan", "walsh", "anderson", "fischer", "nguyen", "parker",
    "hughes", "sullivan", "reed", "okafor", "bennett", "kaplan", "morrison",
)  # fmt: skip
_HOSTS: Final = ("gmail", "outlook", "yahoo", "hotmail", "icloud")
_POLITE: Final = ("", "", "", " please", " thanks")


@dataclass(frozen=True, slots=True)
class Answer:
    """``first``: what is said when asked, ``again``: in other words; ``right``: the value."""

    first: str
    again: str
    value: Json


def letters(text: str) -> str:
    """Spelled: a lone "a" would be said as the article."""
    return " ".join("ay" if letter == "a" else letter.upper() for letter in text)


def digits(chance: random.Random, least: int, most: int) -> Answer:
    """One by one, in pairs of the same, now and then in tens."""
    count = chance.randint(least, min(most, max(least, 10)))
    number = "".join(chance.choice("0123456789") for _ in range(count))
    if count >= 10:  # a telephone number of North America
        number = chance.choice("2346789") + number[1:3] + chance.choice("2345689") + number[4:]
    plain = one_by_one(number, chance)
    lead = chance.choice(("", "", "", "it's ", "yes it's ", "that's ", "sure ", "the number is "))
    first = f"{lead}{paired(number, chance) if chance.random() < 0.3 else plain}"
    return Answer(first, one_by_one(number, chance), number)


def one_by_one(number: str, chance: random.Random) -> str:
    zero = chance.choice(("oh", "zero"))
    said, at = [], 0
    while at < len(number):
        digit = zero if number[at] == "0" else DIGIT_WORDS[int(number[at])]
        if number[at : at + 2] == number[at] * 2 and chance.random() < 0.4:
            said.append(f"double {digit}")
            at += 2
        else:
            said.append(digit)
            at += 1
        if at in (3, 4, 6) and at < len(number) - 1 and chance.random() < 0.25:
            said[-1] += ","
    return " ".join(said)


def paired(number: str, chance: random.Random) -> str:
    """ "forty two seventeen": tens where they can be said, else digits."""
    said, at = [], 0
    while at < len(number):
        pair = number[at : at + 2]
        if len(pair) == 2 and pair[0] != "0" and chance.random() < 0.7:
            said.append(say_cardinal(int(pair)))
            at += 2
        else:
            said.append("oh" if pair[0] == "0" else DIGIT_WORDS[int(pair[0])])
            at += 1
    return " ".join(said)


def clock(chance: random.Random) -> Answer:
    hour, minute = chance.randint(8, 17), chance.choice((0, 0, 15, 30, 30, 45, 10, 40, 20))
    ways = _clock_ways(hour, minute)
    chance.shuffle(ways)
    leads = ("", "", "", "at ", "the ", "i'd like ", "could i have ", "let's say ", "maybe ",
             "i'll take the ", "around ", "how about ", "can we do ")  # fmt: skip
    ends = ("", "", "", " please", " would be good", " works for me", " then", " is fine")
    first = f"{chance.choice(leads)}{ways[0]}{chance.choice(ends)}"
    return Answer(first, f"{ways[1 % len(ways)]}{chance.choice(_POLITE)}", f"{hour:02}:{minute:02}")


def _clock_ways(hour: int, minute: int) -> list[str]:
    twelve = hour % 12 or 12
    name, after = say_cardinal(twelve), say_cardinal(twelve % 12 + 1)
    half = "in the morning" if hour < 12 else "in the afternoon"
    mark = "ay em" if hour < 12 else "pee em"
    if minute == 0:
        ways = [f"{name} o'clock", f"{name} {mark}", f"{name} {half}", f"{name} o'clock {half}"]
        if hour == 12:
            ways = ["noon", "twelve o'clock", "twelve noon", "midday"]
        return ways
    number = say_cardinal(minute)
    ways = [f"{name} {number}", f"{name} {number} {mark}", f"{name} {number} {half}"]
    if hour > 12:
        ways.append(f"{say_cardinal(hour)} {number}")
    if minute == 30:
        ways += [f"half past {name}", f"half past {name} {half}"]
    if minute == 15:
        ways += [f"quarter past {name}", f"a quarter past {name} {half}"]
    if minute == 45:
        ways += [f"quarter to {after}", f"a quarter to {after}"]
    if minute in (10, 20):
        ways.append(f"{number} past {name}")
    if minute == 40:
        ways.append(f"twenty to {after}")
    return ways


def coming_day(chance: random.Random, today: date) -> Answer:
    ahead = chance.randint(1, 60)
    day = today + timedelta(days=ahead)
    weekday, month = WEEKDAYS[day.weekday()], MONTHS[day.month - 1]
    nth = say_ordinal(day.day)
    ways = [f"{month} {nth}", f"the {nth} of {month}", f"{month} the {nth}",
            f"{weekday} the {nth} of {month}", f"{weekday} {month} {nth}",
            f"{month} {say_cardinal(day.day)}"]  # fmt: skip
    if ahead <= 7 and ahead != 1:
        ways = [weekday, f"on {weekday}", f"this {weekday}", f"this coming {weekday}"]
    elif ahead == 1:
        ways = ["tomorrow", "tomorrow", f"{month} {nth}"]
    elif (today - timedelta(days=today.weekday()) + timedelta(days=7)) <= day and ahead < 14:
        ways = [f"next {weekday}", f"{month} {nth}", f"{weekday} the {nth}"]
    chance.shuffle(ways)
    leads = ("", "", "", "", "how about ", "could we do ", "i'd prefer ", "let's say ",
             "maybe ", "i can come ", "um ")  # fmt: skip
    ends = ("", "", "", " please", " would suit me", " if possible", " would be best")
    again = ways[1 % len(ways)]
    return Answer(f"{chance.choice(leads)}{ways[0]}{chance.choice(ends)}", again, day.isoformat())


def birthday(chance: random.Random, today: date) -> Answer:
    day = date(chance.randint(1935, 2008), chance.randint(1, 12), chance.randint(1, 28))
    month, nth, year = MONTHS[day.month - 1], say_ordinal(day.day), say_year(day.year)
    ways = [f"{month} {nth} {year}", f"the {nth} of {month} {year}", f"{month} the {nth} {year}",
            f"{month} {say_cardinal(day.day)} {year}", f"{nth} of {month} {year}"]  # fmt: skip
    chance.shuffle(ways)
    leads = ("", "", "", "it's ", "i was born on ", "that's ", "my birthday is ",
             "my date of birth is ", "i was born ")  # fmt: skip
    return Answer(f"{chance.choice(leads)}{ways[0]}", ways[1], day.isoformat())


def money(chance: random.Random) -> Answer:
    whole = chance.choice((chance.randint(5, 99), chance.randint(100, 480), 20, 50, 150, 300))
    cents = chance.choice((0, 0, 0, 50, chance.randint(10, 99), 5))
    name = say_cardinal(whole).replace(" and ", chance.choice((" and ", " ")))
    if not cents:
        ways = [f"{name} dollars", f"{name} dollars", name if whole > 20 else f"{name} dollars"]
    elif cents < 10:
        ways = [f"{name} dollars and five cents", f"{name} oh five"]
    else:
        ways = [f"{name} dollars and {say_cardinal(cents)} cents",
                f"{name} dollars {say_cardinal(cents)}"]  # fmt: skip
        if whole < 100:
            ways.append(f"{name} {say_cardinal(cents)}")
    chance.shuffle(ways)
    leads = ("", "", "", "i'd like to pay ", "it's ", "let's do ", "just ", "can i pay ",
             "make it ", "i want to pay ", "the full ")  # fmt: skip
    again = f"{name} dollars" + (f" and {say_cardinal(cents)} cents" if cents else "")
    first = f"{chance.choice(leads)}{ways[0]}{chance.choice(_POLITE)}"
    return Answer(first, again, f"{whole}.{cents:02}")


def name(chance: random.Random) -> Answer:
    given, family = chance.choice(GIVEN), chance.choice(SURNAMES)
    said = f"{given} {family}"
    ways = [said, f"my name is {said}", f"it's {said}", f"this is {said}", f"yes it's {said}",
            f"{said} {letters(family)}", f"{said} that's {letters(family)}",
            f"my name is {given} {family} spelled {letters(family)}"]  # fmt: skip
    again = chance.choice((f"{said} that's {letters(family)}", f"{given} {family}"))
    return Answer(chance.choice(ways), again, said.title())


def mail(chance: random.Random) -> Answer:
    given, family, host = chance.choice(GIVEN), chance.choice(SURNAMES), chance.choice(_HOSTS)
    number = str(chance.randint(10, 99))
    shapes: list[tuple[str, str]] = [
        (f"{given} dot {family}", f"{given}.{family}"),
        (f"{given} {family}", f"{given}{family}"),
        (f"{letters(given[0])} dot {family}", f"{given[0]}.{family}"),
        (f"{given} underscore {family}", f"{given}_{family}"),
        (f"{given} dot {family} {one_by_one(number, chance)}", f"{given}.{family}{number}"),
        (f"{given} {say_cardinal(int(number))}", f"{given}{number}"),
        (f"{letters(given[0])} {family}", f"{given[0]}{family}"),
        (letters(given[:2] + family[:3]), given[:2] + family[:3]),
    ]
    said, local = chance.choice(shapes)
    lead = chance.choice(("", "", "it's ", "that's ", "my e mail is ", "sure it's "))
    spelled = " dot ".join(letters(part) for part in local.split(".")) if local.isalpha() else said
    tail = f"at {host} dot com"
    return Answer(f"{lead}{said} {tail}", f"{spelled} {tail}", f"{local}@{host}.com")


_ICAO: Final = (
    "alpha", "bravo", "charlie", "delta", "echo", "foxtrot", "golf", "hotel", "india", "juliet",
    "kilo", "lima", "mike", "november", "oscar", "papa", "quebec", "romeo", "sierra", "tango",
    "uniform", "victor", "whiskey", "x-ray", "yankee", "zulu",
)  # fmt: skip
_PLAIN: Final = {
    "b": "boy", "d": "david", "e": "edward", "f": "frank", "g": "george", "k": "kilo", "l": "larry",
    "m": "mary", "n": "nancy", "p": "peter", "s": "sugar", "t": "tom", "v": "victor",
}  # fmt: skip


def code(chance: random.Random, least: int, most: int) -> Answer:
    length = chance.randint(least, most)
    drawn = "".join(chance.choice("abcdefghjklmnpqrstuvwxyz23456789") for _ in range(length))

    def letter(one: str) -> str:
        if one.isdigit():
            return DIGIT_WORDS[int(one)]
        way = chance.random()
        if way < 0.25:
            return f"{letters(one)} for {_PLAIN.get(one, _ICAO[ord(one) - 97])}"
        return _ICAO[ord(one) - 97] if way < 0.5 else letters(one)

    said = " ".join(letter(one) for one in drawn)
    words = " ".join(
        DIGIT_WORDS[int(one)] if one.isdigit() else _ICAO[ord(one) - 97] for one in drawn
    )
    return Answer(chance.choice(("", "", "it's ")) + said, words, drawn.upper())


AGREES: Final = ("yes", "yes that's right", "yeah that's correct", "yes please", "that's right",
                 "yes it is", "correct", "yep")  # fmt: skip
DENIES: Final = ("no it's {}", "no {}", "no i said {}", "no that's wrong it's {}",
                 "no that's not right it's {}")  # fmt: skip


def answers_of(
    kind: str, notes: Mapping[str, Json], count: int, seed: int, today: date
) -> Sequence[Answer]:
    """``count`` answers to a slot of ``kind``; none to kinds that are measured elsewhere."""
    chance = random.Random(f"{kind} {seed}")
    least, most = notes.get("min_length") or 1, notes.get("max_length") or 8
    assert isinstance(least, int) and isinstance(most, int)
    makers: Mapping[str, Callable[[], Answer]] = {
        "digits": lambda: digits(chance, max(least, 10) if most >= 10 else least, min(most, 10)),
        "time": lambda: clock(chance),
        "date": lambda: (
            birthday(chance, today) if notes.get("dates") == "past" else coming_day(chance, today)
        ),
        "amount": lambda: money(chance),
        "name": lambda: name(chance),
        "email": lambda: mail(chance),
        "code": lambda: code(chance, least, most),
    }
    return [makers[kind]() for _ in range(count)] if kind in makers else []
