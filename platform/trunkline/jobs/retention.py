"""Recordings older than the operator wants to keep are removed."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

from trunkline.runtime.logging import get_logger

log = get_logger(__name__)


def expire_recordings(folder: Path, keep_days: int, now: datetime) -> int:
    """Remove files last written more than ``keep_days`` ago; 0 keeps everything for ever."""
    if keep_days <= 0 or not folder.is_dir():
        return 0
    oldest = now.timestamp() - keep_days * 86400
    removed = 0
    for path in folder.rglob("*"):
        if path.is_file() and path.stat().st_mtime < oldest:
            path.unlink(missing_ok=True)
            removed += 1
    if removed:
        log.info("old recordings were removed", files=removed, keep_days=keep_days)
    return removed
