"""PJSIP's own log, brought into ours with numbers and addresses of callers left out."""

from __future__ import annotations

import re
from collections import deque
from dataclasses import dataclass
from typing import Final

import pjsua2 as pj

from trunkline.runtime.logging import get_logger

log = get_logger("pjsip")

_MAX_LINES: Final = 2000
_URI_USER: Final = re.compile(r"(sips?:)[^@\s<>;]+@", re.IGNORECASE)
_TEL_URI: Final = re.compile(r"(tel:)[^\s<>;]+", re.IGNORECASE)
_SECRETS: Final = re.compile(r"(\binline:|\bresponse=\")[^\s|\"]+", re.IGNORECASE)
_DISPLAY_NAME: Final = re.compile(r'"[^"]*"\s*(?=<)')


def without_callers(text: str) -> str:
    """The line with user parts of URIs and display names left out."""
    text = _URI_USER.sub(r"\1***@", text)
    text = _TEL_URI.sub(r"\1***", text)
    return _DISPLAY_NAME.sub('"***" ', text)


def without_keys(message: str) -> str:
    """A SIP message without the keys of its SRTP (RFC 4568 §9.2) and the answers to challenges.

    Whoever may see callers in a log may still not listen to them.
    """
    return _SECRETS.sub(r"\1***", message)


@dataclass(frozen=True, slots=True)
class PjLine:
    level: int
    text: str
    thread: str


class PjLog(pj.LogWriter):
    """Takes lines on whatever thread PJSIP writes them and hands them on from ours.

    Below debug PJSIP's media clock writes no line in a call's normal course, so Python does not
    run on it. When the queue is full the oldest lines go, and their number is logged.
    """

    def __init__(self) -> None:
        super().__init__()
        self._lines: deque[PjLine] = deque(maxlen=_MAX_LINES)
        self._dropped = 0

    def write(self, entry: pj.LogEntry) -> None:
        try:
            if len(self._lines) == _MAX_LINES:
                self._dropped += 1
            self._lines.append(PjLine(entry.level, entry.msg, entry.threadName))
        except BaseException:  # an exception that reaches C++ here would end the process
            self._dropped += 1

    def drain(self) -> None:
        """Log what has come in; called on the control thread."""
        while self._lines:
            emit(self._lines.popleft())
        if self._dropped:
            dropped, self._dropped = self._dropped, 0
            log.warning("PJSIP lines dropped", lines=dropped)


def emit(line: PjLine) -> None:
    """A whole SIP message goes under a pii key at debug; other lines are cleaned and shown."""
    text = line.text.strip()
    first, newline, rest = text.partition("\n")
    fields = {"line": without_keys(without_callers(first.strip())), "thread": line.thread}
    if newline:
        log.debug("pjsip message", pii_message=without_keys(rest), **fields)
    elif line.level <= 1:
        # Not an error of ours yet: what fails for us is raised, and logged where it matters.
        log.warning("pjsip", **fields)
    elif line.level == 2:
        log.info("pjsip", **fields)
    else:
        log.debug("pjsip", **fields)
