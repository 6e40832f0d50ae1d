"""The call's Realtime session: opened before the answer, watched, and opened once more when lost.

``send`` and ``append`` never raise and never block. While the session is lost, events are dropped
(the conversation is replayed into the next one) and five seconds of caller audio are kept.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from copy import deepcopy
from typing import Final, Protocol, TypeAlias

from trunkline.domain.errors import EngineError, EngineTimeout
from trunkline.domain.events import Json
from trunkline.realtime.client_events import ClientEvent, SessionUpdate
from trunkline.realtime.server_events import ErrorEvent, ServerEvent, SessionUpdated
from trunkline.runtime.logging import get_logger
from trunkline.runtime.telemetry import ENGINE_FAILURES

log = get_logger(__name__)

CONFIGURE_TIMEOUT_S: Final = 3.0
REOPEN_TIMEOUT_S: Final = 10.0
"""For a lost session's engine to be back: a killed model server is up again in seconds."""
SESSION_OVER: Final = "session_over"
"""The code of an ordinary end, such as the hour a session may last: another one follows quietly."""

HELD_MS: Final = 100
"""While nobody speaks, audio goes up in pieces of this length: a message costs more than what is
in it (docs/benchmarks.md, the Realtime hop)."""

_KEPT_AUDIO_MS: Final = 5000
_FALLBACK_TIMEOUT_S: Final = 4.0
_RETRY_S: Final = 0.5
_MOST_REOPENINGS: Final = 3  # in one call: an engine that dies again and again is not there


class RealtimeSession(Protocol):
    """``realtime.client.RealtimeClient`` is one."""

    def send(self, event: ClientEvent) -> None: ...

    def append_audio(self, payload: bytes) -> None: ...

    def events(self) -> AsyncIterator[ServerEvent]: ...


Connector: TypeAlias = Callable[[str], AbstractAsyncContextManager[RealtimeSession]]
"""Opens a session with the engine of that name; raises EngineError."""


class LinkEvents(Protocol):
    """Who hears of the session's life."""

    def on_server_event(self, event: ServerEvent) -> None: ...

    def on_engine_lost(self, code: str) -> None:
        """The session is gone; another is being opened."""
        ...

    def on_engine_restored(self) -> None:
        """A fresh session, configured; the conversation is not in it yet."""
        ...

    def on_engine_failed(self, code: str) -> None:
        """There is no engine and will be none in this call."""
        ...


