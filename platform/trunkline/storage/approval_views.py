"""Approvals as readers get them, apart from the rows they are kept in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from trunkline.domain.approval import Approval, ApprovalState, Deed
from trunkline.domain.events import Json
from trunkline.domain.ids import CallId, ToolRunId


@dataclass(frozen=True, slots=True)
class Parked:
    """An approval with where it stands in its call.

    ``at`` and ``at_ms``: when the call asked, by its edge's clock and its own. ``question``: the
    ask in one sentence. ``asked_arguments``: before any edit. ``slip``: the tool as it was then.
    """

    approval: Approval
    call_id: CallId
    run_id: ToolRunId
    owner: str
    at: datetime
    at_ms: int
    question: str
    step: str
    flow_version: str
    is_verified: bool
    asked_arguments: Mapping[str, Json]
    slip: Mapping[str, Json]


@dataclass(frozen=True, slots=True)
class PastDeed:
    """One link of an approval's history; ``state`` is what it led to."""

    revision: int
    at: datetime
    deed: Deed
    state: ApprovalState
    person_id: str | None
    role: str | None
    via: str
    arguments_hash: str
    arguments: Mapping[str, Json] | None
    reason: str


@dataclass(frozen=True, slots=True)
class UntoldApproval:
    """News for a call that lives, at the edge that carries it."""

    approval: Approval
    call_id: CallId
    run_id: ToolRunId
    edge_id: str
