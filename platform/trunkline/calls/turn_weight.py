"""How much what was heard over the agent weighs: words, length and level. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from trunkline.calls.backchannels import WordClass, classify
from trunkline.calls.turn_events import AgentFloor
from trunkline.calls.turn_state import Burst, TurnSettings, Utterance

_LEARNING: float = 0.3  # of each answered turn's level goes into the usual one


@dataclass(slots=True)
class Scales:
    """Weighs speech; knows how loud this caller usually is."""

    settings: TurnSettings
    usual_dbfs: float | None = None

    def words(self, text: str, floor: AgentFloor) -> WordClass:
        """An answer is worth a turn after a question, and when the agent is almost done."""
        weight = classify(text, self.settings.language)
        if weight is WordClass.ANSWER:
            is_answer = floor.asks or floor.remaining_ms <= self.settings.almost_done_ms
            return WordClass.CONTENT if is_answer else WordClass.BACKCHANNEL
        return weight

    def takes_floor(self, spoken: Utterance, burst: Burst, floor: AgentFloor) -> bool:
        """Words that stood still over two hypotheses, in speech longer than a backchannel.

        The first guesses at a word are often other words ("nope" for "okay"). Waiting costs
        nothing: the agent is silent already.
        """
        enough = burst.is_confirmed and burst.length_ms >= self.settings.words_ms
        return enough and self.are_words(self.words(spoken.steady_text, floor), burst)

    def are_words(self, weight: WordClass, burst: Burst | None) -> bool:
        """Particles are what a murmur is misheard as; speech too long for one says more."""
        if weight is WordClass.PARTICLE:
            return burst is not None and self.is_long(burst)
        return weight is WordClass.CONTENT

    def is_long(self, burst: Burst) -> bool:
        """Too long for a backchannel, whatever the words are, and not from far away."""
        is_long = burst.is_confirmed and burst.length_ms >= self.settings.taking_ms
        return is_long and not self.is_faint(burst)

    def is_faint(self, burst: Burst) -> bool:
        """Somebody else in the room, or a television."""
        usual = self.usual_dbfs
        return usual is not None and burst.level_dbfs < usual - self.settings.faint_db

    def learn(self, burst: Burst | None) -> None:
        """This burst was a turn of the caller's."""
        if burst is None:
            return
        usual, level = self.usual_dbfs, burst.level_dbfs
        self.usual_dbfs = level if usual is None else usual + _LEARNING * (level - usual)
