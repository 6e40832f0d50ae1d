"""Lines of the house: what is said when the engine that would say something is gone.

Rendered in every agent's voice before the first call is accepted. English; other languages fall
back to it until they have their own.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class HouseLines:
    """``one_moment``: the engine is being replaced; ``apology``: it cannot be; the call ends.

    ``still_here``: said every few seconds until it is known which. ``closing``: this edge stops,
    and the call with it. ``press_one`` asks a human to take a caller. ``not_done`` replaces what
    an engine claims while a person is still asked. ``takes_over`` is heard by who takes a call
    over; ``put_through`` and ``with_you_again`` by the caller, before and after. ``fillers`` are
    for a caller who waits for an engine or a tool: they claim nothing, and take turns.
    """

    one_moment: str
    still_here: str
    apology: str
    closing: str
    press_one: str
    not_done: str
    takes_over: str
    put_through: str
    with_you_again: str
    fillers: tuple[str, ...]

    def all(self) -> tuple[str, ...]:
        return (
            self.one_moment,
            self.still_here,
            self.apology,
            self.closing,
            self.press_one,
            self.not_done,
            self.takes_over,
            self.put_through,
            self.with_you_again,
            *self.fillers,
        )


_LINES: Final[Mapping[str, HouseLines]] = {
    "en": HouseLines(
        one_moment="Sorry, one moment please.",
        still_here="Please bear with me, I am still here.",
        apology="I am sorry, we have a technical problem. Please call again later. Goodbye.",
        closing="I am sorry, I have to end this call now. Please call us again. Goodbye.",
        press_one="Press one to take the call, or two to decline.",
        not_done="It is not done yet. A person has to decide about it first.",
        takes_over="Your caller is waiting. Press star to give them back to the agent.",
        put_through="One moment, a colleague is taking over.",
        with_you_again="You are back with me.",
        fillers=(
            "One moment, please.",
            "Just a little longer.",
            "Thank you for waiting.",
            "It takes longer than usual. Please stay on the line.",
        ),
    )
}


def house_lines(language: str) -> HouseLines:
    return _LINES.get(language.partition("-")[0].casefold(), _LINES["en"])
