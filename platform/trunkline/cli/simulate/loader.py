"""YAML to Simulation: every mistake is told with its line, all of them at once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path
from typing import Final, TypeAlias

from trunkline.cli.simulate.checks import (
    Reach,
    check_behaviours,
    check_expectations,
    check_variables,
    check_world,
    reach_of,
)
from trunkline.cli.simulate.complaints import SimulationsInvalid, validated
from trunkline.cli.simulate.document import (
    ACTS,
    ANSWERS,
    BehaviourPart,
    EndsPart,
    ExpectPart,
    HumanPart,
    OutboundPart,
    SimulationDocument,
    TurnExpectPart,
    TurnPart,
)
from trunkline.cli.simulate.simulation import (
    HELLO,
    MACHINE_GREETING,
    Backchannel,
    CallerAct,
    CallerTurn,
    CallTaker,
    Cough,
    Decision,
    EngineTrouble,
    Expectations,
    Expected,
    ExpectedTool,
    Fails,
    FromService,
    HangUp,
    Human,
    Keys,
    Line,
    Mumble,
    NeverAnswers,
    Outbound,
    QueueAhead,
    Returns,
    Say,
    Silence,
    Simulation,
    ToolAnswer,
    ToolBehaviour,
    TransferOutcome,
    Trouble,
    TurnExpectations,
    Verdict,
)
from trunkline.domain.agent import VOICES
from trunkline.domain.errors import NotFound
from trunkline.domain.events import Json
from trunkline.flows.flow import Flow
from trunkline.flows.schema.source import MAX_CHARS, Complaint, Source, YamlPath, read_yaml

FlowOf: TypeAlias = Callable[[str], Flow]
"""An agent's flow by name; raises NotFound."""

DEFAULT_NOW: Final = "2026-11-23T12:00:00"  # a Monday, at noon where the agent is
_SUFFIXES: Final = frozenset({".yaml", ".yml"})


def load_simulations(paths: Sequence[Path], flow_of: FlowOf) -> list[Simulation]:
    """Files and directories, in order of their names; SimulationsInvalid tells all mistakes."""
    simulations: list[Simulation] = []
    wrong: dict[str, tuple[Complaint, ...]] = {}
    for path in files_in(paths):
        try:
            text = path.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as exc:
            wrong[str(path)] = (Complaint(1, "", f"cannot be read: {exc}"),)
            continue
        try:
            simulations.append(load_simulation(text, flow_of, path=path))
        except SimulationsInvalid as exc:
            wrong |= exc.complaints
    if wrong:
        raise SimulationsInvalid(wrong)
    return simulations


def files_in(paths: Sequence[Path]) -> list[Path]:
    """What is named itself, and every YAML file below a directory; each once."""
    found: dict[Path, None] = {}
    for path in paths:
        below = [path] if not path.is_dir() else sorted(path.rglob("*"))
        for one in below:
            if one == path and not path.is_dir() or one.suffix in _SUFFIXES and one.is_file():
                found[one] = None
    return list(found)


def load_simulation(text: str, flow_of: FlowOf, *, path: Path = Path("simulation")) -> Simulation:
    """One file; the agent is the one it names, else the directory it lies in."""
    source = read_yaml(text[: MAX_CHARS + 1])
    document = validated(source, SimulationDocument)
    simulation = None
    if document is not None:
        agent = document.agent or path.parent.name
        try:
            flow = flow_of(agent)
        except NotFound as exc:
            source.complain(("agent",), exc.message)
        else:
            reach = reach_of(flow, flow_of)
            simulation = _assemble(_At(source), document, reach, path)
    if source.complaints or simulation is None:
        raise SimulationsInvalid({str(path): tuple(sorted(set(source.complaints)))})
    return simulation


class _At:
    """Makes values that know their lines."""

    def __init__(self, source: Source) -> None:
        self.source = source

    def __call__(self, path: YamlPath, value: Json) -> Expected:
        return Expected(value, self.source.line_of(path))

    def many(self, path: YamlPath, values: Sequence[Json]) -> tuple[Expected, ...]:
        return tuple(self((*path, place), value) for place, value in enumerate(values))

    def maybe(self, path: YamlPath, value: Json) -> Expected | None:
        return None if value is None else self(path, value)


