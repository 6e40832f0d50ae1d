"""Everything that can be said against a flow without a call."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from trunkline.flows.check.build import build_graphs
from trunkline.flows.check.circles import check_circles
from trunkline.flows.check.claims import check_claims
from trunkline.flows.check.declarations import EVERY_MODEL, check_declarations
from trunkline.flows.check.escalations import check_escalations
from trunkline.flows.check.findings import Finding, Proof, Report, as_finding
from trunkline.flows.check.guards import check_guards
from trunkline.flows.check.handoffs import check_handoffs
from trunkline.flows.check.identity import declared_checks, prove_identity
from trunkline.flows.check.listening import check_listening
from trunkline.flows.check.offers import check_offers
from trunkline.flows.check.shape import check_shape
from trunkline.flows.check.types import check_types
from trunkline.flows.check.unset import check_unset
from trunkline.flows.flow import Flow
from trunkline.flows.guard.shelf import GuardShelf, shelf_in
from trunkline.flows.schema.loader import FlowInvalid, load_flow
from trunkline.flows.schema.source import Source, read_yaml
from trunkline.realtime.model_table import ModelTable


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
    return _examine(flow, source)[0]


def _examine(
    flow: Flow,
    source: Source,
    models: ModelTable = EVERY_MODEL,
    agents: Collection[str] | None = None,
    shelf: GuardShelf | None = None,
) -> tuple[tuple[Finding, ...], tuple[Proof, ...]]:
    report = Report(source)
    graphs = build_graphs(flow)
    for graph in graphs:
        check_shape(graph, report, check_circles(graph, report))
        check_unset(graph, report)
        check_claims(flow, graph, report)
        check_types(flow, graph, report)
    check_listening(flow, graphs, report)
    check_declarations(flow, report, models)
    check_offers(flow, graphs, declared_checks(report), report)
    shelf = shelf or shelf_in({})
    check_guards(flow, graphs, report, shelf)
    check_escalations(flow, graphs, report, shelf)
    if agents is not None:
        check_handoffs(flow, report, agents)
    proofs = prove_identity(graphs, report)
    return report.findings(), proofs


def examine_text(
    text: str,
    *,
    environment: Mapping[str, str],
    name: str = "flow",
    models: ModelTable = EVERY_MODEL,
    agents: Collection[str] | None = None,
) -> Checked:
    """Load and check; what the loader refuses comes as findings, never as an exception.

    ``models``: what the installation's model server can be asked for.
    """
    try:
        flow = load_flow(text, environment=environment, name=name)
    except FlowInvalid as exc:
        return Checked(None, tuple(as_finding(complaint) for complaint in exc.complaints))
    return Checked(flow, *_examine(flow, read_yaml(text), models, agents, shelf_in(environment)))
