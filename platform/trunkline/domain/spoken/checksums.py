"""Check digits of numbers that people read out."""

from __future__ import annotations

from enum import StrEnum
from typing import Final

_MAX_IBAN: Final = 34


class Checksum(StrEnum):
    """How a number checks itself; NONE: it does not."""

    NONE = ""
    LUHN = "luhn"
    IBAN = "iban"


def passes(checksum: Checksum, value: str) -> bool:
    """Whether ``value`` can be right."""
    match checksum:
        case Checksum.LUHN:
            return passes_luhn(value)
        case Checksum.IBAN:
            return passes_iban(value)
        case Checksum.NONE:
            return True


def passes_luhn(digits: str) -> bool:
    """Whether the last digit checks the others (ISO/IEC 7812-1, annex B)."""
    if not (digits.isascii() and digits.isdigit()):
        return False
    total = 0
    for place, digit in enumerate(reversed(digits)):
        value = int(digit) * (2 if place % 2 else 1)
        total += value - 9 if value > 9 else value
    return total % 10 == 0


def passes_iban(code: str) -> bool:
    """Whether the third and fourth characters check the others (ISO 13616, mod 97)."""
    code = code.upper()
    if not (code.isascii() and code.isalnum() and 5 <= len(code) <= _MAX_IBAN):
        return False
    if not (code[:2].isalpha() and code[2:4].isdigit()):
        return False
    return int("".join(str(int(sign, 36)) for sign in code[4:] + code[:4])) % 97 == 1
