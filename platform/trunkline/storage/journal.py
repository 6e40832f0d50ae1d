"""Facts of calls into rows: in order, all or none, and writing them again changes nothing.

Facts may come late (a spool that is replayed), twice, or for a call whose start was lost; none of
that is an error. What a call has become only moves forward: an ended call stays ended, except that
the true end of a call overrides ``edge_lost``, which is somebody's inference.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any, Final, assert_never

from sqlalchemy import delete, insert, or_, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from trunkline.domain.call import CallState, EndCause
from trunkline.domain.events import (
    LIVE_ONLY,
    ApprovalHeard,
    ApprovalParked,
    ApprovalWithdrawn,
    CallAnswered,
    CallbackRequested,
    CallEnded,
    CallerPartial,
    CallFact,
    CallStarted,
    CallStateChanged,
    EscalationRaised,
    GuardActed,
    QueuePlaced,
    RecordingClosed,
    StepEntered,
    TakeOverChanged,
    ToolOutcome,
    ToolQueued,
    ToolRan,
    TransferAttempted,
    TurnEnded,
)
from trunkline.storage.announcements import announce_call_ended, announce_call_started
from trunkline.storage.approvals import Approvals, lock_approvals, park
from trunkline.storage.background_runs import note_told, queue_run
from trunkline.storage.callbacks import CallbackRepository
from trunkline.storage.engine import Sessions, database_now
from trunkline.storage.escalations import Escalations
from trunkline.storage.placement_ends import settle_attempt
from trunkline.storage.rows import (
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
from trunkline.storage.take_overs import TakeOvers
from trunkline.storage.upsert import clean_json, clean_text, digest_id, insert_new, upsert

_FOR_THE_DISK: Final = (ApprovalParked, ApprovalWithdrawn, ToolQueued)
_OF_APPROVALS: Final = (ApprovalWithdrawn, ApprovalHeard)


async def write_facts(sessions: Sessions, facts: Sequence[CallFact]) -> None:
    """Write ``facts`` in one transaction; an approval among them waits for the disk."""
    kept = [fact for fact in facts if not isinstance(fact, LIVE_ONLY)]
    if not kept:
        return
    durable = any(isinstance(fact, _FOR_THE_DISK) for fact in kept)
    async with sessions.writing(durable=durable) as session:
        await lock_approvals(
            session,
            ids=[fact.approval_id for fact in kept if isinstance(fact, _OF_APPROVALS)],
            calls=[fact.call_id for fact in kept if isinstance(fact, CallEnded)],
        )
        known: set[str] = set()
        for fact in kept:
            if fact.call_id not in known and not isinstance(fact, CallStarted):
                await _make_room(session, fact)
            known.add(fact.call_id)
            await _write(session, fact)


async def _write(session: AsyncSession, fact: CallFact) -> None:
    match fact:
        case CallStarted():
            await _started(session, fact)
        case CallStateChanged():
            await _advance(session, fact, fact.state)
        case CallAnswered():
            await _answered(session, fact)
        case StepEntered():
            await _keep(session, StepRow, "step", fact, at_ms=fact.at_ms, step=fact.step)
        case TurnEnded():
            await _turn(session, fact)
        case ToolRan():
            await _tool(session, fact)
        case ToolQueued():
            await queue_run(session, fact)
        case ApprovalParked():
            await park(session, fact, await database_now(session))
        case ApprovalHeard():
            await Approvals(session).note_told(fact.approval_id, fact.revision)
        case ApprovalWithdrawn():
            await Approvals(session).withdraw(fact.approval_id, await database_now(session))
        case TransferAttempted():
            await _keep(
                session,
                TransferRow,
                "tr",
                fact,
                at_ms=fact.at_ms,
                target=clean_text(fact.target),
                is_final=fact.is_final,
                sip_status=fact.sip_status,
            )
        case GuardActed():
            await _keep(
                session,
                GuardActionRow,
                "guard",
                fact,
                at_ms=fact.at_ms,
                side=fact.side,
                category=clean_text(fact.category),
                action=fact.action,
                by=fact.by,
                score=fact.score,
                text=clean_text(fact.text),
                step=fact.step,
            )
        case RecordingClosed():
            await _recording(session, fact)
        case CallEnded():
            await _ended(session, fact)
        case CallbackRequested():
            await CallbackRepository(session).note(fact)
        case EscalationRaised():
            await Escalations(session).note(fact, await database_now(session))
        case TakeOverChanged():
            await TakeOvers(session).note(fact)
        case CallerPartial() | QueuePlaced():
            pass  # live view only
        case _:
            assert_never(fact)


async def _make_room(session: AsyncSession, fact: CallFact) -> None:
    """A row for a call whose start has not been seen (yet), so that nothing of it is lost."""
    values = {"id": fact.call_id, "state_at": fact.at, "started_at": fact.at}
    await insert_new(session, CallRow, values, key=["id"])


async def _started(session: AsyncSession, fact: CallStarted) -> None:
    values = {
        "id": fact.call_id,
        "is_known": True,
        "state_at": fact.at,
        "started_at": fact.at,
        "direction": fact.direction.value,
        "trunk": clean_text(fact.trunk),
        "caller_number": clean_text(fact.caller_number),
        "called_number": clean_text(fact.called_number),
        "agent": clean_text(fact.agent),
        "flow_version": clean_text(fact.flow_version),
        "engine": clean_text(fact.engine),
        "edge_id": clean_text(fact.edge_id),
    }
    await upsert(session, CallRow, values, key=["id"], keep=["state_at"])
    leg = {
        "id": fact.leg_id,
        "call_id": fact.call_id,
        "direction": fact.direction.value,
        "trunk": clean_text(fact.trunk),
        "sip_call_id": clean_text(fact.sip_call_id),
        # The answer may have been written before the start.
        "codec": select(CallRow.codec).where(CallRow.id == fact.call_id).scalar_subquery(),
        "started_at": fact.at,
    }
    await insert_new(session, LegRow, leg, key=["id"])
    await announce_call_started(session, fact.call_id, fact.at)


async def _advance(
    session: AsyncSession, fact: CallStateChanged | CallAnswered, state: CallState
) -> None:
    if state is CallState.ENDED:
        return  # CallEnded says that, with its cause
    await session.execute(
        update(CallRow)
        .where(
            CallRow.id == fact.call_id,
            CallRow.state != CallState.ENDED.value,
            CallRow.state_at <= fact.at,
        )
        .values(state=state.value, state_at=fact.at)
    )


async def _answered(session: AsyncSession, fact: CallAnswered) -> None:
    codec = clean_text(fact.codec)
    await session.execute(
        update(CallRow)
        .where(CallRow.id == fact.call_id)
        .values(answered_at=fact.at, setup_ms=fact.setup_ms, codec=codec)
    )
    await session.execute(update(LegRow).where(LegRow.call_id == fact.call_id).values(codec=codec))
    await _advance(session, fact, CallState.ANSWERED)


async def _keep(
    session: AsyncSession,
    kind: type[StepRow | TransferRow | GuardActionRow],
    prefix: str,
    fact: StepEntered | TransferAttempted | GuardActed,
    **fields: Any,
) -> None:
    """A row whose fact has no id of its own: its content is its id."""
    row_id = digest_id(prefix, fact.call_id, fact.at.isoformat(), *fields.values())
    values = {"id": row_id, "call_id": fact.call_id, "at": fact.at, **fields}
    await insert_new(session, kind, values, key=["id"])


async def _turn(session: AsyncSession, fact: TurnEnded) -> None:
    turn = fact.turn
    values = {
        "id": turn.turn_id,
        "call_id": fact.call_id,
        "seq": turn.seq,
        "at": fact.at,
        "speaker": turn.speaker.value,
        "kind": turn.kind.value,
        "text": clean_text(turn.text),
        "generated_text": clean_text(turn.generated_text),
        "started_ms": turn.started_ms,
        "ended_ms": turn.ended_ms,
        "is_interrupted": turn.is_interrupted,
        "confidence": turn.confidence,
        "step": turn.step,
        "response_ms": turn.response_ms,
        "stop_to_silence_ms": turn.stop_to_silence_ms,
    }
    await upsert(session, TurnRow, values, key=["id"])
    await session.execute(delete(WordRow).where(WordRow.turn_id == turn.turn_id))
    words = [
        {
            "turn_id": turn.turn_id,
            "seq": seq,
            "text": clean_text(word.text),
            "start_ms": word.start_ms,
            "end_ms": word.end_ms,
            "fate": word.fate.value,
            "is_estimated": word.is_estimated,
        }
        for seq, word in enumerate(turn.words)
    ]
    if words:
        await session.execute(insert(WordRow), words)


async def _tool(session: AsyncSession, fact: ToolRan) -> None:
    values = {
        "id": fact.run_id,
        "call_id": fact.call_id,
        "at": fact.at,
        "at_ms": fact.at_ms,
        "tool": fact.tool,
        "arguments": clean_json(fact.arguments),
        "outcome": fact.outcome.value,
        "result": clean_json(fact.result),
        "duration_ms": fact.duration_ms,
        "attempts": fact.attempts,
        "step": fact.step,
        "is_background": fact.is_background,
    }
    # A parked run may be reported again with its real outcome; an older report never comes back.
    await upsert(session, ToolRunRow, values, key=["id"], only_if=ToolRunRow.at <= fact.at)
    if fact.is_background and fact.outcome is not ToolOutcome.RUNNING:
        await note_told(session, fact.run_id, fact.at)


async def _recording(session: AsyncSession, fact: RecordingClosed) -> None:
    values = {
        "call_id": fact.call_id,
        "at": fact.at,
        "path": fact.path,
        "state": fact.state.value,
        "duration_ms": fact.duration_ms,
        "sample_rate_hz": fact.sample_rate_hz,
        "lost_ms": fact.lost_ms,
    }
    await upsert(session, RecordingRow, values, key=["call_id"])


async def _ended(session: AsyncSession, fact: CallEnded) -> None:
    await session.execute(
        update(CallRow)
        .where(
            CallRow.id == fact.call_id,
            or_(
                CallRow.state != CallState.ENDED.value,
                CallRow.end_cause == EndCause.EDGE_LOST.value,
            ),
        )
        .values(
            state=CallState.ENDED.value,
            state_at=fact.at,
            ended_at=fact.at,
            end_cause=fact.cause.value,
            sip_status=fact.sip_status,
            end_reason=clean_text(fact.reason),
            duration_ms=fact.duration_ms,
            stats=clean_json(fact.stats),
            receipts=clean_json(fact.receipts),
            usage=clean_json(fact.usage),
            signalling=clean_json([asdict(step) for step in fact.signalling]),
            media_problem=clean_text(fact.media_problem),
        )
    )
    await announce_call_ended(session, fact.call_id, fact.at)
    now = await database_now(session)
    await Approvals(session).caller_left(fact.call_id, now)
    await Escalations(session).call_ended(fact.call_id, now)
    await TakeOvers(session).call_ended(fact.call_id, now)
    await settle_attempt(session, await _call(session, fact.call_id))


async def _call(session: AsyncSession, call_id: str) -> CallRow:
    return await session.get_one(CallRow, call_id, populate_existing=True)
