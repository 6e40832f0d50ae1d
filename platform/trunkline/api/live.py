"""Route: facts of calls as they happen, by server-sent events with ``Last-Event-ID``."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncGenerator
from typing import Annotated, Any, Final, cast

from fastapi import APIRouter, Depends, Header, Request
from fastapi.responses import StreamingResponse
from redis.asyncio import Redis
from redis.exceptions import RedisError

from trunkline.api.deps import ApiDeps, Deps, needs
from trunkline.api.errors import problems
from trunkline.api.principal import Principal
from trunkline.calls.live_sink import FACT_FIELD, LIVE_STREAM
from trunkline.domain.errors import TooMany

router = APIRouter(prefix="/api/v1/live", tags=["live"], responses=problems())

Reader = Annotated[Principal, Depends(needs("calls:read"))]

MAX_STREAMS: Final = 100
_BLOCK_MS: Final = 1000
_ALIVE_EVERY: Final = 15  # reads that brought nothing
_READ_DEADLINE_S: Final = 5.0
_RETRY_S: Final = 1.0
_STREAM_ID: Final = re.compile(r"\d{1,19}-\d{1,19}", re.ASCII)


@router.get(
    "",
    response_class=StreamingResponse,
    responses={200: {"description": "Events", "content": {"text/event-stream": {}}}},
)
async def live(
    request: Request,
    deps: Deps,
    _: Reader,
    last_event_id: Annotated[str, Header(max_length=50)] = "",
) -> StreamingResponse:
    """One ``fact`` event a fact, its id the place in the stream; from now on without an id.

    Facts hold what callers say. The stream keeps about the last 20,000.
    """
    if getattr(request.app.state, "live_streams", 0) >= MAX_STREAMS:
        raise TooMany("too many live streams are open", retry_after_s=5)
    since = last_event_id if _STREAM_ID.fullmatch(last_event_id) else ""
    return StreamingResponse(
        _facts(request, deps, since),
        media_type="text/event-stream",
        headers={"cache-control": "no-store", "x-accel-buffering": "no"},
    )


async def _facts(request: Request, deps: ApiDeps, since: str) -> AsyncGenerator[bytes]:
    """Reads the stream at the client's pace: nothing is queued for it here."""
    state = request.app.state
    state.live_streams = getattr(state, "live_streams", 0) + 1
    is_away = False
    quiet_reads = 0
    try:
        yield b"retry: 1500\n\n"
        while not deps.closing.is_set() and not await request.is_disconnected():
            try:
                async with asyncio.timeout(_READ_DEADLINE_S):
                    # "From now on" is fixed once: asked again, it would skip what came between.
                    since = since or await _newest(deps.redis)
                    entries = await _after(deps.redis, since)
            except (RedisError, OSError, TimeoutError):
                if not is_away:
                    is_away = True
                    yield b": Redis is away\n\n"
                await asyncio.sleep(_RETRY_S)
                continue
            is_away = False
            quiet_reads = 0 if entries else quiet_reads + 1
            if quiet_reads == _ALIVE_EVERY:
                quiet_reads = 0
                yield b": alive\n\n"
            for entry_id, fields in entries:
                since = entry_id.decode()
                fact = fields.get(FACT_FIELD.encode(), b"{}")
                yield b"event: fact\nid: %b\ndata: %b\n\n" % (entry_id, fact)
    finally:
        state.live_streams -= 1


async def _newest(redis: Redis) -> str:
    """The place of the last fact; the beginning when there is none."""
    found = cast(Any, await redis.xrevrange(LIVE_STREAM, count=1))
    return found[0][0].decode() if found else "0-0"


async def _after(redis: Redis, since: str) -> list[tuple[bytes, dict[bytes, bytes]]]:
    answer = cast(Any, await redis.xread({LIVE_STREAM: since}, count=100, block=_BLOCK_MS))
    return list(answer[0][1]) if answer else []
