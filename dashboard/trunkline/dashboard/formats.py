"""How values read on a page: durations, clocks, causes, receipts. Pure; no markup."""

from __future__ import annotations

from datetime import datetime, tzinfo
from typing import Any, Final, Protocol

import orjson

from trunkline.domain.call import ANSWERABLE, Answerable, CallState, Direction, EndCause
from trunkline.domain.events import ToolOutcome
from trunkline.storage.views import GuardActionView

STATE_WORDS: Final = {
    CallState.INITIATED: "Starting",
    CallState.RINGING: "Ringing",
    CallState.ANSWERED: "In call",
    CallState.HELD: "On hold",
    CallState.TRANSFERRING: "Transferring",
    CallState.QUEUED: "In a queue",
    CallState.BRIDGED: "With a colleague",
    CallState.ENDING: "Ending",
    CallState.ENDED: "Ended",
}

CAUSE_WORDS: Final = {
    EndCause.CALLER_HANGUP: "Caller hung up",
    EndCause.CALLEE_HANGUP: "Called person hung up",
    EndCause.CALLER_CANCELLED: "Caller gave up before the answer",
    EndCause.AGENT_HANGUP: "Agent finished",
    EndCause.OPERATOR_HANGUP: "Operator hung up",
    EndCause.TRANSFERRED: "Transferred",
    EndCause.BUSY: "Busy",
    EndCause.NO_ANSWER: "Nobody answered",
    EndCause.UNREACHABLE: "Number cannot be reached",
    EndCause.REJECTED: "Rejected",
    EndCause.TRUNK_ERROR: "Trunk failed",
    EndCause.ENGINE_ERROR: "Engine failed",
    EndCause.FLOW_ERROR: "Flow failed",
    EndCause.MEDIA_TIMEOUT: "No audio arrived",
    EndCause.LIMIT_REACHED: "Money or time was used up",
    EndCause.DRAINED: "Drained for shutdown",
    EndCause.EDGE_LOST: "SIP edge was lost",
    EndCause.INTERNAL_ERROR: "Internal error",
}

ANSWERABLE_WORDS: Final = {
    Answerable.CALLER: "caller",
    Answerable.CALLEE: "called person",
    Answerable.AGENT: "agent",
    Answerable.OPERATOR: "operator",
    Answerable.TRUNK: "trunk",
    Answerable.ENGINE: "engine",
    Answerable.US: "Trunkline",
}

OUTCOME_WORDS: Final = {
    ToolOutcome.OK: "OK",
    ToolOutcome.FAILED: "Failed",
    ToolOutcome.TIMED_OUT: "Timed out",
    ToolOutcome.INVALID: "Invalid arguments",
    ToolOutcome.PARKED: "Parked for approval",
    ToolOutcome.UNKNOWN: "Unknown: the call ended meanwhile",
    ToolOutcome.RUNNING: "Running in the background",
}

_GOOD_CAUSES: Final = {
    EndCause.CALLER_HANGUP,
    EndCause.CALLEE_HANGUP,
    EndCause.AGENT_HANGUP,
    EndCause.TRANSFERRED,
    EndCause.OPERATOR_HANGUP,
    EndCause.CALLER_CANCELLED,
}


