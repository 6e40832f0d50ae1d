"""What callers say in the ears' development set: sentences of no shipped flow, grammar or table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from benchmarks.ears import Task, collecting, intent, slot
from trunkline.domain.events import Json

TRAVEL = (
    intent("timetable", "when does the next train leave", "train times", "ask about departures"),
    intent("ticket", "buy a ticket", "i want a ticket to the coast", "book a seat"),
    intent("cancel", "cancel my booking", "i can't travel any more", "call off my journey"),
    intent("luggage", "i lost my bag", "report lost luggage", "my suitcase is missing"),
    intent("delay", "why is my train late", "complain about a delay", "is there a delay"),
    intent("agent", "speak to an agent", "talk to a person", "connect me to the desk"),
)
_SIDE = (TRAVEL[5],)
_FARES = {
    "first_class": ("first class", "first"),
    "standard": ("standard class", "second class", "economy"),
    "sleeper": ("sleeper cabin", "a bed"),
    "student": ("student fare", "the student one"),
}


def _rows(group: str, tools: Sequence[Mapping[str, Json]], *rows: tuple[str, Json]) -> list[Task]:
    """Rows of what is said and the value of the one slot, or the intent, or None for chatter."""
    asks = tools[0].get("x-trunkline")
    is_asked = isinstance(asks, Mapping) and asks.get("role") == "collect"

    def expected(value: Json) -> Any:
        return {"v": value} if is_asked and value is not None else value

    return [Task(group, tuple(tools), said, expected(value)) for said, value in rows]


def development_tasks() -> list[Task]:
    """Every kind of turn that a directed dialogue has, and speech that is meant for nobody."""
    account = collecting(v=slot("digits", "account number", min_length=8, max_length=8))
    card = collecting(v=slot("digits", "card number", min_length=12, max_length=12, check="luhn"))
    pin = collecting(v=slot("digits", "door code", min_length=4, max_length=4))
    paid = collecting(v=slot("amount", "amount paid"))
    day = collecting(v=slot("date", "travel day", today="2026-11-21"))
    clock = collecting(v=slot("time", "departure time"))
    agreed = collecting(v={**slot("yes_no", "agreement"), "type": "boolean"})
    synonyms = {value: list(also) for value, also in _FARES.items()}
    fare = collecting(v={**slot("choice", "fare", synonyms=synonyms), "enum": list(_FARES)})
    code = collecting(v=slot("code", "booking reference", min_length=5, max_length=5))
    return [
        *_rows("digits", (account, *_SIDE),
            ("four one nine two seven seven three zero", "41927730"),
            ("double five two one eight oh six three", "55218063"),
            ("it's six six three nine one four two eight", "66391428"),
            ("seven oh seven two five nine one one", "70725911"),
            ("my account number is nine three one eight four six five two", "93184652"),
            ("one two eight eight three five nine four", "12883594"),
            ("eight four seven one triple two six", "84712226"),
            ("three nine oh six one five eight seven", "39061587"),
        ),
        *_rows("card", (card, *_SIDE),
            ("four five three nine one four eight eight oh three four zero", "453914880340"),
            ("six oh one one double zero nine nine oh one three nine", "601100990139"),
            ("three seven eight two eight two two four six three one three", "378282246313"),
        ),
        *_rows("door code", (pin, *_SIDE),
            ("four seven one nine", "4719"), ("double three eight two", "3382"),
            ("oh nine six five", "0965"), ("the code is one five two eight", "1528"),
        ),
        *_rows("amount", (paid, *_SIDE),
            ("twenty six dollars and ten cents", "26.10"), ("forty nine ninety five", "49.95"),
            ("three hundred and twelve dollars", "312.00"), ("it was eighteen dollars", "18.00"),
            ("one hundred forty dollars and fifty cents", "140.50"), ("seventy five", "75.00"),
        ),
        *_rows("date", (day, *_SIDE),
            ("december the fourth", "2026-12-04"), ("the nineteenth of january", "2027-01-19"),
            ("next monday", "2026-11-23"), ("tomorrow", "2026-11-22"),
            ("march twenty third", "2027-03-23"), ("the first of february", "2027-02-01"),
        ),
        *_rows("time", (clock, *_SIDE),
            ("eight fifteen in the morning", "08:15"), ("half past six in the evening", "18:30"),
            ("eleven o'clock a m", "11:00"), ("two forty p m", "14:40"), ("noon", "12:00"),
        ),
        *_rows("yes or no", (agreed, *_SIDE),
            ("yes", True), ("no", False), ("yes that's fine", True), ("no thanks", False),
            ("sure go ahead", True), ("i don't think so", False), ("of course", True),
            ("nope", False),
        ),
        *_rows("choice", (fare, *_SIDE),
            ("first class", "first_class"), ("second class please", "standard"),
            ("i'd like a sleeper cabin", "sleeper"), ("the student fare", "student"),
            ("economy", "standard"),
        ),
        *_rows("code", (code, *_SIDE),
            ("k seven two p nine", "K72P9"), ("bravo four one zulu three", "B41Z3"),
            ("m q four eight two", "MQ482"),
            ("delta nine nine echo six", "D99E6"), ("r five t two one", "R5T21"),
        ),
        *_rows("wish", TRAVEL, *(
            (example, str(tool["name"])) for tool in TRAVEL
            for example in tool["x-trunkline"]["examples"]
        )),
        *_rows("wish in other words", TRAVEL,
            ("what time is the next train", "timetable"), ("i'd like to buy two tickets", "ticket"),
            ("please cancel the booking", "cancel"), ("i think i lost my suitcase", "luggage"),
            ("my train is late again", "delay"), ("can i speak to a person please", "agent"),
            ("the bag is missing", "luggage"), ("i need to cancel my journey", "cancel"),
        ),
        *_rows("chatter", TRAVEL, *((said, None) for said in (
            "the kettle is boiling over in the kitchen", "we painted the fence last summer",
            "your brother called about the football", "i put the shopping in the hall",
            "they are digging up the road outside", "did the children finish their homework",
            "this soup needs a little more salt", "her cat sleeps on the radiator all day",
        ))),
        *_rows("chatter for digits", (account, *_SIDE), *((said, None) for said in (
            "hang on the dog is barking", "it must be in the other drawer",
            "mum have you seen my glasses", "the weather has been awful lately",
            "they were playing that song at the wedding", "could you pass me the blue pen",
        ))),
        *_rows("chatter for yes or no", (agreed, *_SIDE), *((said, None) for said in (
            "the bins go out on thursday night", "he bought a second hand bicycle",
            "there was a queue round the corner", "turn the television down a bit",
        ))),
        *_rows("chatter for a date", (day, *_SIDE), *((said, None) for said in (
            "my neighbour grows enormous tomatoes", "we never found out who broke the window",
            "the baby is finally asleep", "it smells like something is burning",
        ))),
    ]  # fmt: skip
