"""The dialogue with one caller: turn decisions, the flow's wishes and the agent's speech, joined.

It is the stage a flow is played on, the end of the bridge, and what the turn policy's decisions are
carried out by. Everything in here is synchronous and runs on the loop.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, assert_never

from trunkline.audio.key_tones import without_key_tones
from trunkline.audio.ledger import far_end_ms
from trunkline.audio.playout import PlayoutChange, PlayoutQueue
from trunkline.audio.vad import FrameVerdict
from trunkline.calls.base_session import turn_detection
from trunkline.calls.bridge import CallClock
from trunkline.calls.conversation import Conversation
from trunkline.calls.engine_link import EngineLink
from trunkline.calls.flow_driver import FlowDriver
from trunkline.calls.guard_desk import GuardDesk
from trunkline.calls.program import ProgramSeat
from trunkline.calls.receipts import Receipts
from trunkline.calls.record import CallRecord
from trunkline.calls.responses import ResponseFailure, Responses
from trunkline.calls.speaker import Spawn, Speaker, Voice
from trunkline.calls.speech_cache import SpeechCache
from trunkline.calls.transcript import Speech, Transcript
from trunkline.calls.turn_events import (
    AgentFloor,
    Answer,
    Discard,
    Heard,
    Interrupt,
    Listening,
    NotListening,
    Pause,
    Resume,
    Silent,
    TurnDecision,
    TurnEvent,
    Unclear,
    Withdraw,
    idle_floor,
)
from trunkline.calls.turn_length import TurnLength
from trunkline.calls.turn_state import TurnSettings, in_manner
from trunkline.calls.turns import TurnPolicy
from trunkline.calls.wire_audio import WireAudio
from trunkline.domain.agent import AgentSpec
from trunkline.domain.clock import Clock
from trunkline.domain.events import Json
from trunkline.domain.leg import Leg
from trunkline.domain.turn import TurnKind
from trunkline.flows.actions import (
    CallerSilent,
    CallerUnclear,
    Configure,
    EngineFailed,
    FlowEvent,
    HangUpReason,
    Say,
    SayFinished,
)
from trunkline.realtime.client_events import InputAudioCommit

_QUIET_MS: Final = 300
_WAITED_ON_MS: Final = 6000
_ANSWERED_BADLY: Final = frozenset({"empty_response", "bad_function_call"})


@dataclass(frozen=True, slots=True)
class Setting:
    """What a dialogue is made of."""

    leg: Leg
    wire: WireAudio
    voice: Voice
    cache: SpeechCache
    link: EngineLink
    record: CallRecord
    clock: Clock
    call_clock: CallClock
    spawn: Spawn
    turns: TurnSettings
    guard: GuardDesk
    hang_up: Callable[[HangUpReason], None]


class Dialogue:
    def __init__(self, setting: Setting) -> None:
        self._leg = setting.leg
        self._wire = setting.wire
        self._link = setting.link
        self._record = setting.record
        self._call_clock = setting.call_clock
        self._setting = setting
        rate_hz = setting.leg.format.sample_rate_hz
        self.playout = PlayoutQueue(rate_hz)
        self.receipts = Receipts()
        self.transcript = Transcript(rate_hz)
        self.policy = TurnPolicy(setting.turns)
        self._turn_length = TurnLength()
        self.conversation = Conversation(setting.link.send)
        self.responses = Responses(setting.link.send, setting.clock.monotonic_ms)
        self.speaker = Speaker(
            self.playout,
            setting.cache,
            setting.voice,
            setting.wire,
            setting.spawn,
            self,
            setting.guard,
        )
        self.guard = setting.guard
        self.program = ProgramSeat(
            self, setting.record, setting.call_clock, setting.link.send, self._flow
        )
        self.driver: FlowDriver | None = None
        self.is_closing = False
        self.is_held = False
        self.voice = setting.voice
        self.led_on_at: int | None = None  # in samples: the caller's words were acted on then
        self.is_waited_on = False  # by a caller, for an engine or a tool
        self.is_owed = False
        self._played_before = 0
        self._sent_tools: Json = None

    @property
    def agent(self) -> AgentSpec:
        """Whoever has the call now."""
        return self.voice.agent

    def use_agent(self, agent: AgentSpec) -> None:
        """Another agent has the call: its voice speaks from here on."""
        self.voice = replace(self.voice, agent=agent)
        self.speaker.use(self.voice)

    # ---- the bridge's end ----------------------------------------------------------------------

    def uplink(self, caller: bytes) -> None:
        if self._record.is_withheld:  # what is keyed in secretly is not for the engine's ears
            audio = self._leg.format
            caller = without_key_tones(caller, audio.bytes_per_frame, audio.sample_rate_hz)
        may_wait = not self.policy.is_attended(self._call_clock.now_ms)
        self._link.append(self._wire.encode(caller), len(caller) // 2, may_wait=may_wait)

    def played(self, changes: list[PlayoutChange], moved_ms: int) -> None:
        self.speaker.settle(changes)
        ptime_ms = self._leg.format.ptime_ms
        if self.receipts.awaits_silence and moved_ms < ptime_ms // 2:
            # The tick that was played last began silent, or faded out within its first half.
            stop_ms = self.receipts.fell_silent(self._call_clock.now_ms - ptime_ms + moved_ms)
            if self.speaker.current is not None:
                self.speaker.current.stop_to_silence_ms = stop_ms
        is_owed = self.is_waited_on or self.responses.is_thinking or self.playout.has_more
        if is_owed != self.is_owed:
            self.is_owed = is_owed
            self._leg.owe_speech(is_owed)

    def heard(self, verdict: FrameVerdict, at_ms: int) -> None:
        is_speech, is_onset, is_confirmed, level_dbfs = verdict
        if is_speech:
            self._link.hasten()
        policy, floor = self.policy, self.floor()
        is_quiet = not (is_speech or is_onset or is_confirmed)
        decisions = policy.pass_quiet(at_ms, floor) if is_quiet else None
        if decisions is None:
            heard = Heard(at_ms, is_speech, is_onset, is_confirmed, level_dbfs, floor)
            decisions = policy.handle(heard)
        self.carry_out(decisions)
        if self._turn_length.is_reached(at_ms, is_speaking=self.policy.caller_is_speaking):
            self.policy.take_as_it_is()
            self._link.send(InputAudioCommit())

    def floor(self) -> AgentFloor:
        speaker = self.speaker
        if speaker.is_idle:
            return idle_floor(not self.is_closing, self.responses.is_thinking)
        return AgentFloor(
            is_speaking=True,
            is_interruptible=speaker.is_interruptible and not self.is_closing,
            is_thinking=self.responses.is_thinking,
            asks=speaker.asks,
            remaining_ms=speaker.remaining_ms,
        )

    @property
    def is_idle(self) -> bool:
        """Nobody is speaking, and nobody is owed a word."""
        stopped_ms = self.policy.caller_stopped_ms
        is_quiet = stopped_ms is None or self._call_clock.now_ms - stopped_ms > _QUIET_MS
        is_busy = self.is_held or self.is_closing or self.responses.is_pending
        return self.speaker.is_idle and is_quiet and not is_busy and not self.policy.awaits_words

    # ---- turn taking ---------------------------------------------------------------------------

    def tell(self, event: TurnEvent) -> None:
        """Give the policy an event and carry out what it decides."""
        self.carry_out(self.policy.handle(event))

    def carry_out(self, decisions: Sequence[TurnDecision]) -> None:
        for decision in decisions:
            self._carry_out(decision)

    def _carry_out(self, decision: TurnDecision) -> None:
        self._record.note("turn_decision", decision=type(decision).__name__, **_fields(decision))
        match decision:
            case Pause(onset_ms):
                self._leg.pause()
                spoken = self.speaker.current
                if spoken is not None and spoken.started_ms is not None:
                    # Who was speaking before the agent began is not waiting for it since then.
                    onset_ms = max(onset_ms, spoken.started_ms)
                self.receipts.paused(onset_ms)
            case Resume():
                self.receipts.resumes += 1
                if not self.is_held:
                    self._leg.resume()
            case Interrupt():
                self.receipts.interruptions += 1
                self.cut()
            case Withdraw():
                self.responses.cancel()
            case Discard(item_id, _):
                self.conversation.discard(item_id)
            case Answer() | Unclear() if self.led_on_at == self._call_clock.samples:
                pass  # these words led the flow elsewhere, which says what comes next
            case Answer() | Unclear() if self.program.answers():
                self._caller_stopped()
            case Silent() if self.program.keeps_waiting:
                self.listen((self.driver and self.driver.no_input_ms) or _WAITED_ON_MS)
            case Answer():
                self._caller_stopped()
                if self.responses.is_thinking:
                    self.responses.cancel()
                self.ask_engine()
            case Unclear():
                self._caller_stopped()
                self._flow(CallerUnclear())
            case Silent():
                self._flow(CallerSilent())
            case _:
                assert_never(decision)

    def _caller_stopped(self) -> None:
        stopped_ms = self.policy.caller_stopped_ms
        self.receipts.caller_stopped(self._call_clock.now_ms if stopped_ms is None else stopped_ms)

    def cut(self, *, keeps_response: bool = False) -> None:
        """The caller has the floor: stop the engine, drop what was not heard, and say so."""
        if not keeps_response:
            self.responses.cancel()
        cut = self.speaker.cut(self._leg)
        if not self.is_held:
            self._leg.resume()  # an empty ring: what comes next must not stay paused
        far_end = far_end_ms(self._leg.stats().rtt_ms)
        for speech in cut:
            self._close(speech, far_end)

    def stop_turn(self, item_id: str, *, is_discarded: bool) -> None:
        """What the caller said is not acted on: nothing of it stays with the engine."""
        self._caller_stopped()
        if not is_discarded:
            self.conversation.discard(item_id)
        if self.responses.is_pending:
            self.cut()  # it came late, and the engine answers already

    def _close(self, speech: Speech, far_end: int) -> None:
        """A speech is over, heard whole or cut: transcript, conversation and flow are told."""
        turn = self.transcript.agent_turn(
            speech,
            far_end_ms=far_end,
            now_ms=self._call_clock.now_ms,
            zero_samples=self._call_clock.zero_samples,
        )
        is_broken = bool(speech.error_code) or speech.is_stopped
        is_whole = turn is not None and not turn.is_interrupted and not is_broken
        heard = turn.text if turn is not None else ""
        if speech.kind is TurnKind.REPLY:
            if is_whole:
                self.conversation.reply_heard(speech.item_id, speech.text)
            elif speech.is_stopped and not speech.segment.received_samples:
                self.conversation.discard(speech.item_id)
            else:
                segment = speech.segment
                rate = self._leg.format.sample_rate_hz
                heard_ms = max(segment.played_samples * 1000 // rate - far_end, 0)
                self.conversation.reply_cut(
                    speech.item_id, heard_ms, heard, has_audio=segment.received_samples > 0
                )
        elif not is_whole and speech.kind is not TurnKind.FILLER:
            self.conversation.line_cut(speech.item_id, heard)
        if turn is not None:
            self._record.turn(turn)
        if speech.say_id:
            self._flow(SayFinished(speech.say_id, is_whole))

    # ---- the speaker's events ------------------------------------------------------------------

    def on_speech_started(self, speech: Speech, at_samples: int) -> None:
        speech.started_ms = self._call_clock.ms_of(at_samples)
        if speech.kind is not TurnKind.FILLER:
            speech.response_ms = self.receipts.agent_started(speech.started_ms)
        ids = {"item_id": speech.item_id, "say_id": speech.say_id}
        self._record.note("speech_started", spoken=speech.kind.value, **ids)

    def on_speech_finished(self, speech: Speech) -> None:
        self._close(speech, 0)
        if speech.error_code:
            self._record.note("line_failed", say_id=speech.say_id, code=speech.error_code)
            if speech.started_ms is None:
                self._flow(EngineFailed(speech.error_code))

    # ---- the stage -----------------------------------------------------------------------------

    def say(self, action: Say) -> None:
        text, stopped = self.guard.sayable(action)
        if stopped is not None:
            self._flow(stopped)
        speech = self.speaker.say(
            text,
            say_id=action.say_id,
            step=self._record.step,
            is_fixed=action.is_fixed or text != action.text,
            is_interruptible=action.is_interruptible,
        )
        self.conversation.line_queued(speech.item_id, text)

    def configure(self, action: Configure) -> None:
        self._record.withhold(action.is_secret)
        self.policy.adopt(in_manner(self._setting.turns, action.turn_taking))
        self._turn_length.limit_ms = action.max_turn_ms
        session: dict[str, Any] = {
            "type": "realtime",
            "instructions": action.instructions,
            "tools": list(action.tools),
            "tool_choice": action.tool_choice,
            "audio": {"input": {"turn_detection": turn_detection(action.hangover_ms)}},
        }
        if session != self._sent_tools:
            self._sent_tools = session
            self._link.configure(session)
        self.program.adopt(action.program)

    def ask_engine(self) -> None:
        if self._link.has_failed:
            self._flow(EngineFailed("engine_gone"))
            return
        self._record.note("response_asked")
        self.responses.ask()

    def listen(self, no_input_ms: int) -> None:
        self.tell(Listening(self._call_clock.now_ms, no_input_ms))

    def stop_listening(self) -> None:
        self.tell(NotListening(self._call_clock.now_ms))

    def reply_to_engine(self, call_id: str, output: Json) -> None:
        self.conversation.reply(call_id, output)

    def hang_up(self, reason: HangUpReason) -> None:
        self.is_closing = True
        self.responses.cancel()
        self.speaker.replies_ended()
        self._setting.hang_up(reason)

    # ---- small things --------------------------------------------------------------------------

    def fail_response(self, failure: ResponseFailure) -> None:
        """The engine could not answer, retry included."""
        self._record.note("response_failed", code=failure.code)
        self.speaker.replies_ended()
        if failure.code not in _ANSWERED_BADLY and self._link.move_on(failure.code):
            self.responses.ask()  # of nobody yet: the next engine is told that an answer is owed
            return
        self._flow(EngineFailed(failure.code))

    def tick(self) -> None:
        """Deadlines that are no frame's business; every 100 ms of the loop's time."""
        failure = self.responses.tick()
        if failure is not None:
            self.fail_response(failure)
        self.program.tick()

    def _flow(self, event: FlowEvent) -> None:
        if self.driver is not None:
            self.driver.handle(event)


def _fields(decision: TurnDecision) -> dict[str, Json]:
    return {name: getattr(decision, name) for name in decision.__slots__}
