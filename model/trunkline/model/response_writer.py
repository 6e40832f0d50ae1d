"""One response as a sequence of events (contract 5.1), ids, order and usage included. Pure.

Call ``begin`` once, then ``speech``, ``transcript``, ``text`` and ``call`` in the order of the
engine's parts, and ``finish`` once; each returns the events to send. After ``finish`` nothing more
comes out, whatever is called.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal

import pybase64

from trunkline.domain.audio import WordMark
from trunkline.domain.ids import mint
from trunkline.model.conversation import Conversation, Entry
from trunkline.model.open_message import RATE_LIMITS, OpenMessage, wire_part
from trunkline.model.prompt_cache import NOTHING, InputTokens, usage_of
from trunkline.model.response_shape import Ending, Events, ResponseShape
from trunkline.model.tokens import agent_audio_tokens, text_tokens
from trunkline.realtime import server_events as ev
from trunkline.realtime.items import (
    FunctionCallItem,
    Item,
    ItemStatus,
    MessageItem,
    OutputAudioPart,
    OutputTextPart,
    WordTime,
)
from trunkline.realtime.mcp_items import (
    McpApprovalRequestItem,
    McpCallItem,
    McpError,
    McpToolExecutionError,
)
from trunkline.realtime.responses import (
    Response,
    ResponseStatus,
    StatusDetails,
    Usage,
)


class ResponseWriter:
    """``conversation`` is None for an out-of-band response: nothing of it enters any."""

    def __init__(
        self,
        shape: ResponseShape,
        conversation: Conversation | None,
        *,
        input_tokens: InputTokens = NOTHING,
    ) -> None:
        self.shape = shape
        self._conversation = conversation
        self.input_tokens = input_tokens
        self._output: list[Item] = []
        self._message: OpenMessage | None = None
        self._text_tokens = 0
        self._audio_ms = 0.0
        self._previous: str | None = None
        self._mcp_call: tuple[Entry, McpCallItem, int] | None = None
        self.is_finished = False

    @property
    def output_tokens(self) -> int:
        return self._text_tokens + agent_audio_tokens(self._audio_ms)

    @property
    def tokens_left(self) -> float:
        limit = self.shape.max_output_tokens
        return float("inf") if limit == "inf" else limit - self.output_tokens

    @property
    def output(self) -> tuple[Item, ...]:
        """The items so far; those that are still open as they were begun."""
        return tuple(self._output)

    # ---- in order ------------------------------------------------------------------------------

    def begin(self) -> Events:
        return [ev.ResponseCreated(response=self._response("in_progress")), RATE_LIMITS]

    def transcript(self, text: str, words: Sequence[WordMark] = ()) -> Events:
        """Words of the running speech; send them before the audio in which they begin."""
        if self.is_finished or not text:
            return []
        events, message = self._open("audio")
        message.text += text
        message.entry.transcript = message.text
        message.entry.words += tuple(words)
        self._text_tokens += text_tokens(text)
        events.append(
            ev.ResponseTranscriptDelta(
                response_id=self.shape.response_id,
                item_id=message.item_id,
                output_index=message.index,
                delta=text,
                x_words=tuple(WordTime.of(word) for word in words) or None,
            )
        )
        return events

    def speech(self, payload: bytes, ms: float) -> Events:
        """Encoded audio and how long it lasts."""
        if self.is_finished or not payload:
            return []
        events, message = self._open("audio")
        message.entry.audio_ms += ms
        self._audio_ms += ms
        if self._conversation is not None:
            self._conversation.has_spoken = True
            self._conversation.keep_audio(message.entry, payload)
        events.append(
            ev.ResponseAudioDelta.model_construct(
                response_id=self.shape.response_id,
                item_id=message.item_id,
                output_index=message.index,
                content_index=0,
                delta=pybase64.b64encode(payload).decode(),
            )
        )
        return events

    def text(self, delta: str) -> Events:
        if self.is_finished or not delta:
            return []
        events, message = self._open("text")
        message.text += delta
        message.entry.transcript = message.text
        self._text_tokens += text_tokens(delta)
        events.append(
            ev.ResponseTextDelta(
                response_id=self.shape.response_id,
                item_id=message.item_id,
                output_index=message.index,
                delta=delta,
            )
        )
        return events

    def call(self, name: str, arguments: str, synthesised: Sequence[str] = ()) -> Events:
        """A complete function call; it is its own output item."""
        if self.is_finished:
            return []
        events = self._close_message("completed")
        item_id, call_id, index = mint("item"), mint("call"), len(self._output)
        self._text_tokens += text_tokens(name + arguments)
        begun = FunctionCallItem(
            id=item_id,
            object="realtime.item",
            status="in_progress",
            name=name,
            call_id=call_id,
            arguments="",
        )
        entry = self._add(begun, events)
        ids = {
            "response_id": self.shape.response_id,
            "item_id": item_id,
            "output_index": index,
            "call_id": call_id,
        }
        events.append(ev.FunctionArgumentsDelta(**ids, delta=arguments))
        events.append(
            ev.FunctionArgumentsDone(
                **ids, name=name, arguments=arguments, x_synthesised=tuple(synthesised) or None
            )
        )
        final = begun.model_copy(
            update={
                "status": "completed",
                "arguments": arguments,
                "x_synthesised": tuple(synthesised) or None,
            }
        )
        self._settle(entry, final, index, events)
        return events

    def begin_mcp_call(
        self,
        server_label: str,
        name: str,
        arguments: str,
        *,
        approval_request_id: str | None = None,
        synthesised: Sequence[str] = (),
    ) -> Events:
        """A call of ours to an MCP server is about to run; ``end_mcp_call`` follows."""
        if self.is_finished:
            return []
        events = self._close_message("completed")
        item_id, index = mint("mcp"), len(self._output)
        self._text_tokens += text_tokens(name + arguments)
        begun = McpCallItem(
            id=item_id,
            server_label=server_label,
            name=name,
            arguments="",
            approval_request_id=approval_request_id,
        )
        entry = self._add(begun, events)
        item = begun.model_copy(
            update={"arguments": arguments, "x_synthesised": tuple(synthesised) or None}
        )
        of_response = {
            "response_id": self.shape.response_id,
            "item_id": item_id,
            "output_index": index,
        }
        events += [
            ev.McpCallArgumentsDelta(**of_response, delta=arguments),
            ev.McpCallArgumentsDone(**of_response, arguments=arguments),
            ev.McpCallInProgress(item_id=item_id, output_index=index),
        ]
        self._mcp_call = (entry, item, index)
        return events

    def end_mcp_call(self, *, output: str | None = None, error: McpError | None = None) -> Events:
        if self.is_finished or self._mcp_call is None:
            return []
        entry, item, index = self._mcp_call
        self._mcp_call = None
        ids = {"item_id": entry.item_id, "output_index": index}
        events: Events = [ev.McpCallCompleted(**ids) if error is None else ev.McpCallFailed(**ids)]
        done = item.model_copy(update={"output": output, "error": error})
        self._settle(entry, done, index, events)
        return events

    def request_approval(
        self, server_label: str, name: str, arguments: str, synthesised: Sequence[str] = ()
    ) -> Events:
        """The call waits for the client's word; nothing runs."""
        if self.is_finished:
            return []
        events = self._close_message("completed")
        self._text_tokens += text_tokens(name + arguments)
        item = McpApprovalRequestItem(
            id=mint("mcpr"),
            server_label=server_label,
            name=name,
            arguments=arguments,
            x_synthesised=tuple(synthesised) or None,
        )
        index = len(self._output)
        self._settle(self._add(item, events), item, index, events)
        return events

    def finish(
        self,
        ending: Ending,
        *,
        input_tokens: Mapping[str, int] | None = None,
        output_tokens: Mapping[str, int] | None = None,
    ) -> Events:
        """Close what is open and say response.done; the engine's own counts win over ours."""
        if self.is_finished:
            return []
        is_whole = ending.status == "completed"
        events = self._close_message("completed" if is_whole else "incomplete")
        events += self.end_mcp_call(
            error=McpToolExecutionError(message="the response ended before the tool did")
        )
        self.is_finished = True
        usage = Usage() if ending.status == "failed" else self._usage(input_tokens, output_tokens)
        done = self._response(ending.status, ending.details, usage)
        events.append(ev.ResponseDone(response=done))
        return events

    # ---- inside --------------------------------------------------------------------------------

    def _open(self, kind: Literal["audio", "text"]) -> tuple[Events, OpenMessage]:
        if self._message is not None and self._message.kind == kind:
            return [], self._message
        events = self._close_message("completed")
        begun = MessageItem(
            id=mint("item"), object="realtime.item", status="in_progress", role="assistant"
        )
        index = len(self._output)
        entry = self._add(begun, events)
        self._message = OpenMessage(entry.item_id, index, kind, entry)
        events.append(
            ev.ContentPartAdded(
                response_id=self.shape.response_id,
                item_id=entry.item_id,
                output_index=index,
                part=wire_part(kind, ""),
            )
        )
        return events, self._message

    def _add(self, item: Item, events: Events) -> Entry:
        self._output.append(item)
        events.append(
            ev.OutputItemAdded(
                response_id=self.shape.response_id,
                output_index=len(self._output) - 1,
                item=item,
            )
        )
        if self._conversation is None:
            return Entry(item, str(item.id))
        entry, previous = self._conversation.add(item)
        events.append(ev.ItemAdded(item=item, previous_item_id=previous))
        self._previous = previous
        return entry

    def _close_message(self, status: ItemStatus) -> Events:
        message = self._message
        if message is None:
            return []
        self._message = None
        ids = {
            "response_id": self.shape.response_id,
            "item_id": message.item_id,
            "output_index": message.index,
        }
        events: Events = []
        part: OutputAudioPart | OutputTextPart
        if message.kind == "audio":
            events.append(ev.ResponseAudioDone(**ids))
            events.append(ev.ResponseTranscriptDone(**ids, transcript=message.text))
            part = OutputAudioPart(transcript=message.text)
        else:
            events.append(ev.ResponseTextDone(**ids, text=message.text))
            part = OutputTextPart.model_construct(type="output_text", text=message.text)
        events.append(ev.ContentPartDone(**ids, part=wire_part(message.kind, message.text)))
        final = MessageItem(
            id=message.item_id,
            object="realtime.item",
            status=status,
            role="assistant",
            content=(part,),
        )
        self._settle(message.entry, final, message.index, events)
        return events

    def _settle(self, entry: Entry, item: Item, index: int, events: Events) -> None:
        conversation = self._conversation
        # Not when it was deleted meanwhile: done, but no longer part of the conversation.
        if conversation is not None and conversation.get(entry.item_id) is entry:
            item = conversation.settle(entry, item)
            events.append(ev.ItemDone(item=item, previous_item_id=self._previous))
        self._output[index] = item
        events.append(
            ev.OutputItemDone(response_id=self.shape.response_id, output_index=index, item=item)
        )

    def _usage(
        self, input_tokens: Mapping[str, int] | None, output_tokens: Mapping[str, int] | None
    ) -> Usage:
        return usage_of(
            self.input_tokens,
            (self._text_tokens, agent_audio_tokens(self._audio_ms)),
            input_tokens,
            output_tokens,
        )

    def _response(
        self,
        status: ResponseStatus,
        details: StatusDetails | None = None,
        usage: Usage | None = None,
    ) -> Response:
        # Not by truth: an empty conversation is one all the same.
        shape, conversation = self.shape, self._conversation
        return Response(
            id=shape.response_id,
            status=status,
            status_details=details,
            output=tuple(self._output),
            conversation_id=None if conversation is None else conversation.conversation_id,
            metadata=shape.metadata,
            output_modalities=(shape.modality,),
            max_output_tokens=shape.max_output_tokens,
            audio={"output": {"format": shape.output_format.model_dump(), "voice": shape.voice}},
            usage=usage,
        )
