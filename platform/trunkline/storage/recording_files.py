"""Where a call's recording and event log lie, and what a recording's own header says of it."""

from __future__ import annotations

import re
import wave
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

from trunkline.domain.errors import NotFound

_SAFE_ID: Final = re.compile(r"[A-Za-z0-9_]{1,64}")
_HEADER_BYTES: Final = 44


def find_call_file(
    recordings_dir: Path, call_id: str, started_at: datetime, suffix: str
) -> Path | None:
    """The file of a call of which no row says where it is: one that is up, or lost its edge.

    An edge files a call under the day it began by the edge's own clock.
    """
    if not _SAFE_ID.fullmatch(call_id):
        return None
    for days in (0, -1, 1):
        day = started_at + timedelta(days=days)
        path = recordings_dir / f"{day:%Y/%m/%d}" / f"{call_id}{suffix}"
        if path.is_file():
            return path
    return None


def kept_file(data_dir: Path, relative: str, suffix: str) -> Path:
    """The file that a row names (``suffix`` ``.jsonl`` for the log beside it).

    NotFound when it is gone, or would lie outside ``data_dir``.
    """
    root = data_dir.resolve()
    path = (root / relative).with_suffix(suffix).resolve()
    if not path.is_relative_to(root) or not path.is_file():
        raise NotFound("the file of this call is missing", code="recording_missing")
    return path


@dataclass(frozen=True, slots=True)
class WavSummary:
    sample_rate_hz: int
    duration_ms: int


def read_wav(path: Path) -> WavSummary | None:
    """Rate and length; the length by the file's size, for the header may be half a second behind.

    None when it is no WAV with audio in it.
    """
    try:
        with wave.open(str(path), "rb") as file:
            rate, block = file.getframerate(), file.getnchannels() * file.getsampwidth()
        samples = (path.stat().st_size - _HEADER_BYTES) // block
    except (OSError, EOFError, wave.Error, ZeroDivisionError):
        return None
    return WavSummary(rate, samples * 1000 // rate) if rate and samples > 0 else None
