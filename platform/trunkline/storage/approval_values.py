"""Approvals as rows and as values, and what a run's end says of one."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from trunkline.domain.approval import Approval, ApprovalState, Deed, Grant, Role
from trunkline.domain.approval_json import read_policy
from trunkline.domain.approval_rules import next_due_at
from trunkline.domain.events import Json, ToolOutcome
from trunkline.domain.ids import ApprovalId, CallId, ToolRunId
from trunkline.domain.program_runs import REFUSED_BY_PROGRAM
from trunkline.storage.approval_rows import ApprovalDeedRow, ApprovalRow
from trunkline.storage.approval_views import Parked, PastDeed
from trunkline.storage.background_runs import RunEnd
from trunkline.storage.row_views import view_of
from trunkline.storage.upsert import clean_json, clean_text

NEVER_SENT: Final = frozenset(
    {
        "address_refused",
        "bad_template",
        "breaker_open",
        "command_refused",
        "expired",
        "invalid_arguments",
        "no_secrets",
        REFUSED_BY_PROGRAM,
        "schema_mismatch",
        "too_busy",
        "unknown_tool",
    }
)
_MAY_HAVE_HAPPENED: Final = frozenset({408, 409, 425, 429})


def deed_of(end: RunEnd) -> Deed:
    """Done, surely not done, or nobody can say: a lost answer is no proof that nothing happened.

    Surely not: what never left us, and what a service refused by name (4xx, but for those that a
    repetition or a proxy may have caused).
    """
    if end.outcome is ToolOutcome.OK:
        return Deed.FINISH
    error = end.result.get("error") if isinstance(end.result, Mapping) else None
    told: Mapping[str, Any] = error if isinstance(error, Mapping) else {}
    status = told.get("http_status")
    is_refused = isinstance(status, int) and 400 <= status < 500
    if told.get("code") in NEVER_SENT and end.outcome is not ToolOutcome.UNKNOWN:
        return Deed.FAIL
    return Deed.FAIL if is_refused and status not in _MAY_HAVE_HAPPENED else Deed.LOSE


def past_deed(row: ApprovalDeedRow) -> PastDeed:
    return view_of(PastDeed, row, deed=Deed(row.deed), state=ApprovalState(row.state))


def approval_of(row: ApprovalRow) -> Approval:
    return Approval(
        approval_id=ApprovalId(row.id),
        tool=row.tool,
        arguments=row.arguments,
        arguments_hash=row.arguments_hash,
        policy=read_policy(row.policy),
        asked_at=row.asked_at,
        level_since=row.level_since,
        state=ApprovalState(row.state),
        level=row.level,
        claimed_by=row.claimed_by,
        claimed_until=row.claimed_until,
        reminded_at=row.reminded_at,
        grants=tuple(
            Grant(one["person_id"], Role[one["role"].upper()], datetime.fromisoformat(one["at"]))
            for one in row.grants
        ),
        editors=frozenset(row.editors),
        reason=row.reason,
        result=row.result,
        decided_at=row.decided_at,
        closed_at=row.closed_at,
        revision=row.revision,
    )


def announced(approval: Approval) -> dict[str, Json]:
    """What webhooks are told: never the arguments, which may be the caller's own data."""
    return {
        "approval_id": approval.approval_id,
        "tool": approval.tool,
        "state": approval.state.value,
        "arguments_hash": approval.arguments_hash,
        "asked_role": approval.asked_role.name.lower(),
        "asked_at": approval.asked_at,
        "sla_at": approval.sla_at,
        "expires_at": approval.expires_at,
        "revision": approval.revision,
    }


def store(row: ApprovalRow, approval: Approval) -> None:
    row.arguments, row.arguments_hash = clean_json(approval.arguments), approval.arguments_hash
    row.state, row.level, row.level_since = (
        approval.state.value,
        approval.level,
        approval.level_since,
    )
    row.claimed_by, row.claimed_until = approval.claimed_by, approval.claimed_until
    row.reminded_at = approval.reminded_at
    row.grants = [
        {"person_id": one.person_id, "role": one.role.name.lower(), "at": one.at.isoformat()}
        for one in approval.grants
    ]
    row.editors = sorted(approval.editors)
    row.reason, row.result = clean_text(approval.reason), clean_json(approval.result)
    row.decided_at, row.closed_at = approval.decided_at, approval.closed_at
    row.next_due_at, row.revision = next_due_at(approval), approval.revision


def parked_of(row: ApprovalRow) -> Parked:
    return Parked(
        approval=approval_of(row),
        call_id=CallId(row.call_id),
        run_id=ToolRunId(row.run_id),
        owner=row.owner,
        at=row.at,
        at_ms=row.at_ms,
        question=row.question,
        step=row.step,
        flow_version=row.flow_version,
        is_verified=row.is_verified,
        asked_arguments=row.asked_arguments,
        slip=row.slip,
    )
