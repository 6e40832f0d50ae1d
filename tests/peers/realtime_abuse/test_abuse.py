"""What a live session survives, who is refused at the door, and what gone clients leave behind."""

from __future__ import annotations

import asyncio
import base64
import json

import pytest
import websockets
from tests.peers.realtime.conftest import RunningServer
from tests.peers.realtime_abuse.conftest import live
from websockets.typing import Subprotocol

pytestmark = pytest.mark.peers


async def test_a_session_answers_after_every_kind_of_nonsense(running: RunningServer) -> None:
    big = base64.b64encode(bytes(11 * 1024 * 1024)).decode()
    audio = "input_audio_buffer.append"
    frames: list[str | bytes] = [
        b"\x00\x01",
        '{"type": "session.up',
        "null",
        "[]",
        "1e999",
        '{"type": 7}',
        '{"type": "session.update", "session": []}',
        '{"type": "response.create", "response": "now"}',
        json.dumps({"type": audio, "audio": "not base64!"}),
        json.dumps({"type": audio, "audio": 5}),
    ]
    async with live(running) as session:
        for frame in frames * 10:
            await session.socket.send(frame)
        for _ in range(100):
            assert (await session.until("error"))["error"]["message"]
        await session.send("input_audio_buffer.append", audio=big)
        assert await session.answers()


@pytest.mark.parametrize(
    ("key", "status"), [("wrong", 401), ("expired", 401), ("foreign", 403), ("ek_none", 401)]
)
async def test_a_bad_key_is_refused_at_the_door(
    running: RunningServer, key: str, status: int
) -> None:
    with pytest.raises(websockets.InvalidStatus) as caught:
        async with live(running, key=key):
            pass
    assert caught.value.response.status_code == status
    assert json.loads(caught.value.response.body or b"")["error"]["message"]


async def test_a_key_has_its_one_session_back_when_it_ends(running: RunningServer) -> None:
    async with live(running, key="one"):
        with pytest.raises(websockets.InvalidStatus) as caught:
            async with live(running, key="one"):
                pass
        assert caught.value.response.status_code == 429
    await running.server.sockets.until_empty(5)
    async with live(running, key="one") as session:
        assert await session.answers()


async def test_clients_that_vanish_mid_response_leave_nothing(running: RunningServer) -> None:
    before = len(asyncio.all_tasks())
    for _ in range(5):
        async with live(running) as session:
            await session.say("long")
            await session.send("response.create")
            await session.until("response.output_audio.delta")
            session.socket.transport.abort()
    await running.server.sockets.until_empty(5)
    assert len(running.server.sockets) == 0
    async with asyncio.timeout(10):
        while len(asyncio.all_tasks()) > before or running.server.admission.live:
            await asyncio.sleep(0.02)


async def test_a_browser_shows_its_key_as_a_subprotocol(running: RunningServer) -> None:
    offered = [Subprotocol("realtime"), Subprotocol("openai-insecure-api-key.good")]
    async with live(running, additional_headers={}, subprotocols=offered) as session:
        assert session.socket.subprotocol == "realtime"
        assert await session.answers()


async def test_images_and_responses_of_transcription_sessions_are_refused(
    running: RunningServer,
) -> None:
    async with live(running) as session:
        part = {"type": "input_image", "image_url": "data:image/png;base64,AAAA"}
        item = {"type": "message", "role": "user", "content": [part]}
        await session.send("conversation.item.create", item=item)
        assert (await session.until("error"))["error"]["code"] == "unsupported_content_type"
    async with live(running, "intent=transcription") as session:
        await session.send("response.create")
        assert "transcription" in (await session.until("error"))["error"]["message"]
