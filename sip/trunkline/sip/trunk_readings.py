"""What this edge tells of its trunks: configuration, state and counters, and nothing secret."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Final

from prometheus_client import Counter
from redis.asyncio import Redis

from trunkline.calls.trunk_board import TrunkBoard, TrunkReading
from trunkline.domain.clock import SystemClock
from trunkline.domain.trunk import Trunk
from trunkline.runtime.telemetry import (
    TRUNK_CALLS,
    TRUNK_FAILOVERS,
    TRUNK_LIMITED,
    TRUNK_REFUSED,
    TRUNK_REGISTRATION_FAILURES,
)
from trunkline.sip.account import registrar_host
from trunkline.sip.endpoint import Endpoint

_TOTAL: Final = "_total"


async def tell_trunks(
    redis_url: str, edge_id: str, endpoint: Endpoint, trunks: Sequence[Trunk]
) -> None:
    """Keep the board that the REST API and the dashboard read; for as long as the edge is up."""
    redis = Redis.from_url(redis_url)
    try:
        board = TrunkBoard(redis, SystemClock())
        await board.tell(edge_id, partial(trunk_readings, endpoint, trunks))
    finally:
        await redis.aclose()


def trunk_readings(endpoint: Endpoint, trunks: Sequence[Trunk]) -> tuple[TrunkReading, ...]:
    """In the order of the file; any thread."""
    registrations = {one.trunk: one for one in endpoint.registrations()}
    health = {one.trunk: one for one in endpoint.watch.health()}
    up = endpoint.live_by_trunk()
    found = []
    for trunk in trunks:
        registration, asked = registrations.get(trunk.name), health.get(trunk.name)
        found.append(
            TrunkReading(
                name=trunk.name,
                auth=trunk.auth.value,
                registrar=registrar_host(trunk) if trunk.registrar else "",
                srtp=trunk.srtp.value,
                max_calls=trunk.max_calls,
                calls_per_second=trunk.calls_per_second,
                calls_burst=trunk.calls_burst,
                options_s=trunk.options_s,
                prefixes=trunk.prefixes,
                is_registered=registration.is_registered if registration else None,
                is_up=asked.is_up if asked else None,
                problem=registration.problem if registration else "",
                options_status=asked.sip_status if asked else 0,
                retry_in_s=registration.retry_in_s if registration else 0,
                calls_up=up[trunk.name],  # of this edge alone: the board sums them
                calls_taken=_count(TRUNK_CALLS, trunk.name),
                limited=_count(TRUNK_LIMITED, trunk.name),
                failovers=_count(TRUNK_FAILOVERS, trunk.name),
                registration_failures=_count(TRUNK_REGISTRATION_FAILURES, trunk.name),
                refused=_by_status(TRUNK_REFUSED, trunk.name),
            )
        )
    return tuple(found)


def _count(counter: Counter, trunk: str) -> int:
    return sum(_by_status(counter, trunk).values())


def _by_status(counter: Counter, trunk: str) -> dict[str, int]:
    return {
        sample.labels.get("status", ""): round(sample.value)
        for family in counter.collect()
        for sample in family.samples
        if sample.name.endswith(_TOTAL) and sample.labels.get("trunk") == trunk
    }
