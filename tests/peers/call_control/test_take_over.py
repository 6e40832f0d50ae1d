"""A keyword over a real call reaches a supervisor, who takes the call over and gives it back."""

from __future__ import annotations

import asyncio
import io
import json
import wave
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.peers.call_control.house import (
    CALLER_HZ,
    PERSON_HZ,
    hum,
    person,
    until_state,
)
from tests.peers.conversation.caller import calling
from tests.peers.conversation.sound import Sound
from tests.peers.drivers.installation import Installation
from tests.peers.drivers.tones import spectrum

pytestmark = [pytest.mark.peers, pytest.mark.timeout(120)]


@asynccontextmanager
async def receiver() -> AsyncIterator[tuple[str, asyncio.Queue[dict[str, Any]]]]:
    """Where webhooks are posted: its URL, and what came."""
    came: asyncio.Queue[dict[str, Any]] = asyncio.Queue(100)

    async def take(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
        length = int(head.partition("content-length: ")[2].split("\r\n")[0])
        came.put_nowait({"head": head, **json.loads(await reader.readexactly(length))})
        writer.write(b"HTTP/1.1 204 No Content\r\nconnection: close\r\n\r\n")
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(take, "127.0.0.1", 0)
    async with server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/hook", came


def is_tone(sound: Sound, hz: float) -> bool:
    return spectrum(sound.samples, sound.rate_hz).is_tone(hz)


async def take_over(installation: Installation, call_id: str, desk_port: int) -> None:
    with installation.client() as client:
        target = {"target": f"sip:desk@127.0.0.1:{desk_port}"}
        asked = client.post(f"/calls/{call_id}/take-over", json=target)
    assert asked.status_code == 202, asked.text


async def until_stage(installation: Installation, call_id: str, stage: str) -> dict[str, Any]:
    async with asyncio.timeout(20):
        while True:
            with installation.client() as client:
                (last, *_) = client.get(f"/calls/{call_id}/take-overs").json()
            if last["stage"] == stage:
                return dict(last)
            await asyncio.sleep(0.2)


async def call_id_of(installation: Installation) -> str:
    with installation.client() as client:
        calls = client.get("/calls", params={"limit": 1}).json()["calls"]
    return str(calls[0]["call_id"])


async def test_a_keyword_is_escalated_to_row_and_webhook_and_the_call_goes_on(
    installation: Installation, tmp_path: Path
) -> None:
    async with receiver() as (url, came), calling(installation, tmp_path) as caller:
        with installation.client() as client:
            hook = client.post("/webhooks", json={"url": url, "events": ["escalation.raised"]})
            assert hook.status_code == 201, hook.text
        await caller.hears("Whom would you like")
        await caller.say("a formal complaint")
        await caller.hears("A supervisor is told")
        async with asyncio.timeout(20):
            told = await came.get()
        with installation.client() as client:
            (row,) = client.get("/escalations").json()
            taken = client.post(f"/escalations/{row['escalation_id']}/acknowledge").json()
        await caller.hang_up()
        with installation.client() as client:
            client.delete(f"/webhooks/{hook.json()['webhook_id']}")
            left = client.get("/escalations").json()
            gone = client.get(f"/escalations/{row['escalation_id']}").json()

    assert (told["type"], told["data"]["rule"]) == ("escalation.raised", "complaint")
    assert "webhook-signature: v1," in told["head"]
    assert told["data"]["escalation_id"] == row["escalation_id"]
    assert (row["urgency"], row["to"], taken["state"]) == ("high", "supervisor", "acknowledged")
    assert (left, gone["state"]) == ([], "gone")


async def test_a_supervisor_takes_the_call_and_gives_it_back_and_both_are_heard(
    installation: Installation, tmp_path: Path, desk_port: int
) -> None:
    async with (
        person(tmp_path / "desk", desk_port) as phone,
        calling(installation, tmp_path) as caller,
    ):
        await caller.hears("Whom would you like")
        call_id = await call_id_of(installation)
        await take_over(installation, call_id, desk_port)
        await phone.wait_for("CALL_ESTABLISHED")
        await phone.command("sndcode", "1")
        await caller.hears("a colleague is taking over")
        await until_state(caller, "bridged")
        await until_stage(installation, call_id, "joined")
        await hum(caller, tmp_path)
        await until_both_hum(installation, call_id)
        await phone.command("sndcode", "*")
        back_s = await until_state(caller, "answered")
        await until_stage(installation, call_id, "handed_back")
        await phone.wait_for("CALL_CLOSED")
        await caller.hears("You are back with me")
        await caller.hears("Whom would you like")
        call = await caller.hang_up()

    assert call["cause"] == "caller_hangup"
    heard, told = caller.heard(), Sound(*phone.heard())
    assert is_tone(heard.between(back_s - 1.5, back_s - 0.5), PERSON_HZ)
    assert is_tone(told.between(told.seconds - 1.5, told.seconds - 0.3), CALLER_HZ)
    assert call["transfers"] == []


async def until_both_hum(installation: Installation, call_id: str) -> None:
    """The last second of the recording, as the API gives it, has each in their channel."""
    async with asyncio.timeout(20):
        while True:
            with installation.client() as client:
                tail = client.get(f"/calls/{call_id}/recording/tail", params={"seconds": 1})
            assert tail.status_code == 200, tail.text
            with wave.open(io.BytesIO(tail.content)) as file:
                both = np.frombuffer(file.readframes(file.getnframes()), "<i2").reshape(-1, 2)
                rate = file.getframerate()
            hums = [spectrum(both[:, side], rate) for side in (0, 1)]
            if hums[0].is_tone(CALLER_HZ) and hums[1].is_tone(PERSON_HZ):
                return
            await asyncio.sleep(0.3)


async def test_a_phone_that_is_busy_leaves_the_caller_with_the_agent(
    installation: Installation, tmp_path: Path, desk_port: int
) -> None:
    async with (
        person(tmp_path / "desk", desk_port, answers=False) as phone,
        calling(installation, tmp_path) as caller,
    ):
        await caller.hears("Whom would you like")
        call_id = await call_id_of(installation)
        await take_over(installation, call_id, desk_port)
        await phone.wait_for("CALL_INCOMING")
        await phone.command("hangup")
        failed = await until_stage(installation, call_id, "failed")
        await caller.key("4")  # the agent still listens
        await caller.hears("Whom would you like")
        await caller.hang_up()
    assert failed["cause"] == "busy"
