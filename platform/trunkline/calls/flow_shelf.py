"""The flows that an edge serves: what is published, and files for agents that nothing is.

The shelf looks at the publication sequence twice a second. While the database is away it works on
from what it last had, and a process that starts then from a copy on disk.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from trunkline.calls.published_file import read_published, write_published
from trunkline.calls.serving import HeldFlows, Served
from trunkline.flows.catalog import FlowCatalog
from trunkline.flows.flow import Flow
from trunkline.flows.schema.loader import FlowInvalid, load_flow
from trunkline.flows.schema.source import Complaint
from trunkline.runtime.logging import get_logger
from trunkline.storage.engine import Sessions
from trunkline.storage.flow_versions import FlowRepository
from trunkline.storage.flow_views import ServingView
from trunkline.storage.views import HOUSE

log = get_logger(__name__)

LOOK_EVERY_S: Final = 0.4
_READ_DEADLINE_S: Final = 3.0


class FlowShelf:
    """``run`` keeps it current; everything else answers at once, from memory.

    A publication wins over a file of the same agent. One that does not load here (its variables
    come from this machine's environment) changes nothing: what served before goes on, or the file
    does, and ``complaints`` says what is wrong.
    """

    def __init__(
        self,
        catalog: FlowCatalog,
        sessions: Sessions | None = None,
        *,
        copy: Path | None = None,
        owner: str = HOUSE,
    ) -> None:
        self._catalog = catalog
        self._sessions = sessions
        self._copy = copy
        self._owner = owner
        self._published: Mapping[str, Served] = {}
        self._complaints: dict[str, tuple[Complaint, ...]] = {}
        self._sequence = -1
        self._is_away = False

    # ---- what serves ---------------------------------------------------------------------------

    def hold(self, call_id: str) -> HeldFlows:
        """The agents as they are now, for the whole of this call."""
        return HeldFlows(call_id, self.serving())

    def take(self, agent: str, call_id: str) -> Flow:
        """The flow that answers a call that begins now. Raises NotFound."""
        return self.hold(call_id).take(agent)

    def serving(self) -> dict[str, Served]:
        """By agent name."""
        files = {flow.agent.name: Served(flow) for flow in self._catalog.flows()}
        return {**files, **self._published}

    async def agents(self) -> frozenset[str]:
        """Who serves, and so may be handed a call; looks first."""
        await self.look()
        return frozenset(self.serving())

    def file_text(self, agent: str) -> str | None:
        """The text of a file of this agent, whether it serves or is published over."""
        return self._catalog.text(agent)

    def flows(self) -> tuple[Flow, ...]:
        """Every flow that a call may get now, canaries included."""
        serving = self.serving()
        return tuple(flow for name in sorted(serving) for flow in serving[name].flows())

    @property
    def complaints(self) -> dict[str, tuple[Complaint, ...]]:
        """What is wrong now, by file, or by ``agent version`` of a publication."""
        return {**self._catalog.complaints, **self._complaints}

    @property
    def is_away(self) -> bool:
        """The database does not answer, and what serves may have been published over."""
        return self._is_away

    # ---- keeping current -----------------------------------------------------------------------

    async def start(self) -> None:
        """What is published, from the database, else from the copy on disk; returns soon."""
        await asyncio.to_thread(self._catalog.load)
        if not await self.look() and self._copy is not None:
            kept = await asyncio.to_thread(read_published, self._copy)
            await self._adopt(kept)
            log.warning("published flows are served from their copy on disk", agents=len(kept))

    async def run(self) -> None:
        """Follow files and publications until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._catalog.watch(), name="flow files")
            tasks.create_task(self._follow(), name="publications")

    async def _follow(self) -> None:
        while True:
            await self.look()
            await asyncio.sleep(LOOK_EVERY_S)

    async def look(self) -> bool:
        """Take what is new; False when the database does not answer."""
        if self._sessions is None:
            return True
        try:
            async with asyncio.timeout(_READ_DEADLINE_S):
                news = await self._news(self._sessions)
        except Exception as exc:  # drivers raise errors of their own; calls go on whatever it is
            if not self._is_away:
                log.warning("publications cannot be read", error=type(exc).__name__)
            self._is_away = True
            return False
        if self._is_away:
            log.info("publications can be read again")
        self._is_away = False
        if news is not None:
            sequence, serving = news
            await self._adopt(serving)
            self._sequence = sequence
            if self._copy is not None:
                await asyncio.to_thread(write_published, self._copy, serving)
        return True

    async def _news(self, sessions: Sessions) -> tuple[int, tuple[ServingView, ...]] | None:
        async with sessions.reading() as session:
            flows = FlowRepository(session, owner=self._owner)
            sequence = await flows.sequence()
            if sequence == self._sequence:
                return None
            return sequence, await flows.serving()

    async def _adopt(self, serving: Sequence[ServingView]) -> None:
        known = {
            (flow.agent.name, flow.version): flow
            for served in self._published.values()
            for flow in served.flows()
        }
        complaints: dict[str, tuple[Complaint, ...]] = {}
        published: dict[str, Served] = {}
        for one in serving:
            served = await asyncio.to_thread(self._load, one, known, complaints)
            served = served or self._published.get(one.agent)
            if served is not None:
                published[one.agent] = served
        self._complaints = complaints
        self._published = published

    def _load(
        self,
        one: ServingView,
        known: Mapping[tuple[str, str], Flow],
        complaints: dict[str, tuple[Complaint, ...]],
    ) -> Served | None:
        def load(version: str | None, text: str) -> Flow | None:
            if version is None:
                return None
            if (found := known.get((one.agent, version))) is not None:
                return found
            try:
                flow = load_flow(text, environment=self._catalog.environment, name=one.agent)
            except FlowInvalid as exc:
                complaints[f"{one.agent} {version}"] = exc.complaints
                for complaint in exc.complaints:
                    log.error(
                        "flow_refused",
                        agent=one.agent,
                        version=version,
                        line=complaint.line,
                        where=complaint.where,
                        problem=complaint.message,
                    )
                return None
            log.info("flow_loaded", agent=one.agent, version=version)
            return flow

        stable = load(one.slots.stable, one.stable_text)
        canary = load(one.slots.canary, one.canary_text)
        if stable is None:
            return None
        return Served(stable, canary, one.slots.percent if canary else 0, is_published=True)
