"""Everything that can be said against a flow without a call."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from trunkline.flows.check.build import build_graphs
from trunkline.flows.check.circles import check_circles
from trunkline.flows.check.findings import Finding, Proof, Report, as_finding
from trunkline.flows.check.shape import check_shape
from trunkline.flows.flow import Flow
from trunkline.flows.schema.loader import FlowInvalid, load_flow
from trunkline.flows.schema.source import Source, read_yaml


@dataclass(frozen=True, slots=True)
class Checked:
    """A text examined; ``flow`` is None when it does not load, and the findings say why."""

    flow: Flow | None
    findings: tuple[Finding, ...] = ()
    proofs: tuple[Proof, ...] = ()

    @property
    def is_sound(self) -> bool:
        return self.flow is not None and not any(finding.is_error for finding in self.findings)


def check_flow(flow: Flow, source: Source) -> tuple[Finding, ...]:
    """Findings about a flow that loads, in the order of the lines of the text it came from."""
    report = Report(source)
    graphs = build_graphs(flow)
    for graph in graphs:
        check_shape(graph, report)
        check_circles(graph, report)
    return report.findings()


def examine_text(text: str, *, environment: Mapping[str, str], name: str = "flow") -> Checked:
    """Load and check; what the loader refuses comes as findings, never as an exception."""
    try:
        flow = load_flow(text, environment=environment, name=name)
    except FlowInvalid as exc:
        return Checked(None, tuple(as_finding(complaint) for complaint in exc.complaints))
    source = read_yaml(text)
    return Checked(flow, check_flow(flow, source))
