"""The life of one approval: what a person is asked, who may decide, and what may still happen.

A request binds to the hash of the exact call (tool, arguments, policy and flow version). Whoever
decides names the hash that they saw, so nothing is granted that was not on the screen. No I/O and
no clock: the database's time comes in, and the transaction that stores the outcome decides a race.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from decimal import Decimal
from enum import IntEnum, StrEnum
from types import MappingProxyType
from typing import Any, Final

from trunkline.domain.ids import ApprovalId


class ApprovalState(StrEnum):
    ASKED = "asked"
    CLAIMED = "claimed"  # one person is looking at it; nobody else may decide meanwhile
    EDITED = "edited"  # the arguments were changed, so every grant before has lapsed
    ESCALATED = "escalated"  # asked again, of a higher level
    GRANTED = "granted"  # enough people agreed; a durable job will do it, once
    EXECUTING = "executing"
    DONE = "done"
    FAILED = "failed"  # the service said that it did not do it
    UNKNOWN = "unknown"  # it may have happened: a person finds out, we never try again
    REFUSED = "refused"
    EXPIRED = "expired"
    ABANDONED = "abandoned"  # the caller left before anybody decided


class Role(IntEnum):
    """Ordered: a higher role may do what a lower one may."""

    VIEWER = 0
    SUPERVISOR = 1
    MANAGER = 2
    ADMIN = 3


OPEN: Final = frozenset(
    {ApprovalState.ASKED, ApprovalState.CLAIMED, ApprovalState.EDITED, ApprovalState.ESCALATED}
)
UNDER_WAY: Final = frozenset({ApprovalState.GRANTED, ApprovalState.EXECUTING})
CLOSED: Final = frozenset(ApprovalState) - OPEN - UNDER_WAY


class Deed(StrEnum):
    """Everything that can be done to an approval; the first group by people, then by the house."""

    CLAIM = "claim"
    RELEASE = "release"
    EDIT = "edit"
    GRANT = "grant"
    REFUSE = "refuse"
    ESCALATE = "escalate"
    SETTLE = "settle"  # a person found out what became of an unknown one
    REMIND = "remind"
    LAPSE = "lapse"  # the claim ran out
    EXPIRE = "expire"
    ABANDON = "abandon"
    BEGIN = "begin"
    FINISH = "finish"
    FAIL = "fail"
    LOSE = "lose"  # nobody can say whether it happened


_S, _D = ApprovalState, Deed
TABLE: Final[Mapping[Deed, frozenset[ApprovalState]]] = MappingProxyType(
    {
        _D.CLAIM: OPEN,
        _D.RELEASE: frozenset({_S.CLAIMED}),
        _D.EDIT: OPEN,
        _D.GRANT: OPEN,
        _D.REFUSE: OPEN,
        _D.ESCALATE: OPEN,
        _D.SETTLE: frozenset({_S.UNKNOWN}),
        _D.REMIND: OPEN,
        _D.LAPSE: frozenset({_S.CLAIMED}),
        _D.EXPIRE: OPEN,
        _D.ABANDON: OPEN,
        _D.BEGIN: frozenset({_S.GRANTED}),
        _D.FINISH: frozenset({_S.EXECUTING}),
        _D.FAIL: UNDER_WAY,
        _D.LOSE: UNDER_WAY,
    }
)
"""In which states each deed is possible; ``decide`` refuses every other pair."""


class WhenCallerLeaves(StrEnum):
    ABANDON = "abandon"
    KEEP = "keep"  # decided and done all the same; the caller hears of it in another way


@dataclass(frozen=True, slots=True)
class Level:
    """One rung of the escalation chain: who is asked, and how long they have."""

    role: Role
    sla: timedelta


@dataclass(frozen=True, slots=True)
class ApprovalPolicy:
    """What a flow's author demands of one tool; frozen into each request.

    ``levels``: the first is asked first. ``grants``: people who must agree (two-person rule: 2).
    ``amount_field``: the argument that limits are about, by dotted path. ``limits``: the most that
    a role may grant; a role that is not named has no limit if ``limits`` is empty, and none of its
    own (so it may not grant) otherwise, unless a lower role's limit covers the amount.
    ``editable``: dotted paths that may be changed; empty: none. ``house_limits`` and
    ``two_people_above`` are the house's (``domain.house_rules``), never a flow's.
    """

    levels: tuple[Level, ...] = (Level(Role.SUPERVISOR, timedelta(seconds=60)),)
    expires_after: timedelta = timedelta(minutes=5)
    remind_after: timedelta | None = timedelta(seconds=30)
    claim_for: timedelta = timedelta(seconds=45)
    grants: int = 1
    amount_field: str = ""
    limits: Mapping[Role, Decimal] = field(default_factory=dict)
    editable: frozenset[str] = frozenset()
    when_caller_leaves: WhenCallerLeaves = WhenCallerLeaves.ABANDON
    house_limits: Mapping[Role, Decimal] = field(default_factory=dict)
    two_people_above: Decimal | None = None

    def __post_init__(self) -> None:
        if not self.levels or self.grants < 1:
            raise ValueError("a policy needs a level to ask and a grant to wait for")

    def limit_of(self, role: Role) -> Decimal | None:
        """The most that ``role`` may grant; None: as much as is asked."""
        most = [most for higher, most in self.house_limits.items() if higher >= role]
        if self.limits:
            of_flow = (most for lower, most in self.limits.items() if lower <= role)
            most.append(max(of_flow, default=Decimal()))
        return min(most, default=None)


USER_PREFIX: Final = "user:"
"""Before a user's name, so that nobody's name can pass for a key's."""


