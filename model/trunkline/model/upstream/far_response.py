"""One response at the far end: its events as our parts, in order, with what it produced kept."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Final

import orjson

from trunkline.domain.audio import WordMark
from trunkline.domain.errors import EngineError, EngineProtocolError, EngineTimeout
from trunkline.model.engine import (
    ItemRole,
    ResponseEnded,
    ResponsePart,
    SpeechDelta,
    TextDelta,
    ToolCalled,
)
from trunkline.model.formats import InputDecoder
from trunkline.model.upstream.far_errors import far_failure
from trunkline.model.upstream.mirror import FarItem
from trunkline.model.upstream.word_clock import Pace, WordClock
from trunkline.realtime import response_events as rv
from trunkline.realtime.items import FunctionCallItem, MessageItem, item_text
from trunkline.realtime.responses import Response, Usage
from trunkline.realtime.server_events import ServerEvent
from trunkline.realtime.session import WireAudioFormat

MAX_WAITING_BYTES: Final = 32 * 1024 * 1024
"""Of audio and words nobody has taken: the far end answers faster than a caller listens."""
_PART_BYTES: Final = 256  # what a part costs however little is in it


class FarResponse:
    """``take`` the far end's events; ``next`` hands on the parts. ``tag`` finds it again."""

    def __init__(
        self, tag: str, audio_format: WireAudioFormat, pace: Pace, *, is_in_conversation: bool
    ) -> None:
        self.tag = tag
        self.far_id = ""
        self.is_in_conversation = is_in_conversation
        self.is_over = False  # at the far end
        self.is_abandoned = False
        self.output: list[FarItem] = []
        self.over = asyncio.Event()
        self._format = audio_format
        self._pace = pace
        # Bounded by MAX_WAITING_BYTES: a part beyond it ends the response as failed.
        self._parts: asyncio.Queue[ResponsePart | EngineError] = asyncio.Queue()
        self._waiting_bytes = 0
        self._open: dict[str, _OpenItem] = {}
        self._spoken_ms = 0.0  # of messages before, that are one item to us

    async def next(self, timeout_s: float) -> ResponsePart:
        """Raises EngineError when the response failed, or nothing came in time."""
        try:
            async with asyncio.timeout(timeout_s):
                part = await self._parts.get()
        except TimeoutError:
            raise EngineTimeout(
                "the upstream stopped in the middle of a response", code="upstream_silent"
            ) from None
        if isinstance(part, EngineError):
            raise part
        self._waiting_bytes -= _weight(part)
        return part

    def began(self, far_id: str) -> None:
        self.far_id = far_id

    def fail(self, exc: EngineError) -> None:
        if self.is_over:
            return
        self.is_over = True
        self.over.set()
        self._parts.put_nowait(exc)

    def take(self, event: ServerEvent) -> None:
        match event:
            case rv.OutputItemAdded(item=MessageItem() as item):
                self._begin(str(item.id))
            case rv.ResponseTranscriptDelta(item_id=item_id, delta=delta, x_words=words):
                marks = tuple(word.mark() for word in words) if words is not None else None
                self._transcript(self._begin(item_id), delta, marks)
            case rv.ResponseAudioDelta(item_id=item_id):
                self._audio(self._begin(item_id), event)
            case rv.ResponseTextDelta(item_id=item_id, delta=delta):
                self._begin(item_id).far.text += delta
                self._put(TextDelta(delta))
            case rv.OutputItemDone(item=item) if isinstance(item, FunctionCallItem):
                self._call(item)
            case rv.OutputItemDone(item=item) if isinstance(item, MessageItem):
                self._end_message(str(item.id), item_text(item))
            case rv.ResponseDone(response=response):
                self._done(response)
            case _:
                pass

    # ---- inside --------------------------------------------------------------------------------

    def _put(self, part: ResponsePart) -> None:
        if self.is_abandoned or self.is_over:
            return
        self._waiting_bytes += _weight(part)
        if self._waiting_bytes > MAX_WAITING_BYTES:
            self.fail(EngineProtocolError("the upstream sends more than can be kept"))
            return
        self._parts.put_nowait(part)

    def _begin(self, item_id: str) -> _OpenItem:
        found = self._open.get(item_id)
        if found is None:
            far = FarItem(item_id, ItemRole.ASSISTANT)
            found = _OpenItem(far, WordClock(self._pace), InputDecoder(self._format))
            found.offset_ms = self._spoken_ms
            self._open[item_id] = found
            self.output.append(far)
        return found

    def _transcript(
        self, item: _OpenItem, delta: str, marks: tuple[WordMark, ...] | None, *, end: bool = False
    ) -> None:
        if marks is None:
            delta, marks = item.clock.feed(delta, is_last=end)
        else:
            item.has_own_times = True
        if not delta:
            return
        item.mark(delta, marks)
        offset = round(item.offset_ms)
        told = tuple(
            WordMark(m.text, m.start_ms + offset, m.end_ms + offset, m.is_estimated) for m in marks
        )
        self._put(SpeechDelta(b"", delta, told))

    def _audio(self, item: _OpenItem, event: rv.ResponseAudioDelta) -> None:
        try:
            payload = event.audio
        except ValueError:
            self.fail(EngineProtocolError("the upstream sent audio that is not base64"))
            return
        pcm = item.decoder.decode(payload)
        item.far.audio_ms += len(pcm) / 2 * 1000 / item.decoder.rate_hz
        if pcm:
            self._put(SpeechDelta(pcm))

    def _end_message(self, item_id: str, text: str) -> None:
        item = self._open.get(item_id)
        if item is None or item.is_ended:
            return
        item.is_ended = True
        far = item.far
        if far.audio_ms and not item.has_own_times:
            self._transcript(item, "", None, end=True)
            self._pace.learn(len(far.text), far.audio_ms)
        if not far.text:
            far.text = text
        self._spoken_ms += far.audio_ms

    def _call(self, item: FunctionCallItem) -> None:
        try:
            is_object = isinstance(orjson.loads(item.arguments or "{}"), dict)
        except orjson.JSONDecodeError:
            is_object = False
        if not is_object or not item.name:
            self.fail(EngineProtocolError("the upstream called a function with no JSON object"))
            return
        self._spoken_ms = 0.0
        arguments = item.arguments or "{}"
        self.output.append(
            FarItem(
                str(item.id),
                ItemRole.FUNCTION_CALL,
                name=item.name,
                arguments=arguments,
                call_id=item.call_id or "",
            )
        )
        self._put(ToolCalled(item.name, arguments, item.x_synthesised or ()))

    def _done(self, response: Response) -> None:
        if self.is_over:
            return
        for item_id in self._open:
            self._end_message(item_id, "")
        counted = usage_counts(response.usage)
        details = response.status_details
        match response.status:
            case "completed":
                self._put(ResponseEnded(input_tokens=counted[0], output_tokens=counted[1]))
            case "incomplete":
                reason = (details.reason if details else None) or "max_output_tokens"
                self._put(ResponseEnded("incomplete", reason, "", "", counted[0], counted[1]))
            case "cancelled":
                self.fail(
                    EngineError("the upstream cancelled a response", code="upstream_cancelled")
                )
            case _:
                error = details.error if details else None
                self.fail(far_failure(error.code if error else None, error.type if error else ""))
        self.is_over = True
        self.over.set()


