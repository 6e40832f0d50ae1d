"""The slot-filling dialogue as a pure machine: state and words in, state and move out.

It asks for one slot at a time, takes values as they come, reads back what it is not sure of, takes
a correction in the same breath ("no, it's nine"), and lets the caller leave for another wish at any
point. What it does depends on nothing but the state, the words and how well they were heard.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import date
from typing import Final

from trunkline.domain.events import Json
from trunkline.domain.spoken.answers import answer_within, leading_answer, parse_yes_no
from trunkline.domain.spoken.number_talk import said_groups
from trunkline.domain.spoken.words import spoken_words
from trunkline.model.cascade import phrasing
from trunkline.model.cascade.carriers import ASKS_AGAIN
from trunkline.model.cascade.dialogue_state import CallTool, Mode, Move, Said, Speak, State, known
from trunkline.model.cascade.extraction import volunteered, without_values
from trunkline.model.cascade.intents import Match, match_intent
from trunkline.model.cascade.slots import (
    Confirm,
    Reading,
    Slot,
    SlotKind,
    mended_value,
    partial_digits,
    understand,
)
from trunkline.model.cascade.tool_annotations import ToolPlan
from trunkline.model.cascade.triage import (
    ACCEPT_FROM,
    BARELY,
    DOUBTFUL,
    HEARD_LATE,
    SAME_MEANING,
    SURE,
    Does,
    Meant,
)

__all__ = ["CallTool", "Dialogue", "Mode", "Move", "Said", "Speak", "State"]

_LEAST_ANSWER: Final = BARELY  # for a yes, a no or a declared phrase word for word
# A wrong digit is acted on as if it were right, and one string in ten has one where the searches
# agree on less than every word; a misheard choice is far from the others.
_ACCEPT_FROM: Final[Mapping[SlotKind, float]] = {
    SlotKind.DIGITS: SURE,
    SlotKind.CODE: SURE,
    SlotKind.AMOUNT: SURE,
    SlotKind.EMAIL: 1.0,
    SlotKind.DATE: SAME_MEANING,
    SlotKind.TIME: SAME_MEANING,
    SlotKind.NUMBER: SAME_MEANING,
    SlotKind.CHOICE: HEARD_LATE,
}
_SURE_WISH: Final = 0.75


class Dialogue:
    """The rules, for one set of tools and one day."""

    def __init__(self, plan: ToolPlan, today: date) -> None:
        self._plan = plan
        self._today = today

    def begin(self) -> State:
        return State(collect=self._plan.steps[0] if self._plan.steps else None)

    def take_floor(self, state: State) -> tuple[State, Move]:
        """Our move with nothing new heard: ask, ask again, or greet."""
        if state.mode is Mode.CONFIRMING and state.slot is not None:
            return state, Speak(self._question(state))
        if state.mode is Mode.OFFERING:
            return state, Speak(phrasing.did_you_mean(self._label(state.wish)))
        if state.collect is None:
            return state, Speak(phrasing.greeting(self._plan))
        return self._join_keyed(state) or self._next_slot(state)

    def hear(self, state: State, said: Said) -> tuple[State, Move]:
        """Our move after the caller's words."""
        if said.is_unheard:
            return self._miss(state, said)
        match state.mode:
            case Mode.CONFIRMING:
                return self._hear_confirmation(state, said)
            case Mode.OFFERING:
                return self._hear_offer(state, said)
            case Mode.ASKING:
                return self._hear_answer(state, said)
            case Mode.OPEN:
                return self._hear_wish(state, said)

    def meaning(self, state: State, text: str) -> Meant | None:
        """What ``text`` would do now, for the recogniser to compare two hypotheses by."""
        if state.mode in (Mode.CONFIRMING, Mode.OFFERING):
            answer = parse_yes_no(text)
            if answer is not None:
                return Meant(Does.ANSWER, str(answer))
        if state.slot is not None:
            negated, rest = leading_answer(text)
            refused = (*state.refused, state.value) if negated is False else state.refused
            for words in (text, rest):
                reading = understand(state.slot, words, self._today) if words else None
                if reading is not None and reading.value not in refused:
                    return Meant(Does.FILL, str(reading.value))
        wish = self._match(text)
        if wish is not None and wish.score >= _SURE_WISH and not wish.has_rival:
            told = self._told(wish.name, text)
            return Meant(Does.WISH, f"{wish.name} {told}" if told else wish.name)
        within = answer_within(text) if state.mode in (Mode.CONFIRMING, Mode.OFFERING) else None
        return None if within is None else Meant(Does.ANSWER, str(within))

    # ---- what was said -----------------------------------------------------------------------

    def _hear_confirmation(self, state: State, said: Said) -> tuple[State, Move]:
        slot = known(state.slot)
        is_whether = slot.kind is SlotKind.YES_NO and state.value is True
        answer = (answer_within if is_whether else parse_yes_no)(said.text)
        if answer is not None:
            if said.confidence < _LEAST_ANSWER:
                return self._miss(state, said)
            if is_whether:
                return self._settle_value(replace(state, value=answer))
            return self._settle_value(state) if answer else self._ask_anew(state)
        negated, rest = leading_answer(said.text)
        if slot.kind is SlotKind.YES_NO and negated and said.confidence >= _LEAST_ANSWER:
            return self._settle_value(state)
        corrected = understand(slot, rest, self._today) if rest else None
        corrected = corrected or understand(slot, said.text, self._today)
        if corrected is not None:
            if corrected.value == state.value:  # whoever says no said something else
                return self._ask_anew(state) if negated is False else self._settle_value(state)
            if negated:  # nobody says yes to one value and names another
                return self._miss(state, said)
            refused = (*state.refused, state.value) if negated is False else state.refused
            return self._take(replace(state, refused=refused), slot, corrected, said)
        part = mended_value(slot, state.value, rest or said.text, state.groups)
        if part is not None:
            return self._confirm(state, slot, Reading(part))
        within = answer_within(said.text)
        if within and said.confidence >= _LEAST_ANSWER:
            return self._settle_value(state)
        left = self._leave(state, said)
        if left is not None:
            return left
        if negated is False or within is False:
            return self._ask_anew(state)
        return self._miss(state, said)

    def _hear_offer(self, state: State, said: Said) -> tuple[State, Move]:
        answer = parse_yes_no(said.text)
        if answer is None and self._match(leading_answer(said.text)[1]) is None:
            answer = answer_within(said.text)
        if answer is not None and said.confidence < _LEAST_ANSWER:
            return self._miss(state, said)
        if answer:
            return self._grant(state, state.wish, said)
        back = replace(state, mode=Mode.ASKING if state.slot else Mode.OPEN, wish="")
        if answer is False:
            if state.slot is not None:
                return self._next_slot(back)
            return back, Speak(f"All right. {phrasing.offer(self._plan)}")
        return self.hear(back, said)

    def _hear_answer(self, state: State, said: Said) -> tuple[State, Move]:
        slot = known(state.slot)
        wish = self._wish(said)
        if wish is not None and self._comes_before(slot, wish, said):
            return self._grant(state, wish.name, said)
        taken = self._value_for(state, slot, said)
        if taken is not None:
            return self._take(state, slot, taken, said)
        if " ".join(spoken_words(said.text)) in ASKS_AGAIN:
            return self._next_slot(state)
        left = self._leave(state, said)
        if left is not None:
            return left
        return self._take_part(state, slot, said) or self._miss(state, said)

    def _comes_before(self, slot: Slot, wish: Match, said: Said) -> bool:
        """Whether a wish is believed rather than a value; nearly anything could be a name."""
        if slot.kind is SlotKind.NAME and not wish.has_rival:
            return wish.score >= _SURE_WISH and said.confidence >= HEARD_LATE
        is_heard = said.confidence >= HEARD_LATE
        return wish.is_exact and is_heard and slot.kind is not SlotKind.YES_NO

    def _hear_wish(self, state: State, said: Said) -> tuple[State, Move]:
        wish = self._wish(said)
        if wish is not None and wish.is_exact and said.confidence >= HEARD_LATE:
            return self._grant(state, wish.name, said)
        if state.collect is not None:
            # Asked by other words than ours (a flow's line, another client): the answer is for us.
            for slot in _open_slots(state):
                reading = understand(slot, said.text, self._today)
                if reading is not None and slot.kind is not SlotKind.FREE_TEXT:
                    return self._take(state, slot, reading, said)
        left = self._leave(state, said)
        if left is not None:
            return left
        if state.collect is not None:
            asked, question = self._next_slot(state)
            part = self._take_part(asked, asked.slot, said) if asked.slot else None
            return part or (asked, question)
        return self._miss(state, said)

    def _value_for(self, state: State, slot: Slot, said: Said) -> Reading | None:
        if state.digits:
            joined = understand(slot, f"{state.digits} {said.text}", self._today)
            if joined is not None:
                return joined
        reading = understand(slot, said.text, self._today)
        if reading is None:
            # "no, it's ..." and "yes, it's ...", also before anything was read back.
            answer, rest = leading_answer(said.text)
            if answer is not None and rest:
                reading = understand(slot, rest, self._today)
        return reading

    # ---- wishes --------------------------------------------------------------------------------

    def _wish(self, said: Said) -> Match | None:
        wish = self._match(said.text)
        if wish is not None:
            return wish
        answer = parse_yes_no(said.text)
        if answer is None:
            return None
        meant = [
            intent.name
            for intent in self._plan.intents
            if any(parse_yes_no(example) is answer for example in intent.examples)
        ]
        return Match(meant[0], 1.0) if len(meant) == 1 else None

    def _match(self, text: str) -> Match | None:
        """The likeliest wish; what is told along with one does not make it less likely."""
        best = match_intent(text, self._plan.intents)
        for intent in self._plan.intents:
            rest = without_values(intent.takes, text, self._today) if intent.takes else text
            if rest == text:
                continue
            match = match_intent(rest, self._plan.intents)
            if match is not None and match.name == intent.name:
                match = replace(match, score=min(match.score, 0.99))
                if best is None or match.score > best.score:
                    best = match
        return best

    def _told(self, wish: str, text: str) -> dict[str, Json]:
        """What the caller told along with a wish that takes values."""
        intent = next((each for each in self._plan.intents if each.name == wish), None)
        return volunteered(intent.takes, text, self._today) if intent and intent.takes else {}

    def _leave(self, state: State, said: Said) -> tuple[State, Move] | None:
        """The caller wants something else than what was asked."""
        wish = self._wish(said)
        if wish is None:
            return None
        is_clear = wish.is_exact or (wish.score >= _SURE_WISH and not wish.has_rival)
        is_heard = said.confidence >= ACCEPT_FROM and not wish.has_rival
        if said.confidence >= HEARD_LATE and (is_clear or is_heard):
            return self._grant(state, wish.name, said)
        offered = replace(state, mode=Mode.OFFERING, wish=wish.name)
        return offered, Speak(phrasing.did_you_mean(self._label(wish.name)))

    def _grant(self, state: State, wish: str, said: Said) -> tuple[State, Move]:
        """Call the intent's function, or begin to fill its slots when it has some."""
        action = next((group for group in self._plan.actions if group.name == wish), None)
        if action is None:
            return self.begin(), CallTool(wish, self._told(wish, said.text))
        heard = volunteered(action.slots, said.text, self._today)
        return self._next_slot(State(collect=action, heard=heard))

    def _label(self, wish: str) -> str:
        return next((each.label for each in self._plan.intents if each.name == wish), wish)

    # ---- values --------------------------------------------------------------------------------

    def _take(self, state: State, slot: Slot, taken: Reading, said: Said) -> tuple[State, Move]:
        is_heard_twice = taken.value == state.faint and said.confidence >= DOUBTFUL
        least = _ACCEPT_FROM.get(slot.kind, ACCEPT_FROM)
        if state.mode is Mode.CONFIRMING:  # what was denied tells against all that is like it
            least = min(least, SAME_MEANING)
        is_unsure = taken.is_unsure or not (is_heard_twice or said.confidence >= least)
        if taken.value in state.refused:
            return self._confirm(state, slot, taken, said.text)
        if slot.confirm is Confirm.NEVER:
            # Nothing is to be read back: what was hardly heard is, all the same.
            is_unsure = is_unsure and said.confidence < min(least, ACCEPT_FROM)
        asks = slot.kind is not SlotKind.FREE_TEXT and (slot.confirm is Confirm.ALWAYS or is_unsure)
        if asks and slot.kind is SlotKind.YES_NO and slot.confirm is not Confirm.ALWAYS:
            # "Did you say yes?" leaves no doubt either way; "no" to "did you say no?" would.
            return self._confirm(state, slot, Reading(True))
        if asks:
            return self._confirm(state, slot, taken, said.text)
        return self._settle_value(replace(state, slot=slot, value=taken.value))

    def _confirm(
        self, state: State, slot: Slot, taken: Reading, text: str = ""
    ) -> tuple[State, Move]:
        """Digits are read back as ``text`` grouped them; a part that was mended, as before."""
        groups = state.groups
        if slot.kind is SlotKind.DIGITS and text:
            groups = said_groups(text, str(taken.value), slot.own_words)
        waiting = replace(
            state, mode=Mode.CONFIRMING, slot=slot, value=taken.value, digits="", groups=groups,
        )  # fmt: skip
        return waiting, Speak(self._question(waiting))

    def _question(self, state: State) -> str:
        """The value that waits to be confirmed, read back."""
        slot = known(state.slot)
        return phrasing.read_back(slot, state.value, self._today, state.groups)

    def _settle_value(self, state: State) -> tuple[State, Move]:
        slot = known(state.slot)
        heard = {**state.heard, slot.name: state.value}
        return self._next_slot(State(collect=state.collect, heard=heard))

    def _ask_anew(self, state: State) -> tuple[State, Move]:
        slot = known(state.slot)
        refused = (*state.refused, state.value)
        asked = replace(
            state, mode=Mode.ASKING, value=None, digits="", groups=(), refused=refused, misses=0
        )
        return asked, Speak(phrasing.after_no(slot, len(refused)))

    def _take_part(self, state: State, slot: Slot, said: Said) -> tuple[State, Move] | None:
        """A number said in two breaths: keep the first and ask for the rest.

        One digit short is more likely a digit misheard than a breath taken.
        """
        part = partial_digits(slot, said.text)
        if part is None or said.confidence < ACCEPT_FROM or len(part) < 2:
            return None
        digits = state.digits + part
        if len(digits) > slot.min_length - 2:
            return None
        return replace(state, digits=digits, misses=0), Speak(phrasing.ask_for_rest(digits))

    def _join_keyed(self, state: State) -> tuple[State, Move] | None:
        """Digits that were keyed in, behind those that were said; once."""
        slot = next((slot for slot in _open_slots(state) if slot.is_required), None)
        if slot is None or not slot.keyed or state.has_keyed or state.mode is Mode.CONFIRMING:
            return None
        digits = state.digits + slot.keyed
        joined = replace(state, mode=Mode.ASKING, slot=slot, digits=digits, has_keyed=True)
        whole = understand(slot, digits, self._today)
        if whole is not None:
            return self._confirm(joined, slot, whole)
        if len(digits) < slot.min_length:
            return joined, Speak(phrasing.ask_for_rest(digits))
        return None

    def _next_slot(self, state: State) -> tuple[State, Move]:
        """Ask for what is missing, or call the function when nothing is.

        What was told in passing is read back instead, once.
        """
        collect = state.collect
        assert collect is not None  # a slot was asked for
        waiting = [slot for slot in _open_slots(state) if slot.is_required]
        if not waiting:
            return self.begin(), CallTool(collect.name, dict(state.heard))
        slot = waiting[0]
        if slot.heard is not None and state.mode is Mode.OPEN:
            return self._confirm(state, slot, Reading(slot.heard))
        asked = replace(state, mode=Mode.ASKING, slot=waiting[0], value=None, wish="")
        return asked, Speak(phrasing.ask(waiting[0]))

    def _miss(self, state: State, said: Said) -> tuple[State, Move]:
        missed = replace(state, misses=state.misses + 1)
        if state.mode is Mode.CONFIRMING and state.slot is not None:
            return missed, Speak(phrasing.ask_yes_or_no(self._question(state)))
        if state.mode is Mode.OFFERING:
            question = phrasing.did_you_mean(self._label(state.wish))
            return missed, Speak(phrasing.ask_yes_or_no(question))
        if state.slot is not None:
            faint = understand(state.slot, said.text, self._today) if said.text else None
            missed = replace(missed, faint=faint.value if faint else None)
            misses = missed.misses + len(state.refused)
            return missed, Speak(phrasing.ask_again(state.slot, misses))
        if state.collect is not None:
            return self._next_slot(missed)
        if said.is_unheard or said.confidence < DOUBTFUL:
            return missed, Speak(phrasing.not_understood(self._plan, missed.misses))
        return missed, Speak(phrasing.cannot(self._plan, said.text, missed.misses))


def _open_slots(state: State) -> tuple[Slot, ...]:
    if state.collect is None:
        return ()
    return tuple(slot for slot in state.collect.slots if slot.name not in state.heard)
