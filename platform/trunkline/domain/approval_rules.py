"""Who may do what to an approval, and what becomes of it. Pure: errors are typed, nothing is read.

``decide`` is the only way from one state to the next; ``due`` names what the clock would do now.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, TypeAlias

from trunkline.domain.approval import (
    CLOSED,
    OPEN,
    TABLE,
    Approval,
    ApprovalState,
    Deed,
    Grant,
    Person,
    Role,
    WhenCallerLeaves,
    is_above_limit,
)
from trunkline.domain.errors import Conflict, Forbidden, Invalid

BY_PEOPLE: Final = frozenset(
    {
        Deed.CLAIM,
        Deed.RELEASE,
        Deed.EDIT,
        Deed.GRANT,
        Deed.REFUSE,
        Deed.ESCALATE,
        Deed.SETTLE,
    }
)
_Next: TypeAlias = Callable[[Approval, "Act", datetime], Approval]
_ON_WHAT_WAS_SEEN: Final = frozenset({Deed.EDIT, Deed.GRANT, Deed.REFUSE})


@dataclass(frozen=True, slots=True)
class Act:
    """A deed with what belongs to it.

    ``person``: None for the house's own deeds. ``seen_hash``: what was on the screen (edit, grant,
    refuse). ``arguments`` and ``arguments_hash``: the edit's, already valid by the tool's schema.
    """

    deed: Deed
    person: Person | None = None
    seen_hash: str = ""
    arguments: Mapping[str, Any] | None = None
    arguments_hash: str = ""
    reason: str = ""
    result: Any = None
    settled_as: ApprovalState | None = None


def decide(approval: Approval, act: Act, now: datetime) -> Approval:
    """The approval after the act.

    Conflict: ``already_decided``, ``claimed_by_another``, ``arguments_changed``, ``expired``,
    ``needs_another_person``, ``nothing_above``, ``not_possible``. Forbidden: ``role_too_low``,
    ``amount_above_limit``, ``not_editable``. Invalid: ``reason_missing``.
    """
    if approval.state not in TABLE[act.deed]:
        _refuse_state(approval, act)
    if act.person is not None:
        _check_person(approval, act, act.person, now)
    elif act.deed in BY_PEOPLE - {Deed.ESCALATE}:  # the clock escalates too
        raise Forbidden(f"{act.deed} needs a person", code="role_too_low")
    return _NEXT[act.deed](approval, act, now)


def due(approval: Approval, now: datetime) -> Act | None:
    """What the clock alone would do at ``now``; None when it is nobody's turn.

    An expiry comes before everything else. Time that jumps back never reopens anything.
    """
    if approval.state not in OPEN:
        return None
    if now >= approval.expires_at:
        return Act(Deed.EXPIRE)
    if now >= approval.sla_at and approval.level + 1 < len(approval.policy.levels):
        return Act(Deed.ESCALATE, reason="nobody decided in time")
    held_until = approval.claimed_until
    if approval.state is ApprovalState.CLAIMED and held_until is not None and now >= held_until:
        return Act(Deed.LAPSE)
    remind = approval.policy.remind_after
    if remind is not None and approval.state is not ApprovalState.CLAIMED:
        last = approval.reminded_at or approval.level_since
        if now >= last + remind:
            return Act(Deed.REMIND)
    return None


def next_due_at(approval: Approval) -> datetime | None:
    """When ``due`` will have something to say at the earliest; None for what is not open."""
    if approval.state not in OPEN:
        return None
    times = [approval.expires_at]
    if approval.level + 1 < len(approval.policy.levels):
        times.append(approval.sla_at)
    if approval.state is ApprovalState.CLAIMED:
        times += [approval.claimed_until] if approval.claimed_until else []
    elif approval.policy.remind_after is not None:
        last = approval.reminded_at or approval.level_since
        times.append(last + approval.policy.remind_after)
    return min(times)


def when_caller_left(approval: Approval) -> Act | None:
    """What the caller's hanging up means; what is granted already goes on."""
    leaves = approval.policy.when_caller_leaves
    if approval.state in OPEN and leaves is WhenCallerLeaves.ABANDON:
        return Act(Deed.ABANDON, reason="the caller hung up first")
    return None


# ---- who may -----------------------------------------------------------------------------------


def _refuse_state(approval: Approval, act: Act) -> None:
    if approval.state is ApprovalState.EXPIRED:
        raise Conflict("the time to decide this has passed", code="expired")
    if approval.state in CLOSED or act.deed in BY_PEOPLE:
        raise Conflict(f"this is {approval.state} already", code="already_decided")
    raise Conflict(f"{act.deed} is not possible while it is {approval.state}", code="not_possible")


def _check_person(approval: Approval, act: Act, person: Person, now: datetime) -> None:
    if person.role < Role.SUPERVISOR:
        raise Forbidden("only supervisors and above decide", code="role_too_low")
    if act.deed is Deed.SETTLE:
        return
    if now >= approval.expires_at:  # the clock's own round may be a moment late
        raise Conflict("the time to decide this has passed", code="expired")
    if approval.is_claimed_from(person, now):
        raise Conflict("somebody else is deciding this", code="claimed_by_another")
    if act.deed in _ON_WHAT_WAS_SEEN and act.seen_hash != approval.arguments_hash:
        raise Conflict("the request has changed since you saw it", code="arguments_changed")
    if act.deed is Deed.REFUSE and not act.reason.strip():
        raise Invalid("say why it is refused", code="reason_missing", param="reason")
    if act.deed is Deed.GRANT:
        _check_grant(approval, person)


