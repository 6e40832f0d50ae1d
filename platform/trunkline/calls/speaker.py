"""What the agent says, in order: the flow's own lines and the engine's items, one after the other.

A line takes its place in the queue when it is asked for; its audio comes from the cache at once, or
is streamed from the speech endpoint while it is already being played.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol, TypeAlias

from trunkline.audio.framer import Framer
from trunkline.audio.playout import PlayoutChange, PlayoutQueue, Ring, SegmentStarted
from trunkline.calls.conversation import new_item_id
from trunkline.calls.guard_desk import GuardDesk
from trunkline.calls.guarded_reply import MOST_HELD_S, GuardedReply
from trunkline.calls.lines_ahead import LinesAhead
from trunkline.calls.speech_cache import SpeechCache
from trunkline.calls.speech_source import SpokenLine
from trunkline.calls.transcript import Speech
from trunkline.calls.wire_audio import WireAudio
from trunkline.domain.agent import AgentSpec
from trunkline.domain.audio import WordMark
from trunkline.domain.errors import EngineError
from trunkline.domain.turn import TurnKind
from trunkline.flows.guard.gate import Blocked, ClauseGate
from trunkline.runtime.logging import get_logger

log = get_logger(__name__)

Spawn: TypeAlias = Callable[[Coroutine[Any, Any, None], str], "asyncio.Task[None]"]
"""Starts work in the call's task group."""

LINE_TIMEOUT_S: Final = 20.0
RECEIPT_TIMEOUT_S: Final = 55.0
"""For what has to be heard; a call that ends meanwhile waits for its last line a little longer."""
_ASK_AGAIN_S: Final = 0.5
_TICKS_A_SECOND: Final = 10


class SpeakerEvents(Protocol):
    def on_speech_started(self, speech: Speech, at_samples: int) -> None:
        """Its first sample was played at this moment of the call clock."""
        ...

    def on_speech_finished(self, speech: Speech) -> None:
        """All of it was played; ``speech.error_code`` says that some could not be rendered."""
        ...


@dataclass(frozen=True, slots=True)
class Voice:
    """How an agent's lines sound on one leg."""

    agent: AgentSpec
    model: str
    sample_rate_hz: int

    def line(self, text: str) -> SpokenLine:
        agent = self.agent
        return SpokenLine(
            text, agent.voice, agent.speed, agent.language, self.model, self.sample_rate_hz
        )


