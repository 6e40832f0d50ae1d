"""DTMF into entries, ended by the terminator, by length or by time. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from trunkline.flows.actions import DigitGathering


@dataclass(slots=True)
class DigitEntry:
    """What was keyed in so far, in one step of a flow."""

    gathering: DigitGathering
    digits: str = ""
    last_ms: float = 0.0

    def press(self, digit: str, at_ms: float) -> str | None:
        """One more digit; returns the entry when it is complete.

        The terminator ends an entry that is long enough and is part of it otherwise (a menu may
        give ``#`` a meaning of its own).
        """
        self.last_ms = at_ms
        rules = self.gathering
        if digit == rules.terminator and len(self.digits) >= rules.min_digits:
            return self._take()
        self.digits += digit
        return self._take() if len(self.digits) >= rules.max_digits else None

    def expire(self, at_ms: float) -> str | None:
        """The entry, when the caller has stopped; one that is too short is given all the same, so
        that the flow can say so."""
        if self.digits and at_ms - self.last_ms >= self.gathering.inter_digit_ms:
            return self._take()
        return None

    def _take(self) -> str:
        digits, self.digits = self.digits, ""
        return digits
