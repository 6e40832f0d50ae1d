"""What an edge needs around it and a simulation has no use for."""

from __future__ import annotations

from dataclasses import dataclass

from trunkline.calls.serving import HeldFlows, Served
from trunkline.domain.events import CallFact
from trunkline.flows.flow import Flow


class Nobody:
    """Facts go to the event log alone: there is no database and no live view."""

    def publish(self, fact: CallFact) -> None:
        pass


@dataclass(frozen=True, slots=True)
class TheseFlows:
    """The agents there are, by name, for every call."""

    by_agent: dict[str, Flow]

    def hold(self, call_id: str) -> HeldFlows:
        return HeldFlows(call_id, {name: Served(flow) for name, flow in self.by_agent.items()})

    def flows(self) -> tuple[Flow, ...]:
        return tuple(self.by_agent.values())