class Speaker:
    def __init__(
        self,
        playout: PlayoutQueue,
        cache: SpeechCache,
        voice: Voice,
        wire: WireAudio,
        spawn: Spawn,
        events: SpeakerEvents,
        guard: GuardDesk,
    ) -> None:
        self._playout = playout
        self._cache = cache
        self._ahead = LinesAhead(cache, spawn)
        self._voice = voice
        self._wire = wire
        self._spawn = spawn
        self._events = events
        self._guard = guard
        self._live: list[Speech] = []
        self._replies: dict[str, GuardedReply] = {}
        self._held_ticks = 0
        self._fetches: dict[Speech, asyncio.Task[None]] = {}
        self._rate_hz = voice.sample_rate_hz
        self.idle = asyncio.Event()
        self.idle.set()

    # ---- how the agent stands ------------------------------------------------------------------

    @property
    def is_idle(self) -> bool:
        """Nothing is being said and nothing waits to be."""
        return not self._live

    @property
    def current(self) -> Speech | None:
        """What is being said, or is next to be."""
        return self._live[0] if self._live else None

    @property
    def is_interruptible(self) -> bool:
        """Of what is being said now."""
        return not self._live or self._live[0].is_interruptible

    @property
    def remaining_ms(self) -> int:
        return self._playout.remaining_ms()

    @property
    def asks(self) -> bool:
        """What is being said is a question, or has just been one."""
        if not self._live:
            return False
        speech = self._live[0]
        played_ms = speech.segment.played_samples * 1000 // self._rate_hz
        return speech.asks_at(played_ms, self._rate_hz)

    def use(self, voice: Voice) -> None:
        """Another voice, for what is said from here on."""
        self._voice = voice

    # ---- the flow's lines ----------------------------------------------------------------------

    def expect(self, texts: Sequence[str]) -> None:
        """Lines of this call's own that may be said next."""
        self._ahead.prepare([self._voice.line(text) for text in texts])

    def say(
        self,
        text: str,
        *,
        say_id: str,
        step: str,
        is_fixed: bool,
        is_interruptible: bool,
        kind: TurnKind = TurnKind.SAY,
    ) -> Speech:
        """Queue a line behind whatever is being said."""
        item_id = new_item_id()
        speech = Speech(
            self._playout.open(item_id),
            kind,
            item_id,
            text,
            say_id,
            step,
            is_interruptible,
        )
        self._live.append(speech)
        self.idle.clear()
        line = self._voice.line(text)
        prepared = self._ahead.take(line)
        at_hand = self._cache.at_hand(line) if is_fixed else prepared
        if at_hand is not None:
            self._append(speech, at_hand.pcm, at_hand.marks)
            self._playout.close(item_id)
        else:
            fetch = self._fetch(speech, line, keep=is_fixed)
            self._fetches[speech] = self._spawn(fetch, f"line-{say_id}")
        return speech

    async def _fetch(self, speech: Speech, line: SpokenLine, *, keep: bool) -> None:
        try:
            limit_s = LINE_TIMEOUT_S if speech.is_interruptible else RECEIPT_TIMEOUT_S
            async with asyncio.timeout(limit_s):
                await self._render(speech, line, keep=keep)
        except EngineError as exc:
            speech.error_code = exc.code
        except TimeoutError:
            speech.error_code = "speech_timeout"
        finally:
            self._fetches.pop(speech, None)
            self._playout.close(speech.item_id)
        if speech.error_code:
            log.warning("a line could not be spoken", code=speech.error_code)

    async def _render(self, speech: Speech, line: SpokenLine, *, keep: bool) -> None:
        """What has to be heard, a receipt above all, waits for a server that is started again."""
        while True:
            has_begun = False
            try:
                async for piece in self._cache.stream(line, keep=keep):
                    has_begun = True
                    self._append(speech, piece.pcm, piece.marks)
                return
            except EngineError as exc:
                if speech.is_interruptible or has_begun or exc.code != "speech_unreachable":
                    raise
            await asyncio.sleep(_ASK_AGAIN_S)

    def _append(self, speech: Speech, pcm: bytes, marks: Sequence[WordMark]) -> None:
        speech.add_words("", marks)
        self._playout.append(speech.item_id, pcm)

    # ---- the engine's items --------------------------------------------------------------------

    def reply_began(self, item_id: str, step: str) -> None:
        if item_id in self._replies:
            return
        speech = Speech(self._playout.open(item_id), TurnKind.REPLY, item_id, step=step)
        self._live.append(speech)
        self.idle.clear()
        gate = None
        if self._guard.judges_speech:
            speed = self._voice.agent.speed
            gate = ClauseGate(self._guard.clause, self._rate_hz, speed=speed)
        self._replies[item_id] = GuardedReply(
            speech,
            Framer(self._wire.bytes_per_sample),
            gate,
            lambda pcm: self._playout.append(item_id, pcm),
        )

    def reply_text(self, item_id: str, text: str, marks: Sequence[WordMark]) -> Blocked | None:
        reply = self._replies.get(item_id)
        return None if reply is None else reply.text(text, marks)

    def reply_audio(self, item_id: str, payload: bytes) -> Blocked | None:
        """Audio in the session's output format, split anywhere."""
        reply = self._replies.get(item_id)
        if reply is None:
            return None
        return reply.audio(self._wire.decode(reply.framer.feed_whole(payload)))

    def reply_told(self, item_id: str) -> Blocked | None:
        """No more text of it will come."""
        reply = self._replies.get(item_id)
        return None if reply is None else reply.told()

    def reply_whole(self, item_id: str) -> Blocked | None:
        """It is complete."""
        reply = self._replies.get(item_id)
        blocked = None if reply is None else reply.whole()
        if blocked is None:
            self.reply_ended(item_id)
        return blocked

    def reply_ended(self, item_id: str) -> None:
        """No more of it will come: what was not judged by now never will be."""
        reply = self._replies.pop(item_id, None)
        if reply is not None:
            reply.drop()
            self._playout.close(item_id)

    def replies_whole(self) -> Blocked | None:
        """The engine is done: what it has said is all there is."""
        found = (self.reply_whole(item_id) for item_id in list(self._replies))
        return next((blocked for blocked in found if blocked is not None), None)

    def replies_ended(self) -> None:
        """None of the engine's open items will go on (response done, or engine lost)."""
        for item_id in list(self._replies):
            self.reply_ended(item_id)

    def overdue(self) -> Blocked | None:
        """Ten times a second: speech whose words do not come, while nobody hears anything."""
        waits = [reply for reply in self._replies.values() if reply.held_samples]
        is_waiting = bool(waits) and self._playout.is_owed
        self._held_ticks = self._held_ticks + 1 if is_waiting else 0
        if self._held_ticks < MOST_HELD_S * _TICKS_A_SECOND:
            return None
        self._held_ticks = 0
        return waits[0].give_up()

    def text_of(self, item_id: str) -> str:
        return self._replies[item_id].speech.text if item_id in self._replies else ""

    # ---- the ring ------------------------------------------------------------------------------

    def settle(self, changes: Sequence[PlayoutChange]) -> None:
        """Pass on what the playout queue has seen happen."""
        for change in changes:
            speech = next((s for s in self._live if s.segment is change.segment), None)
            if speech is None:
                continue
            if isinstance(change, SegmentStarted):
                self._events.on_speech_started(speech, change.at_samples)
            else:
                self._live.remove(speech)
                if not self._live:
                    self.idle.set()
                self._events.on_speech_finished(speech)

    def cut(self, ring: Ring) -> list[Speech]:
        """Drop everything that was still to be said; returns it, oldest first."""
        self._playout.flush(ring)
        cut, self._live = self._live, []
        self.idle.set()
        self._replies.clear()
        for fetch in list(self._fetches.values()):
            fetch.cancel()
        self._fetches.clear()
        return cut
