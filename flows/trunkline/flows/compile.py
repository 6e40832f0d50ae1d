"""A step into one ``session.update``: a function per slot group and one per intent."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from types import MappingProxyType
from typing import Any, Final

from trunkline.domain.events import Json
from trunkline.flows.actions import Configure, DigitGathering, ProgramPlan, TurnTaking
from trunkline.flows.flow import Flow, Intent
from trunkline.flows.offers import offered_function, offers_at
from trunkline.flows.slots import Confirm, Slot, SlotKind, SlotValue, property_schema
from trunkline.flows.steps import (
    CollectStep,
    Listening,
    Step,
    ToolStep,
    WaitPlan,
    listening_of,
)

INTENT_PREFIX: Final = "intent_"
COLLECT_PREFIX: Final = "collect_"
HOW_IT_STANDS: Final = "intent_is_it_done"
"""What a caller asks who waits for a person's decision."""
CONFIRM_YES: Final = "intent_confirm_yes"
CONFIRM_NO: Final = "intent_confirm_no"
OPEN_HANGOVER_MS: Final = 500
CONFIRM_HANGOVER_MS: Final = 400
# People pause inside a number and hardly ever inside a yes.
_HANGOVER_MS: Final[Mapping[SlotKind, int]] = {
    SlotKind.DIGITS: 900,
    SlotKind.AMOUNT: 700,
    SlotKind.DATE: 700,
    SlotKind.TIME: 600,
    SlotKind.YES_NO: 400,
    SlotKind.CHOICE: 500,
    SlotKind.NAME: 700,
    SlotKind.FREE_TEXT: 1000,
    SlotKind.EMAIL: 1200,
    SlotKind.CODE: 1000,
}
_PACE: Final[Mapping[TurnTaking, float]] = {
    TurnTaking.CALM: 1.4,
    TurnTaking.BALANCED: 1.0,
    TurnTaking.EAGER: 0.75,
}
_PENDING: Final = (
    "What the caller asked for is with a person who has to decide. It is not decided and not done: "
    "never say or suggest that it is. What comes of it is said by the system, not by you."
)
_LEAST_HANGOVER_MS: Final = 200
_MOST_HANGOVER_MS: Final = 3000


def collect_name(step: str) -> str:
    """The function that reports a step's slots; names of functions know no dot."""
    return COLLECT_PREFIX + step.replace(".", "__")


def intents_at(flow: Flow, step: Step) -> dict[str, str | None]:
    """Intent name to where it leads from this step (None: repeat), in the flow's own order.

    The order matters: engines that say what they can do name the first few.
    """
    listening = listening_of(step)
    own = listening.intents if listening else {}
    has_everywhere = listening is None or listening.offers_everywhere
    return {
        name: own.get(name, intent.goto)
        for name, intent in flow.intents.items()
        if name in own or (intent.is_global and has_everywhere)
    }


def keys_at(flow: Flow, step: Step) -> dict[str, str]:
    """DTMF digit to step; the step's own keys win over the flow's."""
    listening = listening_of(step)
    return {**flow.keys, **(listening.keys if listening else {})}


def open_slots(step: CollectStep, filled: Collection[str]) -> tuple[Slot, ...]:
    return tuple(slot for slot in step.slots if slot.name not in filled)


