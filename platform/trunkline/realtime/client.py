"""The WebSocket shell around protocol.ClientProtocol: connect, ping, bound, close. On picows, which
costs a third of ``websockets`` per 20 ms message (docs/benchmarks.md, the Realtime hop)."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
from collections import deque
from collections.abc import AsyncIterator, Mapping
from typing import Final
from urllib.parse import quote, urlsplit, urlunsplit

import picows

from trunkline.domain.errors import EngineBusy, EngineError, EngineProtocolError, EngineTimeout
from trunkline.realtime.client_events import ClientEvent
from trunkline.realtime.protocol import MAX_FRAME_BYTES, ClientProtocol
from trunkline.realtime.server_events import ErrorEvent, ServerEvent, SessionCreated
from trunkline.runtime.reach import AddressRefused, Reach

# About five seconds of PCM at 24 kHz: more than that unsent means the peer is gone.
MAX_UNSENT_BYTES: Final = 512 * 1024
# Reading pauses above the first and goes on below the second; nothing is dropped.
READ_HIGH_EVENTS: Final = 2048
READ_LOW_EVENTS: Final = 512
PING_IDLE_S: Final = 5.0
PONG_TIMEOUT_S: Final = 5.0
CLOSE_TIMEOUT_S: Final = 2.0

ERROR_CODE_HEADER: Final = "X-Error-Code"
"""Why a model server of ours refused a connection."""
UPSTREAM_CODES: Final = "upstream_"
"""How the codes of an engine begin that leans on somebody else's endpoint."""

_NORMAL_CLOSES: Final = frozenset({1000, 1001})


class _Listener(picows.WSListener):
    """Collects whole text messages; picows calls it on the loop."""

    def __init__(self, client: RealtimeClient) -> None:
        self._client = client
        self._parts: list[bytes] = []
        self._part_bytes = 0

    def on_ws_connected(self, transport: picows.WSTransport) -> None:
        self._client._connected(transport)

    def on_ws_frame(self, transport: picows.WSTransport, frame: picows.WSFrame) -> None:
        kind = frame.msg_type
        if kind is picows.WSMsgType.CLOSE:
            code = frame.get_close_code()  # a plain int when picows does not know the code
            number = code.value if isinstance(code, picows.WSCloseCode) else int(code)
            self._client._peer_closed(number, frame.get_close_reason())
            transport.send_close(picows.WSCloseCode.OK)
            transport.disconnect()
        elif kind in (picows.WSMsgType.TEXT, picows.WSMsgType.CONTINUATION):
            payload = frame.get_payload_as_bytes()
            if frame.fin and not self._parts:
                self._client._received(payload)
                return
            self._parts.append(payload)
            self._part_bytes += len(payload)
            if self._part_bytes > MAX_FRAME_BYTES:
                self._client._fail(EngineProtocolError("the server sent an event that is too big"))
            elif frame.fin:
                whole = b"".join(self._parts)
                self._parts.clear()
                self._part_bytes = 0
                self._client._received(whole)

    def on_ws_disconnected(self, transport: picows.WSTransport) -> None:
        self._client._disconnected()


