"""CallRepository: lists with filters and keyset pages, one call whole, and the live ones."""

from __future__ import annotations

import base64
import binascii
from collections import defaultdict
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import ColumnElement, Row, Select, and_, exists, func, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from trunkline.domain.call import CallState, Direction, EndCause
from trunkline.domain.errors import Invalid, NotFound
from trunkline.domain.ids import CallId
from trunkline.domain.leg import SipStep
from trunkline.storage import from_rows
from trunkline.storage.approval_rows import ApprovalDeedRow
from trunkline.storage.approval_values import past_deed
from trunkline.storage.approval_views import PastDeed
from trunkline.storage.row_views import view_of
from trunkline.storage.rows import (
    ApprovalRow,
    CallRow,
    GuardActionRow,
    LegRow,
    RecordingRow,
    StepRow,
    ToolRunRow,
    TransferRow,
    TurnRow,
    WordRow,
)
from trunkline.storage.upsert import clean_text
from trunkline.storage.views import (
    HOUSE,
    ApprovalView,
    CallDetail,
    CallFilter,
    CallPage,
    CallSummary,
    EndTally,
    RecordingView,
    TurnView,
)

MAX_PAGE = 200

_turn_count = (
    select(func.count())
    .select_from(TurnRow)
    .where(TurnRow.call_id == CallRow.id)
    .correlate(CallRow)
    .scalar_subquery()
)
_step = (
    select(StepRow.step)
    .where(StepRow.call_id == CallRow.id)
    .order_by(StepRow.at_ms.desc(), StepRow.at.desc())
    .limit(1)
    .correlate(CallRow)
    .scalar_subquery()
)
_has_recording = exists(
    select(RecordingRow.call_id).where(
        RecordingRow.call_id == CallRow.id, RecordingRow.removed_at.is_(None)
    )
)

_SummaryRow = Row[CallRow, int, str | None, bool]


def _summaries() -> Select[CallRow, int, str | None, bool]:
    return select(CallRow, _turn_count, _step, _has_recording)


class CallRepository:
    """Reads calls inside one session; returns values of ``views.py``, never rows."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def list_calls(
        self, where: CallFilter | None = None, *, limit: int = 50, cursor: str | None = None
    ) -> CallPage:
        """Newest first. Invalid when ``cursor`` is not one of ours or ``limit`` is not 1..200."""
        if not 1 <= limit <= MAX_PAGE:
            raise Invalid(f"limit must be 1 to {MAX_PAGE}", param="limit")
        query = _summaries().where(*_conditions(where or CallFilter()))
        if cursor:
            started_at, call_id = _decode_cursor(cursor)
            query = query.where(
                or_(
                    CallRow.started_at < started_at,
                    and_(CallRow.started_at == started_at, CallRow.id < call_id),
                )
            )
        query = query.order_by(CallRow.started_at.desc(), CallRow.id.desc()).limit(limit + 1)
        calls = tuple(_summary(row) for row in (await self._session.execute(query)).all())
        if len(calls) <= limit:
            return CallPage(calls, None)
        last = calls[limit - 1]
        return CallPage(calls[:limit], _encode_cursor(last.started_at, last.call_id))

    async def live(self, *, owner: str = HOUSE) -> tuple[CallSummary, ...]:
        """Every call that has not ended, oldest first."""
        query = (
            _summaries()
            .where(CallRow.owner == owner, CallRow.state != CallState.ENDED.value)
            .order_by(CallRow.started_at, CallRow.id)
        )
        return tuple(_summary(row) for row in (await self._session.execute(query)).all())

    async def summary(self, call_id: str, *, owner: str = HOUSE) -> CallSummary:
        """NotFound when the house has no such call."""
        query = _summaries().where(CallRow.id == clean_text(call_id), CallRow.owner == owner)
        row = (await self._session.execute(query)).one_or_none()
        if row is None:
            raise NotFound("there is no such call", code="call_not_found")
        return _summary(row)

    async def detail(self, call_id: str, *, owner: str = HOUSE) -> CallDetail:
        """The call with turns, words, tools, approvals, transfers and recording; or NotFound."""
        summary = await self.summary(call_id, owner=owner)
        row = await self._session.get_one(CallRow, call_id)
        return CallDetail(
            summary=summary,
            sip_status=row.sip_status,
            end_reason=row.end_reason,
            legs=tuple(map(from_rows.leg, await self._of(LegRow, call_id, LegRow.started_at))),
            turns=await self.turns(call_id),
            steps=tuple(
                map(from_rows.step, await self._of(StepRow, call_id, StepRow.at_ms, StepRow.at))
            ),
            tool_runs=tuple(
                map(
                    from_rows.tool_run,
                    await self._of(ToolRunRow, call_id, ToolRunRow.at_ms, ToolRunRow.at),
                )
            ),
            approvals=await self.approvals(call_id),
            transfers=tuple(
                map(
                    from_rows.transfer,
                    await self._of(TransferRow, call_id, TransferRow.at_ms, TransferRow.at),
                )
            ),
            guard_actions=tuple(
                map(
                    from_rows.guard_action,
                    await self._of(
                        GuardActionRow, call_id, GuardActionRow.at_ms, GuardActionRow.at
                    ),
                )
            ),
            recording=await self.recording(call_id),
            stats=row.stats,
            receipts=row.receipts,
            usage=row.usage,
            signalling=tuple(SipStep(**step) for step in row.signalling),
            media_problem=row.media_problem,
        )

    async def approvals(self, call_id: str) -> tuple[ApprovalView, ...]:
        """What people were asked, each with all that was done to it."""
        rows = await self._of(ApprovalRow, call_id, ApprovalRow.at_ms, ApprovalRow.at)
        query = (
            select(ApprovalDeedRow)
            .where(ApprovalDeedRow.approval_id.in_([row.id for row in rows]))
            .order_by(ApprovalDeedRow.revision)
        )
        deeds: defaultdict[str, list[PastDeed]] = defaultdict(list)
        if rows:
            for row in await self._session.scalars(query):
                deeds[row.approval_id].append(past_deed(row))
        return tuple(from_rows.approval(row, tuple(deeds[row.id])) for row in rows)

    async def turns(self, call_id: str) -> tuple[TurnView, ...]:
        """The transcript, in order, each turn with its words; empty for an unknown call."""
        words: defaultdict[str, list[WordRow]] = defaultdict(list)
        query = (
            select(WordRow)
            .join(TurnRow, TurnRow.id == WordRow.turn_id)
            .where(TurnRow.call_id == call_id)
            .order_by(WordRow.turn_id, WordRow.seq)
        )
        for word in await self._session.scalars(query):
            words[word.turn_id].append(word)
        turns = await self._of(TurnRow, call_id, TurnRow.seq, TurnRow.started_ms)
        return tuple(from_rows.turn(turn, words[turn.id]) for turn in turns)

    async def recording(self, call_id: str) -> RecordingView | None:
        row = await self._session.get(RecordingRow, call_id)
        return None if row is None else from_rows.recording(row)

    async def agents(self, *, owner: str = HOUSE) -> tuple[str, ...]:
        """Names of agents that ever took a call, for a list's filter."""
        query = (
            select(CallRow.agent)
            .where(CallRow.owner == owner, CallRow.agent != "")
            .distinct()
            .order_by(CallRow.agent)
        )
        return tuple(await self._session.scalars(query))

    async def tally(
        self, agent: str, since: datetime, *, owner: str = HOUSE
    ) -> tuple[EndTally, ...]:
        """How the calls ended that an agent took from ``since`` on, by version of its flow."""
        group = (CallRow.flow_version, CallRow.end_cause)
        query = (
            select(*group, func.count())
            .where(CallRow.owner == owner, CallRow.agent == agent, CallRow.started_at >= since)
            .group_by(*group)
        )
        return tuple(
            EndTally(version, EndCause(cause) if cause else None, calls)
            for version, cause, calls in await self._session.execute(query)
        )

    async def _of(self, kind: Any, call_id: str, *order: Any) -> Sequence[Any]:
        query = select(kind).where(kind.call_id == call_id).order_by(*order)
        return (await self._session.scalars(query)).all()


