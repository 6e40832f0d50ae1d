"""How approvals read on a page: states, deeds, people, and why something was not done. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import tzinfo
from typing import Final

from trunkline.dashboard.formats import local_time
from trunkline.domain.approval import (
    OPEN,
    UNDER_WAY,
    USER_PREFIX,
    Approval,
    ApprovalState,
    Deed,
    Person,
    Role,
)
from trunkline.domain.errors import CallerError
from trunkline.storage.approval_views import PastDeed

STATE_WORDS: Final = {
    ApprovalState.ASKED: "Waiting",
    ApprovalState.CLAIMED: "Being decided",
    ApprovalState.EDITED: "Edited, waiting",
    ApprovalState.ESCALATED: "Escalated",
    ApprovalState.GRANTED: "Approved, about to run",
    ApprovalState.EXECUTING: "Running",
    ApprovalState.DONE: "Done",
    ApprovalState.FAILED: "Approved, but not done",
    ApprovalState.UNKNOWN: "Outcome unknown",
    ApprovalState.REFUSED: "Declined",
    ApprovalState.EXPIRED: "Expired",
    ApprovalState.ABANDONED: "Caller left",
}
_DEED_WORDS: Final = {
    Deed.CLAIM: "claimed it",
    Deed.RELEASE: "let it go",
    Deed.EDIT: "changed the arguments",
    Deed.GRANT: "approved",
    Deed.REFUSE: "declined",
    Deed.ESCALATE: "escalated",
    Deed.SETTLE: "said what became of it",
    Deed.REMIND: "Reminder sent",
    Deed.LAPSE: "The claim ran out",
    Deed.EXPIRE: "Nobody decided in time",
    Deed.ABANDON: "Withdrawn",
    Deed.BEGIN: "The tool was started",
    Deed.FINISH: "The tool ran",
    Deed.FAIL: "The service did not do it",
    Deed.LOSE: "Nobody can say whether it was done",
}
_OBSTACLES: Final = {
    "expired": "The time to decide this has passed; nothing was done.",
    "arguments_changed": (
        "The request was changed after you saw it. Look at it again: this is what is asked now."
    ),
    "not_editable": "The policy lets nobody change that field.",
    "nothing_changed": "Nothing was changed, so nothing was saved.",
    "nothing_above": "Nobody is above those who were asked.",
    "needs_another_person": "You have agreed already. A second person must agree too.",
    "not_possible": "That is not possible in the state this is in now.",
    "reason_missing": "Say why: the reason is kept with the decision.",
}


def approval_state_words(state: ApprovalState) -> str:
    return STATE_WORDS[state]


def approval_tone(state: ApprovalState) -> str:
    if state is ApprovalState.DONE:
        return "good"
    if state in OPEN or state in UNDER_WAY:
        return "wait"
    return "bad" if state in (ApprovalState.UNKNOWN, ApprovalState.FAILED) else "calm"


def person_words(person_id: str | None) -> str:
    """A user by name; ``key:…`` and other holders as what they are."""
    if person_id is None:
        return "—"
    kind, colon, name = person_id.partition(":")
    if colon and kind == "key":
        return f"API key {name}"
    return person_id.removeprefix(USER_PREFIX)


def deed_words(deed: PastDeed) -> str:
    """One line of the history; a person's name, or what the house did by itself."""
    words = _DEED_WORDS[deed.deed]
    if deed.person_id is not None:
        return f"{person_words(deed.person_id)} {words}"
    return "Escalated: nobody decided in time" if deed.deed is Deed.ESCALATE else words


def limit_words(approval: Approval) -> list[tuple[str, str]]:
    """The most that each role may approve of it, the flow's and the house's limits together."""
    if not approval.policy.amount_field:
        return []
    found = [(role, approval.policy.limit_of(role)) for role in Role if role > Role.VIEWER]
    return [(role.name.lower(), str(most)) for role, most in found if most is not None]


def role_words(approval: Approval) -> str:
    role = approval.asked_role.name.lower()
    return f"{'an' if role[0] in 'aeiou' else 'a'} {role}"


def winner_words(deeds: Sequence[PastDeed], zone: tzinfo) -> str:
    """Who decided it, when and why, for somebody who came too late; empty when nobody did."""
    decisive = (Deed.GRANT, Deed.REFUSE, Deed.SETTLE, Deed.EXPIRE, Deed.ABANDON)
    last = next((one for one in reversed(deeds) if one.deed in decisive), None)
    if last is None:
        return ""
    at = local_time(last.at, zone)
    reason = f": “{last.reason}”" if last.reason else ""
    return f"{deed_words(last)} at {at}{reason}"


def obstacle_words(
    exc: CallerError,
    approval: Approval,
    person: Person,
    deeds: Sequence[PastDeed] = (),
    *,
    zone: tzinfo,
) -> str:
    """Why something could not be done, in words for whoever tried."""
    match exc.code:
        case "already_decided":
            won = winner_words(deeds, zone)
            state = STATE_WORDS[approval.state].lower()
            return (
                f"You came too late. {won}. It is {state} now."
                if won
                else (f"You came too late: this is {state} already.")
            )
        case "claimed_by_another":
            until = approval.claimed_until
            ends = f" until {local_time(until, zone)}" if until else ""
            return f"{person_words(approval.claimed_by)} is deciding this{ends}."
        case "amount_above_limit":
            most = approval.policy.limit_of(person.role)
            return (
                f"The amount is above what a {person.role.name.lower()} may approve"
                f" ({most}). Escalate it."
            )
        case "role_too_low":
            return f"This is for {role_words(approval)} to approve."
        case "arguments_changed":
            edit = next((one for one in reversed(deeds) if one.deed is Deed.EDIT), None)
            who = f" {deed_words(edit)} at {local_time(edit.at, zone)}." if edit else ""
            return _OBSTACLES["arguments_changed"] + who
    return _OBSTACLES.get(exc.code, exc.message[:1].upper() + exc.message[1:])
