"""What there is of a flow to read: its draft, what serves, its versions and what each changed."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final, TypeAlias

from trunkline.calls.flow_diff import count_changes
from trunkline.domain.errors import NotFound
from trunkline.storage.engine import Sessions
from trunkline.storage.flow_versions import FlowRepository
from trunkline.storage.flow_views import DraftView, VersionView
from trunkline.storage.views import HOUSE

FileText: TypeAlias = Callable[[str], str | None]
"""The text of an agent's file; None when it has none."""
_MOST_COUNTS: Final = 10_000
_COUNTS: Final[dict[tuple[str | None, str], tuple[int, int]]] = {}


@dataclass(frozen=True, slots=True)
class VersionChange:
    """A version (without its text), and how many lines it has more and less than ``previous``."""

    version: VersionView
    previous: str | None
    added: int
    removed: int


class FlowReader:
    """Reads for one owner. Files belong to the owner of the installation."""

    def __init__(
        self, sessions: Sessions, file_text: FileText | None = None, *, owner: str = HOUSE
    ) -> None:
        self._sessions = sessions
        self._file_text = file_text if owner == HOUSE else None
        self._owner = owner

    async def draft(self, agent: str) -> DraftView:
        """NotFound without one."""
        async with self._sessions.reading() as session:
            draft = await FlowRepository(session, owner=self._owner).draft(agent)
        if draft is None:
            raise NotFound("this agent has no draft", code="draft_not_found")
        return draft

    async def text_of(self, agent: str, which: str) -> str:
        """The text of the ``draft``, of what is ``serving``, or of a version. Raises NotFound."""
        if which == "draft":
            return (await self.draft(agent)).text
        async with self._sessions.reading() as session:
            flows = FlowRepository(session, owner=self._owner)
            if which != "serving":
                return (await flows.version(agent, which)).text
            kept = await flows.find_agent(agent)
            if kept is not None and kept.slots.stable is not None:
                return (await flows.version(agent, kept.slots.stable)).text
        text = self._file_text(agent) if self._file_text else None
        if text is None:
            code = "not_published" if kept else "agent_not_found"
            raise NotFound("nothing of this agent is published, and no file has it", code=code)
        return text

    async def changes(
        self, agent: str, *, limit: int, before: int | None = None
    ) -> tuple[VersionChange, ...]:
        """Versions, newest first, each against the one before it."""
        async with self._sessions.reading() as session:
            flows = FlowRepository(session, owner=self._owner)
            found = await flows.versions(agent, limit=limit + 1, before=before)
            texts = await flows.texts(agent, [one.version for one in found])

        def compared() -> tuple[VersionChange, ...]:
            previous = (*(one.version for one in found), None)[1:]
            pairs = list(zip(found, previous, strict=True))[:limit]
            return tuple(
                VersionChange(one, old, *_counted(old, one.version, texts)) for one, old in pairs
            )

        return await asyncio.to_thread(compared)


def _counted(old: str | None, new: str, texts: Mapping[str, str]) -> tuple[int, int]:
    """A version is the hash of its text: what lies between two never changes."""
    found = _COUNTS.get((old, new))
    if found is None:
        found = count_changes(texts.get(old or "", ""), texts[new])
        if len(_COUNTS) >= _MOST_COUNTS:
            _COUNTS.clear()
        _COUNTS[old, new] = found
    return found
