"""What the turn policy remembers: its settings, a burst of speech, an utterance, a wait."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from itertools import takewhile
from typing import Final

from trunkline.calls.turn_events import Transcribed
from trunkline.flows.actions import TurnTaking


@dataclass(frozen=True, slots=True)
class TurnSettings:
    """Times in milliseconds. ``has_partials``: the engine tells words while they are spoken, as far
    as is known at the start; the policy notices when it is otherwise."""

    language: str = "en"
    has_partials: bool = True
    quiet_ms: int = 240  # this long without speech, and the burst is over
    noise_ms: int = 480  # and what was too short for a voice was none
    rearm_ms: int = 300  # a new burst needs this much silence before it
    decide_ms: int = 1200  # a paused agent waits no longer than this
    final_ms: int = 2000  # unless the caller has stopped and the final words are on their way
    partials_ms: int = 1500  # so long an utterance without partial words: there are none
    words_ms: int = 400  # partial words count once the speech is this long
    taking_ms: int = 600  # without words, speech this long takes the floor
    talking_ms: int = 100  # speech this recent is still going on
    transcript_ms: int = 3000  # after the commit; then the turn is answered without its text
    open_ms: int = 8000  # so long after the last sound the server has lost count: taken as it is
    longest_ms: int = 130_000  # and so long after its beginning; servers cut at 120 s
    going_on_ms: int = 4000  # sound that the server hears no speech in puts an answer off no longer
    almost_done_ms: int = 600  # the agent is ending: an "okay" now is an answer
    faint_db: float = 15.0  # this far below the caller's usual level is somebody else


_RECENT_MS: Final = 1000
_PAST_MS: Final = 500

# How much speech over the agent takes the floor: calm steps let people murmur, eager ones yield.
# In milliseconds: with words that mean something, and without any.
_MANNERS: Final[Mapping[TurnTaking, tuple[int, int]]] = {
    TurnTaking.CALM: (600, 900),
    TurnTaking.EAGER: (280, 420),
}


def in_manner(settings: TurnSettings, manner: TurnTaking) -> TurnSettings:
    """The settings of a call, as a step's preset changes them."""
    words_ms, taking_ms = _MANNERS.get(manner, (settings.words_ms, settings.taking_ms))
    return replace(settings, words_ms=words_ms, taking_ms=taking_ms)


@dataclass(slots=True)
class Burst:
    """Speech at the edge between two silences."""

    started_ms: int
    last_ms: int
    is_confirmed: bool = False
    is_dismissed: bool = False  # judged not to be a turn; more of the same changes nothing
    took_floor: bool = False  # the agent was cut for it
    level_dbfs: float = -90.0

    @property
    def length_ms(self) -> int:
        return self.last_ms - self.started_ms

    def is_recent(self, at_ms: int) -> bool:
        """The turn it belongs to may not be over."""
        return at_ms - self.last_ms < _RECENT_MS

    def goes_on(self, at_ms: int, talking_ms: int) -> bool:
        """It is a voice that counts, and has not stopped."""
        is_voice = self.is_confirmed and not self.is_dismissed
        return is_voice and at_ms - self.last_ms <= talking_ms


@dataclass(slots=True)
class Utterance:
    """One utterance as the server cut it."""

    item_id: str
    opened_ms: int
    over_agent: bool  # the agent held the floor at some moment of it
    was_heard: bool = False  # by the edge, echo and tones left out
    is_dismissed: bool = False
    took_floor: bool = False  # the agent was cut for it: it must be answered, whatever it says
    text: str = ""
    text_ms: int = 0  # since when it reads so
    has_partials: bool = False  # words came while it was being spoken
    steady_text: str = ""  # the words that the last two hypotheses begin with
    closed_ms: int | None = None

    def understand(self, text: str, at_ms: int) -> None:
        """A new hypothesis."""
        pairs = zip(self.text.split(), text.split(), strict=False)
        self.steady_text = " ".join(
            now for before, now in takewhile(lambda pair: pair[0] == pair[1], pairs)
        )
        self.text, self.text_ms = text, at_ms
        self.has_partials = self.has_partials or self.closed_ms is None

    def is_overdue(self, at_ms: int, heard_ms: int | None, settings: TurnSettings) -> bool:
        """Its end, or its words, should have come. ``heard_ms``: the caller was heard last."""
        if self.closed_ms is not None:
            return at_ms - self.closed_ms >= settings.transcript_ms
        quiet_ms = at_ms - max(self.opened_ms, heard_ms or 0)
        return quiet_ms >= settings.open_ms or at_ms - self.opened_ms >= settings.longest_ms

    def was_told_late(self, final: Transcribed, partials_ms: int) -> bool:
        """A long utterance whose words all came at its end: this engine tells none before."""
        took_ms = (self.closed_ms or final.at_ms) - self.opened_ms
        return bool(final.text) and not self.has_partials and took_ms >= partials_ms


def utterance_of(burst: Burst | None, at_ms: int, item_id: str, *, over_agent: bool) -> Utterance:
    """An utterance that the server opens now; the edge heard it if it heard a burst lately.

    A murmur for which the agent has not stopped is over sooner: what opens behind it over the agent
    is the agent's own echo.
    """
    is_past = burst is not None and burst.is_dismissed and over_agent
    recent_ms = _PAST_MS if is_past else _RECENT_MS
    is_heard = burst is not None and at_ms - burst.last_ms <= recent_ms
    return Utterance(
        item_id,
        at_ms,
        over_agent=over_agent,
        was_heard=is_heard,
        is_dismissed=is_heard and burst is not None and burst.is_dismissed,
        took_floor=is_heard and burst is not None and burst.took_floor,
    )


@dataclass(slots=True)
class Wait:
    no_input_ms: int
    since_ms: int
    has_told: bool = False

    def has_run_out(self, at_ms: int, *, is_busy: bool) -> bool:
        """True once; while somebody is busy the silence has not begun."""
        if self.has_told:
            return False
        if is_busy:
            self.since_ms = at_ms
        self.has_told = at_ms - self.since_ms >= self.no_input_ms
        return self.has_told
