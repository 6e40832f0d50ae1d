"""Ordered calls on this edge: claimed, dialled, and begun; whatever fails is told as their end."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import Final, Protocol

from trunkline.calls.edge import Edge
from trunkline.calls.serving import HeldFlows
from trunkline.domain.call import CallState, Direction, EndCause
from trunkline.domain.errors import CallerError, NotFound, TrunkError, TrunklineError
from trunkline.domain.events import CallEnded, CallStarted, CallStateChanged
from trunkline.domain.ids import CallId, new_leg_id
from trunkline.domain.leg import Leg
from trunkline.runtime.logging import get_logger
from trunkline.runtime.telemetry import CALLS_ENDED
from trunkline.storage.placement_views import ClaimedPlacement

log = get_logger(__name__)

_LOOK_FOR_STRAYS_S: Final = 30.0


class Orders(Protocol):
    """``calls.placed_orders.PlacedOrders`` is one."""

    async def claim(self, placement_id: str) -> ClaimedPlacement | None: ...

    async def extend(self, call_id: str, wanted_s: int) -> int: ...

    async def strays(self) -> list[CallId]: ...


class Calls(Protocol):
    """The calls of this edge; ``calls.service.CallService`` is one."""

    def has_room(self) -> bool: ...

    def hold(self, call_id: CallId) -> HeldFlows: ...

    def begin_placed(
        self, leg: Leg, placed: ClaimedPlacement, flows: HeldFlows, invite_at_ms: float
    ) -> None: ...

    def is_up(self, call_id: CallId) -> bool: ...


class Placing:
    """One edge's. An order that is told of twice is claimed once; one at a time is dialled."""

    def __init__(self, edge: Edge, orders: Orders, calls: Calls) -> None:
        self._edge = edge
        self._orders = orders
        self._calls = calls
        self._dialling: dict[CallId, list[str]] = {}  # call id: who wants it ended meanwhile
        self._told: set[str] = set()

    @property
    def orders(self) -> Orders:
        return self._orders

    @property
    def count(self) -> int:
        """Calls that are being dialled and have no session yet."""
        return len(self._dialling)

    def end(self, call_id: CallId, reason: str) -> bool:
        """End a call that is just being dialled; False when there is none."""
        if call_id not in self._dialling:
            return False
        self._dialling[call_id].append(reason)
        return True

    async def place(self, placement_id: str) -> None:
        """Claim an order and dial it, if it is due and there is room."""
        if placement_id in self._told or not self._calls.has_room():
            return
        self._told.add(placement_id)
        try:
            placed = await self._orders.claim(placement_id)
            if placed is not None:
                await self._dial(placed)
        finally:
            self._told.discard(placement_id)

    async def _dial(self, placed: ClaimedPlacement) -> None:
        call_id = placed.call_id
        self._dialling[call_id] = []
        invite_at_ms = self._edge.clock.monotonic_ms()
        log.info("dialling", call_id=call_id, trunk=placed.route.trunk, attempt=placed.number)
        flow_version, leg = "", None
        try:
            flows = self._calls.hold(call_id)
            flow_version = flows.take(placed.agent).version
            leg = await self._edge.switch.place(
                placed.route.target,
                trunk=placed.route.trunk,
                caller_id=placed.route.caller_id,
                agent=placed.agent,
            )
            wishes = self._dialling[call_id]
            if wishes:
                await leg.hang_up(EndCause.OPERATOR_HANGUP)
                self._failed(placed, EndCause.OPERATOR_HANGUP, wishes[0], flow_version)
            else:
                self._calls.begin_placed(leg, placed, flows, invite_at_ms)
        except TrunklineError as exc:
            log.warning("an ordered call could not be dialled", call_id=call_id, code=exc.code)
            status = exc.sip_status if isinstance(exc, TrunkError) else None
            self._failed(placed, _cause_of(exc), exc.message, flow_version, status)
        except asyncio.CancelledError:
            self._failed(placed, EndCause.DRAINED, "the edge is stopping", flow_version)
            raise
        except Exception as exc:  # a fault of ours: the order must not wait for ever for its call
            log.error("an ordered call broke", call_id=call_id, exc_info=exc)
            if leg is not None:
                with suppress(TrunklineError):
                    await leg.hang_up(EndCause.INTERNAL_ERROR)
            self._failed(placed, EndCause.INTERNAL_ERROR, "internal error", flow_version)
        finally:
            del self._dialling[call_id]

    def _failed(
        self,
        placed: ClaimedPlacement,
        cause: EndCause,
        reason: str,
        flow_version: str,
        sip_status: int | None = None,
    ) -> None:
        edge, now = self._edge, self._edge.clock.now()
        edge.sink.publish(
            CallStarted(
                call_id=placed.call_id,
                at=now,
                leg_id=new_leg_id(),
                direction=Direction.OUTBOUND,
                trunk=placed.route.trunk,
                caller_number=placed.route.caller_id,
                called_number=placed.route.target,
                agent=placed.agent,
                flow_version=flow_version,
                engine="",
                edge_id=edge.edge_id,
            )
        )
        self._over(placed.call_id, cause, reason, sip_status)

    def _over(
        self, call_id: CallId, cause: EndCause, reason: str, sip_status: int | None = None
    ) -> None:
        edge, now = self._edge, self._edge.clock.now()
        CALLS_ENDED.labels(cause=cause.value).inc()
        edge.sink.publish(CallStateChanged(call_id, now, CallState.ENDED))
        edge.sink.publish(CallEnded(call_id, now, cause, sip_status, reason, 0))

    # ---- claims that nobody knows of -----------------------------------------------------------

    async def run(self) -> None:
        """Close attempts whose claim was kept and never heard of, until cancelled."""
        while True:
            await asyncio.sleep(_LOOK_FOR_STRAYS_S)
            await self.close_strays()

    async def close_strays(self) -> None:
        for call_id in await self._orders.strays():
            if call_id in self._dialling or self._calls.is_up(call_id):
                continue
            log.error("an ordered call was claimed and never dialled", call_id=call_id)
            self._over(call_id, EndCause.INTERNAL_ERROR, "the claim of this call was lost")


def _cause_of(exc: TrunklineError) -> EndCause:
    match exc:
        case NotFound():
            return EndCause.FLOW_ERROR  # no such agent any more
        case CallerError():
            return EndCause.REJECTED
        case _:
            return EndCause.TRUNK_ERROR
