"""YAML to Flow, with line-numbered complaints, all of them at once."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import UTC, tzinfo
from typing import Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from trunkline.domain.agent import VOICES, AgentSpec
from trunkline.domain.errors import Invalid
from trunkline.domain.events import Json
from trunkline.flows.flow import (
    CALL_VARIABLES,
    Flow,
    Intent,
    NoInputPolicy,
    NoMatchPolicy,
    Policies,
)
from trunkline.flows.guard.rules import GuardRules
from trunkline.flows.prompts import PromptError
from trunkline.flows.schema.assembly import Assembly
from trunkline.flows.schema.calendar_parts import assemble_calendar
from trunkline.flows.schema.document import AgentPart, FlowPart, IntentPart, PoliciesPart
from trunkline.flows.schema.escalation_parts import assemble_escalation
from trunkline.flows.schema.guard_parts import GuardrailsPart, assemble_guardrails
from trunkline.flows.schema.parts import Parts, did_you_mean, read_parts, validate_part
from trunkline.flows.schema.pronunciations import assemble_pronunciations
from trunkline.flows.schema.source import Complaint, read_yaml
from trunkline.flows.schema.step_parts import assemble_step, failure_route, told_slots
from trunkline.flows.schema.subflows import assemble_before_answer, assemble_subflows
from trunkline.flows.schema.tool_parts import assemble_servers, assemble_tool
from trunkline.flows.steps import Line
from trunkline.flows.tools import SECRETS
from trunkline.runtime.reach import split_allowed

_VERSION_CHARS: Final = 12
_RESERVED: Final = frozenset({*CALL_VARIABLES, SECRETS, "flow_error", "open", "opens"})


class FlowInvalid(Invalid):
    """A flow file with mistakes; ``complaints`` in order of their lines."""

    default_code = "flow_invalid"

    def __init__(self, complaints: tuple[Complaint, ...], name: str = "flow") -> None:
        super().__init__("\n".join(f"{name}, {complaint}" for complaint in complaints))
        self.complaints = complaints


def load_flow(text: str, *, environment: Mapping[str, str], name: str = "flow") -> Flow:
    """Read, check and assemble; ``environment`` fills variables that say ``from_env``.

    Raises FlowInvalid with everything there is to complain about.
    """
    source = read_yaml(text)
    parts = read_parts(source)
    assembly = Assembly(source, parts)
    flow = _assemble(assembly, parts, environment, flow_version(text))
    if source.complaints or flow is None:
        raise FlowInvalid(tuple(sorted(set(source.complaints))), name)
    return flow


def flow_version(text: str) -> str:
    """The first 12 hex digits of the SHA-256 of the file's text."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:_VERSION_CHARS]


def _assemble(
    assembly: Assembly, parts: Parts, environment: Mapping[str, str], version: str
) -> Flow | None:
    document = parts.flow
    variables = _variables(assembly, document, environment) if document else {}
    hosts = _allowed_hosts(assembly, document, variables) if document else ()
    servers = assemble_servers(assembly, document.mcp_servers, hosts) if document else {}
    tools = {
        name: assemble_tool(assembly, name, part, variables, hosts, servers)
        for name, part in parts.tools.items()
    }
    steps = {
        name: step
        for name, part in parts.steps.items()
        if (step := assemble_step(assembly, name, part, tools)) is not None
    }
    subflows = assemble_subflows(assembly, steps, tools)
    intents = {name: _intent(assembly, name, part) for name, part in parts.intents.items()}
    if document is None:
        return None
    flow = Flow(
        agent=_agent(assembly, document.agent, version),
        start=assembly.step(document.start, ("start",)),
        steps=steps,
        intents=intents,
        tools=tools,
        policies=_policies(assembly, document.policies),
        variables=variables,
        instructions=document.instructions.strip(),
        timezone=_timezone(assembly, document.agent.timezone),
        keys={key: assembly.step(to, ("keys", key)) for key, to in document.keys.items()},
        calendars={
            name: assemble_calendar(assembly, name, part)
            for name, part in document.calendars.items()
        },
        before_answer=assemble_before_answer(assembly, tools),
        subflows=subflows,
        turn_taking=document.turn_taking,
        identity=frozenset(document.identity.by),
        escalation=assemble_escalation(assembly, document),
        guardrails=_guardrails(assembly, document.guardrails),
        pronounce=assemble_pronunciations(assembly, document.pronounce),
    )
    if not assembly.source.complaints:
        try:
            flow.fixed_lines()
        except PromptError as exc:
            assembly.complain(("variables",), f"a fixed line cannot be said: {exc}")
    return flow


