"""One Realtime session at the far end, from its opening to its loss; never opened twice."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import AsyncExitStack
from typing import Final

from trunkline.domain.errors import EngineError, EngineTimeout
from trunkline.domain.ids import mint
from trunkline.model.engine import (
    EngineConfig,
    HistoryItem,
    ResponseEnded,
    ResponsePart,
    ResponseRequest,
)
from trunkline.model.formats import bytes_per_ms
from trunkline.model.upstream.far_errors import SESSION_OVER, far_failure, is_harmless, plain_code
from trunkline.model.upstream.far_response import FarResponse
from trunkline.model.upstream.mirror import Mirror
from trunkline.model.upstream.session_document import RESPONSE_TAG, FarDialect
from trunkline.model.upstream.turns import LEAST_COMMIT_MS, Turn
from trunkline.model.upstream.word_clock import Pace
from trunkline.realtime import client_events as ce
from trunkline.realtime import server_events as ev
from trunkline.realtime.client import RealtimeClient
from trunkline.runtime.logging import get_logger
from trunkline.runtime.supervision import Nursery
from trunkline.runtime.telemetry import UPSTREAM_FAILURES

log = get_logger(__name__)

CONFIGURE_TIMEOUT_S: Final = 4.0
FREE_TIMEOUT_S: Final = 3.0
"""For a response that we cancelled to be over at the far end."""


class FarSession:
    """``on_turn`` hears what is said of committed turns; ``lost`` is set when it is over."""

    def __init__(
        self,
        dialect: FarDialect,
        pace: Pace,
        on_turn: Callable[[Turn, ev.ServerEvent], None],
        on_speaking: Callable[[str], None],
    ) -> None:
        self._dialect = dialect
        self._pace = pace
        self._on_turn = on_turn
        self._on_speaking = on_speaking
        self._stack = AsyncExitStack()
        self._client: RealtimeClient | None = None
        self._configured: EngineConfig | None = None
        self._updates: deque[tuple[str, asyncio.Future[None]]] = deque()
        self._committed: deque[Turn] = deque()  # in the order of their commits
        self._turns: dict[str, Turn] = {}  # by the far end's ids
        self._pending: dict[str, FarResponse] = {}  # by our event ids
        self._running: dict[str, FarResponse] = {}  # by the far end's ids
        self._items: dict[str, str] = {}  # our event ids to far ids, to know refused items by
        self.mirror = Mirror()
        self.lost = asyncio.Event()
        self.failure: EngineError | None = None
        self.opened_s = asyncio.get_running_loop().time()
        self.granted_s: float | None = None  # how long the far end says that it lasts

    @property
    def is_quiet(self) -> bool:
        return not (self._pending or self._running or self._committed)

    # ---- life ----------------------------------------------------------------------------------

    async def open(self, client: RealtimeClient, stack: AsyncExitStack, tasks: Nursery) -> None:
        """``stack`` closes the client; it is ours from now on."""
        self._client, self._stack = client, stack
        tasks.start(self._read(client), "far-events")

    async def configure(self, config: EngineConfig) -> None:
        """Raises EngineError when the far end refuses it or does not answer."""
        if config == self._configured:
            return
        event_id = mint("up", 16)
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._updates.append((event_id, done))
        try:
            session = self._dialect.session(config)
            self._send(ce.SessionUpdate(event_id=event_id, session=session))
            async with asyncio.timeout(CONFIGURE_TIMEOUT_S):
                await done
        except TimeoutError:
            raise EngineTimeout(
                "the upstream did not take the session", code="upstream_silent"
            ) from None
        finally:
            if (event_id, done) in self._updates:
                self._updates.remove((event_id, done))
        self._configured = config

    async def close(self) -> None:
        self._lose(EngineError("the session was closed", code=SESSION_OVER))
        await self._stack.aclose()

    # ---- the conversation ----------------------------------------------------------------------

    def sync(self, history: Sequence[HistoryItem]) -> None:
        for event in self.mirror.sync(history):
            if isinstance(event, ce.ItemCreate):
                self._remember(str(event.event_id), str(event.item.id))
            self._send(event)

    def _remember(self, event_id: str, far_id: str) -> None:
        self._items[event_id] = far_id
        while len(self._items) > 1000:
            del self._items[next(iter(self._items))]

    # ---- turns ---------------------------------------------------------------------------------

    def append(self, payload: bytes) -> None:
        if self._client is not None and not self.lost.is_set():
            try:
                self._client.append_audio(payload)
            except EngineError as exc:
                self._lose(exc)

    def commit(self, turn: Turn) -> None:
        least = LEAST_COMMIT_MS * bytes_per_ms(self._dialect.audio_format)
        if turn.size < least:
            self.append(_silence(least - turn.size, self._dialect))
        self._committed.append(turn)
        self._tell(ce.InputAudioCommit(event_id=mint("up", 16)))

    def clear(self) -> None:
        self._tell(ce.InputAudioClear(event_id=mint("up", 16)))

    # ---- responses -----------------------------------------------------------------------------

    async def respond(self, request: ResponseRequest) -> AsyncGenerator[ResponsePart]:
        """Parts as they come; closing it cancels at the far end."""
        settings = self._dialect.settings
        is_apart = request.is_out_of_band
        if not is_apart:
            await self._until_free()
            self.sync(request.history)
        response = FarResponse(
            mint("r", 16), self._dialect.audio_format, self._pace, is_in_conversation=not is_apart
        )
        params = self._dialect.response(
            request.config,
            self._configured or request.config,
            response.tag,
            request.history if is_apart else None,
        )
        event_id = mint("up", 16)
        self._pending[event_id] = response
        try:
            self._send(ce.ResponseCreate(event_id=event_id, response=params))
            timeout_s = settings.first_event_timeout_s
            while True:
                part = await response.next(timeout_s)
                timeout_s = settings.part_timeout_s
                yield part
                if isinstance(part, ResponseEnded):
                    return
        finally:
            self._leave(response)

    def _leave(self, response: FarResponse) -> None:
        """Nobody reads it any more; one that runs on is cancelled."""
        response.is_abandoned = True
        if not response.is_over and response.far_id:
            self._cancel(response.far_id)

    def _cancel(self, far_id: str) -> None:
        self._tell(ce.ResponseCancel(event_id=mint("up", 16), response_id=far_id))

    async def _until_free(self) -> None:
        """The conversation has one response at a time; one we cancelled may still be ending."""
        try:
            async with asyncio.timeout(FREE_TIMEOUT_S):
                for response in [*self._pending.values(), *self._running.values()]:
                    if response.is_in_conversation:
                        await response.over.wait()
        except TimeoutError:
            raise EngineTimeout(
                "the upstream does not end a cancelled response", code="upstream_stuck"
            ) from None

    # ---- what the far end says -----------------------------------------------------------------

    async def _read(self, client: RealtimeClient) -> None:
        failure = EngineError("the upstream ended the session", code=SESSION_OVER)
        try:
            async for event in client.events():
                self._take(event)
        except EngineError as exc:
            failure = exc
        except Exception:  # what an event does to us must not leave readers waiting for ever
            log.exception("an upstream's event could not be taken")
            failure = EngineError("the upstream sent something odd", code="upstream_failed")
        finally:
            self._lose(failure)

    def _take(self, event: ev.ServerEvent) -> None:
        match event:
            case ev.SessionCreated(session=session):
                expires = session.get("expires_at")
                if isinstance(expires, int | float) and expires > time.time():
                    self.granted_s = expires - time.time()
            case ev.SessionUpdated():
                if self._updates:
                    self._settle(self._updates.popleft()[1], None)
            case ev.ErrorEvent(error=detail):
                self._take_error(detail)
            case ev.InputCommitted(item_id=far_id):
                self._take_commit(far_id)
            case ev.TranscriptionDelta(item_id=far_id, x_hypothesis=str(text)) if (
                far_id not in self._turns
            ):
                self._on_speaking(text)
            case ev.TranscriptionDelta() | ev.TranscriptionCompleted() | ev.TranscriptionFailed():
                turn = self._turns.get(event.item_id)
                if turn is not None:
                    self._on_turn(turn, event)
                    if not isinstance(event, ev.TranscriptionDelta):
                        del self._turns[event.item_id]
            case ev.ResponseCreated(response=response):
                self._take_created(response.id, response.metadata)
            case ev.ResponseDone(response=response):
                self._take_done(response.id, event)
            case _:
                response_id = getattr(event, "response_id", None)
                running = self._running.get(response_id) if isinstance(response_id, str) else None
                if running is not None:
                    running.take(event)

    def _take_commit(self, far_id: str) -> None:
        if not self._committed:
            return  # nothing was committed: a far end that makes turns up
        turn = self._committed.popleft()
        if turn.is_dropped:
            self._tell(ce.ItemDelete(event_id=mint("up", 16), item_id=far_id))
            return
        turn.far_id = far_id
        self._turns[far_id] = turn
        self.mirror.turn_committed(far_id, turn.item_id)

    def _take_created(self, far_id: str, metadata: dict[str, str] | None) -> None:
        tag = (metadata or {}).get(RESPONSE_TAG)
        event_id = next(
            (key for key, each in self._pending.items() if tag is None or each.tag == tag), None
        )
        if event_id is None or far_id in self._running:
            self._cancel(far_id)  # nobody asked for it
            return
        response = self._pending.pop(event_id)
        response.began(far_id)
        self._running[far_id] = response
        if response.is_abandoned:
            self._cancel(far_id)

    def _take_done(self, far_id: str, event: ev.ResponseDone) -> None:
        response = self._running.pop(far_id, None)
        if response is None:
            return
        response.take(event)
        response.is_over = True
        response.over.set()
        if response.is_in_conversation:
            for item in response.output:
                self.mirror.answered(item)

    def _take_error(self, detail: ev.ErrorDetail) -> None:
        if is_harmless(detail):
            return
        failure = far_failure(detail.code, detail.type)
        event_id = detail.event_id or ""
        UPSTREAM_FAILURES.labels(code=failure.code).inc()
        log.warning("the upstream complained", code=failure.code, far_code=plain_code(detail.code))
        for waiting in self._updates:
            if waiting[0] == event_id:
                self._updates.remove(waiting)
                self._settle(waiting[1], failure)
                return
        if event_id in self._pending:
            self._end(self._pending.pop(event_id), failure)
        elif event_id in self._items:
            self.mirror.refused(self._items.pop(event_id))
        elif failure.code == SESSION_OVER:
            self._lose(failure)
        elif not event_id and len(self._pending) == 1 and not self._running:
            # A far end that does not say what it complains about, with one thing to complain about.
            self._end(self._pending.popitem()[1], failure)

    @staticmethod
    def _end(response: FarResponse, failure: EngineError) -> None:
        response.fail(failure)

    @staticmethod
    def _settle(done: asyncio.Future[None], failure: EngineError | None) -> None:
        if done.done():
            return
        if failure is None:
            done.set_result(None)
        else:
            done.set_exception(failure)

    # ---- writing -------------------------------------------------------------------------------

    def _send(self, event: ce.ClientEvent) -> None:
        if self._client is None or self.lost.is_set():
            raise self.failure or EngineError("the upstream is away", code="upstream_lost")
        try:
            self._client.send(event)
        except EngineError as exc:
            self._lose(exc)
            raise

    def _tell(self, event: ce.ClientEvent) -> None:
        """``_send`` where the loss is noticed elsewhere."""
        if self._client is not None and not self.lost.is_set():
            try:
                self._client.send(event)
            except EngineError as exc:
                self._lose(exc)

    def _lose(self, failure: EngineError) -> None:
        if self.lost.is_set():
            return
        self.failure = failure
        self.lost.set()
        for _, done in self._updates:
            self._settle(done, failure)
        for response in [*self._pending.values(), *self._running.values()]:
            if not response.is_over:
                response.fail(
                    EngineError("the upstream was lost in a response", code="upstream_lost")
                )
        self._pending.clear()
        self._running.clear()


def _silence(size: int, dialect: FarDialect) -> bytes:
    quiet = {"audio/pcm": b"\0", "audio/pcmu": b"\xff", "audio/pcma": b"\xd5"}
    return quiet[dialect.settings.audio_format] * size
