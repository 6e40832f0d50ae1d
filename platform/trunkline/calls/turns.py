"""Turn taking: pause, then decide. Events in, decisions out; no clock, no loop, no I/O.

Speech over the agent (an onset: 3 of 5 frames) pauses it at once. What follows is decided by how
long it lasts (9 of 12 frames confirm it), how loud it is, and by what the words are: a backchannel
or noise lets the agent go on where it stopped, anything else takes the floor. Engines without
partial transcripts decide on duration and level. Every indecision ends: a paused agent goes on, or
is cut, at a deadline; a turn without a transcript is answered after one; and a caller who says
nothing is told so.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final, assert_never

from trunkline.calls.backchannels import WordClass
from trunkline.calls.turn_events import (
    AgentFloor,
    Answer,
    DigitPressed,
    Discard,
    Heard,
    Hypothesis,
    Interrupt,
    Listening,
    NotListening,
    Pause,
    Reason,
    Resume,
    ServerBack,
    ServerLost,
    Silent,
    SpeechClosed,
    SpeechOpened,
    Suspended,
    Transcribed,
    TurnDecision,
    TurnEvent,
    Unclear,
    Withdraw,
)
from trunkline.calls.turn_state import Burst, TurnSettings, Utterance, Wait, utterance_of
from trunkline.calls.turn_weight import Scales

FRAME_MS: Final = 20
_FALSE_ALARMS: Final = 2  # after so many, a pause needs confirmed speech (babble, a television)


@dataclass(slots=True)
class TurnPolicy:
    """One call's turn taking. Feed ``handle`` every event, in order."""

    settings: TurnSettings = field(default_factory=TurnSettings)
    _scales: Scales = field(init=False)
    _tells_partials: bool = field(init=False)
    _floor: AgentFloor = field(default_factory=AgentFloor)
    _burst: Burst | None = None
    _paused_ms: int | None = None
    _items: dict[str, Utterance] = field(default_factory=dict)
    _listen: Wait | None = None
    _owed: str | None = None  # the last item of a turn that nobody has answered yet
    _owed_ms: int = 0
    _asked: str | None = None  # the item for which an answer was asked and has not begun
    _false_alarms: int = 0
    _is_unheard: bool = False  # no session: what the caller says is kept for the next

    def __post_init__(self) -> None:
        self._scales = Scales(self.settings)
        self._tells_partials = self.settings.has_partials

    @property
    def is_paused(self) -> bool:
        return self._paused_ms is not None

    @property
    def caller_is_speaking(self) -> bool:
        """The server has an utterance open."""
        return bool(self._items) and any(item.closed_ms is None for item in self._items.values())

    @property
    def awaits_words(self) -> bool:
        """An utterance is open, or its transcript is still to come."""
        return bool(self._items)

    def is_attended(self, at_ms: int) -> bool:
        """The caller speaks, or did a moment ago: the engine must hear them without delay."""
        return bool(self._items) or (self._burst is not None and self._burst.is_recent(at_ms))

    @property
    def caller_started_ms(self) -> int | None:
        """When the caller's present or last burst of speech began, as the edge heard it."""
        return self._burst.started_ms if self._burst else None

    @property
    def caller_has_spoken(self) -> bool:
        """The last burst was a voice, and no click or tone."""
        return self._burst is not None and self._burst.is_confirmed

    @property
    def caller_stopped_ms(self) -> int | None:
        """When the caller's last speech ended, as the edge heard it."""
        return self._burst.last_ms if self._burst else None

    def adopt(self, settings: TurnSettings) -> None:
        """Another step, another manner."""
        self.settings = self._scales.settings = settings

    def take_as_it_is(self) -> None:
        """The caller has gone on for long enough: what follows does not put off the answer."""
        if self._burst is not None:
            self._burst.is_dismissed = True

    def pass_quiet(self, at_ms: int, floor: AgentFloor) -> list[TurnDecision] | None:
        """``Heard`` of a frame without speech, as most are; None where something is under way."""
        if self._paused_ms is not None or self._items or self._owed is not None:
            return None
        self._take_floor(floor)
        return self._tell_silence(at_ms)

    def handle(self, event: TurnEvent) -> list[TurnDecision]:
        match event:
            case Heard():
                return self._heard(event)
            case SpeechOpened(at_ms, item_id):
                self._open(at_ms, item_id)
                self._restart_silence(at_ms)
                return []
            case Hypothesis(at_ms, item_id, text):
                return self._hypothesis(at_ms, item_id, text)
            case SpeechClosed(at_ms, item_id):
                if item_id in self._items:
                    self._items[item_id].closed_ms = at_ms
                return []
            case Transcribed():
                return self._transcribed(event)
            case Listening(at_ms, no_input_ms):
                self._listen = Wait(no_input_ms, at_ms)
                return self._answer_if_due(at_ms)
            case NotListening():
                self._listen = None
                return []
            case DigitPressed(at_ms):
                self._restart_silence(at_ms)
                return []
            case Suspended():
                self._paused_ms = None
                self._burst = None
                self._items.clear()
                self._owed = self._asked = None
                return []
            case ServerLost():
                self._items.clear()
                self._is_unheard = True
                return self._resume(Reason.NOISE) if self.is_paused else []
            case ServerBack(at_ms):
                self._is_unheard = False
                self._restart_silence(at_ms)
                return []
            case _:
                assert_never(event)

    def _open(self, at_ms: int, item_id: str) -> None:
        over_agent = self._floor.is_speaking
        self._items[item_id] = utterance_of(self._burst, at_ms, item_id, over_agent=over_agent)

    # ---- the edge's own ears -------------------------------------------------------------------

    def _heard(self, event: Heard) -> list[TurnDecision]:
        self._take_floor(event.floor)
        self._follow_burst(event)
        at_ms = event.at_ms
        decisions = self._judge(event)
        for item in list(self._items.values()):
            item.over_agent = item.over_agent or (
                item.closed_ms is None and event.floor.is_speaking and not item.took_floor
            )
            if item.is_overdue(at_ms, self.caller_stopped_ms, self.settings):
                decisions += self._transcribed(Transcribed(at_ms, item.item_id, None))
        decisions += self._answer_if_due(at_ms)
        return decisions + self._tell_silence(at_ms)

    def _take_floor(self, floor: AgentFloor) -> None:
        before, self._floor = self._floor, floor
        if before.is_thinking and not floor.is_thinking:
            self._asked = None
        if not floor.is_speaking:
            self._false_alarms = 0

    def _follow_burst(self, event: Heard) -> None:
        burst = self._burst
        if event.is_speech:
            if burst is None or event.at_ms - burst.last_ms > self.settings.rearm_ms:
                burst = self._burst = Burst(event.at_ms - FRAME_MS, event.at_ms)
            burst.last_ms = event.at_ms
            burst.level_dbfs = max(event.level_dbfs, burst.level_dbfs - 0.1)
            self._restart_silence(event.at_ms)
        if burst is None:
            return
        if event.is_confirmed and event.at_ms - burst.last_ms <= self.settings.quiet_ms:
            burst.is_confirmed = True
        if event.is_onset:
            for item in self._items.values():
                item.was_heard = item.was_heard or item.closed_ms is None

    def _judge(self, event: Heard) -> list[TurnDecision]:
        burst, floor = self._burst, event.floor
        if self._paused_ms is not None:
            if not floor.is_speaking:
                self._paused_ms = None
                return [Resume(Reason.SPOKEN_OUT)]
            if not floor.is_interruptible:
                return self._resume(Reason.MUST_BE_SAID)
            return self._decide(event.at_ms)
        if burst is None or burst.is_dismissed or not event.is_onset:
            return []
        if floor.is_speaking and floor.is_interruptible:
            if self._false_alarms >= _FALSE_ALARMS and not burst.is_confirmed:
                return []
            self._paused_ms = event.at_ms
            return [Pause(burst.started_ms)]
        if (
            floor.is_thinking
            and self._asked
            and burst.is_confirmed
            and not self._scales.is_faint(burst)
        ):
            self._owed, self._owed_ms, self._asked = self._asked, event.at_ms, None
            return [Withdraw()]
        return []

    def _decide(self, at_ms: int) -> list[TurnDecision]:
        """The agent is paused: go on, cut, or wait a little longer."""
        assert self._paused_ms is not None
        settings, burst, floor = self.settings, self._burst, self._floor
        if burst is None:
            return self._resume(Reason.NOISE)
        spoken = self._spoken()
        weight = self._scales.words(spoken.text if spoken else "", floor)
        is_quiet = at_ms - burst.last_ms >= settings.quiet_ms
        if spoken is not None and self._scales.takes_floor(spoken, burst, floor):
            return self._interrupt(Reason.WORDS)
        if WordClass.NOTHING < weight < WordClass.CONTENT and is_quiet and spoken is not None:
            # The last word may still become another one ("sure" for "stop").
            has_settled = at_ms - spoken.text_ms >= settings.quiet_ms
            return self._resume(Reason.BACKCHANNEL) if has_settled else []
        if weight is WordClass.NOTHING:
            if not burst.is_confirmed:
                # The first vowel of "excuse me" ends like a knock; its second comes after that.
                if at_ms - burst.last_ms >= settings.noise_ms:
                    return self._resume(Reason.NOISE)
            elif not self._tells_partials:
                if self._scales.is_long(burst):
                    return self._interrupt(Reason.DURATION)
                if is_quiet:
                    return self._resume(Reason.BACKCHANNEL)
        is_coming = is_quiet and self._tells_partials and bool(self._items)
        patience_ms = settings.final_ms if is_coming else settings.decide_ms
        if at_ms - self._paused_ms < patience_ms:
            return []
        # What only the edge heard, and is over, will never be answered: no reason to fall silent.
        is_over = is_quiet and not self._items and not self._is_unheard
        takes = (self._scales.is_long(burst) and not is_over) or (
            burst.is_confirmed and not is_quiet and not self._scales.is_faint(burst)
        )
        return self._interrupt(Reason.DEADLINE) if takes else self._resume(Reason.DEADLINE)

    def _resume(self, reason: Reason) -> list[TurnDecision]:
        self._paused_ms = None
        self._false_alarms += reason is Reason.NOISE
        if self._burst is not None:
            self._burst.is_dismissed = True
        for item in self._items.values():
            item.is_dismissed = True
        return [Resume(reason)]

    def _interrupt(self, reason: Reason) -> list[TurnDecision]:
        self._paused_ms = None
        for item in self._items.values():
            item.is_dismissed = False
            item.over_agent = item.over_agent and item.closed_ms is not None
            item.took_floor = item.closed_ms is None
        if self._burst is not None:
            self._burst.took_floor = True
        return [Interrupt(reason)]

    # ---- what the server understood ------------------------------------------------------------

    def _hypothesis(self, at_ms: int, item_id: str, text: str) -> list[TurnDecision]:
        item = self._items.get(item_id)
        if item is None:
            return []
        item.understand(text, at_ms)
        if item.closed_ms is None:
            self._tells_partials = True
        if self._paused_ms is not None:
            return self._decide(at_ms)
        burst = self._burst
        if (
            item.is_dismissed
            and burst is not None
            and burst.is_confirmed
            and self._can_interrupt()
            and self._scales.takes_floor(item, burst, self._floor)
        ):
            # "Yeah, but I wanted": what began as a backchannel went on.
            burst.is_dismissed = False
            return [Pause(burst.started_ms), *self._interrupt(Reason.WORDS)]
        return []

    def _transcribed(self, event: Transcribed) -> list[TurnDecision]:
        item = self._items.pop(event.item_id, None)
        if item is None:
            return []
        if item.over_agent and not item.was_heard:
            # The server heard the agent's echo, or a tone; the edge, which knows both, did not.
            return [Discard(item.item_id, Reason.NOISE)]
        self._tells_partials &= not item.was_told_late(event, self.settings.partials_ms)
        was_paused = self._paused_ms is not None
        weight = self._scales.words(event.text or "", self._floor)
        is_untold = event.text is None and not was_paused and not item.is_dismissed
        is_words = self._scales.are_words(weight, self._burst) or (
            weight > WordClass.FILLER and not item.over_agent
        )
        if not is_untold and (event.is_rejected or not is_words):
            return self._dismiss(item, weight, was_paused, event.at_ms)
        decisions: list[TurnDecision] = []
        if was_paused:
            decisions += self._interrupt(Reason.WORDS)
        elif self._can_interrupt():
            started = self._burst.started_ms if self._burst else item.opened_ms
            decisions += [Pause(started), *self._interrupt(Reason.WORDS)]
        self._scales.learn(self._burst)
        self._owed, self._owed_ms = None if event.is_stopped else item.item_id, event.at_ms
        return decisions + self._answer_if_due(event.at_ms)

    def _dismiss(
        self, item: Utterance, weight: WordClass, was_paused: bool, at_ms: int
    ) -> list[TurnDecision]:
        """The utterance is no turn of the caller's."""
        why = Reason.NOISE if weight is WordClass.NOTHING else Reason.BACKCHANNEL
        discard = Discard(item.item_id, why)
        if was_paused:
            return [*self._resume(why), discard]
        listen = self._listen
        if item.took_floor and self._owed is None:
            # The agent fell silent for this; silence would be the worst answer to it.
            if listen is not None:
                listen.has_told = True
            return [Unclear(item.item_id)]
        if (
            item.was_heard
            and not item.over_agent
            and weight is not WordClass.FILLER
            and listen is not None
            and self._owed is None
        ):
            listen.has_told = True
            return [Unclear(item.item_id)]
        return [discard, *self._answer_if_due(at_ms)]

    def _answer_if_due(self, at_ms: int) -> list[TurnDecision]:
        """One answer, when the caller has stopped, the flow listens and the floor is free."""
        if self._owed is None or self._listen is None or self.is_paused:
            return []
        if any(not item.is_dismissed for item in self._items.values()):
            return []
        if self._talks(at_ms) and at_ms - self._owed_ms < self.settings.going_on_ms:
            return []
        if self._floor.is_speaking and not self._floor.is_interruptible:
            return []
        if self._floor.is_thinking and self._asked:
            return []
        owed, self._owed = self._owed, None
        self._asked = owed
        self._listen.has_told = True
        return [Answer(owed)]

    def _tell_silence(self, at_ms: int) -> list[TurnDecision]:
        if self._listen is None:
            return []
        is_busy = self._floor.is_speaking or self._floor.is_thinking or self._is_unheard
        is_busy = is_busy or bool(self._items) or self._owed is not None
        return [Silent()] if self._listen.has_run_out(at_ms, is_busy=is_busy) else []

    # ---- small judgements ----------------------------------------------------------------------

    def _restart_silence(self, at_ms: int) -> None:
        if self._listen is not None:
            self._listen.since_ms = at_ms

    def _can_interrupt(self) -> bool:
        return self._floor.is_speaking and self._floor.is_interruptible

    def _talks(self, at_ms: int) -> bool:
        """The caller is speaking at this moment, whether or not the server knows it yet."""
        return self._burst is not None and self._burst.goes_on(at_ms, self.settings.talking_ms)

    def _spoken(self) -> Utterance | None:
        """The utterance that is being spoken now, or was last."""
        return max(self._items.values(), key=lambda item: item.opened_ms, default=None)