def _guardrails(assembly: Assembly, written: Json) -> GuardRules:
    part = validate_part(assembly.source, GuardrailsPart, written, ("guardrails",))
    return GuardRules() if part is None else assemble_guardrails(assembly, part)


def _variables(
    assembly: Assembly, document: FlowPart, environment: Mapping[str, str]
) -> dict[str, Json]:
    values: dict[str, Json] = {}
    for name, part in document.variables.items():
        path = ("variables", name)
        if name in _RESERVED:
            assembly.complain(path, f"{name!r} is set by the call itself: choose another name")
        values[name] = environment.get(part.from_env or "", part.default) or part.default
        if values[name] is None:
            source = f"set {part.from_env} or give" if part.from_env else "give"
            assembly.complain(path, f"it has no value: {source} a default")
    return values


def _allowed_hosts(
    assembly: Assembly, document: FlowPart, variables: Mapping[str, Json]
) -> tuple[str, ...]:
    hosts = []
    for place, text in enumerate(document.allow_hosts):
        path = ("allow_hosts", place)
        prompt = assembly.prompt(text, path, assembly.constants)
        try:
            hosts.append(prompt.render(variables))
            split_allowed(hosts[-1])
        except (PromptError, ValueError) as exc:
            assembly.complain(path, str(exc))
    return tuple(hosts)


def _agent(assembly: Assembly, part: AgentPart, version: str) -> AgentSpec:
    if part.voice not in VOICES:
        hint = did_you_mean(part.voice, VOICES) or f"; there are {', '.join(VOICES)}"
        assembly.complain(("agent", "voice"), f"there is no voice {part.voice!r}{hint}")
    return AgentSpec(
        name=part.name,
        display_name=part.display_name,
        language=part.language,
        voice=part.voice,
        speed=part.speed,
        model=part.engine,
        flow_version=version,
        fallback_model=part.fallback_engine,
    )


def _timezone(assembly: Assembly, name: str) -> tzinfo:
    if name == "UTC":
        return UTC
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        message = f"there is no time zone {name!r}: write one like Europe/London"
        assembly.complain(("agent", "timezone"), message)
        return UTC


def _intent(assembly: Assembly, name: str, part: IntentPart) -> Intent:
    path = ("intents", name)
    if (part.goto is None) == (part.does is None):
        assembly.complain(path, "an intent leads to a step (goto) or does: repeat, one of the two")
    return Intent(
        name=name,
        label=part.label,
        description=part.description,
        examples=part.examples,
        goto=assembly.optional_step(part.goto, (*path, "goto")),
        is_global=part.everywhere,
        takes=told_slots(assembly, part.takes, (*path, "takes")),
    )


def _policies(assembly: Assembly, part: PoliciesPart) -> Policies:
    silent, unclear = part.no_input, part.no_match
    path = ("policies",)
    return Policies(
        no_input=NoInputPolicy(
            after_ms=silent.after_ms,
            reprompts=assembly.lines(silent.reprompts, (*path, "no_input", "reprompts")),
            fallback=assembly.fallback(silent.then, (*path, "no_input", "then")),
        ),
        no_match=NoMatchPolicy(
            reprompts=assembly.lines(unclear.reprompts, (*path, "no_match", "reprompts")),
            fallback=assembly.fallback(unclear.then, (*path, "no_match", "then")),
            max_engine_turns=unclear.max_engine_turns,
        ),
        tool_failure=failure_route(assembly, part.tool_failure, (*path, "tool_failure")),
        engine_failure=assembly.fallback(part.engine_failure, (*path, "engine_failure")),
        flow_error=assembly.fallback(part.flow_error, (*path, "flow_error")),
        goodbye=assembly.lines(part.goodbye, (*path, "goodbye")),
        max_fallbacks=part.max_fallbacks,
        fillers=_fillers(assembly, part),
    )


def _fillers(assembly: Assembly, part: PoliciesPart) -> tuple[Line, ...] | None:
    if part.fillers is None:
        return None
    path = ("policies", "fillers")
    lines = assembly.lines(part.fillers, path)
    if len({line.text for line in part.fillers}) == 1:
        assembly.complain(path, "fillers take turns: write two or more, or none at all ([])")
    return lines
