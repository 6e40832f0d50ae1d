"""Facts that wait on disk for the database: one JSON document a line, in order.

Every method does file I/O and belongs on a thread, not on the loop.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Sequence
from pathlib import Path

import orjson

from trunkline.calls.fact_json import decode_fact, document_bytes, encode_fact
from trunkline.domain.errors import Invalid
from trunkline.domain.events import CallFact
from trunkline.runtime.logging import get_logger

log = get_logger(__name__)


class FactSpool:
    """An append-only file with a reading position; it is removed when all of it has been read.

    A crash between writing to the database and ``advance`` replays those facts; writing a fact
    twice changes nothing.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._rejected = path.with_suffix(".rejected.jsonl")
        self._read_bytes = 0
        self._next_bytes = 0

    def size(self) -> int:
        """Facts that wait, counted from the file (a process before this one may have left some)."""
        if not self._path.exists():
            return 0
        with self._path.open("rb") as lines:
            lines.seek(self._read_bytes)
            return sum(1 for line in lines if line.endswith(b"\n"))

    def append(self, facts: Sequence[CallFact]) -> None:
        """Durable when it returns; raises OSError when the disk refuses."""
        self._append(self._path, facts)

    def reject(self, facts: Sequence[CallFact]) -> None:
        """Put aside what no database takes, for a person to look at."""
        self._append(self._rejected, facts)

    def _append(self, path: Path, facts: Sequence[CallFact]) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        payload = b"".join(document_bytes(encode_fact(fact)) + b"\n" for fact in facts)
        file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o640)
        try:
            whole = os.fstat(file).st_size
            if whole and os.pread(file, 1, whole - 1) != b"\n":
                payload = b"\n" + payload  # a process died in the middle of its last line
            try:
                if os.write(file, payload) < len(payload):
                    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
                os.fsync(file)
            except OSError:
                os.ftruncate(file, whole)  # half a line would spoil the next one too
                raise
        finally:
            os.close(file)

    def read(self, limit: int) -> list[CallFact]:
        """The next facts, without moving on; a line that cannot be read is skipped and logged."""
        facts: list[CallFact] = []
        self._next_bytes = self._read_bytes
        if not self._path.exists():
            return facts
        with self._path.open("rb") as lines:
            lines.seek(self._read_bytes)
            while len(facts) < limit and (line := lines.readline()).endswith(b"\n"):
                self._next_bytes += len(line)
                try:
                    facts.append(decode_fact(orjson.loads(line)))
                except (orjson.JSONDecodeError, Invalid) as exc:
                    log.error("a spooled fact cannot be read", reason=type(exc).__name__)
        return facts

    def advance(self) -> None:
        """What was read last is done."""
        self._read_bytes = self._next_bytes
        if self._path.exists() and self._read_bytes >= self._path.stat().st_size:
            self._path.unlink()
            self._read_bytes = self._next_bytes = 0
