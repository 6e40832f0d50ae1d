"""The event log of one call: all it saw and did, one JSON document a line, beside the recording.

Source of the timeline, of receipts and of replay. It holds what was said; it is kept and erased
with the recording. Lines go to the process's disk thread in small batches; a full or broken disk
costs lines, which are counted, never the call.
"""

from __future__ import annotations

import os
from concurrent.futures import Future
from pathlib import Path
from typing import Final

from trunkline.audio.disk_writer import Disk
from trunkline.calls.fact_json import document_bytes
from trunkline.domain.events import Json
from trunkline.runtime.logging import get_logger

log = get_logger(__name__)

_BATCH_LINES: Final = 64


class EventLog:
    """``note`` what happened; ``flush`` now and then, so that a killed process loses little."""

    def __init__(self, path: Path, disk: Disk) -> None:
        self.path = path
        self._disk = disk
        self._lines: list[bytes] = []
        self._has_complained = False
        self.lost_lines = 0

    def note(self, at_ms: int, kind: str, **fields: Json) -> None:
        """One line; ``at_ms`` is the call's clock. Values that JSON lacks are written as text."""
        document: dict[str, Json] = {"at_ms": at_ms, "event": kind, **fields}
        self._lines.append(document_bytes(document))
        if len(self._lines) >= _BATCH_LINES:
            self.flush()

    def flush(self) -> None:
        if not self._lines:
            return
        lines, self._lines = self._lines, []
        if not self._disk.submit(lambda: self._append(lines)):
            self.lost_lines += len(lines)

    def close(self) -> Future[None]:
        """Settled when the last line is written."""
        lines, self._lines = self._lines, []
        return self._disk.finish(lambda: self._append(lines))

    def _append(self, lines: list[bytes]) -> None:
        if not lines:
            return
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC
            with os.fdopen(os.open(self.path, flags, 0o640), "ab") as file:
                file.write(b"\n".join(lines) + b"\n")
        except OSError as exc:
            self.lost_lines += len(lines)
            if not self._has_complained:
                self._has_complained = True
                log.error("an event log cannot be written", reason=exc.strerror)
