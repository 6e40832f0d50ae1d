"""What the pages about flows are given: what serves, its files, and the numbers that lead to it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from trunkline.calls.serving import Served
from trunkline.flows.schema.source import Complaint
from trunkline.runtime.settings import NumberSettings


@dataclass(frozen=True, slots=True)
class FlowProblem:
    """A file or publication that cannot be taken as it is now, with what to fix by line."""

    file: str
    complaints: tuple[str, ...]


class ServingFlows(Protocol):
    """``calls.flow_shelf.FlowShelf`` is such."""

    def serving(self) -> Mapping[str, Served]: ...

    def file_text(self, agent: str) -> str | None: ...

    async def look(self) -> bool: ...

    async def agents(self) -> frozenset[str]: ...

    @property
    def complaints(self) -> Mapping[str, Sequence[Complaint]]: ...


@dataclass(frozen=True, slots=True)
class AgentFlows:
    """``environment`` fills the variables that flows take from it, as on the edges."""

    shelf: ServingFlows
    environment: Mapping[str, str] = field(default_factory=dict)
    numbers: Sequence[NumberSettings] = ()

    def problems(self) -> list[FlowProblem]:
        return [
            FlowProblem(Path(path).name, tuple(map(str, complaints)))
            for path, complaints in sorted(self.shelf.complaints.items())
        ]

    def numbers_of(self, agent: str) -> tuple[str, ...]:
        return tuple(one.number for one in self.numbers if one.agent == agent)