def _check_grant(approval: Approval, person: Person) -> None:
    if person.role < approval.asked_role:
        wanted = approval.asked_role.name.lower()
        raise Forbidden(f"this is for a {wanted} to grant", code="role_too_low")
    if is_above_limit(approval, person.role):
        raise Forbidden("the amount is above what you may grant", code="amount_above_limit")
    if any(grant.person_id == person.person_id for grant in approval.grants):
        raise Conflict("you have agreed already; a second person must", code="needs_another_person")


# ---- what becomes of it ------------------------------------------------------------------------


def _claim(approval: Approval, act: Act, now: datetime) -> Approval:
    assert act.person is not None
    return approval.changed(
        state=ApprovalState.CLAIMED,
        claimed_by=act.person.person_id,
        claimed_until=now + approval.policy.claim_for,
    )


def _unclaimed(approval: Approval) -> ApprovalState:
    if approval.editors:
        return ApprovalState.EDITED
    return ApprovalState.ESCALATED if approval.level else ApprovalState.ASKED


def _let_go(approval: Approval, act: Act, now: datetime) -> Approval:
    return approval.changed(state=_unclaimed(approval), claimed_by=None, claimed_until=None)


def _edit(approval: Approval, act: Act, now: datetime) -> Approval:
    """Grants were given to other arguments, so they lapse; the editor may grant, as one person."""
    assert act.person is not None
    if act.arguments is None or not act.arguments_hash:
        raise Invalid("the changed arguments are missing", param="arguments")
    changed = _changed_paths(approval.arguments, act.arguments)
    if not changed:
        raise Invalid("nothing was changed", code="nothing_changed", param="arguments")
    locked = sorted(changed - approval.policy.editable)
    if locked:
        raise Forbidden(f"the policy lets nobody change {', '.join(locked)}", code="not_editable")
    return approval.changed(
        state=ApprovalState.EDITED,
        arguments=act.arguments,
        arguments_hash=act.arguments_hash,
        grants=(),
        editors=approval.editors | {act.person.person_id},
        claimed_by=None,
        claimed_until=None,
    )


def _grant(approval: Approval, act: Act, now: datetime) -> Approval:
    assert act.person is not None
    person = act.person
    grants = (*approval.grants, Grant(person.person_id, person.role, now))
    if len(grants) < approval.grants_needed:
        # Free again at once: the second person need not wait for the first one's claim.
        return approval.changed(
            state=_unclaimed(approval), grants=grants, claimed_by=None, claimed_until=None
        )
    return approval.changed(
        state=ApprovalState.GRANTED,
        grants=grants,
        claimed_by=None,
        claimed_until=None,
        decided_at=now,
    )


def _escalate(approval: Approval, act: Act, now: datetime) -> Approval:
    if approval.level + 1 >= len(approval.policy.levels):
        raise Conflict("nobody is above those who were asked", code="nothing_above")
    return approval.changed(
        state=ApprovalState.ESCALATED,
        level=approval.level + 1,
        level_since=now,
        reminded_at=None,
        claimed_by=None,
        claimed_until=None,
        reason=act.reason,
    )


def _remind(approval: Approval, act: Act, now: datetime) -> Approval:
    return approval.changed(reminded_at=now)


def _begin(approval: Approval, act: Act, now: datetime) -> Approval:
    return approval.changed(state=ApprovalState.EXECUTING)


def _settle(approval: Approval, act: Act, now: datetime) -> Approval:
    if act.settled_as not in {ApprovalState.DONE, ApprovalState.FAILED}:
        raise Invalid("it was either done or not", param="settled_as")
    if not act.reason.strip():
        raise Invalid("say how you know", code="reason_missing", param="reason")
    return _close(approval, act.settled_as, act, now)


def _close(approval: Approval, state: ApprovalState, act: Act, now: datetime) -> Approval:
    return approval.changed(
        state=state,
        claimed_by=None,
        claimed_until=None,
        reason=act.reason or approval.reason,
        result=act.result if act.result is not None else approval.result,
        decided_at=approval.decided_at or now,
        closed_at=now,
    )


def _closing(state: ApprovalState) -> _Next:
    def close(approval: Approval, act: Act, now: datetime) -> Approval:
        return _close(approval, state, act, now)

    return close


def _changed_paths(before: Any, after: Any, path: str = "") -> set[str]:
    """Dotted paths at which two documents differ; a list differs as a whole."""
    if isinstance(before, Mapping) and isinstance(after, Mapping):
        changed: set[str] = set()
        for name in before.keys() | after.keys():
            inner = f"{path}.{name}" if path else str(name)
            if name not in before or name not in after:
                changed.add(inner)
            else:
                changed |= _changed_paths(before[name], after[name], inner)
        return changed
    # 1 and True are equal to Python and not to a payment service.
    return set() if type(before) is type(after) and before == after else {path}


_NEXT: Final[Mapping[Deed, _Next]] = {
    Deed.CLAIM: _claim,
    Deed.RELEASE: _let_go,
    Deed.LAPSE: _let_go,
    Deed.EDIT: _edit,
    Deed.GRANT: _grant,
    Deed.REFUSE: _closing(ApprovalState.REFUSED),
    Deed.ESCALATE: _escalate,
    Deed.SETTLE: _settle,
    Deed.REMIND: _remind,
    Deed.EXPIRE: _closing(ApprovalState.EXPIRED),
    Deed.ABANDON: _closing(ApprovalState.ABANDONED),
    Deed.BEGIN: _begin,
    Deed.FINISH: _closing(ApprovalState.DONE),
    Deed.FAIL: _closing(ApprovalState.FAILED),
    Deed.LOSE: _closing(ApprovalState.UNKNOWN),
}