def _assemble(at: _At, document: SimulationDocument, reach: Reach, path: Path) -> Simulation | None:
    source, flow = at.source, reach.flow
    modes = frozenset(document.modes)
    tools = {
        name: tuple(
            _behaviour(at, part, ("tools", name, place)) for place, part in enumerate(parts)
        )
        for name, parts in document.tools.items()
    }
    simulation = Simulation(
        name=path.stem,
        title=document.simulation,
        agent=flow.agent.name,
        now=_now(at, document.now, flow),
        turns=tuple(
            _turn(at, part, ("turns", place), modes) for place, part in enumerate(document.turns)
        ),
        expect=_expectations(at, document.expect),
        path=path,
        modes=modes,
        seed=document.seed,
        caller_number=document.caller.number,
        called_number=document.caller.called,
        variables=document.variables,
        tools=tools,
        transfers=tuple(_human(one) for one in document.transfers),
        queues={name: QueueAhead(**part.model_dump()) for name, part in document.queues.items()},
        approvals=tuple(
            Decision(Verdict(one.decision), one.after_s, one.by, one.edit)
            for one in document.approval
        ),
        outbound=_outbound(document.outbound),
        answer_within_s=document.answer_within_s,
        line=Line(**document.line.model_dump()),
    )
    if document.line.voice not in VOICES:
        source.complain(("line", "voice"), f"there are the voices {', '.join(VOICES)}")
    check_variables(source, simulation, reach)
    check_world(source, simulation, reach)
    check_behaviours(source, simulation, reach)
    check_expectations(source, simulation, reach)
    return simulation


def _now(at: _At, text: str | None, flow: Flow) -> datetime:
    try:
        now = datetime.fromisoformat(text or DEFAULT_NOW)
    except ValueError:
        at.source.complain(("now",), f"is a moment such as {DEFAULT_NOW}, not {text!r}")
        now = datetime.fromisoformat(DEFAULT_NOW)
    return now if now.tzinfo else now.replace(tzinfo=flow.timezone)


# ---- turns -------------------------------------------------------------------------------------


def _turn(at: _At, part: TurnPart, path: YamlPath, modes: frozenset[str]) -> CallerTurn:
    source = at.source
    given = [name for name in ACTS if getattr(part, name) is not None]
    if len(given) != 1:
        found = f"this has {' and '.join(given)}" if given else "this has none"
        source.complain(path, f"a turn is one of {', '.join(ACTS)}; {found}")
        return CallerTurn(Silence(0), source.line_of(path))
    act = _act(part, given[0])
    if part.after_s is not None and isinstance(act, Silence | Trouble):
        source.complain((*path, "after_s"), f"does not go with {given[0]}")
    if isinstance(act, Trouble) and "audio" in modes:
        source.complain((*path, "engine"), "is for text only: an audio call has a real engine")
    if isinstance(act, Say) and not act.text.strip():
        source.complain((*path, "say"), "says nothing: use silence for that")
    if part.voice is not None and part.voice not in VOICES:
        source.complain((*path, "voice"), f"there are the voices {', '.join(VOICES)}")
    if "audio" not in modes:
        for name in ("snr_db", "voice"):
            if getattr(part, name) is not None:
                source.complain((*path, name), "is for audio: add modes: [text, audio]")
        if part.expect.hears:
            message = "text is heard as it is written: add modes: [text, audio], or leave it out"
            source.complain((*path, "expect", "hears"), message)
    if part.expect.interrupts is not None and part.after_s is None:
        message = "the agent is silent by then: give after_s, or leave it out"
        source.complain((*path, "expect", "interrupts"), message)
    return CallerTurn(
        act=act,
        line=source.line_of(path),
        after_s=part.after_s,
        snr_db=part.snr_db,
        voice=part.voice,
        expect=_turn_expectations(at, part.expect, (*path, "expect")),
    )


