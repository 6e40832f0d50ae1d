"""Server to client events as one discriminated union (contract 5, GA generation)."""

from __future__ import annotations

from typing import Annotated, Any, Literal, TypeAlias

from pydantic import ConfigDict, Field, TypeAdapter

from trunkline.domain.events import Json
from trunkline.realtime.items import Item, WordTime
from trunkline.realtime.mcp_events import (
    McpCallArgumentsDelta,
    McpCallArgumentsDone,
    McpCallCompleted,
    McpCallFailed,
    McpCallInProgress,
    McpListToolsCompleted,
    McpListToolsFailed,
    McpListToolsInProgress,
)
from trunkline.realtime.response_events import (
    ContentPartAdded,
    ContentPartDone,
    FunctionArgumentsDelta,
    FunctionArgumentsDone,
    OutputItemAdded,
    OutputItemDone,
    ResponseAudioDelta,
    ResponseAudioDone,
    ResponseCreated,
    ResponseDone,
    ResponseTextDelta,
    ResponseTextDone,
    ResponseTranscriptDelta,
    ResponseTranscriptDone,
)
from trunkline.realtime.wire import CompactModel, ServerEventBase, WireModel

__all__ = [
    "ContentPartAdded", "ContentPartDone", "ConversationCreated", "ConversationInfo",
    "DtmfReceived", "ErrorDetail", "ErrorEvent", "FunctionArgumentsDelta",
    "FunctionArgumentsDone", "InputCleared", "InputCommitted", "InputSpeechStarted",
    "InputSpeechStopped", "InputTimeoutTriggered", "ItemAdded", "ItemDeleted", "ItemDone",
    "ItemRetrieved", "ItemTruncated", "KnownServerEvent", "McpCallArgumentsDelta",
    "McpCallArgumentsDone", "McpCallCompleted", "McpCallFailed", "McpCallInProgress",
    "McpListToolsCompleted", "McpListToolsFailed", "McpListToolsInProgress",
    "OutputBufferCleared", "OutputBufferStarted", "OutputBufferStopped", "OutputItemAdded",
    "OutputItemDone", "ProgramAttached", "ProgramLeft", "ProgramWantsResponse",
    "ProgramWantsSilence", "RateLimit", "RateLimitsUpdated", "ResponseAudioDelta",
    "ResponseAudioDone", "ResponseCreated", "ResponseDone", "ResponseTextDelta",
    "ResponseTextDone", "ResponseTranscriptDelta", "ResponseTranscriptDone", "ServerEvent",
    "ServerEventBase", "SessionCreated", "SessionUpdated", "TranscriptionCompleted",
    "TranscriptionDelta", "TranscriptionError", "TranscriptionFailed", "TranscriptionUsage",
    "UnknownEvent", "server_event_adapter", "server_event_types",
]  # fmt: skip

# ---- session and errors ------------------------------------------------------------------------


class SessionCreated(ServerEventBase):
    """``session`` is the effective session object as plain JSON."""

    type: Literal["session.created"] = "session.created"
    session: dict[str, Json]


class SessionUpdated(ServerEventBase):
    type: Literal["session.updated"] = "session.updated"
    session: dict[str, Json]


class ConversationInfo(WireModel):
    id: str
    object: Literal["realtime.conversation"] = "realtime.conversation"


class ConversationCreated(ServerEventBase):
    """Beta sends it behind session.created; GA leaves it out."""

    type: Literal["conversation.created"] = "conversation.created"
    conversation: ConversationInfo


class ErrorDetail(WireModel):
    """``event_id`` is the client event that caused it, when there is one."""

    type: str
    message: str
    code: str | None = None
    param: str | None = None
    event_id: str | None = None


class ErrorEvent(ServerEventBase):
    type: Literal["error"] = "error"
    error: ErrorDetail


class RateLimit(WireModel):
    name: Literal["requests", "tokens"]
    limit: int
    remaining: int
    reset_seconds: float