@dataclass(frozen=True, slots=True)
class Person:
    """Who acts: a user, by the dashboard or a signed link alike, or an API key."""

    person_id: str
    role: Role


def user_as_person(username: str, role: str) -> Person:
    """One user is one person, however they decide; a role that is unknown here may only look."""
    return Person(f"{USER_PREFIX}{username}", Role.__members__.get(role.upper(), Role.VIEWER))


@dataclass(frozen=True, slots=True)
class Grant:
    person_id: str
    role: Role
    at: datetime


@dataclass(frozen=True, slots=True)
class Approval:
    """``asked_at``, ``level_since`` and every other time: the database's clock, UTC.

    ``arguments_hash`` names what is being asked now; it changes with an edit. ``revision`` counts
    every change, and is what a writer compares before it stores the next one.
    """

    approval_id: ApprovalId
    tool: str
    arguments: Mapping[str, Any]
    arguments_hash: str
    policy: ApprovalPolicy
    asked_at: datetime
    level_since: datetime
    state: ApprovalState = ApprovalState.ASKED
    level: int = 0
    claimed_by: str | None = None
    claimed_until: datetime | None = None
    reminded_at: datetime | None = None
    grants: tuple[Grant, ...] = ()
    editors: frozenset[str] = frozenset()
    reason: str = ""
    result: Any = None
    decided_at: datetime | None = None
    closed_at: datetime | None = None
    revision: int = 0

    @property
    def expires_at(self) -> datetime:
        return self.asked_at + self.policy.expires_after

    @property
    def sla_at(self) -> datetime:
        """When the level that is asked now has had its time."""
        return min(self.level_since + self.policy.levels[self.level].sla, self.expires_at)

    @property
    def asked_role(self) -> Role:
        return self.policy.levels[self.level].role

    @property
    def amount(self) -> Decimal | None:
        """The value at ``policy.amount_field``; None when it is absent or no number."""
        value: Any = self.arguments
        for part in self.policy.amount_field.split("."):
            value = value.get(part) if isinstance(value, Mapping) else None
        if isinstance(value, bool) or not isinstance(value, str | int | float | Decimal):
            return None
        try:
            amount = Decimal(str(value))
        except ArithmeticError:
            return None
        return amount if amount.is_finite() else None

    @property
    def grants_needed(self) -> int:
        """How many people must agree; an amount that nobody can read is a large one."""
        above = self.policy.two_people_above
        if above is None or (self.amount is not None and self.amount <= above):
            return self.policy.grants
        return max(self.policy.grants, 2)

    def is_claimed_from(self, person: Person, now: datetime) -> bool:
        """Somebody else holds it, and their time has not run out."""
        held = self.claimed_until is not None and now < self.claimed_until
        return held and self.claimed_by != person.person_id

    def changed(self, **changes: Any) -> Approval:
        return replace(self, revision=self.revision + 1, **changes)


def binding_hash(
    tool: str, arguments: Mapping[str, Any], flow_version: str, policy: Mapping[str, Any]
) -> str:
    """SHA-256 of exactly what a person is asked about; ``policy`` as ``write_policy`` gives it."""
    document = {
        "tool": tool,
        "arguments": arguments,
        "flow_version": flow_version,
        "policy": policy,
    }
    text = json.dumps(document, sort_keys=True, separators=(",", ":"), default=str)
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def is_above_limit(approval: Approval, role: Role) -> bool:
    """Whether the amount is more than ``role`` may grant; an amount nobody can read is."""
    most = approval.policy.limit_of(role)
    if most is None:
        return False
    amount = approval.amount
    return amount is None or amount > most
