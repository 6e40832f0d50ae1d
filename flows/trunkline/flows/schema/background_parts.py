"""Tools in the background, as written: what cannot outlive the call is refused."""

from __future__ import annotations

from collections.abc import Collection
from typing import Final

from trunkline.flows.schema.assembly import Assembly
from trunkline.flows.schema.document import BackgroundPart, FallbackPart, ToolStepPart
from trunkline.flows.schema.source import YamlPath
from trunkline.flows.steps import BackgroundPlan
from trunkline.flows.tools import RiskClass, ToolSpec

MAX_WORST_CASE_MS: Final = 180_000
"""Longer than that, no worker is held by one run."""


def background_plan(assembly: Assembly, part: BackgroundPart, path: YamlPath) -> BackgroundPlan:
    return BackgroundPlan(
        within_ms=round(part.within_s * 1000),
        done=assembly.fallback(FallbackPart(say=part.say, goto=part.goto), path),
        failed=assembly.fallback(part.on_failure, (*path, "on_failure")),
    )


def check_background(
    assembly: Assembly,
    part: ToolStepPart,
    path: YamlPath,
    tool: ToolSpec,
    secrets: Collection[str],
) -> None:
    if tool.risk is RiskClass.HIGH:
        message = f"{tool.name!r} is high risk: it waits for a person anyway"
        assembly.complain((*path, "background"), message)
    if secrets:
        names = ", ".join(sorted(secrets))
        assembly.complain(path, f"{names} is secret and would have to be kept to outlive the call")
    if tool.worst_case_ms > MAX_WORST_CASE_MS:
        message = "over three minutes with its attempts: give it fewer, it is tried again anyway"
        assembly.complain((*path, "tool"), message)
    for key in ("on_failure", "on_parked"):
        if getattr(part, key):
            message = "the call does not wait for it: say it under background.on_failure"
            assembly.complain((*path, key), message)
