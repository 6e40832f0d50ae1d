"""What an open inbox is sent: the queue, news of the approval it shows, words as they fall."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from typing import Annotated, Any, Final

import orjson
from fastapi import APIRouter, Header, Query, Request
from starlette.responses import Response

from trunkline.dashboard.approval_feed import Queue
from trunkline.dashboard.deps import Desk, DeskDep, OperatorDep, shell_context
from trunkline.dashboard.live_board import StreamId
from trunkline.dashboard.operator_stream import stream_to
from trunkline.dashboard.sse import RETRY, event
from trunkline.dashboard.timeline import TimelineEntry
from trunkline.domain.ids import CallId
from trunkline.storage.calls import CallRepository
from trunkline.storage.views import TurnView

router = APIRouter()

HEARTBEAT_S: Final = 5.0
MAX_STREAM_S: Final = 600.0
LISTEN_S: Final = 0.5
"""How often the live board is looked at for words; a change of the queue comes at once."""
TAIL_TURNS: Final = 12


@router.get("/approvals/count")
async def open_count(desk: DeskDep, operator: OperatorDep) -> dict[str, int]:
    """For the badge of pages that have no stream of approvals; from memory."""
    return {"open": desk.approvals.queue(operator.user.owner).open_count}


@router.get("/approvals/stream")
async def approvals_stream(
    request: Request,
    desk: DeskDep,
    operator: OperatorDep,
    shown: Annotated[str, Query(max_length=64)] = "",
    last_event_id: Annotated[str | None, Header()] = None,
    last: Annotated[str | None, Query(max_length=80)] = None,
) -> Response:
    context = dict(shell_context(request, desk, operator))
    owner = operator.user.owner
    seen = last_event_id or last or ""
    return stream_to(desk, operator, approval_events(desk, owner, shown, context, seen))


async def approval_events(
    desk: Desk, owner: str, shown: str, context: dict[str, Any], seen: str
) -> AsyncGenerator[bytes]:
    """``queue`` (HTML; its id is the queue's version), ``changed`` (the shown one's revision),
    ``said`` (HTML, the end of the transcript), ``take`` (HTML, who takes the call over) and
    ``status``. Whoever resumes at the version that they have seen is not sent the queue again.
    ``shown`` may be an escalation as well.
    """
    feed, clock = desk.approvals, desk.deps.clock
    deadline_ms = clock.monotonic_ms() + MAX_STREAM_S * 1000
    revision, told_ms = -1, float("-inf")
    words: _Words | None = None
    yield RETRY
    with feed.watch(owner, shown) as watch:
        is_news = True
        while not feed.is_closing and clock.monotonic_ms() < deadline_ms:
            queue, one = feed.queue(owner), feed.shown(shown, owner)
            if queue.version and queue.version != seen:
                html = desk.pages.text("_approval_rows.html", queue=queue, shown=shown, **context)
                yield event("queue", html, queue.version)
                seen = queue.version
            raised = feed.escalation(shown, owner)
            now, call_id = -1, CallId("")
            if one is not None:
                now, call_id = one.parked.approval.revision, one.parked.call_id
            elif raised is not None:
                now, call_id = raised.escalation.revision, raised.call_id
            if call_id and now != revision:
                revision = now
                yield event("changed", orjson.dumps({"revision": revision}).decode())
            if call_id:
                if words is None:
                    words = await _Words.of(desk, call_id)
                for name, piece in words.news(desk, context):
                    yield event(name, piece)
            is_due = is_news or clock.monotonic_ms() - told_ms >= HEARTBEAT_S * 1000
            if is_due and queue.version:  # before the first look there is no clock to tell
                told_ms = clock.monotonic_ms()
                yield event("status", _status(queue))
            is_news = await watch.wait(LISTEN_S)


class _Words:
    """The end of one call's transcript, rendered anew only when something was said."""

    def __init__(self, call_id: CallId, stored: tuple[TurnView, ...]) -> None:
        self._call_id = call_id
        self._stored = stored[-TAIL_TURNS:]
        self._version: StreamId | None = None

    @classmethod
    async def of(cls, desk: Desk, call_id: CallId) -> _Words:
        async with desk.deps.sessions.reading() as session:
            return cls(call_id, await CallRepository(session).turns(call_id))

    def news(self, desk: Desk, context: dict[str, Any]) -> list[tuple[str, str]]:
        """Events with their HTML; none when nothing was said or done since the last look."""
        live = desk.deps.feed.board.calls.get(self._call_id)
        if live is None or live.version == self._version:
            return []
        self._version = live.version
        tail = live_tail(desk, self._call_id, self._stored)
        news = [("said", desk.pages.text("_approval_said.html", **tail, **context))]
        if live.take_over is not None:
            about: dict[str, Any] = {"take_over": live.take_over, "may_take": False, **context}
            news.append(("take", desk.pages.text("_take_state.html", **about)))
        return news


def live_tail(desk: Desk, call_id: CallId, stored: tuple[TurnView, ...]) -> dict[str, Any]:
    """The last turns, from storage and from the live board, and what is being said just now."""
    live = desk.deps.feed.board.calls.get(call_id)
    turns = {turn.turn_id: turn for turn in stored}
    if live is not None:
        for _, entry in live.entries.values():
            if (turn := _turn(entry)) is not None:
                turns[turn.turn_id] = turn
    ordered = sorted(turns.values(), key=lambda turn: (turn.started_ms, turn.seq))
    return {"turns": ordered[-TAIL_TURNS:], "partial": live.partial if live is not None else ""}


def _turn(entry: TimelineEntry) -> TurnView | None:
    return entry.subject if isinstance(entry.subject, TurnView) else None


def _status(queue: Queue) -> str:
    status = {
        "now": int(queue.now.timestamp() * 1000),
        "open": queue.open_count,
        "current": queue.is_current,
    }
    return orjson.dumps(status).decode()