def _weight(part: ResponsePart) -> int:
    """Bytes that a part keeps, about: whatever its kind, a flood of them is noticed."""
    match part:
        case SpeechDelta(pcm=pcm, text=text, words=words):
            return _PART_BYTES * (1 + len(words)) + len(pcm) + len(text)
        case TextDelta(text=text):
            return _PART_BYTES + len(text)
        case ToolCalled(arguments=arguments):
            return _PART_BYTES + len(arguments)
        case _:
            return _PART_BYTES


class _OpenItem:
    def __init__(self, far: FarItem, clock: WordClock, decoder: InputDecoder) -> None:
        self.far = far
        self.clock = clock
        self.decoder = decoder
        self.offset_ms = 0.0
        self.has_own_times = False
        self.is_ended = False

    def mark(self, delta: str, marks: tuple[WordMark, ...]) -> None:
        """Remember where the words of ``delta`` end, to be able to cut there."""
        far, place = self.far, 0
        found: list[tuple[int, int]] = []
        for mark in marks:
            at = delta.find(mark.text, place)
            place = at + len(mark.text) if at >= 0 else len(delta)
            found.append((len((far.text + delta[:place]).strip()), mark.end_ms))
        far.text += delta
        far.marks += tuple(found)


def usage_counts(usage: Usage | None) -> tuple[Mapping[str, int], Mapping[str, int]]:
    """As a ResponseEnded tells them; empty when the far end told none."""
    if usage is None:
        return {}, {}
    into, out = usage.input_token_details, usage.output_token_details
    cached = into.cached_tokens_details
    return (
        {
            "text": into.text_tokens,
            "audio": into.audio_tokens,
            "cached_text": cached.text_tokens,
            "cached_audio": cached.audio_tokens,
        },
        {"text": out.text_tokens, "audio": out.audio_tokens},
    )
