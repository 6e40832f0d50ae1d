"""Clients that stop reading: what is queued for them is bounded, and they are told why they go."""

from __future__ import annotations

import asyncio

import pytest
import websockets
from tests.peers.realtime.conftest import RunningServer
from tests.peers.realtime_abuse.conftest import Live, live

from trunkline.model import websocket_protocol
from trunkline.model.outbox import HARD_LIMIT_BYTES, Outbox

pytestmark = pytest.mark.peers
TEXT = "x" * 250_000


async def flood(session: Live) -> None:
    """Ask for twelve megabytes of answers and read none of them."""
    part = {"type": "input_text", "text": TEXT}
    item = {"id": "big", "type": "message", "role": "user", "content": [part]}
    await session.send("conversation.item.create", item=item)
    await session.until("conversation.item.done")
    session.socket.transport.pause_reading()
    for _ in range(48):
        await session.send("conversation.item.retrieve", item_id="big")


async def until_gone(running: RunningServer) -> None:
    await running.server.sockets.until_empty(10)
    assert len(running.server.sockets) == 0
    assert running.server.admission.live == 0


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Outbox, "stall_timeout_s", 0.5)


@pytest.mark.usefixtures("impatient")
async def test_a_client_that_reads_again_finds_out_why_it_was_closed(
    running: RunningServer,
) -> None:
    async with live(running, ping_interval=None) as session:
        await flood(session)
        await until_gone(running)
        session.socket.transport.resume_reading()
        with pytest.raises(websockets.ConnectionClosed) as caught:
            while True:
                await session.next()
        assert caught.value.rcvd is not None
        assert caught.value.rcvd.code == 1008
        assert "does not read" in caught.value.rcvd.reason
    async with live(running) as session:
        assert await session.answers()


@pytest.mark.usefixtures("impatient")
async def test_a_client_that_never_reads_again_is_cut(
    running: RunningServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(websocket_protocol, "LINGER_S", 0.2)
    connections = running.uvicorn.server_state.connections
    async with live(running, ping_interval=None) as session:
        await flood(session)
        await until_gone(running)
        async with asyncio.timeout(10):
            while connections:
                await asyncio.sleep(0.02)
        session.socket.transport.abort()


@pytest.mark.usefixtures("impatient")
async def test_a_response_ends_when_nobody_reads_it(running: RunningServer) -> None:
    async with live(running, ping_interval=None) as session:
        await session.update(output_modalities=["audio"])
        await session.say("long")
        await session.send("response.create")
        await session.until("response.output_audio.delta")
        await flood_quietly(session)
        await until_gone(running)
        session.socket.transport.abort()


async def flood_quietly(session: Live) -> None:
    session.socket.transport.pause_reading()
    part = {"type": "input_text", "text": TEXT}
    for _ in range(48):
        item = {"type": "message", "role": "user", "content": [part]}
        await session.send("conversation.item.create", item=item)


def test_what_is_queued_is_bounded_and_dropped_with_the_client() -> None:
    outbox = Outbox()
    for _ in range(HARD_LIMIT_BYTES // 1024 + 1):
        outbox.put(bytes(1024))
    assert not outbox._bytes
    assert list(outbox._frames) == [outbox._frames[0]]
    assert not isinstance(outbox._frames[0], bytes)
