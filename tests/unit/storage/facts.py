"""A call as the facts an edge publishes; builders with sensible values."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from trunkline.domain.call import CallState, Direction, EndCause
from trunkline.domain.events import (
    ApprovalParked,
    CallAnswered,
    CallEnded,
    CallFact,
    CallStarted,
    CallStateChanged,
    RecordingClosed,
    RecordingState,
    StepEntered,
    ToolOutcome,
    ToolRan,
    TransferAttempted,
    TurnEnded,
)
from trunkline.domain.ids import ApprovalId, CallId, LegId, ToolRunId, TurnId
from trunkline.domain.leg import SipStep
from trunkline.domain.turn import Speaker, SpokenWord, Turn, TurnKind, WordFate

NOON = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
CALL = CallId("call_bcdfghjk23456789bcdf")


def after(seconds: float) -> datetime:
    return NOON + timedelta(seconds=seconds)


def started(call_id: CallId = CALL, at: datetime = NOON, **changes: Any) -> CallStarted:
    fields: dict[str, Any] = {
        "call_id": call_id,
        "at": at,
        "leg_id": LegId(f"leg_{call_id[5:]}"),
        "direction": Direction.INBOUND,
        "trunk": "local",
        "caller_number": "+4930123456",
        "called_number": "100",
        "agent": "energy",
        "flow_version": "f1",
        "engine": "cascade",
        "edge_id": "edge_one",
        "sip_call_id": "abc@host",
    }
    return CallStarted(**{**fields, **changes})


def answered(call_id: CallId = CALL, at: datetime = NOON) -> CallAnswered:
    return CallAnswered(call_id=call_id, at=at, codec="PCMU/8000", setup_ms=180)


def state(to: CallState, at: datetime, call_id: CallId = CALL) -> CallStateChanged:
    return CallStateChanged(call_id=call_id, at=at, state=to)


def agent_turn(call_id: CallId = CALL, seq: int = 1, at: datetime = NOON) -> TurnEnded:
    """An agent's turn that the caller cut after two words."""
    words = (
        SpokenWord("Good", 300, 500),
        SpokenWord("morning", 500, 900),
        SpokenWord("and", 900, 1000, WordFate.CUT),
        SpokenWord("welcome", 1000, 1500, WordFate.GENERATED, is_estimated=True),
    )
    turn = Turn(
        turn_id=TurnId(f"turn_{call_id[5:]}_{seq}"),
        seq=seq,
        speaker=Speaker.AGENT,
        kind=TurnKind.SAY,
        text="Good morning",
        generated_text="Good morning and welcome",
        started_ms=300,
        ended_ms=950,
        is_interrupted=True,
        words=words,
        step="greeting",
        response_ms=240,
        stop_to_silence_ms=120,
    )
    return TurnEnded(call_id=call_id, at=at, turn=turn)


def caller_turn(text: str, call_id: CallId = CALL, seq: int = 2, at: datetime = NOON) -> TurnEnded:
    turn = Turn(
        turn_id=TurnId(f"turn_{call_id[5:]}_{seq}"),
        seq=seq,
        speaker=Speaker.CALLER,
        kind=TurnKind.SPEECH,
        text=text,
        started_ms=1000 * seq,
        ended_ms=1000 * seq + 800,
        confidence=0.83,
    )
    return TurnEnded(call_id=call_id, at=at, turn=turn)


def ended(
    call_id: CallId = CALL,
    at: datetime = NOON + timedelta(seconds=20),
    cause: EndCause = EndCause.CALLER_HANGUP,
) -> CallEnded:
    return CallEnded(
        call_id=call_id,
        at=at,
        cause=cause,
        sip_status=200,
        reason="BYE",
        duration_ms=20_000,
        stats={"rx_packets": 1000.0, "rx_lost": 0.0},
        receipts={"setup_ms": 180.0},
        usage={"input_tokens": 12},
        signalling=(
            SipStep(0, False, "INVITE", "192.0.2.1:5060"),
            SipStep(180, True, "200 OK (INVITE)", "192.0.2.1:5060"),
        ),
        media_problem="not one packet came",
    )


def whole_call(call_id: CallId = CALL) -> list[CallFact]:
    return [
        started(call_id),
        state(CallState.RINGING, after(0.05), call_id),
        answered(call_id, after(0.2)),
        state(CallState.ANSWERED, after(0.2), call_id),
        StepEntered(call_id=call_id, at=after(0.2), at_ms=0, step="greeting"),
        agent_turn(call_id, at=after(1)),
        caller_turn("what is my balance", call_id, at=after(3)),
        StepEntered(call_id=call_id, at=after(3), at_ms=2800, step="balance"),
        ToolRan(
            call_id=call_id,
            at=after(4),
            at_ms=3800,
            run_id=ToolRunId(f"run_{call_id[5:]}"),
            tool="balance",
            arguments={"account": "44172908"},
            outcome=ToolOutcome.OK,
            result={"owed": "182.40", "lines": [1, 2.5, None, True]},
            duration_ms=40,
            attempts=1,
            step="balance",
        ),
        ApprovalParked(
            call_id=call_id,
            at=after(5),
            at_ms=4800,
            approval_id=ApprovalId(f"appr_{call_id[5:]}"),
            run_id=ToolRunId(f"run2_{call_id[5:]}"),
            tool="pay",
            arguments={"amount": "240.50"},
            arguments_hash="cafe",
            flow_version="f1",
        ),
        TransferAttempted(
            call_id=call_id,
            at=after(6),
            at_ms=5800,
            target="sip:desk@example.org",
            is_final=True,
            sip_status=486,
        ),
        RecordingClosed(
            call_id=call_id,
            at=after(20),
            path=f"recordings/2026/11/{call_id}.wav",
            state=RecordingState.COMPLETE,
            duration_ms=19_800,
            sample_rate_hz=8000,
        ),
        ended(call_id),
    ]
