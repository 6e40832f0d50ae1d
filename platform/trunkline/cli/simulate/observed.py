"""What happened in a call, read from its event log: the same for a simulation and a real call."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from trunkline.domain.events import Json
from trunkline.flows.routes import Route


@dataclass(frozen=True, slots=True)
class SeenTurn:
    """``text`` is what was heard."""

    is_caller: bool
    kind: str
    text: str
    started_ms: int
    ended_ms: int
    step: str
    is_interrupted: bool = False
    response_ms: int | None = None


@dataclass(frozen=True, slots=True)
class SeenTool:
    tool: str
    arguments: Mapping[str, Json]
    outcome: str
    code: str
    step: str
    at_ms: int
    result: Json = None
    attempts: int = 0


@dataclass(slots=True)
class Observed:
    """``steps`` with the moment each was entered, in order; ``variables`` as they were last.

    ``answerer`` and ``has_beeped`` are of a call that was placed; ``queued`` has the first position
    in every queue, ``callbacks`` the moments when a caller in one wanted to be called back,
    ``escalated`` the rules that came true.
    ``visited`` has the steps with their agents, ``routes`` the ways that were taken out of them.
    """

    agent: str = ""
    caller_number: str = ""
    called_number: str = ""
    started_at: str = ""
    steps: list[tuple[str, int]] = field(default_factory=list)
    turns: list[SeenTurn] = field(default_factory=list)
    tools: list[SeenTool] = field(default_factory=list)
    transfers: list[str] = field(default_factory=list)
    transfer_results: list[int] = field(default_factory=list)
    variables: dict[str, Json] = field(default_factory=dict)
    cause: str = ""
    reason: str = ""
    ended_ms: int = 0
    is_outbound: bool = False
    answerer: str = ""
    has_beeped: bool = False
    queued: dict[str, int] = field(default_factory=dict)
    callbacks: list[int] = field(default_factory=list)
    escalated: list[str] = field(default_factory=list)
    visited: set[tuple[str, str]] = field(default_factory=set)
    routes: set[Route] = field(default_factory=set)

    @property
    def said(self) -> str:
        """All that the caller heard."""
        return " ".join(turn.text for turn in self.turns if not turn.is_caller)

    @property
    def step_names(self) -> list[str]:
        return [step for step, _ in self.steps]


def observe(lines: Iterable[Mapping[str, Any]]) -> Observed:
    """The lines of one event log, decoded."""
    seen, agent = Observed(), ""
    for line in lines:
        match line.get("event"):
            case "fact":
                fact = line["document"]
                _take_fact(seen, fact)
                if fact.get("fact") == "step_entered":
                    seen.visited.add((agent or seen.agent, fact["step"]))
                if seen.cause == "transferred" and seen.steps:  # a flow hears of failures only
                    seen.routes.add(Route(agent or seen.agent, seen.steps[-1][0], "connected"))
            case "agent":  # handed to another one
                agent = str(line.get("name", ""))
            case "answerer":
                seen.answerer = str(line.get("answerer", ""))
            case "beep":
                seen.has_beeped = bool(line.get("was_heard"))
            case "route":
                seen.routes.add(Route(line["agent"], line["step"], line["route"]))
            case "variables":
                seen.variables = dict(line["variables"])
            case "hang_up":
                seen.reason = str(line.get("reason", ""))
            case _:
                pass
    return seen


def _take_fact(seen: Observed, fact: Mapping[str, Any]) -> None:
    match fact.get("fact"):
        case "call_started":
            seen.agent, seen.started_at = fact["agent"], fact["at"]
            seen.caller_number = fact["caller_number"]
            seen.called_number = fact["called_number"]
            seen.is_outbound = fact["direction"] == "outbound"
        case "step_entered":
            seen.steps.append((fact["step"], fact["at_ms"]))
        case "turn_ended":
            seen.turns.append(_turn(fact["turn"]))
        case "tool_ran" if fact["outcome"] != "running":  # its end is told by itself
            seen.tools.append(_tool(fact))
        case "transfer_attempted":
            if fact["is_final"]:
                seen.transfers.append(fact["target"])
                seen.transfer_results.append(fact["sip_status"] or 0)
        case "queue_placed" if fact["position"]:
            seen.queued.setdefault(fact["queue"], fact["position"])
        case "callback_requested":
            seen.callbacks.append(fact["at_ms"])
        case "escalation_raised":
            seen.escalated.append(fact["rule"])
        case "call_ended":
            seen.cause, seen.ended_ms = fact["cause"], fact["duration_ms"]
        case _:
            pass


def _turn(turn: Mapping[str, Any]) -> SeenTurn:
    return SeenTurn(
        is_caller=turn["speaker"] == "caller",
        kind=turn["kind"],
        text=turn["text"],
        started_ms=turn["started_ms"],
        ended_ms=turn["ended_ms"],
        step=turn.get("step", ""),
        is_interrupted=turn.get("is_interrupted", False),
        response_ms=turn.get("response_ms"),
    )


def _tool(fact: Mapping[str, Any]) -> SeenTool:
    result = fact.get("result")
    error = result.get("error") if isinstance(result, Mapping) else None
    code = error.get("code", "") if isinstance(error, Mapping) else ""
    return SeenTool(
        tool=fact["tool"],
        arguments=fact["arguments"],
        outcome=fact["outcome"],
        code=str(code),
        step=fact.get("step", ""),
        at_ms=fact["at_ms"],
        result=result,
        attempts=fact.get("attempts", 0),
    )
