"""One call: its facts, its conversation on one timeline, and that timeline while it grows."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Annotated, Any, Final

import orjson
from fastapi import APIRouter, Header, Query, Request
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.responses import Response

from trunkline.dashboard.deps import (
    Desk,
    DeskDep,
    IsPartial,
    OperatorDep,
    respond,
    shell_context,
)
from trunkline.dashboard.live_board import LiveCall, StreamId, format_stream_id
from trunkline.dashboard.live_feed import seen_by
from trunkline.dashboard.live_pages import COALESCE_S, HEARTBEAT_S, MAX_STREAM_S
from trunkline.dashboard.looked_after import EscalationMoment, TakeOverMoment
from trunkline.dashboard.operator_stream import stream_to
from trunkline.dashboard.sse import RETRY, event
from trunkline.dashboard.take_over_pages import take_context
from trunkline.dashboard.timeline import TimelineEntry, entry_of, timeline
from trunkline.domain.events import RecordingState
from trunkline.domain.ids import CallId
from trunkline.domain.turn import Speaker, TurnKind
from trunkline.storage.calls import CallRepository
from trunkline.storage.escalations import Escalations
from trunkline.storage.take_overs import TakeOvers
from trunkline.storage.views import CallDetail, CallSummary, TurnView

router = APIRouter()

# The edge writes a call's end within a second; a slow database gets a little longer.
_STORED_WITHIN_S: Final = 10.0
_STORED_POLL_S: Final = 0.3


@dataclass(frozen=True, slots=True)
class Receipts:
    """How the conversation felt, in milliseconds; None where nothing was measured."""

    response_median_ms: int | None
    response_worst_ms: int | None
    silence_worst_ms: int | None
    interruptions: int
    backchannels: int

    @classmethod
    def of(cls, turns: Sequence[TurnView]) -> Receipts:
        responses = [turn.response_ms for turn in turns if turn.response_ms is not None]
        silences = [t.stop_to_silence_ms for t in turns if t.stop_to_silence_ms is not None]
        return cls(
            response_median_ms=int(median(responses)) if responses else None,
            response_worst_ms=max(responses, default=None),
            silence_worst_ms=max(silences, default=None),
            interruptions=sum(t.is_interrupted and t.speaker is Speaker.AGENT for t in turns),
            backchannels=sum(turn.kind is TurnKind.BACKCHANNEL for turn in turns),
        )


@router.get("/calls/{call_id}")
async def call_page(
    request: Request,
    call_id: str,
    desk: DeskDep,
    operator: OperatorDep,
    is_partial: IsPartial = False,
) -> Response:
    owner = operator.user.owner
    async with desk.deps.sessions.reading() as session:
        detail = await CallRepository(session).detail(call_id, owner=owner)
        more = await _looked_after(session, detail.summary, owner)
    take = await take_context(desk, operator, call_id, is_live=detail.summary.is_live)
    return respond(
        request,
        desk,
        operator,
        "_call_body.html" if is_partial else "call.html",
        call=detail.summary,
        detail=detail,
        entries=timeline(detail, *more),
        receipts=Receipts.of(detail.turns),
        is_playable=_is_playable(detail),
        is_whole=detail.recording is not None and detail.recording.state is RecordingState.COMPLETE,
        live=desk.deps.feed.board.calls.get(detail.summary.call_id),
        **take,
    )


async def _looked_after(
    session: AsyncSession, call: CallSummary, owner: str
) -> list[EscalationMoment | TakeOverMoment]:
    """Who was told of the call, and who took it over."""
    since = call.answered_at or call.started_at
    raised = await Escalations(session).list(is_open=False, call_id=call.call_id, owner=owner)
    taken = await TakeOvers(session).of_call(call.call_id, owner=owner)
    return [
        *map(EscalationMoment.stored, raised),
        *(
            TakeOverMoment.stored(one, int((one.asked_at - since).total_seconds() * 1000))
            for one in taken
        ),
    ]


def _is_playable(detail: CallDetail) -> bool:
    return detail.recording is not None and detail.recording.removed_at is None


@router.get("/calls/{call_id}/stream")
async def call_stream(
    request: Request,
    call_id: str,
    desk: DeskDep,
    operator: OperatorDep,
    last_event_id: Annotated[str | None, Header()] = None,
    last: Annotated[str | None, Query()] = None,
) -> Response:
    desk.deps.feed.check_room()
    async with desk.deps.sessions.reading() as session:
        call = await CallRepository(session).summary(call_id, owner=operator.user.owner)
    seen = seen_by(last_event_id, last)
    context = dict(shell_context(request, desk, operator))
    return stream_to(desk, operator, call_events(desk, call.call_id, context, seen))


async def call_events(
    desk: Desk, call_id: CallId, context: dict[str, Any], seen: StreamId | None
) -> AsyncGenerator[bytes]:
    """``entry`` and ``now`` (HTML), ``stale`` (fetch the page's body anew), ``ended``.

    The first look sends every entry the stream still knows: the page was rendered from storage,
    which may lag behind, and entries replace themselves by key.
    """
    feed, clock = desk.deps.feed, desk.deps.clock
    deadline_ms = clock.monotonic_ms() + MAX_STREAM_S * 1000
    yield RETRY
    with feed.subscribe(call_id) as subscription:
        while not feed.is_closing and clock.monotonic_ms() < deadline_ms:
            call = feed.board.calls.get(call_id)
            if call is not None:
                # Taken before anything is sent: the call goes on while a browser reads.
                asked = await _asked(desk, call, seen)
                version, pieces = call.version, _news(desk, call, seen, context, asked)
                for piece in pieces:
                    yield piece
                seen = version
            if call is None or not call.is_live or not feed.is_connected:
                if await _stored_end(desk, call_id, waits=call is not None and not call.is_live):
                    yield event("ended", "")
                    return
                if not feed.is_connected:
                    yield event("stale", "")
            if not await subscription.wait(HEARTBEAT_S):
                yield event("status", orjson.dumps({"degraded": not feed.is_connected}).decode())
            else:
                await subscription.gather(COALESCE_S)


async def _asked(desk: Desk, call: LiveCall, seen: StreamId | None) -> dict[str, TimelineEntry]:
    """Approvals that are news, as storage has them: who decided is known nowhere else."""
    if all(entry.kind != "approval" for _, entry in call.entries_after(seen)):
        return {}
    try:
        async with desk.deps.sessions.reading() as session:
            stored = await CallRepository(session).approvals(call.call_id)
    except (SQLAlchemyError, OSError):
        return {}
    return {entry.key: entry for entry in map(entry_of, stored)}


def _news(
    desk: Desk,
    call: LiveCall,
    seen: StreamId | None,
    context: dict[str, Any],
    asked: Mapping[str, TimelineEntry],
) -> list[bytes]:
    if seen is not None and seen >= call.version:
        return []
    pages, version = desk.pages, format_stream_id(call.version)
    pieces = [
        event("entry", pages.text("_entry.html", entry=asked.get(entry.key, entry), **context))
        for _, entry in call.entries_after(seen)
    ]
    # The id comes last: whoever is cut off before it gets the entries again.
    pieces.append(event("now", pages.text("_call_now.html", live=call, **context), version))
    return pieces


async def _stored_end(desk: Desk, call_id: CallId, *, waits: bool) -> bool:
    """Whether storage knows that the call has ended; waits for it a while when the stream does."""
    clock = desk.deps.clock
    deadline_ms = clock.monotonic_ms() + (_STORED_WITHIN_S * 1000 if waits else 0)
    while True:
        async with desk.deps.sessions.reading() as session:
            summary = await CallRepository(session).summary(call_id)
        if not summary.is_live:
            return True
        if clock.monotonic_ms() >= deadline_ms or desk.deps.feed.is_closing:
            return False
        await asyncio.sleep(_STORED_POLL_S)