def configure(
    flow: Flow,
    step: Step,
    variables: Mapping[str, Json],
    filled: Collection[str] = (),
    told: Mapping[str, SlotValue] = MappingProxyType({}),
    withdrawn: Collection[str] = (),
    keyed: Mapping[str, str] = MappingProxyType({}),
) -> Configure:
    """What the engine may ask and report in ``step``; raises PromptError when a text fails.

    ``told``: values of slots that the caller gave in passing, to be read back first. ``keyed``:
    digits of slots that were keyed in and are only a part.
    """
    tools: list[Mapping[str, Json]] = []
    hangover_ms = OPEN_HANGOVER_MS
    is_secret = False
    if isinstance(step, CollectStep):
        waiting = open_slots(step, filled)
        slots = tuple(slot for slot in waiting if not slot.is_keypad_only)
        if slots and not waiting[0].is_keypad_only:
            tools.append(_collect_tool(step, slots, variables, told, keyed))
        is_secret = any(slot.is_secret for slot in waiting)
        hangover_ms = max((_HANGOVER_MS[slot.kind] for slot in slots), default=hangover_ms)
    tools += [_intent_tool(flow.intents[name], variables) for name in intents_at(flow, step)]
    tools += [offered_function(offer) for offer in offers_at(step, withdrawn).values()]
    if isinstance(step, ToolStep) and step.wait is not None:
        tools.append(_intent_tool(_how_it_stands(step.wait), variables))
    tools = [_with_pronunciations(flow, tool) for tool in tools]
    listening = listening_of(step)
    preset = (listening and listening.turn_taking) or flow.turn_taking
    hangover_ms = round(hangover_ms * _PACE[preset])
    if listening and listening.hangover_ms is not None:
        hangover_ms = listening.hangover_ms
    return Configure(
        instructions=_instructions(flow, listening, step),
        tools=tuple(tools),
        hangover_ms=min(max(hangover_ms, _LEAST_HANGOVER_MS), _MOST_HANGOVER_MS),
        turn_taking=preset,
        max_turn_ms=listening.max_turn_ms if listening else None,
        is_secret=is_secret,
        program=_program(listening, variables),
    )


def configure_confirmation(
    flow: Flow, step: CollectStep, variables: Mapping[str, Json]
) -> Configure:
    """Yes or no to a value that was keyed in and read back by the flow itself."""
    answers = (
        Intent(
            name=CONFIRM_YES.removeprefix(INTENT_PREFIX),
            label="yes",
            description="The caller says that what was read back is right.",
            examples=("yes", "yeah", "yes please", "that's right", "correct", "that is correct",
                      "yes it is", "right"),
            goto="",
        ),
        Intent(
            name=CONFIRM_NO.removeprefix(INTENT_PREFIX),
            label="no",
            description="The caller says that what was read back is wrong.",
            examples=("no", "nope", "that's wrong", "no that's not right", "incorrect",
                      "that is not right", "no it isn't", "wrong"),
            goto="",
        ),
    )  # fmt: skip
    tools = [_intent_tool(answer, variables) for answer in answers]
    tools += [_intent_tool(flow.intents[name], variables) for name in intents_at(flow, step)]
    return Configure(
        instructions=_instructions(flow, step.listening, step),
        tools=tuple(tools),
        hangover_ms=CONFIRM_HANGOVER_MS,
        turn_taking=step.listening.turn_taking or flow.turn_taking,
    )


def _with_pronunciations(flow: Flow, tool: Mapping[str, Any]) -> Mapping[str, Any]:
    """The tool with how its own words are said, where the flow tells that."""
    if not flow.pronounce or "x-trunkline" not in tool:
        return tool
    texts = str(tool).lower()
    told = {word: list(ways) for word, ways in flow.pronounce.items() if word in texts}
    return {**tool, "x-trunkline": {**tool["x-trunkline"], "pronounce": told}} if told else tool


def _program(listening: Listening | None, variables: Mapping[str, Json]) -> ProgramPlan | None:
    if listening is None or listening.program is None:
        return None
    line = listening.program.while_running
    return ProgramPlan(listening.program.within_ms, line.render(variables) if line else "")


def gathering(
    flow: Flow, step: Step, slot: Slot | None, is_confirming: bool = False
) -> DigitGathering | None:
    """How DTMF is gathered while ``step`` listens; None when no digit means anything."""
    if slot is not None and slot.max_keys:
        return DigitGathering(min_digits=1, max_digits=slot.max_keys, is_secret=slot.is_secret)
    if is_confirming or keys_at(flow, step):
        return DigitGathering(min_digits=1, max_digits=1)
    return None


def _instructions(flow: Flow, listening: Listening | None, step: Step) -> str:
    waits = isinstance(step, ToolStep) and step.wait is not None
    own = listening and listening.instructions
    return "\n\n".join(part for part in (flow.instructions, own, waits and _PENDING) if part)


def _how_it_stands(wait: WaitPlan) -> Intent:
    return Intent(
        name=HOW_IT_STANDS.removeprefix(INTENT_PREFIX),
        label="how it stands",
        description="The caller asks whether it is done, how it stands, or how long it takes.",
        examples=wait.questions,
        goto="",
    )


