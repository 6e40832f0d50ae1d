"""Lines that cannot wait to be rendered: how a call opens, and how it ends without an engine."""

from __future__ import annotations

from collections.abc import Iterator

from trunkline.flows.flow import Flow
from trunkline.flows.step_lines import lines_of
from trunkline.flows.steps import (
    BranchStep,
    CallStep,
    CollectStep,
    Line,
    SayStep,
    SetStep,
    Step,
    VoicemailStep,
)


def opening_lines(flow: Flow) -> tuple[str, ...]:
    """Texts of the steps that a call comes to by itself, as far as they are the same in every call.

    Each once, in the order in which they are come to; then what is said when the engine is gone.
    """
    lines = [*_opening(flow), *flow.policies.engine_failure.lines, *flow.policies.goodbye]
    constants = flow.constants
    texts = (
        line.prompt.render(flow.variables) for line in lines if line.prompt.variables <= constants
    )
    return tuple(dict.fromkeys(text for text in texts if text))


def _opening(flow: Flow) -> Iterator[Line]:
    waiting, seen = [flow.start], {flow.start}
    while waiting:
        step = flow.steps[waiting.pop(0)]
        yield from step.lines if isinstance(step, CollectStep) else lines_of(step)  # engines ask
        for name in _goes_on_to(step):
            if name not in seen:
                seen.add(name)
                waiting.append(name)


def _goes_on_to(step: Step) -> tuple[str, ...]:
    match step:
        case SayStep():
            return (step.next,) if step.next else ()
        case BranchStep():
            return (*(case.goto for case in step.cases), step.otherwise)
        case SetStep():
            return (step.next,)
        case CallStep():
            return (step.start,)
        case VoicemailStep():
            return tuple(step.routes.values())
        case _:
            return ()
