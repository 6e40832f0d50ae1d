"""Steps that do something to the variables or to the call, as written into Steps."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Final

from trunkline.flows.actions import Answerer, TransferCause, TransferMode
from trunkline.flows.prompts import Expression, Prompt, compile_prompt
from trunkline.flows.schema.assembly import Assembly
from trunkline.flows.schema.document import FallbackPart, ListeningStepPart, StepPart
from trunkline.flows.schema.parts import did_you_mean
from trunkline.flows.schema.source import YamlPath
from trunkline.flows.schema.step_kinds import (
    CallPart,
    HandoffPart,
    MessagePart,
    QueueStepPart,
    SendDigitsPart,
    SetPart,
    TransferPart,
    Value,
    VoicemailStepPart,
)
from trunkline.flows.slots import Confirm, Slot, SlotKind
from trunkline.flows.steps import (
    CallStep,
    CollectStep,
    EngineChoice,
    HandoffStep,
    Line,
    Listening,
    QueueStep,
    SendDigitsStep,
    SetStep,
    Step,
    TransferStep,
    VoicemailStep,
)

_MESSAGE_HANGOVER_MS: Final = 2500
_MAX_MESSAGE_CHARS: Final = 2000
_QUEUE_VARIABLES: Final = ("queue_position", "queue_minutes")


def engine_of(part: ListeningStepPart) -> EngineChoice | None:
    if not (part.engine or part.fallback_engine):
        return None
    return EngineChoice(part.engine, part.fallback_engine)


def assemble_other(assembly: Assembly, name: str, part: StepPart, path: YamlPath) -> Step | None:
    """The step, or None when a complaint leaves nothing to build it from; ``name`` is full."""
    lines = assembly.lines(part.say, (*path, "say"))
    match part:
        case SetPart():
            values = _values(assembly, part.set, (*path, "set"))
            return SetStep(name, values, assembly.step(part.next, (*path, "next")), lines)
        case CallPart():
            return _call(assembly, name, part, path, lines)
        case HandoffPart():
            _check_variables(assembly, part.carry, (*path, "carry"))
            return HandoffStep(name, part.handoff, part.carry, lines)
        case SendDigitsPart():
            digits = assembly.prompt(part.send_digits, (*path, "send_digits"))
            return SendDigitsStep(name, digits, assembly.step(part.next, (*path, "next")), lines)
        case TransferPart():
            return _transfer(assembly, name, part, path, lines)
        case QueueStepPart():
            return _queue(assembly, name, part, path, lines)
        case VoicemailStepPart():
            routes = {
                answerer: assembly.step(
                    part.voicemail.route(answerer), (*path, "voicemail", answerer.value)
                )
                for answerer in Answerer
            }
            return VoicemailStep(name, routes, part.voicemail.wait_ms, lines)
        case MessagePart():
            return _message(assembly, name, part, path)
        case _:
            return None


def _values(
    assembly: Assembly, values: Mapping[str, Value], path: YamlPath
) -> dict[str, Expression | Prompt]:
    return {key: assembly.value(value, (*path, key)) for key, value in values.items()}


def _check_variables(assembly: Assembly, names: Collection[str], path: YamlPath) -> None:
    for name in names:
        if name not in assembly.variables:
            hint = did_you_mean(name, assembly.variables)
            assembly.complain(path, f"nothing ever sets the variable {name!r}{hint}")
        elif name in assembly.secrets:
            assembly.complain(path, f"{name!r} is secret: only a tool may get it, as it is")


def _call(
    assembly: Assembly, name: str, part: CallPart, path: YamlPath, lines: tuple[Line, ...]
) -> Step | None:
    next_step = assembly.step(part.next, (*path, "next"))
    arguments = _values(assembly, part.with_, (*path, "with"))
    subflow = assembly.parts.subflows.get(part.flow)
    if subflow is None:
        if part.flow not in assembly.parts.subflow_names:
            hint = did_you_mean(part.flow, assembly.parts.subflow_names)
            assembly.complain((*path, "flow"), f"there is no sub-flow {part.flow!r}{hint}")
        return None
    for key in part.with_:
        if key not in subflow.parameters:
            hint = did_you_mean(key, subflow.parameters)
            assembly.complain((*path, "with", key), f"{part.flow!r} has no parameter {key!r}{hint}")
    for key in subflow.parameters:
        if key not in part.with_:
            assembly.complain(path, f"{part.flow!r} needs the parameter {key!r}: give it in with")
    for here, there in part.returns.items():
        at = (*path, "returns", here)
        if there not in subflow.returns:
            hint = did_you_mean(there, subflow.returns)
            assembly.complain(at, f"{part.flow!r} returns no {there!r}{hint}")
        elif there in assembly.secrets:
            assembly.complain(at, f"{there!r} is secret: only a tool may get it, as it is")
    return CallStep(
        name=name,
        flow=part.flow,
        start=f"{part.flow}.{subflow.start}",
        arguments=arguments,
        returns=part.returns,
        next=next_step,
        lines=lines,
    )


def _transfer(
    assembly: Assembly, name: str, part: TransferPart, path: YamlPath, lines: tuple[Line, ...]
) -> TransferStep:
    at = (*path, "on_failure")
    otherwise = part.on_failure.get(TransferCause.OTHERWISE, FallbackPart())
    if otherwise.goto is None:
        assembly.complain(at, "'goto' is missing" if len(part.on_failure) < 2 else "say otherwise")
    if part.needs_key and part.mode is not TransferMode.WARM:
        assembly.complain((*path, "needs_key"), "only a human of mode: warm can press a key")
    if part.answered_by_machine != "connect" and part.mode is not TransferMode.WARM:
        at_key = (*path, "answered_by_machine")
        assembly.complain(at_key, "who answers is heard in mode: warm only")
    general = assembly.fallback(otherwise, at)
    return TransferStep(
        name=name,
        target=assembly.prompt(part.transfer, (*path, "transfer")),
        on_failure=general.goto or "",
        lines=lines,
        failure_lines=general.lines,
        mode=part.mode,
        briefing=(assembly.prompt(part.briefing, (*path, "briefing")) if part.briefing else None),
        ring_ms=round(part.ring_s * 1000),
        needs_key=part.needs_key,
        detects_machine=part.answered_by_machine == "no_answer",
        failures={
            cause: assembly.fallback(fallback, (*at, cause.value))
            for cause, fallback in part.on_failure.items()
            if cause is not TransferCause.OTHERWISE
        },
    )


def _queue(
    assembly: Assembly, name: str, part: QueueStepPart, path: YamlPath, lines: tuple[Line, ...]
) -> QueueStep:
    queue, at = part.queue, (*path, "queue")
    known = {*assembly.variables, *_QUEUE_VARIABLES}
    return QueueStep(
        name=name,
        queue=queue.name,
        targets=assembly.texts(queue.targets, (*at, "targets")),
        on_callback=assembly.fallback(part.on_callback, (*path, "on_callback")),
        on_timeout=assembly.fallback(part.on_timeout, (*path, "on_timeout")),
        on_unavailable=assembly.fallback(part.on_unavailable, (*path, "on_unavailable")),
        announcement=Line(assembly.prompt(queue.announce, (*at, "announce"), known)),
        lines=lines,
        announce_every_ms=round(queue.announce_every_s * 1000),
        callback_key=queue.callback_key or "",
        max_wait_ms=round(queue.max_wait_s * 1000),
        ring_ms=round(queue.ring_s * 1000),
        briefing=assembly.prompt(queue.briefing, (*at, "briefing")) if queue.briefing else None,
        needs_key=queue.needs_key,
        detects_machine=queue.answered_by_machine == "no_answer",
    )


def _message(assembly: Assembly, name: str, part: MessagePart, path: YamlPath) -> CollectStep:
    slot = Slot(
        name=part.message,
        kind=SlotKind.FREE_TEXT,
        description="message",
        ask=assembly.prompt(part.say[-1].text, (*path, "say")) if part.say else compile_prompt(""),
        confirm=Confirm.NEVER,
        max_length=_MAX_MESSAGE_CHARS,
    )
    return CollectStep(
        name=name,
        slots=(slot,),
        next=assembly.step(part.next, (*path, "next")),
        lines=assembly.lines(part.say[:-1], (*path, "say")),
        listening=Listening(
            hangover_ms=_MESSAGE_HANGOVER_MS,
            max_turn_ms=round(part.max_s * 1000),
            engine=engine_of(part),
            turn_taking=part.turn_taking,
            offers_everywhere=False,
        ),
    )
