"""Steps and slots as written into Steps: targets, templates and arguments checked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import assert_never

from trunkline.domain.spoken.checksums import Checksum
from trunkline.flows.builtins import BuiltinTransport
from trunkline.flows.program import ProgramSlot
from trunkline.flows.prompts import compile_prompt
from trunkline.flows.schema.assembly import Assembly
from trunkline.flows.schema.background_parts import background_plan, check_background
from trunkline.flows.schema.document import (
    BranchPart,
    CasePart,
    CollectPart,
    FailurePart,
    HangUpPart,
    ListeningStepPart,
    ListenPart,
    SayPart,
    SlotPart,
    StepPart,
    ToolStepPart,
    WaitPart,
)
from trunkline.flows.schema.offer_parts import assemble_offers
from trunkline.flows.schema.other_steps import assemble_other, engine_of
from trunkline.flows.schema.parts import did_you_mean
from trunkline.flows.schema.source import YamlPath
from trunkline.flows.schema.tool_parts import argument_names, takes_any_argument
from trunkline.flows.schema.wait_parts import check_waiting, listened_to, wait_plan
from trunkline.flows.slots import DateOrder, Slot, SlotKind
from trunkline.flows.steps import (
    BranchStep,
    Case,
    CollectStep,
    FailureRoute,
    Fallback,
    HangUpStep,
    IdlePrompt,
    Line,
    Listening,
    SayStep,
    SilenceBranch,
    Step,
    ToolStep,
    WaitPlan,
)
from trunkline.flows.tools import RiskClass, ToolSpec

KEYED_KINDS = (
    SlotKind.DIGITS, SlotKind.AMOUNT, SlotKind.DATE, SlotKind.TIME, SlotKind.YES_NO,
    SlotKind.CHOICE,
)  # fmt: skip
_READ_BACK = compile_prompt("I have {value}. Is that right?")


def assemble_step(
    assembly: Assembly, name: str, part: StepPart | BranchPart, tools: dict[str, ToolSpec]
) -> Step | None:
    """The step, or None when a complaint leaves nothing to build it from."""
    path: YamlPath = (*assembly.base, "steps", name)
    name = assembly.prefix + name
    match part:
        case SayPart():
            return _say(assembly, name, part, path, tools)
        case CollectPart():
            return CollectStep(
                name=name,
                slots=_slots(assembly, part, (*path, "collect")),
                next=assembly.step(part.next, (*path, "next")),
                lines=assembly.lines(part.say, (*path, "say")),
                listening=_listening(assembly, part.listen, (*path, "listen"), part, tools),
                reuses=part.reuse,
                cases=_cases(assembly, part.cases, (*path, "cases")),
            )
        case ToolStepPart():
            return _tool(assembly, name, part, path, tools)
        case BranchPart():
            cases = _cases(assembly, part.branch, (*path, "branch"))
            return BranchStep(name, cases, assembly.step(part.otherwise, (*path, "otherwise")))
        case HangUpPart():
            return HangUpStep(name, assembly.lines(part.say, (*path, "say")), part.hang_up)
        case StepPart():
            return assemble_other(assembly, name, part, path)
        case _:
            assert_never(part)


def _cases(assembly: Assembly, parts: list[CasePart], path: YamlPath) -> tuple[Case, ...]:
    return tuple(
        Case(
            assembly.condition(case.when, (*path, place, "when")),
            assembly.step(case.goto, (*path, place, "goto")),
        )
        for place, case in enumerate(parts)
    )


def _say(
    assembly: Assembly, name: str, part: SayPart, path: YamlPath, tools: dict[str, ToolSpec]
) -> SayStep:
    if part.next is None and part.listen is None:
        assembly.complain(path, "a say step goes on (next) or listens (listen)")
    if part.next is not None and part.listen is not None:
        assembly.complain(
            (*path, "next"), "a step that listens goes where the caller leads: drop it"
        )
    if part.after_beep and part.next is None:
        assembly.complain((*path, "after_beep"), "a machine does not answer: go on with next")
    if part.listen is not None and not (
        part.listen.intents or part.listen.silence or part.listen.tools or part.listen.program
    ):
        assembly.complain((*path, "listen"), "'intents' is missing: what may the caller want here?")
    return SayStep(
        name=name,
        lines=_said(assembly, part, path),
        next=assembly.optional_step(part.next, (*path, "next")),
        listening=(
            None
            if part.listen is None
            else _listening(assembly, part.listen, (*path, "listen"), part, tools)
        ),
        beep_ms=round(part.beep_wait_s * 1000) if part.after_beep else None,
    )


def _said(assembly: Assembly, part: SayPart, path: YamlPath) -> tuple[Line, ...]:
    lines = assembly.lines(part.say, (*path, "say"))
    if not part.after_beep:
        return lines
    # What a machine plays while it records interrupts nobody.
    return tuple(replace(line, is_interruptible=False) for line in lines)


def _listening(
    assembly: Assembly,
    part: ListenPart,
    path: YamlPath,
    step: ListeningStepPart | None,
    tools: dict[str, ToolSpec],
) -> Listening:
    intents: dict[str, str | None] = {}
    for name, goto in part.intents.items():
        if name not in assembly.parts.intent_names:
            hint = did_you_mean(name, assembly.parts.intent_names)
            assembly.complain((*path, "intents", name), f"there is no intent {name!r}{hint}")
        if goto is not None:
            intents[name] = assembly.step(goto, (*path, "intents", name))
        else:
            intent = assembly.parts.intents.get(name)
            intents[name] = intent.goto if intent else None
    return Listening(
        intents=intents,
        keys={key: assembly.step(to, (*path, "keys", key)) for key, to in part.keys.items()},
        no_input_ms=part.no_input_ms,
        hangover_ms=part.hangover_ms,
        instructions=part.instructions,
        idle=tuple(
            IdlePrompt(idle.after_ms, assembly.lines(idle.say, (*path, "idle", place, "say")))
            for place, idle in enumerate(part.idle)
        ),
        silence=(
            SilenceBranch(
                part.silence.after_ms,
                assembly.step(part.silence.goto, (*path, "silence", "goto")),
            )
            if part.silence
            else None
        ),
        engine=engine_of(step) if step else None,
        turn_taking=step.turn_taking if step else None,
        offers=assemble_offers(assembly, part.tools, (*path, "tools"), tools),
        program=_program(assembly, part, path),
    )


def _program(assembly: Assembly, part: ListenPart, path: YamlPath) -> ProgramSlot | None:
    program, where = part.program, (*path, "program")
    if program is None:
        return None
    if part.tools or part.intents:
        assembly.complain(where, "a program brings its own tools: drop 'tools' and 'intents' here")
    line = program.while_running
    return ProgramSlot(
        within_ms=round(program.within_s * 1000),
        while_running=assembly.prompt(line, (*where, "while_running")) if line else None,
    )


def _slots(assembly: Assembly, part: CollectPart, path: YamlPath) -> tuple[Slot, ...]:
    """A step's own slots, and those it takes by name from the flow's."""
    shared = assembly.parts.flow.slots if assembly.parts.flow else {}
    slots = []
    for name, own in part.collect.items():
        if own is not None:
            slots.append(_slot(assembly, name, own, (*path, name)))
        elif name in shared:
            slots.append(_slot(assembly, name, shared[name], ("slots", name)))
        elif assembly.parts.flow is not None:
            hint = did_you_mean(name, shared)
            assembly.complain((*path, name), f"there is no slot {name!r} under slots{hint}")
    return tuple(slots)


_TOLD_KINDS = frozenset(SlotKind) - {SlotKind.YES_NO, SlotKind.NAME, SlotKind.FREE_TEXT}


def told_slots(assembly: Assembly, names: Sequence[str], path: YamlPath) -> tuple[Slot, ...]:
    """Slots of the flow that an intent takes along."""
    shared = assembly.parts.flow.slots if assembly.parts.flow else {}
    slots = []
    for place, name in enumerate(names):
        at = (*path, place)
        part = shared.get(name)
        if part is None:
            hint = did_you_mean(name, shared)
            assembly.complain(at, f"there is no slot {name!r} under slots{hint}")
        elif part.secret or part.keypad_only or part.kind not in _TOLD_KINDS:
            assembly.complain(at, f"{name!r} cannot be told in passing: it has to be asked for")
        else:
            slots.append(_slot(assembly, name, part, ("slots", name)))
    return tuple(slots)


def _slot(assembly: Assembly, name: str, part: SlotPart, path: YamlPath) -> Slot:
    least, most = part.min_length or 1, part.max_length or (200 if part.kind != "digits" else 20)
    if part.length is not None:
        if part.min_length or part.max_length:
            assembly.complain((*path, "length"), "give length, or min_length and max_length")
        least = most = part.length
    elif part.kind is SlotKind.DIGITS and part.max_length is None:
        assembly.complain(path, "how many digits? Give length, or min_length and max_length")
    if least > most:
        assembly.complain((*path, "min_length"), "min_length is above max_length")
    if part.minimum is not None and part.maximum is not None and part.minimum > part.maximum:
        assembly.complain((*path, "minimum"), "minimum is above maximum")
    if part.kind is SlotKind.CHOICE and not part.choices:
        assembly.complain(path, "'choices' is missing: value, then other ways of saying it")
    if part.keypad_only and part.kind not in KEYED_KINDS:
        assembly.complain((*path, "keypad_only"), f"a {part.kind} slot cannot be keyed in")
    if part.secret and not part.keypad_only:
        assembly.complain((*path, "secret"), "a secret is keyed in: add keypad_only: true")
    if part.luhn and part.kind is not SlotKind.DIGITS:
        assembly.complain((*path, "luhn"), f"a {part.kind} slot has no check digit")
    if part.iban and part.kind is not SlotKind.CODE:
        assembly.complain((*path, "iban"), f"a {part.kind} slot is no account number: kind: code")
    if part.choices and part.kind is not SlotKind.CHOICE:
        assembly.complain((*path, "choices"), f"a {part.kind} slot has no choices")
    if part.read_back is not None and "{value}" not in part.read_back:
        assembly.complain((*path, "read_back"), "write {value} where the value is to be spoken")
    return Slot(
        name=name,
        kind=part.kind,
        description=part.description,
        ask=assembly.prompt(part.ask, (*path, "ask")),
        reprompts=assembly.texts(part.reprompts, (*path, "reprompts")),
        read_back=(
            assembly.prompt(part.read_back, (*path, "read_back")) if part.read_back else _READ_BACK
        ),
        confirm=part.confirm,
        min_length=least,
        max_length=most,
        minimum=part.minimum,
        maximum=part.maximum,
        currency=part.currency,
        choices=part.choices,
        dates=part.dates,
        date_order=part.keyed or _date_order(assembly),
        is_keypad_only=part.keypad_only,
        is_secret=part.secret,
        checksum=_checksum(part),
    )


def _checksum(part: SlotPart) -> Checksum:
    if part.luhn:
        return Checksum.LUHN
    return Checksum.IBAN if part.iban else Checksum.NONE


def _date_order(assembly: Assembly) -> DateOrder:
    """Month first where people write it so; day first elsewhere."""
    document = assembly.parts.flow
    is_american = document is not None and document.agent.language == "en-US"
    return DateOrder.MONTH_FIRST if is_american else DateOrder.DAY_FIRST


def _tool(
    assembly: Assembly, name: str, part: ToolStepPart, path: YamlPath, tools: dict[str, ToolSpec]
) -> ToolStep | None:
    next_step = assembly.step(part.next, (*path, "next"))
    arguments = {
        key: assembly.value(value, (*path, "arguments", key))
        for key, value in part.arguments.items()
    }
    failures = {
        code: _failure(assembly, failure, (*path, "on_failure", code))
        for code, failure in part.on_failure.items()
    }
    if part.tool not in assembly.parts.tool_names:
        hint = did_you_mean(part.tool, assembly.parts.tool_names)
        assembly.complain((*path, "tool"), f"there is no tool {part.tool!r}{hint}")
    tool = tools.get(part.tool)
    if tool is None:
        return None
    if isinstance(tool.transport, BuiltinTransport):
        message = "the call does that by itself: write a step of that kind, or offer the tool"
        assembly.complain((*path, "tool"), f"{message} under listen.tools")
        return None
    _check_arguments(assembly, part, path)
    check_waiting(assembly, part, path, tool)
    read = {name for value in arguments.values() for name in value.variables}
    if tool.risk is RiskClass.HIGH and (secret := read & assembly.secrets):
        names = ", ".join(sorted(secret))
        assembly.complain(path, f"{names} is secret and would not outlive the wait for approval")
    if part.background is not None:
        check_background(assembly, part, path, tool, read & assembly.secrets)
    parked = part.on_parked
    return ToolStep(
        name=name,
        tool=tool,
        arguments=arguments,
        next=next_step,
        save_as=part.save_as,
        lines=assembly.lines(part.say, (*path, "say")),
        failures=failures,
        parked_lines=assembly.lines(parked.say, (*path, "on_parked", "say")) if parked else (),
        parked_next=(
            assembly.optional_step(parked.goto, (*path, "on_parked", "goto")) if parked else None
        ),
        background=(
            background_plan(assembly, part.background, (*path, "background"))
            if part.background
            else None
        ),
        wait=_wait(assembly, part.wait, (*path, "wait"), tools) if part.wait else None,
    )


def _wait(
    assembly: Assembly, part: WaitPart, path: YamlPath, tools: dict[str, ToolSpec]
) -> WaitPlan:
    listening = _listening(assembly, listened_to(part), path, None, tools)
    return wait_plan(assembly, part, path, listening)


def _check_arguments(assembly: Assembly, part: ToolStepPart, path: YamlPath) -> None:
    tool = assembly.parts.tools[part.tool]
    if takes_any_argument(tool):
        return  # the tool's server knows, and is asked when the tool is run
    known = argument_names(tool)
    for key in part.arguments:
        if key not in known:
            hint = did_you_mean(key, known)
            assembly.complain(
                (*path, "arguments", key), f"{part.tool!r} takes no argument {key!r}{hint}"
            )
    required = (tool.parameters or {}).get("required")
    for key in required if isinstance(required, list) else ():
        if key not in part.arguments:
            assembly.complain(path, f"{part.tool!r} needs the argument {key!r}")


def _failure(assembly: Assembly, part: FailurePart, path: YamlPath) -> FailureRoute:
    for name in part.forget:
        if name not in assembly.variables:
            assembly.complain((*path, "forget"), f"nothing ever sets the variable {name!r}")
    return failure_route(assembly, part, path)


def failure_route(assembly: Assembly, part: FailurePart, path: YamlPath) -> FailureRoute:
    """A route as written; without ``then`` the call goes to the flow's goodbye."""
    then = part.then
    return FailureRoute(
        lines=assembly.lines(part.say, (*path, "say")),
        goto=assembly.optional_step(part.goto, (*path, "goto")),
        limit=part.limit,
        forget=part.forget,
        fallback=assembly.fallback(then, (*path, "then")) if then else Fallback(),
    )
