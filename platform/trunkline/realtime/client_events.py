"""Client to server events as one discriminated union (contract 4, GA generation)."""

from __future__ import annotations

from typing import Annotated, Any, Literal, TypeAlias

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Discriminator,
    Field,
    Tag,
    TypeAdapter,
    model_validator,
)

from trunkline.domain.events import Json
from trunkline.realtime.items import MAX_TEXT_CHARS, Item, ItemReference
from trunkline.realtime.session import (
    CustomVoice,
    MaxTokens,
    OutputModalities,
    PromptReference,
    Reasoning,
    Voice,
    WireAudioFormat,
)
from trunkline.realtime.tools import MAX_TOOLS, Tool, ToolChoice, refuse_repeated_names
from trunkline.realtime.wire import WireModel

MAX_EVENT_ID_CHARS = 512


def _whole(value: Any) -> Any:
    """Clients that compute with floats send 200.0."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


class ClientEventBase(WireModel):
    event_id: Annotated[str, Field(max_length=MAX_EVENT_ID_CHARS)] | None = None


class SessionUpdate(ClientEventBase):
    """``session`` stays raw: it is validated against the session that it changes."""

    type: Literal["session.update"] = "session.update"
    session: dict[str, Json]


class InputAudioAppend(ClientEventBase):
    """``audio`` is the decoded payload in the session's input format; base64 only on the wire."""

    type: Literal["input_audio_buffer.append"] = "input_audio_buffer.append"
    audio: bytes


class InputAudioCommit(ClientEventBase):
    type: Literal["input_audio_buffer.commit"] = "input_audio_buffer.commit"


class InputAudioClear(ClientEventBase):
    type: Literal["input_audio_buffer.clear"] = "input_audio_buffer.clear"


class OutputAudioClear(ClientEventBase):
    type: Literal["output_audio_buffer.clear"] = "output_audio_buffer.clear"


class ItemCreate(ClientEventBase):
    """``previous_item_id``: absent appends, ``root`` puts in front, else behind that item."""

    type: Literal["conversation.item.create"] = "conversation.item.create"
    item: Item
    previous_item_id: str | None = None


class ItemRetrieve(ClientEventBase):
    type: Literal["conversation.item.retrieve"] = "conversation.item.retrieve"
    item_id: str


class ItemDelete(ClientEventBase):
    type: Literal["conversation.item.delete"] = "conversation.item.delete"
    item_id: str


class ItemTruncate(ClientEventBase):
    """Keeps the first ``audio_end_ms`` of an assistant item's audio."""

    type: Literal["conversation.item.truncate"] = "conversation.item.truncate"
    item_id: str
    content_index: int = Field(ge=0)
    audio_end_ms: Annotated[int, BeforeValidator(_whole), Field(ge=0)]


class _Params(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


def _input_tag(value: Any) -> str:
    kind = value.get("type") if isinstance(value, dict) else getattr(value, "type", None)
    return "reference" if kind == "item_reference" else "item"


# By its type alone: an item of an unknown type would take a reference for its own.
ResponseInput: TypeAlias = Annotated[
    Annotated[ItemReference, Tag("reference")] | Annotated[Item, Tag("item")],
    Discriminator(_input_tag),
]


class ResponseAudioOutput(_Params):
    format: WireAudioFormat | None = None
    voice: Voice | CustomVoice | None = None


class ResponseAudio(_Params):
    output: ResponseAudioOutput = ResponseAudioOutput()


class ResponseParams(_Params):
    """What one response changes; None means the session's own value."""

    conversation: Literal["auto", "none"] = "auto"
    metadata: (
        Annotated[
            dict[
                Annotated[str, Field(max_length=64)],
                Annotated[str, Field(max_length=512)],
            ],
            Field(max_length=16),
        ]
        | None
    ) = None
    input: Annotated[tuple[ResponseInput, ...], Field(max_length=1000)] | None = None
    instructions: Annotated[str, Field(max_length=MAX_TEXT_CHARS)] | None = None
    tools: Annotated[tuple[Tool, ...], Field(max_length=MAX_TOOLS)] | None = None
    tool_choice: ToolChoice | None = None
    max_output_tokens: MaxTokens | None = None
    output_modalities: OutputModalities | None = None
    audio: ResponseAudio | None = None
    prompt: PromptReference | None = None
    parallel_tool_calls: bool | None = None
    reasoning: Reasoning | None = None

    @model_validator(mode="after")
    def _names_each_tool_once(self) -> ResponseParams:
        refuse_repeated_names(self.tools or ())
        return self


class ResponseCreate(ClientEventBase):
    type: Literal["response.create"] = "response.create"
    response: ResponseParams | None = None


class ResponseCancel(ClientEventBase):
    type: Literal["response.cancel"] = "response.cancel"
    response_id: str | None = None


# ---- ours: a call whose conversation a program may take part in (docs/agents-sdk.md) -----------


class ProgramOpen(ClientEventBase):
    """From here on a program may attach to this session by ``call_id``; only an edge may say so."""

    type: Literal["trunkline.program.open"] = "trunkline.program.open"
    call_id: Annotated[str, Field(pattern=r"^[A-Za-z0-9_]{1,64}$")]


class ProgramClose(ClientEventBase):
    """The program that is attached has to leave, and no other may come."""

    type: Literal["trunkline.program.close"] = "trunkline.program.close"


ClientEvent: TypeAlias = (
    SessionUpdate
    | InputAudioAppend
    | InputAudioCommit
    | InputAudioClear
    | OutputAudioClear
    | ItemCreate
    | ItemRetrieve
    | ItemDelete
    | ItemTruncate
    | ResponseCreate
    | ResponseCancel
    | ProgramOpen
    | ProgramClose
)

CLIENT_EVENTS: dict[str, TypeAdapter[ClientEvent]] = {
    kind.model_fields["type"].default: TypeAdapter(kind)
    for kind in (
        SessionUpdate,
        InputAudioAppend,
        InputAudioCommit,
        InputAudioClear,
        OutputAudioClear,
        ItemCreate,
        ItemRetrieve,
        ItemDelete,
        ItemTruncate,
        ResponseCreate,
        ResponseCancel,
        ProgramOpen,
        ProgramClose,
    )
}
