"""Use cases of those who edit flows: drafts, publishing, going back, canaries; all audited.

A flow that the checker finds an error in is never published: the caller would find it.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Final, TypeAlias

from sqlalchemy.ext.asyncio import AsyncSession

from trunkline.calls.flow_diff import unified
from trunkline.domain.clock import Clock
from trunkline.domain.errors import Conflict, Invalid, NotFound
from trunkline.domain.events import Json
from trunkline.flows.check.checker import examine_text
from trunkline.flows.check.findings import Finding, Severity
from trunkline.flows.flow import Flow
from trunkline.flows.schema.loader import flow_version
from trunkline.flows.schema.source import MAX_CHARS
from trunkline.storage.audit import Audit
from trunkline.storage.engine import Sessions
from trunkline.storage.flow_versions import DraftMoved, FlowRepository
from trunkline.storage.flow_views import (
    DraftView,
    PublicationKind,
    PublicationView,
    Slots,
    VersionView,
)
from trunkline.storage.views import HOUSE

MAX_NOTE_CHARS: Final = 500
KnownAgents: TypeAlias = Callable[[], Awaitable[Collection[str]]]


@dataclass(frozen=True, slots=True)
class Examined:
    """A text as the loader and the checker see it."""

    version: str
    flow: Flow | None
    findings: tuple[Finding, ...]

    @property
    def errors(self) -> tuple[Finding, ...]:
        return tuple(finding for finding in self.findings if finding.is_error)

    @property
    def warnings(self) -> tuple[Finding, ...]:
        return tuple(finding for finding in self.findings if not finding.is_error)


@dataclass(frozen=True, slots=True)
class Published:
    """What serves now; ``warnings`` are what the checker would rather see changed."""

    publication: PublicationView
    version: VersionView | None
    warnings: tuple[Finding, ...] = ()


class FlowRefused(Invalid):
    """Not publishable; ``findings`` says every reason with its line."""

    default_code = "flow_refused"

    def __init__(self, findings: tuple[Finding, ...]) -> None:
        count = sum(finding.is_error for finding in findings)
        super().__init__(f"the flow has {count} {'error' if count == 1 else 'errors'}")
        self.findings = findings


class EditConflict(Conflict):
    """Somebody else saved the draft first. Nothing was changed and nothing is lost.

    ``diff`` leads from what is there now to the text that was refused; ``meanwhile`` from the
    state that the refused editor began with (``base``, if it is kept) to what is there now.
    """

    default_code = "draft_changed"

    def __init__(self, moved: DraftMoved, text: str | None) -> None:
        super().__init__(moved.message)
        self.based_on = moved.based_on
        self.current_revision = moved.current_revision
        self.current = moved.current
        self.base = moved.base
        now = moved.current.text if moved.current else ""
        name = f"revision {moved.current_revision}"
        self.diff = unified(now, text, name, "yours") if text is not None else ()
        base = moved.base
        self.meanwhile = unified(base.text, now, f"revision {base.revision}", name) if base else ()


class FlowEditor:
    """What one owner's editors do; ``by`` names who does it, for the history and the audit.

    ``environment`` fills the variables that flows take from it, as on the edges; ``agents`` tells
    who serves and may be handed a call, without it whoever a flow names is taken to be there.
    """

    def __init__(
        self,
        sessions: Sessions,
        clock: Clock,
        environment: Mapping[str, str],
        *,
        owner: str = HOUSE,
        agents: KnownAgents | None = None,
    ) -> None:
        self._sessions = sessions
        self._clock = clock
        self._agents = agents
        self._environment = environment
        self._owner = owner

    # ---- texts ---------------------------------------------------------------------------------

    async def examine(self, text: str, agent: str = "") -> Examined:
        """Everything there is to complain about; ``agent``: whose flow it must be."""
        checked = await asyncio.to_thread(
            examine_text,
            text,
            environment=self._environment,
            name=agent or "flow",
            agents=await self._agents() if self._agents else None,
        )
        findings = checked.findings
        if checked.flow is not None and agent and checked.flow.agent.name != agent:
            findings = (_other_agent(checked.flow.agent.name, agent), *findings)
        return Examined(flow_version(text), checked.flow, findings)

    async def save_draft(
        self, agent: str, text: str, by: str, *, based_on: int | None
    ) -> DraftView:
        """``based_on``: the revision that was changed, 0 for none, None for whatever is there.

        A draft may have mistakes. Raises EditConflict when somebody saved meanwhile.
        """
        check_text(text)
        now = self._clock.now()
        try:
            async with self._writing() as (session, flows):
                before = await flows.draft(agent)
                draft = await flows.save_draft(agent, text, by, now, based_on=based_on)
                if before is None or draft.revision != before.revision:
                    details: dict[str, Json] = {
                        "revision": draft.revision,
                        "version": flow_version(text),
                    }
                    await self._audit(session, by, "flow.draft_saved", agent, now, details)
        except DraftMoved as exc:
            raise await asyncio.to_thread(EditConflict, exc, text) from None
        return draft

    async def discard_draft(self, agent: str, by: str, *, based_on: int | None) -> None:
        """Raises NotFound, or EditConflict when it was saved meanwhile."""
        now = self._clock.now()
        try:
            async with self._writing() as (session, flows):
                await flows.discard_draft(agent, based_on=based_on)
                await self._audit(session, by, "flow.draft_discarded", agent, now, {})
        except DraftMoved as exc:
            raise await asyncio.to_thread(EditConflict, exc, None) from None

    # ---- publishing ----------------------------------------------------------------------------

    async def publish(
        self, agent: str, by: str, *, revision: int | None = None, note: str = ""
    ) -> Published:
        """The draft serves all calls from now on, and a canary ends.

        ``revision``: only if the draft is still this one. Raises FlowRefused with its findings.
        """
        draft, examined = await self._publishable_draft(agent, revision)
        async with self._writing() as (session, flows):
            await self._still(flows, draft)
            version = await flows.add_version(
                agent, examined.version, draft.text, by, self._clock.now(), note
            )
            slots = Slots(version.version)
            if (await flows.agent(agent)).slots == slots:
                raise Conflict("this version serves already", code="already_published")
            published = await self._publish(
                session, flows, agent, PublicationKind.PUBLISHED, slots, by, note
            )
        return Published(published, version, examined.warnings)

    async def restore(self, agent: str, version: str, by: str, *, note: str = "") -> Published:
        """An earlier version serves all calls again, and a canary ends.

        It is examined anew: what it leaned on may be gone.
        """
        kept, examined = await self._publishable_version(agent, version)
        async with self._writing() as (session, flows):
            if (await flows.agent(agent)).slots == Slots(version):
                raise Conflict("this version serves already", code="already_published")
            published = await self._publish(
                session, flows, agent, PublicationKind.RESTORED, Slots(version), by, note
            )
        return Published(published, kept, examined.warnings)

    async def withdraw(self, agent: str, by: str, *, note: str = "") -> Published:
        """Nothing published serves any more; a file of the agent's name does, if there is one."""
        async with self._writing() as (session, flows):
            if (await flows.agent(agent)).slots.stable is None:
                raise Conflict("nothing of this agent is published", code="not_published")
            published = await self._publish(
                session, flows, agent, PublicationKind.WITHDRAWN, Slots(), by, note
            )
        return Published(published, None)

    # ---- canary --------------------------------------------------------------------------------

    async def set_canary(
        self,
        agent: str,
        percent: int,
        by: str,
        *,
        version: str | None = None,
        revision: int | None = None,
        note: str = "",
    ) -> Published:
        """A version takes ``percent`` (1 to 99) of the calls beside the stable one.

        Without ``version``: the running canary if there is one, else the draft. Given the version
        that runs already, its share is changed.
        """
        if not 1 <= percent <= 99:
            raise Invalid("percent must lie between 1 and 99", param="percent")
        async with self._sessions.reading() as session:
            slots = (await self._flows(session).agent(agent)).slots
        if slots.stable is None:
            raise Conflict(
                "a canary runs beside a published version: publish one first",
                code="not_published",
            )
        draft: DraftView | None = None
        if version is None and slots.canary is not None and revision is None:
            version = slots.canary
        if version is None:
            draft, examined = await self._publishable_draft(agent, revision)
            version = examined.version
        else:
            _, examined = await self._publishable_version(agent, version)
        async with self._writing() as (session, flows):
            if draft is not None:
                await self._still(flows, draft)
                await flows.add_version(agent, version, draft.text, by, self._clock.now(), note)
            slots = (await flows.agent(agent)).slots
            wanted = Slots(slots.stable, version, percent)
            if version == slots.stable or wanted == slots or slots.stable is None:
                raise Conflict("this version serves already", code="already_published")
            is_running = slots.canary == version
            kind = PublicationKind.CANARY_CHANGED if is_running else PublicationKind.CANARY_STARTED
            published = await self._publish(session, flows, agent, kind, wanted, by, note)
            kept = await flows.version(agent, version)
        return Published(published, kept, examined.warnings)

    async def stop_canary(self, agent: str, by: str, *, note: str = "") -> Published:
        """The stable version takes all calls again; running ones keep what they have."""
        return await self._end_canary(agent, PublicationKind.CANARY_STOPPED, by, note)

    async def promote_canary(self, agent: str, by: str, *, note: str = "") -> Published:
        """The canary takes all calls."""
        return await self._end_canary(agent, PublicationKind.CANARY_PROMOTED, by, note)

    async def _end_canary(self, agent: str, kind: PublicationKind, by: str, note: str) -> Published:
        async with self._writing() as (session, flows):
            slots = (await flows.agent(agent)).slots
            if slots.canary is None or slots.stable is None:
                raise Conflict("no canary runs", code="no_canary")
            is_promoted = kind is PublicationKind.CANARY_PROMOTED
            left = slots.canary if is_promoted else slots.stable
            published = await self._publish(session, flows, agent, kind, Slots(left), by, note)
            version = await flows.version(agent, left)
        return Published(published, version)

    # ---- parts ---------------------------------------------------------------------------------

    @asynccontextmanager
    async def _writing(self) -> AsyncIterator[tuple[AsyncSession, FlowRepository]]:
        async with self._sessions.writing(durable=True) as session:
            flows = self._flows(session)
            await flows.take_turn()
            yield session, flows

    def _flows(self, session: AsyncSession) -> FlowRepository:
        return FlowRepository(session, owner=self._owner)

    async def _publish(
        self,
        session: AsyncSession,
        flows: FlowRepository,
        agent: str,
        kind: PublicationKind,
        slots: Slots,
        by: str,
        note: str,
    ) -> PublicationView:
        now = self._clock.now()
        published = await flows.publish(agent, kind, slots, by, now, note)
        details: dict[str, Json] = {
            "sequence": published.seq,
            "stable": slots.stable,
            "canary": slots.canary,
            "percent": slots.percent,
            "note": note,
        }
        await self._audit(session, by, f"flow.{kind.value}", agent, now, details)
        return published

    async def _audit(
        self,
        session: AsyncSession,
        by: str,
        action: str,
        agent: str,
        now: datetime,
        details: Mapping[str, Json],
    ) -> None:
        await Audit(session, owner=self._owner).append(by, action, agent, now, details)

    async def _publishable_draft(
        self, agent: str, revision: int | None
    ) -> tuple[DraftView, Examined]:
        async with self._sessions.reading() as session:
            draft = await self._flows(session).draft(agent)
        if draft is None:
            raise NotFound("this agent has no draft", code="draft_not_found")
        if revision is not None and draft.revision != revision:
            raise EditConflict(DraftMoved(revision, draft.revision, draft, None), None)
        return draft, await self._sound(draft.text, agent)

    async def _publishable_version(self, agent: str, version: str) -> tuple[VersionView, Examined]:
        async with self._sessions.reading() as session:
            kept = await self._flows(session).version(agent, version)
        return kept, await self._sound(kept.text, agent)

    async def _sound(self, text: str, agent: str) -> Examined:
        examined = await self.examine(text, agent)
        if examined.errors or examined.flow is None:
            raise FlowRefused(examined.findings)
        return examined

    async def _still(self, flows: FlowRepository, draft: DraftView) -> None:
        """What was examined is what is published."""
        current = await flows.draft(draft.agent)
        if current is None or current.revision != draft.revision:
            revision = current.revision if current else draft.revision + 1
            raise EditConflict(DraftMoved(draft.revision, revision, current, draft), None)


def check_text(text: str) -> None:
    """Invalid when no database can hold it; what is wrong with it as a flow is found later."""
    if len(text) > MAX_CHARS:
        raise Invalid(f"a flow may have at most {MAX_CHARS} characters", param="text")
    if "\x00" in text or any("\ud800" <= char <= "\udfff" for char in text):
        raise Invalid(
            "the text holds characters that are none (NUL or lone surrogates)", param="text"
        )


def _other_agent(written: str, wanted: str) -> Finding:
    message = f"this is the flow of {written!r}, not of {wanted!r}"
    return Finding(Severity.ERROR, "other_agent", 1, "agent.name", message)
