"""What a page about flows asks for: the agents as they are, and whoever edits them."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Annotated, Final, TypeAlias

from fastapi import Depends, Path

from trunkline.calls.flow_editor import Examined, FlowEditor
from trunkline.calls.flow_reading import FlowReader
from trunkline.dashboard.deps import Desk, DeskDep, Operator, OperatorDep, WritingOperator
from trunkline.dashboard.flow_shelf import AgentFlows
from trunkline.domain.errors import Forbidden, NotFound
from trunkline.flows.flow import Flow
from trunkline.flows.schema.document import NAME_PATTERN
from trunkline.flows.schema.loader import flow_version
from trunkline.storage.flow_versions import FlowRepository
from trunkline.storage.flow_views import AgentView, DraftView, Slots
from trunkline.storage.views import HOUSE

Agent: TypeAlias = Annotated[str, Path(pattern=NAME_PATTERN)]
_CHECK_DEADLINE_S: Final = 30.0


@dataclass(frozen=True, slots=True)
class AgentLine:
    """One agent: what serves (``flow``; None when nothing does), its slots, and its draft."""

    name: str
    numbers: tuple[str, ...]
    flow: Flow | None
    slots: Slots
    draft: DraftView | None

    @property
    def display_name(self) -> str:
        return (self.flow.agent.display_name if self.flow else "") or self.name

    @property
    def version(self) -> str | None:
        """What every caller gets who is not the canary's."""
        return self.slots.stable or (self.flow.version if self.flow else None)

    @property
    def is_published(self) -> bool:
        """Else a file serves, or nothing."""
        return self.slots.stable is not None

    @property
    def has_news(self) -> bool:
        """The draft is another text than the one that serves."""
        return self.draft is not None and flow_version(self.draft.text) != self.version


class FlowDesk:
    """The flows as one operator sees and edits them."""

    def __init__(self, desk: Desk, operator: Operator, flows: AgentFlows) -> None:
        owner = operator.user.owner
        sessions = desk.deps.sessions
        self.flows = flows
        self.operator = operator
        self.reader = FlowReader(sessions, flows.shelf.file_text, owner=owner)
        self.editor = FlowEditor(
            sessions,
            desk.deps.clock,
            flows.environment,
            owner=owner,
            agents=flows.shelf.agents if owner == HOUSE else None,
        )
        self._desk = desk
        self._owner = owner

    async def agents(self) -> list[AgentLine]:
        """By name: those that serve, and those with a draft or versions only."""
        async with self._desk.deps.sessions.reading() as session:
            known = await FlowRepository(session, owner=self._owner).agents()
        kept = {one.name: one for one in known}
        names = sorted({*kept, *self.flows.shelf.serving()})
        return [self._line(name, kept.get(name)) for name in names]

    async def agent(self, name: str) -> AgentLine:
        """NotFound when neither the database nor a file has it."""
        async with self._desk.deps.sessions.reading() as session:
            kept = await FlowRepository(session, owner=self._owner).find_agent(name)
        line = self._line(name, kept)
        if kept is None and line.flow is None:
            raise NotFound("There is no such agent.", code="agent_not_found")
        return line

    async def examine(self, text: str, agent: str) -> Examined:
        """Checks of long texts take a core each: a burst of them waits its turn."""
        async with asyncio.timeout(_CHECK_DEADLINE_S), self._desk.flow_checks:
            return await self.editor.examine(text, agent)

    def _line(self, name: str, kept: AgentView | None) -> AgentLine:
        served = self.flows.shelf.serving().get(name)
        return AgentLine(
            name=name,
            numbers=self.flows.numbers_of(name),
            flow=served.stable if served else None,
            slots=kept.slots if kept else Slots(),
            draft=kept.draft if kept else None,
        )


async def get_flow_desk(desk: DeskDep, operator: OperatorDep) -> FlowDesk:
    if desk.deps.flows is None:
        raise NotFound("This installation shows no flows.")
    return FlowDesk(desk, operator, desk.deps.flows)


async def get_editing_desk(flow_desk: FlowDeskDep) -> FlowDesk:
    """For pages that only those who edit have a use for."""
    if not flow_desk.operator.may_edit_flows:
        raise Forbidden("Only supervisors and admins may change flows.", code="role_missing")
    return flow_desk


async def get_writing_desk(flow_desk: EditingDesk, _: WritingOperator) -> FlowDesk:
    """For requests that change something: by who may, from our own page."""
    return flow_desk


FlowDeskDep = Annotated[FlowDesk, Depends(get_flow_desk)]
EditingDesk = Annotated[FlowDesk, Depends(get_editing_desk)]
WritingDesk = Annotated[FlowDesk, Depends(get_writing_desk)]
