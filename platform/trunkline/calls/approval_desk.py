"""Where people decide about approvals, whoever shows them: pages, API and signed links alike."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final, TypeAlias

from trunkline.domain.approval import ApprovalState, Deed, Person, binding_hash
from trunkline.domain.approval_json import write_policy
from trunkline.domain.approval_rules import Act
from trunkline.domain.errors import Invalid
from trunkline.domain.events import Json
from trunkline.flows.tool_slip import read_slip
from trunkline.flows.tool_validation import invalid_arguments
from trunkline.storage.approval_inbox import WANTED
from trunkline.storage.approval_views import Parked, PastDeed
from trunkline.storage.approvals import Approvals
from trunkline.storage.engine import Sessions, database_now
from trunkline.storage.views import HOUSE

MAX_REASON_CHARS: Final = 1000
Wake: TypeAlias = Callable[[], Awaitable[None]]
"""Tells a worker that there is something to run, so that nobody waits for its next round."""


@dataclass(frozen=True, slots=True)
class Shown:
    """An approval as one page shows it; ``now`` is the database's clock, for countdowns."""

    parked: Parked
    deeds: tuple[PastDeed, ...]
    now: datetime


@dataclass(frozen=True, slots=True)
class Inbox:
    """What is open or under way or of unknown outcome, and what was closed last."""

    approvals: tuple[Parked, ...]
    now: datetime


@dataclass(frozen=True, slots=True)
class ApprovalDesk:
    """Every method raises NotFound, or what ``domain.approval_rules.decide`` raises."""

    sessions: Sessions
    wake: Wake | None = None

    async def inbox(
        self,
        *,
        is_open: bool = True,
        call_id: str | None = None,
        owner: str = HOUSE,
        limit: int = 100,
    ) -> Inbox:
        states = WANTED if is_open else ()
        async with self.sessions.reading() as session:
            found = await Approvals(session).list(
                states=states, call_id=call_id, owner=owner, limit=limit
            )
            return Inbox(found, await database_now(session))

    async def show(self, approval_id: str, *, owner: str = HOUSE) -> Shown:
        async with self.sessions.reading() as session:
            approvals = Approvals(session)
            parked = await approvals.get(approval_id, owner=owner)
            return Shown(parked, await approvals.deeds(approval_id), await database_now(session))

    async def claim(
        self, approval_id: str, person: Person, *, via: str, owner: str = HOUSE
    ) -> Parked:
        """Nobody else decides for as long as the policy says; again: for as long anew."""
        return await self._act(approval_id, Act(Deed.CLAIM, person), via, owner)

    async def release(
        self, approval_id: str, person: Person, *, via: str, owner: str = HOUSE
    ) -> Parked:
        return await self._act(approval_id, Act(Deed.RELEASE, person), via, owner)

    async def escalate(
        self, approval_id: str, person: Person, reason: str, *, via: str, owner: str = HOUSE
    ) -> Parked:
        """Hand it to the next level."""
        act = Act(Deed.ESCALATE, person, reason=checked_reason(reason))
        return await self._act(approval_id, act, via, owner)

    async def grant(
        self, approval_id: str, person: Person, seen_hash: str, *, via: str, owner: str = HOUSE
    ) -> Parked:
        """``seen_hash``: of what was on the screen."""
        act = Act(Deed.GRANT, person, seen_hash=seen_hash)
        parked = await self._act(approval_id, act, via, owner)
        if parked.approval.state is ApprovalState.GRANTED:
            await self._hurry()
        return parked

    async def refuse(
        self,
        approval_id: str,
        person: Person,
        seen_hash: str,
        reason: str,
        *,
        via: str,
        owner: str = HOUSE,
    ) -> Parked:
        """``reason`` is for the record; the caller hears what the flow says."""
        act = Act(Deed.REFUSE, person, seen_hash=seen_hash, reason=checked_reason(reason))
        parked = await self._act(approval_id, act, via, owner)
        await self._hurry()
        return parked

    async def edit(
        self,
        approval_id: str,
        person: Person,
        seen_hash: str,
        arguments: Mapping[str, Json],
        *,
        via: str,
        owner: str = HOUSE,
    ) -> Parked:
        """Other arguments, valid by the tool's schema; whoever grants must have seen them."""
        async with self.sessions.writing(durable=True) as session:
            approvals = Approvals(session)
            parked = await approvals.get(approval_id, owner=owner)
            tool = read_slip(parked.slip)
            wrong = invalid_arguments(tool.parameters, arguments)
            if wrong is not None:
                place = f"arguments.{wrong.param}" if wrong.param else "arguments"
                raise Invalid(wrong.message, code=wrong.code, param=place)
            policy = write_policy(parked.approval.policy)
            new = binding_hash(tool.name, arguments, parked.flow_version, policy)
            act = Act(
                Deed.EDIT, person, seen_hash=seen_hash, arguments=arguments, arguments_hash=new
            )
            now = await database_now(session)
            return await approvals.act(approval_id, act, now, via=via, owner=owner)

    async def settle(
        self,
        approval_id: str,
        person: Person,
        settled_as: ApprovalState,
        reason: str,
        *,
        via: str,
        owner: str = HOUSE,
    ) -> Parked:
        """A person found out whether an unknown one was done."""
        act = Act(Deed.SETTLE, person, reason=checked_reason(reason), settled_as=settled_as)
        return await self._act(approval_id, act, via, owner)

    async def _hurry(self) -> None:
        """The caller waits for it: a worker is not to wait for its next round."""
        if self.wake is not None:
            await self.wake()

    async def _act(self, approval_id: str, act: Act, via: str, owner: str) -> Parked:
        async with self.sessions.writing(durable=True) as session:
            now = await database_now(session)
            return await Approvals(session).act(approval_id, act, now, via=via, owner=owner)


def checked_reason(text: str) -> str:
    """Invalid when it is too long to keep."""
    if len(text) > MAX_REASON_CHARS:
        raise Invalid(f"at most {MAX_REASON_CHARS} characters", param="reason")
    return text.strip()
