"""People who look after a call as its pages show it: escalations, and who takes the call over."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from trunkline.domain.escalation import EscalationState
from trunkline.domain.events import EscalationRaised, TakeOverChanged
from trunkline.domain.take_over import CLOSED, TakeOverCause, TakeOverStage
from trunkline.storage.escalations import EscalationView
from trunkline.storage.take_overs import TakeOverView

URGENCY_TONES: Final = {"high": "bad", "normal": "wait", "low": "calm"}
STATE_TONES: Final = {"raised": "wait", "acknowledged": "state-ringing", "resolved": "good"}

_STAGES: Final = {
    TakeOverStage.ASKED: "asked",
    TakeOverStage.RINGING: "the phone rings",
    TakeOverStage.ANSWERED: "the phone was answered; press 1 to take the call",
    TakeOverStage.JOINED: "talks to the caller; * gives the call back",
    TakeOverStage.HANDED_BACK: "gave the call back",
    TakeOverStage.FAILED: "came to nothing",
    TakeOverStage.ENDED: "until the call ended",
}
_CAUSES: Final = {
    TakeOverCause.BUSY: "the phone is busy",
    TakeOverCause.NO_ANSWER: "nobody answered",
    TakeOverCause.REJECTED: "it was declined, or that phone may not be called",
    TakeOverCause.UNREACHABLE: "the phone cannot be reached",
    TakeOverCause.NOT_FREE: "the caller is on hold, on the way to somebody, or saying goodbye",
    TakeOverCause.UNDER_WAY: "somebody else is taking it over",
    TakeOverCause.CALL_OVER: "the call is over",
    TakeOverCause.EDGE_AWAY: "whoever carries the call does not answer",
}


@dataclass(frozen=True, slots=True)
class EscalationMoment:
    """One escalation on a call's timeline."""

    escalation_id: str
    rule: str
    urgency: str
    to: str
    why: str
    at_ms: int
    state: str = EscalationState.RAISED.value

    @classmethod
    def stored(cls, view: EscalationView) -> EscalationMoment:
        one = view.escalation
        return cls(
            one.escalation_id, view.rule, view.urgency, view.to, view.why, view.at_ms,
            one.state.value,
        )  # fmt: skip

    @classmethod
    def told(cls, fact: EscalationRaised) -> EscalationMoment:
        return cls(fact.escalation_id, fact.rule, fact.urgency, fact.to, fact.why, fact.at_ms)


@dataclass(frozen=True, slots=True)
class TakeOverMoment:
    """Who takes the call over, as it stands."""

    take_over_id: str
    by: str
    stage: TakeOverStage
    cause: str
    at_ms: int

    @classmethod
    def stored(cls, view: TakeOverView, at_ms: int) -> TakeOverMoment:
        return cls(view.take_over_id, view.by, view.stage, view.cause, at_ms)

    @classmethod
    def told(cls, fact: TakeOverChanged) -> TakeOverMoment:
        stage = TakeOverStage(fact.stage)
        return cls(fact.take_over_id, fact.by, stage, fact.cause, fact.at_ms)

    @property
    def is_open(self) -> bool:
        return self.stage not in CLOSED

    @property
    def words(self) -> str:
        words = _STAGES[self.stage]
        known = TakeOverCause.__members__.get(self.cause.upper())
        return f"{words}: {_CAUSES[known]}" if known is not None else words

    @property
    def tone(self) -> str:
        if self.stage is TakeOverStage.FAILED:
            return "bad"
        return "wait" if self.is_open else "good"
