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
    """``one_moment``: the engine is being replaced; ``apology``: it cannot be; the call ends."""

    one_moment: str
    apology: str

    def all(self) -> tuple[str, ...]:
        return (self.one_moment, self.apology)


_LINES: Final[Mapping[str, HouseLines]] = {
    "en": HouseLines(
        one_moment="Sorry, one moment please.",
        apology="I am sorry, we have a technical problem. Please call again later. Goodbye.",
    )
}


def house_lines(language: str) -> HouseLines:
    return _LINES.get(language.partition("-")[0].casefold(), _LINES["en"])
