"""One flow file examined, and the examination in words."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from trunkline.cli.flow_words import word_findings
from trunkline.flows.catalog import SHIPPED_AGENTS
from trunkline.flows.check.checker import examine_text
from trunkline.flows.check.findings import Finding, Proof, Severity
from trunkline.flows.draw.svg import draw_flow
from trunkline.flows.flow import Flow
from trunkline.flows.schema.source import MAX_CHARS, read_yaml


@dataclass(frozen=True, slots=True)
class FlowReport:
    """``problem`` says why the file could not be read; then there is nothing else."""

    file: str
    flow: Flow | None = None
    problem: str = ""
    findings: tuple[Finding, ...] = ()
    proofs: tuple[Proof, ...] = ()


def examine(
    path: Path, environment: Mapping[str, str], agents: Collection[str] | None = None
) -> FlowReport:
    """Read and check one file; what stands in the way of reading it is part of the report.

    ``agents``: those that calls can be handed to; None: whoever a flow names is there.
    """
    try:
        with path.open(encoding="utf-8", newline="") as file:
            text = file.read(MAX_CHARS + 1)
    except OSError as exc:
        return FlowReport(str(path), problem=f"cannot be read: {exc.strerror or exc}")
    except UnicodeDecodeError as exc:
        return FlowReport(str(path), problem=f"is not UTF-8: {exc.reason} at byte {exc.start}")
    checked = examine_text(text, environment=environment, name=path.name, agents=agents)
    words = word_findings(checked.flow, read_yaml(text)) if checked.flow else ()
    return FlowReport(
        str(path),
        flow=checked.flow,
        findings=(*checked.findings, *words),
        proofs=checked.proofs,
    )


def agents_beside(paths: Iterable[Path]) -> frozenset[str]:
    """The agents that flow files name, shipped ones among them; unreadable files name none."""
    names = set()
    for path in (*paths, *SHIPPED_AGENTS.glob("*.yaml")):
        with suppress(OSError, UnicodeDecodeError):
            document = read_yaml(path.read_text(encoding="utf-8")).value
            agent = document.get("agent") if isinstance(document, dict) else None
            name = agent.get("name") if isinstance(agent, dict) else None
            names |= {name} if isinstance(name, str) else set()
    return frozenset(names)


def as_values(report: FlowReport) -> dict[str, Any]:
    """The report for machines; the flow itself as its agent and version."""
    flow = report.flow
    return {
        "file": report.file,
        "agent": flow.agent.name if flow else "",
        "version": flow.version if flow else "",
        "problem": report.problem,
        "findings": report.findings,
        "proofs": report.proofs,
    }


def draw(report: FlowReport, *, marks: bool) -> str:
    """The flow of a report as SVG; ``marks`` the steps with findings. ValueError without one."""
    if report.flow is None:
        raise ValueError("a flow that does not load cannot be drawn")
    return draw_flow(report.flow, report.findings if marks else ())


def lines_of(report: FlowReport) -> Iterator[str]:
    """``file:line: severity code: message``, as editors understand it, then what to change."""
    if report.problem:
        yield f"{report.file}: {report.problem}"
        return
    for finding in report.findings:
        where = f"{finding.where}: " if finding.where else ""
        yield (
            f"{report.file}:{finding.line}: {finding.severity.value} [{finding.code}] "
            f"{where}{finding.message}"
        )
        if finding.advice:
            yield f"    → {finding.advice}"
        for place, hop in enumerate(finding.way, start=1):
            yield f"    {place:>2}. {hop}"
    for proof in report.proofs:
        yield (
            f"{report.file}:{proof.line}: proved: no way to {proof.tool} at {proof.step} "
            f"but through {' or '.join(proof.checks)}; there it is parked for approval"
        )
    yield f"{report.file}: {_sum(report.findings)}"


def _sum(findings: tuple[Finding, ...]) -> str:
    errors = sum(finding.severity is Severity.ERROR for finding in findings)
    warnings = len(findings) - errors
    if not findings:
        return "nothing wrong"
    return f"{_count(errors, 'error')}, {_count(warnings, 'warning')}"


def _count(number: int, what: str) -> str:
    return f"{number} {what}" if number == 1 else f"{number} {what}s"
