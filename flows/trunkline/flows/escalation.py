"""When a call is told to a person: the rules of a flow, and what has been seen of them. Pure.

``EscalationWatch.see`` takes what happens in a call and gives what is to be raised. Whatever is
raised says why in words that hold nothing of the caller's but what the rule itself names.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, TypeAlias

from trunkline.domain.escalation import EscalatesTo, EscalationKind, Urgency
from trunkline.flows.mood import Mood
from trunkline.flows.steps import Line

ASKS_FOR_PERSON: Final = (
    "speak to a person", "talk to a person", "speak to a human", "talk to a human",
    "speak to someone", "talk to someone", "speak with someone", "real person", "a human being",
    "human please", "speak to a manager", "talk to a manager", "your manager", "your supervisor",
    "a supervisor", "an operator", "a representative", "customer service", "not a robot",
    "not a machine", "actual person",
)  # fmt: skip
"""How callers ask for a person where a rule names nothing else; English."""
_WORD: Final = re.compile(r"[a-z0-9]+(?:'[a-z]+)?")
_FEWEST_WORDS: Final = 3  # "yes", "no thanks" may be said often
_REMEMBERED: Final = 6  # turns of the caller's, for repetitions
_ALIKE: Final = 0.8  # of the words of both
MOST_TURNS: Final = 20
"""Over how many turns of the caller's a rule may look at the mood."""


# ---- what rules look for -----------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Keywords:
    """``phrases``: said as whole words, in this order."""

    phrases: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class NoMatches:
    """So often not understood, since the step was entered or since the call began; 0: never."""

    in_step: int = 0
    in_call: int = 0


@dataclass(frozen=True, slots=True)
class Moods:
    """``below`` this score for so many turns of the caller's in a row."""

    below: float
    for_turns: int = 1


@dataclass(frozen=True, slots=True)
class Loops:
    """The same step so often with no new one between, or the same sentence so often; 0: never."""

    visits: int = 0
    repeats: int = 0


@dataclass(frozen=True, slots=True)
class Silences:
    """So many prompts without a word, or nobody speaking for so long; 0: never."""

    prompts: int = 0
    quiet_ms: int = 0


@dataclass(frozen=True, slots=True)
class Guards:
    """The guardrails found one of these categories; empty: any."""

    categories: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Asks:
    """The caller wants a person: by intent, or in one of these phrases."""

    intents: frozenset[str] = frozenset()
    phrases: tuple[str, ...] = ASKS_FOR_PERSON


Trigger: TypeAlias = Keywords | NoMatches | Moods | Loops | Silences | Guards | Asks

_KINDS: Final[Mapping[type[Trigger], EscalationKind]] = {
    Keywords: EscalationKind.KEYWORD,
    NoMatches: EscalationKind.NO_MATCH,
    Moods: EscalationKind.MOOD,
    Loops: EscalationKind.LOOP,
    Silences: EscalationKind.SILENCE,
    Guards: EscalationKind.GUARD,
    Asks: EscalationKind.ASKED,
}


@dataclass(frozen=True, slots=True)
class EscalationRule:
    """``goto``: the step that leads the caller to a person; None: a supervisor is told.

    ``lines``: what the caller hears. ``times`` in one call, ``cooldown_ms`` apart.
    """

    name: str
    trigger: Trigger
    urgency: Urgency = Urgency.NORMAL
    lines: tuple[Line, ...] = ()
    goto: str | None = None
    times: int = 1
    cooldown_ms: int = 60_000

    @property
    def kind(self) -> EscalationKind:
        return _KINDS[type(self.trigger)]

    @property
    def to(self) -> EscalatesTo:
        return EscalatesTo.SUPERVISOR if self.goto is None else EscalatesTo.PERSON


