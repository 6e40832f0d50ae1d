"""Model servers on loopback ports, for an upstream engine to talk to."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from pydantic import SecretStr

from trunkline.model.engine import (
    Engine,
    EngineConfig,
    EngineSession,
    HistoryItem,
    ResponsePart,
    ResponseRequest,
    SpeechSynthesis,
)
from trunkline.model.registry import Engines, LoadedEngine
from trunkline.model.script import Script
from trunkline.model.scripted import ScriptedEngine, ScriptedSession
from trunkline.model.server import ModelServer, create_app, uvicorn_config
from trunkline.model.upstream.engine import UpstreamEngine
from trunkline.runtime.engine_settings import UpstreamSettings
from trunkline.runtime.health import QuietServer
from trunkline.runtime.settings import Settings

KEY = "tk_far"


class Watched(ScriptedEngine):
    """Remembers what each response was asked with."""

    histories: list[Sequence[HistoryItem]]

    async def open_session(self, session_id: str, config: EngineConfig) -> EngineSession:
        session = _WatchedSession(self.script, self.speech, config)
        session.histories = self.histories
        # A script goes on where the session before it stopped.
        self.sessions = [*self.sessions, session]
        return session


class _WatchedSession(ScriptedSession):
    histories: list[Sequence[HistoryItem]]

    def respond(self, request: ResponseRequest) -> AsyncIterator[ResponsePart]:
        if not request.is_out_of_band:
            self.histories.append(request.history)
        return super().respond(request)


class FarServer:
    """A running model server; ``cut`` ends its connections as a network does."""

    def __init__(self, port: int, server: ModelServer, uvicorn_server: QuietServer) -> None:
        self.base_url = f"http://127.0.0.1:{port}/v1"
        self.server = server
        self.histories: list[Sequence[HistoryItem]] = []  # of the responses asked for
        self._uvicorn = uvicorn_server
        engine = server.engines.default.engine
        if isinstance(engine, Watched):
            engine.histories = self.histories

    @property
    def session(self) -> ScriptedSession:
        """The newest of its scripted engine."""
        engine = self.server.engines.default.engine
        assert isinstance(engine, ScriptedEngine)
        return engine.sessions[-1]

    @property
    def opened(self) -> int:
        engine = self.server.engines.default.engine
        assert isinstance(engine, ScriptedEngine)
        return len(engine.sessions)

    async def until(self, condition: Callable[[], bool]) -> None:
        async with asyncio.timeout(15):
            while not condition():
                await asyncio.sleep(0.01)

    def cut(self) -> None:
        for connection in list(self._uvicorn.server_state.connections):
            connection.transport.abort()


@asynccontextmanager
async def serving(
    folder: Path,
    engine: Engine,
    speech: SpeechSynthesis | None,
    *,
    max_calls: int = 4,
) -> AsyncIterator[FarServer]:
    settings = Settings(
        data_dir=folder,
        api_key=SecretStr(KEY),
        max_calls=max_calls,
        model_port=0,
        model_bind_address="127.0.0.1",
    )
    app = create_app(settings, engines=Engines((LoadedEngine(engine.name, engine, speech),)))
    listener = socket.create_server(("127.0.0.1", 0))
    server = QuietServer(uvicorn_config(app, settings))
    async with asyncio.TaskGroup() as tasks:
        running = tasks.create_task(server.serve(sockets=[listener]))
        async with asyncio.timeout(30):
            while not server.started:
                await asyncio.sleep(0.01)
        try:
            yield FarServer(listener.getsockname()[1], app.state.server, server)
        finally:
            server.should_exit = True
            async with asyncio.timeout(15):
                await asyncio.wait([running])


@asynccontextmanager
async def scripted_far_end(
    folder: Path, script: dict[str, Any], **more: Any
) -> AsyncIterator[FarServer]:
    engine = Watched(Script.model_validate(script))
    async with serving(folder, engine, engine.speech, **more) as server:
        yield server


@asynccontextmanager
async def upstream(base_url: str, key: str = KEY, **settings: Any) -> AsyncIterator[UpstreamEngine]:
    wanted = UpstreamSettings(base_url=base_url, model="gpt-realtime", **settings)
    engine = UpstreamEngine(wanted, SecretStr(key), max_sessions=4)
    await engine.start()
    try:
        yield engine
    finally:
        await engine.aclose()