class RealtimeClient:
    """One Realtime session as its client; made by ``connect``, closed when its block is left."""

    def __init__(
        self,
        *,
        max_unsent_bytes: int = MAX_UNSENT_BYTES,
        protocol: ClientProtocol | None = None,
        reach: Reach | None = None,
    ) -> None:
        self._protocol = protocol or ClientProtocol()
        self._reach = reach
        self._max_unsent_bytes = max_unsent_bytes
        self._transport: picows.WSTransport | None = None
        self._events: deque[ServerEvent] = deque()  # bounded by pausing the transport
        self._readable = asyncio.Event()
        self._is_paused = False
        self._is_closing = False
        self._is_closed = False
        self._close: tuple[int, str] | None = None
        self._failure: EngineError | None = None

    @classmethod
    @contextlib.asynccontextmanager
    async def connect(
        cls,
        base_url: str,
        *,
        api_key: str,
        model: str,
        connect_timeout_s: float = 5.0,
        ssl_context: ssl.SSLContext | None = None,
        max_unsent_bytes: int = MAX_UNSENT_BYTES,
        protocol: ClientProtocol | None = None,
        headers: Mapping[str, str] | None = None,
        reach: Reach | None = None,
    ) -> AsyncIterator[RealtimeClient]:
        """Open a session at ``base_url`` (``http[s]://host:port/v1``) and wait for its first event.

        ``reach``: what may be dialled; None: wherever the name points. An empty key is not sent.
        Raises EngineBusy (no slot), EngineTimeout, or EngineError; a refused key is not retryable.
        """
        client = cls(max_unsent_bytes=max_unsent_bytes, protocol=protocol, reach=reach)
        if api_key:
            headers = {**(headers or {}), "Authorization": f"Bearer {api_key}"}
        try:
            async with asyncio.timeout(connect_timeout_s):
                await client._open(
                    realtime_url(base_url, model), headers or {}, ssl_context, connect_timeout_s
                )
                await client._await_session()
        except TimeoutError:
            await client.aclose()
            raise EngineTimeout(
                f"no Realtime session within {connect_timeout_s:g} s from {base_url}"
            ) from None
        except BaseException:  # a cancelled opening too must close what it opened
            await client.aclose()
            raise
        try:
            yield client
        finally:
            await client.aclose()

    def send(self, event: ClientEvent) -> None:
        """Queue one event; never blocks. EngineError when the socket is gone or its buffer full."""
        self._write(self._protocol.write(event))

    def append_audio(self, payload: bytes) -> None:
        """Queue caller audio in the session's input format; the fast path of ``send``."""
        self._write(self._protocol.write_append(payload))

    async def events(self) -> AsyncIterator[ServerEvent]:
        """Server events in order, the first ``session.created`` included. Ends when the session is
        closed by either side; EngineError when the connection is lost."""
        while True:
            while self._events:
                event = self._events.popleft()
                if self._is_paused and len(self._events) <= READ_LOW_EVENTS:
                    self._resume_reading()
                yield event
            if self._failure is not None:
                raise self._failure
            if self._is_closed:
                return
            self._readable.clear()
            await self._readable.wait()

    @property
    def is_open(self) -> bool:
        return self._transport is not None and not self._is_closed and self._failure is None

    async def aclose(self) -> None:
        """Close with 1000 and wait for the other side, within a deadline; safe to repeat."""
        transport = self._transport
        if transport is None or self._is_closed:
            self._is_closed = True
            self._readable.set()
            return
        self._is_closing = True
        if self._is_paused:
            self._resume_reading()  # else the peer's close frame would never be seen
        transport.send_close(picows.WSCloseCode.OK)
        try:
            async with asyncio.timeout(CLOSE_TIMEOUT_S):
                await transport.wait_disconnected()
        except TimeoutError:
            transport.disconnect(graceful=False)

    # ---- opening -------------------------------------------------------------------------------

    async def _open(
        self,
        url: str,
        headers: Mapping[str, str],
        ssl_context: ssl.SSLContext | None,
        timeout_s: float,
    ) -> None:
        dialled: list[socket.socket] = []

        async def dial(parsed: picows.WSParsedURL) -> socket.socket:
            dialled.append(await _dial(parsed.host, parsed.port, self._reach))
            return dialled[0]

        try:
            await picows.ws_connect(
                lambda: _Listener(self),
                url,
                ssl_context=ssl_context,
                socket_factory=dial,
                websocket_handshake_timeout=timeout_s,
                enable_auto_ping=True,
                auto_ping_idle_timeout=PING_IDLE_S,
                auto_ping_reply_timeout=PONG_TIMEOUT_S,
                max_frame_size=MAX_FRAME_BYTES,
                extra_headers=dict(headers),
                max_redirects=0,
            )
        except picows.WSHandshakeError as exc:
            raise _refusal(exc) from None
        except AddressRefused as exc:
            raise EngineError(str(exc), code="address_refused", retryable=False) from None
        except (OSError, picows.WSError) as exc:
            raise EngineError(f"the Realtime endpoint cannot be reached: {exc}") from exc
        except asyncio.CancelledError:
            # picows leaves the transport of an interrupted handshake open: end it from below.
            for one in dialled:
                with contextlib.suppress(OSError):
                    one.shutdown(socket.SHUT_RDWR)
            raise

    async def _await_session(self) -> None:
        while not self._events:
            if self._failure is not None:
                raise self._failure
            if self._is_closed:
                raise EngineError("the server closed the connection before a session began")
            self._readable.clear()
            await self._readable.wait()
        first = self._events[0]
        if isinstance(first, ErrorEvent):
            raise EngineError(
                first.error.message,
                code=first.error.code,
                retryable=first.error.type == "server_error",
            )
        if not isinstance(first, SessionCreated):
            raise EngineProtocolError(f"the first event was {first.type}, not session.created")

    # ---- writing -------------------------------------------------------------------------------

    def _write(self, frame: bytes) -> None:
        transport = self._transport
        if transport is None or self._is_closing or self._is_closed or self._failure is not None:
            raise self._failure or EngineError("the Realtime session is closed")
        unsent = transport.underlying_transport.get_write_buffer_size()
        if unsent + len(frame) > self._max_unsent_bytes:
            failure = EngineError(
                f"the Realtime server does not read: {unsent} bytes are unsent",
                code="engine_stalled",
            )
            self._fail(failure)
            raise failure
        transport.send(picows.WSMsgType.TEXT, frame)

    # ---- called by the listener ----------------------------------------------------------------

    def _connected(self, transport: picows.WSTransport) -> None:
        self._transport = transport

    def _received(self, frame: bytes) -> None:
        try:
            event = self._protocol.receive(frame)
        except EngineProtocolError as exc:
            self._fail(exc)
            return
        self._events.append(event)
        if len(self._events) >= READ_HIGH_EVENTS and not self._is_paused:
            self._is_paused = True
            if self._transport is not None:
                self._transport.underlying_transport.pause_reading()
        self._readable.set()

    def _peer_closed(self, code: int, reason: str) -> None:
        self._close = (code, reason)

    def _disconnected(self) -> None:
        self._is_closed = True
        if not self._is_closing and self._failure is None:
            if self._close is None:
                self._failure = EngineError("the connection to the Realtime server was lost")
            elif self._close[0] not in _NORMAL_CLOSES:
                code, reason = self._close
                self._failure = EngineError(
                    f"the Realtime server closed the session: {reason or code}",
                    code="engine_closed",
                )
        self._readable.set()

    def _fail(self, failure: EngineError) -> None:
        if self._failure is None:
            self._failure = failure
        self._readable.set()
        if self._transport is not None:
            self._transport.disconnect(graceful=False)

    def _resume_reading(self) -> None:
        self._is_paused = False
        if self._transport is not None and not self._is_closed:
            self._transport.underlying_transport.resume_reading()


