"""The response object, its status and its usage (contract 5.2 and 5.3)."""

from __future__ import annotations

from typing import Literal, TypeAlias

from trunkline.domain.events import Json
from trunkline.realtime.items import Item
from trunkline.realtime.wire import CompactModel, WireModel


class TokenDetails(WireModel):
    text_tokens: int = 0
    audio_tokens: int = 0
    image_tokens: int = 0


class InputTokenDetails(TokenDetails):
    cached_tokens: int = 0
    cached_tokens_details: TokenDetails = TokenDetails()


class OutputTokenDetails(WireModel):
    text_tokens: int = 0
    audio_tokens: int = 0


class Usage(WireModel):
    total_tokens: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    input_token_details: InputTokenDetails = InputTokenDetails()
    output_token_details: OutputTokenDetails = OutputTokenDetails()


class StatusError(CompactModel):
    type: str
    code: str | None = None
    message: str | None = None


class StatusDetails(CompactModel):
    type: Literal["completed", "cancelled", "incomplete", "failed"]
    reason: (
        Literal["turn_detected", "client_cancelled", "max_output_tokens", "content_filter"] | None
    ) = None
    error: StatusError | None = None


ResponseStatus: TypeAlias = Literal["in_progress", "completed", "cancelled", "incomplete", "failed"]


class Response(WireModel):
    """``audio`` is ``{"output": {"format", "voice"}}``; ``usage`` is null until the end."""

    object: Literal["realtime.response"] = "realtime.response"
    id: str
    status: ResponseStatus
    status_details: StatusDetails | None = None
    output: tuple[Item, ...] = ()
    conversation_id: str | None = None
    metadata: dict[str, str] | None = None
    output_modalities: tuple[Literal["audio", "text"], ...] = ("audio",)
    max_output_tokens: int | Literal["inf"] | None = "inf"
    audio: dict[str, Json] | None = None
    usage: Usage | None = None


class Part(CompactModel):
    """Trap 1 of the contract: here the types are ``audio`` and ``text``, never ``output_*``."""

    type: Literal["audio", "text"]
    text: str | None = None
    transcript: str | None = None
