"""The embedded brain: a conversation and its tools in, what to say or call next out. Pure.

Nothing is remembered between responses: the state is read anew from the conversation's items, so
that a client may edit, delete or truncate them. Replaying means asking, for every turn since the
last function call, what we would have said; an assistant item that begins so shows that we did.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Final, TypeAlias

from trunkline.domain.events import Json
from trunkline.domain.spoken.words import spoken_words
from trunkline.model.cascade import phrasing
from trunkline.model.cascade.dialogue import Dialogue
from trunkline.model.cascade.dialogue_state import CallTool, Mode, Move, Said, Speak, State
from trunkline.model.cascade.forced_calls import ForcedCall, force_call, schema_problems
from trunkline.model.cascade.offered_times import chosen_time
from trunkline.model.cascade.slots import SlotKind
from trunkline.model.cascade.tool_annotations import ToolPlan, read_tools
from trunkline.model.cascade.triage import Meant
from trunkline.model.engine import HistoryItem, ItemRole

# What openai-agents puts in for the caller when its own guardrail has stopped a response.
_GUARDRAIL: Final = "guardrail triggered:"
_BOUNDARIES: Final = (ItemRole.FUNCTION_CALL, ItemRole.FUNCTION_OUTPUT)


@dataclass(frozen=True, slots=True)
class AgentText:
    text: str


Turn: TypeAlias = AgentText | Said


@dataclass(frozen=True, slots=True)
class Plan:
    """``move``: what to do now. ``after``: the state once it is done, for the next turn's ears."""

    move: Move | ForcedCall
    after: State


class Planner:
    """For one set of tools; cheap to make."""

    def __init__(self, tools: Sequence[Mapping[str, Json]], today: date) -> None:
        self._tools = tools
        self._plan = read_tools(tools)
        self._dialogue = Dialogue(self._plan, today)
        self._today = today

    def expected(self) -> State:
        """The state in which the first turn will be heard, before any response was asked for."""
        state = self._dialogue.begin()
        return self._dialogue.take_floor(state)[0] if state.collect else state

    def meaning(self, state: State, text: str) -> Meant | None:
        return self._dialogue.meaning(state, text)

    def plan(self, history: Sequence[HistoryItem], tool_choice: str | Mapping[str, Json]) -> Plan:
        """Raises Invalid when a forced call cannot satisfy its schema."""
        if tool_choice == "required" or isinstance(tool_choice, Mapping):
            call = force_call(self._tools, tool_choice, history, self._today)
            return Plan(call, self.expected())
        output = _owed_report(history, self._plan)
        if output is None and _last_words(history).startswith(_GUARDRAIL):
            output = phrasing.may_not_say(self._plan)
        if output is not None:
            return Plan(Speak(output), self._dialogue.begin())
        state, move = self._replay(history)
        if isinstance(move, CallTool):
            if tool_choice == "none":
                text = phrasing.cannot(self._plan, _last_words(history) or "that", 1)
                return Plan(Speak(text), state)
            if not self._satisfies_schema(move):
                # The slots' kinds and the schema disagree: only asking again can help.
                state, again = self._dialogue.take_floor(self._dialogue.begin())
                question = again.text if isinstance(again, Speak) else phrasing.offer(self._plan)
                return Plan(Speak(f"{phrasing.sorry(1)} {question}"), state)
            # Whoever takes the call may ask the question again in other words: hear it answered.
            return Plan(move, self.expected())
        return Plan(move, state)

    def _satisfies_schema(self, call: CallTool) -> bool:
        for tool in self._tools:
            schema = tool.get("parameters")
            if tool.get("name") == call.name and isinstance(schema, Mapping):
                return not schema_problems(schema, dict(call.arguments))
        return True

    def _replay(self, history: Sequence[HistoryItem]) -> tuple[State, Move]:
        dialogue = self._dialogue
        state = dialogue.begin()
        owed: tuple[State, Move] | None = None
        offer = ""
        for turn in _turns(history):
            if isinstance(turn, Said):
                owed = dialogue.hear(state, self._chosen(turn, offer))
                offer = ""
                continue
            offer = f"{offer} {turn.text}."
            next_state, move = owed if owed is not None else dialogue.take_floor(state)
            owed = None
            if isinstance(move, Speak) and _begins_like(turn.text, move.text):
                state = next_state
            else:
                state = self._asked_elsewhere(state, turn.text)
        return owed if owed is not None else dialogue.take_floor(state)

    def _chosen(self, said: Said, offer: str) -> Said:
        """A time that was chosen among those just offered, as if it had been said itself."""
        if not any(slot.kind is SlotKind.TIME for slot in self._plan.slots):
            return said
        return replace(said, text=chosen_time(said.text, offer) or said.text)

    def _asked_elsewhere(self, state: State, text: str) -> State:
        """Somebody else spoke for the agent; if it was one of our questions, it has been asked."""
        asked, move = self._dialogue.take_floor(state)
        if not isinstance(move, Speak) or state.collect is None or state.mode is not Mode.OPEN:
            return state
        question, said = spoken_words(move.text), spoken_words(text)
        is_in = any(
            said[at : at + len(question)] == question for at in range(len(said) - len(question) + 1)
        )
        return asked if is_in else state


def _turns(history: Sequence[HistoryItem]) -> Iterator[Turn]:
    """What was said since the last function call; the caller's items in a row are one turn."""
    tail: list[HistoryItem] = []
    for item in history:
        if item.role in _BOUNDARIES:
            tail.clear()
        elif item.role in (ItemRole.USER, ItemRole.ASSISTANT):
            tail.append(item)
    index = 0
    while index < len(tail):
        role = tail[index].role
        group = []
        while index < len(tail) and tail[index].role is role:
            group.append(tail[index])
            index += 1
        if role is ItemRole.USER:
            yield _said(group)
        else:
            yield from (AgentText(item.text) for item in group)


def _said(items: Sequence[HistoryItem]) -> Said:
    heard = [Said(item.text, 1.0 if item.confidence is None else item.confidence) for item in items]
    clear = [said for said in heard if not said.is_unheard]
    if not clear:
        return heard[-1]
    return Said(" ".join(said.text for said in clear), min(said.confidence for said in clear))


def _begins_like(heard: str, planned: str) -> bool:
    """``heard`` is what the caller heard of ``planned``: all of it, or its beginning."""
    said, meant = spoken_words(heard), spoken_words(planned)
    return meant[: len(said)] == said


def _owed_report(history: Sequence[HistoryItem], plan: ToolPlan) -> str | None:
    """A result nobody has spoken of yet; not while a step of a flow waits to be asked."""
    said = [item for item in history if item.role is not ItemRole.SYSTEM]
    if not said or said[-1].role is not ItemRole.FUNCTION_OUTPUT or plan.steps:
        return None
    output = said[-1]
    name = next(
        (
            item.name
            for item in reversed(said)
            if item.role is ItemRole.FUNCTION_CALL and item.call_id == output.call_id
        ),
        "",
    )
    label = next((intent.label for intent in plan.intents if intent.name == name), name)
    return phrasing.report(label, output.text)


def _last_words(history: Sequence[HistoryItem]) -> str:
    return next((item.text for item in reversed(history) if item.role is ItemRole.USER), "")
