"""The second leg of a warm transfer, as a table: dialled, rung, briefed, asked, joined or failed.

Values only. RFC 5359 §2.5 calls the call to the human a consultation; ours is placed and held by
the agent, never by the caller's phone.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from types import MappingProxyType
from typing import Final, TypeAlias

from trunkline.domain.call import EndCause
from trunkline.domain.refusals import unanswered_cause
from trunkline.flows.actions import TransferCause

DECLINED_STATUS: Final = 603
NO_ANSWER_STATUS: Final = 408


class ConsultationStage(StrEnum):
    DIALLING = "dialling"
    RINGING = "ringing"
    BRIEFING = "briefing"
    ASKING = "asking"  # the briefing has been spoken; the human's key is awaited
    JOINED = "joined"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Rang:
    pass


@dataclass(frozen=True, slots=True)
class Answered:
    pass


@dataclass(frozen=True, slots=True)
class Briefed:
    """The briefing was spoken to its end, or there was none to speak."""


@dataclass(frozen=True, slots=True)
class Accepted:
    pass


@dataclass(frozen=True, slots=True)
class Declined:
    pass


@dataclass(frozen=True, slots=True)
class AnsweredByMachine:
    """A recording picked up: there is nobody to give a caller to."""


@dataclass(frozen=True, slots=True)
class LegOver:
    """The human's leg has ended, with the final status of its INVITE or after a BYE."""

    sip_status: int | None = None


@dataclass(frozen=True, slots=True)
class TimedOut:
    pass


ConsultationEvent: TypeAlias = (
    Rang | Answered | Briefed | Accepted | Declined | AnsweredByMachine | LegOver | TimedOut
)

_S: Final = ConsultationStage
_FAILING: Final[Mapping[type[ConsultationEvent], ConsultationStage]] = {
    LegOver: _S.FAILED,
    TimedOut: _S.FAILED,
}

STAGES: Final[Mapping[ConsultationStage, Mapping[type[ConsultationEvent], ConsultationStage]]] = (
    MappingProxyType(
        {
            _S.DIALLING: {Rang: _S.RINGING, Answered: _S.BRIEFING, **_FAILING},
            _S.RINGING: {Rang: _S.RINGING, Answered: _S.BRIEFING, **_FAILING},
            _S.BRIEFING: {
                Briefed: _S.ASKING,
                Accepted: _S.JOINED,
                Declined: _S.FAILED,
                AnsweredByMachine: _S.FAILED,
                **_FAILING,
            },
            _S.ASKING: {
                Accepted: _S.JOINED,
                Declined: _S.FAILED,
                AnsweredByMachine: _S.FAILED,
                **_FAILING,
            },
            _S.JOINED: {},
            _S.FAILED: {},
        }
    )
)


@dataclass(frozen=True, slots=True)
class Consultation:
    """Where the second leg stands. ``needs_key``: staying on the line is not enough.

    ``sip_status`` and ``cause`` tell a failure; a consultation that failed after the answer was
    declined, whatever ended it, unless a machine had answered, which is no answer.
    """

    needs_key: bool = False
    stage: ConsultationStage = _S.DIALLING
    sip_status: int = 0
    cause: TransferCause | None = None

    @property
    def is_settled(self) -> bool:
        return self.stage in (_S.JOINED, _S.FAILED)

    @property
    def is_joined(self) -> bool:
        return self.stage is _S.JOINED

    def after(self, event: ConsultationEvent) -> Consultation:
        """The consultation after ``event``; unchanged when its stage does not know the event."""
        stage = STAGES[self.stage].get(type(event))
        if stage is None:
            return self
        if stage is _S.ASKING and not self.needs_key:
            stage = _S.JOINED
        if stage is not _S.FAILED:
            return replace(self, stage=stage)
        status = self._status(event)
        return replace(self, stage=stage, sip_status=status, cause=cause_of(status))

    def _status(self, event: ConsultationEvent) -> int:
        if isinstance(event, TimedOut | AnsweredByMachine):
            return NO_ANSWER_STATUS
        if self.stage in (_S.BRIEFING, _S.ASKING) or not isinstance(event, LegOver):
            return DECLINED_STATUS
        status = event.sip_status
        return status if status is not None and status >= 300 else DECLINED_STATUS


_CAUSES: Final[Mapping[EndCause, TransferCause]] = MappingProxyType(
    {
        EndCause.BUSY: TransferCause.BUSY,
        EndCause.NO_ANSWER: TransferCause.NO_ANSWER,
        EndCause.REJECTED: TransferCause.REJECTED,
    }
)


def key(digit: str) -> ConsultationEvent | None:
    """What a key means to the human who is being briefed."""
    match digit:
        case "1":
            return Accepted()
        case "2":
            return Declined()
        case _:
            return None


def cause_of(sip_status: int) -> TransferCause:
    """Why nobody took the call, from the final status of the INVITE: ``domain.refusals``."""
    if sip_status < 400:
        return TransferCause.OTHERWISE
    return _CAUSES.get(unanswered_cause(sip_status), TransferCause.UNREACHABLE)
