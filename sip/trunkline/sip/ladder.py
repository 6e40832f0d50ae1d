"""The SIP messages of one call, in order: what was asked, what was answered, and when."""

from __future__ import annotations

import re
import time
from collections import deque
from typing import Final

from trunkline.domain.leg import SipStep
from trunkline.sip.wire_text import one_line

MAX_STEPS: Final = 60
_HEAD_STEPS: Final = 30  # the beginning is kept, and of the rest the latest
_MAX_CHARS: Final = 80
_REMEMBERED: Final = 8
_CSEQ: Final = re.compile(r"^CSeq\s*:\s*\d+\s+([A-Za-z]+)", re.MULTILINE | re.IGNORECASE)


class Ladder:
    """Bounded; holds no number, name or URI: a message is its method or its status."""

    def __init__(self) -> None:
        self._began_s = time.monotonic()
        self._first: list[SipStep] = []
        self._latest: list[SipStep] = []
        self._left_out = 0
        self._seen: deque[int] = deque(maxlen=_REMEMBERED)

    def note(self, message: str, peer: str, *, is_ours: bool) -> None:
        """A message as it went over the wire; one that is not readable is left out."""
        text = summary(message)
        # A transaction tells of each of its states: the same message comes more than once.
        digest = hash((message, is_ours))
        if not text or digest in self._seen:
            return
        self._seen.append(digest)
        at_ms = round((time.monotonic() - self._began_s) * 1000)
        step = SipStep(at_ms, is_ours, text, one_line(peer))
        if len(self._first) < _HEAD_STEPS:
            self._first.append(step)
            return
        self._latest.append(step)
        if len(self._latest) > MAX_STEPS - _HEAD_STEPS:
            del self._latest[0]
            self._left_out += 1

    def said_goodbye(self) -> None:
        """Our BYE: PJSIP tells of the dialog's end before it tells of the message."""
        if not any(step.text == "BYE" for step in (*self._first, *self._latest)):
            self.note("BYE ", "", is_ours=True)

    def steps(self) -> tuple[SipStep, ...]:
        if not self._left_out:
            return (*self._first, *self._latest)
        gap = SipStep(self._first[-1].at_ms, False, f"({self._left_out} left out)")
        return (*self._first, gap, *self._latest)


def summary(message: str) -> str:
    """``INVITE``, or ``180 Ringing (INVITE)``."""
    first, _, rest = message.partition("\n")
    if first.startswith("SIP/2.0 "):
        method = _CSEQ.search(rest)
        said = one_line(first.removeprefix("SIP/2.0 "))[:_MAX_CHARS]
        return f"{said} ({method[1].upper()})" if method else said
    method_name = first.split(" ", 1)[0]
    return method_name if re.fullmatch(r"[A-Z]{3,20}", method_name) else ""
