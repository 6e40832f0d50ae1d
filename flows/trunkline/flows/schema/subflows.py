"""Sub-flows and what is fetched before the answer, as written into the flow."""

from __future__ import annotations

from trunkline.flows.builtins import BuiltinTransport
from trunkline.flows.flow import Prefetch, SubFlow
from trunkline.flows.schema.assembly import Assembly
from trunkline.flows.schema.parts import did_you_mean
from trunkline.flows.schema.step_kinds import CallPart
from trunkline.flows.schema.step_parts import assemble_step
from trunkline.flows.stepping import MAX_DEPTH
from trunkline.flows.steps import RETURN, ReturnStep, Step
from trunkline.flows.tools import RiskClass, ToolSpec


def assemble_subflows(
    assembly: Assembly, steps: dict[str, Step], tools: dict[str, ToolSpec]
) -> dict[str, SubFlow]:
    """The sub-flows; their steps join ``steps`` under full names."""
    found: dict[str, SubFlow] = {}
    for name, part in assembly.parts.subflows.items():
        inner = assembly.within(name)
        for step_name, step_part in assembly.parts.subflow_steps[name].items():
            step = assemble_step(inner, step_name, step_part, tools)
            if step is not None:
                steps[step.name] = step
        end = f"{name}.{RETURN}"
        steps[end] = ReturnStep(end, name)
        for place, variable in enumerate(part.returns):
            if variable not in inner.variables:
                hint = did_you_mean(variable, inner.variables)
                path = ("flows", name, "returns", place)
                assembly.complain(path, f"nothing ever sets the variable {variable!r}{hint}")
        start = inner.step(part.start, ("flows", name, "start"))
        found[name] = SubFlow(name, start, part.parameters, part.returns)
    _check_nesting(assembly)
    return found


def _check_nesting(assembly: Assembly) -> None:
    """No sub-flow may come to itself again, or lie deeper than MAX_DEPTH."""
    calls = {
        name: {part.flow for part in steps.values() if isinstance(part, CallPart)}
        for name, steps in assembly.parts.subflow_steps.items()
    }

    def deepest(name: str, above: tuple[str, ...]) -> int:
        if name in above:
            way = " > ".join((*above[above.index(name) :], name))
            assembly.complain(("flows", name), f"it comes to itself again: {way}")
            return 0
        if len(above) > MAX_DEPTH:
            return 1
        return 1 + max((deepest(inner, (*above, name)) for inner in calls.get(name, ())), default=0)

    for name in calls:
        if deepest(name, ()) > MAX_DEPTH:
            assembly.complain(("flows", name), f"nested deeper than {MAX_DEPTH} sub-flows")


def assemble_before_answer(assembly: Assembly, tools: dict[str, ToolSpec]) -> tuple[Prefetch, ...]:
    fetches = []
    for place, part in assembly.parts.before_answer.items():
        path = ("before_answer", place)
        arguments = {
            key: assembly.value(value, (*path, "arguments", key))
            for key, value in part.arguments.items()
        }
        if part.tool not in assembly.parts.tool_names:
            hint = did_you_mean(part.tool, assembly.parts.tool_names)
            assembly.complain((*path, "tool"), f"there is no tool {part.tool!r}{hint}")
        tool = tools.get(part.tool)
        if tool is None:
            continue
        if isinstance(tool.transport, BuiltinTransport):
            assembly.complain((*path, "tool"), "a call that is not answered yet can do nothing")
        if tool.risk is not RiskClass.LOW:
            assembly.complain((*path, "tool"), "only a low-risk tool runs before the answer")
        fetches.append(
            Prefetch(tool, arguments, part.save_as, round(part.timeout_s * 1000), part.default)
        )
    return tuple(fetches)