@dataclass(frozen=True, slots=True)
class EscalationPlan:
    """The rules of a flow by name; ``by_step``: what a step has in their place, None for none."""

    rules: Mapping[str, EscalationRule] = field(default_factory=dict)
    by_step: Mapping[str, Mapping[str, EscalationRule | None]] = field(default_factory=dict)

    def at(self, step: str) -> tuple[EscalationRule, ...]:
        """The rules that hold in a step, in order."""
        merged: dict[str, EscalationRule | None] = {**self.rules, **self.by_step.get(step, {})}
        return tuple(rule for rule in merged.values() if rule is not None)

    def phrases(self) -> tuple[str, ...]:
        """What callers may say that a rule waits for; each once."""
        said: list[str] = []
        for rule in self.every():
            if isinstance(rule.trigger, Keywords | Asks):
                said += rule.trigger.phrases
        return tuple(dict.fromkeys(said))

    def every(self) -> tuple[EscalationRule, ...]:
        """All that hold anywhere."""
        own = (rule for rules in self.by_step.values() for rule in rules.values())
        return (*self.rules.values(), *(rule for rule in own if rule is not None))


# ---- what is seen of a call --------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class CallerSpoke:
    """``text``: what was understood, and may be kept."""

    text: str


@dataclass(frozen=True, slots=True)
class NotUnderstood:
    pass


@dataclass(frozen=True, slots=True)
class CameTo:
    """A step was entered."""

    step: str


@dataclass(frozen=True, slots=True)
class SaidNothing:
    """The time for an answer ran out without a word."""


@dataclass(frozen=True, slots=True)
class NobodySpoke:
    """Neither side has said anything for ``ms``, so far."""

    ms: int


@dataclass(frozen=True, slots=True)
class GuardFound:
    """The guardrails' category; ``must_raise``: also where no rule waits for it."""

    category: str
    must_raise: bool = False


@dataclass(frozen=True, slots=True)
class IntentTaken:
    name: str


Sighting: TypeAlias = (
    CallerSpoke | NotUnderstood | CameTo | SaidNothing | NobodySpoke | GuardFound | IntentTaken
)


@dataclass(frozen=True, slots=True)
class Raised:
    """One rule has come true; ``why`` in one sentence for the person who is told."""

    rule: EscalationRule
    why: str


