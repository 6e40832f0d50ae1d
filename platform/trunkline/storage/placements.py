"""Placements: ordered, claimed by one edge, settled by the end of the call.

A claim and its spend are one transaction: an order is dialled by whoever turned it from ``queued``
to ``calling``, and never by anybody else. Money is reserved before it is spent, a minute at a time
(as RFC 8506 grants credit), so that the day's total never passes the cap.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import func, select, tuple_
from sqlalchemy.ext.asyncio import AsyncSession

from trunkline.domain.call import CallState, Direction
from trunkline.domain.errors import CallerError, Conflict, Invalid, NotFound, TooMany
from trunkline.domain.ids import CallId, new_call_id
from trunkline.domain.outbound import OutboundRoute, OutboundRules
from trunkline.domain.placement import PlacementOutcome, day_of
from trunkline.domain.tariff import Billing, Price, as_amount
from trunkline.storage.engine import hold
from trunkline.storage.placement_ends import end_placement
from trunkline.storage.placement_rows import AttemptRow, PlacementRow
from trunkline.storage.placement_views import ClaimedPlacement, NewPlacement, PlacementView
from trunkline.storage.placements_from_rows import placement_view, retry_document
from trunkline.storage.rows import ApiKeyRow, CallRow
from trunkline.storage.upsert import clean_json, clean_text, insert_new
from trunkline.storage.views import HOUSE

MOST_QUEUED: Final = 10_000
_SPEND_LOCK: Final = "outbound spend"
_OPEN: Final = ("queued", "calling")


@dataclass(frozen=True, slots=True)
class Ordered:
    """``is_new`` is False when the same order was there already, by its idempotency key."""

    placement: PlacementView
    is_new: bool


class Placements:
    """The orders of one session; whatever changes something needs a writing one."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def order(self, new: NewPlacement, now: datetime) -> Ordered:
        """Keep an order. Invalid when its idempotency key is another order's, TooMany over a limit.

        The same key again gives the same order, whatever has become of it.
        """
        await hold(self._session, f"placements of {new.owner}")
        if new.idempotency_key is not None and (found := await self._by_key(new)) is not None:
            return Ordered(await self.get(found, owner=new.owner), is_new=False)
        await self._check_limits(new, now)
        placement_id = new_call_id()
        values = {
            "id": placement_id,
            "owner": new.owner,
            "key_id": new.key_id,
            "idempotency_key": new.idempotency_key,
            "digest": new.digest,
            "target": clean_text(new.target),
            "trunk": clean_text(new.trunk),
            "caller_id": new.caller_id,
            "agent": clean_text(new.agent),
            "variables": clean_json(new.variables),
            "details": clean_json(new.details),
            "ring_s": new.ring_s,
            "longest_s": new.longest_s,
            "valid_s": new.valid_s,
            "retry": retry_document(new.retry),
            "state": "queued",
            "created_at": now,
            "due_at": new.due_at,
            "expires_at": max(new.due_at, now) + timedelta(seconds=new.valid_s),
        }
        await insert_new(self._session, PlacementRow, values, key=["id"])
        return Ordered(await self.get(placement_id, owner=new.owner), is_new=True)

    async def _by_key(self, new: NewPlacement) -> str | None:
        query = select(PlacementRow.id, PlacementRow.digest).where(
            PlacementRow.owner == new.owner, PlacementRow.idempotency_key == new.idempotency_key
        )
        row = (await self._session.execute(query)).one_or_none()
        if row is None:
            return None
        if row.digest != new.digest:
            raise Invalid(
                "this idempotency key was used for another call; take a new one",
                code="idempotency_key_reused",
                param="idempotency_key",
            )
        return str(row.id)

    async def _check_limits(self, new: NewPlacement, now: datetime) -> None:
        queued = await self._count(PlacementRow.owner == new.owner, PlacementRow.state.in_(_OPEN))
        if queued >= MOST_QUEUED:
            raise TooMany(
                f"{MOST_QUEUED} calls wait already", retry_after_s=60, code="too_many_placements"
            )
        query = select(ApiKeyRow.quota).where(ApiKeyRow.id == new.key_id)
        quota = await self._session.scalar(query) or {}
        of_key = PlacementRow.key_id == new.key_id
        at_once = int(quota.get("calls_at_once", 0))
        if at_once and await self._count(of_key, PlacementRow.state.in_(_OPEN)) >= at_once:
            raise TooMany(
                f"this key may have {at_once} ordered calls that are not over; its quota says so",
                retry_after_s=30,
                code="key_calls_at_once",
            )
        a_day = int(quota.get("calls_per_day", 0))
        today = day_of(now)
        if a_day and await self._count(of_key, PlacementRow.created_at >= today) >= a_day:
            raise TooMany(
                f"this key may order {a_day} calls a day (UTC); its quota says so",
                retry_after_s=_until_tomorrow(now),
                code="key_calls_per_day",
            )

    async def _count(self, *conditions: Any) -> int:
        query = select(func.count()).select_from(PlacementRow).where(*conditions)
        return int(await self._session.scalar(query) or 0)

    # ---- looked at -----------------------------------------------------------------------------

    async def get(self, call_id: str, *, owner: str = HOUSE) -> PlacementView:
        """By its own id or that of any attempt; NotFound when the house has none."""
        attempt = await self._session.get(AttemptRow, clean_text(call_id))
        placement_id = attempt.placement_id if attempt else clean_text(call_id)
        row = await self._session.get(PlacementRow, placement_id, populate_existing=True)
        if row is None or row.owner != owner:
            raise NotFound("there is no such call", code="call_not_found")
        query = (
            select(AttemptRow, CallRow.state)
            .join(CallRow, CallRow.id == AttemptRow.call_id, isouter=True)
            .where(AttemptRow.placement_id == row.id)
            .order_by(AttemptRow.number)
            .execution_options(populate_existing=True)
        )
        found = (await self._session.execute(query)).all()
        return placement_view(row, [(one, state) for one, state in found])

    async def waiting(
        self, *, owner: str = HOUSE, limit: int = 100, after: str | None = None
    ) -> tuple[PlacementView, ...]:
        """Orders that are not over, the next due first; ``after`` is the last one's id."""
        where = [PlacementRow.owner == owner, PlacementRow.state.in_(_OPEN)]
        if after is not None:
            last = await self._session.get(PlacementRow, clean_text(after))
            if last is None or last.owner != owner:
                raise Invalid("no order has this id", code="bad_cursor", param="after")
            where.append(tuple_(PlacementRow.due_at, PlacementRow.id) > (last.due_at, last.id))
        query = (
            select(PlacementRow.id)
            .where(*where)
            .order_by(PlacementRow.due_at, PlacementRow.id)
            .limit(limit)
        )
        found = list(await self._session.scalars(query))
        return tuple([await self.get(one, owner=owner) for one in found])

    async def due(self, now: datetime, limit: int = 100) -> Sequence[CallId]:
        """Orders that wait to be dialled now, the longest due first."""
        query = (
            select(PlacementRow.id)
            .where(PlacementRow.state == "queued", PlacementRow.due_at <= now)
            .order_by(PlacementRow.due_at, PlacementRow.id)
            .limit(limit)
        )
        return [CallId(one) for one in await self._session.scalars(query)]

    async def spent(self, now: datetime) -> int:
        """Millionths that today's attempts have cost, with what is granted to those still up."""
        query = select(func.sum(AttemptRow.cost + AttemptRow.granted)).where(
            AttemptRow.at >= day_of(now)
        )
        return int(await self._session.scalar(query) or 0)

    async def live(self) -> int:
        query = select(func.count()).select_from(AttemptRow).where(AttemptRow.ended_at.is_(None))
        return int(await self._session.scalar(query) or 0)

    async def open_on(self, edge_id: str, before: datetime) -> list[CallId]:
        """Attempts that the edge claimed before then and that are not over."""
        query = select(AttemptRow.call_id).where(
            AttemptRow.edge_id == edge_id, AttemptRow.ended_at.is_(None), AttemptRow.at < before
        )
        return [CallId(one) for one in await self._session.scalars(query)]

    # ---- carried out ---------------------------------------------------------------------------

    async def claim(
        self, placement_id: str, edge_id: str, rules: OutboundRules, now: datetime
    ) -> ClaimedPlacement | None:
        """Make the next attempt this edge's own; None when it is not to be dialled (now).

        What is not allowed any more, or cannot be paid for, ends the order as refused.
        """
        await hold(self._session, _SPEND_LOCK)
        query = select(PlacementRow).where(
            PlacementRow.id == placement_id,
            PlacementRow.state == "queued",
            PlacementRow.due_at <= now,
        )
        row = await self._session.scalar(
            query.with_for_update().execution_options(populate_existing=True)
        )
        if row is None:
            return None
        if row.expires_at < now:
            await end_placement(self._session, row, PlacementOutcome.EXPIRED, now)
            return None
        quiet_until = rules.not_before(now)
        if quiet_until > now:
            row.due_at = quiet_until
            row.expires_at = quiet_until + timedelta(seconds=row.valid_s)
            return None
        if await self.live() >= rules.max_calls:
            return None
        try:
            route = rules.route(row.target, trunk=row.trunk, caller_id=row.caller_id)
            granted_s = await self._first_grant(route, row.longest_s, rules, now)
        except CallerError as exc:
            row.reason = clean_text(exc.message)
            await end_placement(self._session, row, PlacementOutcome.REFUSED, now)
            return None
        return await self._begin(row, route, granted_s, edge_id, rules, now)

    async def _first_grant(
        self, route: OutboundRoute, longest_s: int, rules: OutboundRules, now: datetime
    ) -> int:
        granted_s = min(route.first_grant_s, longest_s)
        await self.check_funds(route.price, granted_s, rules, now)
        return granted_s

    async def check_funds(
        self, price: Price, talked_s: int, rules: OutboundRules, now: datetime
    ) -> None:
        """TooMany when the rest of the day's money does not pay for so much talk."""
        if rules.spend_cap is None or price.per_minute == 0:
            return
        if await self.spent(now) + price.cost(talked_s) > rules.spend_cap:
            raise TooMany(
                f"the day's spend cap of {as_amount(rules.spend_cap)} {rules.currency} is reached"
                " (TRUNKLINE_OUTBOUND_SPEND_CAP); it is counted anew at midnight UTC",
                retry_after_s=_until_tomorrow(now),
                code="spend_cap_reached",
            )

    async def _begin(
        self,
        row: PlacementRow,
        route: OutboundRoute,
        granted_s: int,
        edge_id: str,
        rules: OutboundRules,
        now: datetime,
    ) -> ClaimedPlacement:
        row.state = "calling"
        row.attempts += 1
        call_id = CallId(row.id) if row.attempts == 1 else new_call_id()
        is_metered = rules.spend_cap is not None and route.price.per_minute > 0
        billing = route.price.billing
        self._session.add(
            AttemptRow(
                call_id=call_id,
                owner=row.owner,
                placement_id=row.id,
                number=row.attempts,
                at=now,
                edge_id=edge_id,
                per_minute=route.price.per_minute,
                first_s=billing.first_s,
                then_s=billing.then_s,
                granted_s=granted_s,
                granted=route.price.cost(granted_s),
                currency=rules.currency,
            )
        )
        # The call's own row from now on: whatever becomes of the edge, somebody closes it.
        self._session.add(
            CallRow(
                id=call_id,
                owner=row.owner,
                is_known=True,
                state=CallState.INITIATED.value,
                state_at=now,
                direction=Direction.OUTBOUND.value,
                trunk=route.trunk,
                caller_number=route.caller_id,
                called_number=clean_text(route.target),
                agent=row.agent,
                edge_id=edge_id,
                started_at=now,
            )
        )
        await self._session.flush()
        return ClaimedPlacement(
            placement_id=CallId(row.id),
            call_id=call_id,
            number=row.attempts,
            route=route,
            agent=row.agent,
            variables=row.variables,
            ring_s=row.ring_s,
            longest_s=row.longest_s,
            granted_s=granted_s,
            is_metered=is_metered,
        )

    async def extend(self, call_id: str, wanted_s: int, rules: OutboundRules, now: datetime) -> int:
        """Grant talk up to ``wanted_s`` if the money is there; what is granted now."""
        await hold(self._session, _SPEND_LOCK)
        row = await self._session.get(AttemptRow, call_id, populate_existing=True)
        if row is None or row.ended_at is not None:
            return 0
        price = Price(row.per_minute, Billing(row.first_s, row.then_s))
        more = price.cost(wanted_s) - row.granted
        is_paid = rules.spend_cap is None or await self.spent(now) + more <= rules.spend_cap
        if wanted_s > row.granted_s and is_paid:
            row.granted_s, row.granted = wanted_s, row.granted + max(more, 0)
        await self._session.flush()
        return row.granted_s

    async def cancel(self, call_id: str, now: datetime, *, owner: str = HOUSE) -> PlacementView:
        """End an order that waits; one that is being called is the edge's to end.

        Conflict when it was answered or is over.
        """
        placement = await self.get(call_id, owner=owner)
        row = await self._session.scalar(
            select(PlacementRow)
            .where(PlacementRow.id == placement.placement_id)
            .with_for_update()
            .execution_options(populate_existing=True)
        )
        assert row is not None
        placement = await self.get(row.id, owner=owner)
        if row.state == "ended":
            raise Conflict("the call is over", code="call_over")
        if placement.state == "answered":
            raise Conflict(
                f"the call was answered; POST /api/v1/calls/{placement.attempts[-1].call_id}/hangup"
                " ends it",
                code="call_answered",
            )
        row.cancelled_at = row.cancelled_at or now
        if row.state == "queued":
            await end_placement(self._session, row, PlacementOutcome.CANCELLED, now)
        await self._session.flush()
        return await self.get(row.id, owner=owner)


async def expire_placements(session: AsyncSession, now: datetime, limit: int = 200) -> int:
    """End what could not be begun in time; needs a writing session. How many."""
    query = (
        select(PlacementRow)
        .where(PlacementRow.state == "queued", PlacementRow.expires_at < now)
        .order_by(PlacementRow.due_at)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    rows = list(await session.scalars(query))
    for row in rows:
        await end_placement(session, row, PlacementOutcome.EXPIRED, now)
    return len(rows)


def _until_tomorrow(now: datetime) -> int:
    return int((day_of(now) + timedelta(days=1) - now).total_seconds()) + 1
