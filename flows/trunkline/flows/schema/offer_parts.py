"""Tools offered to an engine where a step listens, as written into Offers."""

from __future__ import annotations

from collections.abc import Mapping

from trunkline.flows.builtins import BuiltinTransport, TransferBuiltin
from trunkline.flows.compile import COLLECT_PREFIX, INTENT_PREFIX
from trunkline.flows.schema.assembly import Assembly
from trunkline.flows.schema.document import OfferPart
from trunkline.flows.schema.parts import did_you_mean
from trunkline.flows.schema.source import YamlPath
from trunkline.flows.schema.tool_parts import argument_names, takes_any_argument
from trunkline.flows.steps import Offer
from trunkline.flows.tools import After, RiskClass, ToolSpec


def assemble_offers(
    assembly: Assembly,
    parts: Mapping[str, OfferPart],
    path: YamlPath,
    tools: Mapping[str, ToolSpec],
) -> dict[str, Offer]:
    offers: dict[str, Offer] = {}
    for name, part in parts.items():
        at = (*path, name)
        if name not in assembly.parts.tool_names:
            hint = did_you_mean(name, assembly.parts.tool_names)
            assembly.complain(at, f"there is no tool {name!r}{hint}")
        tool = tools.get(name)
        if tool is not None:
            offers[name] = _offer(assembly, name, part, at, tool)
    return offers


def _offer(assembly: Assembly, name: str, part: OfferPart, path: YamlPath, tool: ToolSpec) -> Offer:
    after = part.after or tool.after
    if part.after is None and part.goto is not None:
        after = After.CONTINUE
    if (after is After.CONTINUE) != (part.goto is not None):
        message = "after: continue goes on to a step, and goto says to which: give both"
        assembly.complain(path, message)
    if name.startswith((INTENT_PREFIX, COLLECT_PREFIX)):
        message = f"engines know {INTENT_PREFIX}… and {COLLECT_PREFIX}… as something else"
        assembly.complain(path, f"{message}: call the tool otherwise")
    _check_arguments(assembly, name, part, path, tool)
    if isinstance(tool.transport, BuiltinTransport):
        if part.save_as is not None:
            assembly.complain((*path, "save_as"), "a built-in has no result to save")
        if after is After.CONTINUE and isinstance(tool.transport, TransferBuiltin):
            message = "a transfer that fails comes back to the engine: it cannot continue"
            assembly.complain((*path, "goto"), message)
    return Offer(
        tool=tool,
        after=after,
        goto=assembly.optional_step(part.goto, (*path, "goto")),
        save_as=part.save_as,
        arguments={
            key: assembly.value(value, (*path, "arguments", key))
            for key, value in part.arguments.items()
        },
    )


def _check_arguments(
    assembly: Assembly, name: str, part: OfferPart, path: YamlPath, tool: ToolSpec
) -> None:
    written = assembly.parts.tools.get(name)
    if written is not None and takes_any_argument(written):
        message = f"only {name!r}'s server knows its arguments: write its parameters to offer it"
        assembly.complain(path, message)
        return
    is_builtin = isinstance(tool.transport, BuiltinTransport)
    known = () if is_builtin or written is None else argument_names(written)
    for key in part.arguments:
        if key not in known:
            hint = did_you_mean(key, known)
            message = f"{name!r} takes no argument {key!r}{hint}"
            if is_builtin:
                message = "the arguments of a built-in are the engine's own"
            assembly.complain((*path, "arguments", key), message)
    read = {
        name
        for value in part.arguments.values()
        if isinstance(value, str)
        for name in assembly.secrets
        if name in value
    }
    if tool.risk is RiskClass.HIGH and read:
        names = ", ".join(sorted(read))
        assembly.complain(path, f"{names} is secret and would not outlive the wait for approval")
