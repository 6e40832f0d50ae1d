"""What a step itself may say verbatim, for rendering ahead."""

from __future__ import annotations

from collections.abc import Iterator

from trunkline.flows.steps import (
    BranchStep,
    CollectStep,
    Line,
    QueueStep,
    ReturnStep,
    Step,
    ToolStep,
    TransferStep,
    listening_of,
)


def lines_of(step: Step) -> Iterator[Line]:
    """What a step itself may say verbatim."""
    if not isinstance(step, BranchStep | ReturnStep):
        yield from step.lines
    listening = listening_of(step)
    for idle in listening.idle if listening else ():
        yield from idle.lines
    match step:
        case CollectStep():
            for slot in step.slots:
                yield from (Line(prompt) for prompt in (slot.ask, *slot.reprompts))
        case ToolStep():
            yield from step.parked_lines
            if step.wait is not None:
                yield from step.wait.all_lines
            for route in step.failures.values():
                yield from route.lines
                yield from route.fallback.lines
            if step.background is not None:
                yield from (*step.background.done.lines, *step.background.failed.lines)
        case TransferStep():
            yield from step.failure_lines
            for fallback in step.failures.values():
                yield from fallback.lines
        case QueueStep():
            yield step.announcement
            for fallback in (step.on_callback, step.on_timeout, step.on_unavailable):
                yield from fallback.lines
        case _:
            pass
