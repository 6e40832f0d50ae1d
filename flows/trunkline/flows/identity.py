"""Whether the caller of a call has been identified, as far as the flow's checks have seen.

As the checker has it (``check.identity``): a tool identifies by working and a question by being
answered, and that lapses when a variable the check looked at is given another value. What a check
inside of a sub-flow has looked at is not known outside: there it counts for nothing.
"""

from __future__ import annotations

from trunkline.flows.steps import CollectStep, Offer, ToolStep
from trunkline.flows.walk import Walk


def is_identified(walk: Walk) -> bool:
    variables = walk.memory.variables
    return any(
        all(name in variables and variables[name] == value for name, value in seen.items())
        for seen in walk.identified
    )


def tool_worked(walk: Walk, tool: str, what: ToolStep | Offer | None) -> None:
    """A tool has worked; it is noted if the flow names it, or its step, as a check."""
    step = what.name if isinstance(what, ToolStep) else ""
    if what is None or not {tool, step} & walk.flow.identity:
        return
    read = {name for value in what.arguments.values() for name in value.variables}
    _note(walk, read)


def step_passed(walk: Walk, step: CollectStep) -> None:
    """Every slot of a step has its value."""
    if step.name in walk.flow.identity:
        _note(walk, {slot.name for slot in step.slots})


def _note(walk: Walk, names: set[str]) -> None:
    variables = walk.memory.variables
    seen = {name: variables[name] for name in names if name in variables}
    if seen not in walk.identified:
        walk.identified.append(seen)
