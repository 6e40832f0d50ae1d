"""Conversation items and their content parts as they travel (GA generation)."""

from __future__ import annotations

from typing import Annotated, Literal, TypeAlias

from pydantic import ConfigDict, Discriminator, Field, Tag, TypeAdapter

from trunkline.domain.audio import WordMark
from trunkline.domain.events import Json
from trunkline.realtime.mcp_items import (
    McpApprovalRequestItem,
    McpApprovalResponseItem,
    McpCallItem,
    McpListToolsItem,
)
from trunkline.realtime.wire import CompactModel, WireModel

MAX_CLIENT_ID_CHARS = 32
MAX_TEXT_CHARS = 262_144

ItemStatus: TypeAlias = Literal["in_progress", "completed", "incomplete"]


class WordTime(CompactModel):
    """Extension: one spoken word, ms from the start of its item's audio.

    ``estimated`` is there, and true, when the engine gave no times.
    """

    text: str
    start_ms: int
    end_ms: int
    estimated: bool | None = None

    @classmethod
    def of(cls, mark: WordMark) -> WordTime:
        is_estimated = True if mark.is_estimated else None
        return cls(
            text=mark.text, start_ms=mark.start_ms, end_ms=mark.end_ms, estimated=is_estimated
        )

    def mark(self) -> WordMark:
        return WordMark(self.text, self.start_ms, self.end_ms, bool(self.estimated))


# ---- content parts -----------------------------------------------------------------------------


class InputTextPart(CompactModel):
    type: Literal["input_text"] = "input_text"
    text: str = Field(max_length=MAX_TEXT_CHARS)


class InputAudioPart(CompactModel):
    """``audio`` is base64 in the session's input format and travels only in ``retrieved``."""

    type: Literal["input_audio"] = "input_audio"
    audio: str | None = None
    transcript: str | None = None


class InputImagePart(CompactModel):
    type: Literal["input_image"] = "input_image"
    image_url: str
    detail: Literal["auto", "low", "high"] | None = None


class OutputTextPart(CompactModel):
    type: Literal["output_text"] = "output_text"
    text: str = Field(max_length=MAX_TEXT_CHARS)


class OutputAudioPart(CompactModel):
    type: Literal["output_audio"] = "output_audio"
    audio: str | None = None
    transcript: str | None = None


ContentPart: TypeAlias = Annotated[
    InputTextPart | InputAudioPart | InputImagePart | OutputTextPart | OutputAudioPart,
    Field(discriminator="type"),
]


# ---- items -------------------------------------------------------------------------------------


class _Item(CompactModel):
    id: str | None = None
    object: Literal["realtime.item"] | None = None
    status: ItemStatus | None = None


class MessageItem(_Item):
    type: Literal["message"] = "message"
    role: Literal["system", "user", "assistant"]
    content: tuple[ContentPart, ...] = ()


class FunctionCallItem(_Item):
    """``x_synthesised`` lists JSON pointers of arguments that nobody said (a forced call)."""

    type: Literal["function_call"] = "function_call"
    name: str
    call_id: str | None = None
    arguments: str
    x_synthesised: tuple[str, ...] | None = None


class FunctionCallOutputItem(_Item):
    type: Literal["function_call_output"] = "function_call_output"
    call_id: str
    output: str = Field(max_length=MAX_TEXT_CHARS)


class OpaqueItem(CompactModel):
    """An item of a type this side does not know; kept whole so that nothing is lost."""

    model_config = ConfigDict(frozen=True, extra="allow")

    id: str | None = None
    type: str


_KNOWN = frozenset(
    {"message", "function_call", "function_call_output", "mcp_list_tools", "mcp_call"}
    | {"mcp_approval_request", "mcp_approval_response"}
)


def _item_tag(value: Json) -> str:
    kind = value.get("type") if isinstance(value, dict) else getattr(value, "type", None)
    if kind is None or not isinstance(kind, str) or kind in _KNOWN:
        return str(kind)
    return "opaque"


Item: TypeAlias = Annotated[
    Annotated[MessageItem, Tag("message")]
    | Annotated[FunctionCallItem, Tag("function_call")]
    | Annotated[FunctionCallOutputItem, Tag("function_call_output")]
    | Annotated[McpListToolsItem, Tag("mcp_list_tools")]
    | Annotated[McpCallItem, Tag("mcp_call")]
    | Annotated[McpApprovalRequestItem, Tag("mcp_approval_request")]
    | Annotated[McpApprovalResponseItem, Tag("mcp_approval_response")]
    | Annotated[OpaqueItem, Tag("opaque")],
    Discriminator(_item_tag),
]


class ItemReference(WireModel):
    """Stands for an item of the conversation inside ``response.create``'s input."""

    type: Literal["item_reference"] = "item_reference"
    id: str


item_adapter: TypeAdapter[Item] = TypeAdapter(Item)


def user_message(text: str, *, item_id: str | None = None) -> MessageItem:
    return MessageItem(id=item_id, role="user", content=(InputTextPart(text=text),))


def assistant_message(text: str, *, item_id: str | None = None) -> MessageItem:
    return MessageItem(id=item_id, role="assistant", content=(OutputTextPart(text=text),))


def system_message(text: str, *, item_id: str | None = None) -> MessageItem:
    return MessageItem(id=item_id, role="system", content=(InputTextPart(text=text),))


def item_text(item: Item) -> str:
    """All text and transcripts of a message, or a function's output."""
    if isinstance(item, FunctionCallOutputItem):
        return item.output
    if not isinstance(item, MessageItem):
        return ""
    pieces = []
    for part in item.content:
        if isinstance(part, InputTextPart | OutputTextPart):
            pieces.append(part.text)
        elif isinstance(part, InputAudioPart | OutputAudioPart) and part.transcript:
            pieces.append(part.transcript)
    return " ".join(piece for piece in pieces if piece)
