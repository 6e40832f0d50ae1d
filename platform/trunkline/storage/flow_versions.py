"""FlowRepository: agents, drafts with revisions, immutable versions, publications."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final

from sqlalchemy import delete, func, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from trunkline.domain.errors import Conflict, NotFound
from trunkline.storage.engine import hold
from trunkline.storage.flow_rows import AgentRow, FlowDraftRow, FlowVersionRow, PublicationRow
from trunkline.storage.flow_views import (
    AgentView,
    DraftView,
    PublicationKind,
    PublicationView,
    ServingView,
    Slots,
    VersionView,
)
from trunkline.storage.row_views import view_of
from trunkline.storage.upsert import clean_text, insert_new
from trunkline.storage.views import HOUSE

KEPT_REVISIONS: Final = 100
"""How many past states of a draft are kept, to tell an editor what happened meanwhile."""


_WITHOUT_TEXT: Final = (
    FlowVersionRow.agent,
    FlowVersionRow.version,
    FlowVersionRow.number,
    FlowVersionRow.hash,
    FlowVersionRow.created_at,
    FlowVersionRow.created_by,
    FlowVersionRow.note,
)


class DraftMoved(Conflict):
    """The draft is no longer at the revision that was changed.

    ``current``: what it is now, None when there is none; ``base``: what ``based_on`` was, if kept.
    """

    default_code = "draft_changed"

    def __init__(
        self,
        based_on: int,
        current_revision: int,
        current: DraftView | None,
        base: DraftView | None,
    ) -> None:
        now = f"is at revision {current_revision}" if current else "was discarded"
        super().__init__(
            f"the draft {now}, and this change was made to revision {based_on}: look at what"
            " changed, and save again"
            if based_on or current is None
            else f"there is a draft already, at revision {current_revision}: look at it first"
        )
        self.based_on = based_on
        self.current_revision = current_revision
        self.current = current
        self.base = base


class FlowRepository:
    """The flows of one owner, inside one session; writers of one owner take turns."""

    def __init__(self, session: AsyncSession, *, owner: str = HOUSE) -> None:
        self._session = session
        self._owner = owner

    # ---- agents --------------------------------------------------------------------------------

    async def agents(self) -> tuple[AgentView, ...]:
        """By name."""
        rows = await self._session.scalars(
            select(AgentRow).where(AgentRow.owner == self._owner).order_by(AgentRow.name)
        )
        return tuple([await self._agent_view(row) for row in rows.all()])

    async def agent(self, name: str) -> AgentView:
        """NotFound when the database does not know it (a file may)."""
        return await self._agent_view(await self._row(name))

    async def find_agent(self, name: str) -> AgentView | None:
        row = await self._session.get(AgentRow, (self._owner, name), populate_existing=True)
        return None if row is None else await self._agent_view(row)

    async def take_turn(self) -> None:
        """Before anything is read that a change depends on."""
        await hold(self._session, f"trunkline.flows.{self._owner}")

    async def ensure_agent(self, name: str, by: str, now: datetime) -> None:
        values = {
            "owner": self._owner,
            "name": name,
            "created_at": now,
            "created_by": clean_text(by),
            "draft_revision": 0,
            "version_count": 0,
            "canary_percent": 0,
        }
        await insert_new(self._session, AgentRow, values, key=["owner", "name"])

    # ---- drafts --------------------------------------------------------------------------------

    async def draft(self, agent: str, revision: int | None = None) -> DraftView | None:
        """The draft, or an earlier state of it; None when there is none, or it is not kept."""
        if revision is None:
            row = await self._session.get(AgentRow, (self._owner, agent), populate_existing=True)
            if row is None:
                return None
            revision = row.draft_revision
        draft = await self._session.get(FlowDraftRow, (self._owner, agent, revision))
        return None if draft is None else _draft_view(draft)

    async def save_draft(
        self, agent: str, text: str, by: str, now: datetime, *, based_on: int | None
    ) -> DraftView:
        """The next revision. ``based_on`` 0: there is no draft yet; None: whatever there is.

        Raises DraftMoved when somebody saved, published over or discarded it meanwhile. Saving
        the text that is there already changes nothing.
        """
        await self.take_turn()
        await self.ensure_agent(agent, by, now)
        row, current = await self._draft_to_change(agent, based_on)
        if current is not None and current.text == text:
            return current
        row.draft_revision += 1
        saved = FlowDraftRow(
            owner=self._owner,
            agent=agent,
            revision=row.draft_revision,
            text=text,
            saved_at=now,
            saved_by=clean_text(by),
            based_on=current.revision if current else 0,
        )
        self._session.add(saved)
        await self._session.flush()
        await self._session.execute(
            delete(FlowDraftRow).where(
                FlowDraftRow.owner == self._owner,
                FlowDraftRow.agent == agent,
                FlowDraftRow.revision <= row.draft_revision - KEPT_REVISIONS,
            )
        )
        return _draft_view(saved)

    async def discard_draft(self, agent: str, *, based_on: int | None) -> None:
        """NotFound without a draft; DraftMoved when it is at another revision."""
        await self.take_turn()
        await self._row(agent)
        row, current = await self._draft_to_change(agent, based_on)
        if current is None:
            raise NotFound("there is no draft", code="draft_not_found")
        row.draft_revision += 1
        await self._session.flush()

    async def _draft_to_change(
        self, agent: str, based_on: int | None
    ) -> tuple[AgentRow, DraftView | None]:
        row = await self._row(agent)
        current = await self.draft(agent)
        expected = current.revision if current else 0
        if based_on is not None and based_on != expected:
            base = await self.draft(agent, based_on) if based_on else None
            raise DraftMoved(based_on, row.draft_revision, current, base)
        return row, current

    # ---- versions ------------------------------------------------------------------------------

    async def add_version(
        self, agent: str, version: str, text: str, by: str, now: datetime, note: str = ""
    ) -> VersionView:
        """Keep a text for good; the same text again is the version that it was."""
        await self.take_turn()
        await self.ensure_agent(agent, by, now)
        known = await self._session.get(FlowVersionRow, (self._owner, agent, version))
        if known is not None:
            if known.text != text:
                raise Conflict("another text has the same short hash", code="version_collides")
            return _version_view(known)
        row = await self._row(agent)
        row.version_count += 1
        made = FlowVersionRow(
            owner=self._owner,
            agent=agent,
            version=version,
            number=row.version_count,
            text=text,
            hash=hashlib.sha256(text.encode()).hexdigest(),
            created_at=now,
            created_by=clean_text(by),
            note=clean_text(note),
        )
        self._session.add(made)
        await self._session.flush()
        return _version_view(made)

    async def version(self, agent: str, version: str) -> VersionView:
        """With its text. NotFound when this agent never had it."""
        row = await self._session.get(FlowVersionRow, (self._owner, agent, version))
        if row is None:
            raise NotFound(
                "this agent has no such version; the list of its versions names them",
                code="version_not_found",
            )
        return _version_view(row)

    async def versions(
        self, agent: str, *, limit: int = 50, before: int | None = None
    ) -> tuple[VersionView, ...]:
        """Newest first, without texts; ``before``: only numbers below."""
        query = (
            select(FlowVersionRow)
            .where(FlowVersionRow.owner == self._owner, FlowVersionRow.agent == agent)
            .order_by(FlowVersionRow.number.desc())
            .limit(limit)
            .with_only_columns(*_WITHOUT_TEXT)
        )
        if before is not None:
            query = query.where(FlowVersionRow.number < before)
        return tuple(VersionView(*row) for row in await self._session.execute(query))

    async def texts(self, agent: str, versions: Sequence[str]) -> dict[str, str]:
        """By version; those that the agent never had are left out."""
        rows = await self._session.scalars(
            select(FlowVersionRow).where(
                FlowVersionRow.owner == self._owner,
                FlowVersionRow.agent == agent,
                FlowVersionRow.version.in_(versions),
            )
        )
        return {row.version: row.text for row in rows}

    # ---- publications --------------------------------------------------------------------------

    async def publish(
        self,
        agent: str,
        kind: PublicationKind,
        slots: Slots,
        by: str,
        now: datetime,
        note: str = "",
    ) -> PublicationView:
        """Let ``slots`` serve from now on."""
        await self.take_turn()
        last = await self.sequence()
        row = PublicationRow(
            owner=self._owner,
            seq=last + 1,
            agent=agent,
            kind=kind.value,
            stable=slots.stable,
            canary=slots.canary,
            canary_percent=slots.percent,
            at=now,
            by=clean_text(by),
            note=clean_text(note),
        )
        self._session.add(row)
        done: Any = await self._session.execute(
            update(AgentRow)
            .where(AgentRow.owner == self._owner, AgentRow.name == agent)
            .values(stable=slots.stable, canary=slots.canary, canary_percent=slots.percent)
        )
        if not done.rowcount:
            raise _no_agent()
        await self._session.flush()
        return _publication_view(row)

    async def history(
        self, agent: str, *, limit: int = 50, before: int | None = None
    ) -> tuple[PublicationView, ...]:
        """Newest first; ``before``: only sequence numbers below."""
        query = (
            select(PublicationRow)
            .where(PublicationRow.owner == self._owner, PublicationRow.agent == agent)
            .order_by(PublicationRow.seq.desc())
            .limit(limit)
        )
        if before is not None:
            query = query.where(PublicationRow.seq < before)
        return tuple(_publication_view(row) for row in await self._session.scalars(query))

    async def sequence(self) -> int:
        """The number of the last publication; 0 before the first."""
        query = select(func.max(PublicationRow.seq)).where(PublicationRow.owner == self._owner)
        return await self._session.scalar(query) or 0

    async def serving(self) -> tuple[ServingView, ...]:
        """Every agent that serves from the database, with its texts."""
        agents = await self._session.scalars(
            select(AgentRow)
            .where(AgentRow.owner == self._owner, AgentRow.stable.is_not(None))
            .order_by(AgentRow.name)
        )
        return tuple([await self._serving_view(row) for row in agents.all()])

    # ---- rows ----------------------------------------------------------------------------------

    async def _row(self, agent: str) -> AgentRow:
        row = await self._session.get(AgentRow, (self._owner, agent), populate_existing=True)
        if row is None:
            raise _no_agent()
        return row

    async def _agent_view(self, row: AgentRow) -> AgentView:
        draft = await self.draft(row.name, row.draft_revision)
        return view_of(AgentView, row, slots=_slots(row), draft=draft)

    async def _serving_view(self, row: AgentRow) -> ServingView:
        slots = _slots(row)
        texts = await self.texts(row.name, [name for name in (slots.stable, slots.canary) if name])
        return ServingView(
            row.name, slots, texts.get(slots.stable or "", ""), texts.get(slots.canary or "", "")
        )


def _no_agent() -> NotFound:
    return NotFound("there is no such agent", code="agent_not_found")


def _slots(row: AgentRow | PublicationRow) -> Slots:
    return Slots(row.stable, row.canary, row.canary_percent)


def _draft_view(row: FlowDraftRow) -> DraftView:
    return view_of(DraftView, row)


def _version_view(row: FlowVersionRow) -> VersionView:
    return view_of(VersionView, row)


def _publication_view(row: PublicationRow) -> PublicationView:
    return view_of(PublicationView, row, kind=PublicationKind(row.kind), slots=_slots(row))
