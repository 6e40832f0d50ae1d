"""Facts into the database, a handful of writes a turn; onto disk while the database is away."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Sequence
from contextlib import suppress
from typing import Final

from sqlalchemy.exc import DataError, IntegrityError, ProgrammingError, StatementError

from trunkline.calls.publish import FactWriter
from trunkline.calls.spool import FactSpool
from trunkline.domain.events import (
    LIVE_ONLY,
    ApprovalParked,
    ApprovalWithdrawn,
    CallEnded,
    CallFact,
    RecordingClosed,
    ToolQueued,
)
from trunkline.runtime.logging import get_logger
from trunkline.runtime.telemetry import FACTS_SPOOLED

log = get_logger(__name__)

_URGENT: Final = (ApprovalParked, ApprovalWithdrawn, CallEnded, RecordingClosed, ToolQueued)
_BATCH: Final = 200
_FIRST_WAIT_S: Final = 1.0
_LONGEST_WAIT_S: Final = 15.0
# These are the fact's own fault; everything else is the database's and passes.
_FAULTS: Final = (DataError, IntegrityError, ProgrammingError, ValueError, TypeError)


class StoreSink:
    """A bounded queue and one writer; ``run`` belongs in the service's task group.

    A batch is written 200 ms after its first fact, at once when a call ends. A write that fails, or
    takes longer than its deadline, sends the batch and all that follows to the spool, which is
    replayed in order when the database is back. When even the queue is full (the writer is stuck
    and 5,000 facts wait) ``publish`` itself spools: slow, but nothing is lost.
    """

    def __init__(
        self,
        write: FactWriter,
        spool: FactSpool,
        *,
        deadline_s: float = 5.0,
        linger_s: float = 0.2,
        depth: int = 5000,
    ) -> None:
        self._write = write
        self._spool = spool
        self._deadline_s = deadline_s
        self._linger_s = linger_s
        self._depth = depth
        self._pending: deque[CallFact] = deque()
        self._wake = asyncio.Event()
        self._urgent = asyncio.Event()
        self._is_spooling = False
        self._is_closing = False
        self._wait_s = _FIRST_WAIT_S
        self._batch = _BATCH

    @property
    def is_spooling(self) -> bool:
        """The database is away or slow and facts wait on disk."""
        return self._is_spooling

    def publish(self, fact: CallFact) -> None:
        if isinstance(fact, LIVE_ONLY):
            return
        if len(self._pending) >= self._depth:
            self._spill()
        self._pending.append(fact)
        self._wake.set()
        if isinstance(fact, _URGENT):
            self._urgent.set()

    def _spill(self) -> None:
        batch, self._pending = list(self._pending), deque()
        self._is_spooling = True
        try:
            self._spool.append(batch)
        except OSError as exc:
            log.critical("facts of calls are lost: neither database nor disk", lost=len(batch))
            log.error("the spool cannot be written", reason=exc.strerror)

    async def run(self) -> None:
        """Write until cancelled; then call ``close``."""
        self._is_spooling = True  # until it is known that no process before this one left any
        while True:
            try:
                await (self._replay() if self._is_spooling else self._flush())
                await self._wait()
            except OSError as exc:  # a spool that is broken must not end the writing of facts
                log.error("the spool cannot be used", reason=exc.strerror)
                self._wake.set()
                await asyncio.sleep(self._back_off())

    async def close(self, deadline_s: float = 5.0) -> None:
        """Write what is left, or put it on disk, within the deadline."""
        self._is_closing = True
        try:
            async with asyncio.timeout(deadline_s):
                await (self._spool_pending() if self._is_spooling else self._flush())
        except TimeoutError:
            log.error("facts could not be written before the deadline", left=len(self._pending))
        if self._pending:
            self._spill()

    async def _wait(self) -> None:
        if self._is_spooling:
            await self._keep_for(self._back_off())
            return
        await self._wake.wait()
        self._wake.clear()
        try:
            async with asyncio.timeout(self._linger_s):
                await self._urgent.wait()
        except TimeoutError:
            pass  # the usual case: the turn goes on
        self._urgent.clear()

    async def _keep_for(self, seconds: float) -> None:
        """Until the database is tried again: what is published meanwhile goes to disk as soon as it
        would have gone to the database, for this process may be killed any time."""
        clock = asyncio.get_running_loop().time
        until = clock() + seconds
        while True:
            await self._spool_pending()
            self._wake.clear()
            left_s = until - clock()
            if self._pending or left_s <= self._linger_s:  # the disk refuses, or it is time
                await asyncio.sleep(max(0.0, left_s))
                await self._spool_pending()
                return
            with suppress(TimeoutError):
                async with asyncio.timeout(left_s - self._linger_s):
                    await self._wake.wait()
            await asyncio.sleep(self._linger_s)

    async def _flush(self) -> None:
        while self._pending:
            batch = [self._pending.popleft() for _ in range(min(len(self._pending), self._batch))]
            is_settled = False
            try:
                is_settled = await self._try(batch)
            finally:
                if not is_settled:  # cancelled too: written twice is better than never
                    self._pending.extendleft(reversed(batch))
            if not is_settled:
                self._is_spooling = True
                await self._spool_pending()
                return

    async def _spool_pending(self) -> None:
        if not self._pending:
            return
        batch, self._pending = list(self._pending), deque()
        is_kept = False
        try:
            await asyncio.to_thread(self._spool.append, batch)
            is_kept = True
        except OSError as exc:
            log.error("facts wait in memory: the spool cannot be written", reason=exc.strerror)
        finally:
            if not is_kept:
                self._pending.extendleft(reversed(batch))

    async def _replay(self) -> None:
        """As much of the spool as the database takes; then facts go straight to it again.

        Those that wait in memory too, because the disk refuses them: they come after the spool's.
        """
        has_written = False
        while facts := await asyncio.to_thread(self._spool.read, self._batch):
            if not await self._try(facts):
                FACTS_SPOOLED.set(await asyncio.to_thread(self._spool.size))
                return
            has_written = True
            await asyncio.to_thread(self._spool.advance)
        await asyncio.to_thread(self._spool.advance)
        self._is_spooling = False
        FACTS_SPOOLED.set(0)
        if has_written:
            log.info("the database took all facts that waited")
        self._wake.set()

    def _back_off(self) -> float:
        wait_s, self._wait_s = self._wait_s, min(self._wait_s * 2, _LONGEST_WAIT_S)
        return wait_s

    async def _try(self, facts: Sequence[CallFact]) -> bool:
        """True when the facts are settled: written, or put aside because they never will be."""
        try:
            async with asyncio.timeout(self._deadline_s):
                await self._write(facts)
            self._wait_s = _FIRST_WAIT_S
            self._batch = min(self._batch * 2, _BATCH)
            return True
        except _FAULTS as exc:
            if isinstance(exc, StatementError) and getattr(exc, "connection_invalidated", False):
                return False
            if len(facts) > 1:
                for fact in facts:
                    if not await self._try([fact]):
                        return False
                return True
            log.error(
                "a fact cannot be stored and is put aside",
                fact=type(facts[0]).__name__,
                call_id=facts[0].call_id,
                reason=type(exc).__name__,
            )
            await asyncio.to_thread(self._spool.reject, facts)
            return True
        except Exception as exc:  # whatever the driver raises, the call's facts must be kept
            if isinstance(exc, TimeoutError):  # it may be slow, and not away: ask less of it
                self._batch = max(1, len(facts) // 2)
            log.warning("facts go to disk: the database does not take them", reason=_name(exc))
            return False


def _name(exc: Exception) -> str:
    return "no answer in time" if isinstance(exc, TimeoutError) else type(exc).__name__
