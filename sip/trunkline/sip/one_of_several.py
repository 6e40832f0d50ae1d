"""An edge among others behind a front: it shares trunks' lines, and drains by itself when asked."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

from redis.asyncio import Redis

from trunkline.calls.compose import CallSide
from trunkline.calls.fellow_edges import EdgeStatus, FellowEdges, Wish
from trunkline.domain.clock import SystemClock
from trunkline.domain.trunk import TrunkAuth
from trunkline.runtime.logging import get_logger
from trunkline.runtime.settings import Settings
from trunkline.sip.endpoint import Endpoint
from trunkline.sip.reception import Reception

log = get_logger(__name__)

_UNREGISTER_S: Final = 1.0
_LOOK_S: Final = 0.02


class OneOfSeveral:
    """``run`` until cancelled; ``stop`` is set when the edge is to start anew and is idle."""

    def __init__(
        self,
        redis: Redis,
        settings: Settings,
        calls: CallSide,
        endpoint: Endpoint,
        reception: Reception,
        stop: asyncio.Event,
    ) -> None:
        self._name = settings.resolved_edge_name
        self._calls = calls
        self._endpoint = endpoint
        self._reception = reception
        self._stop = stop
        registers = any(trunk.auth is TrunkAuth.REGISTER for trunk in reception.trunks)
        self._fellows = FellowEdges(
            redis,
            SystemClock(),
            status=self._status,
            obey=self._obey,
            register=self._register if registers else None,
        )
        reception.elsewhere = self._fellows.lines_elsewhere

    async def run(self) -> None:
        await self._fellows.run()

    async def leave(self) -> None:
        await self._fellows.leave()

    def _status(self) -> EdgeStatus:
        return EdgeStatus(
            name=self._name,
            edge_id=self._calls.edge_id,
            takes_calls=self._reception.takes_calls,
            lines=self._endpoint.live_by_trunk(),
        )

    async def _obey(self, wish: Wish) -> None:
        """Every second: what is wanted may have been wanted before this edge took calls."""
        service = self._calls.service
        if wish is Wish.SERVE:
            if service.is_resting and not self._stop.is_set():
                service.is_resting = False
                await self._take_calls(True)
                log.info("calls are taken again")
            return
        if self._reception.takes_calls:
            service.is_resting = True
            await self._take_calls(False)
            log.info("no new calls are taken, as an operator asked", live=service.live_count)
        if wish is Wish.RESTART and service.is_resting and not self._endpoint.live_count:
            log.info("the last call is over: starting anew, as an operator asked")
            self._stop.set()

    async def _take_calls(self, takes: bool) -> None:
        self._reception.takes_calls = takes
        await self._endpoint.answer_options()

    async def _register(self, wanted: bool) -> None:
        """Unregistering is waited for, so that it does not undo what the next edge registers."""
        await self._endpoint.register(wanted=wanted)
        if wanted:
            return
        for _ in range(round(_UNREGISTER_S / _LOOK_S)):
            if not any(state.is_registered for state in self._endpoint.registrations()):
                return
            await asyncio.sleep(_LOOK_S)
        log.warning("a registrar does not answer: a registration is left to expire")


@asynccontextmanager
async def one_of_several(
    settings: Settings,
    calls: CallSide,
    endpoint: Endpoint,
    reception: Reception,
    stop: asyncio.Event,
) -> AsyncIterator[OneOfSeveral | None]:
    """None for an edge without a front."""
    if not settings.front_inner:
        yield None
        return
    redis = Redis.from_url(settings.resolved_redis_url)
    try:
        yield OneOfSeveral(redis, settings, calls, endpoint, reception, stop)
    finally:
        await redis.aclose()
