"""Escalations: raised by calls and by whoever asks the API, and what people do about them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import case, select
from sqlalchemy.ext.asyncio import AsyncSession

from trunkline.domain.approval import Person
from trunkline.domain.call import CallState
from trunkline.domain.errors import Conflict, NotFound
from trunkline.domain.escalation import (
    OPEN,
    EscalatesTo,
    Escalation,
    EscalationDeed,
    EscalationKind,
    EscalationState,
    Urgency,
    after,
)
from trunkline.domain.events import EscalationRaised
from trunkline.domain.ids import CallId, mint
from trunkline.storage.announcements import announce_escalation
from trunkline.storage.audit import Audit
from trunkline.storage.escalation_rows import EscalationRow
from trunkline.storage.rows import CallRow
from trunkline.storage.upsert import clean_text, insert_new
from trunkline.storage.views import HOUSE

MOST_OPEN: Final = 500
_OPEN: Final = sorted(state.value for state in OPEN)
_BY_URGENCY: Final = {Urgency.HIGH.value: 0, Urgency.NORMAL.value: 1, Urgency.LOW.value: 2}


@dataclass(frozen=True, slots=True)
class EscalationView:
    """One escalation with the call it stands in; ``agent`` is empty when that is not stored."""

    escalation: Escalation
    call_id: CallId
    at: datetime
    at_ms: int
    rule: str
    kind: str
    urgency: str
    to: str
    step: str
    goto: str
    why: str
    state_at: datetime
    owner: str = HOUSE
    agent: str = ""
    caller: str = ""
    is_call_live: bool = False

    @property
    def is_open(self) -> bool:
        return self.escalation.state in OPEN


class Escalations:
    """The rows of one transaction; changing anything needs a writing one."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def note(
        self, fact: EscalationRaised, now: datetime, *, outlives_call: bool = False
    ) -> None:
        """What a call has raised; noting it again changes nothing.

        ``outlives_call``: somebody has to see to it although the call is over.
        """
        call = await self._session.get(CallRow, fact.call_id)
        values = {
            "id": fact.escalation_id,
            "call_id": fact.call_id,
            "owner": call.owner if call else HOUSE,
            "at": fact.at,
            "at_ms": fact.at_ms,
            "rule": clean_text(fact.rule),
            "kind": fact.kind,
            "urgency": fact.urgency,
            "target": fact.to,
            "step": clean_text(fact.step),
            "goto": clean_text(fact.goto),
            "why": clean_text(fact.why),
            "state": EscalationState.RAISED.value,
            "revision": 0,
            "held_by": "",
            "resolved_by": "",
            "note": "",
            "state_at": now,
        }
        if not await insert_new(self._session, EscalationRow, values, key=["id"]):
            return
        row = await self._row(fact.escalation_id, owner=str(values["owner"]))
        said = {"escalation_id": row.id, **_document(row)}
        await announce_escalation(self._session, row.call_id, said, now)
        is_over = call is not None and call.state == CallState.ENDED.value
        if is_over and not outlives_call:
            await self._do(row, EscalationDeed.LEAVE, None, "", now, via="call")

    async def open_by_hand(
        self, call_id: str, why: str, urgency: Urgency, by: str, now: datetime, *, owner: str
    ) -> EscalationView:
        """Somebody outside says that a live call needs a person. NotFound, or Conflict."""
        call = await self._session.get(CallRow, call_id)
        if call is None or call.owner != owner:
            raise NotFound("there is no such call", code="call_not_found")
        if call.state == CallState.ENDED.value:
            raise Conflict("the call is over", code="call_over")
        at_ms = int((now - (call.answered_at or call.started_at)).total_seconds() * 1000)
        fact = EscalationRaised(
            call_id=CallId(call_id),
            at=now,
            at_ms=max(0, at_ms),
            escalation_id=mint("esc"),
            rule="by_hand",
            kind=EscalationKind.OUTSIDE.value,
            urgency=urgency.value,
            to=EscalatesTo.SUPERVISOR.value,
            step="",
            why=why,
        )
        await self.note(fact, now)
        await Audit(self._session, owner=owner).append(
            by, "escalation.raised", fact.escalation_id, now, {"call_id": call_id}
        )
        return await self.get(fact.escalation_id, owner=owner)

    async def get(self, escalation_id: str, *, owner: str = HOUSE) -> EscalationView:
        """NotFound when ``owner`` has no such escalation."""
        row = await self._row(escalation_id, owner=owner)
        return _view(row, await self._session.get(CallRow, row.call_id))

    async def list(
        self,
        *,
        is_open: bool = True,
        call_id: str | None = None,
        owner: str = HOUSE,
        limit: int = 100,
    ) -> tuple[EscalationView, ...]:
        """Open ones by urgency, who has waited longest first; all of them: the newest first."""
        query = (
            select(EscalationRow, CallRow)
            .outerjoin(CallRow, CallRow.id == EscalationRow.call_id)
            .where(EscalationRow.owner == owner)
        )
        if call_id is not None:
            query = query.where(EscalationRow.call_id == call_id)
        if is_open:
            query = query.where(EscalationRow.state.in_(_OPEN)).order_by(
                case(_BY_URGENCY, value=EscalationRow.urgency, else_=1),
                EscalationRow.at,
                EscalationRow.id,
            )
        else:
            query = query.order_by(EscalationRow.at.desc(), EscalationRow.id)
        found = await self._session.execute(query.limit(min(limit, MOST_OPEN)))
        return tuple(_view(row, call) for row, call in found)

    async def act(
        self,
        escalation_id: str,
        deed: EscalationDeed,
        person: Person,
        now: datetime,
        *,
        via: str,
        note: str = "",
        owner: str = HOUSE,
    ) -> EscalationView:
        """What a person does; raises NotFound, or what ``domain.escalation.after`` raises."""
        row = await self._row(escalation_id, owner=owner, locks=True)
        await self._do(row, deed, person, note, now, via=via)
        return _view(row, await self._session.get(CallRow, row.call_id))

    async def call_ended(self, call_id: str, now: datetime) -> None:
        """What nobody has resolved is gone with the call."""
        query = (
            select(EscalationRow)
            .where(EscalationRow.call_id == call_id, EscalationRow.state.in_(_OPEN))
            .order_by(EscalationRow.id)
            .with_for_update()
        )
        for row in list(await self._session.scalars(query)):
            await self._do(row, EscalationDeed.LEAVE, None, "", now, via="call")

    async def _row(self, escalation_id: str, *, owner: str, locks: bool = False) -> EscalationRow:
        query = select(EscalationRow).where(
            EscalationRow.id == escalation_id, EscalationRow.owner == owner
        )
        if locks:
            query = query.with_for_update()
        row = await self._session.scalar(query.execution_options(populate_existing=True))
        if row is None:
            raise NotFound("there is no such escalation", code="escalation_not_found")
        return row

    async def _do(
        self,
        row: EscalationRow,
        deed: EscalationDeed,
        person: Person | None,
        note: str,
        now: datetime,
        *,
        via: str,
    ) -> None:
        before = _escalation(row)
        done = after(before, deed, person, clean_text(note))
        if done == before:
            return
        row.state, row.held_by, row.note = done.state.value, done.held_by, done.note
        row.resolved_by, row.revision, row.state_at = done.resolved_by, done.revision, now
        await self._session.flush()
        await Audit(self._session, owner=row.owner).append(
            person.person_id if person else via,
            f"escalation.{deed.value}",
            row.id,
            now,
            {"state": done.state.value, "via": via, "call_id": row.call_id},
        )


def _escalation(row: EscalationRow) -> Escalation:
    return Escalation(
        row.id, EscalationState(row.state), row.held_by, row.resolved_by, row.note, row.revision
    )


def _document(row: EscalationRow) -> dict[str, str | int]:
    """What webhooks are told of it, besides the call."""
    return {
        "rule": row.rule,
        "kind": row.kind,
        "urgency": row.urgency,
        "to": row.target,
        "step": row.step,
        "why": row.why,
        "at_ms": row.at_ms,
    }


def _view(row: EscalationRow, call: CallRow | None) -> EscalationView:
    return EscalationView(
        escalation=_escalation(row),
        call_id=CallId(row.call_id),
        at=row.at,
        at_ms=row.at_ms,
        rule=row.rule,
        kind=row.kind,
        urgency=row.urgency,
        to=row.target,
        step=row.step,
        goto=row.goto,
        why=row.why,
        state_at=row.state_at,
        owner=row.owner,
        agent=call.agent if call else "",
        caller=call.caller_number if call else "",
        is_call_live=call is not None and call.state != CallState.ENDED.value,
    )
