"""Recordings, calls and deliveries older than the operator wants to keep are removed."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncSession

from trunkline.runtime.logging import get_logger
from trunkline.storage.engine import Sessions
from trunkline.storage.forgetting import (
    forget_calls,
    forget_deliveries,
    forget_links,
    forget_orders,
    old_calls,
)
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


async def expire_calls(sessions: Sessions, data_dir: Path, keep_days: int, now: datetime) -> int:
    """Forget calls and orders that ended more than ``keep_days`` ago; 0 keeps them for ever.

    Files go first: a row whose file is left behind would be the last that knew of it.
    Returns how many calls were forgotten.
    """
    if keep_days <= 0:
        return 0
    before = now - timedelta(days=keep_days)
    forgotten, last = 0, ""
    while True:
        async with sessions.reading() as session:
            due = await old_calls(session, before, _BATCH, after=last)
        if not due:
            break
        last = due[-1].call_id
        files = [call.recording for call in due if call.recording is not None]
        await asyncio.to_thread(_remove_beside, data_dir, files)
        async with sessions.writing() as session:
            forgotten += await forget_calls(session, [call.call_id for call in due])
    orders = await _in_batches(sessions, forget_orders, before)
    if forgotten or orders:
        log.info("old calls were forgotten", calls=forgotten, orders=orders, keep_days=keep_days)
    return forgotten


async def expire_deliveries(sessions: Sessions, keep_days: int, now: datetime) -> int:
    """Forget deliveries that were made or given up more than ``keep_days`` ago, and old links."""
    if keep_days <= 0:
        return 0
    before = now - timedelta(days=keep_days)
    forgotten = await _in_batches(sessions, forget_deliveries, before)
    links = await _in_batches(sessions, forget_links, before)
    if forgotten or links:
        log.info("old deliveries were forgotten", deliveries=forgotten, links=links)
    return forgotten


async def _in_batches(
    sessions: Sessions,
    forget: Callable[[AsyncSession, datetime, int], Awaitable[int]],
    before: datetime,
) -> int:
    """A transaction each: nobody waits long for the database."""
    forgotten = 0
    while True:
        async with sessions.writing() as session:
            gone = await forget(session, before, _BATCH)
        forgotten += gone
        if gone < _BATCH:
            return forgotten


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
