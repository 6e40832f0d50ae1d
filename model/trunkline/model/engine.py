"""What stands behind the Realtime endpoint: one protocol for every engine.

The connection (``connection.py``) owns the conversation: items, the input buffer, turn detection,
response objects, ids, pacing and usage. An engine session hears committed or running audio,
transcribes it, and produces responses. Times are counted in samples of the session's input audio.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Literal, Protocol, TypeAlias

from trunkline.domain.audio import WordMark
from trunkline.domain.events import Json


@dataclass(frozen=True, slots=True)
class EngineCapabilities:
    """What a session may ask of an engine; never an isinstance check."""

    partial_transcripts: bool
    word_times: bool
    tools: bool
    vision: bool = False
    own_turn_detection: bool = False
    word_probabilities: bool = False  # Transcribed says how sure it is of each word
    foresees: bool = False  # can understand a turn that may be over, and go on with it if it is not
    rehearses: bool = False  # a response that is thrown away costs nothing and changes nothing
    input_rate_hz: int = 16000  # PCM16 mono that ``feed`` takes
    output_rate_hz: int = 16000  # PCM16 mono that SpeechDelta carries


@dataclass(frozen=True, slots=True)
class EngineConfig:
    """The part of the session object an engine needs; replaced as a whole on session.update."""

    model: str
    instructions: str = ""
    voice: str = "alloy"
    speed: float = 1.0
    language: str = "en"
    tools: Sequence[Mapping[str, Json]] = ()
    tool_choice: str | Mapping[str, Json] = "auto"
    modalities: tuple[Literal["audio", "text"], ...] = ("audio",)
    max_output_tokens: int | None = None
    transcription_prompt: str = ""
    keywords: tuple[str, ...] = ()
    is_narrowband: bool = False  # the input is G.711: telephone band
    reasoning_effort: str = ""  # minimal to xhigh; for models that reason


class ItemRole(StrEnum):
    SYSTEM = "system"
    USER = "user"
    ASSISTANT = "assistant"
    FUNCTION_CALL = "function_call"
    FUNCTION_OUTPUT = "function_call_output"


@dataclass(frozen=True, slots=True)
class HistoryItem:
    """One conversation item as the engine sees it: assistant text is cut at what was heard."""

    item_id: str
    role: ItemRole
    text: str = ""  # message text, or the function's output
    name: str = ""
    call_id: str = ""
    arguments: str = ""  # JSON
    confidence: float | None = None  # user audio: the recogniser's own, 0..1
    was_audio: bool = False
    images: tuple[str, ...] = ()  # data URLs, PNG or JPEG; only for engines that see


class Rehearsal:
    """A response that is made before anybody has asked for it, and may never be asked for.

    Whatever it would change is told to ``then``, and is done when it is adopted, if it ever is.
    """

    def __init__(self) -> None:
        self._effects: list[Callable[[], None]] = []
        self._is_adopted = False

    def then(self, effect: Callable[[], None]) -> None:
        if self._is_adopted:
            effect()
        else:
            self._effects.append(effect)

    def adopt(self) -> None:
        self._is_adopted = True
        effects, self._effects = self._effects, []
        for effect in effects:
            effect()


@dataclass(frozen=True, slots=True)
class ResponseRequest:
    """One response.create, with overrides applied: ``history`` is the context, oldest first.

    ``is_out_of_band``: the context is not the conversation, whose state it must not touch.
    ``rehearsal``: nothing may change unless and until it is adopted.
    """

    response_id: str
    history: Sequence[HistoryItem]
    config: EngineConfig
    is_out_of_band: bool = False
    rehearsal: Rehearsal | None = None


# ---- what an engine says about the caller ------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Hypothesis:
    """The whole text understood so far for a running turn; may still change.

    ``is_answer``: yes or no to what was just asked, and nothing else.
    """

    item_id: str
    text: str
    is_answer: bool = False


@dataclass(frozen=True, slots=True)
class Transcribed:
    """Final for an item. ``text`` is empty when nothing was understood.

    ``is_rejected``: what was heard should not be acted on. ``confidence`` 0..1; ``alternatives``
    best first; ``word_probabilities`` 0..1, one for each of ``words`` or none at all.
    """

    item_id: str
    text: str
    confidence: float | None = None
    is_rejected: bool = False
    words: tuple[WordMark, ...] = ()
    alternatives: tuple[str, ...] = ()
    word_probabilities: tuple[float, ...] = ()


@dataclass(frozen=True, slots=True)
class Foreseen:
    """What ``foresee`` was for: the turn's Transcribed will be this, unless the caller goes on."""

    item_id: str
    text: str
    confidence: float | None = None
    is_rejected: bool = False


