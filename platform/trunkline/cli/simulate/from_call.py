"""A call that happened, written down as a simulation: what was recognised, and what came of it.

Keyed and spoken numbers, the caller's number and tool arguments are kept only when asked for, since
they are the caller's own. Other words, and what tools answered, stand as they were: whoever keeps
the file reads it first.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

import yaml

from trunkline.cli.simulate.observed import Observed, SeenTool, SeenTurn
from trunkline.cli.simulate.simulation import DEFAULT_CALLER
from trunkline.domain.errors import Invalid
from trunkline.domain.events import Json

_PAUSE_MS: Final = 700  # a longer silence of the agent's before a turn is the turn's own moment
_DIGIT: Final = re.compile(r"\d")
_UNITS: Final = "zero oh one two three four five six seven eight nine double triple"
_TENS: Final = "ten eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen nineteen"
_MORE: Final = "twenty thirty forty fifty sixty seventy eighty ninety hundred thousand"
_NUMERAL: Final = re.compile(
    rf"\b(?:{'|'.join(f'{_UNITS} {_TENS} {_MORE}'.split())})\b", re.IGNORECASE
)
_OUTCOMES: Final = {"busy": (486, 600), "no_answer": (408, 480, 487), "rejected": (403, 603)}


def simulation_from(seen: Observed, title: str, *, keeps_digits: bool) -> str:
    """The YAML text; Invalid when the log holds no conversation."""
    turns = list(_turns(seen, keeps_digits))
    if not turns:
        raise Invalid("nobody said or keyed anything in this call: there is nothing to simulate")
    document: dict[str, Any] = {"simulation": title, "agent": seen.agent}
    if keeps_digits and seen.caller_number:
        document["caller"] = {"number": seen.caller_number, "called": seen.called_number or "100"}
    else:
        document["caller"] = {"number": DEFAULT_CALLER, "called": seen.called_number or "100"}
    if seen.started_at:
        document["now"] = seen.started_at
    tools = _behaviours(seen.tools)
    if tools:
        document["tools"] = tools
    if seen.transfer_results:
        document["transfers"] = [_outcome(status) for status in seen.transfer_results]
    document["turns"] = turns
    document["expect"] = _expectations(seen, keeps_digits)
    return yaml.safe_dump(document, sort_keys=False, allow_unicode=True, width=96)


def _turns(seen: Observed, keeps_digits: bool) -> Iterator[dict[str, Any]]:
    agent = [turn for turn in seen.turns if not turn.is_caller]
    before_ms = 0
    for turn in sorted(
        (one for one in seen.turns if one.is_caller), key=lambda one: one.started_ms
    ):
        over = next((one for one in agent if one.started_ms < turn.started_ms < one.ended_ms), None)
        act = _act(turn, keeps_digits)
        if over is not None and "key" not in act:
            begun = [one.started_ms for one in agent if one.started_ms >= before_ms]
            since_ms = min(begun, default=over.started_ms)
            act["after_s"] = round(max(turn.started_ms - since_ms, 0) / 1000, 1)
            act["expect"] = {"interrupts": over.is_interrupted}
        before_ms = turn.ended_ms
        yield act
    if seen.cause in ("caller_hangup", "callee_hangup"):
        yield {"hang_up": True}
    elif seen.reason == "no_input":
        yield {"silence": 60}


def _act(turn: SeenTurn, keeps_digits: bool) -> dict[str, Any]:
    text = turn.text if keeps_digits else _NUMERAL.sub("one", _DIGIT.sub("0", turn.text))
    match turn.kind:
        case "digits":
            return {"key": re.sub(r"[^0-9*#A-D]", "", text)}
        case "backchannel":
            return {"backchannel": text or "mhm"}
        case _ if not text.strip():
            return {"mumble": max(round((turn.ended_ms - turn.started_ms) / 1000, 1), 0.5)}
        case _:
            return {"say": text}


def _behaviours(runs: Sequence[SeenTool]) -> dict[str, list[Any]]:
    """Each run answers as it did; a parked one was never run."""
    found: dict[str, list[Any]] = {}
    for run in runs:
        answers = found.setdefault(run.tool, [])
        match run.outcome:
            case "ok":
                answers.append({"result": run.result})
            case "timed_out":
                answers.append("never")
            case "parked" | "invalid":
                pass
            case _:
                answers.append({"error": run.code or "failed"})
    return {tool: answers for tool, answers in found.items() if answers}


def _outcome(status: int) -> str:
    if 200 <= status < 300:
        return "answered"
    for name, statuses in _OUTCOMES.items():
        if status in statuses:
            return name
    return "unreachable"


def _expectations(seen: Observed, keeps_digits: bool) -> dict[str, Json]:
    expect: dict[str, Json] = {"only_steps": seen.step_names}
    if seen.tools:
        expect["tools"] = [_expected(run, keeps_digits) for run in seen.tools]
    ends = {"cause": seen.cause, "reason": seen.reason}
    expect["ends"] = {name: value for name, value in ends.items() if value}
    if "flow_error" in seen.variables:
        expect["flow_error"] = True
    return expect


def _expected(run: SeenTool, keeps_digits: bool) -> Mapping[str, Json]:
    wanted: dict[str, Json] = {"tool": run.tool, "outcome": run.outcome}
    if keeps_digits:
        wanted["arguments"] = dict(run.arguments)
    if run.code and run.outcome not in ("ok", "parked"):
        wanted["code"] = run.code
    return wanted