class EngineLink:
    """``engines``: the names to try, in order: the first, and the one to fall back to.

    A session that is lost is opened again at the same engine for as long as REOPEN_TIMEOUT_S, then
    once at the others.
    """

    def __init__(
        self, connect: Connector, engines: Sequence[str], base: Mapping[str, Json], *, rate_hz: int
    ) -> None:
        self._connect = connect
        self._engines = tuple(engines)
        self._base = deepcopy(dict(base))
        self._session: RealtimeSession | None = None
        self._events: AsyncIterator[ServerEvent] | None = None
        self._stack = AsyncExitStack()
        self._is_closing = False
        self._lost: EngineError | None = None
        self._wake = asyncio.Event()
        self._kept: deque[tuple[bytes, int]] = deque()
        self._kept_samples = 0
        self._rate_hz = rate_hz
        self._has_failed = False
        self._held: list[bytes] = []  # audio that may wait for more, less than HELD_MS of it
        self._held_samples = 0
        self._most_held = HELD_MS * rate_hz // 1000
        self._sent_samples = 0
        self._given_up: set[str] = set()
        self.engine = self._engines[0]

    @property
    def appended_samples(self) -> int:
        """Of this session, up to now: its audio clock and the call's end together."""
        return self._sent_samples + self._held_samples

    @property
    def is_up(self) -> bool:
        return self._session is not None

    @property
    def has_failed(self) -> bool:
        """No session, and no other will be tried."""
        return self._has_failed

    async def open(self) -> None:
        """Connect and configure; raises the last engine's EngineError when none can be had."""
        failure: EngineError | None = None
        for engine in dict.fromkeys(self._engines):
            try:
                await self._open(engine)
                return
            except EngineError as exc:
                ENGINE_FAILURES.labels(code=exc.code).inc()
                log.warning("an engine cannot be had", engine=engine, code=exc.code)
                failure = exc
        self._has_failed = True
        raise failure or EngineError("no engine is configured", retryable=False)

    async def _open(self, engine: str) -> None:
        stack = AsyncExitStack()
        try:
            session = await stack.enter_async_context(self._connect(engine))
            session.send(SessionUpdate(session=self._base))
            events = session.events()
            await self._configured(events)
        except BaseException:  # a cancelled opening too must close what it opened
            await stack.aclose()
            raise
        self._stack, self._session, self._events = stack, session, events
        self.engine = engine
        self._sent_samples = 0
        self._lost = None
        while self._kept and self._session is not None:
            self._append(*self._kept.popleft())
        self._kept_samples = 0

    @staticmethod
    async def _configured(events: AsyncIterator[ServerEvent]) -> None:
        try:
            async with asyncio.timeout(CONFIGURE_TIMEOUT_S):
                async for event in events:
                    if isinstance(event, SessionUpdated):
                        return
                    if isinstance(event, ErrorEvent):
                        raise EngineError(
                            f"the engine refused the session: {event.error.message}",
                            code=event.error.code or "session_refused",
                            retryable=False,
                        )
        except TimeoutError:
            raise EngineTimeout("the engine did not configure the session in time") from None
        raise EngineError("the engine closed the session before it was configured")

    def configure(self, session: Mapping[str, Json]) -> None:
        """``session.update``; remembered for a session that may follow this one."""
        _merge(self._base, session)
        self.send(SessionUpdate(session=dict(session)))

    def switch(self, engines: Sequence[str], change: Mapping[str, Json]) -> None:
        """Another engine, or a voice that a session cannot change to: a new session follows.

        The conversation goes along; what the caller says meanwhile is kept.
        """
        self._engines = tuple(engines)
        self.engine = self._engines[0]
        _merge(self._base, change)
        if not self._is_closing and not self._has_failed:
            self._lose(EngineError("another session is wanted", code=SESSION_OVER))

    def move_on(self, code: str) -> bool:
        """The engine is there and does not answer: another one is to. False when none is left."""
        self._given_up.add(self.engine)
        if self._is_closing or self._session is None or self._given_up.issuperset(self._engines):
            return False
        self._lose(EngineError("the engine does not answer", code=code))
        return True

    @property
    def engines(self) -> tuple[str, ...]:
        return self._engines

    def send(self, event: ClientEvent) -> None:
        self.hasten()
        if self._session is None or self._is_closing:
            return
        try:
            self._session.send(event)
        except EngineError as exc:
            self._lose(exc)

    def append(self, payload: bytes, samples: int, *, may_wait: bool = False) -> None:
        """Caller audio in the session's format; what ``may_wait`` goes in one piece with more."""
        self._held.append(payload)
        self._held_samples += samples
        if not may_wait or self._held_samples >= self._most_held:
            self.hasten()

    def hasten(self) -> None:
        """Audio that was held goes now."""
        if self._held:
            payload, samples = b"".join(self._held), self._held_samples
            self._held.clear()
            self._held_samples = 0
            self._append(payload, samples)

    def _append(self, payload: bytes, samples: int) -> None:
        if self._is_closing or self._has_failed:
            return
        if self._session is None:
            self._kept.append((payload, samples))
            self._kept_samples += samples
            while self._kept_samples * 1000 > _KEPT_AUDIO_MS * self._rate_hz:
                self._kept_samples -= self._kept.popleft()[1]
            return
        try:
            self._session.append_audio(payload)
            self._sent_samples += samples
        except EngineError as exc:
            self._lose(exc)

    def _lose(self, failure: EngineError) -> None:
        if self._lost is None:
            self._lost = failure
        self._session = None
        self._wake.set()

    async def run(self, listener: LinkEvents) -> None:
        """Hand on events until ``close``; reopen each time the session is lost."""
        reopenings = 0
        while not (self._is_closing or self._has_failed):
            if self._session is not None:
                await self._read(listener)
            if self._is_closing:
                return
            failure = self._lost or EngineError("the session is over", code=SESSION_OVER)
            self._session = None
            if failure.code != SESSION_OVER:
                reopenings += 1
                ENGINE_FAILURES.labels(code=failure.code).inc()
                log.warning("the engine was lost in a call", engine=self.engine, code=failure.code)
            listener.on_engine_lost(failure.code)
            await self._stack.aclose()
            try:
                if reopenings > _MOST_REOPENINGS:
                    raise failure
                await self._reopen()
            except EngineError:
                self._has_failed = True
                self._kept.clear()
                listener.on_engine_failed(failure.code)
                return
            listener.on_engine_restored()

    async def _reopen(self) -> None:
        """The engine of before, again and again until its time is up; then the others, once each.

        A refusal that no other try would change ends the waiting. Raises EngineError.
        """
        failure: EngineError = EngineTimeout("the engine did not come back in time")
        if self.engine not in self._given_up or self._given_up.issuperset(self._engines):
            try:
                await self._reopen_same()
                return
            except EngineError as exc:
                failure = exc
        # One that did not answer before comes last: it may have come to itself.
        for engine in sorted(self._engines, key=self._given_up.__contains__):
            if engine == self.engine:
                continue
            try:
                async with asyncio.timeout(_FALLBACK_TIMEOUT_S):
                    await self._open(engine)
                return
            except EngineError as exc:
                failure = exc
            except TimeoutError:
                failure = EngineTimeout("the fallback engine did not answer in time")
        raise failure

    async def _reopen_same(self) -> None:
        failure: EngineError = EngineTimeout("the engine did not come back in time")
        try:
            async with asyncio.timeout(REOPEN_TIMEOUT_S):
                while True:
                    try:
                        await self._open(self.engine)
                        return
                    except EngineError as exc:
                        failure = exc
                        if not exc.retryable:
                            break
                    await asyncio.sleep(_RETRY_S)
        except TimeoutError:
            pass
        raise failure

    async def _read(self, listener: LinkEvents) -> None:
        """Until the session ends, by the server or by a failed write."""
        assert self._events is not None
        self._wake.clear()
        events = self._events

        async def read() -> None:
            try:
                async for event in events:
                    listener.on_server_event(event)
            except EngineError as exc:
                self._lose(exc)
            self._wake.set()

        async with asyncio.TaskGroup() as tasks:
            reading = tasks.create_task(read(), name="engine-events")
            await self._wake.wait()
            reading.cancel()

    async def close(self) -> None:
        """End the session; nothing is sent after this."""
        self._is_closing = True
        self._session = None
        self._wake.set()
        await self._stack.aclose()


def _merge(base: dict[str, Json], change: Mapping[str, Json]) -> None:
    """As the protocol merges: objects key by key, everything else as a whole."""
    for key, value in change.items():
        if isinstance(value, Mapping) and isinstance(base.get(key), dict):
            _merge(base[key], value)
        else:
            base[key] = deepcopy(value)
