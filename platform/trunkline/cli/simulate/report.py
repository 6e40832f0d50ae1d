"""What a suite of simulations came to: for people, as JSON and as JUnit XML."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from xml.etree import ElementTree as ET

import orjson

from trunkline.cli.simulate.coverage import coverage_of, to_lines, to_values
from trunkline.cli.simulate.judge import invalid_tools
from trunkline.cli.simulate.result import SimulationResult
from trunkline.flows.flow import Flow


def tool_figures(results: Sequence[SimulationResult], flows: Mapping[str, Flow]) -> tuple[int, int]:
    """Tool calls of the suite, and how many of them satisfied their schema before they ran."""
    total = sum(len(result.seen.tools) for result in results)
    invalid = sum(
        len(invalid_tools(result.simulation.agent, flows, result.seen)) for result in results
    )
    return total, total - invalid


def to_text(
    results: Sequence[SimulationResult],
    flows: Mapping[str, Flow],
    *,
    verbose: bool = False,
    tells_coverage: bool = False,
    took_s: float | None = None,
) -> str:
    """``took_s``: how long all of it took, when that is not the sum of the calls."""
    lines: list[str] = []
    for result in results:
        mark = "ok  " if result.has_passed else "FAIL"
        simulation = result.simulation
        where = f"{simulation.agent}/{simulation.name}"
        told = f"{mark} {where:<40} {result.seen.ended_ms / 1000:6.1f} s  {simulation.title}"
        lines.append(told if result.seed is None else f"{told} (seed {result.seed})")
        if not result.has_passed or verbose:
            lines += _transcript(result)
        lines += [f"     {simulation.path}, {finding}" for finding in result.findings]
    total, valid = tool_figures(results, flows)
    lines += to_lines(coverage_of(results, flows), is_long=tells_coverage)
    share = 100.0 if total == 0 else 100 * valid / total
    lines.append(f"tool calls: {total}, schema-valid: {valid} ({share:.0f} %)")
    passed = sum(result.has_passed for result in results)
    wall_s = sum(result.wall_s for result in results) if took_s is None else took_s
    lines.append(f"{passed} of {len(results)} simulations passed in {wall_s:.1f} s")
    return "\n".join(lines)


def _transcript(result: SimulationResult) -> list[str]:
    events = [(at_ms, f"step    {step}") for step, at_ms in result.seen.steps]
    for turn in result.seen.turns:
        who = "caller " if turn.is_caller else "agent  "
        cut = " [cut]" if turn.is_interrupted else ""
        events.append((turn.started_ms, f"{who} {turn.text}{cut}"))
    events += [
        (run.at_ms, f"tool    {run.tool} {run.code or run.outcome}") for run in result.seen.tools
    ]
    events.sort(key=lambda event: event[0])
    return [f"     {ms / 1000:7.2f}  {text}" for ms, text in events]


def to_json(results: Sequence[SimulationResult], flows: Mapping[str, Flow]) -> str:
    total, valid = tool_figures(results, flows)
    document = {
        "ok": all(result.has_passed for result in results),
        "tool_calls": total,
        "tool_calls_valid": valid,
        "coverage": to_values(coverage_of(results, flows)),
        "simulations": [
            {
                "agent": result.simulation.agent,
                "name": result.simulation.name,
                "mode": result.mode,
                "seed": result.seed,
                "ok": result.has_passed,
                "findings": [
                    {"line": finding.line, "message": finding.message}
                    for finding in result.findings
                ],
                "steps": result.seen.step_names,
                "call_ms": result.seen.ended_ms,
                "wall_s": round(result.wall_s, 3),
            }
            for result in results
        ],
    }
    return orjson.dumps(document, option=orjson.OPT_INDENT_2).decode()


def to_junit(results: Sequence[SimulationResult]) -> bytes:
    """JUnit XML as CI systems read it: one test case a simulation."""
    failed = sum(not result.has_passed for result in results)
    suite = ET.Element(
        "testsuite", name="trunkline simulations", tests=str(len(results)), failures=str(failed)
    )
    for result in results:
        case = ET.SubElement(
            suite,
            "testcase",
            classname=f"{result.simulation.agent}.{result.mode}",
            name=result.simulation.name,
            time=f"{result.wall_s:.3f}",
        )
        if result.findings:
            failure = ET.SubElement(case, "failure", message=str(result.findings[0]))
            failure.text = "\n".join(str(finding) for finding in result.findings)
    return bytes(ET.tostring(suite, encoding="utf-8", xml_declaration=True))
