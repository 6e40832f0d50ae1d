"""The life of one call, as a table. No I/O, no clock, no logging."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Final, TypeAlias


class CallState(StrEnum):
    INITIATED = "initiated"
    RINGING = "ringing"
    ANSWERED = "answered"
    HELD = "held"
    TRANSFERRING = "transferring"
    QUEUED = "queued"
    BRIDGED = "bridged"
    ENDING = "ending"
    ENDED = "ended"


class Direction(StrEnum):
    INBOUND = "inbound"
    OUTBOUND = "outbound"


class EndCause(StrEnum):
    """Why the call ended; ``ANSWERABLE`` says which side is answerable."""

    CALLER_HANGUP = "caller_hangup"
    CALLEE_HANGUP = "callee_hangup"  # of a call that we placed
    CALLER_CANCELLED = "caller_cancelled"
    AGENT_HANGUP = "agent_hangup"
    OPERATOR_HANGUP = "operator_hangup"
    TRANSFERRED = "transferred"
    BUSY = "busy"
    NO_ANSWER = "no_answer"
    UNREACHABLE = "unreachable"
    REJECTED = "rejected"
    TRUNK_ERROR = "trunk_error"
    ENGINE_ERROR = "engine_error"
    FLOW_ERROR = "flow_error"
    MEDIA_TIMEOUT = "media_timeout"
    LIMIT_REACHED = "limit_reached"  # the money or the time that a placed call was given
    DRAINED = "drained"
    EDGE_LOST = "edge_lost"
    INTERNAL_ERROR = "internal_error"


class Answerable(StrEnum):
    CALLER = "caller"
    CALLEE = "callee"
    AGENT = "agent"
    OPERATOR = "operator"
    TRUNK = "trunk"
    ENGINE = "engine"
    US = "us"


ANSWERABLE: Final[Mapping[EndCause, Answerable]] = MappingProxyType(
    {
        EndCause.CALLER_HANGUP: Answerable.CALLER,
        EndCause.CALLEE_HANGUP: Answerable.CALLEE,
        EndCause.CALLER_CANCELLED: Answerable.CALLER,
        EndCause.AGENT_HANGUP: Answerable.AGENT,
        EndCause.OPERATOR_HANGUP: Answerable.OPERATOR,
        EndCause.TRANSFERRED: Answerable.AGENT,
        EndCause.BUSY: Answerable.CALLEE,
        EndCause.NO_ANSWER: Answerable.CALLEE,
        EndCause.UNREACHABLE: Answerable.CALLEE,
        EndCause.REJECTED: Answerable.OPERATOR,
        EndCause.TRUNK_ERROR: Answerable.TRUNK,
        EndCause.ENGINE_ERROR: Answerable.ENGINE,
        EndCause.FLOW_ERROR: Answerable.OPERATOR,
        EndCause.MEDIA_TIMEOUT: Answerable.TRUNK,
        EndCause.LIMIT_REACHED: Answerable.OPERATOR,
        EndCause.DRAINED: Answerable.OPERATOR,
        EndCause.EDGE_LOST: Answerable.US,
        EndCause.INTERNAL_ERROR: Answerable.US,
    }
)


@dataclass(frozen=True, slots=True)
class Ringing:
    pass


@dataclass(frozen=True, slots=True)
class Answered:
    pass


@dataclass(frozen=True, slots=True)
class Held:
    pass


@dataclass(frozen=True, slots=True)
class Unheld:
    pass


@dataclass(frozen=True, slots=True)
class TransferStarted:
    pass


@dataclass(frozen=True, slots=True)
class TransferFailed:
    pass


@dataclass(frozen=True, slots=True)
class Enqueued:
    """The caller waits for a human in a hold queue."""


@dataclass(frozen=True, slots=True)
class Dequeued:
    """The wait ended without a human: the caller is with the agent again."""


@dataclass(frozen=True, slots=True)
class Joined:
    """The caller and a human hear each other, over our own bridge."""


@dataclass(frozen=True, slots=True)
class HandedBack:
    """Whoever had taken the call over has left it: the caller is with the agent again."""


@dataclass(frozen=True, slots=True)
class HangupRequested:
    cause: EndCause


@dataclass(frozen=True, slots=True)
class Disconnected:
    cause: EndCause
    sip_status: int | None = None


CallEvent: TypeAlias = (
    Ringing
    | Answered
    | Held
    | Unheld
    | TransferStarted
    | TransferFailed
    | Enqueued
    | Dequeued
    | Joined
    | HandedBack
    | HangupRequested
    | Disconnected
)

_LEAVING: Final[Mapping[type[CallEvent], CallState]] = {
    HangupRequested: CallState.ENDING,
    Disconnected: CallState.ENDED,
}

TRANSITIONS: Final[Mapping[CallState, Mapping[type[CallEvent], CallState]]] = MappingProxyType(
    {
        CallState.INITIATED: {
            Ringing: CallState.RINGING,
            Answered: CallState.ANSWERED,
            **_LEAVING,
        },
        CallState.RINGING: {Answered: CallState.ANSWERED, **_LEAVING},
        CallState.ANSWERED: {
            Held: CallState.HELD,
            TransferStarted: CallState.TRANSFERRING,
            Enqueued: CallState.QUEUED,
            **_LEAVING,
        },
        CallState.HELD: {
            Unheld: CallState.ANSWERED,
            TransferStarted: CallState.TRANSFERRING,
            Enqueued: CallState.QUEUED,
            **_LEAVING,
        },
        CallState.TRANSFERRING: {
            TransferFailed: CallState.ANSWERED,
            Joined: CallState.BRIDGED,
            **_LEAVING,
        },
        CallState.QUEUED: {
            Dequeued: CallState.ANSWERED,
            Joined: CallState.BRIDGED,
            **_LEAVING,
        },
        CallState.BRIDGED: {HandedBack: CallState.ANSWERED, **_LEAVING},
        CallState.ENDING: {Disconnected: CallState.ENDED},
        CallState.ENDED: {},
    }
)


class IllegalTransition(Exception):
    """The call cannot see this event in its present state."""

    def __init__(self, state: CallState, event: CallEvent) -> None:
        super().__init__(f"{type(event).__name__} is not allowed in {state}")
        self.state = state
        self.event = event


def next_state(state: CallState, event: CallEvent) -> CallState:
    """The state after ``event``; raises IllegalTransition when the table has no such row."""
    try:
        return TRANSITIONS[state][type(event)]
    except KeyError:
        raise IllegalTransition(state, event) from None