class RateLimitsUpdated(ServerEventBase):
    type: Literal["rate_limits.updated"] = "rate_limits.updated"
    rate_limits: tuple[RateLimit, ...]


# ---- conversation ------------------------------------------------------------------------------


class ItemAdded(ServerEventBase):
    type: Literal["conversation.item.added"] = "conversation.item.added"
    item: Item
    previous_item_id: str | None = None


class ItemDone(ServerEventBase):
    type: Literal["conversation.item.done"] = "conversation.item.done"
    item: Item
    previous_item_id: str | None = None


class ItemRetrieved(ServerEventBase):
    type: Literal["conversation.item.retrieved"] = "conversation.item.retrieved"
    item: Item


class ItemDeleted(ServerEventBase):
    type: Literal["conversation.item.deleted"] = "conversation.item.deleted"
    item_id: str


class ItemTruncated(ServerEventBase):
    type: Literal["conversation.item.truncated"] = "conversation.item.truncated"
    item_id: str
    content_index: int = 0
    audio_end_ms: int


class _Extensible(ServerEventBase, CompactModel):
    """Leaves absent extension fields out, so that plain clients see the plain event."""


class TranscriptionDelta(_Extensible):
    """``delta`` only ever appends; ``x_hypothesis``, the whole text so far, may change."""

    type: Literal["conversation.item.input_audio_transcription.delta"] = (
        "conversation.item.input_audio_transcription.delta"
    )
    item_id: str
    content_index: int = 0
    delta: str = ""
    x_hypothesis: str | None = None


class TranscriptionUsage(CompactModel):
    type: Literal["duration", "tokens"] = "duration"
    seconds: float | None = None
    input_tokens: int | None = None
    output_tokens: int | None = None
    total_tokens: int | None = None


class TokenLogprob(WireModel):
    """A word and the natural logarithm of its probability; ``bytes`` is its UTF-8."""

    token: str
    logprob: float
    bytes: tuple[int, ...] = ()


class TranscriptionCompleted(_Extensible):
    """``x_rejected``: what was heard should not be acted on; ``x_confidence`` 0..1. ``logprobs``:
    when the session includes them."""

    type: Literal["conversation.item.input_audio_transcription.completed"] = (
        "conversation.item.input_audio_transcription.completed"
    )
    item_id: str
    content_index: int = 0
    transcript: str
    usage: TranscriptionUsage
    logprobs: tuple[TokenLogprob, ...] | None = None
    x_confidence: float | None = None
    x_rejected: bool | None = None
    x_words: tuple[WordTime, ...] | None = None
    x_alternatives: tuple[str, ...] | None = None


class TranscriptionError(WireModel):
    type: str = "server_error"
    code: str | None = None
    message: str
    param: str | None = None


class TranscriptionFailed(ServerEventBase):
    type: Literal["conversation.item.input_audio_transcription.failed"] = (
        "conversation.item.input_audio_transcription.failed"
    )
    item_id: str
    content_index: int = 0
    error: TranscriptionError


# ---- input and output buffers; offsets are ms of the session's audio clock ---------------------


class InputSpeechStarted(ServerEventBase):
    """``audio_start_ms`` includes the prefix padding; ``item_id`` is the future item's."""

    type: Literal["input_audio_buffer.speech_started"] = "input_audio_buffer.speech_started"
    audio_start_ms: int
    item_id: str


class InputSpeechStopped(ServerEventBase):
    type: Literal["input_audio_buffer.speech_stopped"] = "input_audio_buffer.speech_stopped"
    audio_end_ms: int
    item_id: str


class InputCommitted(ServerEventBase):
    type: Literal["input_audio_buffer.committed"] = "input_audio_buffer.committed"
    item_id: str
    previous_item_id: str | None = None


class InputCleared(ServerEventBase):
    type: Literal["input_audio_buffer.cleared"] = "input_audio_buffer.cleared"


class InputTimeoutTriggered(ServerEventBase):
    type: Literal["input_audio_buffer.timeout_triggered"] = "input_audio_buffer.timeout_triggered"
    audio_start_ms: int
    audio_end_ms: int
    item_id: str


