"""The listening half of a session: input buffer, turn detection, commits, transcription events."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final

from trunkline.audio.noise_reduction import NoiseReducer
from trunkline.audio.resample import Resampler, resampled
from trunkline.domain.errors import ProtocolError
from trunkline.domain.ids import mint
from trunkline.model.conversation import Conversation, Entry
from trunkline.model.endpointing import (
    SAMPLES_PER_MS,
    Endpoint,
    Endpointer,
    EndpointingConfig,
    IdleTimedOut,
    SpeechMayEnd,
    SpeechStarted,
    SpeechStopped,
    SpeechWentOn,
)
from trunkline.model.engine import (
    EngineEvent,
    EngineSession,
    Foreseen,
    Hypothesis,
    Transcribed,
    TranscriptionFailed,
)
from trunkline.model.engine_config import endpointing_config, reduction_db
from trunkline.model.formats import InputDecoder, bytes_per_ms, encode
from trunkline.model.input_buffer import LEAST_COMMIT_MS, InputBuffer
from trunkline.model.recordings import Recordings
from trunkline.model.transcription_events import transcription_events
from trunkline.model.unfinished import looks_unfinished
from trunkline.model.vad import VoiceActivity
from trunkline.realtime import server_events as ev
from trunkline.realtime.items import InputAudioPart, MessageItem
from trunkline.realtime.session import (
    AudioInput,
    SemanticVad,
    ServerVad,
    Session,
    Transcription,
)

_SLICE_MS: Final = 200
# A long upload lets other sessions run after each second of its audio.
_YIELD_EVERY: Final = 5
# Clients that name this model understand hypotheses; to others only final text is sent.
OWN_TRANSCRIPTION_MODEL: Final = "trunkline-asr"


class Hearing:
    """``on_started``: speech has begun. ``on_committed``: detection or the idle timeout committed a
    turn. ``is_agent_heard``: a response is running or may still be playing. ``on_foreseen``: a turn
    of so many milliseconds may be over, and says this; ``on_went_on``: it was not."""

    def __init__(
        self,
        session: Session,
        conversation: Conversation,
        engine: EngineSession,
        engine_rate_hz: int,
        emit: Callable[[list[ev.ServerEvent]], None],
        *,
        on_started: Callable[[], None],
        on_committed: Callable[[], None],
        is_agent_heard: Callable[[], bool],
        foresees: bool = False,
        on_foreseen: Callable[[Foreseen, float], None] = lambda foreseen, audio_ms: None,
        on_went_on: Callable[[], None] = lambda: None,
    ) -> None:
        self._settings = session.audio.input
        self._wants_logprobs = bool(session.include)
        self._conversation = conversation
        self._engine = engine
        self._engine_rate_hz = engine_rate_hz
        self._emit = emit
        self._on_started = on_started
        self._on_committed = on_committed
        self._is_agent_heard = is_agent_heard
        self._foresees = foresees
        self._on_foreseen = on_foreseen
        self._on_went_on = on_went_on
        self._foreseeing: str | None = None  # the turn that may be over
        self._decoder = InputDecoder(self._settings.format)
        self._buffer = InputBuffer(self._decoder.rate_hz)
        self._reducer = self._new_reducer()
        self._vad = VoiceActivity(self._decoder.rate_hz)
        self._endpointer = self._new_endpointer()
        self._turn_id: str | None = None
        self._to_engine: Resampler | None = None
        self._fed_to = 0
        self._wants: dict[str, Transcription | None] = {}  # committed, not yet transcribed
        self._seconds: dict[str, float] = {}
        self._too_early: TranscriptionFailed | None = None  # of the turn that still runs
        self._recordings = Recordings(engine, engine_rate_hz)
        self.understood = asyncio.Event()  # set whenever a transcription has arrived

    # ---- settings ------------------------------------------------------------------------------

    def configure(self, session: Session) -> None:
        """Formats apply to what follows; a changed detection starts listening anew."""
        old, new = self._settings, session.audio.input
        self._settings = new
        self._wants_logprobs = bool(session.include)
        if new.format != old.format:
            self._change_format(new)
        if (new.format, new.noise_reduction) != (old.format, old.noise_reduction):
            self._reducer = self._new_reducer()
        if new.turn_detection == old.turn_detection:
            return
        if new.turn_detection is None or old.turn_detection is None or self._endpointer is None:
            self._abandon_turn()
            self._vad = VoiceActivity(self._decoder.rate_hz)
            self._endpointer = self._new_endpointer()
        else:
            self._endpointer.reconfigure(self._endpointing(new.turn_detection))

    def _change_format(self, new: AudioInput) -> None:
        self._feed_engine(self._buffer.end)
        self._decoder = InputDecoder(new.format)
        self._vad.change_rate(self._decoder.rate_hz)
        self._buffer.change_rate(self._decoder.rate_hz)
        if self._to_engine is not None:
            self._to_engine = Resampler(self._decoder.rate_hz, self._engine_rate_hz)

    def _new_reducer(self) -> NoiseReducer | None:
        most_db = reduction_db(self._settings.noise_reduction)
        return NoiseReducer(self._decoder.rate_hz, most_db) if most_db else None

    def _new_endpointer(self) -> Endpointer | None:
        detection = self._settings.turn_detection
        if detection is None:
            return None
        return Endpointer(self._endpointing(detection), at=self._buffer.end)

    def _endpointing(self, detection: ServerVad | SemanticVad) -> EndpointingConfig:
        is_ours = _is_ours(self._settings.transcription)
        return endpointing_config(detection, foresees=self._foresees, has_own_ears=is_ours)

    # ---- the input buffer ----------------------------------------------------------------------

    async def append(self, payload: bytes) -> None:
        if self._endpointer is None:
            self._buffer.refuse_overflow(len(payload) // bytes_per_ms(self._decoder.format))
        pcm = self._decoder.decode(payload)
        size = self._decoder.rate_hz * _SLICE_MS // 1000 * 2
        if len(pcm) <= size:
            self._hear(pcm)
            return
        for count, begin in enumerate(range(0, len(pcm), size), 1):
            self._hear(pcm[begin : begin + size])
            if count % _YIELD_EVERY == 0:
                await asyncio.sleep(0)

    def _hear(self, pcm: bytes) -> None:
        if self._reducer is not None:
            pcm = self._reducer.feed(pcm)
        self._buffer.append(pcm)
        if self._endpointer is not None:
            self._detect(pcm, self._endpointer)
        elif self._turn_id is None and self._buffer.held_ms >= LEAST_COMMIT_MS:
            # Without detection all of the buffer is the turn: understood while it is said.
            self._begin_turn(self._buffer.start)
        if self._turn_id is not None:
            self._feed_engine(self._buffer.end)
        elif self._endpointer is not None:
            self._buffer.trim_idle()

    def commit(self) -> None:
        """The client's own commit; never a response."""
        if self._buffer.held_ms < LEAST_COMMIT_MS and self._turn_id is None:
            raise ProtocolError(
                "Error committing input audio buffer: buffer too small. Expected at least "
                f"{LEAST_COMMIT_MS}ms of audio, but buffer only has {self._buffer.held_ms}ms.",
                code="input_audio_buffer_commit_empty",
            )
        start = self._buffer.start
        if self._turn_id is None:
            self._begin_turn(start)
        self._commit_turn(self._turn_start, self._buffer.end)
        if self._endpointer is not None:
            self._endpointer.restart()

    def clear(self) -> None:
        self._abandon_turn()
        self._buffer.clear()
        if self._endpointer is not None:
            self._endpointer.restart()
        self._emit([ev.InputCleared()])

    # ---- turns ---------------------------------------------------------------------------------

    def _detect(self, pcm: bytes, endpointer: Endpointer) -> None:
        for is_speech in self._vad.feed(pcm):
            endpoint = endpointer.push(is_speech, needs_confirmation=self._needs_confirmation())
            if endpoint is not None:
                self._take(endpoint)

    def _needs_confirmation(self) -> bool:
        """Where speech cuts the agent off, its own echo must not."""
        detection = self._settings.turn_detection
        return detection is not None and detection.interrupt_response and self._is_agent_heard()

    def _take(self, endpoint: Endpoint) -> None:
        match endpoint:
            case SpeechStarted(start):
                item_id = self._begin_turn(max(start, self._buffer.start))
                start_ms = self._turn_start // SAMPLES_PER_MS
                self._emit([ev.InputSpeechStarted(audio_start_ms=start_ms, item_id=item_id)])
                self._on_started()
            case SpeechMayEnd():
                assert self._turn_id is not None
                self._feed_engine(self._buffer.end)
                self._foreseeing = self._turn_id
                self._engine.foresee(self._turn_id)
            case SpeechWentOn():
                assert self._turn_id is not None
                self._engine.go_on(self._turn_id)
                self._not_over()
            case SpeechStopped(_, end):
                assert self._turn_id is not None
                end_ms = end // SAMPLES_PER_MS
                self._emit([ev.InputSpeechStopped(audio_end_ms=end_ms, item_id=self._turn_id)])
                self._commit_turn(self._turn_start, end)
                self._on_committed()
            case IdleTimedOut(start, end):
                item_id = self._begin_turn(max(start, self._buffer.start))
                self._emit(
                    [
                        ev.InputTimeoutTriggered(
                            audio_start_ms=start // SAMPLES_PER_MS,
                            audio_end_ms=end // SAMPLES_PER_MS,
                            item_id=item_id,
                        )
                    ]
                )
                self._commit_turn(self._turn_start, end)
                self._on_committed()

    def _not_over(self) -> None:
        self._foreseeing = None
        self._on_went_on()

    def _begin_turn(self, start: int) -> str:
        self._not_over()
        self._turn_id = mint("item")
        self._turn_start = self._fed_to = start
        self._to_engine = Resampler(self._decoder.rate_hz, self._engine_rate_hz)
        self._engine.begin_turn(self._turn_id)
        return self._turn_id

    def _feed_engine(self, end: int) -> None:
        if self._to_engine is not None and end > self._fed_to:
            pcm = self._to_engine.feed(self._buffer.between(self._fed_to, end))
            self._fed_to = end
            if pcm:
                self._engine.feed(pcm)

    def _commit_turn(self, start: int, end: int) -> None:
        item_id = self._turn_id
        assert item_id is not None and self._to_engine is not None
        self._feed_engine(end)
        if rest := self._to_engine.flush():
            self._engine.feed(rest)
        self._turn_id = self._to_engine = self._foreseeing = None
        pcm = self._buffer.between(start, end)
        self._buffer.drop_before(end)
        previous = self._conversation.last_id
        item = MessageItem(
            id=item_id,
            object="realtime.item",
            status="completed",
            role="user",
            content=(InputAudioPart(),),
        )
        entry, _ = self._conversation.add(item)
        entry.is_understood = False
        entry.audio_ms = (end - start) / SAMPLES_PER_MS
        self._conversation.keep_audio(entry, encode(pcm, self._settings.format))
        self._wants[item_id] = self._settings.transcription
        self._seconds[item_id] = round(entry.audio_ms / 1000, 3)
        self._emit(
            [
                ev.InputCommitted(item_id=item_id, previous_item_id=previous),
                ev.ItemAdded(item=item, previous_item_id=previous),
                ev.ItemDone(item=item, previous_item_id=previous),
            ]
        )
        self._engine.end_turn(item_id)
        failed, self._too_early = self._too_early, None
        if failed is not None and failed.item_id == item_id:
            self.engine_said(failed)
        self._hear_waiting()

    def _abandon_turn(self) -> None:
        if self._turn_id is not None:
            self._engine.drop_turn(self._turn_id)
            self._turn_id = self._to_engine = None
            self._not_over()
            self._hear_waiting()

    # ---- recordings that a client puts in as items ---------------------------------------------

    def require_room(self, payload: bytes) -> None:
        """ProtocolError for a recording that is too long, or one too many."""
        self._recordings.require_room(len(payload) / bytes_per_ms(self._settings.format))

    def hear_item(self, entry: Entry, payload: bytes) -> None:
        """The engine hears one turn at a time: during another one, this one waits."""
        decoder = InputDecoder(self._settings.format)
        pcm = decoder.decode(payload)
        entry.is_understood = False
        entry.audio_ms = len(pcm) / 2 / decoder.rate_hz * 1000
        self._conversation.keep_audio(entry, payload)
        self._wants[entry.item_id] = None
        self._seconds[entry.item_id] = round(entry.audio_ms / 1000, 3)
        pcm = resampled(pcm, decoder.rate_hz, self._engine_rate_hz)
        self._recordings.put(entry.item_id, pcm)
        self._hear_waiting()

    def _hear_waiting(self) -> None:
        if self._turn_id is None:
            self._recordings.play()

    def forget(self, item_id: str) -> None:
        """The client deleted the item: nothing more is said of it."""
        self._recordings.forget(item_id)
        if item_id in self._wants:
            self._engine.drop_turn(item_id)
            self._wants.pop(item_id, None)
            self._seconds.pop(item_id, None)
            self.understood.set()

    @property
    def owed_s(self) -> float:
        """How much speech is committed and not yet transcribed."""
        return sum(self._seconds.values())

    # ---- what the agent does -------------------------------------------------------------------

    def agent_answered(self, playback_ms: int) -> None:
        if self._endpointer is not None:
            self._endpointer.await_caller(playback_ms)

    def agent_speaks(self) -> None:
        if self._endpointer is not None:
            self._endpointer.stop_awaiting()

    # ---- what the engine understood ------------------------------------------------------------

    def engine_said(self, event: EngineEvent) -> None:
        match event:
            case Hypothesis():
                self._hypothesis(event)
            case Foreseen(item_id):
                if item_id == self._foreseeing:
                    said_ms = (self._buffer.end - self._turn_start) / SAMPLES_PER_MS
                    self._on_foreseen(event, said_ms)
            case Transcribed():
                self._transcribed(event)
            case TranscriptionFailed(item_id) if item_id == self._turn_id:
                self._too_early = event  # there is no item yet that it could be told of
            case TranscriptionFailed(item_id, code, message):
                self._conversation.understood(item_id, "", None)
                self._seconds.pop(item_id, None)
                if self._wants.pop(item_id, None) is not None:
                    error = ev.TranscriptionError(code=code, message=message)
                    self._emit([ev.TranscriptionFailed(item_id=item_id, error=error)])
                self.understood.set()

    def _hypothesis(self, event: Hypothesis) -> None:
        item_id, text = event.item_id, event.text
        if item_id == self._turn_id and self._endpointer is not None:
            is_semantic = isinstance(self._settings.turn_detection, SemanticVad)
            self._endpointer.is_unfinished = is_semantic and looks_unfinished(text)
            self._endpointer.is_answered = event.is_answer
        if _is_ours(self._settings.transcription):
            self._emit([ev.TranscriptionDelta(item_id=item_id, x_hypothesis=text)])

    def _transcribed(self, event: Transcribed) -> None:
        self._conversation.understood(event.item_id, event.text, event.confidence)
        seconds = self._seconds.pop(event.item_id, 0.0)
        if self._wants.pop(event.item_id, None) is not None:
            told = transcription_events(event, seconds, wants_logprobs=self._wants_logprobs)
            self._emit(told)
        self.understood.set()


def _is_ours(transcription: Transcription | None) -> bool:
    return transcription is not None and transcription.model == OWN_TRANSCRIPTION_MODEL
