"""Slots that nearly every flow needs, ready to use: ``use: account_number``.

What a flow writes beside ``use`` wins. The texts are English; a flow in another language brings its
own.
"""

from __future__ import annotations

from collections.abc import Mapping
from difflib import get_close_matches
from typing import Any, Final

SLOT_LIBRARY: Final[Mapping[str, Mapping[str, Any]]] = {
    "account_number": {
        "kind": "digits", "description": "account number", "min_length": 6, "max_length": 12,
        "ask": "What is your account number?",
        "reprompts": [
            "Please say the account number digit by digit.",
            "You can also key the account number in, and end with the hash key.",
        ],
        "read_back": "I have account {value}. Is that right?",
    },
    "card_number": {
        "kind": "digits", "description": "card number", "min_length": 12, "max_length": 19,
        "ask": "Please key in your card number, and end with the hash key.",
        "reprompts": [
            "That is no valid card number. Please key it in again, and end with the hash key.",
            "Please use the keypad of your telephone: the long number on the front of the card.",
        ],
        "read_back": "I have {value}. Is that right? Press one for yes or two for no.",
        "confirm": "never", "luhn": True, "keypad_only": True, "secret": True,
    },
    "phone_number": {
        "kind": "digits", "description": "phone number", "min_length": 7, "max_length": 15,
        "ask": "What is the phone number, with the area code?",
        "reprompts": [
            "Please say the phone number digit by digit.",
            "You can also key the phone number in, and end with the hash key.",
        ],
        "read_back": "I have {value}. Is that right?", "confirm": "always",
    },
    "email": {
        "kind": "email", "description": "e-mail address", "ask": "What is your e-mail address?",
        "reprompts": [
            "Please spell your e-mail address letter by letter, with at and dot.",
            "For example: a n n a, at, example, dot, com.",
        ],
        "read_back": "I have {value}. Is that right?", "confirm": "always",
    },
    "date_of_birth": {
        "kind": "date", "description": "date of birth", "ask": "What is your date of birth?",
        "reprompts": [
            "Please say the day, the month and the year you were born.",
            "You can also key it in, as eight digits.",
        ],
        "read_back": "I have {value}. Is that right?", "confirm": "always", "dates": "past",
    },
    "postcode": {
        "kind": "code", "description": "postcode", "min_length": 4, "max_length": 8,
        "ask": "What is your postcode?",
        "reprompts": ["Please spell your postcode, one letter or digit at a time."],
        "read_back": "I have {value}. Is that right?", "confirm": "always",
    },
    "address": {
        "kind": "free_text", "description": "address", "min_length": 6, "max_length": 200,
        "ask": "What is your address, with the house number, the street and the town?",
        "reprompts": ["Please say the house number, the street and the town."],
        "read_back": "I have {value}. Is that right?", "confirm": "always",
    },
}  # fmt: skip


def from_library(value: Any) -> Any:
    """A slot as written, laid over the library's; ValueError for a name it does not have."""
    if not isinstance(value, Mapping) or not isinstance(value.get("use"), str):
        return value
    name = value["use"]
    if name not in SLOT_LIBRARY:
        close = get_close_matches(name, SLOT_LIBRARY, n=1)
        hint = f"did you mean {close[0]!r}?" if close else f"there are {', '.join(SLOT_LIBRARY)}"
        raise ValueError(f"the library has no slot {name!r}; {hint}")
    return {**SLOT_LIBRARY[name], **value}
