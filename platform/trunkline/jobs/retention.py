"""Recordings and event logs older than the operator wants to keep are removed."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

from sqlalchemy import select, update

from trunkline.runtime.logging import get_logger
from trunkline.storage.engine import Sessions
from trunkline.storage.rows import RecordingRow

log = get_logger(__name__)

_BATCH: Final = 200


async def expire_recordings(
    sessions: Sessions, data_dir: Path, keep_days: int, now: datetime
) -> int:
    """Remove what ended more than ``keep_days`` ago; 0 keeps everything for ever.

    The row stays and says when the file went. Files of which no row speaks go by their own age.
    Returns how many files were removed.
    """
    if keep_days <= 0:
        return 0
    oldest = now - timedelta(days=keep_days)
    removed = 0
    while True:
        async with sessions.reading() as session:
            query = (
                select(RecordingRow.call_id, RecordingRow.path)
                .where(RecordingRow.at < oldest, RecordingRow.removed_at.is_(None))
                .order_by(RecordingRow.at)
                .limit(_BATCH)
            )
            due = [(call_id, path) for call_id, path in await session.execute(query)]
        if not due:
            break
        removed += await asyncio.to_thread(_remove_beside, data_dir, [path for _, path in due])
        async with sessions.writing() as session:
            await session.execute(
                update(RecordingRow)
                .where(RecordingRow.call_id.in_([call_id for call_id, _ in due]))
                .values(removed_at=now)
            )
    removed += await asyncio.to_thread(_remove_old, data_dir / "recordings", oldest.timestamp())
    if removed:
        log.info("old recordings were removed", files=removed, keep_days=keep_days)
    return removed


def _remove_beside(data_dir: Path, relative: list[str]) -> int:
    """Each recording and all that lies beside it under its name (event log, waveform)."""
    root = (data_dir / "recordings").resolve()
    removed = 0
    for name in relative:
        recording = (data_dir / name).resolve()
        if not recording.is_relative_to(root):
            continue
        for path in recording.parent.glob(f"{recording.stem}.*"):
            path.unlink(missing_ok=True)
            removed += 1
    return removed


def _remove_old(folder: Path, oldest: float) -> int:
    removed = 0
    # Deepest first, so that a folder is looked at when its files have gone.
    for path in sorted(folder.rglob("*"), reverse=True):
        if path.is_dir():
            if not any(path.iterdir()) and path.stat().st_mtime < oldest:
                path.rmdir()
        elif path.stat().st_mtime < oldest:
            path.unlink(missing_ok=True)
            removed += 1
    return removed
