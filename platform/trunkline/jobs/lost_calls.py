"""Calls that a killed edge had begun, or ended, and had no time to tell: their event logs did.

A fact is in the event log within a tenth of a second of its happening; into the database it goes
after a fifth, and later while that is slow.
"""

from __future__ import annotations

import os
import time
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

import orjson

from trunkline.calls.fact_json import decode_fact
from trunkline.domain.errors import Invalid
from trunkline.domain.events import (
    CallAnswered,
    CallEnded,
    CallFact,
    CallStarted,
    RecordingClosed,
    StepEntered,
    TurnEnded,
)
from trunkline.domain.ids import CallId
from trunkline.runtime.logging import get_logger

log = get_logger(__name__)

# Tools and approvals are not among them: what they set off must not begin a minute late.
_OF_RECORD: Final = (CallStarted, CallAnswered, StepEntered, TurnEnded, CallEnded, RecordingClosed)
_LATELY: Final = timedelta(hours=1)
_FIRST_BYTES: Final = 16_384


@dataclass(frozen=True, slots=True)
class LoggedCall:
    call_id: CallId
    path: Path


def logged_facts(path: Path, call_id: CallId) -> list[CallFact]:
    """What a call's event log tells of its record; lines that are broken are left out."""
    try:
        with path.open("rb") as lines:
            facts = [fact for line in lines for fact in _facts(line)]
    except OSError as exc:
        log.warning("a lost call's event log cannot be read", reason=exc.strerror)
        return []
    return [fact for fact in facts if isinstance(fact, _OF_RECORD) and fact.call_id == call_id]


def logged_calls(recordings_dir: Path, edges: Collection[str]) -> list[LoggedCall]:
    """Calls of these edges whose logs were written to in the last hour."""
    found = []
    now = datetime.now(UTC)
    for day in {(now + timedelta(days=days)).strftime("%Y/%m/%d") for days in (-1, 0, 1)}:
        for entry in _logs(recordings_dir / day):
            try:
                with open(entry.path, "rb") as file:
                    first = file.read(_FIRST_BYTES).splitlines()
            except OSError:
                continue  # erased meanwhile
            begun = (fact for line in first for fact in _facts(line))
            started = next((fact for fact in begun if isinstance(fact, CallStarted)), None)
            if started is not None and started.edge_id in edges:
                found.append(LoggedCall(started.call_id, Path(entry.path)))
    return found


def _logs(folder: Path) -> Iterator[os.DirEntry[str]]:
    since = time.time() - _LATELY.total_seconds()
    try:
        with os.scandir(folder) as entries:
            for entry in entries:
                if entry.name.endswith(".jsonl") and entry.stat().st_mtime > since:
                    yield entry
    except OSError:
        return  # a day without calls


def _facts(line: bytes) -> Iterator[CallFact]:
    """The fact of one line, if it is one that we know."""
    if b'"event":"fact"' not in line:
        return
    try:
        yield decode_fact(orjson.loads(line)["document"])
    except (orjson.JSONDecodeError, KeyError, TypeError, AttributeError, Invalid):
        return  # the line at which the edge was killed, or a later version's
