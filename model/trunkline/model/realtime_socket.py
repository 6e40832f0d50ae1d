"""The WebSocket shell of a Realtime connection: authenticate, admit, open, then move frames."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import Final

from starlette.websockets import WebSocket, WebSocketDisconnect, WebSocketState

from trunkline.domain.errors import (
    EngineError,
    EngineTimeout,
    Forbidden,
    TrunklineError,
)
from trunkline.model.access import Access, Admitted
from trunkline.model.admission import Admission
from trunkline.model.api_errors import error_response
from trunkline.model.bearer import bearer_key, chosen_subprotocol
from trunkline.model.client_secrets import StartConfig
from trunkline.model.connection import Connection
from trunkline.model.engine import Engine, EngineSession
from trunkline.model.engine_config import engine_config
from trunkline.model.mcp.client import McpClient
from trunkline.model.opening import Opening, opening_of
from trunkline.model.outbox import STALLED, Close, Outbox
from trunkline.model.programs import AttachedProgram, Programs
from trunkline.model.registry import Engines, ServedModel
from trunkline.model.served_fields import refuse_unserved
from trunkline.model.usage import SessionMeter, UsageSink
from trunkline.realtime.model_table import REALTIME, TRANSCRIPTION
from trunkline.realtime.session import Session
from trunkline.realtime.session_update import updated
from trunkline.runtime.logging import get_logger
from trunkline.runtime.reach import Network, Reach
from trunkline.runtime.telemetry import SESSIONS_LIVE

log = get_logger(__name__)

OPEN_TIMEOUT_S: Final = 10.0
CLOSE_TIMEOUT_S: Final = 5.0
CONTROL_SCOPE: Final = "calls:control"
"""Beside ``realtime``: what a key needs to take part in a call that it does not carry."""


class _SessionOver(Exception):
    """Ends the task group of a session in the ordinary way."""


class RealtimeSockets:
    """Serves ``/v1/realtime`` and knows the sessions that are open, so that it can end them."""

    def __init__(
        self,
        engines: Engines,
        access: Access,
        admission: Admission,
        usage: UsageSink,
        *,
        mcp_networks: tuple[Network, ...] = (),
    ) -> None:
        self._mcp_networks = mcp_networks
        self._engines = engines
        self._access = access
        self._admission = admission
        self._usage = usage
        self._programs = Programs()
        self._open: set[Outbox] = set()
        self._empty = asyncio.Event()
        self._empty.set()

    def __len__(self) -> int:
        return len(self._open)

    async def serve(self, socket: WebSocket) -> None:
        """One connection from its handshake to its end; refused with a status and a reason."""
        try:
            admitted = await self._admitted(socket)
            if "call_id" in socket.query_params:
                await self._attach(socket, admitted)
                return
            principal = admitted.principal
            opening = opening_of(
                socket.query_params,
                socket.headers.get("openai-beta"),
                socket.scope["subprotocols"],
                is_transcription=admitted.start is not None and admitted.start.is_transcription,
            )
            model, served = self._wanted(socket, opening, admitted.start)
            with self._admission.slot(principal.key_id), self._access.session(principal):
                session = _begun(opening.session(model), admitted.start)
                refuse_unserved(session, served.loaded.engine.capabilities)
                engine_session = await _opened(served.loaded.engine, session)
                meter = SessionMeter(
                    self._usage, self._access.quotas, principal, served.card, session.id
                )
                try:
                    await socket.accept(chosen_subprotocol(socket.scope["subprotocols"]))
                    engine = served.loaded.engine
                    await self._attend(
                        socket, admitted, opening, session, engine, engine_session, meter
                    )
                finally:
                    meter.close()
                    await _closed(engine_session)
        except TrunklineError as exc:
            if socket.client_state is WebSocketState.CONNECTING:
                await socket.send_denial_response(error_response(exc))
                log.info("a Realtime session was refused", code=exc.code)
            else:
                log.warning("a Realtime session failed", code=exc.code)
        except WebSocketDisconnect:
            return  # gone while it was being accepted

    async def until_empty(self, deadline_s: float) -> None:
        """Returns when the last session has ended, at the latest after ``deadline_s``."""
        with suppress(TimeoutError):
            async with asyncio.timeout(deadline_s):
                await self._empty.wait()

    def end_all(self, code: int, reason: str) -> None:
        for outbox in self._open:
            outbox.close(code, reason)

    # ---- the handshake -------------------------------------------------------------------------

    async def _admitted(self, socket: WebSocket) -> Admitted:
        key = bearer_key(socket.headers.get("authorization"), socket.scope["subprotocols"])
        admitted = await self._access.admit(key)
        if admitted.principal.quota.tokens_per_day:
            await self._usage.learn_tokens(admitted.principal.key_id)
        return admitted

    def _wanted(
        self, socket: WebSocket, opening: Opening, start: StartConfig | None
    ) -> tuple[str, ServedModel]:
        model = socket.query_params.get("model", "") or (start.model if start else "")
        served = self._engines.serve(model, TRANSCRIPTION if opening.is_transcription else REALTIME)
        return model or served.loaded.name, served

    # ---- a program in a call's session ---------------------------------------------------------

    async def _attach(self, socket: WebSocket, admitted: Admitted) -> None:
        """A second client of a session that an edge opened, until either is gone."""
        if admitted.start is not None:
            raise Forbidden(
                "An ephemeral key may only start sessions of its own; use the API key itself here.",
                code="insufficient_permissions",
            )
        admitted.principal.require(CONTROL_SCOPE)
        door = self._programs.door(socket.query_params["call_id"])
        program = door.attach()
        log.info("a program attached to a call", key_id=admitted.principal.key_id)
        try:
            await socket.accept(chosen_subprotocol(socket.scope["subprotocols"]))
            program.start()
            async with asyncio.TaskGroup() as tasks:
                sides = (
                    tasks.create_task(_read(socket, program), name="read"),
                    tasks.create_task(_write(socket, program.outbox), name="write"),
                )
                await asyncio.wait(sides, return_when=asyncio.FIRST_COMPLETED)
                raise _SessionOver
        except* _SessionOver:
            log.info("a program left a call")
        except* Exception:  # a bug ends this connection only; the call goes on without it
            log.exception("a program's connection failed")
            await _hang_up(socket)
        finally:
            door.detach(program)

    # ---- the session ---------------------------------------------------------------------------

    async def _attend(
        self,
        socket: WebSocket,
        admitted: Admitted,
        opening: Opening,
        session: Session,
        engine: Engine,
        engine_session: EngineSession,
        meter: SessionMeter,
    ) -> None:
        log.info(
            "a Realtime session began",
            session_id=session.id,
            key_id=admitted.principal.key_id,
            engine=engine.name,
        )
        SESSIONS_LIVE.inc()
        connection: Connection | None = None
        try:
            async with asyncio.TaskGroup() as tasks:
                connection = Connection(
                    session,
                    engine,
                    engine_session,
                    tasks,
                    limit_s=opening.limit_s,
                    meter=meter,
                    protocol=opening.protocol(
                        admitted.start.temperature if admitted.start is not None else None
                    ),
                    mcp=McpClient(
                        Reach(networks=self._mcp_networks, client=_direct_client(socket))
                    ),
                    programs=self._programs,
                )
                outbox = connection.outbox
                self._open.add(outbox)
                self._empty.clear()
                connection.start()
                sides = (
                    tasks.create_task(_read(socket, connection), name="read"),
                    tasks.create_task(_write(socket, outbox), name="write"),
                )
                await asyncio.wait(sides, return_when=asyncio.FIRST_COMPLETED)
                raise _SessionOver
        except* _SessionOver:
            log.info("a Realtime session ended", session_id=session.id)
        except* Exception:  # a bug ends this session only; the others must not notice
            log.exception("a Realtime session failed", session_id=session.id)
        finally:
            SESSIONS_LIVE.dec()
            if connection is not None:
                connection.door.shut()
                self._open.discard(connection.outbox)
                if not self._open:
                    self._empty.set()
        await _hang_up(socket)


def _direct_client(socket: WebSocket) -> str:
    """The client's address; empty when a proxy says that it stands between."""
    if "forwarded" in socket.headers or "x-forwarded-for" in socket.headers:
        return ""
    return socket.client.host if socket.client is not None else ""


