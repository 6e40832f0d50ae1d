"""The flows as a page shows them: what serves, and what is wrong with the files."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from trunkline.flows.flow import Flow
from trunkline.flows.schema.source import Complaint
from trunkline.flows.tools import RiskClass
from trunkline.runtime.settings import NumberSettings


@dataclass(frozen=True, slots=True)
class FlowCard:
    """One agent's flow that serves; ``parked_tools`` wait for a human whenever they are called."""

    name: str
    display_name: str
    version: str
    language: str
    voice: str
    numbers: tuple[str, ...] = ()
    steps: tuple[str, ...] = ()
    tools: tuple[str, ...] = ()
    parked_tools: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class FlowProblem:
    """A file that cannot be taken as it is now, with what to fix by line."""

    file: str
    complaints: tuple[str, ...]


class FlowShelf(Protocol):
    def cards(self) -> Sequence[FlowCard]: ...

    def problems(self) -> Sequence[FlowProblem]: ...


class ServingFlows(Protocol):
    """``flows.catalog.FlowCatalog`` (files) and ``calls.flow_shelf.FlowShelf`` (all) are such."""

    def flows(self) -> Sequence[Flow]: ...

    @property
    def complaints(self) -> Mapping[str, Sequence[Complaint]]: ...


class CatalogShelf:
    """The flows that serve, canaries too, with the numbers that lead to them."""

    def __init__(self, catalog: ServingFlows, numbers: Sequence[NumberSettings]) -> None:
        self._catalog = catalog
        self._numbers = numbers

    def cards(self) -> Sequence[FlowCard]:
        return [self._card(flow) for flow in self._catalog.flows()]

    def problems(self) -> Sequence[FlowProblem]:
        return [
            FlowProblem(Path(path).name, tuple(map(str, complaints)))
            for path, complaints in sorted(self._catalog.complaints.items())
        ]

    def _card(self, flow: Flow) -> FlowCard:
        agent = flow.agent
        high = (name for name, tool in flow.tools.items() if tool.risk is RiskClass.HIGH)
        return FlowCard(
            name=agent.name,
            display_name=agent.display_name or agent.name,
            version=flow.version,
            language=agent.language,
            voice=agent.voice,
            numbers=tuple(n.number for n in self._numbers if n.agent == agent.name),
            steps=tuple(flow.steps),
            tools=tuple(flow.tools),
            parked_tools=tuple(high),
        )
