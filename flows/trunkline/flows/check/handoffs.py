"""Hand-offs to agents that are not there."""

from __future__ import annotations

from collections.abc import Collection

from trunkline.flows.check.build import step_path
from trunkline.flows.check.findings import Report
from trunkline.flows.flow import Flow
from trunkline.flows.schema.parts import did_you_mean
from trunkline.flows.steps import HandoffStep


def check_handoffs(flow: Flow, report: Report, agents: Collection[str]) -> None:
    """``agents``: those that calls can be handed to, besides the flow's own."""
    known = {*agents, flow.agent.name}
    for name, step in flow.steps.items():
        if isinstance(step, HandoffStep) and step.agent not in known:
            hint = did_you_mean(step.agent, known)
            report.error(
                "unknown_agent",
                (*step_path(name), "handoff"),
                f"there is no agent {step.agent!r} to hand the call to{hint}",
                f"There are {', '.join(sorted(known))}. Check the files of both together.",
            )
