"""Server events of a response, in the order of contract 5.1."""

from __future__ import annotations

from typing import Literal

import pybase64

from trunkline.realtime.items import Item, WordTime
from trunkline.realtime.responses import Part, Response
from trunkline.realtime.wire import CompactModel, ServerEventBase


class ResponseCreated(ServerEventBase):
    type: Literal["response.created"] = "response.created"
    response: Response


class ResponseDone(ServerEventBase):
    type: Literal["response.done"] = "response.done"
    response: Response


class _OfItem(ServerEventBase):
    response_id: str
    item_id: str
    output_index: int


class _OfPart(_OfItem):
    content_index: int = 0


class OutputItemAdded(ServerEventBase):
    type: Literal["response.output_item.added"] = "response.output_item.added"
    response_id: str
    output_index: int
    item: Item


class OutputItemDone(ServerEventBase):
    type: Literal["response.output_item.done"] = "response.output_item.done"
    response_id: str
    output_index: int
    item: Item


class ContentPartAdded(_OfPart):
    type: Literal["response.content_part.added"] = "response.content_part.added"
    part: Part


class ContentPartDone(_OfPart):
    type: Literal["response.content_part.done"] = "response.content_part.done"
    part: Part


class ResponseTextDelta(_OfPart):
    type: Literal["response.output_text.delta"] = "response.output_text.delta"
    delta: str


class ResponseTextDone(_OfPart):
    type: Literal["response.output_text.done"] = "response.output_text.done"
    text: str


class ResponseAudioDelta(_OfPart):
    """``delta`` is base64 in the response's output format; ``audio`` the bytes."""

    type: Literal["response.output_audio.delta"] = "response.output_audio.delta"
    delta: str

    @property
    def audio(self) -> bytes:
        return pybase64.b64decode(self.delta)


class ResponseAudioDone(_OfPart):
    type: Literal["response.output_audio.done"] = "response.output_audio.done"


class ResponseTranscriptDelta(_OfPart, CompactModel):
    """Precedes the audio in which its words begin; ``x_words``: ms from the item's start."""

    type: Literal["response.output_audio_transcript.delta"] = (
        "response.output_audio_transcript.delta"
    )
    delta: str
    x_words: tuple[WordTime, ...] | None = None


class ResponseTranscriptDone(_OfPart):
    type: Literal["response.output_audio_transcript.done"] = "response.output_audio_transcript.done"
    transcript: str


class FunctionArgumentsDelta(_OfItem):
    type: Literal["response.function_call_arguments.delta"] = (
        "response.function_call_arguments.delta"
    )
    call_id: str
    delta: str


class FunctionArgumentsDone(_OfItem, CompactModel):
    type: Literal["response.function_call_arguments.done"] = "response.function_call_arguments.done"
    call_id: str
    name: str
    arguments: str
    x_synthesised: tuple[str, ...] | None = None
