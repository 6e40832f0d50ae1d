"""Commands to the edge that carries a call, with an answer in plain words when none can take it."""

from __future__ import annotations

import asyncio
from typing import Final

from redis.asyncio import Redis
from redis.exceptions import RedisError

from trunkline.calls.control import (
    ControlCommand,
    ControlSender,
    HangUpCall,
    PlaceCall,
    TakeOverCall,
    announced_edges,
)
from trunkline.domain.clock import Clock
from trunkline.domain.errors import TrunklineError
from trunkline.domain.ids import CallId

_DEADLINE_S: Final = 2.0


class RedisCommands:
    """What an operator may ask of the edge that carries a call, and of any edge that has room."""

    def __init__(self, redis: Redis, clock: Clock) -> None:
        self._redis = redis
        self._clock = clock
        self._sender = ControlSender(redis, clock)

    async def hang_up(self, call_id: CallId, edge_id: str, by: str) -> None:
        await self._tell(edge_id, HangUpCall(call_id, by), "told to end")

    async def take_over(self, edge_id: str, wanted: TakeOverCall) -> None:
        await self._tell(edge_id, wanted, "taken over")

    async def _tell(self, edge_id: str, command: ControlCommand, what: str) -> None:
        """TrunklineError when the edge that carries the call cannot be told."""
        try:
            async with asyncio.timeout(_DEADLINE_S):
                edges = {edge.edge_id: edge for edge in await announced_edges(self._redis)}
                edge = edges.get(edge_id)
                if edge is None or not edge.is_alive(self._clock.now()):
                    raise TrunklineError(
                        "The SIP edge that carries this call does not answer; its calls are closed"
                        " within a minute.",
                        code="edge_away",
                    )
                await self._sender.send(edge_id, command)
        except (RedisError, OSError, TimeoutError):
            raise TrunklineError(
                f"Redis is away, so the call could not be {what}. Try again in a moment.",
                code="control_away",
            ) from None

    async def place(self, placement_id: CallId) -> bool:
        """Tell the least busy edge of an order that is due; False when none can be told.

        Nothing is lost then: the order waits, and the worker tells of it again.
        """
        try:
            async with asyncio.timeout(_DEADLINE_S):
                now = self._clock.now()
                able = [
                    edge
                    for edge in await announced_edges(self._redis)
                    if edge.is_alive(now) and not edge.is_draining
                ]
                if not able:
                    return False
                edge = min(able, key=lambda one: (one.live, one.edge_id))
                await self._sender.send(edge.edge_id, PlaceCall(placement_id))
        except (RedisError, OSError, TimeoutError):
            return False
        return True