def duration(ms: int | None) -> str:
    """``0:42``, ``12:07``, ``1:02:09``; an em dash when there is none."""
    if ms is None:
        return "—"
    minutes, seconds = divmod(max(0, ms) // 1000, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{seconds:02}" if hours else f"{minutes}:{seconds:02}"


def milliseconds(ms: float | None) -> str:
    """``412 ms`` below ten seconds, ``12.4 s`` above."""
    if ms is None:
        return "—"
    return f"{ms:.0f} ms" if abs(ms) < 10_000 else f"{ms / 1000:.1f} s"


def amount(value: float) -> str:
    """A counter or a figure: ``1,204``, ``0.42``."""
    return f"{value:,.0f}" if float(value).is_integer() else f"{value:,.2f}"


def epoch_ms(at: datetime | None) -> int | None:
    return None if at is None else int(at.timestamp() * 1000)


def iso(at: datetime) -> str:
    return at.isoformat(timespec="seconds")


def local_time(at: datetime, zone: tzinfo) -> str:
    return at.astimezone(zone).strftime("%H:%M:%S")


def local_day(at: datetime, zone: tzinfo) -> str:
    return at.astimezone(zone).strftime("%a %d %b")


def local_full(at: datetime, zone: tzinfo) -> str:
    return at.astimezone(zone).strftime("%a %d %b %Y %H:%M:%S %Z")


def state_words(state: CallState) -> str:
    return STATE_WORDS[state]


class _Parties(Protocol):
    """A call, live or stored."""

    @property
    def direction(self) -> Direction: ...

    @property
    def state(self) -> CallState: ...

    @property
    def caller_number(self) -> str: ...

    @property
    def called_number(self) -> str: ...


def standing(call: _Parties) -> str:
    """The state in words; a call of ours that has not rung yet is being dialled."""
    if call.direction is Direction.OUTBOUND and call.state is CallState.INITIATED:
        return "Dialling"
    return state_words(call.state)


def caller_words(call: _Parties) -> str:
    if call.caller_number:
        return call.caller_number
    return "Us" if call.direction is Direction.OUTBOUND else "Unknown caller"


def person(call: _Parties) -> str:
    """Whoever is at the other end: the caller, or whom we called."""
    if call.direction is Direction.OUTBOUND:
        return call.called_number or "Unknown number"
    return caller_words(call)


def cause_words(cause: EndCause) -> str:
    return CAUSE_WORDS[cause]


def answerable_words(cause: EndCause) -> str:
    return ANSWERABLE_WORDS[ANSWERABLE[cause]]


def cause_tone(cause: EndCause) -> str:
    """``calm`` for an ordinary end, ``bad`` for one that somebody must look into."""
    return "calm" if cause in _GOOD_CAUSES else "bad"


def outcome_words(outcome: ToolOutcome) -> str:
    return OUTCOME_WORDS[outcome]


def outcome_tone(outcome: ToolOutcome) -> str:
    if outcome is ToolOutcome.OK:
        return "good"
    return "wait" if outcome in (ToolOutcome.PARKED, ToolOutcome.RUNNING) else "bad"


_GUARD_WORDS: Final = {
    "note": "noted",
    "mask": "masked",
    "redact": "left out",
    "refuse": "refused",
    "escalate": "refused, a person told",
    "end": "refused, call ended",
}


def guard_words(found: GuardActionView) -> str:
    """What was done, from the side of whoever spoke."""
    if found.side == "output" and found.action not in ("note", "mask"):
        return "stopped before it was heard"
    return _GUARD_WORDS.get(found.action, found.action)


def guard_tone(action: str) -> str:
    return "calm" if action in ("note", "mask") else "bad"


def response_tone(ms: int) -> str:
    """A caller begins to wonder at about a second."""
    return "good" if ms <= 800 else "wait" if ms <= 1500 else "bad"


def silence_tone(ms: int) -> str:
    return "good" if ms <= 250 else "wait" if ms <= 500 else "bad"


def step_words(step: str) -> str:
    """``ask_account`` reads as ``ask account``."""
    return step.replace("_", " ")


def name_words(name: str) -> str:
    """A receipt's or counter's key as words: ``first_audio_ms`` reads as ``First audio``."""
    words = name.removesuffix("_ms").replace("_", " ").strip()
    return words[:1].upper() + words[1:]


def pretty_json(value: Any) -> str:
    """A document for reading; what is no JSON is shown as text."""
    if isinstance(value, str):
        return value
    try:
        return orjson.dumps(value, option=orjson.OPT_INDENT_2 | orjson.OPT_NON_STR_KEYS).decode()
    except (TypeError, orjson.JSONEncodeError):
        return str(value)


def percent(value: float | None) -> str:
    return "—" if value is None else f"{value * 100:.0f} %"