def _begun(session: Session, start: StartConfig | None) -> Session:
    """An ephemeral key's session begins with what it was minted with."""
    if start is None:
        return session
    document = {**start.session, "type": session.type}
    return updated(session, document, has_spoken=False, is_responding=False)


async def _read(socket: WebSocket, connection: Connection | AttachedProgram) -> None:
    while True:
        message = await socket.receive()
        if message["type"] == "websocket.disconnect":
            return
        text = message.get("text")
        if text is None:
            connection.receive_binary()
        else:
            await connection.receive(text)


async def _write(socket: WebSocket, outbox: Outbox) -> None:
    with suppress(WebSocketDisconnect):
        while True:
            frame = await outbox.get()
            if isinstance(frame, Close):
                await socket.close(frame.code, frame.reason)
                return
            try:
                async with asyncio.timeout(outbox.stall_timeout_s):
                    await socket.send({"type": "websocket.send", "text": frame.decode()})
            except TimeoutError:
                log.info("a Realtime client does not read")
                await socket.close(*STALLED)
                return


async def _hang_up(socket: WebSocket) -> None:
    """After a failure of ours the client still gets a close frame."""
    if socket.application_state is WebSocketState.CONNECTED and (
        socket.client_state is WebSocketState.CONNECTED
    ):
        with suppress(WebSocketDisconnect, RuntimeError):
            await socket.close(1011, "Internal error.")


async def _opened(engine: Engine, session: Session) -> EngineSession:
    try:
        async with asyncio.timeout(OPEN_TIMEOUT_S):
            return await engine.open_session(session.id, engine_config(session))
    except TimeoutError:
        raise EngineTimeout(f"The engine did not open a session in {OPEN_TIMEOUT_S:g} s.") from None


async def _closed(engine_session: EngineSession) -> None:
    try:
        async with asyncio.timeout(CLOSE_TIMEOUT_S):
            await engine_session.aclose()
    except (TimeoutError, EngineError):
        log.warning("an engine session did not close cleanly")
