"""After the calls: every one is in the database, ended with a cause, recorded whole, and quiet."""

from __future__ import annotations

import asyncio
import io
import re
import wave
from collections.abc import Iterable
from typing import Any, Final

import httpx
from tests.peers.drivers.installation import Installation
from tests.soak.churn import ACCOUNT, PHRASES, Story

LIVE_STATES: Final = ("initiated", "ringing", "answered", "held", "transferring", "ending")
_CLOSE_S: Final = 1.0
_NO_SOUND_MS: Final = 300  # hung up with the answer (a CANCEL that came too late): no audio at all
# Structured logs: JSON writes a traceback into one field.
_FAULTS: Final = re.compile(
    r"task failed|Traceback|a call broke|a leg broke|SIP command failed|never awaited"
    r"|\"level\": \"(?:error|critical)\""
)


async def every_call(installation: Installation) -> dict[str, dict[str, Any]]:
    """All calls in the database, by the caller's number."""
    found: dict[str, dict[str, Any]] = {}
    async with _client(installation) as client:
        cursor: str | None = None
        while True:
            params = {"limit": 200} | ({"cursor": cursor} if cursor else {})
            page = (await client.get("/calls", params=params)).raise_for_status().json()
            found |= {call["caller_number"]: call for call in page["calls"]}
            cursor = page["next_cursor"]
            if cursor is None:
                return found


async def live_in_database(installation: Installation) -> list[str]:
    async with _client(installation) as client:
        page = await client.get("/calls", params={"state": list(LIVE_STATES), "limit": 200})
    return [call["call_id"] for call in page.raise_for_status().json()["calls"]]


def has_no_call(story: Story) -> bool:
    """Cancelled: its INVITE may have been over before we had looked at it."""
    return story.plan == "cancel" and story.status == 487


async def complaints(installation: Installation, stories: Iterable[Story]) -> list[str]:
    """What is wrong with the calls, one line each; nothing when all is well."""
    wrong: list[str] = []
    calls = await every_call(installation)
    async with _client(installation) as client:
        for story in stories:
            about = f"{story.number} ({story.plan})"
            if story.trouble:
                wrong.append(f"{about}: {story.trouble}")
            call = calls.get(story.number)
            if call is None:
                if not has_no_call(story):
                    wrong.append(f"{about}: not in the database")
                continue
            if call["state"] != "ended" or not call["cause"]:
                wrong.append(f"{about}: {call['state']}, cause {call['cause']}")
            if call["cause"] in {"internal_error", "flow_error", "engine_error", "edge_lost"}:
                wrong.append(f"{about}: ended by {call['cause']}")
            if story.answered_at:
                wrong += [f"{about}: {what}" for what in await _recording(client, call, story)]
    return wrong


async def _recording(client: httpx.AsyncClient, call: dict[str, Any], story: Story) -> list[str]:
    if call["duration_ms"] is None:
        return ["answered, but without a duration"]
    if not call["has_recording"]:
        return [] if call["duration_ms"] < _NO_SOUND_MS else ["answered, but not recorded"]
    answer = await client.get(f"/calls/{call['call_id']}/recording")
    while answer.status_code == 429:
        await asyncio.sleep(float(answer.headers["retry-after"]))
        answer = await client.get(f"/calls/{call['call_id']}/recording")
    if answer.status_code != 200:
        return [f"its recording answers {answer.status_code}"]
    with wave.open(io.BytesIO(answer.content)) as recording:
        channels, seconds = recording.getnchannels(), recording.getnframes() / 8000
        if (channels, recording.getframerate(), recording.getsampwidth()) != (2, 8000, 2):
            return ["its recording is not two channels of 16 bits at 8 kHz"]
    wrong = []
    talked_s = call["duration_ms"] / 1000
    if abs(seconds - talked_s) > _CLOSE_S:
        wrong.append(f"{seconds:.2f} s are recorded of {talked_s:.2f} s")
    if story.plan != "vanish" and abs(talked_s - story.talked_s) > _CLOSE_S:
        wrong.append(f"{talked_s:.2f} s in the database, {story.talked_s:.2f} s for the caller")
    return wrong


def log_complaints(installation: Installation, stories: Iterable[Story]) -> list[str]:
    """Lines of the log that tell of a fault, or tell too much."""
    secrets = [installation.api_key, ACCOUNT, *(story.number.lstrip("+") for story in stories)]
    spoken = [phrase.strip("?.").lower() for phrase in PHRASES]
    wrong = []
    for line in installation.log.splitlines():
        if _FAULTS.search(line):
            wrong.append(line[:1500])
        if any(secret in line for secret in secrets) or any(p in line.lower() for p in spoken):
            wrong.append(f"tells too much: {line[:300]}")
    return wrong


async def until_all_written(
    installation: Installation, stories: Iterable[Story], deadline_s: float
) -> None:
    """Every call is in the database and none is live there."""
    wanted = {story.number for story in stories if not has_no_call(story)}
    left: list[str] = []
    known: set[str] = set()
    try:
        async with asyncio.timeout(deadline_s):
            while True:
                left = await live_in_database(installation)
                known = set(await every_call(installation))
                if not left and wanted <= known:
                    return
                await asyncio.sleep(0.2)
    except TimeoutError:
        raise AssertionError(f"unknown: {wanted - known}, live: {left}") from None


def _client(installation: Installation) -> httpx.AsyncClient:
    return httpx.AsyncClient(
        base_url=installation.api,
        headers={"authorization": f"Bearer {installation.api_key}"},
        timeout=30,
        trust_env=False,
    )