def _act(part: TurnPart, name: str) -> CallerAct:
    match name:
        case "say":
            return Say(tuple(part.say or ()), part.confidence)
        case "key":
            return Keys(part.key or "")
        case "silence":
            return Silence(part.silence or 0)
        case "backchannel":
            return Backchannel(part.backchannel or "")
        case "mumble":
            return Mumble(part.mumble or 0)
        case "cough":
            return Cough()
        case "engine":
            return Trouble(EngineTrouble(part.engine or ""))
        case _:
            return HangUp()


def _turn_expectations(at: _At, part: TurnExpectPart, path: YamlPath) -> TurnExpectations:
    return TurnExpectations(
        says=at.many((*path, "says"), part.says),
        never_says=at.many((*path, "never_says"), part.never_says),
        matches=at.many((*path, "matches"), part.matches),
        hears=at.many((*path, "hears"), part.hears),
        step=at.maybe((*path, "step"), part.step),
        within_ms=at.maybe((*path, "within_ms"), part.within_ms),
        interrupts=at.maybe((*path, "interrupts"), part.interrupts),
    )


# ---- the world ---------------------------------------------------------------------------------


def _behaviour(at: _At, part: BehaviourPart, path: YamlPath) -> ToolBehaviour:
    given = [name for name in ANSWERS if name in part.model_fields_set]
    if len(given) != 1:
        at.source.complain(path, f"one run of a tool has one of {', '.join(ANSWERS)}")
    if "times" in part.model_fields_set and given != ["fault"]:
        at.source.complain((*path, "times"), "goes with fault: list other answers one by one")
    return ToolBehaviour(_answer(part, given), at.source.line_of(path), part.after_s)


def _answer(part: BehaviourPart, given: list[str]) -> ToolAnswer:
    match given:
        case ["result"]:
            return Returns(part.result)
        case ["error"]:
            return Fails(part.error or "")
        case ["never"]:
            return NeverAnswers()
        case ["fault"]:
            return FromService(part.fault or "", part.times or 0)
        case _:
            return FromService()


def _human(part: HumanPart) -> Human:
    return Human(TransferOutcome(part.outcome), part.rings_s, part.talks_s)


def _outbound(part: OutboundPart | None) -> Outbound | None:
    if part is None:
        return None
    taker = CallTaker(part.answers)
    usual = {CallTaker.HUMAN: HELLO, CallTaker.MACHINE: MACHINE_GREETING}
    usual[CallTaker.NO_BEEP] = MACHINE_GREETING
    return Outbound(taker, part.rings_s, part.greeting or usual.get(taker, ""))


def _expectations(at: _At, part: ExpectPart) -> Expectations:
    path: YamlPath = ("expect",)
    tools = None
    if part.tools is not None:
        tools = tuple(
            ExpectedTool(
                one.tool,
                at.source.line_of((*path, "tools", place)),
                one.arguments,
                one.outcome,
                one.code,
            )
            for place, one in enumerate(part.tools)
        )
    return Expectations(
        steps=at.many((*path, "steps"), part.steps),
        only_steps=at.maybe((*path, "only_steps"), part.only_steps),
        never_steps=at.many((*path, "never_steps"), part.never_steps),
        variables={
            name: at((*path, "variables", name), value) for name, value in part.variables.items()
        },
        tools=tools,
        tools_line=at.source.line_of((*path, "tools")),
        never_tools=at.many((*path, "never_tools"), part.never_tools),
        says=at.many((*path, "says"), part.says),
        never_says=at.many((*path, "never_says"), part.never_says),
        matches=at.many((*path, "matches"), part.matches),
        within_ms=at.maybe((*path, "within_ms"), part.within_ms),
        ends=_ends(at, part.ends, (*path, "ends")),
        transferred_to=at.maybe((*path, "transferred_to"), part.transferred_to),
        escalated=at.maybe((*path, "escalated"), part.escalated),
        flow_error=at.maybe((*path, "flow_error"), part.flow_error),
    )


def _ends(at: _At, part: EndsPart, path: YamlPath) -> dict[str, Expected]:
    given = part.model_dump(exclude_none=True)
    return {name: at((*path, name), value) for name, value in given.items()}
