"""The model server: Realtime WebSocket, speech, models, health; one process, drained on SIGTERM."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Final, cast

import uvicorn
from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.types import Receive, Scope, Send
from starlette.websockets import WebSocket

from trunkline.domain.errors import NotFound, TrunklineError
from trunkline.model.admission import Admission
from trunkline.model.api_errors import error_response
from trunkline.model.authority import REALTIME_SCOPE, Authority, FileAuthority, Principal
from trunkline.model.bearer import bearer_key
from trunkline.model.realtime_socket import RealtimeSockets
from trunkline.model.registry import Engines, load_engines
from trunkline.model.speech_api import read_speech_request, speech_response
from trunkline.realtime.protocol import MAX_FRAME_BYTES
from trunkline.runtime.health import HealthApp, QuietServer
from trunkline.runtime.logging import get_logger
from trunkline.runtime.settings import Settings
from trunkline.runtime.supervision import stop_on_signals

log = get_logger(__name__)

# A call takes one session at the edge, a test call another one for its caller.
SESSIONS_PER_CALL: Final = 2
MAX_SPEECH_REQUESTS: Final = 32
DRAIN_S: Final = 10.0
CLOSE_S: Final = 2.0
PING_S: Final = 20.0


class ModelServer:
    """What the app serves, and its life: start, drain, stop."""

    def __init__(self, settings: Settings, engines: Engines, authority: Authority) -> None:
        self.engines = engines
        self.authority = authority
        self.admission = Admission(settings.max_calls * SESSIONS_PER_CALL)
        self.speech_admission = Admission(MAX_SPEECH_REQUESTS)
        self.sockets = RealtimeSockets(engines, authority, self.admission)
        self._is_started = False

    async def start(self) -> None:
        for one in self.engines.loaded:
            await one.engine.start()
            log.info("engine ready", engine=one.name)
        self._is_started = True

    async def aclose(self) -> None:
        self._is_started = False
        for one in self.engines.loaded:
            await one.engine.aclose()

    async def drain(self, deadline_s: float) -> None:
        """No new sessions; those that are open get ``deadline_s`` to end, then a close frame."""
        self.admission.is_draining = self.speech_admission.is_draining = True
        await self.sockets.until_empty(deadline_s)
        self.sockets.end_all(1001, "The server is shutting down.")
        await self.sockets.until_empty(CLOSE_S)

    async def readiness(self) -> str:
        if self.admission.is_draining:
            return "shutting down"
        return "" if self._is_started else "the engines are still starting"

    def authenticate(self, request: Request) -> Principal:
        principal = self.authority.authenticate(bearer_key(request.headers.get("authorization")))
        principal.require(REALTIME_SCOPE)
        return principal


def create_app(
    settings: Settings, *, engines: Engines | None = None, authority: Authority | None = None
) -> FastAPI:
    """The ASGI app; ``app.state.server`` is its ModelServer."""
    server = ModelServer(
        settings,
        engines or load_engines(settings),
        authority
        or FileAuthority(settings.authority_file, admin_key=settings.api_key.get_secret_value()),
    )

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        await server.start()
        try:
            yield
        finally:
            await server.aclose()

    app = FastAPI(title="Trunkline model server", openapi_url=None, lifespan=lifespan)
    app.state.server = server
    app.add_exception_handler(TrunklineError, _answer_error)

    @app.websocket("/v1/realtime")
    async def realtime(socket: WebSocket) -> None:
        await server.sockets.serve(socket)

    @app.post("/v1/audio/speech")
    async def speech(request: Request) -> Response:
        principal = server.authenticate(request)
        wanted = await read_speech_request(request)
        found = server.engines.find(wanted.model) or server.engines.default
        voice = found.speech or server.engines.default.speech
        if voice is None:
            raise NotFound("This server's engine has no speech synthesis.", code="no_speech")
        return await speech_response(wanted, voice, server.speech_admission, principal.key_id)

    @app.get("/v1/models")
    async def models(request: Request) -> Response:
        server.authenticate(request)
        return JSONResponse({"object": "list", "data": [_model(n) for n in server.engines.names()]})

    @app.get("/v1/models/{name}")
    async def model(request: Request, name: str) -> Response:
        server.authenticate(request)
        if name not in server.engines.names():
            raise NotFound(f"The model '{name[:64]}' does not exist.", code="model_not_found")
        return JSONResponse(_model(name))

    @app.api_route("/v1/{path:path}", methods=["GET", "POST", "DELETE", "PUT", "PATCH"])
    async def unknown(request: Request, path: str) -> Response:
        server.authenticate(request)
        raise NotFound(f"Unknown request URL: {request.method} /v1/{path[:128]}.")

    health = HealthApp("model", {"engine": server.readiness})

    async def observe(scope: Scope, receive: Receive, send: Send) -> None:
        # HealthApp writes plain dicts, Starlette speaks of mutable mappings: the same thing.
        await health(scope, cast(Any, receive), cast(Any, send))

    app.mount("", observe)
    return app


def uvicorn_config(app: FastAPI, settings: Settings) -> uvicorn.Config:
    """No compression: base64 audio does not shrink enough to be worth a core."""
    return uvicorn.Config(
        app,
        host=settings.model_bind_address,
        port=settings.model_port,
        ws="websockets-sansio",
        ws_per_message_deflate=False,
        ws_max_size=MAX_FRAME_BYTES,
        ws_ping_interval=PING_S,
        ws_ping_timeout=PING_S,
        http="httptools",
        log_config=None,
        log_level="warning",
        access_log=False,
        timeout_graceful_shutdown=5,
    )


class _Denials(logging.Filter):
    """uvicorn calls every refused handshake an application error, after it has sent the refusal."""

    def filter(self, record: logging.LogRecord) -> bool:
        return "without completing handshake" not in record.getMessage()


async def serve(settings: Settings) -> int:
    """Serve until SIGTERM or SIGINT, drain, and return the exit status."""
    app = create_app(settings)
    server: ModelServer = app.state.server
    stop = stop_on_signals()
    logging.getLogger("uvicorn.error").addFilter(_Denials())
    uvicorn_server = QuietServer(uvicorn_config(app, settings))
    async with asyncio.TaskGroup() as tasks:
        serving = tasks.create_task(uvicorn_server.serve(), name="uvicorn")
        stopping = tasks.create_task(stop.wait(), name="signals")
        await asyncio.wait({serving, stopping}, return_when=asyncio.FIRST_COMPLETED)
        if serving.done():
            stopping.cancel()
            return 1  # the port is taken, or an engine did not start; uvicorn said which
        log.info("draining", sessions=server.admission.live)
        await server.drain(DRAIN_S)
        uvicorn_server.should_exit = True
    return 0


def _model(name: str) -> dict[str, object]:
    return {"id": name, "object": "model", "created": 0, "owned_by": "trunkline"}


async def _answer_error(request: Request, exc: Exception) -> Response:
    assert isinstance(exc, TrunklineError)
    return error_response(exc)
