"""Route: facts of calls as they happen, by server-sent events with ``Last-Event-ID``."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncGenerator
from typing import Annotated, Any, Final, cast

from fastapi import APIRouter, Depends, Header, Request
from fastapi.responses import StreamingResponse
from redis.exceptions import RedisError

from trunkline.api.deps import ApiDeps, Deps, needs
from trunkline.api.principal import Principal
from trunkline.calls.live_sink import FACT_FIELD, LIVE_STREAM
from trunkline.domain.errors import TooMany

router = APIRouter(prefix="/api/v1/live", tags=["live"])

Reader = Annotated[Principal, Depends(needs("calls:read"))]

MAX_STREAMS: Final = 100
_BLOCK_MS: Final = 5000
_RETRY_S: Final = 1.0
_STREAM_ID: Final = re.compile(r"\d{1,20}-\d{1,20}")


@router.get("", response_class=StreamingResponse)
async def live(
    request: Request,
    deps: Deps,
    _: Reader,
    last_event_id: Annotated[str, Header(max_length=50)] = "$",
) -> StreamingResponse:
    """One ``fact`` event a fact, its id the place in the stream; from now on without an id."""
    since = last_event_id if _STREAM_ID.fullmatch(last_event_id) else "$"
    count: int = getattr(request.app.state, "live_streams", 0)
    if count >= MAX_STREAMS:
        raise TooMany("too many live streams are open", retry_after_s=5)
    return StreamingResponse(
        _facts(request, deps, since),
        media_type="text/event-stream",
        headers={"cache-control": "no-store", "x-accel-buffering": "no"},
    )


async def _facts(request: Request, deps: ApiDeps, since: str) -> AsyncGenerator[bytes]:
    """Reads the stream at the client's pace: nothing is queued for it here."""
    state = request.app.state
    state.live_streams = getattr(state, "live_streams", 0) + 1
    try:
        yield b"retry: 1500\n\n"
        while not await request.is_disconnected():
            try:
                answer = cast(
                    Any, await deps.redis.xread({LIVE_STREAM: since}, count=100, block=_BLOCK_MS)
                )
            except (RedisError, OSError):
                yield b": Redis is away\n\n"
                await asyncio.sleep(_RETRY_S)
                continue
            if not answer:
                yield b": alive\n\n"
            for _, entries in answer or ():
                for entry_id, fields in entries:
                    since = entry_id.decode()
                    fact = fields[FACT_FIELD.encode()]
                    yield b"event: fact\nid: %b\ndata: %b\n\n" % (entry_id, fact)
    finally:
        state.live_streams -= 1