class DtmfReceived(ServerEventBase):
    type: Literal["input_audio_buffer.dtmf_event_received"] = (
        "input_audio_buffer.dtmf_event_received"
    )
    event: str
    received_at: int


class OutputBufferStarted(ServerEventBase):
    type: Literal["output_audio_buffer.started"] = "output_audio_buffer.started"
    response_id: str


class OutputBufferStopped(ServerEventBase):
    type: Literal["output_audio_buffer.stopped"] = "output_audio_buffer.stopped"
    response_id: str


class OutputBufferCleared(ServerEventBase):
    type: Literal["output_audio_buffer.cleared"] = "output_audio_buffer.cleared"
    response_id: str


# ---- ours: to the edge whose session a program is attached to (docs/agents-sdk.md) --------------


class ProgramAttached(ServerEventBase):
    """A program has attached and said what it is to be: it answers from here on."""

    type: Literal["trunkline.program.attached"] = "trunkline.program.attached"


class ProgramLeft(ServerEventBase):
    """It is gone; its function calls that waited for an output have one that says so."""

    type: Literal["trunkline.program.left"] = "trunkline.program.left"


class ProgramWantsResponse(ServerEventBase):
    """Its ``response.create``: the edge, which has the floor, asks when nobody is speaking."""

    type: Literal["trunkline.program.wants_response"] = "trunkline.program.wants_response"


class ProgramWantsSilence(ServerEventBase):
    """Its ``response.cancel`` or ``output_audio_buffer.clear``: what is said of that response, or
    without one whatever is being said, is to stop."""

    type: Literal["trunkline.program.wants_silence"] = "trunkline.program.wants_silence"
    response_id: str | None = None


class UnknownEvent(ServerEventBase):
    """An event of a type this side does not know; kept whole."""

    model_config = ConfigDict(frozen=True, extra="allow")

    type: str


KnownServerEvent: TypeAlias = (
    SessionCreated
    | SessionUpdated
    | ConversationCreated
    | ErrorEvent
    | RateLimitsUpdated
    | ItemAdded
    | ItemDone
    | ItemRetrieved
    | ItemDeleted
    | ItemTruncated
    | TranscriptionDelta
    | TranscriptionCompleted
    | TranscriptionFailed
    | InputSpeechStarted
    | InputSpeechStopped
    | InputCommitted
    | InputCleared
    | InputTimeoutTriggered
    | DtmfReceived
    | OutputBufferStarted
    | OutputBufferStopped
    | OutputBufferCleared
    | ResponseCreated
    | ResponseDone
    | OutputItemAdded
    | OutputItemDone
    | ContentPartAdded
    | ContentPartDone
    | ResponseTextDelta
    | ResponseTextDone
    | ResponseAudioDelta
    | ResponseAudioDone
    | ResponseTranscriptDelta
    | ResponseTranscriptDone
    | FunctionArgumentsDelta
    | FunctionArgumentsDone
    | McpListToolsInProgress
    | McpListToolsCompleted
    | McpListToolsFailed
    | McpCallInProgress
    | McpCallCompleted
    | McpCallFailed
    | McpCallArgumentsDelta
    | McpCallArgumentsDone
    | ProgramAttached
    | ProgramLeft
    | ProgramWantsResponse
    | ProgramWantsSilence
)
ServerEvent: TypeAlias = KnownServerEvent | UnknownEvent

server_event_adapter: TypeAdapter[KnownServerEvent] = TypeAdapter(
    Annotated[KnownServerEvent, Field(discriminator="type")]
)


def server_event_types() -> frozenset[str]:
    """Every type this module knows."""
    names: set[str] = set()
    pending: list[Any] = [ServerEventBase]
    while pending:
        kind = pending.pop()
        pending.extend(kind.__subclasses__())
        declared = kind.model_fields.get("type")
        if declared is not None and isinstance(declared.default, str):
            names.add(declared.default)
    return frozenset(names)
