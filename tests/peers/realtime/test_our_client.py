from __future__ import annotations

import asyncio
import base64
import hashlib
import socket
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from typing import TypeVar

import pytest
from tests.fakes.response_order import check_responses
from tests.fakes.voices import quiet, voiced
from tests.peers.realtime.conftest import KEY, RunningServer

from trunkline.audio.g711 import pcm_to_ulaw
from trunkline.domain.errors import EngineBusy, EngineError, EngineTimeout
from trunkline.realtime import client_events as ce
from trunkline.realtime import server_events as ev
from trunkline.realtime.client import RealtimeClient
from trunkline.realtime.items import item_text, user_message

pytestmark = pytest.mark.peers
E = TypeVar("E", bound=ev.ServerEventBase)


class Talk:
    """Reads a client's events and keeps them."""

    def __init__(self, client: RealtimeClient) -> None:
        self.client = client
        self.seen: list[ev.ServerEvent] = []
        self._events = client.events()

    async def until(self, kind: type[E], where: Callable[[E], bool] = lambda _: True) -> E:
        async with asyncio.timeout(20):
            async for event in self._events:
                self.seen.append(event)
                if isinstance(event, kind) and where(event):
                    return event
        raise AssertionError(f"the session ended without {kind.__name__}")

    async def to_the_end(self) -> None:
        async with asyncio.timeout(20):
            async for event in self._events:
                self.seen.append(event)


def connect(running: RunningServer, key: str = KEY) -> AbstractAsyncContextManager[RealtimeClient]:
    return RealtimeClient.connect(running.base_url, api_key=key, model="gpt-realtime")


async def test_a_call_is_heard_transcribed_answered_and_interrupted(running: RunningServer) -> None:
    async with connect(running) as client:
        talk = Talk(client)
        await talk.until(ev.SessionCreated)
        client.send(
            ce.SessionUpdate(
                session={
                    "type": "realtime",
                    "audio": {
                        "input": {
                            "format": {"type": "audio/pcmu"},
                            "transcription": {"model": "trunkline-asr"},
                            "turn_detection": {
                                "type": "server_vad",
                                "create_response": False,
                                "interrupt_response": False,
                                "silence_duration_ms": 300,
                            },
                        },
                        "output": {"format": {"type": "audio/pcmu"}},
                    },
                }
            )
        )
        await talk.until(ev.SessionUpdated)
        said = pcm_to_ulaw(quiet(500) + voiced(900) + quiet(600))
        for begin in range(0, len(said), 160):
            client.append_audio(said[begin : begin + 160])
        heard = await talk.until(ev.TranscriptionCompleted)
        assert heard.transcript == "what is my balance"
        client.send(ce.ResponseCreate())
        done = await talk.until(ev.ResponseDone)
        assert item_text(done.response.output[0]) == "You said: what is my balance"
        audio = [event.audio for event in talk.seen if isinstance(event, ev.ResponseAudioDelta)]
        assert sum(map(len, audio)) == 6 * 250 * 8
        client.send(ce.ItemCreate(item=user_message("a long one")))
        client.send(ce.ResponseCreate())
        await talk.until(ev.ResponseAudioDelta)
        client.send(ce.ResponseCancel())
        done = await talk.until(ev.ResponseDone)
        assert done.response.status == "cancelled"
        item_id = str(done.response.output[0].id)
        client.send(ce.ItemTruncate(item_id=item_id, content_index=0, audio_end_ms=300))
        await talk.until(ev.ItemTruncated)
        check_responses(talk.seen)
    assert not client.is_open
    await talk.to_the_end()


@pytest.mark.parametrize("key", ["tk_wrong", ""])
async def test_a_wrong_key_is_refused_and_not_worth_another_try(
    running: RunningServer, key: str
) -> None:
    with pytest.raises(EngineError) as caught:
        async with connect(running, key):
            pass
    assert caught.value.code == "unauthorized"
    assert not caught.value.retryable


async def test_a_server_without_a_free_slot_says_so_before_the_session(
    running: RunningServer,
) -> None:
    async with AsyncExitStack() as stack:
        for _ in range(4):  # max_calls of the fixture, twice
            await stack.enter_async_context(connect(running))
        with pytest.raises(EngineBusy):
            async with connect(running):
                pass
    async with asyncio.timeout(5):
        while running.server.admission.live:
            await asyncio.sleep(0.01)
    async with connect(running) as client:
        assert client.is_open


async def test_nobody_at_the_address_is_an_engine_error() -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with pytest.raises(EngineError, match="cannot be reached"):
        async with RealtimeClient.connect(f"http://127.0.0.1:{port}/v1", api_key=KEY, model="m"):
            pass


async def test_a_listener_that_never_answers_runs_into_the_deadline() -> None:
    with socket.create_server(("127.0.0.1", 0)) as deaf:
        url = f"http://127.0.0.1:{deaf.getsockname()[1]}/v1"
        with pytest.raises(EngineTimeout):
            async with RealtimeClient.connect(url, api_key=KEY, model="m", connect_timeout_s=0.3):
                pass


async def test_a_lost_server_ends_the_events_with_an_error(running: RunningServer) -> None:
    async with connect(running) as client:
        talk = Talk(client)
        await talk.until(ev.SessionCreated)
        for connection in list(running.uvicorn.server_state.connections):
            connection.transport.abort()
        with pytest.raises(EngineError, match="lost"):
            await talk.to_the_end()
        with pytest.raises(EngineError):
            client.append_audio(b"\0" * 160)


async def test_a_draining_server_closes_its_sessions_and_takes_no_more(
    running: RunningServer,
) -> None:
    async with connect(running) as client:
        talk = Talk(client)
        await talk.until(ev.SessionCreated)
        async with asyncio.timeout(10):
            await running.server.drain(0.05)
        await talk.to_the_end()
        assert not client.is_open
        with pytest.raises(EngineBusy):
            async with connect(running):
                pass


async def test_a_client_that_sends_into_a_stalled_socket_is_told_and_never_waits() -> None:
    """The peer completes the handshake and then reads nothing."""
    async with asyncio.TaskGroup() as tasks:
        stalled = asyncio.Event()

        async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            request = await reader.readuntil(b"\r\n\r\n")
            key = request.lower().split(b"sec-websocket-key: ")[1].split(b"\r\n")[0]
            at = request.lower().find(key)
            writer.write(_handshake(request[at : at + len(key)]))
            writer.write(_text_frame(b'{"type":"session.created","event_id":"e","session":{}}'))
            await stalled.wait()
            writer.close()

        server = await asyncio.start_server(accept, "127.0.0.1", 0)
        serving = tasks.create_task(server.serve_forever())
        url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1"
        async with RealtimeClient.connect(
            url, api_key=KEY, model="m", max_unsent_bytes=64 * 1024
        ) as client:
            with pytest.raises(EngineError) as caught:
                for _ in range(100_000):
                    client.append_audio(bytes(4096))
            assert caught.value.code == "engine_stalled"
            assert not client.is_open
        stalled.set()
        serving.cancel()


def _handshake(key: bytes) -> bytes:
    digest = hashlib.sha1(key + b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11").digest()
    return (
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Accept: " + base64.b64encode(digest) + b"\r\n\r\n"
    )


def _text_frame(payload: bytes) -> bytes:
    assert len(payload) < 126
    return bytes([0x81, len(payload)]) + payload
