"""Tools offered to an engine: where they lead, what they read, and whom they may be run for."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from trunkline.flows.builtins import (
    BuiltinTransport,
    HangUpBuiltin,
    QueueBuiltin,
    TransferBuiltin,
    VoicemailMessageBuiltin,
)
from trunkline.flows.check.findings import Report
from trunkline.flows.check.graph import END, Edge, Graph, Text, Way
from trunkline.flows.check.reads import reads
from trunkline.flows.flow import Flow
from trunkline.flows.offers import offers_at
from trunkline.flows.schema.source import YamlPath
from trunkline.flows.steps import Offer, Step, ToolStep, listening_of, offered_names
from trunkline.flows.tools import After, RiskClass, ToolSpec

_ENDS = (HangUpBuiltin, QueueBuiltin, TransferBuiltin, VoicemailMessageBuiltin)


def offer_path(path: YamlPath, name: str) -> YamlPath:
    return (*path, "listen", "tools", name)


def offer_edges(step: Step, path: YamlPath, may_set: frozenset[str]) -> Iterator[Edge]:
    """Where an engine may lead a call by the tools it is offered, and a program by itself."""
    if (listening := listening_of(step)) is not None and listening.program is not None:
        at = (*path, "listen", "program")
        yield Edge(step.name, END, Way.CHOICE, "the program ends the call", at, may_set=may_set)
    for name, offer in offers_at(step).items():
        at = offer_path(path, name)
        why = f"the engine runs {name}"
        if offer.after is After.CONTINUE and offer.goto is not None:
            sets = frozenset({offer.save_as} if offer.save_as else ())
            yield Edge(
                step.name, offer.goto, Way.CHOICE, why, (*at, "goto"), sets=sets, may_set=may_set
            )
        if isinstance(offer.tool.transport, _ENDS):
            yield Edge(step.name, END, Way.CHOICE, why, at, may_set=may_set)


def offer_texts(step: Step, path: YamlPath) -> Iterator[Text]:
    program = listening.program if (listening := listening_of(step)) is not None else None
    if program is not None and program.while_running is not None:
        yield Text(program.while_running, (*path, "listen", "program", "while_running"))
    for name, offer in offers_at(step).items():
        at = offer_path(path, name)
        for argument, value in offer.arguments.items():
            yield Text(value, (*at, "arguments", argument))
        tool = offer.tool
        for key, prompt in (("while", tool.while_running), ("still", tool.still_running)):
            if prompt is not None:
                yield Text(prompt, ("tools", name, f"{key}_running"))
        yield from _builtin_texts(tool.transport, ("tools", name, "builtin"))


def _builtin_texts(transport: object, path: YamlPath) -> Iterator[Text]:
    match transport:
        case TransferBuiltin():
            for name, target in transport.targets.items():
                yield Text(target, (*path, "transfer", "targets", name))
            if transport.briefing is not None:
                yield Text(transport.briefing, (*path, "transfer", "briefing"))
        case QueueBuiltin():
            for place, target in enumerate(transport.targets):
                yield Text(target, (*path, "queue", "targets", place))
            if transport.briefing is not None:
                yield Text(transport.briefing, (*path, "queue", "briefing"))
        case HangUpBuiltin() if transport.farewell is not None:
            yield Text(transport.farewell, (*path, "hang_up", "say"))
        case VoicemailMessageBuiltin():
            yield Text(transport.message, (*path, "voicemail_message", "say"))


def offered_tools(flow: Flow) -> frozenset[str]:
    return frozenset(name for step in flow.steps.values() for name in offers_at(step))


def high_risk_of(step: Step) -> tuple[ToolSpec, ...]:
    """The high-risk tools that may be asked for in a step, by the flow or by its engine."""
    if isinstance(step, ToolStep):
        return (step.tool,) if step.tool.risk is RiskClass.HIGH else ()
    offered = (offer.tool for offer in offers_at(step).values())
    return tuple(tool for tool in offered if tool.risk is RiskClass.HIGH)


def check_offers(
    flow: Flow, graphs: Collection[Graph], checks: Collection[str], report: Report
) -> None:
    """What a check looked at, an engine must not choose: it proved nothing about another value."""
    looked_at, variables = _looked_at(flow, checks)
    for graph in graphs:
        for place in graph.places.values():
            changeable = offered_names(place.step) & variables
            for name, offer in offers_at(place.step).items():
                at = offer_path(place.path, name)
                _check_bound(offer, looked_at, at, report)
                _check_kept(offer, changeable, at, report)
                _check_failing_safe(offer, at, report)


def _looked_at(flow: Flow, checks: Collection[str]) -> tuple[frozenset[str], frozenset[str]]:
    """Arguments of the checks, and the variables that they are made of."""
    arguments: set[str] = set()
    variables: set[str] = set()
    for step in flow.steps.values():
        if isinstance(step, ToolStep) and {step.name, step.tool.name} & set(checks):
            arguments |= step.arguments.keys()
            variables = variables.union(*(reads(value) for value in step.arguments.values()))
    return frozenset(arguments), frozenset(variables)


def _check_kept(offer: Offer, changeable: frozenset[str], path: YamlPath, report: Report) -> None:
    """Within one step nothing comes between a change and the next call."""
    if offer.tool.risk is RiskClass.HIGH and changeable:
        names = ", ".join(sorted(changeable))
        report.error(
            "identity_may_change",
            path,
            f"the engine may change {names} here, by which the caller is known, and then call it",
            "Offer the two in different steps, with the check between them.",
        )


def _check_bound(offer: Offer, looked_at: frozenset[str], path: YamlPath, report: Report) -> None:
    if offer.tool.risk is not RiskClass.HIGH:
        return
    properties = offer.tool.parameters.get("properties") or {}
    for name in sorted(looked_at & set(properties) - set(offer.arguments)):
        report.error(
            "unbound_argument",
            path,
            f"the engine may choose {name!r}, and only one was looked at to know the caller",
            f"Give it yourself: arguments: {{{name}: '{{{{ {name} }}}}'}}.",
        )


def _check_failing_safe(offer: Offer, path: YamlPath, report: Report) -> None:
    """A tool with an effect that an engine may repeat had better know a repetition."""
    tool = offer.tool
    is_service = not isinstance(tool.transport, BuiltinTransport)
    if is_service and tool.risk is RiskClass.MEDIUM and not tool.may_retry:
        report.warning(
            "may_happen_twice",
            path,
            f"an engine may try {tool.name} again after a failure, and it may happen twice then",
            "Send a key with it: idempotency_key: true; or say idempotent: true if it is.",
        )