async def _dial(host: str, port: int, reach: Reach | None) -> socket.socket:
    """A connected TCP socket to the first address that answers and may be reached."""
    loop = asyncio.get_running_loop()
    failure: OSError | None = None
    found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    if reach is not None:
        admitted = set(reach.choose(host, port, [str(entry[4][0]) for entry in found]))
        found = [entry for entry in found if entry[4][0] in admitted]
    for family, kind, proto, _, address in found:
        one = socket.socket(family, kind, proto)
        one.setblocking(False)
        try:
            await loop.sock_connect(one, address)
        except OSError as exc:
            one.close()
            failure = exc
        except asyncio.CancelledError:
            one.close()
            raise
        else:
            return one
    raise failure or OSError(f"{host} has no address")


def realtime_url(base_url: str, model: str) -> str:
    """``ws[s]://…/realtime?model=…`` of an OpenAI-style base URL."""
    parts = urlsplit(base_url.rstrip("/"))
    scheme = {"http": "ws", "https": "wss", "ws": "ws", "wss": "wss"}.get(parts.scheme)
    if scheme is None or not parts.netloc:
        raise EngineError(f"{base_url!r} is not an http or ws URL", retryable=False)
    path = f"{parts.path}/realtime"
    return urlunsplit((scheme, parts.netloc, path, f"model={quote(model, safe='')}", ""))


def _refusal(exc: picows.WSHandshakeError) -> EngineError:
    response = exc.response
    if response is None or response.status is None:
        return EngineError("the Realtime endpoint did not answer the WebSocket handshake")
    code = int(response.status)
    reason = str(response.headers.get(ERROR_CODE_HEADER, ""))
    if reason.startswith(UPSTREAM_CODES):
        # The server is up and what its engine leans on is not: to wait for it would be idle.
        return EngineError(
            f"the engine behind the Realtime endpoint cannot be had (HTTP {code})",
            code="engine_away",
            retryable=False,
        )
    if code in (429, 503):
        return EngineBusy(f"the Realtime endpoint has no free slot (HTTP {code})")
    return EngineError(
        f"the Realtime endpoint refused the connection with HTTP {code}",
        code="unauthorized" if code in (401, 403) else "engine_refused",
        retryable=code >= 500,
    )
