"""Rows of ordered calls as values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from trunkline.domain.call import CallState, EndCause
from trunkline.domain.ids import CallId
from trunkline.domain.placement import PlacementOutcome, RetryPolicy
from trunkline.storage.placement_rows import AttemptRow, PlacementRow
from trunkline.storage.placement_views import AttemptView, PlacementView, state_of


def retry_document(policy: RetryPolicy) -> dict[str, Any]:
    return {
        "attempts": policy.attempts,
        "after_s": {cause.value: wait_s for cause, wait_s in policy.after_s.items()},
    }


def retry_policy(document: Mapping[str, Any]) -> RetryPolicy:
    after_s = {EndCause(cause): int(wait_s) for cause, wait_s in document["after_s"].items()}
    return RetryPolicy(int(document["attempts"]), after_s)


def placement_view(
    row: PlacementRow, attempts: Sequence[tuple[AttemptRow, str | None]]
) -> PlacementView:
    """``attempts`` with the states of their calls, in order."""
    last = attempts[-1][1] if attempts else None
    return PlacementView(
        placement_id=CallId(row.id),
        state=state_of(row.state, CallState(last) if last else None),
        target=row.target,
        trunk=row.trunk,
        caller_id=row.caller_id,
        agent=row.agent,
        variables=row.variables,
        details=row.details,
        ring_s=row.ring_s,
        longest_s=row.longest_s,
        created_at=row.created_at,
        due_at=row.due_at,
        expires_at=row.expires_at,
        retry=retry_policy(row.retry),
        attempts=tuple(_attempt(attempt) for attempt, _ in attempts),
        ended_at=row.ended_at,
        outcome=None if row.outcome is None else PlacementOutcome(row.outcome),
        cause=None if row.cause is None else EndCause(row.cause),
        reason=row.reason,
        owner=row.owner,
    )


def _attempt(row: AttemptRow) -> AttemptView:
    return AttemptView(
        call_id=CallId(row.call_id),
        number=row.number,
        at=row.at,
        edge_id=row.edge_id,
        ended_at=row.ended_at,
        cause=None if row.cause is None else EndCause(row.cause),
        duration_ms=row.duration_ms,
        cost=row.cost + row.granted,
        currency=row.currency,
    )
