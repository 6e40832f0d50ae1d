"""A key in a SIP INFO with a body of ``application/dtmf``: the bare key. PJSIP reads dtmf-relay."""

from __future__ import annotations

import re
from typing import Final

INFO_DIGIT_MS: Final = 160
_KIND: Final = re.compile(r"^(?:content-type|c)\s*:\s*application/dtmf\s*(?:;.*)?$", re.I | re.M)
_KEY: Final = re.compile(r"(?:signal\s*=\s*)?([0-9*#A-D]|1[0-5])\s*", re.I)
_NAMED: Final = {"10": "*", "11": "#", "12": "A", "13": "B", "14": "C", "15": "D"}


def digit_in_info(message: str) -> str:
    """The key, or nothing for any other message."""
    if not message.startswith("INFO "):
        return ""
    head, _, body = message.replace("\r\n", "\n").partition("\n\n")
    found = _KEY.fullmatch(body.strip()) if _KIND.search(head) else None
    return _NAMED.get(found[1], found[1].upper()) if found else ""