class EscalationWatch:
    """What has been seen in one call. Counters and the mood only; no clock of its own."""

    def __init__(self) -> None:
        self.mood = Mood()
        self._moods: deque[float] = deque(maxlen=MOST_TURNS)
        self._unclear_in_step = 0
        self._unclear_in_call = 0
        self._silences = 0
        self._quiet_ms = 0
        self._visits: dict[str, int] = {}
        self._step = ""
        self._said: deque[frozenset[str]] = deque(maxlen=_REMEMBERED)
        self._repeats = 0
        self._fired: dict[tuple[str, str], list[int]] = {}

    def see(
        self, seen: Sighting, plan: EscalationPlan, step: str, at_ms: int, *, agent: str = ""
    ) -> list[Raised]:
        """What is to be raised now, in the order of the rules; ``agent``: whose rules they are."""
        self._note(seen)
        raised = []
        for rule in plan.at(step):
            why = self._why(rule.trigger, seen, step)
            if why and self._may_fire(rule, agent, at_ms):
                raised.append(Raised(rule, why))
        if isinstance(seen, GuardFound) and seen.must_raise and not raised:
            rule = EscalationRule(f"guard_{seen.category}", Guards(), urgency=Urgency.HIGH)
            if self._may_fire(rule, agent, at_ms):
                raised.append(Raised(rule, _guard_words(seen)))
        return raised

    def _may_fire(self, rule: EscalationRule, agent: str, at_ms: int) -> bool:
        """Counted when it may."""
        fired = self._fired.setdefault((agent, rule.name), [])
        if len(fired) >= rule.times or (fired and at_ms - fired[-1] < rule.cooldown_ms):
            return False
        fired.append(at_ms)
        return True

    # ---- counting ------------------------------------------------------------------------------

    def _note(self, seen: Sighting) -> None:
        match seen:
            case CallerSpoke(text):
                self.mood = self.mood.after(text)
                self._moods.append(self.mood.score)
                self._silences = self._quiet_ms = 0
                self._note_words(text)
            case NotUnderstood():
                self._unclear_in_step += 1
                self._unclear_in_call += 1
                self._silences = self._quiet_ms = 0
            case CameTo(step):
                self._come_to(step)
            case SaidNothing():
                self._silences += 1
            case NobodySpoke(ms):
                self._quiet_ms = ms
            case _:
                pass

    def _come_to(self, step: str) -> None:
        """A step that the call has not seen is progress, and counting begins anew."""
        if step != self._step:
            self._unclear_in_step = 0
        if step not in self._visits:
            self._visits = dict.fromkeys(self._visits, 0)
        self._visits[step] = self._visits.get(step, 0) + 1
        self._step = step

    def _note_words(self, text: str) -> None:
        words = frozenset(words_of(text))
        self._repeats = 0
        if len(words_of(text)) >= _FEWEST_WORDS:
            self._repeats = 1 + sum(_is_alike(words, before) for before in self._said)
            self._said.append(words)

    # ---- deciding ------------------------------------------------------------------------------

    def _why(self, trigger: Trigger, seen: Sighting, step: str) -> str:
        """Empty when this sighting does not make the rule true."""
        match trigger, seen:
            case Keywords(phrases), CallerSpoke(text):
                found = next((one for one in phrases if is_said(one, text)), "")
                return f"the caller said “{found}”" if found else ""
            case NoMatches(), NotUnderstood():
                return self._not_understood(trigger)
            case Moods(below, for_turns), CallerSpoke():
                return self._unhappy(below, for_turns)
            case Loops(visits=visits), CameTo():
                count = self._visits.get(step, 0)
                return f"came to {step} {count} times in a circle" if 0 < visits <= count else ""
            case Loops(repeats=repeats), CallerSpoke():
                is_many = 0 < repeats <= self._repeats
                return f"the caller said the same {self._repeats} times" if is_many else ""
            case Silences(prompts=prompts), SaidNothing():
                is_many = 0 < prompts <= self._silences
                return f"the caller was silent {self._silences} times" if is_many else ""
            case Silences(quiet_ms=quiet_ms), NobodySpoke():
                is_long = 0 < quiet_ms <= self._quiet_ms
                return f"nobody spoke for {self._quiet_ms // 1000} seconds" if is_long else ""
            case Guards(categories), GuardFound(category):
                is_ours = not categories or category in categories
                return _guard_words(seen) if is_ours else ""
            case Asks(), CallerSpoke(text):
                wants = any(is_said(one, text) for one in trigger.phrases)
                return "the caller asked for a person" if wants else ""
            case Asks(intents=intents), IntentTaken(name):
                return "the caller asked for a person" if name in intents else ""
            case _:
                return ""

    def _not_understood(self, trigger: NoMatches) -> str:
        if 0 < trigger.in_step <= self._unclear_in_step:
            return f"not understood {self._unclear_in_step} times in {self._step or 'a step'}"
        if 0 < trigger.in_call <= self._unclear_in_call:
            return f"not understood {self._unclear_in_call} times in this call"
        return ""

    def _unhappy(self, below: float, for_turns: int) -> str:
        last = list(self._moods)[-for_turns:]
        if len(last) < for_turns or any(score > below for score in last):
            return ""
        return f"the caller sounds unhappy ({self.mood.explained()})"


def words_of(text: str) -> list[str]:
    return _WORD.findall(text.lower().replace("\u2019", "'"))


def is_said(phrase: str, text: str) -> bool:
    """As whole words, one right behind the other; signs and case do not matter."""
    wanted, words = words_of(phrase), words_of(text)
    return bool(wanted) and any(
        words[at : at + len(wanted)] == wanted for at in range(len(words) - len(wanted) + 1)
    )


def _is_alike(one: frozenset[str], other: frozenset[str]) -> bool:
    return bool(one) and len(one & other) >= _ALIKE * len(one | other)


def _guard_words(seen: GuardFound) -> str:
    return f"the guardrails found {seen.category.replace('_', ' ')}"
