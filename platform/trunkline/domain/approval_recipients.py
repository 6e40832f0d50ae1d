"""Who is sent a link to decide an approval. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from trunkline.domain.approval import Approval, Person, Role, is_above_limit, user_as_person


@dataclass(frozen=True, slots=True)
class Recipient:
    """A user who is in force; ``email`` may be empty."""

    user_id: str
    username: str
    role: str
    email: str = ""

    @property
    def as_person(self) -> Person:
        return user_as_person(self.username, self.role)


def recipients(approval: Approval, users: Sequence[Recipient]) -> tuple[Recipient, ...]:
    """Those of the lowest role that may grant it, and of the next above until enough people are
    asked for the grants that are missing. Whoever has agreed already is not asked again."""
    agreed = {grant.person_id for grant in approval.grants}
    missing = approval.grants_needed - len(agreed)
    chosen: list[Recipient] = []
    for role in Role:
        if role < max(approval.asked_role, Role.SUPERVISOR) or is_above_limit(approval, role):
            continue
        if len(chosen) >= missing:
            break
        chosen += [
            one
            for one in users
            if one.as_person.role is role and one.as_person.person_id not in agreed
        ]
    return tuple(chosen)
