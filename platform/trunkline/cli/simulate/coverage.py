"""What of its flows a suite came to: steps, and every way out of them that a call may take."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from trunkline.cli.simulate.result import SimulationResult
from trunkline.flows.flow import Flow
from trunkline.flows.routes import Route, routes_of
from trunkline.flows.steps import ReturnStep

_POLICIES = "(policies)"


@dataclass(frozen=True, slots=True)
class Coverage:
    """One agent's: what there is, and what of it no simulation came to, in the flow's order."""

    agent: str
    steps: int
    routes: int
    missing_steps: tuple[str, ...]
    missing_routes: tuple[Route, ...]

    @property
    def percent(self) -> float:
        """Of steps and routes together."""
        total = self.steps + self.routes
        missing = len(self.missing_steps) + len(self.missing_routes)
        return 100.0 * (total - missing) / total if total else 100.0

    def by_step(self) -> Iterator[tuple[str, str]]:
        """Steps with what is missing of them; the policies last."""
        routes: dict[str, list[str]] = {}
        for route in self.missing_routes:
            routes.setdefault(route.step or _POLICIES, []).append(route.name)
        for step in self.missing_steps:
            if step not in routes:
                routes = {step: [], **routes}
        for step, names in sorted(routes.items(), key=lambda one: one[0] == _POLICIES):
            if step in self.missing_steps:
                yield step, "never come to"
            else:
                yield step, ", ".join(names)


def coverage_of(
    results: Sequence[SimulationResult], flows: Mapping[str, Flow]
) -> dict[str, Coverage]:
    """By agent, of all agents that some simulation is for or was handed to."""
    visited: set[tuple[str, str]] = set()
    taken: set[Route] = set()
    for result in results:
        visited |= result.seen.visited
        taken |= result.seen.routes
    agents = dict.fromkeys(result.simulation.agent for result in results)
    agents |= dict.fromkeys(sorted(agent for agent, _ in visited))
    return {agent: _one(flows[agent], visited, taken) for agent in agents if agent in flows}


def _one(flow: Flow, visited: set[tuple[str, str]], taken: set[Route]) -> Coverage:
    agent, routes = flow.agent.name, routes_of(flow)
    # A sub-flow's end is no place of its own: nothing is told when a call passes it.
    steps = [step.name for step in flow.steps.values() if not isinstance(step, ReturnStep)]
    return Coverage(
        agent,
        len(steps),
        len(routes),
        tuple(step for step in steps if (agent, step) not in visited),
        tuple(route for route in routes if route not in taken),
    )


def to_lines(coverage: Mapping[str, Coverage], *, is_long: bool) -> Iterator[str]:
    """One line an agent; ``is_long``: then what is missing, step by step."""
    for one in coverage.values():
        steps, routes = one.steps - len(one.missing_steps), one.routes - len(one.missing_routes)
        yield (
            f"{one.agent}: {steps} of {one.steps} steps, {routes} of {one.routes} routes "
            f"({one.percent:.0f} %)"
        )
        if is_long:
            yield from (f"     {step:<28} {what}" for step, what in one.by_step())
        elif one.missing_steps:
            yield f"     never come to: {', '.join(one.missing_steps)}"


def to_values(coverage: Mapping[str, Coverage]) -> dict[str, Any]:
    """For machines."""
    return {
        agent: {
            "percent": round(one.percent, 1),
            "steps": one.steps,
            "routes": one.routes,
            "missing_steps": one.missing_steps,
            "missing_routes": [
                {"step": route.step, "route": route.name} for route in one.missing_routes
            ],
        }
        for agent, one in coverage.items()
    }
