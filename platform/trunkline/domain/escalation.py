"""The life of one escalation: something about a call that a person should know of now. No I/O."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from trunkline.domain.approval import Person, Role
from trunkline.domain.errors import Conflict, Forbidden


class EscalationKind(StrEnum):
    """What gave rise to it."""

    KEYWORD = "keyword"
    NO_MATCH = "no_match"
    MOOD = "mood"
    LOOP = "loop"
    SILENCE = "silence"
    GUARD = "guard"
    ASKED = "asked"  # the caller wants a person
    OUTSIDE = "outside"  # somebody told the API
    CALL_BACK = "call_back"  # the call broke off on our side before the caller heard the outcome


class Urgency(StrEnum):
    LOW = "low"
    NORMAL = "normal"
    HIGH = "high"


class EscalatesTo(StrEnum):
    SUPERVISOR = "supervisor"  # who looks at the dashboard; the call goes on
    PERSON = "person"  # the flow leads the caller to somebody


class EscalationState(StrEnum):
    RAISED = "raised"
    ACKNOWLEDGED = "acknowledged"  # somebody has it
    RESOLVED = "resolved"
    GONE = "gone"  # the call ended first


class EscalationDeed(StrEnum):
    ACKNOWLEDGE = "acknowledge"
    RELEASE = "release"
    RESOLVE = "resolve"
    LEAVE = "leave"  # the call is over


_S, _D = EscalationState, EscalationDeed
OPEN: Final = frozenset({_S.RAISED, _S.ACKNOWLEDGED})
TABLE: Final[Mapping[EscalationDeed, Mapping[EscalationState, EscalationState]]] = MappingProxyType(
    {
        _D.ACKNOWLEDGE: {_S.RAISED: _S.ACKNOWLEDGED, _S.ACKNOWLEDGED: _S.ACKNOWLEDGED},
        _D.RELEASE: {_S.ACKNOWLEDGED: _S.RAISED},
        # What nobody came to while the call was up may still be followed up.
        _D.RESOLVE: {_S.RAISED: _S.RESOLVED, _S.ACKNOWLEDGED: _S.RESOLVED, _S.GONE: _S.RESOLVED},
        _D.LEAVE: {_S.RAISED: _S.GONE, _S.ACKNOWLEDGED: _S.GONE},
    }
)
"""What each deed makes of each state; ``after`` refuses every other pair."""


@dataclass(frozen=True, slots=True)
class Escalation:
    """Where one stands. ``held_by``: who acknowledged it; ``note``: how it was resolved."""

    escalation_id: str
    state: EscalationState = EscalationState.RAISED
    held_by: str = ""
    resolved_by: str = ""
    note: str = ""
    revision: int = 0


def after(
    now: Escalation, deed: EscalationDeed, person: Person | None = None, note: str = ""
) -> Escalation:
    """The escalation after a deed; ``person`` is None for the house.

    Forbidden for who may only look; Conflict when the table has no such row, or somebody else has
    it. Acknowledging what one has already changes nothing.
    """
    who = "" if person is None else person.person_id
    if person is not None and person.role < Role.SUPERVISOR:
        raise Forbidden("only supervisors and above take escalations", code="role_missing")
    state = TABLE[deed].get(now.state)
    if state is None:
        raise Conflict(f"it is {now.state.value} already", code=f"escalation_{now.state.value}")
    is_anothers = now.held_by not in ("", who)
    match deed:
        case EscalationDeed.ACKNOWLEDGE:
            if is_anothers:
                raise Conflict(f"{now.held_by} has it", code="escalation_held")
            if now.state is state:
                return now
            return replace(now, state=state, held_by=who, revision=now.revision + 1)
        case EscalationDeed.RELEASE:
            if is_anothers and (person is None or person.role < Role.MANAGER):
                raise Conflict(f"{now.held_by} has it", code="escalation_held")
            return replace(now, state=state, held_by="", revision=now.revision + 1)
        case EscalationDeed.RESOLVE:
            return replace(now, state=state, resolved_by=who, note=note, revision=now.revision + 1)
        case EscalationDeed.LEAVE:
            return replace(now, state=state, revision=now.revision + 1)
