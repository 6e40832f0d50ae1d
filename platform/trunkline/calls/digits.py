"""DTMF into entries, ended by the terminator, by length or by time. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from trunkline.flows.actions import DigitGathering


@dataclass(frozen=True, slots=True)
class SpareTerminator:
    """Whoever keys in all digits and then ``#``, as they were told, means nothing more by it."""

    terminator: str
    until_ms: float

    def swallows(self, digit: str, at_ms: float) -> bool:
        return digit == self.terminator and at_ms <= self.until_ms


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

    def spare_terminator(self, last_digit: str) -> SpareTerminator | None:
        """What may still follow an entry that its length ended; asked when it is complete."""
        rules = self.gathering
        if last_digit == rules.terminator or rules.max_digits < 2:
            return None
        return SpareTerminator(rules.terminator, self.last_ms + rules.inter_digit_ms)

    def expire(self, at_ms: float) -> str | None:
        """The entry, when the caller has stopped; one that is too short is given all the same, so
        that the flow can say so."""
        if self.digits and at_ms - self.last_ms >= self.gathering.inter_digit_ms:
            return self._take()
        return None

    def _take(self) -> str:
        digits, self.digits = self.digits, ""
        return digits
