"""One running response: the engine's parts, paced, encoded and sent as events; cancelled at once.

A producer reads the engine a few parts ahead; a sender paces. Cancelling writes the end of the
response in the same breath and lets the engine's iterator be closed behind it.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import orjson

from trunkline.domain.errors import EngineError, TrunklineError
from trunkline.model.engine import (
    ResponseEnded,
    ResponsePart,
    ResponseRequest,
    SpeechDelta,
    TextDelta,
    ToolCalled,
)
from trunkline.model.formats import OutputEncoder, bytes_per_ms
from trunkline.model.mcp.catalog import McpRoute
from trunkline.model.mcp.client import McpClient, McpFailure
from trunkline.model.outbox import ClientStalled
from trunkline.model.pacing import (
    TRANSCRIPT_LEAD_MS,
    AudioPacer,
    SpokenText,
    TextPacer,
    spoken_pieces,
    text_pieces,
)
from trunkline.model.response_shape import (
    COMPLETED,
    CancelReason,
    Ending,
    Events,
    cancelled,
    failed,
    incomplete,
)
from trunkline.model.response_writer import ResponseWriter
from trunkline.model.tokens import AGENT_AUDIO_MS
from trunkline.realtime.mcp_items import McpToolExecutionError
from trunkline.runtime.logging import get_logger

log = get_logger(__name__)

PART_TIMEOUT_S: Final = 30.0
_PARTS_AHEAD: Final = 32
_MAX_ROUNDS: Final = 8  # of calls to MCP servers in one out-of-band response
_NOBODY_TO_ASK: Final = "this call needs an approval, which an out-of-band response cannot wait for"
_DELTA_MS: Final = 200
# Less than this far ahead of playback, audio leaves as it comes; else it waits for a whole delta.
_COMFORTABLE_MS: Final = 500

Emit = Callable[[Events], None]


@dataclass(frozen=True, slots=True)
class ApprovedCall:
    """A call to an MCP server that the client has approved and that has not run yet."""

    route: McpRoute
    arguments: str
    request_id: str
    synthesised: tuple[str, ...] = ()


class ResponseRun:
    """``request`` is awaited first: it may wait for what the caller said to be understood.

    ``approved`` calls to MCP servers run before the engine is asked, which ``speaks`` may rule out.
    ``is_one_call``: the response ends with its first call (``parallel_tool_calls: false``).
    ``is_out_of_band``: what MCP servers answer is spoken of in this same response, since no other
    will know of it; and nobody can approve a call of it, so that one that needs approval fails.
    """

    def __init__(
        self,
        writer: ResponseWriter,
        respond: Callable[[ResponseRequest], AsyncIterator[ResponsePart]],
        encoder: OutputEncoder,
        request: Callable[[], Awaitable[ResponseRequest]],
        emit: Emit,
        writable: Callable[[], Awaitable[None]],
        mcp: McpClient | None = None,
        *,
        approved: Sequence[ApprovedCall] = (),
        speaks: bool = True,
        is_one_call: bool = False,
        is_out_of_band: bool = False,
    ) -> None:
        self._is_out_of_band = is_out_of_band
        self._mcp = mcp
        self._approved = approved
        self._speaks = speaks
        self._is_one_call = is_one_call
        self.routes: Mapping[str, McpRoute] = {}  # set by ``request``: functions of MCP servers
        self._mcp_calls = 0
        self.was_cancelled = False
        self._writer = writer
        self._respond = respond
        self._encoder = encoder
        self._request = request
        self._emit = emit
        self._writable = writable
        self._audio = AudioPacer()
        self._text = TextPacer()
        self._spoken: deque[SpokenText] = deque()  # transcript whose audio has not begun
        self._pcm_payload = bytearray()
        self._made_ms = 0.0  # of this item, as the engine gave it
        self._item_began_ms = 0.0  # audio sent before this item
        self._task: asyncio.Task[None] | None = None
        self._next: ResponsePart | None = None  # taken from the queue, and no speech

    @property
    def response_id(self) -> str:
        return self._writer.shape.response_id

    @property
    def is_finished(self) -> bool:
        return self._writer.is_finished

    @property
    def has_called_mcp(self) -> bool:
        return self._mcp_calls > 0

    def playback_left_ms(self) -> int:
        """Audio that was sent and cannot have been heard yet."""
        return int(self._audio.ahead_ms(asyncio.get_running_loop().time()))

    def begin(self) -> None:
        self._emit(self._writer.begin())

    async def run(self) -> None:
        """Produce and send; returns when response.done is out, also when cancelled."""
        self._task = asyncio.current_task()
        parts: asyncio.Queue[ResponsePart]
        try:
            for call in self._approved:
                await self._call_mcp(call.route, call.arguments, call.synthesised, call.request_id)
            if not self._speaks:
                self._end(COMPLETED, ResponseEnded())
                return
            for rounds_left in reversed(range(_MAX_ROUNDS if self._is_out_of_band else 1)):
                before = self._mcp_calls
                request = await self._request()
                async with asyncio.TaskGroup() as tasks:
                    parts = asyncio.Queue(_PARTS_AHEAD)
                    producer = tasks.create_task(self._produce(request, parts), name="produce")
                    ending, ended = await self._send(parts)
                    has_more = ending is COMPLETED and self._mcp_calls > before
                    if not (has_more and rounds_left):
                        self._end(ending, ended)
                        rounds_left = 0
                    producer.cancel()
                if not rounds_left:
                    return
        except* ClientStalled as errors:
            self._fail(_first(errors))
        except* EngineError as errors:
            self._fail(_first(errors))
        except* Exception as errors:  # an engine's bug ends its response, not the session
            log.exception("an engine failed in a response", response_id=self.response_id)
            self._fail(_first(errors))

    def cancel(self, reason: CancelReason) -> None:
        """Nothing of this response follows the response.done that this sends."""
        self.was_cancelled = True
        self._emit(self._writer.finish(cancelled(reason)))
        if self._task is not None:
            self._task.cancel()

    # ---- the engine's side ---------------------------------------------------------------------

    async def _produce(self, request: ResponseRequest, parts: asyncio.Queue[ResponsePart]) -> None:
        answer = self._respond(request)
        iterator = aiter(answer)
        # The protocol says "closing the iterator cancels it"; every real one is a generator.
        close = getattr(answer, "aclose", None)
        try:
            while True:
                async with asyncio.timeout(PART_TIMEOUT_S):
                    part = await anext(iterator, None)
                if part is None:
                    raise EngineError("the engine ended a response without saying how")
                await parts.put(part)
                if isinstance(part, ResponseEnded):
                    return
        except TimeoutError:
            raise EngineError(
                f"the engine said nothing for {PART_TIMEOUT_S:g} s", code="engine_timeout"
            ) from None
        finally:
            if close is not None:
                await close()

    # ---- the client's side ---------------------------------------------------------------------

    async def _send(self, parts: asyncio.Queue[ResponsePart]) -> tuple[Ending, ResponseEnded]:
        while True:
            part = self._next or await parts.get()
            self._next = None
            is_in_budget = True
            match part:
                case SpeechDelta():
                    self._hear(part)
                    is_in_budget = await self._send_audio(is_last=False, more=parts)
                case TextDelta(text):
                    is_in_budget = await self._finish_audio() and await self._send_text(text)
                case ToolCalled(name, arguments, synthesised):
                    is_in_budget = await self._finish_audio()
                    if is_in_budget:
                        await self._call(name, arguments, synthesised)
                        if self._is_one_call:
                            return COMPLETED, ResponseEnded()
                case ResponseEnded():
                    is_in_budget = await self._finish_audio()
                    if is_in_budget:
                        return _ending(part), part
            if not is_in_budget or self._writer.tokens_left <= 0:
                return incomplete("max_output_tokens"), ResponseEnded("incomplete")

    async def _call(self, name: str, arguments: str, synthesised: Sequence[str]) -> None:
        """A function is the client's to run; a tool of an MCP server is ours, once approved."""
        route = self.routes.get(name)
        if route is None:
            self._emit(self._writer.call(name, arguments, synthesised))
        elif route.needs_approval and not self._is_out_of_band:
            label = route.server.server_label
            self._emit(self._writer.request_approval(label, route.tool, arguments, synthesised))
        else:
            await self._call_mcp(route, arguments, synthesised)

    async def _call_mcp(
        self,
        route: McpRoute,
        arguments: str,
        synthesised: Sequence[str],
        request_id: str | None = None,
    ) -> None:
        self._emit(
            self._writer.begin_mcp_call(
                route.server.server_label,
                route.tool,
                arguments,
                approval_request_id=request_id,
                synthesised=synthesised,
            )
        )
        self._mcp_calls += 1
        if route.needs_approval:
            error = McpToolExecutionError(message=_NOBODY_TO_ASK)
            self._emit(self._writer.end_mcp_call(error=error))
            return
        try:
            document = orjson.loads(arguments)
            if self._mcp is None or not isinstance(document, dict):
                raise ValueError
            output = await self._mcp.call(route.server, route.tool, document)
        except McpFailure as exc:
            self._emit(self._writer.end_mcp_call(error=exc.error))
        except ValueError:
            error = McpToolExecutionError(message="the arguments are not a JSON object")
            self._emit(self._writer.end_mcp_call(error=error))
        else:
            self._emit(self._writer.end_mcp_call(output=output))

    def _hear(self, part: SpeechDelta) -> None:
        begins_ms = self._made_ms
        payload = self._encoder.encode(part.pcm)
        self._pcm_payload += payload
        self._made_ms += len(payload) / bytes_per_ms(self._encoder.format)
        self._spoken.extend(spoken_pieces(part.text, part.words, begins_ms))

    def _hear_ahead(self, parts: asyncio.Queue[ResponsePart]) -> None:
        """Speech that is there already, as far as its words may be told now."""
        while (
            self._next is None
            and not parts.empty()
            and self._made_ms - self._sent_in_item_ms() < TRANSCRIPT_LEAD_MS
        ):
            part = parts.get_nowait()
            if isinstance(part, SpeechDelta):
                self._hear(part)
            else:
                self._next = part

    async def _finish_audio(self) -> bool:
        """All of the speech so far, the filter's tail included."""
        if not self._made_ms and not self._spoken:
            return True
        tail = self._encoder.flush()
        self._pcm_payload += tail
        self._made_ms += len(tail) / bytes_per_ms(self._encoder.format)
        if not await self._send_audio(is_last=True):
            return False
        self._send_transcript(float("inf"))
        self._made_ms = 0.0
        self._item_began_ms = self._audio.sent_ms
        return True

    async def _send_audio(
        self, *, is_last: bool, more: asyncio.Queue[ResponsePart] | None = None
    ) -> bool:
        """Whole deltas, paced; False when the token limit was hit. What is too little for a delta
        stays behind while we are comfortably ahead and more is on its way."""
        per_ms = bytes_per_ms(self._encoder.format)
        loop = asyncio.get_running_loop()
        while self._pcm_payload:
            if more is not None:
                self._hear_ahead(more)
            have_ms = len(self._pcm_payload) / per_ms
            is_ahead = self._audio.ahead_ms(loop.time()) > _COMFORTABLE_MS
            has_more = self._next is not None or (more is not None and not more.empty())
            can_wait = not is_last and (is_ahead or has_more)
            if have_ms < _DELTA_MS and can_wait:
                return True
            size = min(len(self._pcm_payload), _DELTA_MS * per_ms)
            budget_ms = self._writer.tokens_left * AGENT_AUDIO_MS
            if budget_ms <= 0:
                return False
            if budget_ms * per_ms < size:
                size = int(budget_ms) * per_ms
            ms = size / per_ms
            # What is known of a clause is told before anything is waited for.
            # Where tokens are limited, words must not use up what their audio needs.
            is_limited = self._writer.tokens_left != float("inf")
            lead_ms = 0.0 if is_limited else TRANSCRIPT_LEAD_MS
            self._send_transcript(self._sent_in_item_ms() + ms + lead_ms)
            if (wait_s := self._audio.wait_s(loop.time(), ms)) > 0:
                await asyncio.sleep(wait_s)
            await self._writable()
            self._emit(self._writer.speech(bytes(self._pcm_payload[:size]), ms))
            del self._pcm_payload[:size]
            self._audio.sent(loop.time(), ms)
        return True

    def _sent_in_item_ms(self) -> float:
        return self._audio.sent_ms - self._item_began_ms

    def _send_transcript(self, before_ms: float) -> None:
        while self._spoken and self._spoken[0].start_ms < before_ms:
            piece = self._spoken.popleft()
            self._emit(self._writer.transcript(piece.text, piece.words))

    async def _send_text(self, text: str) -> bool:
        loop = asyncio.get_running_loop()
        for piece in text_pieces(text):
            if self._writer.tokens_left <= 0:
                return False
            if (wait_s := self._text.wait_s(loop.time(), piece)) > 0:
                await asyncio.sleep(wait_s)
            await self._writable()
            self._emit(self._writer.text(piece))
        return True

    # ---- the end -------------------------------------------------------------------------------

    def _end(self, ending: Ending, ended: ResponseEnded) -> None:
        self._emit(
            self._writer.finish(
                ending, input_tokens=ended.input_tokens, output_tokens=ended.output_tokens
            )
        )

    def _fail(self, exc: Exception) -> None:
        if isinstance(exc, TrunklineError):
            self._emit(self._writer.finish(failed(exc.code, exc.message)))
        else:
            self._emit(self._writer.finish(failed("internal_error", "The engine failed.")))


def _ending(part: ResponseEnded) -> Ending:
    if part.status == "failed":
        return failed(part.code or "engine_error", part.message or "The engine failed.")
    if part.status == "incomplete":
        is_filter = part.reason == "content_filter"
        return incomplete("content_filter" if is_filter else "max_output_tokens")
    return COMPLETED


def _first(errors: BaseExceptionGroup[Exception]) -> Exception:
    found: BaseException = errors
    while isinstance(found, BaseExceptionGroup):
        found = found.exceptions[0]
    assert isinstance(found, Exception)
    return found
