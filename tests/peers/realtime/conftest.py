"""A real model server on a loopback port: uvicorn, sockets, the scripted engine."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import uvicorn
from pydantic import SecretStr

from trunkline.model.registry import Engines, LoadedEngine
from trunkline.model.script import Script
from trunkline.model.scripted import ScriptedEngine
from trunkline.model.server import ModelServer, create_app, uvicorn_config
from trunkline.runtime.health import QuietServer
from trunkline.runtime.settings import Settings

KEY = "tk_peers"
SCRIPT: dict[str, Any] = {
    "transcripts": ["what is my balance"],
    "replies": [
        {"match": "long", "text": " ".join(["word"] * 60)},
        {"match": "lookup", "tool": {"name": "lookup", "arguments": {"account": "44172908"}}},
        {"match": "break", "fail": {"message": "as scripted"}},
        {"text": "You said: {last}"},
    ],
}


class RunningServer:
    def __init__(self, port: int, server: ModelServer, uvicorn_server: uvicorn.Server) -> None:
        self.base_url = f"http://127.0.0.1:{port}/v1"
        self.port = port
        self.server = server
        self.uvicorn = uvicorn_server
        loaded = server.engines.default
        assert isinstance(loaded.engine, ScriptedEngine)
        self.engine = loaded.engine


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(
        data_dir=tmp_path,
        engine="scripted",
        api_key=SecretStr(KEY),
        max_calls=2,
        model_port=0,
        model_bind_address="127.0.0.1",
    )


@pytest.fixture
async def running(settings: Settings) -> AsyncIterator[RunningServer]:
    engine = ScriptedEngine(Script.model_validate(SCRIPT))
    engines = Engines((LoadedEngine("scripted", engine, engine.speech),))
    app = create_app(settings, engines=engines)
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
