"""The model server: Realtime WebSocket, speech, models, health; one process, drained on SIGTERM."""

from __future__ import annotations

import asyncio
import gc
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Final, cast

import uvicorn
from fastapi import FastAPI
from redis.asyncio import Redis
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send
from starlette.websockets import WebSocket

from trunkline.domain.clock import SystemClock
from trunkline.domain.errors import TrunklineError
from trunkline.model.access import Access
from trunkline.model.admission import Admission
from trunkline.model.api_errors import error_response
from trunkline.model.authority import Authority, FileAuthority
from trunkline.model.house_redis import HouseRedis
from trunkline.model.mcp.rails import read_networks
from trunkline.model.realtime_socket import RealtimeSockets
from trunkline.model.registry import Engines, load_engines
from trunkline.model.rest import add_rest
from trunkline.model.tls import certificate_of
from trunkline.model.usage import UsageSink
from trunkline.model.websocket_protocol import CuttingWebSocketProtocol
from trunkline.realtime.protocol import MAX_FRAME_BYTES
from trunkline.runtime.certificate import Certificate, keep_renewing
from trunkline.runtime.health import HealthApp, QuietServer
from trunkline.runtime.logging import get_logger
from trunkline.runtime.settings import Settings
from trunkline.runtime.supervision import kept_up, nursery, stop_on_signals
from trunkline.runtime.telemetry import MODEL_TASKS

log = get_logger(__name__)

# A call takes one session at the edge, a test call another one for its caller.
SESSIONS_PER_CALL: Final = 2
MAX_SPEECH_REQUESTS: Final = 32
MAX_TRANSCRIPTION_REQUESTS: Final = 4
DRAIN_S: Final = 10.0
CLOSE_S: Final = 2.0
PING_S: Final = 20.0


class ModelServer:
    """What the app serves, and its life: start, drain, stop."""

    def __init__(self, settings: Settings, engines: Engines, authority: Authority) -> None:
        clock = SystemClock()
        self.engines = engines
        self.redis = HouseRedis(Redis.from_url(settings.resolved_redis_url), clock)
        self.access = Access(authority, self.redis, clock=clock)
        spool = settings.data_dir / "usage" / f"waiting-{settings.model_port}.jsonl"
        self.usage = UsageSink(self.redis, self.access.quotas, clock, spool)
        self.admission = Admission(settings.max_calls * SESSIONS_PER_CALL)
        self.speech_admission = Admission(MAX_SPEECH_REQUESTS)
        self.transcription_admission = Admission(MAX_TRANSCRIPTION_REQUESTS)
        self.sockets = RealtimeSockets(
            engines,
            self.access,
            self.admission,
            self.usage,
            mcp_networks=read_networks(settings.mcp_networks),
        )
        self.started = asyncio.Event()

    async def start(self) -> None:
        for one in self.engines.loaded:
            await one.engine.start()
            log.info("engine ready", engine=one.name)
        loop = asyncio.get_running_loop()
        MODEL_TASKS.set_function(lambda: len(asyncio.all_tasks(loop)))
        self.started.set()

    async def aclose(self) -> None:
        self.started.clear()
        for one in self.engines.loaded:
            await one.engine.aclose()
        await self.usage.flush()
        await self.redis.aclose()

    async def drain(self, deadline_s: float) -> None:
        """No new sessions; those that are open get ``deadline_s`` to end, then a close frame."""
        for admission in (self.admission, self.speech_admission, self.transcription_admission):
            admission.is_draining = True
        await self.sockets.until_empty(deadline_s)
        self.sockets.end_all(1001, "The server is shutting down.")
        await self.sockets.until_empty(CLOSE_S)

    async def readiness(self) -> str:
        if self.admission.is_draining:
            return "shutting down"
        return "" if self.started.is_set() else "the engines are still starting"


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
            async with nursery("model server") as tasks:
                tasks.start(kept_up("usage", server.usage.run), "usage")
                yield
        finally:
            await server.aclose()

    app = FastAPI(title="Trunkline model server", openapi_url=None, lifespan=lifespan)
    app.state.server = server
    app.add_exception_handler(TrunklineError, _answer_error)

    @app.websocket("/v1/realtime")
    async def realtime(socket: WebSocket) -> None:
        await server.sockets.serve(socket)

    add_rest(app, server)

    health = HealthApp("model", {"engine": server.readiness})

    async def observe(scope: Scope, receive: Receive, send: Send) -> None:
        # HealthApp writes plain dicts, Starlette speaks of mutable mappings: the same thing.
        await health(scope, cast(Any, receive), cast(Any, send))

    app.mount("", observe)
    return app


def uvicorn_config(
    app: FastAPI, settings: Settings, certificate: Certificate | None = None
) -> uvicorn.Config:
    """No compression: base64 audio does not shrink enough to be worth a core. With a certificate,
    the TLS listener of an app that another listener has started."""
    is_plain = certificate is None
    return uvicorn.Config(
        app,
        host=settings.model_bind_address if is_plain else settings.model_tls_bind_address,
        port=settings.model_port if is_plain else settings.model_tls_port,
        lifespan="on" if is_plain else "off",
        ssl_context_factory=None if certificate is None else lambda *_: certificate.context,
        ws=CuttingWebSocketProtocol,
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
    certificate = certificate_of(settings)
    app = create_app(settings)
    server: ModelServer = app.state.server
    stop = stop_on_signals()
    logging.getLogger("uvicorn.error").addFilter(_Denials())
    listeners = [QuietServer(uvicorn_config(app, settings))]
    async with asyncio.TaskGroup() as tasks:
        serving = [tasks.create_task(listeners[0].serve(), name="uvicorn")]
        beside: list[asyncio.Task[Any]] = [tasks.create_task(stop.wait(), name="signals")]
        if certificate is not None:
            listeners.append(QuietServer(uvicorn_config(app, settings, certificate)))
            beside.append(tasks.create_task(keep_renewing(certificate), name="certificate"))
            second = _serve_when(server.started, listeners[1])
            serving.append(tasks.create_task(second, name="uvicorn with TLS"))
        settling = tasks.create_task(_settle(server.started), name="settle")
        await asyncio.wait([*serving, *beside], return_when=asyncio.FIRST_COMPLETED)
        # Else the port is taken, or an engine did not start; uvicorn said which.
        is_told_to_stop = stop.is_set()
        if is_told_to_stop:
            log.info("draining", sessions=server.admission.live)
            await server.drain(DRAIN_S)
        for one in listeners:
            one.should_exit = True
        settling.cancel()
        for task in beside if server.started.is_set() else [*beside, *serving[1:]]:
            task.cancel()
    return 0 if is_told_to_stop else 1


async def _serve_when(started: asyncio.Event, listener: QuietServer) -> None:
    """The first listener starts what both of them serve."""
    await started.wait()
    await listener.serve()


async def _settle(started: asyncio.Event) -> None:
    """What the engines loaded stays: a full collection need not walk through it while we serve."""
    await started.wait()
    gc.collect()
    gc.freeze()


async def _answer_error(request: Request, exc: Exception) -> Response:
    assert isinstance(exc, TrunklineError)
    return error_response(exc)
