"""What happens while the caller is away from the engine: transfers, queues, answering machines."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class TransferCause(StrEnum):
    """Why nobody took a transfer."""

    BUSY = "busy"
    NO_ANSWER = "no_answer"
    REJECTED = "rejected"
    UNREACHABLE = "unreachable"
    OTHERWISE = "otherwise"


@dataclass(frozen=True, slots=True)
class TransferFinished:
    """``cause`` None: what ``sip_status`` means (486 is busy, 408 is no answer, ...)."""

    is_connected: bool
    sip_status: int
    cause: TransferCause | None = None


class QueueOutcome(StrEnum):
    CONNECTED = "connected"
    CALLBACK = "callback"  # the caller asked to be called back
    TIMEOUT = "timeout"
    UNAVAILABLE = "unavailable"  # nobody serves the queue
    LEFT = "left"  # the caller hung up


@dataclass(frozen=True, slots=True)
class QueueFinished:
    """The wait that Enqueue began is over; always sent, once."""

    outcome: QueueOutcome
    waited_ms: int


@dataclass(frozen=True, slots=True)
class QueuePosition:
    """Where the caller stands, 1 is next; ``estimated_wait_ms`` None when nobody can tell."""

    position: int
    estimated_wait_ms: int | None = None


class Answerer(StrEnum):
    """Who took a call that we placed."""

    HUMAN = "human"
    MACHINE = "machine"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class VoicemailDetected:
    """What DetectVoicemail found out, at the latest when its wait is over."""

    kind: Answerer


@dataclass(frozen=True, slots=True)
class BeepHeard:
    """The machine's beep, or the end of the wait for it."""

    was_heard: bool


@dataclass(frozen=True, slots=True)
class DetectVoicemail:
    """Find out within ``wait_ms`` whether a human answered; VoicemailDetected comes back."""

    wait_ms: int


@dataclass(frozen=True, slots=True)
class AwaitBeep:
    """Wait for a machine's beep, at most ``max_ms``; BeepHeard comes back."""

    max_ms: int
