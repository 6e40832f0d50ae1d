"""What the planner says when a tool did not bring its own words: short, varied, never invented."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Final

import orjson

from trunkline.domain.events import Json
from trunkline.domain.spoken.digits import say_digits
from trunkline.model.cascade.slots import Slot, SlotKind, say_value
from trunkline.model.cascade.tool_annotations import ToolPlan

_SORRY: Final = (
    "Sorry, I didn't catch that.",
    "I'm sorry, I still didn't get that.",
    "I'm afraid I can't make that out.",
)
_KEYPAD: Final = "You can also use the keys of your telephone."
_KEYPAD_AFTER: Final = 2  # misses
_MAX_NAMED: Final = 6
_MAX_RESTATED_WORDS: Final = 25
_MAX_TOLD: Final = 6
_HOW_TO_SAY: Final[Mapping[SlotKind, str]] = {
    SlotKind.DIGITS: "Please say the digits one by one.",
    SlotKind.AMOUNT: "Please say an amount, in dollars and cents.",
    SlotKind.DATE: "Please say a date, with the day and the month.",
    SlotKind.TIME: "Please say a time of day.",
    SlotKind.YES_NO: "Please say yes or no.",
    SlotKind.NUMBER: "Please say a number.",
}


def greeting(plan: ToolPlan) -> str:
    if not plan.intents:
        return "Hello. How can I help you?"
    return f"Hello. How can I help you? {offer(plan)}"


def offer(plan: ToolPlan) -> str:
    """What can be done here, from the tools' own labels."""
    labels = list(dict.fromkeys(intent.label for intent in plan.intents))[:_MAX_NAMED]
    if not labels:
        return "I'm listening."
    return f"I can help with {_any_of(labels)}."


def ask(slot: Slot) -> str:
    if slot.ask:
        return slot.ask
    what = slot.description.rstrip(".?").strip()
    what = what[:1].lower() + what[1:] if what[:2] != what[:2].upper() else what
    if slot.kind is SlotKind.CHOICE and 1 < len(slot.options) <= _MAX_NAMED:
        return f"Which {what} would you like: {_any_of([_spaced(v) for v in slot.options])}?"
    if slot.kind is SlotKind.YES_NO:
        return f"{what[:1].upper()}{what[1:]}, yes or no?"
    return f"What is the {_without_article(what)}?"


def ask_again(slot: Slot, misses: int) -> str:
    """The ``misses``-th new try, counted from 1; the tool's own prompts are said as they are."""
    return _with_keypad(slot, misses, _ask_again(slot, misses))


def _ask_again(slot: Slot, misses: int) -> str:
    if slot.reprompts:
        return slot.reprompts[min(misses, len(slot.reprompts)) - 1]
    hint = _HOW_TO_SAY.get(slot.kind, "")
    if misses > 1 and hint:
        return f"{sorry(misses)} {hint}"
    return f"{sorry(misses)} {ask(slot)}"


def _with_keypad(slot: Slot, misses: int, question: str) -> str:
    """Digits that were missed twice may be keyed in; a question that says so itself is enough."""
    if misses < _KEYPAD_AFTER or not slot.has_keypad or "key" in question.lower():
        return question
    return f"{question} {_KEYPAD}"


def ask_for_rest(digits: str) -> str:
    """After a first breath of a longer number."""
    return f"I have {say_digits(digits)} so far. What are the other digits?"


def read_back(slot: Slot, value: Json, today: date, groups: Sequence[int] = ()) -> str:
    words = say_value(slot, value, today, groups)
    if slot.read_back:
        return slot.read_back.replace("{value}", words)
    if slot.kind is SlotKind.YES_NO:
        return f"Did you say {words}?"
    return f"I have {words}. Is that right?"


def ask_yes_or_no(question: str) -> str:
    return f"Please say yes or no. {question}"


def after_no(slot: Slot, misses: int) -> str:
    """A value that was read back was wrong; ``misses`` counts this one."""
    return _with_keypad(slot, misses, f"Sorry about that. {ask(slot)}")


def did_you_mean(label: str) -> str:
    return f"Did you mean {label}?"


def not_understood(plan: ToolPlan, misses: int) -> str:
    return f"{sorry(misses)} {offer(plan)}" if plan.intents else sorry(misses)


def may_not_say(plan: ToolPlan) -> str:
    """Somebody stopped us in the middle of a sentence."""
    return f"I'm sorry, I may not say that. {offer(plan)}"


def cannot(plan: ToolPlan, request: str, misses: int) -> str:
    """Restates what was asked, says that it can't be done, and names what can."""
    words = request.strip().rstrip(".?!").split()
    restated = " ".join(words[:_MAX_RESTATED_WORDS])
    if len(words) > _MAX_RESTATED_WORDS:
        restated += " and so on"
    if not plan.intents:
        return (
            f"You said: {restated}. I can't answer that, because I work without a language model "
            "and have no tools in this conversation."
        )
    opening = "You said" if misses < 2 else "I understood"
    return f"{opening}: {restated}. I can't help with that here. {offer(plan)}"


def sorry(misses: int) -> str:
    return _SORRY[(max(misses, 1) - 1) % len(_SORRY)]


def report(label: str, output: str) -> str:
    """A function's result, read out as it is."""
    try:
        value = orjson.loads(output)
    except orjson.JSONDecodeError:
        value = output
    match value:
        case str():
            return value.strip() or "That is done."
        case bool():
            return "The answer is yes." if value else "The answer is no."
        case int() | float():
            return f"The answer is {value}."
        case {"assistant": str(name)} if len(value) == 1:  # a hand-off of openai-agents
            return f"You are speaking with {name} now. How can I help?"
        case {"error": error}:
            message = error.get("message", "") if isinstance(error, Mapping) else str(error)
            return f"That did not work. {message}".strip()
        case {"status": str(), "message": str(message)}:
            return message
        case {"status": str()} if len(value) == 1:
            return "That is done."
        case Mapping():
            return f"Here is what I found. {_tell(value)}" if value else "That is done."
        case [*entries] if entries:
            told = ", ".join(
                str(e) for e in entries[:_MAX_TOLD] if isinstance(e, str | int | float)
            )
            return f"Here is what I found: {told}." if told else "That is done."
    return "That is done."


def _tell(value: Mapping[str, Json]) -> str:
    told = [
        f"{_spaced(str(key)).capitalize()}: {_plain(entry)}."
        for key, entry in value.items()
        if isinstance(entry, str | int | float | bool) and entry != ""
    ]
    return " ".join(told[:_MAX_TOLD])


def _plain(value: Json) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return str(value).rstrip(".")


def _any_of(labels: Sequence[str]) -> str:
    if len(labels) == 1:
        return labels[0]
    return f"{', '.join(labels[:-1])} or {labels[-1]}"


def _spaced(name: str) -> str:
    return name.replace("_", " ").replace("-", " ")


def _without_article(text: str) -> str:
    for article in ("the ", "a ", "an ", "your "):
        if text.startswith(article):
            return text.removeprefix(article)
    return text
