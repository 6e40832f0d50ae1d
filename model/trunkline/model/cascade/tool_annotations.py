"""A session's function tools, read as intents and slot groups.

Tools of our flows say what they are under ``x-trunkline``; a plain Realtime tool is read from its
JSON Schema: an enum is a choice, a pattern of digits a digit string, a ``date`` format a date.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal, InvalidOperation
from typing import Final

from trunkline.domain.events import Json
from trunkline.domain.spoken.amounts import DOLLARS
from trunkline.domain.spoken.checksums import Checksum
from trunkline.model.cascade.json_schema import resolve
from trunkline.model.cascade.slots import CURRENCIES, Confirm, DateRange, Slot, SlotKind


@dataclass(frozen=True, slots=True)
class Intent:
    """A wish that a function reports; ``examples`` are ways of saying it.

    ``is_declared``: the tool brought its examples itself; else they are made of its name.
    ``takes``: values that may be told along with the wish.
    """

    name: str
    label: str
    description: str
    examples: tuple[str, ...]
    is_declared: bool = True
    takes: tuple[Slot, ...] = ()


@dataclass(frozen=True, slots=True)
class Collect:
    """A function that is called when its slots are filled."""

    name: str
    label: str
    description: str
    slots: tuple[Slot, ...]


@dataclass(frozen=True, slots=True)
class ToolPlan:
    """``steps``: slot groups to fill now. ``actions``: plain tools with parameters, filled only
    after the caller asked for them (their Intent has the same name)."""

    intents: tuple[Intent, ...]
    steps: tuple[Collect, ...]
    actions: tuple[Collect, ...]

    @property
    def slots(self) -> tuple[Slot, ...]:
        return tuple(slot for group in (*self.steps, *self.actions) for slot in group.slots)


def read_tools(tools: Sequence[Mapping[str, Json]]) -> ToolPlan:
    """Tools of other types than function are passed over."""
    intents: list[Intent] = []
    steps: list[Collect] = []
    actions: list[Collect] = []
    for plain in tools:
        if plain.get("type", "function") != "function" or not isinstance(plain.get("name"), str):
            continue
        tool = _with_examples(plain)
        notes = notes_of(tool)
        role = notes.get("role")
        if role == "collect":
            steps.append(_collect(tool, notes))
            continue
        group = _collect(tool, notes)
        intents.append(_intent(tool, notes, group.slots if role == "intent" else ()))
        if role != "intent" and any(slot.is_required for slot in group.slots):
            actions.append(group)
    return ToolPlan(tuple(intents), tuple(steps), tuple(actions))


_SAID: Final = re.compile(r'\s*Callers say, for example: ("[^"]+"(?:, "[^"]+")*)\.?')


def _with_examples(tool: Mapping[str, Json]) -> Mapping[str, Json]:
    """Examples that a description tells in words, as ``plain_tools`` writes them, taken out of it:
    a plain tool has no other place for them, and any model understands them there."""
    found = _SAID.search(_text(tool.get("description")))
    if found is None:
        return tool
    description = _SAID.sub("", _text(tool.get("description")))
    examples = [*_texts(tool.get("examples")), *re.findall(r'"([^"]+)"', found[1])]
    return {**tool, "description": description, "examples": examples}


def notes_of(node: Mapping[str, Json]) -> Mapping[str, Json]:
    """Our notes on a tool or a schema; what is not an object is no note."""
    notes = node.get("x-trunkline")
    return notes if isinstance(notes, Mapping) else {}


def _intent(tool: Mapping[str, Json], notes: Mapping[str, Json], takes: tuple[Slot, ...]) -> Intent:
    name = str(tool["name"])
    description = _text(tool.get("description"))
    label = _text(notes.get("label")) or description.rstrip(".") or _spaced(name)
    examples = _texts(notes.get("examples")) + _texts(tool.get("examples"))
    declared = examples or (_spaced(name),)
    return Intent(name, label, description, declared, bool(examples), takes)


def _collect(tool: Mapping[str, Json], notes: Mapping[str, Json]) -> Collect:
    name = str(tool["name"])
    schema = tool.get("parameters")
    root = schema if isinstance(schema, Mapping) else {}
    properties = resolve(root, root).get("properties")
    required = resolve(root, root).get("required")
    wanted = set(required) if isinstance(required, Sequence) else set()
    slots = (
        tuple(
            read_slot(name, key, resolve(node, root), key in wanted)
            for key, node in properties.items()
            if isinstance(node, Mapping)
        )
        if isinstance(properties, Mapping)
        else ()
    )
    description = _text(tool.get("description"))
    label = _text(notes.get("label")) or description.rstrip(".") or _spaced(name)
    return Collect(name, label, description, slots)


def read_slot(tool: str, name: str, schema: Mapping[str, Json], is_required: bool) -> Slot:
    """A property, its references resolved, as a slot."""
    notes = notes_of(schema)
    kind = _kind(name, schema, notes)
    low, high = _lengths(schema, notes)
    return Slot(
        tool=tool,
        name=name,
        kind=kind,
        description=_text(schema.get("description")) or _spaced(name),
        is_required=is_required,
        ask=_text(notes.get("ask")),
        reprompts=_texts(notes.get("reprompts")),
        confirm=_confirm(notes, kind),
        read_back=_text(notes.get("read_back")),
        min_length=low,
        max_length=high,
        options=_options(schema, notes) if kind is SlotKind.CHOICE else {},
        currency=CURRENCIES.get(_text(notes.get("currency")), DOLLARS),
        minimum=_decimal(notes.get("minimum", schema.get("minimum"))),
        maximum=_decimal(notes.get("maximum", schema.get("maximum"))),
        is_integer=schema.get("type") == "integer",
        dates=_dates(notes),
        today=_day(notes.get("today")),
        heard=notes.get("heard"),
        checksum=_checksum(notes),
        has_keypad=notes.get("keypad") is True,
        keyed=_text(notes.get("keyed")),
    )


def _kind(name: str, schema: Mapping[str, Json], notes: Mapping[str, Json]) -> SlotKind:
    declared = _text(notes.get("kind"))
    if declared in set(SlotKind):
        return SlotKind(declared)
    if isinstance(schema.get("enum"), Sequence):
        return SlotKind.CHOICE
    match schema.get("type"):
        case "boolean":
            return SlotKind.YES_NO
        case "integer" | "number":
            return SlotKind.NUMBER
    if _DIGITS_PATTERN.match(_text(schema.get("pattern"))):
        return SlotKind.DIGITS
    match schema.get("format"):
        case "date":
            return SlotKind.DATE
        case "time":
            return SlotKind.TIME
        case "email":
            return SlotKind.EMAIL
    return SlotKind.NAME if name in ("name", "first_name", "last_name") else SlotKind.FREE_TEXT


_DIGITS_PATTERN: Final = re.compile(r"^\^?(?:\[0-9\]|\\d)(?:\{(\d+)(?:,(\d+))?\}|[+*])\$?$")


def _lengths(schema: Mapping[str, Json], notes: Mapping[str, Json]) -> tuple[int, int | None]:
    low = notes.get("min_length", schema.get("minLength"))
    high = notes.get("max_length", schema.get("maxLength"))
    pattern = _DIGITS_PATTERN.match(_text(schema.get("pattern")))
    if pattern and pattern[1] and low is None and high is None:
        low, high = int(pattern[1]), int(pattern[2] or pattern[1])
    return (low if _is_count(low) else 1), (high if _is_count(high) else None)


def _is_count(value: Json) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value > 0


def _options(schema: Mapping[str, Json], notes: Mapping[str, Json]) -> dict[str, tuple[str, ...]]:
    synonyms = notes.get("synonyms")
    table = synonyms if isinstance(synonyms, Mapping) else {}
    values = schema.get("enum")
    names = [str(v) for v in values] if isinstance(values, Sequence) else [str(v) for v in table]
    return {name: _texts(table.get(name)) for name in names}


def _confirm(notes: Mapping[str, Json], kind: SlotKind) -> Confirm:
    declared = _text(notes.get("confirm"))
    if declared in set(Confirm):
        return Confirm(declared)
    return Confirm.NEVER if kind is SlotKind.YES_NO else Confirm.LOW_CONFIDENCE


def _dates(notes: Mapping[str, Json]) -> DateRange:
    declared = _text(notes.get("dates"))
    return DateRange(declared) if declared in set(DateRange) else DateRange.ANY


def _checksum(notes: Mapping[str, Json]) -> Checksum:
    declared = _text(notes.get("check"))
    return Checksum(declared) if declared in set(Checksum) else Checksum.NONE


def _day(value: Json) -> date | None:
    try:
        return date.fromisoformat(_text(value))
    except ValueError:
        return None


def _text(value: Json) -> str:
    return value.strip() if isinstance(value, str) else ""


def _texts(value: Json) -> tuple[str, ...]:
    if not isinstance(value, Sequence) or isinstance(value, str):
        return ()
    return tuple(item.strip() for item in value if isinstance(item, str) and item.strip())


def _spaced(name: str) -> str:
    """ "getOrderStatus" and "get_order_status" as words; our own prefixes are none."""
    name = re.sub(r"^(?:intent|collect)_", "", name)
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])|[_\-.]+", " ", name).lower()


def _decimal(value: Json) -> Decimal | None:
    if value is None or isinstance(value, bool):
        return None
    try:
        return Decimal(str(value))
    except InvalidOperation:
        return None
