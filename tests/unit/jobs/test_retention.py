from __future__ import annotations

import os
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import select
from tests.unit.storage.facts import CALL, NOON, after, whole_call

from trunkline.domain.ids import CallId
from trunkline.jobs.retention import expire_calls, expire_deliveries, expire_recordings
from trunkline.storage.calls import CallRepository
from trunkline.storage.engine import Sessions
from trunkline.storage.journal import write_facts
from trunkline.storage.rows import OutboxRow, RecordingRow
from trunkline.storage.views import CallSummary
from trunkline.storage.webhooks import WebhookRepository

LATER = NOON + timedelta(days=31)


def touch(path: Path, days_ago: float) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"x")
    at = LATER.timestamp() - days_ago * 86400
    os.utime(path, (at, at))
    return path


async def summary(sessions: Sessions) -> CallSummary:
    async with sessions.reading() as session:
        return await CallRepository(session).summary(CALL)


async def test_what_is_too_old_goes_and_its_row_says_when(
    sessions: Sessions, tmp_path: Path
) -> None:
    await write_facts(sessions, whole_call())
    folder = tmp_path / "recordings/2026/11"
    # Its own time does not matter: a restored backup has new files of old calls.
    files = [touch(folder / f"{CALL}{suffix}", 0) for suffix in (".wav", ".jsonl", ".wav.peaks")]
    young = touch(folder / "call_young.wav", 29)
    assert await expire_recordings(sessions, tmp_path, 30, LATER) == 3
    assert not any(path.exists() for path in files)
    assert young.exists()
    assert not (await summary(sessions)).has_recording
    async with sessions.reading() as session:
        assert (await session.get_one(RecordingRow, CALL)).removed_at == LATER
    assert await expire_recordings(sessions, tmp_path, 30, LATER) == 0


async def test_a_young_recording_stays(sessions: Sessions, tmp_path: Path) -> None:
    await write_facts(sessions, whole_call())
    path = touch(tmp_path / f"recordings/2026/11/{CALL}.wav", 0)
    assert await expire_recordings(sessions, tmp_path, 32, LATER) == 0
    assert path.exists()
    assert (await summary(sessions)).has_recording


async def test_without_a_limit_everything_stays(sessions: Sessions, tmp_path: Path) -> None:
    await write_facts(sessions, whole_call())
    path = touch(tmp_path / f"recordings/2026/11/{CALL}.wav", 9000)
    assert await expire_recordings(sessions, tmp_path, 0, LATER) == 0
    assert path.exists()


async def test_old_files_of_which_no_row_speaks_go_too(sessions: Sessions, tmp_path: Path) -> None:
    stray = touch(tmp_path / "recordings/2026/10/01/call_stray.wav", 40)
    assert await expire_recordings(sessions, tmp_path, 30, LATER) == 1
    assert not stray.exists()


async def test_a_row_cannot_make_it_remove_what_is_no_recording(
    sessions: Sessions, tmp_path: Path
) -> None:
    await write_facts(sessions, whole_call())
    async with sessions.writing() as session:
        (await session.get_one(RecordingRow, CALL)).path = "../precious.txt"
    precious = touch(tmp_path.parent / "precious.txt", 900)
    assert await expire_recordings(sessions, tmp_path, 30, LATER) == 0
    assert precious.exists()


async def test_more_calls_than_a_batch_are_all_seen_to(sessions: Sessions, tmp_path: Path) -> None:
    facts = [fact for n in range(205) for fact in whole_call(CallId(f"call_{n}")) if _is_kept(fact)]
    await write_facts(sessions, facts)
    touch(tmp_path / "recordings/2026/11/call_204.wav", 0)
    assert await expire_recordings(sessions, tmp_path, 30, LATER) == 1
    async with sessions.reading() as session:
        page = await CallRepository(session).list_calls(limit=200)
    assert not any(call.has_recording for call in page.calls)


def _is_kept(fact: object) -> bool:
    return type(fact).__name__ in ("CallStarted", "RecordingClosed")


@pytest.mark.parametrize("days", [-1, 0])
async def test_no_folder_is_no_trouble(sessions: Sessions, tmp_path: Path, days: int) -> None:
    assert await expire_recordings(sessions, tmp_path / "none", days, after(0)) == 0
    assert await expire_recordings(sessions, tmp_path / "none", 1, after(0)) == 0


async def test_a_forgotten_call_takes_its_files_with_it(sessions: Sessions, tmp_path: Path) -> None:
    calls = [CallId(f"call_{n}") for n in range(203)]
    kept = ("CallStarted", "RecordingClosed", "CallEnded")
    facts = [one for call in calls for one in whole_call(call) if type(one).__name__ in kept]
    await write_facts(sessions, facts)
    folder = tmp_path / "recordings/2026/11"
    files = [touch(folder / f"call_7{suffix}", 0) for suffix in (".wav", ".jsonl")]
    assert await expire_calls(sessions, tmp_path, 32, LATER) == 0
    assert await expire_calls(sessions, tmp_path, 0, LATER) == 0
    assert all(path.exists() for path in files)
    assert await expire_calls(sessions, tmp_path, 30, LATER) == 203
    assert not any(path.exists() for path in files)
    async with sessions.reading() as session:
        assert (await CallRepository(session).list_calls(limit=10)).calls == ()
    assert await expire_calls(sessions, tmp_path, 30, LATER) == 0


async def test_deliveries_stay_for_ever_where_that_is_wanted(sessions: Sessions) -> None:
    async with sessions.writing() as session:
        await WebhookRepository(session).add("https://example.org/h", ["call.ended"], NOON)
    await write_facts(sessions, whole_call())
    async with sessions.writing() as session:
        (row,) = await session.scalars(select(OutboxRow))
        row.sent_at = NOON
    assert await expire_deliveries(sessions, 0, LATER) == 0
    assert await expire_deliveries(sessions, 32, LATER) == 0
    assert await expire_deliveries(sessions, 30, LATER) == 1
