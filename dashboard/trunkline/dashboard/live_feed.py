"""Keeps the live board: reads the stream of facts, storage when Redis is away, tells the pages.

A page's subscription holds no queue of events, only the set of calls that changed since it last
looked: however slow a browser is, what waits for it is bounded by the calls there are.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final

import orjson
from redis.asyncio import Redis
from redis.exceptions import RedisError
from sqlalchemy.exc import SQLAlchemyError

from trunkline.calls.fact_json import decode_fact
from trunkline.calls.live_sink import FACT_FIELD, LIVE_STREAM
from trunkline.dashboard.live_board import LiveBoard, StreamId, parse_stream_id
from trunkline.domain.clock import Clock, SystemClock
from trunkline.domain.errors import Invalid, TooMany
from trunkline.domain.events import CallFact
from trunkline.domain.ids import CallId
from trunkline.runtime.logging import get_logger
from trunkline.storage.calls import CallRepository
from trunkline.storage.engine import Sessions

log = get_logger(__name__)

MAX_SUBSCRIBERS: Final = 500
_BATCH: Final = 500
_BLOCK_MS: Final = 2000
_READ_DEADLINE_S: Final = 6.0
_RETRY_S: Final = 1.0
_RECONCILE_S: Final = 10.0
_POLL_S: Final = 2.0


class Subscription:
    """What one page has not seen yet; ``call_id`` narrows it to one call."""

    def __init__(self, call_id: CallId | None) -> None:
        self._call_id = call_id
        self._changed: set[CallId] = set()
        self._wake = asyncio.Event()

    def tell(self, changed: Iterable[CallId]) -> None:
        wanted = set(changed) if self._call_id is None else {self._call_id} & set(changed)
        if wanted:
            self._changed |= wanted
            self._wake.set()

    def wake(self) -> None:
        self._wake.set()

    async def wait(self, timeout_s: float) -> set[CallId]:
        """The calls that changed since the last wait; empty when the time passed without any."""
        try:
            async with asyncio.timeout(timeout_s):
                await self._wake.wait()
        except TimeoutError:
            return set()
        return self._take()

    async def gather(self, for_s: float) -> set[CallId]:
        """Wait a little, so that a burst of facts is shown once; what changed meanwhile."""
        await asyncio.sleep(for_s)
        return self._take()

    def _take(self) -> set[CallId]:
        self._wake.clear()
        changed, self._changed = self._changed, set()
        return changed


class LiveFeed:
    """One reader per web process, however many pages look; ``run`` is its whole life.

    ``redis`` answers in bytes and has no socket timeout shorter than the blocking read.
    """

    def __init__(self, redis: Redis, sessions: Sessions, clock: Clock | None = None) -> None:
        self.board = LiveBoard()
        self.clock: Clock = clock or SystemClock()
        self.is_connected = False
        self.is_closing = False
        self._redis = redis
        self._sessions = sessions
        self._subscriptions: set[Subscription] = set()

    async def run(self) -> None:
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._follow_stream(), name="live stream")
            tasks.create_task(self._follow_storage(), name="live storage")

    def close(self) -> None:
        """Let every page's stream end, so that the server can stop."""
        self.is_closing = True
        for subscription in self._subscriptions:
            subscription.wake()

    def check_room(self) -> None:
        """TooMany when more pages look than this process serves."""
        if len(self._subscriptions) >= MAX_SUBSCRIBERS:
            raise TooMany("too many live pages are open on this server", retry_after_s=10)

    @contextmanager
    def subscribe(self, call_id: CallId | None = None) -> Iterator[Subscription]:
        """What changes from now on; of one call, or of all."""
        subscription = Subscription(call_id)
        self._subscriptions.add(subscription)
        try:
            yield subscription
        finally:
            self._subscriptions.discard(subscription)

    async def _follow_stream(self) -> None:
        last: str | bytes = "0-0"  # the stream is trimmed; what it keeps is read once at the start
        while True:
            try:
                # The first answer says that Redis is there; it must not wait for a fact.
                block = _BLOCK_MS if self.is_connected else 1
                async with asyncio.timeout(_READ_DEADLINE_S):
                    answer: Any = await self._redis.xread(
                        {LIVE_STREAM: last}, count=_BATCH, block=block
                    )
            except (RedisError, OSError, TimeoutError) as exc:
                self._connected(False, reason=type(exc).__name__)
                await asyncio.sleep(_RETRY_S)
                continue
            self._connected(True)
            batch = _entries_of(answer)
            if batch:
                last = batch[-1][0]
                self._apply(batch)

    def _apply(self, batch: list[tuple[bytes, Mapping[bytes, bytes]]]) -> None:
        changed: set[CallId] = set()
        for raw_id, fields in batch:
            stream_id = parse_stream_id(raw_id.decode())
            fact = _fact_of(fields)
            if stream_id is None or fact is None:
                continue
            call_id = self.board.apply(stream_id, fact)
            if call_id is not None:
                changed.add(call_id)
        self.board.forget(self.clock.now())
        self._tell(changed)

    def _connected(self, is_connected: bool, reason: str = "") -> None:
        if is_connected == self.is_connected:
            return
        self.is_connected = is_connected
        log.info("live stream connected" if is_connected else "live stream lost", reason=reason)
        for subscription in self._subscriptions:
            subscription.wake()

    async def _follow_storage(self) -> None:
        while True:
            try:
                await self.reconcile()
            except (SQLAlchemyError, OSError) as exc:
                log.warning("live view could not read storage", error=type(exc).__name__)
            await asyncio.sleep(_RECONCILE_S if self.is_connected else _POLL_S)

    async def reconcile(self) -> None:
        """Compare the board with storage once."""
        async with self._sessions.reading() as session:
            stored = await CallRepository(session).live()
        now = self.clock.now()
        changed = self.board.reconcile(stored, now)
        if not self.is_connected:
            changed |= self.board.refresh(stored)
        self.board.forget(now)
        self._tell(changed)

    def _tell(self, changed: set[CallId]) -> None:
        if changed:
            for subscription in self._subscriptions:
                subscription.tell(changed)


def _entries_of(answer: Any) -> list[tuple[bytes, Mapping[bytes, bytes]]]:
    """The one stream's entries, from either shape redis-py answers in (RESP2 list, RESP3 map)."""
    if not answer:
        return []
    if isinstance(answer, dict):
        streams = next(iter(answer.values()))
        return list(streams[0]) if streams and isinstance(streams[0], list) else list(streams)
    return list(answer[0][1])


def _fact_of(fields: Mapping[bytes, bytes]) -> CallFact | None:
    """None for an entry of a newer process that this one cannot read."""
    try:
        return decode_fact(orjson.loads(fields[FACT_FIELD.encode()]))
    except (KeyError, orjson.JSONDecodeError, Invalid) as exc:
        log.warning("live stream holds an unreadable fact", error=type(exc).__name__)
        return None


def seen_by(header: str | None, query: str | None) -> StreamId | None:
    """What a reconnecting page has seen: Last-Event-ID, or ``?last=`` when it opened anew."""
    return parse_stream_id(header or query or "")
