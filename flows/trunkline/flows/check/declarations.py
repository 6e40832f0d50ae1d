"""What is declared and has no effect: languages, engines, routes and tools nothing comes to."""

from __future__ import annotations

from typing import Final

from trunkline.flows.check.build import step_path
from trunkline.flows.check.findings import Report
from trunkline.flows.check.identity import declared_checks
from trunkline.flows.check.offers import offered_tools
from trunkline.flows.flow import Flow
from trunkline.flows.schema.parts import did_you_mean
from trunkline.flows.schema.source import YamlPath
from trunkline.flows.steps import BranchStep, ToolStep, listening_of
from trunkline.flows.tool_codes import run_codes
from trunkline.flows.tool_steps import OTHERWISE, PARKED
from trunkline.flows.tools import HttpTransport, PythonTransport, RiskClass, ToolSpec
from trunkline.realtime.model_table import ENGINE_NAMES, ModelTable

LANGUAGES: Final = ("en",)
"""What the engines that run here by themselves can hear and say."""
LOCAL_ENGINES: Final = ("cascade", "scripted")
EVERY_MODEL: Final = ModelTable((), ENGINE_NAMES)
"""What a server of ours can be asked for, the models that ship among it."""


def check_declarations(flow: Flow, report: Report, models: ModelTable = EVERY_MODEL) -> None:
    _check_agent(flow, report, models)
    used = {fetch.tool.name for fetch in flow.before_answer} | offered_tools(flow)
    for name, step in flow.steps.items():
        path = step_path(name)
        if isinstance(step, ToolStep):
            used.add(step.tool.name)
            _check_routes(step, path, report)
        elif isinstance(step, BranchStep):
            _check_cases(step, path, report)
    for name in flow.tools:
        if name not in used:
            report.warning(
                "unused_tool",
                ("tools", name),
                f"no step runs or offers {name!r}",
                "Use it, or remove it.",
            )
    for place, name in enumerate(declared_checks(report)):
        if name not in flow.tools and name not in flow.steps:
            hint = did_you_mean(name, (*flow.tools, *flow.steps))
            report.error(
                "unknown_identity_check",
                ("identity", "by", place),
                f"there is no tool and no step {name!r}{hint}",
                "Name a tool or a step of this flow.",
            )


def _check_agent(flow: Flow, report: Report, models: ModelTable) -> None:
    language = flow.agent.language
    is_local = not flow.agent.model or flow.agent.model in LOCAL_ENGINES
    if is_local and language.partition("-")[0] not in LANGUAGES:
        report.warning(
            "unknown_language",
            ("agent", "language"),
            f"nothing here speaks {language!r} by itself",
            "Write en, or see to hosted engines that know the language.",
        )
    wanted: list[tuple[YamlPath, str]] = [
        (("agent", "engine"), flow.agent.model),
        (("agent", "fallback_engine"), flow.agent.fallback_model),
    ]
    for name, step in flow.steps.items():
        listening = listening_of(step)
        if listening is not None and listening.engine is not None:
            path = step_path(name)
            wanted.append(((*path, "engine"), listening.engine.engine))
            wanted.append(((*path, "fallback_engine"), listening.engine.fallback))
    for path, engine in wanted:
        if engine and models.find(engine) is None:
            known = [name for card in models.served() for name in (card.name, *card.aliases)]
            report.warning(
                "unknown_engine",
                path,
                f"there is no engine {engine!r} here{did_you_mean(engine, known)}",
                f"There are {', '.join(ENGINE_NAMES)}, and models of the table by their names.",
            )


def _check_routes(step: ToolStep, path: YamlPath, report: Report) -> None:
    tool = step.tool
    known = possible_codes(tool)
    for code, route in step.failures.items():
        at = (*path, "on_failure", code)
        first = "on_parked" if step.parked_lines else "wait" if step.wait else ""
        if code == PARKED and (tool.risk is not RiskClass.HIGH or first):
            why = f"{first} comes first" if first else f"{tool.name} is never parked"
            report.warning("unreachable_route", at, f"never taken: {why}", "Remove it.")
        elif code != PARKED and not _may_come(code, tool, known):
            report.warning(
                "unreachable_route",
                at,
                f"{tool.name} never fails with {code!r}{did_you_mean(code, known)}",
                "Name the code under errors of the tool, or remove the route.",
            )
        if route.limit == 0 and route.goto is not None:
            report.warning(
                "unreachable_route",
                (*at, "goto"),
                "limit: 0 takes the fallback at once, never this",
                "Give a limit of 1 or more, or drop the goto.",
            )
    if tool.risk is not RiskClass.HIGH and step.parked_lines:
        report.warning(
            "unreachable_route",
            (*path, "on_parked"),
            f"{tool.name} is {tool.risk.value} risk and never parked",
            "Remove on_parked, or say risk: high.",
        )


def possible_codes(tool: ToolSpec) -> frozenset[str]:
    """Codes that a tool is known to fail with; functions and servers may give others."""
    codes = {OTHERWISE, *run_codes(tool.transport)}
    if isinstance(tool.transport, HttpTransport):
        codes |= set(tool.transport.error_codes.values())
    return frozenset(codes)


def _may_come(code: str, tool: ToolSpec, known: frozenset[str]) -> bool:
    """What a function gives as a code is its own; all others are known."""
    if code in known or isinstance(tool.transport, PythonTransport):
        return True
    if not isinstance(tool.transport, HttpTransport):
        return False
    status = code.removeprefix("http_")
    return status.isdigit() and int(status) not in tool.transport.error_codes


def _check_cases(step: BranchStep, path: YamlPath, report: Report) -> None:
    seen: dict[str, int] = {}
    always = None
    for place, case in enumerate(step.cases):
        at = (*path, "branch", place)
        condition = " ".join(case.when.source.split())
        if always is not None:
            report.warning("unreachable_case", at, f"{always!r} before it always holds",
                           "Remove it, or put it first.")  # fmt: skip
        elif condition in seen:
            report.warning("unreachable_case", at, f"case {seen[condition] + 1} asks the same",
                           "Remove one of the two.")  # fmt: skip
        elif condition.lower() == "false":
            report.warning("unreachable_case", at, "false never holds", "Remove it.")
        seen.setdefault(condition, place)
        if condition.lower() == "true":
            always = condition
    if always is not None:
        report.warning("unreachable_case", (*path, "otherwise"), f"{always!r} always holds",
                       "Drop the case, and lead there by otherwise.")  # fmt: skip
