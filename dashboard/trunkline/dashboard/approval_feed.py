"""What waits for a decision, read once for everybody who looks; told to pages as it changes.

Storage is asked, not the live stream: an approval may be decided by the clock, over the API or by
a link, and only the database knows of all of them. One query for all viewers of the process.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Final

from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncSession

from trunkline.dashboard.live_feed import MAX_SUBSCRIBERS
from trunkline.domain.approval import OPEN, ApprovalState
from trunkline.domain.errors import TooMany, TrunklineError
from trunkline.domain.escalation import EscalationState
from trunkline.runtime.logging import get_logger
from trunkline.storage.approval_inbox import WANTED, ApprovalInbox, Waiting
from trunkline.storage.engine import Sessions, database_now
from trunkline.storage.escalations import Escalations, EscalationView
from trunkline.storage.views import HOUSE

log = get_logger(__name__)

LOOK_S: Final = 0.25
"""With the time to render and send it, a new request is on the screen within half a second."""
_IDLE_LOOK_S: Final = 2.0  # nobody looks: only the other pages' badge is kept
_LOOK_DEADLINE_S: Final = 5.0


@dataclass(frozen=True, slots=True)
class Queue:
    """Who is asked first comes first; ``version`` changes with anything a page shows of it."""

    waiting: tuple[Waiting, ...] = ()
    escalations: tuple[EscalationView, ...] = ()
    now: datetime = datetime.fromtimestamp(0, UTC)
    version: str = ""
    is_current: bool = True

    @property
    def open_count(self) -> int:
        """How many wait for a person: to be decided, found out about, or looked after."""
        raised = sum(one.escalation.state is EscalationState.RAISED for one in self.escalations)
        return raised + sum(is_for_people(one) for one in self.waiting)


def is_for_people(one: Waiting) -> bool:
    state = one.parked.approval.state
    return state in OPEN or state is ApprovalState.UNKNOWN


def in_order(waiting: Sequence[Waiting]) -> tuple[Waiting, ...]:
    """By the time that is left; then what nobody knows the end of; then what is being done."""

    def place(one: Waiting) -> tuple[int, datetime, str]:
        approval = one.parked.approval
        if approval.state in OPEN:
            return 0, approval.sla_at, approval.approval_id
        rank = 1 if approval.state is ApprovalState.UNKNOWN else 2
        return rank, approval.asked_at, approval.approval_id

    return tuple(sorted(waiting, key=place))


class QueueWatch:
    """One page's look at its owner's queue; ``shown`` is the approval it has open."""

    def __init__(self, owner: str, shown: str) -> None:
        self.owner = owner
        self.shown = shown
        self._news = asyncio.Event()

    def tell(self) -> None:
        self._news.set()

    async def wait(self, timeout_s: float) -> bool:
        """Whether something changed before the time passed."""
        try:
            async with asyncio.timeout(timeout_s):
                await self._news.wait()
        except TimeoutError:
            return False
        self._news.clear()
        return True


class ApprovalFeed:
    """One reader per web process; ``run`` is its whole life."""

    def __init__(self, sessions: Sessions) -> None:
        self.is_closing = False
        self._sessions = sessions
        self._queues: dict[str, Queue] = {}
        self._shown: dict[str, Waiting] = {}
        self._escalations: dict[str, EscalationView] = {}
        self._watches: set[QueueWatch] = set()
        self._came = asyncio.Event()

    def queue(self, owner: str = HOUSE) -> Queue:
        """As it was at the last look."""
        return self._queues.get(owner, Queue())

    def shown(self, approval_id: str, owner: str) -> Waiting | None:
        one = self._shown.get(approval_id)
        return one if one is not None and one.parked.owner == owner else None

    def escalation(self, escalation_id: str, owner: str) -> EscalationView | None:
        one = self._escalations.get(escalation_id)
        return one if one is not None and one.owner == owner else None

    @contextmanager
    def watch(self, owner: str, shown: str = "") -> Iterator[QueueWatch]:
        """TooMany when more pages look than this process serves."""
        if len(self._watches) >= MAX_SUBSCRIBERS:
            raise TooMany("too many live pages are open on this server", retry_after_s=10)
        one = QueueWatch(owner, shown)
        self._watches.add(one)
        self._came.set()
        try:
            yield one
        finally:
            self._watches.discard(one)

    async def run(self) -> None:
        while True:
            try:
                async with asyncio.timeout(_LOOK_DEADLINE_S):
                    await self.look()
            except (SQLAlchemyError, OSError, TimeoutError, TrunklineError) as exc:
                self._lose(type(exc).__name__)
            try:
                async with asyncio.timeout(LOOK_S if self._watches else _IDLE_LOOK_S):
                    await self._came.wait()
                # A page that has just come is told at once, but not faster than others.
                self._came.clear()
                await asyncio.sleep(LOOK_S / 5)
            except TimeoutError:
                pass

    def close(self) -> None:
        self.is_closing = True
        for watch in self._watches:
            watch.tell()

    async def look(self) -> None:
        """Read once, and tell the pages whose queue or shown approval has changed."""
        owners = {HOUSE} | {watch.owner for watch in self._watches}
        shown = {watch.shown for watch in self._watches if watch.shown}
        async with self._sessions.reading() as session:
            found = await ApprovalInbox(session).waiting(owners, shown)
            raised = {one: await Escalations(session).list(owner=one) for one in owners}
            now = await database_now(session)
        before, looked_after = self._shown, self._escalations
        self._escalations = {
            one.escalation.escalation_id: one for listed in raised.values() for one in listed
        }
        self._shown = {one.parked.approval.approval_id: one for one in found}
        for owner in owners:
            mine = in_order(
                [
                    one
                    for one in found
                    if one.parked.owner == owner and one.parked.approval.state in WANTED
                ]
            )
            old = self._queues.get(owner)
            fresh = Queue(mine, raised[owner], now, _version(mine, raised[owner]))
            self._queues[owner] = fresh
            is_same = old is not None and old.is_current and old.version == fresh.version
            for watch in self._watches:
                if watch.owner != owner:
                    continue
                if (
                    not is_same
                    or _revision(before, watch.shown) != _revision(self._shown, watch.shown)
                    or self._escalations.get(watch.shown) != looked_after.get(watch.shown)
                ):
                    watch.tell()

    def _lose(self, reason: str) -> None:
        log.warning("the approvals inbox could not read storage", error=reason)
        for owner, old in self._queues.items():
            if old.is_current:
                self._queues[owner] = replace(old, is_current=False)
        for watch in self._watches:
            watch.tell()


def _revision(found: dict[str, Waiting], approval_id: str) -> int:
    one = found.get(approval_id)
    return -1 if one is None else one.parked.approval.revision


def _version(waiting: Sequence[Waiting], raised: Sequence[EscalationView] = ()) -> str:
    """The same in every process, so that a page may resume at another one."""
    digest = hashlib.sha256()
    for one in waiting:
        approval = one.parked.approval
        digest.update(f"{approval.approval_id}:{approval.revision}:{one.is_call_live}:".encode())
    for escalation in (view.escalation for view in raised):
        digest.update(f"{escalation.escalation_id}:{escalation.revision}:".encode())
    return digest.hexdigest()[:16]


async def read_queue(session: AsyncSession, owner: str) -> Queue:
    """Read anew: whoever has just decided is not shown the past."""
    found = await ApprovalInbox(session).waiting([owner])
    raised = await Escalations(session).list(owner=owner)
    return Queue(in_order(found), raised, await database_now(session))