def _conditions(where: CallFilter) -> list[ColumnElement[bool]]:
    agent, number, text = map(clean_text, (where.agent, where.number, where.text))
    found: list[ColumnElement[bool]] = [CallRow.owner == where.owner]
    if where.states:
        found.append(CallRow.state.in_([state.value for state in where.states]))
    if where.end_causes:
        found.append(CallRow.end_cause.in_([cause.value for cause in where.end_causes]))
    if agent:
        found.append(CallRow.agent == agent)
    if where.flow_version:
        found.append(CallRow.flow_version == clean_text(where.flow_version))
    if number:
        found.append(
            or_(
                CallRow.caller_number.contains(number, autoescape=True),
                CallRow.called_number.contains(number, autoescape=True),
            )
        )
    if where.since is not None:
        found.append(CallRow.started_at >= where.since)
    if where.to is not None:
        found.append(CallRow.started_at < where.to)
    if text:
        found.append(
            exists(
                select(TurnRow.id).where(
                    TurnRow.call_id == CallRow.id,
                    TurnRow.text.icontains(text, autoescape=True),
                )
            )
        )
    return found


def _summary(row: _SummaryRow) -> CallSummary:
    call, turn_count, step, has_recording = row
    return view_of(
        CallSummary,
        call,
        call_id=CallId(call.id),
        state=CallState(call.state),
        direction=Direction(call.direction),
        step=step or "",
        end_cause=None if call.end_cause is None else EndCause(call.end_cause),
        turn_count=turn_count,
        has_recording=bool(has_recording),
    )


def _encode_cursor(started_at: datetime, call_id: str) -> str:
    raw = f"{started_at.isoformat()}|{call_id}".encode()
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


def _decode_cursor(cursor: str) -> tuple[datetime, str]:
    try:
        raw = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)).decode()
        at, separator, call_id = raw.partition("|")
        started_at = datetime.fromisoformat(at)
        if not separator or started_at.tzinfo is None:
            raise ValueError(raw)
        started_at = started_at.astimezone(UTC)
    except (ValueError, OverflowError, binascii.Error):
        raise Invalid(
            "the cursor is none of ours; take next_cursor from the page before",
            code="bad_cursor",
            param="cursor",
        ) from None
    return started_at, clean_text(call_id)
