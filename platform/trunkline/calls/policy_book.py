"""The approval policies that serve: each tool's, as its flow says it and as the house lets it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime

from trunkline.calls.serving import Served
from trunkline.domain.approval import ApprovalPolicy
from trunkline.domain.house_rules import HouseRules, tighten
from trunkline.flows.approval import ApprovalPlan
from trunkline.flows.flow import Flow
from trunkline.flows.tools import RiskClass, ToolSpec


@dataclass(frozen=True, slots=True)
class PolicyCase:
    """``when``: the condition of a flow's rule, empty for the tool's own policy. ``flow`` is None
    where nobody is asked; ``in_force``: with the house's rules of this moment."""

    when: str
    flow: ApprovalPolicy | None
    in_force: ApprovalPolicy | None


@dataclass(frozen=True, slots=True)
class ToolPolicy:
    """One tool that people are asked about; the first of ``cases`` that holds counts."""

    agent: str
    flow_version: str
    is_published: bool
    is_canary: bool
    tool: str
    description: str
    question: str
    cases: tuple[PolicyCase, ...]


def policies_in_force(
    serving: Mapping[str, Served], rules: HouseRules, now: datetime
) -> tuple[ToolPolicy, ...]:
    """By agent and tool; a canary's policies stand beside those of the stable version."""
    return tuple(
        _policy(served, flow, tool, rules, now)
        for _, served in sorted(serving.items())
        for flow in served.flows()
        for tool in _asked(flow.tools.values())
    )


def _asked(tools: Iterable[ToolSpec]) -> Iterator[ToolSpec]:
    return (one for one in sorted(tools, key=lambda one: one.name) if one.risk is RiskClass.HIGH)


def _policy(
    served: Served, flow: Flow, tool: ToolSpec, rules: HouseRules, now: datetime
) -> ToolPolicy:
    plan = tool.approval or ApprovalPlan()
    cases = [(rule.when.source, rule.policy) for rule in plan.rules]
    return ToolPolicy(
        agent=flow.agent.name,
        flow_version=flow.version,
        is_published=served.is_published,
        is_canary=flow is served.canary,
        tool=tool.name,
        description=tool.description,
        question=plan.question.source if plan.question is not None else "",
        cases=tuple(
            PolicyCase(when, policy, None if policy is None else tighten(policy, rules, now))
            for when, policy in [*cases, ("", plan.policy)]
        ),
    )