@dataclass(frozen=True, slots=True)
class TranscriptionFailed:
    item_id: str
    code: str
    message: str


EngineEvent: TypeAlias = Hypothesis | Foreseen | Transcribed | TranscriptionFailed

# ---- what an engine says to the caller ---------------------------------------------------------


@dataclass(frozen=True, slots=True)
class SpeechDelta:
    """Agent speech: PCM16 at ``output_rate_hz``.

    ``text`` is the transcript that begins in this delta and ``words`` are its marks, in ms from the
    start of the item's audio. ``is_spare``: another voice stood in for the one that was wanted.
    """

    pcm: bytes
    text: str = ""
    words: tuple[WordMark, ...] = ()
    is_spare: bool = False


@dataclass(frozen=True, slots=True)
class TextDelta:
    text: str


@dataclass(frozen=True, slots=True)
class ToolCalled:
    """A complete function call; ``arguments`` is JSON that satisfies the tool's schema."""

    name: str
    arguments: str
    # Values the caller never said (filled because a call was forced), by JSON pointer.
    synthesised: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ResponseEnded:
    status: Literal["completed", "incomplete", "failed"] = "completed"
    reason: str = ""
    code: str = ""
    message: str = ""
    input_tokens: Mapping[str, int] = field(default_factory=dict)
    output_tokens: Mapping[str, int] = field(default_factory=dict)


ResponsePart: TypeAlias = SpeechDelta | TextDelta | ToolCalled | ResponseEnded


class EngineSession(Protocol):
    """One conversation with one engine; a crash raises EngineError from the iterators."""

    async def configure(self, config: EngineConfig) -> None:
        """Takes effect for the next turn and the next response."""
        ...

    def begin_turn(self, item_id: str) -> None:
        """Speech has begun (or a manual commit starts): audio from now belongs to the item."""
        ...

    def feed(self, pcm: bytes) -> None:
        """Caller audio of the running turn, prefix included, at ``input_rate_hz``; never blocks."""
        ...

    def end_turn(self, item_id: str) -> None:
        """The turn was committed; Transcribed or TranscriptionFailed follows in ``events``."""
        ...

    def foresee(self, item_id: str) -> None:
        """The caller is silent and may be done: understand what was fed as if the turn were over.

        Foreseen may follow; an engine that cannot, or is busy, lets it be.
        """
        ...

    def go_on(self, item_id: str) -> None:
        """The caller was not done: what was foreseen of the turn is void."""
        ...

    def drop_turn(self, item_id: str) -> None:
        """The turn was cleared or taken back; nothing more may be said of it."""
        ...

    def events(self) -> AsyncIterator[EngineEvent]:
        """Transcription events, in order; one reader; ends on ``aclose``."""
        ...

    def respond(self, request: ResponseRequest) -> AsyncIterator[ResponsePart]:
        """Produce a response; closing it cancels. Ends with exactly one ResponseEnded."""
        ...

    async def aclose(self) -> None: ...


class Engine(Protocol):
    @property
    def name(self) -> str: ...

    @property
    def capabilities(self) -> EngineCapabilities: ...

    async def start(self) -> None:
        """Load and warm up; ready when it returns."""
        ...

    async def open_session(self, session_id: str, config: EngineConfig) -> EngineSession:
        """Raises EngineBusy when no slot is free."""
        ...

    async def aclose(self) -> None: ...


class SpeechSynthesis(Protocol):
    """Text to speech outside any session: ``/v1/audio/speech`` and the edge's own lines."""

    @property
    def output_rate_hz(self) -> int: ...

    def synthesise(self, text: str, *, voice: str, speed: float) -> AsyncGenerator[SpeechDelta]: ...
