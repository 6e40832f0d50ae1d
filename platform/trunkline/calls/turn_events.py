"""What the turn policy is told, and what it decides: values only.

Times are the call's clock: milliseconds counted in samples, never wall time.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from typing import TypeAlias

# ---- what happened -----------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class AgentFloor:
    """How the agent stands at a moment.

    ``is_speaking``: audio is being played or waits for it (paused audio too); ``is_thinking``: a
    response was asked for and has given nothing yet; ``asks``: what is being said is, or has just
    been, a question; ``remaining_ms``: speech that is still to be played.
    """

    is_speaking: bool = False
    is_interruptible: bool = True
    is_thinking: bool = False
    asks: bool = False
    remaining_ms: int = 0


@lru_cache(maxsize=4)
def idle_floor(is_interruptible: bool, is_thinking: bool) -> AgentFloor:
    """Of an agent that has nothing to say."""
    return AgentFloor(False, is_interruptible, is_thinking)


@dataclass(frozen=True, slots=True)
class Heard:
    """One 20 ms frame of the caller, as the edge's detector judged it."""

    at_ms: int
    is_speech: bool
    is_onset: bool
    is_confirmed: bool
    level_dbfs: float
    floor: AgentFloor


@dataclass(frozen=True, slots=True)
class SpeechOpened:
    """The server hears the caller; what comes will be item ``item_id``."""

    at_ms: int
    item_id: str


@dataclass(frozen=True, slots=True)
class Hypothesis:
    """The whole text understood so far of an item that is still being spoken."""

    at_ms: int
    item_id: str
    text: str


@dataclass(frozen=True, slots=True)
class SpeechClosed:
    """The server committed the item: the caller has been silent for the hangover."""

    at_ms: int
    item_id: str


@dataclass(frozen=True, slots=True)
class Transcribed:
    """The final text. ``text`` is None when no transcript could be made.

    ``is_stopped``: it takes the floor as any turn does, and is not to be answered.
    """

    at_ms: int
    item_id: str
    text: str | None
    is_rejected: bool = False
    is_stopped: bool = False


@dataclass(frozen=True, slots=True)
class Listening:
    """The flow waits for the caller; Silent after ``no_input_ms`` in which nobody speaks."""

    at_ms: int
    no_input_ms: int


@dataclass(frozen=True, slots=True)
class NotListening:
    """The flow is busy: what the caller says is kept until it listens again."""

    at_ms: int


@dataclass(frozen=True, slots=True)
class DigitPressed:
    at_ms: int


@dataclass(frozen=True, slots=True)
class Suspended:
    """Hold or transfer: nothing that is heard now belongs to the conversation."""

    at_ms: int


@dataclass(frozen=True, slots=True)
class ServerLost:
    """The session is gone, and with it every utterance that it had not transcribed.

    Nobody could hear the caller: silence does not count until ServerBack.
    """

    at_ms: int


@dataclass(frozen=True, slots=True)
class ServerBack:
    """A session is there again, or none will be: silence counts from here."""

    at_ms: int


TurnEvent: TypeAlias = (
    Heard
    | SpeechOpened
    | Hypothesis
    | SpeechClosed
    | Transcribed
    | Listening
    | NotListening
    | DigitPressed
    | Suspended
    | ServerLost
    | ServerBack
)

# ---- what to do --------------------------------------------------------------------------------


class Reason(StrEnum):
    NOISE = "noise"  # over before it was speech, or nothing could be understood
    BACKCHANNEL = "backchannel"
    WORDS = "words"
    DURATION = "duration"
    DEADLINE = "deadline"
    SPOKEN_OUT = "spoken_out"  # the agent had finished anyway
    MUST_BE_SAID = "must_be_said"  # what is being said may not be interrupted any more


@dataclass(frozen=True, slots=True)
class Pause:
    """Fall silent at the next frame, consuming nothing; ``onset_ms``: when the caller began."""

    onset_ms: int


@dataclass(frozen=True, slots=True)
class Resume:
    """Go on where the pause stopped."""

    reason: Reason


@dataclass(frozen=True, slots=True)
class Interrupt:
    """The caller has the floor: flush, cancel, truncate at what was heard."""

    reason: Reason


@dataclass(frozen=True, slots=True)
class Withdraw:
    """The caller goes on before the agent said anything: cancel the response, wait for the rest."""


@dataclass(frozen=True, slots=True)
class Discard:
    """Take the item out of the conversation: it was no turn."""

    item_id: str
    reason: Reason


@dataclass(frozen=True, slots=True)
class Answer:
    """The caller's turn is over: ask for a response. ``item_id``: the item that ended it."""

    item_id: str


@dataclass(frozen=True, slots=True)
class Unclear:
    """The caller spoke, and nothing could be made of it."""

    item_id: str


@dataclass(frozen=True, slots=True)
class Silent:
    """Nobody spoke for the no-input time."""


TurnDecision: TypeAlias = (
    Pause | Resume | Interrupt | Withdraw | Discard | Answer | Unclear | Silent
)
