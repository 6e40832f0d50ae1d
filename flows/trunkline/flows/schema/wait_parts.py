"""Waiting for a person, as written: lines, routes, and what the caller may want meanwhile."""

from __future__ import annotations

from dataclasses import replace

from trunkline.domain.approval import ApprovalState
from trunkline.flows.schema.assembly import Assembly
from trunkline.flows.schema.document import FallbackPart, ListenPart, ToolStepPart, WaitPart
from trunkline.flows.schema.source import YamlPath
from trunkline.flows.steps import Fallback, Listening, WaitPlan
from trunkline.flows.tools import RiskClass, ToolSpec


def check_waiting(assembly: Assembly, part: ToolStepPart, path: YamlPath, tool: ToolSpec) -> None:
    """A high-risk step says what the caller hears meanwhile, in one of two ways."""
    is_high = tool.risk is RiskClass.HIGH
    if is_high and part.wait is None and (part.on_parked is None or not part.on_parked.say):
        message = f"{part.tool!r} is high risk and will be parked: say so in on_parked, or in wait"
        assembly.complain(path, message)
    if part.wait is not None and not is_high:
        message = f"{part.tool!r} is {tool.risk.value} risk and waits for nobody"
        assembly.complain((*path, "wait"), message)
    if part.wait is not None and part.on_parked is not None:
        assembly.complain((*path, "on_parked"), "the call waits in the step: drop one of the two")


def wait_plan(assembly: Assembly, part: WaitPart, path: YamlPath, listening: Listening) -> WaitPlan:
    def outcome(key: str, written: FallbackPart) -> Fallback:
        """Said to its end: whoever asks just then whether it is done would else never hear it."""
        said = assembly.fallback(written, (*path, key))
        lines = tuple(replace(line, is_interruptible=False) for line in said.lines)
        return replace(said, lines=lines)

    return WaitPlan(
        lines=assembly.lines(part.say, (*path, "say")),
        not_yet=assembly.lines(part.not_yet, (*path, "not_yet")),
        outcomes={
            ApprovalState.REFUSED: outcome("on_refused", part.on_refused),
            ApprovalState.EXPIRED: outcome("on_expired", part.on_expired),
            ApprovalState.FAILED: outcome("on_failed", part.on_failed),
            ApprovalState.UNKNOWN: outcome("on_unknown", part.on_unknown),
        },
        every_ms=round(part.every_s * 1000),
        idle=assembly.lines(part.idle, (*path, "idle")),
        granted=assembly.lines(part.on_granted, (*path, "on_granted")),
        escalated=assembly.lines(part.on_escalated, (*path, "on_escalated")),
        questions=part.asks,
        listening=listening,
        arguments_as=part.save_arguments_as,
    )


def listened_to(part: WaitPart) -> ListenPart:
    """What the caller may want meanwhile, as any listening step has it."""
    return ListenPart.model_construct(intents=part.intents, keys=part.keys)
