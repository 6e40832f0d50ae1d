"""Where calls are ordered, whoever asks: checked, kept, audited, and an edge told at once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from trunkline.calls.ordering import check_size, check_variables, due_at, flow_of
from trunkline.calls.serving import Served
from trunkline.domain.clock import Clock
from trunkline.domain.events import Json
from trunkline.domain.ids import CallId
from trunkline.domain.outbound import OutboundRules
from trunkline.domain.placement import PlacementState, RetryPolicy
from trunkline.storage.audit import Audit
from trunkline.storage.engine import Sessions
from trunkline.storage.placement_views import NewPlacement
from trunkline.storage.placements import Ordered, Placements
from trunkline.storage.views import HOUSE


class Dialler(Protocol):
    """``calls.commands.RedisCommands`` is one."""

    async def place(self, placement_id: CallId) -> bool:
        """Tell an edge; False when none can be told now."""
        ...


@dataclass(frozen=True, slots=True)
class CallOrder:
    """What is asked for, unchecked. ``caller_id`` is shown; ``metadata`` comes back with events.

    ``by`` is for the audit; ``key_id`` is the API key whose quota counts.
    """

    to: str
    agent: str
    by: str
    caller_id: str = ""
    trunk: str = ""
    variables: Mapping[str, Json] = field(default_factory=dict)
    metadata: Mapping[str, Json] = field(default_factory=dict)
    schedule_at: datetime | None = None
    valid_s: int = 3600
    ring_s: int = 30
    longest_s: int = 3600
    retry: RetryPolicy = field(default_factory=RetryPolicy)
    key_id: str = ""
    idempotency_key: str | None = None
    digest: str = ""
    owner: str = HOUSE


@dataclass(frozen=True, slots=True)
class OrderDesk:
    """``serving``: agents that calls get now. Without a ``dialler`` the worker tells an edge."""

    sessions: Sessions
    rules: OutboundRules
    serving: Mapping[str, Served]
    dialler: Dialler | None
    clock: Clock

    async def order(self, wanted: CallOrder) -> Ordered:
        """Raises a CallerError that names what to fix; nothing is kept then."""
        now = self.clock.now()
        check_variables(flow_of(self.serving, wanted.agent), wanted.variables)
        check_size(wanted.metadata, "metadata")
        route = self.rules.route(wanted.to, trunk=wanted.trunk, caller_id=wanted.caller_id)
        new = NewPlacement(
            target=route.target,
            agent=wanted.agent,
            due_at=self.rules.not_before(due_at(wanted.schedule_at, now)),
            trunk=wanted.trunk,
            caller_id=route.caller_id,
            variables=wanted.variables,
            details=wanted.metadata,
            ring_s=wanted.ring_s,
            longest_s=wanted.longest_s,
            valid_s=wanted.valid_s,
            retry=wanted.retry,
            key_id=wanted.key_id,
            idempotency_key=wanted.idempotency_key,
            digest=wanted.digest,
            owner=wanted.owner,
        )
        async with self.sessions.writing(durable=True) as session:
            placements = Placements(session)
            ordered = await placements.order(new, now)
            if ordered.is_new:
                if new.due_at <= now:
                    first_s = min(route.first_grant_s, new.longest_s)
                    await placements.check_funds(route.price, first_s, self.rules, now)
                await Audit(session, owner=new.owner).append(
                    wanted.by, "call.ordered", ordered.placement.placement_id, now
                )
        placement = ordered.placement
        is_due = placement.state is PlacementState.QUEUED and placement.due_at <= now
        if is_due and self.dialler is not None:
            await self.dialler.place(placement.placement_id)  # else the worker tells of it
        return ordered
