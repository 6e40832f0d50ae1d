"""A call that must be made now: arguments from the conversation, and the rest from the schema.

Order: what the caller said (by kind of slot, in order), then const, default, examples, the first
enum value, the smallest valid value. What the caller never said is named in ``synthesised``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final

from jsonschema import Draft202012Validator
from jsonschema.exceptions import SchemaError

from trunkline.domain.errors import Invalid
from trunkline.domain.events import Json
from trunkline.model.cascade.extraction import find_value
from trunkline.model.cascade.intents import match_intent
from trunkline.model.cascade.json_schema import resolve, smallest, type_of
from trunkline.model.cascade.slots import Slot, SlotKind
from trunkline.model.cascade.tool_annotations import read_slot, read_tools
from trunkline.model.engine import HistoryItem, ItemRole

_MAX_DEPTH: Final = 12


@dataclass(frozen=True, slots=True)
class ForcedCall:
    """``synthesised``: JSON pointers of the values that nobody said."""

    name: str
    arguments: Mapping[str, Json]
    synthesised: tuple[str, ...]


def force_call(
    tools: Sequence[Mapping[str, Json]],
    choice: str | Mapping[str, Json],
    history: Sequence[HistoryItem],
    today: date,
) -> ForcedCall:
    """Raises Invalid when there is no such tool, or no arguments satisfy its schema."""
    tool = _choose(tools, choice, history)
    schema = tool.get("parameters")
    root = schema if isinstance(schema, Mapping) else {}
    filler = _Filler(str(tool["name"]), root, _texts(history), today)
    arguments = filler.fill_object(root)
    problems = schema_problems(root, arguments)
    if problems:
        # What was heard may break a rule the walk does not know: fall back to the schema's own.
        arguments = smallest(root or {"type": "object"}, root)
        filler.synthesised = [f"/{name}" for name in arguments] if arguments else []
        problems = schema_problems(root, arguments)
    if problems or not isinstance(arguments, dict):
        raise Invalid(
            f"no arguments could be found for {tool['name']} that satisfy its parameters: "
            f"{problems[0] if problems else 'they must be an object'}",
            param="tools",
        )
    return ForcedCall(str(tool["name"]), arguments, tuple(filler.synthesised))


def _choose(
    tools: Sequence[Mapping[str, Json]],
    choice: str | Mapping[str, Json],
    history: Sequence[HistoryItem],
) -> Mapping[str, Json]:
    functions = [tool for tool in tools if tool.get("type", "function") == "function"]
    named = choice.get("name") if isinstance(choice, Mapping) else None
    if isinstance(choice, Mapping) and named is None:
        inner = choice.get("function")
        named = inner.get("name") if isinstance(inner, Mapping) else None
    if isinstance(choice, Mapping):
        for tool in functions:
            if tool.get("name") == named:
                return tool
        raise Invalid(f"tool_choice names {named!r}, which is not among the tools", param="tools")
    if not functions:
        raise Invalid("tool_choice is required, but there are no tools", param="tool_choice")
    plan = read_tools(functions)
    for text in _texts(history):
        wish = match_intent(text, plan.intents)
        if wish is not None:
            return next(tool for tool in functions if tool.get("name") == wish.name)
    return functions[0]


def _texts(history: Sequence[HistoryItem]) -> list[str]:
    """What the caller said, the latest first."""
    return [
        item.text for item in reversed(history) if item.role is ItemRole.USER and item.text.strip()
    ]


def schema_problems(schema: Mapping[str, Json], value: Json) -> list[str]:
    """What is wrong with ``value``, or with the schema itself."""
    try:
        return [error.message for error in Draft202012Validator(schema).iter_errors(value)]
    except SchemaError as exc:
        return [exc.message]


class _Filler:
    """Walks a schema; a stretch of the caller's words fills one value only."""

    def __init__(
        self, tool: str, root: Mapping[str, Json], texts: Sequence[str], today: date
    ) -> None:
        self._tool = tool
        self._root = root
        self._texts = list(texts)
        self._today = today
        self.synthesised: list[str] = []

    def fill_object(
        self, schema: Mapping[str, Json], pointer: str = "", depth: int = 0
    ) -> dict[str, Json]:
        node = resolve(schema, self._root)
        properties = node.get("properties")
        required = node.get("required")
        wanted = {str(name) for name in required} if isinstance(required, Sequence) else set()
        filled: dict[str, Json] = {}
        if not isinstance(properties, Mapping):
            properties = {}
        for name, raw in properties.items():
            inner = resolve(raw, self._root) if isinstance(raw, Mapping) else {}
            is_required = name in wanted
            path = f"{pointer}/{name.replace('~', '~0').replace('/', '~1')}"
            if type_of(inner) == "object" and inner.get("properties") and depth < _MAX_DEPTH:
                if is_required:
                    filled[name] = self.fill_object(inner, path, depth + 1)
                continue
            heard = self._hear(read_slot(self._tool, name, inner, is_required), inner)
            if heard is not None:
                filled[name] = heard
            elif is_required:
                filled[name] = smallest(inner, self._root)
                self.synthesised.append(path)
        for name in wanted - properties.keys():
            filled[name] = ""
            self.synthesised.append(f"{pointer}/{name}")
        return filled

    def _hear(self, slot: Slot, schema: Mapping[str, Json]) -> Json:
        """The first value of this kind that fits the schema, newest words first."""
        if "const" in schema or type_of(schema) == "array":
            return None
        for index, text in enumerate(self._texts):
            hit = find_value(slot, text, self._today)
            if hit is None:
                continue
            value, used = hit
            if slot.kind is SlotKind.CHOICE:
                value = _enum_value(schema, value)
            if not schema_problems({**schema, "$defs": self._root.get("$defs", {})}, value):
                self._texts[index] = text.replace(used, " ", 1)
                return value
        return None


def _enum_value(schema: Mapping[str, Json], said: Json) -> Json:
    """Choices are compared as words; the schema may hold numbers."""
    values = schema.get("enum")
    if isinstance(values, Sequence):
        return next((value for value in values if str(value) == said), said)
    return said
