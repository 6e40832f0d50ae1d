"""What the flow repository returns: agents, drafts, versions, publications."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class PublicationKind(StrEnum):
    """How an agent came to serve what it serves."""

    PUBLISHED = "published"
    RESTORED = "restored"
    CANARY_STARTED = "canary_started"
    CANARY_CHANGED = "canary_changed"
    CANARY_STOPPED = "canary_stopped"
    CANARY_PROMOTED = "canary_promoted"
    WITHDRAWN = "withdrawn"


@dataclass(frozen=True, slots=True)
class Slots:
    """Which versions serve: ``canary`` takes ``percent`` of the calls, ``stable`` the rest.

    Nothing in both: what was published is withdrawn, and a file of the agent's name may serve.
    """

    stable: str | None = None
    canary: str | None = None
    percent: int = 0


@dataclass(frozen=True, slots=True)
class DraftView:
    """``revision`` is what an editor sends back to say which state it changed."""

    agent: str
    revision: int
    text: str
    saved_at: datetime
    saved_by: str
    based_on: int


@dataclass(frozen=True, slots=True)
class VersionView:
    """One immutable version; ``number`` counts an agent's versions from 1.

    Lists come without ``text``.
    """

    agent: str
    version: str
    number: int
    hash: str
    created_at: datetime
    created_by: str
    note: str
    text: str = ""


@dataclass(frozen=True, slots=True)
class PublicationView:
    seq: int
    agent: str
    kind: PublicationKind
    slots: Slots
    at: datetime
    by: str
    note: str


@dataclass(frozen=True, slots=True)
class AgentView:
    """An agent that the database knows."""

    name: str
    slots: Slots
    created_at: datetime
    created_by: str
    version_count: int
    draft_revision: int
    draft: DraftView | None
    owner: str


@dataclass(frozen=True, slots=True)
class ServingView:
    """What an edge needs to serve an agent: the slots and the texts of their versions."""

    agent: str
    slots: Slots
    stable_text: str
    canary_text: str = ""
