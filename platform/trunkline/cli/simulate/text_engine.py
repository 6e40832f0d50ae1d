"""The engine of a text call: a Realtime session in memory that is told what the caller says.

It keeps the conversation as the model server does, and answers with the embedded planner. Words
arrive while they are spoken, and an utterance ends by the session's own hangover.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import date
from typing import Any, Final

import orjson
import pybase64

from trunkline.audio.g711 import pcm_to_ulaw
from trunkline.cli.simulate.simulation import EngineTrouble
from trunkline.cli.simulate.text_speech import silence, timed_words
from trunkline.domain.errors import EngineError
from trunkline.domain.events import Json
from trunkline.domain.ids import mint
from trunkline.model.cascade.dialogue_state import Speak
from trunkline.model.cascade.planner import Planner
from trunkline.model.engine import HistoryItem, ItemRole
from trunkline.realtime import client_events as ce
from trunkline.realtime import server_events as ev
from trunkline.realtime.items import (
    FunctionCallItem,
    FunctionCallOutputItem,
    Item,
    MessageItem,
    WordTime,
    assistant_message,
    item_text,
    user_message,
)
from trunkline.realtime.responses import Response, StatusDetails, StatusError

_RATE_HZ: Final = 8000
_ONSET_MS: Final = 160
_TRANSCRIPT_S: Final = 0.08
_THINKING_S: Final = 0.12
_HANGOVER_MS: Final = 500


class TextSession:
    def __init__(self, today: date) -> None:
        self._today = today
        self._events: deque[ev.ServerEvent] = deque()
        self._wake = asyncio.Event()
        self._failure: EngineError | None = None
        self._is_over = False
        self._items: list[Item] = []
        self._confidence: dict[str, float] = {}
        self._tools: tuple[Json, ...] = ()
        self._tool_choice: Any = "auto"
        self._hangover_ms = _HANGOVER_MS
        self._appended = 0
        self._heard: tuple[str, list[str], float] | None = None  # item, words, confidence
        self._response = ""
        self._timers: list[asyncio.TimerHandle] = []
        self.is_answering = False
        self.next_fails = False

    # ---- the caller, told -------------------------------------------------------------------

    @property
    def hangover_ms(self) -> int:
        return self._hangover_ms

    def voice_began(self, confidence: float) -> None:
        if self._heard is None:
            item_id = mint("item", 20)
            self._heard = (item_id, [], confidence)
            start_ms = max(self._appended * 1000 // _RATE_HZ - _ONSET_MS, 0)
            self._tell(ev.InputSpeechStarted(audio_start_ms=start_ms, item_id=item_id))

    def word(self, text: str) -> None:
        if self._heard is not None:
            item_id, words, _ = self._heard
            words.append(text)
            told = " ".join(words)
            self._tell(ev.TranscriptionDelta(item_id=item_id, delta=f"{text} ", x_hypothesis=told))

    def voice_ended(self, is_rejected: bool) -> None:
        """The hangover is over: commit what was said."""
        if self._heard is None:
            return
        (item_id, words, confidence), self._heard = self._heard, None
        at_ms = self._appended * 1000 // _RATE_HZ
        self._tell(ev.InputSpeechStopped(audio_end_ms=at_ms, item_id=item_id))
        self._tell(ev.InputCommitted(item_id=item_id))
        text = " ".join(words)
        self._items.append(user_message(text, item_id=item_id))
        self._confidence[item_id] = confidence
        self._later(_TRANSCRIPT_S, self._transcribe, item_id, text, confidence, is_rejected)

    def _transcribe(self, item_id: str, text: str, confidence: float, is_rejected: bool) -> None:
        self._tell(
            ev.TranscriptionCompleted(
                item_id=item_id,
                transcript=text,
                usage=ev.TranscriptionUsage(seconds=0),
                x_confidence=confidence,
                x_rejected=is_rejected or None,
            )
        )

    # ---- the call's side --------------------------------------------------------------------

    def send(self, event: ce.ClientEvent) -> None:
        if self._failure is not None:
            raise self._failure
        match event:
            case ce.SessionUpdate():
                self._configure(event.session)
            case ce.ItemCreate():
                self._insert(event.item, event.previous_item_id)
            case ce.ItemDelete():
                self._items = [item for item in self._items if item.id != event.item_id]
            case ce.ItemTruncate():
                self._truncate(event.item_id, event.audio_end_ms)
            case ce.ResponseCreate():
                self._respond(event.event_id)
            case ce.ResponseCancel():
                self._cancel()
            case _:
                pass

    def append_audio(self, payload: bytes) -> None:
        if self._failure is not None:
            raise self._failure
        self._appended += len(payload)

    async def events(self) -> AsyncIterator[ev.ServerEvent]:
        while True:
            while self._events:
                yield self._events.popleft()
            if self._failure is not None:
                raise self._failure
            if self._is_over:
                return
            self._wake.clear()
            await self._wake.wait()

    def close(self) -> None:
        self._is_over = True
        self._stop_timers()
        self._wake.set()

    def kill(self) -> None:
        self._failure = EngineError("the connection was lost")
        self._stop_timers()
        self._wake.set()

    def _configure(self, session: dict[str, Json]) -> None:
        self._tools = tuple(session.get("tools", self._tools))
        self._tool_choice = session.get("tool_choice", self._tool_choice)
        detection = session.get("audio", {}).get("input", {}).get("turn_detection") or {}
        self._hangover_ms = int(detection.get("silence_duration_ms", self._hangover_ms))
        self._tell(ev.SessionUpdated(session=session))

    def _insert(self, item: Item, previous: str | None) -> None:
        place = len(self._items)
        if previous == "root":
            place = 0
        elif previous is not None:
            ids = [one.id for one in self._items]
            place = ids.index(previous) + 1 if previous in ids else place
        self._items.insert(place, item)

    def _truncate(self, item_id: str, heard_ms: int) -> None:
        for place, item in enumerate(self._items):
            if item.id == item_id:
                marks, _ = timed_words(item_text(item))
                heard = " ".join(mark.text for mark in marks if mark.end_ms <= heard_ms)
                self._items[place] = assistant_message(heard, item_id=item_id)

    # ---- responses --------------------------------------------------------------------------

    def _respond(self, event_id: str | None) -> None:
        if self._response:
            detail = ev.ErrorDetail(
                type="invalid_request_error",
                code="conversation_already_has_active_response",
                message="a response is running",
                event_id=event_id,
            )
            self._tell(ev.ErrorEvent(error=detail))
            return
        self._response = mint("resp", 20)
        self.is_answering = True
        self._tell(ev.ResponseCreated(response=Response(id=self._response, status="in_progress")))
        self._later(_THINKING_S, self._answer, self._response)

    def _answer(self, response_id: str) -> None:
        if response_id != self._response:
            return
        if self.next_fails:
            error = StatusError(type="server_error", code="engine_error", message="as told")
            self._done("failed", StatusDetails(type="failed", error=error))
            return
        move = Planner(self._tools, self._today).plan(self._history(), self._tool_choice).move
        if isinstance(move, Speak):
            self._speak(response_id, move.text)
            return
        call = FunctionCallItem(
            id=mint("item", 20),
            name=move.name,
            call_id=mint("call", 20),
            arguments=orjson.dumps(dict(move.arguments)).decode(),
            x_synthesised=getattr(move, "synthesised", None) or None,
        )
        self._items.append(call)
        self._tell(ev.OutputItemAdded(response_id=response_id, output_index=0, item=call))
        self._tell(ev.OutputItemDone(response_id=response_id, output_index=0, item=call))
        self._done("completed")

    def _speak(self, response_id: str, text: str) -> None:
        item = MessageItem(id=mint("item", 20), role="assistant")
        self._items.append(assistant_message(text, item_id=item.id))
        self._tell(ev.OutputItemAdded(response_id=response_id, output_index=0, item=item))
        marks, length_ms = timed_words(text)
        place = {"response_id": response_id, "item_id": item.id or "", "output_index": 0}
        for number, mark in enumerate(marks):
            end_ms = marks[number + 1].start_ms if number + 1 < len(marks) else length_ms
            # Twice as fast as it is played, as the model server paces it.
            delay_s = max(mark.start_ms / 2000 - 0.4, 0) + number / 10_000  # in order
            self._later(delay_s, self._say_word, response_id, place, mark, end_ms)
        self._later(max(length_ms / 2000 - 0.4, 0) + 0.05, self._spoken, response_id, place)

    def _say_word(self, response_id: str, place: dict[str, Any], mark: Any, end_ms: int) -> None:
        if response_id != self._response:
            return
        words = (WordTime.of(mark),)
        self._tell(ev.ResponseTranscriptDelta(delta=f"{mark.text} ", x_words=words, **place))
        audio = pcm_to_ulaw(silence(end_ms - mark.start_ms, _RATE_HZ))
        delta = pybase64.b64encode_as_string(audio)
        self._tell(ev.ResponseAudioDelta(delta=delta, **place))

    def _spoken(self, response_id: str, place: dict[str, Any]) -> None:
        if response_id == self._response:
            self._tell(ev.ResponseAudioDone(**place))
            self._done("completed")

    def _done(self, status: Any, details: StatusDetails | None = None) -> None:
        response = Response(id=self._response, status=status, status_details=details)
        self._response, self.is_answering = "", False
        self._tell(ev.ResponseDone(response=response))

    def _cancel(self) -> None:
        if self._response:
            details = StatusDetails(type="cancelled", reason="client_cancelled")
            self._done("cancelled", details)

    def _history(self) -> list[HistoryItem]:
        found = []
        for item in self._items:
            item_id = item.id or ""
            match item:
                case FunctionCallItem():
                    found.append(
                        HistoryItem(
                            item_id,
                            ItemRole.FUNCTION_CALL,
                            name=item.name,
                            call_id=item.call_id or "",
                            arguments=item.arguments,
                        )
                    )
                case FunctionCallOutputItem():
                    found.append(
                        HistoryItem(
                            item_id, ItemRole.FUNCTION_OUTPUT, item.output, call_id=item.call_id
                        )
                    )
                case MessageItem():
                    confidence = self._confidence.get(item_id)
                    role = ItemRole(item.role)
                    found.append(HistoryItem(item_id, role, item_text(item), confidence=confidence))
                case _:
                    pass
        return found

    def _tell(self, event: ev.ServerEvent) -> None:
        self._events.append(event)
        self._wake.set()

    def _later(self, delay_s: float, act: Callable[..., None], *about: Any) -> None:
        self._timers = [timer for timer in self._timers if not timer.cancelled()][-256:]
        self._timers.append(asyncio.get_running_loop().call_later(delay_s, act, *about))

    def _stop_timers(self) -> None:
        for timer in self._timers:
            timer.cancel()


class TextEndpoint:
    """Where the call's engine link connects to."""

    def __init__(self, today: date) -> None:
        self._today = today
        self._is_down = False
        self._fails = False
        self.session = TextSession(today)

    @asynccontextmanager
    async def connect(self, engine: str) -> AsyncIterator[TextSession]:
        if self._is_down:
            raise EngineError("down, as the simulation says", code="engine_down")
        self.session = TextSession(self._today)
        self.session.next_fails = self._fails
        try:
            yield self.session
        finally:
            self.session.close()

    def trouble(self, kind: EngineTrouble) -> None:
        match kind:
            case EngineTrouble.FAILS:
                self._fails = self.session.next_fails = True
            case EngineTrouble.LOST:
                self.session.kill()
            case EngineTrouble.DOWN:
                self._is_down = True
                self.session.kill()
