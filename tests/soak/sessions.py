"""Realtime sessions by the hundred: opened, talked to, closed in good order or simply gone."""

from __future__ import annotations

import asyncio
import base64
import json
import random
from collections import Counter
from typing import Any, Final

import websockets
from tests.peers.drivers.installation import Installation
from websockets.asyncio.client import ClientConnection, connect

_EVENT_S: Final = 20.0
_BYTES_OF_A_SECOND: Final = 2 * 24_000
ENDS: Final = ("closed", "gone", "gone in a response", "closed in a response", "after a response")


async def one_session(installation: Installation, rng: random.Random) -> str:
    """Open, do something, end in one of ``ENDS``; which one it was."""
    end = rng.choice(ENDS)
    async with connect(
        f"ws://127.0.0.1:{installation.model_port}/v1/realtime?model=",
        additional_headers={"authorization": f"Bearer {installation.api_key}"},
        proxy=None,
        ping_interval=None,
    ) as socket:
        await _until(socket, "session.created")
        if rng.random() < 0.5:
            for _ in range(rng.randint(1, 20)):  # up to a second of noise for the recogniser
                await _send(socket, "input_audio_buffer.append", audio=_noise(rng))
        if "response" in end:
            await _send(socket, "conversation.item.create", item=_message(rng))
            await _send(socket, "response.create")
            await _until(socket, "response.created")
            await _until(
                socket,
                "response.done" if end == "after a response" else "response.output_item.added",
            )
        if end.startswith("gone"):
            socket.transport.abort()  # no close frame: a client whose machine lost its power
    return end


async def many_sessions(
    installation: Installation, count: int, at_once: int, seed: int
) -> Counter[str]:
    """How many sessions ended in which way; raises what went wrong in any of them."""
    rng = random.Random(seed)
    places = asyncio.Semaphore(at_once)

    async def one(own: random.Random) -> str:
        async with places:
            return await one_session(installation, own)

    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(one(random.Random(rng.random()))) for _ in range(count)]
    return Counter(task.result() for task in tasks)


async def _send(socket: ClientConnection, kind: str, **fields: Any) -> None:
    await socket.send(json.dumps({"type": kind, **fields}))


async def _until(socket: ClientConnection, kind: str) -> None:
    async with asyncio.timeout(_EVENT_S):
        while True:
            try:
                event = json.loads(await socket.recv())
            except websockets.ConnectionClosed as exc:
                raise AssertionError(f"the server closed before {kind}: {exc}") from None
            if event["type"] == kind:
                return
            assert event["type"] != "error", event


def _message(rng: random.Random) -> dict[str, Any]:
    text = rng.choice(("Tell me what you can do.", "Hello there.", "Please say that again."))
    return {"type": "message", "role": "user", "content": [{"type": "input_text", "text": text}]}


def _noise(rng: random.Random) -> str:
    return base64.b64encode(rng.randbytes(_BYTES_OF_A_SECOND // 20)).decode()
