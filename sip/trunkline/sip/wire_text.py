"""What a stranger wrote into a SIP message, made fit for JSON, databases and logs."""

from __future__ import annotations

import re
from typing import Final

# Lone surrogates are how SWIG hands on bytes that are no UTF-8 (RFC 3261 §7 asks for UTF-8, and
# old exchanges send Latin-1); C0 controls but for the white space of messages.
_ILLEGIBLE: Final = re.compile("[\ud800-\udfff\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")


def legible(text: str) -> str:
    """``text`` with U+FFFD in place of whatever could not be written down."""
    return _ILLEGIBLE.sub("\ufffd", text)


def one_line(text: str) -> str:
    """``legible``, and without line breaks and tabs: a number, a reason."""
    return " ".join(legible(text).split())