def _intent_tool(intent: Intent, variables: Mapping[str, Json]) -> dict[str, Any]:
    told = {
        slot.name: property_schema(slot)
        | {
            "description": f"The {slot.description}, if the caller has said it already.",
            "x-trunkline": {"kind": slot.kind.value, **_limits(slot, variables)},
        }
        for slot in intent.takes
    }
    return {
        "type": "function",
        "name": INTENT_PREFIX + intent.name,
        "description": intent.description,
        "parameters": {"type": "object", "properties": told},
        "x-trunkline": {
            "role": "intent",
            "label": intent.label,
            "examples": list(intent.examples),
        },
    }


def _collect_tool(
    step: CollectStep,
    slots: tuple[Slot, ...],
    variables: Mapping[str, Json],
    told: Mapping[str, SlotValue],
    keyed: Mapping[str, str],
) -> dict[str, Any]:
    properties = {slot.name: _property(slot, variables) for slot in slots}
    for name in properties.keys() & told.keys():
        properties[name]["x-trunkline"]["heard"] = told[name]
    for name in properties.keys() & keyed.keys():
        properties[name]["x-trunkline"]["keyed"] = keyed[name]
    wanted = " and ".join(slot.description for slot in slots)
    return {
        "type": "function",
        "name": collect_name(step.name),
        "description": f"Report the caller's {wanted}." + _manner(slots, variables, told, keyed),
        "parameters": {
            "type": "object",
            "properties": properties,
            "required": [slot.name for slot in slots],
            "additionalProperties": False,
        },
        "x-trunkline": {"role": "collect", "label": wanted},
    }


def _manner(
    slots: tuple[Slot, ...],
    variables: Mapping[str, Json],
    told: Mapping[str, SlotValue],
    keyed: Mapping[str, str],
) -> str:
    """How to ask, in words: all that a language model without our annotations has to go by."""
    said = ""
    for slot in slots:
        if slot.name in told:
            value = told[slot.name]
            said += f" They have said the {slot.description} already, {value}: read it back."
            continue
        if slot.name in keyed:
            said += f" Of the {slot.description} they have keyed in a part just now,"
            said += f" {keyed[slot.name]}: ask for the other digits, or read the whole back."
            continue
        said += f' For the {slot.description} ask: "{slot.ask.render(variables)}"'
        if slot.confirm is Confirm.ALWAYS:
            said += " Read it back and wait for a yes before you report it."
    return said


def _property(slot: Slot, variables: Mapping[str, Json]) -> dict[str, Any]:
    annotations: dict[str, Any] = {
        "kind": slot.kind.value,
        "ask": slot.ask.render(variables),
        "reprompts": [prompt.render(variables) for prompt in slot.reprompts],
        "confirm": slot.confirm.value,
        **_limits(slot, variables),
    }
    if slot.kind is SlotKind.DIGITS and slot.max_keys:
        annotations["keypad"] = True
    if slot.read_back is not None:
        annotations["read_back"] = slot.read_back.render(variables)
    return property_schema(slot) | {
        "description": slot.description,
        "x-trunkline": annotations,
    }


def _limits(slot: Slot, variables: Mapping[str, Json]) -> dict[str, Any]:
    """What a value may be, where JSON Schema cannot say it."""
    annotations: dict[str, Any] = {}
    if slot.checksum:
        annotations["check"] = slot.checksum.value
    match slot.kind:
        case SlotKind.DIGITS | SlotKind.NAME | SlotKind.FREE_TEXT | SlotKind.CODE:
            annotations |= {"min_length": slot.min_length, "max_length": slot.max_length}
        case SlotKind.AMOUNT:
            annotations["currency"] = slot.currency
            if slot.minimum is not None:
                annotations["minimum"] = str(slot.minimum)
            if slot.maximum is not None:
                annotations["maximum"] = str(slot.maximum)
        case SlotKind.DATE:
            annotations["dates"] = slot.dates.value
            annotations["today"] = variables.get("today", "")
        case SlotKind.CHOICE:
            annotations["synonyms"] = {value: list(also) for value, also in slot.choices.items()}
    return annotations
