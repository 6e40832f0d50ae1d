"""Pronunciations as authors write them: ARPAbet phones, or plain words that sound alike."""

from __future__ import annotations

import re
from typing import Final

PHONES: Final = frozenset((
    "AA", "AE", "AH", "AO", "AW", "AY", "B", "CH", "D", "DH", "EH", "ER", "EY", "F", "G", "HH",
    "IH", "IY", "JH", "K", "L", "M", "N", "NG", "OW", "OY", "P", "R", "S", "SH", "T", "TH", "UH",
    "UW", "V", "W", "Y", "Z", "ZH",
))  # fmt: skip
"""Of the CMU dictionary, without stress."""

_SOUNDS_LIKE: Final = re.compile(r"[a-z']+( [a-z']+)*")
_STRESS: Final = re.compile(r"[012]\b")
_MAX_PHONES: Final = 40


def pronunciation(written: str) -> str | None:
    """``written`` in its one form: "OW K AH F AO R", or "oak a for"; None when it is neither."""
    text = " ".join(written.split())
    phones = _STRESS.sub("", text).split()
    if phones and len(phones) <= _MAX_PHONES and PHONES.issuperset(phones):
        return " ".join(phones)
    is_alike = _SOUNDS_LIKE.fullmatch(text) is not None and len(text) <= 2 * _MAX_PHONES
    return text if is_alike else None


def is_phones(form: str) -> bool:
    """Whether a ``pronunciation`` is phones rather than words that sound alike."""
    return form[:1].isupper()
