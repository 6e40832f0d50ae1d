"""What the Realtime session tells a call: server events to the policy, the speaker and the flow."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

from trunkline.calls.bridge import CallClock
from trunkline.calls.caller_turn import take_turn
from trunkline.calls.dialogue import Dialogue
from trunkline.calls.engine_gap import EngineGap
from trunkline.calls.engine_link import SESSION_OVER, EngineLink
from trunkline.calls.engine_words import UNLOGGED, Span, arguments_of, brief
from trunkline.calls.house_lines import house_lines
from trunkline.calls.record import CallRecord
from trunkline.calls.responses import ResponseFailure, ResponseResult
from trunkline.calls.transcript import CallerUtterance
from trunkline.calls.turn_events import (
    Hypothesis,
    Interrupt,
    Pause,
    Resume,
    ServerBack,
    ServerLost,
    SpeechClosed,
    SpeechOpened,
    Transcribed,
)
from trunkline.calls.withholding import WITHHELD
from trunkline.domain.events import Json
from trunkline.domain.turn import SpokenWord, TurnKind
from trunkline.flows.actions import (
    CallerUnclear,
    EngineCalled,
    EngineFailed,
    EngineSpoke,
    GuardStopped,
)
from trunkline.flows.claims import is_claimed_aloud
from trunkline.flows.guard.gate import Blocked
from trunkline.flows.guard.pack import Side
from trunkline.realtime.items import FunctionCallItem, MessageItem
from trunkline.realtime.server_events import (
    ErrorEvent,
    InputCommitted,
    InputSpeechStarted,
    InputSpeechStopped,
    OutputItemAdded,
    OutputItemDone,
    ResponseAudioDelta,
    ResponseCreated,
    ResponseDone,
    ResponseTranscriptDelta,
    ResponseTranscriptDone,
    ServerEvent,
    TranscriptionCompleted,
    TranscriptionDelta,
    TranscriptionFailed,
)

_ON_THE_AGENT: Final = (Pause, Resume, Interrupt)
_MOST_OPEN: Final = 64
_INTERRUPTED: Final[Json] = {
    "error": {"code": "interrupted", "message": "the caller spoke first, and nothing was done"}
}
_TALKING_MS: Final = 1000  # a caller who was heard this recently is not talked over


class EngineEars:
    """``link`` counts the session's audio clock, from which offsets come back to call time."""

    def __init__(
        self,
        dialogue: Dialogue,
        link: EngineLink,
        record: CallRecord,
        call_clock: CallClock,
        *,
        rate_hz: int,
        say_house_line: Callable[[str], None],
        is_pending: Callable[[], bool] = lambda: False,
    ) -> None:
        self._dialogue = dialogue
        self._link = link
        self._record = record
        self._call_clock = call_clock
        self._rate_hz = rate_hz
        self._say_house_line = say_house_line
        self._is_pending = is_pending
        self._gap = EngineGap()
        self._spans: dict[str, Span] = {}
        self._owes_answer = False
        self._owes_apology = False
        self.is_deaf = False
        self.usage: dict[str, int] = {}

    # ---- the session's life --------------------------------------------------------------------

    def on_engine_lost(self, code: str) -> None:
        dialogue = self._dialogue
        self._record.note("engine_lost", engine=self._link.engine, code=code)
        self._owes_apology = dialogue.policy.awaits_words
        self._owes_answer = dialogue.responses.lost()
        dialogue.speaker.replies_ended()
        dialogue.program.session_lost()
        dialogue.tell(ServerLost(self._call_clock.now_ms))
        self._spans.clear()
        self._gap.begin(self._call_clock.now_ms)
        if self._is_awaited and dialogue.speaker.is_idle and code != SESSION_OVER:
            self._say_house_line(house_lines(dialogue.agent.language).one_moment)

    @property
    def _is_awaited(self) -> bool:
        """The caller is with the agent, and would notice that it does not answer."""
        return not (self.is_deaf or self._dialogue.is_closing)

    def tick(self) -> None:
        """A caller who waits for the engine to be back is told so; ten times a second."""
        self._heed(self._dialogue.speaker.overdue())
        if not self._gap.is_open:
            return
        dialogue, now_ms = self._dialogue, self._call_clock.now_ms
        spoke_ms = dialogue.policy.caller_stopped_ms
        talks = spoke_ms is not None and now_ms - spoke_ms < _TALKING_MS
        is_quiet = dialogue.speaker.is_idle and not talks and self._is_awaited
        if self._gap.is_due(now_ms, is_quiet=is_quiet):
            self._say_house_line(house_lines(dialogue.agent.language).still_here)

    def _gap_over(self) -> None:
        self._gap.end()
        self._dialogue.tell(ServerBack(self._call_clock.now_ms))

    def on_engine_restored(self) -> None:
        self._record.note("engine_restored", engine=self._link.engine)
        self._gap_over()
        self._dialogue.conversation.replay()
        self._dialogue.program.session_back()
        # What was asked for while there was no session went nowhere.
        if self._dialogue.responses.lost() or self._owes_answer:
            self._dialogue.responses.ask()
        elif self._owes_apology:
            self._flow(CallerUnclear())  # what was said went down with the session: ask again
        self._owes_answer = self._owes_apology = False

    def on_engine_failed(self, code: str) -> None:
        self._record.note("engine_failed", code=code)
        self._gap_over()
        self._flow(EngineFailed(code))

    def on_call_ended(self) -> None:
        """What the caller was saying at the end, as far as it was understood by then."""
        for item_id, span in self._spans.items():
            if span.text:
                ended_ms = self._ended_ms(span)
                utterance = CallerUtterance(item_id, span.text, span.started_ms, ended_ms)
                step = self._record.step
                turn = self._dialogue.transcript.caller_turn(utterance, TurnKind.SPEECH, step)
                self._record.turn(turn)
                is_withheld = self._record.withholding.covers(span.started_ms, ended_ms)
                verdict = self._dialogue.guard.heard(span.text)
                text = WITHHELD if is_withheld else span.text
                self._dialogue.guard.told(Side.INPUT, verdict, text)
        self._spans.clear()

    # ---- its events ----------------------------------------------------------------------------

    def on_server_event(self, event: ServerEvent) -> None:
        if not isinstance(event, UNLOGGED):
            # What is heard near a secret is told by its type alone: it may hold the secret.
            is_near = self._record.withholding.is_near(self._call_clock.now_ms)
            self._record.note("realtime", type=event.type, **({} if is_near else brief(event)))
        self._dialogue.program.saw(event)
        match event:
            case InputSpeechStarted() | InputSpeechStopped() | InputCommitted():
                self._on_input(event)
            case TranscriptionDelta() | TranscriptionCompleted() | TranscriptionFailed():
                self._on_transcription(event)
            case ResponseAudioDelta():
                if self._dialogue.responses.is_current(event.response_id):
                    self._heed(self._dialogue.speaker.reply_audio(event.item_id, event.audio))
            case ResponseTranscriptDelta():
                self._on_reply_text(event)
            case ResponseTranscriptDone():
                if self._dialogue.responses.is_current(event.response_id):
                    self._heed(self._dialogue.speaker.reply_told(event.item_id))
            case ResponseCreated():
                self._dialogue.responses.created(event.response.id)
            case OutputItemAdded() | OutputItemDone():
                self._on_output_item(event)
            case ResponseDone():
                self._on_response_done(event)
            case ErrorEvent():
                self._on_error(event)
            case _:
                pass  # items, parts and rate limits tell nothing that is not told above

    def _call_ms(self, audio_ms: int) -> int:
        """A moment of the session's audio clock in call time: both end now."""
        appended_ms = self._link.appended_samples * 1000 // self._rate_hz
        return self._call_clock.now_ms - appended_ms + audio_ms

    def _on_input(self, event: InputSpeechStarted | InputSpeechStopped | InputCommitted) -> None:
        now_ms = self._call_clock.now_ms
        match event:
            case InputSpeechStarted():
                while len(self._spans) >= _MOST_OPEN:
                    self._spans.pop(next(iter(self._spans)))
                self._spans[event.item_id] = self._span(self._call_ms(event.audio_start_ms))
                if not self.is_deaf:
                    self._dialogue.tell(SpeechOpened(now_ms, event.item_id))
                    if self._dialogue.driver is not None:
                        self._dialogue.speaker.expect(self._dialogue.driver.likely_lines())
            case InputSpeechStopped():
                span = self._spans.get(event.item_id)
                if span is not None:
                    span.ended_ms = self._call_ms(event.audio_end_ms)
            case InputCommitted():
                self._dialogue.conversation.caller_committed(event.item_id)
                self._dialogue.tell(SpeechClosed(now_ms, event.item_id))

    def _span(self, audio_ms: int) -> Span:
        """The edge's own ears know better when the words began than a padded buffer does."""
        heard_ms = self._dialogue.policy.caller_started_ms
        is_this = heard_ms is not None and audio_ms <= heard_ms
        return Span(audio_ms, heard_ms if is_this and heard_ms is not None else audio_ms)

    def _ended_ms(self, span: Span) -> int:
        """Where the words ended: the server's own end has the hangover in it."""
        ended_ms = self._call_clock.now_ms if span.ended_ms is None else span.ended_ms
        heard_ms = self._dialogue.policy.caller_stopped_ms
        if heard_ms is not None and span.started_ms <= heard_ms <= ended_ms:
            return heard_ms
        return max(span.started_ms, ended_ms)

    def _on_transcription(
        self, event: TranscriptionDelta | TranscriptionCompleted | TranscriptionFailed
    ) -> None:
        now_ms, item_id = self._call_clock.now_ms, event.item_id
        match event:
            case TranscriptionDelta():
                span = self._spans.setdefault(item_id, Span(now_ms, now_ms))
                before = span.text
                span.told += event.delta
                span.text = span.told if event.x_hypothesis is None else event.x_hypothesis
                if span.text != before:
                    self._record.partial(span.text)
                    self._dialogue.tell(Hypothesis(now_ms, item_id, span.text))
            case TranscriptionCompleted():
                rejected = bool(event.x_rejected)
                self._on_words(event, Transcribed(now_ms, item_id, event.transcript, rejected))
            case TranscriptionFailed():
                self._spans.pop(item_id, None)
                self._dialogue.tell(Transcribed(now_ms, item_id, None))

    def _on_words(self, event: TranscriptionCompleted, transcribed: Transcribed) -> None:
        """A final text: first its place in the conversation, then what the policy makes of it."""
        dialogue, now_ms = self._dialogue, self._call_clock.now_ms
        span = self._spans.pop(event.item_id, None) or Span(now_ms, now_ms)
        utterance = CallerUtterance(
            event.item_id,
            event.transcript,
            span.started_ms,
            self._ended_ms(span),
            words=tuple(
                SpokenWord(word.text, span.audio_ms + word.start_ms, span.audio_ms + word.end_ms)
                for word in event.x_words or ()
            ),
            confidence=event.x_confidence,
        )
        take_turn(dialogue, self._record, utterance, transcribed, self._flow)

    def _on_reply_text(self, event: ResponseTranscriptDelta) -> None:
        dialogue = self._dialogue
        if not dialogue.responses.is_current(event.response_id):
            return
        if self._is_pending() and is_claimed_aloud(
            dialogue.speaker.text_of(event.item_id) + event.delta
        ):
            self._block_claim()
            return
        marks = [word.mark() for word in event.x_words or ()]
        blocked = dialogue.speaker.reply_text(event.item_id, event.delta, marks)
        text = dialogue.speaker.text_of(event.item_id)
        dialogue.responses.spoke(event.response_id, event.item_id, text)
        self._heed(blocked)

    def _heed(self, blocked: Blocked | None) -> None:
        """The engine was about to say what it may not: it is stopped there, and the flow told.

        What was judged before it is said to its end.
        """
        if blocked is None:
            return
        dialogue = self._dialogue
        dialogue.responses.cancel()
        dialogue.speaker.replies_ended()
        self._flow(dialogue.guard.stopped(blocked))
        if blocked.verdict is not None:
            dialogue.guard.alert(blocked.verdict)

    def _block_claim(self) -> None:
        """The engine says that it is done, and it is not: its audio comes behind its words."""
        self._record.note("claim_blocked")
        self._dialogue.cut()
        self._say_house_line(house_lines(self._dialogue.agent.language).not_done)
        self._flow(EngineSpoke(""))

    def _on_output_item(self, event: OutputItemAdded | OutputItemDone) -> None:
        dialogue, item = self._dialogue, event.item
        if not dialogue.responses.is_current(event.response_id) or item.id is None:
            return
        match item:
            case MessageItem() if isinstance(event, OutputItemAdded):
                dialogue.responses.output_began(event.response_id)
                dialogue.conversation.reply_began(item.id)
                dialogue.speaker.reply_began(item.id, self._record.step)
            case MessageItem():
                if item.status != "incomplete":
                    self._heed(dialogue.speaker.reply_whole(item.id))
                dialogue.speaker.reply_ended(item.id)
            case FunctionCallItem() if isinstance(event, OutputItemDone):
                dialogue.conversation.called(item)
                dialogue.responses.called(event.response_id, item)
            case _:
                pass

    def _on_response_done(self, event: ResponseDone) -> None:
        if event.response.usage is not None:
            self._count(event.response.usage.model_dump())
        is_whole = event.response.status == "completed"
        if is_whole and self._dialogue.responses.is_current(event.response.id):
            self._heed(self._dialogue.speaker.replies_whole())
        result = self._dialogue.responses.done(event.response)
        self._answer_unheeded(event, result.calls if isinstance(result, ResponseResult) else ())
        if isinstance(result, ResponseFailure):
            self._dialogue.fail_response(result)
        elif isinstance(result, ResponseResult):
            self._dialogue.speaker.replies_ended()
            self._deliver(result)

    def _answer_unheeded(self, event: ResponseDone, heeded: Sequence[FunctionCallItem]) -> None:
        """Calls of a response that was cut or failed: nobody acts on them, and no model waits."""
        known = {call.call_id for call in heeded}
        if not heeded and self._dialogue.program.heeds(event.response.output or ()):
            return
        conversation = self._dialogue.conversation
        for item in event.response.output or ():
            if isinstance(item, FunctionCallItem) and item.call_id and item.call_id not in known:
                conversation.called(item)
                conversation.reply(item.call_id, _INTERRUPTED)

    def _deliver(self, result: ResponseResult) -> None:
        """What the engine did, to the flow: function calls first, else its words."""
        for place, call in enumerate(result.calls):
            if call.call_id is None:  # nothing can be answered to it
                self._dialogue.fail_response(ResponseFailure("bad_function_call"))
                return
            arguments, fault = arguments_of(call)
            self._flow(EngineCalled(call.call_id, call.name, arguments, place, fault))
        if result.calls:
            return
        if result.text:
            self._flow(EngineSpoke(result.text))
        else:
            self._dialogue.fail_response(ResponseFailure("empty_response"))

    def _on_error(self, event: ErrorEvent) -> None:
        failure = self._dialogue.responses.refused(event.error.code, event.error.event_id)
        if failure is not None:
            self._dialogue.fail_response(failure)

    def _count(self, usage: dict[str, Json]) -> None:
        for name in ("input_tokens", "output_tokens", "total_tokens"):
            value = usage.get(name)
            if isinstance(value, int):
                self.usage[name] = self.usage.get(name, 0) + value

    def _flow(
        self, event: EngineCalled | EngineSpoke | EngineFailed | CallerUnclear | GuardStopped
    ) -> None:
        if self._dialogue.driver is not None and not self._dialogue.program.takes(event):
            self._dialogue.driver.handle(event)
