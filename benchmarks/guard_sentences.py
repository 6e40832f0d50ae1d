"""Sentences of guard trials: ordinary ones, and what the guardrails of this checkout block."""

from __future__ import annotations

import re
from typing import Final

from trunkline.flows.guard.pack import Side, labelled
from trunkline.flows.guard.rules import GuardRules
from trunkline.flows.guard.shelf import GuardShelf

FINE: Final = (
    "I have found your account.",
    "Your order left the warehouse this morning.",
    "The engineer comes between two and four.",
    "We are open until six this evening.",
    "Let me look that up for you.",
    "Your parcel is at the depot.",
    "The invoice was sent by mail.",
    "There is nothing to pay at the moment.",
    "Your appointment is on Thursday.",
    "I have noted your new address.",
    "The line is clear again.",
    "A colleague will call you back.",
    "Your meter reading is in.",
    "The blue one is back in stock.",
    "You can collect it at the counter.",
    "Please keep the box for the return.",
    "The router takes a minute to start.",
    "Your contract runs until the spring.",
    "I can see two rooms for that night.",
    "The train leaves from platform nine.",
    "Breakfast is served from seven.",
    "Your ticket is valid all day.",
    "The shop is next to the station.",
    "I will read that back to you.",
    "Your password was changed yesterday.",
    "The form has three pages.",
    "It takes about five working days.",
    "You will get a message when it is ready.",
    "The second floor has a lift.",
    "Your card is waiting at reception.",
    "The garden gate is always open.",
    "We have moved to the old town hall.",
    "The doctor sees you after lunch.",
    "Please bring a passport photograph.",
    "The meeting begins at half past ten.",
    "Your seat is by the window.",
)
_PLAIN: Final = re.compile(r"[A-Za-z' ]{12,60}")


def blocked_phrases(shelf: GuardShelf) -> tuple[str, ...]:
    """Things an agent may not say, in the packs' own words, each one sentence."""
    guard = shelf.guard_for(GuardRules())
    found = []
    for one in labelled(shelf.packs):
        text = one.text.strip().rstrip(".!")
        if one.side is not Side.OUTPUT or one.category is None or not _PLAIN.fullmatch(text):
            continue
        phrase = f"{text[0].upper()}{text[1:]}."
        if 3 <= len(phrase.split()) <= 10 and not guard.judge_clause("", phrase).may_be_said:
            found.append(phrase)
    return tuple(dict.fromkeys(found))
