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

from trunkline.calls.withholding import WITHHELD
from trunkline.cli.simulate.observed import Observed, SeenTool, SeenTurn
from trunkline.cli.simulate.simulation import DEFAULT_CALLER, CallTaker
from trunkline.domain.errors import Invalid
from trunkline.domain.events import Json
from trunkline.domain.trunk import normalise_number
from trunkline.flows.secrecy import is_secret_token

_PAUSE_MS: Final = 700  # a longer silence of the agent's before a turn is the turn's own moment
_DIGIT: Final = re.compile(r"\d")
_UNITS: Final = "zero oh one two three four five six seven eight nine double triple"
_TENS: Final = "ten eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen nineteen"
_MORE: Final = "twenty thirty forty fifty sixty seventy eighty ninety hundred thousand"
_NUMERAL: Final = re.compile(
    rf"\b(?:{'|'.join(f'{_UNITS} {_TENS} {_MORE}'.split())})\b", re.IGNORECASE
)
_CALLBACK_KEY: Final = "1"  # the log tells that it was pressed, not which one it is
_STANDS_FOR_SECRET: Final = "0000"
_WITHHELD_NOTE: Final = (
    "# Some of what the caller keyed or said was withheld from the event log. The key 0000, or a\n"
    "# mumble, stands in its place: put a made-up number there.\n"
)
_OUTCOMES: Final = {"busy": (486, 600), "no_answer": (408, 480, 487), "rejected": (403, 603)}


def simulation_from(seen: Observed, title: str, *, keeps_digits: bool) -> str:
    """The YAML text, for text and for audio; Invalid when the log holds no conversation."""
    turns = list(_turns(seen, keeps_digits))
    if not turns and not seen.is_outbound:
        raise Invalid("nobody said or keyed anything in this call: there is nothing to simulate")
    document: dict[str, Any] = {
        "simulation": title,
        "agent": seen.agent,
        "modes": ["text", "audio"],
    }
    ours, theirs = seen.called_number, seen.caller_number
    if seen.is_outbound:
        ours, theirs = theirs, ours
    number = theirs if keeps_digits and theirs else DEFAULT_CALLER
    document["caller"] = {"number": number, "called": ours or "100"}
    if seen.is_outbound:
        document["outbound"] = _outbound(seen, keeps_digits)
    if seen.started_at:
        document["now"] = seen.started_at
    tools = _behaviours(seen.tools)
    if tools:
        document["tools"] = tools
    if seen.transfer_results:
        document["transfers"] = [_outcome(status) for status in seen.transfer_results]
    if seen.queued:
        document["queues"] = {
            queue: {"ahead": position - 1} for queue, position in seen.queued.items()
        }
    document["turns"] = turns
    document["expect"] = _expectations(seen, keeps_digits)
    text = yaml.safe_dump(document, sort_keys=False, allow_unicode=True, width=96)
    is_withheld = any(turn.is_caller and turn.text == WITHHELD for turn in seen.turns)
    return (_WITHHELD_NOTE if is_withheld else "") + text


def _can_be_dialled(number: str) -> bool:
    try:
        normalise_number(number)
    except Invalid:
        return False
    return True


def _outbound(seen: Observed, keeps_digits: bool) -> dict[str, Any]:
    """Who took the call, or why nobody did."""
    if not (seen.turns or seen.steps):
        taker = CallTaker(seen.cause) if seen.cause in set(CallTaker) else CallTaker.NO_ANSWER
        return {"answers": taker.value}
    if seen.answerer == "machine":
        taker = CallTaker.MACHINE if seen.has_beeped else CallTaker.NO_BEEP
        return {"answers": taker.value}
    hello = " ".join(turn.text for turn in seen.turns if _is_hello(turn, seen)).strip()
    if not hello:
        return {"answers": CallTaker.SILENT.value}
    return {"answers": CallTaker.HUMAN.value, "greeting": _masked(hello, keeps_digits)}


def _is_hello(turn: SeenTurn, seen: Observed) -> bool:
    """What somebody said who was called, before the agent did."""
    first = min((one.started_ms for one in seen.turns if not one.is_caller), default=0)
    return seen.is_outbound and turn.is_caller and turn.started_ms < first


def _turns(seen: Observed, keeps_digits: bool) -> Iterator[dict[str, Any]]:
    agent = [turn for turn in seen.turns if not turn.is_caller]
    before_ms = 0
    for at_ms, turn in _contributions(seen):
        begun = [one.started_ms for one in agent if one.started_ms >= before_ms]
        if turn is None:
            since_ms = min((ms for ms in begun if ms <= at_ms), default=before_ms)
            yield {"key": _CALLBACK_KEY, "after_s": round((at_ms - since_ms) / 1000, 1)}
            before_ms = at_ms
            continue
        over = next((one for one in agent if one.started_ms < at_ms < one.ended_ms), None)
        act = _act(turn, keeps_digits)
        if over is not None and "key" not in act:
            since_ms = min(begun, default=over.started_ms)
            act["after_s"] = round(max(at_ms - since_ms, 0) / 1000, 1)
            act["expect"] = {"interrupts": over.is_interrupted}
        before_ms = turn.ended_ms
        yield act
    if seen.cause in ("caller_hangup", "callee_hangup"):
        yield {"hang_up": True}
    elif seen.reason == "no_input":
        yield {"silence": 60}


def _contributions(seen: Observed) -> list[tuple[int, SeenTurn | None]]:
    """What the caller did, by when it began; None is the key that asks for a callback."""
    is_machine = seen.is_outbound and seen.answerer == "machine"
    turns: list[tuple[int, SeenTurn | None]] = [
        (turn.started_ms, turn)
        for turn in seen.turns
        if turn.is_caller and not is_machine and not _is_hello(turn, seen)
    ]
    asked: list[tuple[int, SeenTurn | None]] = [(at_ms, None) for at_ms in seen.callbacks]
    return sorted(turns + asked, key=lambda one: one[0])


def _act(turn: SeenTurn, keeps_digits: bool) -> dict[str, Any]:
    text = _masked(turn.text, keeps_digits)
    is_withheld = turn.text == WITHHELD
    match turn.kind:
        case "digits":
            return {"key": _STANDS_FOR_SECRET if is_withheld else re.sub(r"[^0-9*#A-D]", "", text)}
        case "backchannel":
            return {"backchannel": text or "mhm"}
        case _ if is_withheld or not text.strip():
            return {"mumble": max(round((turn.ended_ms - turn.started_ms) / 1000, 1), 0.5)}
        case _:
            return {"say": text}


def _masked(text: str, keeps_digits: bool) -> str:
    return text if keeps_digits else _NUMERAL.sub("one", _DIGIT.sub("0", text))


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
        wanted["arguments"] = {
            name: value for name, value in run.arguments.items() if not is_secret_token(value)
        }
    if run.code and run.outcome not in ("ok", "parked"):
        wanted["code"] = run.code
    return wanted
