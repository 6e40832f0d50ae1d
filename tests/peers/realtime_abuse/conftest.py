"""The model server of ``tests/peers/realtime``, with replies that call tools or go on long."""

from __future__ import annotations

import asyncio
import json
import socket
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
import websockets
from pydantic import SecretStr
from tests.peers.realtime.conftest import KEY, RunningServer
from websockets.asyncio.client import ClientConnection

from trunkline.model.authority import hash_key
from trunkline.model.registry import Engines, LoadedEngine
from trunkline.model.script import Script
from trunkline.model.scripted import ScriptedEngine
from trunkline.model.server import create_app, uvicorn_config
from trunkline.runtime.health import QuietServer
from trunkline.runtime.settings import Settings

KEYS: list[dict[str, Any]] = [
    {"id": "good", "hash": hash_key("good"), "scopes": ["realtime"]},
    {"id": "foreign", "hash": hash_key("foreign"), "scopes": ["calls"]},
    {"id": "program", "hash": hash_key("program"), "scopes": ["realtime", "calls:control"]},
    {
        "id": "expired",
        "hash": hash_key("expired"),
        "scopes": ["realtime"],
        "expires_at": "2020-01-01T00:00:00Z",
    },
    {"id": "one", "hash": hash_key("one"), "scopes": ["realtime"], "quota": {"sessions": 1}},
]
SCRIPT: dict[str, Any] = {
    "transcripts": ["what is my balance"],
    "replies": [
        {"match": "long", "text": " ".join(["word"] * 2000)},
        {"match": "call (?P<tool>renew)", "tool": {"name": "renew", "arguments": {"card": "7"}}},
        {"match": "call never", "tool": {"name": "never", "arguments": {}}},
        {"match": "call huge", "tool": {"name": "huge", "arguments": {}}},
        {"match": "call dies", "tool": {"name": "dies", "arguments": {}}},
        {"match": "call lies", "tool": {"name": "lies", "arguments": {}}},
        {"text": "You said: {last}"},
    ],
}


class Live:
    """One session as a client without a library sees it."""

    def __init__(self, socket: ClientConnection) -> None:
        self.socket = socket
        self.seen: list[dict[str, Any]] = []

    async def send(self, kind: str, **fields: Any) -> None:
        await self.socket.send(json.dumps({"type": kind, **fields}))

    async def next(self) -> dict[str, Any]:
        async with asyncio.timeout(10):
            event: dict[str, Any] = json.loads(await self.socket.recv())
        self.seen.append(event)
        return event

    async def until(self, kind: str) -> dict[str, Any]:
        while True:
            event = await self.next()
            if event["type"] == kind:
                return event

    async def say(self, text: str) -> None:
        part = {"type": "input_text", "text": text}
        item = {"type": "message", "role": "user", "content": [part]}
        await self.send("conversation.item.create", item=item)

    async def update(self, **session: Any) -> dict[str, Any]:
        session = {"type": "realtime", "output_modalities": ["text"], **session}
        await self.send("session.update", session=session)
        return await self.until("session.updated")

    async def answers(self) -> bool:
        """The session is whole: a turn in text comes back."""
        await self.update()
        await self.say("still there")
        await self.send("response.create")
        done = await self.until("response.done")
        return bool(done["response"]["status"] == "completed")


@asynccontextmanager
async def live(
    running: RunningServer, query: str = "model=gpt-realtime", key: str = KEY, **options: Any
) -> AsyncIterator[Live]:
    options.setdefault("additional_headers", {"Authorization": f"Bearer {key}"})
    url = f"ws://127.0.0.1:{running.port}/v1/realtime?{query}"
    async with websockets.connect(url, max_size=None, close_timeout=2, **options) as connection:
        yield Live(connection)


@pytest.fixture
async def running(tmp_path: Path) -> AsyncIterator[RunningServer]:
    settings = Settings(
        data_dir=tmp_path,
        engine="scripted",
        api_key=SecretStr(KEY),
        max_calls=8,
        model_port=0,
        model_bind_address="127.0.0.1",
    )
    settings.authority_file.parent.mkdir(parents=True, exist_ok=True)
    settings.authority_file.write_text(json.dumps({"keys": KEYS}))
    engine = ScriptedEngine(Script.model_validate(SCRIPT))
    app = create_app(settings, engines=Engines((LoadedEngine("scripted", engine, engine.speech),)))
    listener = socket.create_server(("127.0.0.1", 0))
    server = QuietServer(uvicorn_config(app, settings))
    async with asyncio.TaskGroup() as tasks:
        serving = tasks.create_task(server.serve(sockets=[listener]))
        async with asyncio.timeout(10):
            while not server.started:
                await asyncio.sleep(0.01)
        yield RunningServer(listener.getsockname()[1], app.state.server, server)
        server.should_exit = True
        async with asyncio.timeout(15):
            await asyncio.wait([serving])


@asynccontextmanager
async def script(name: str) -> AsyncIterator[int]:
    """A server of this directory in a process of its own; its port."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port: int = free.getsockname()[1]
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, str(Path(__file__).parent / name), str(port)),
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        async with httpx.AsyncClient() as http, asyncio.timeout(20):
            while True:
                try:
                    await http.get(f"http://127.0.0.1:{port}/")
                    break
                except httpx.TransportError:
                    await asyncio.sleep(0.05)
        yield port
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


@pytest.fixture
async def library() -> AsyncIterator[str]:
    """The address of a real MCP server in a process of its own."""
    async with script("mcp_server.py") as port:
        yield f"http://127.0.0.1:{port}/mcp"


@pytest.fixture
async def liars() -> AsyncIterator[str]:
    """The address below which lying servers are found by their names."""
    async with script("lying_server.py") as port:
        yield f"http://127.0.0.1:{port}"
