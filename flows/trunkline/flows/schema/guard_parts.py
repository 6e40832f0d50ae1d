"""The ``guardrails`` of a flow as they may be written, and what they come to."""

from __future__ import annotations

from typing import Annotated, Any, Final

from pydantic import BeforeValidator, Field, StringConstraints

from trunkline.flows.guard.pack import Side, Verb
from trunkline.flows.guard.rules import Change, GuardRules
from trunkline.flows.schema.assembly import Assembly
from trunkline.flows.schema.document import Name, Names, Part

_OFF: Final = "off"


def _action(value: Any) -> Any:
    """``refuse`` reads as well as ``{action: refuse}``; ``off`` is no action."""
    if value == _OFF:
        return {"action": None}
    return {"action": value} if isinstance(value, str) else value


class GuardActionPart(Part):
    action: Annotated[Verb | None, Field(strict=False)]
    line: Annotated[str, StringConstraints(strip_whitespace=True, max_length=500)] = ""


Action = Annotated[GuardActionPart, BeforeValidator(_action)]


class GuardCategoryPart(Part):
    input: Action | None = None
    output: Action | None = None


def _category(value: Any) -> Any:
    return {"input": _OFF, "output": _OFF} if value == _OFF else value


class GuardrailsPart(Part):
    packs: Names | None = None
    categories: dict[Name, Annotated[GuardCategoryPart, BeforeValidator(_category)]] = {}


def assemble_guardrails(assembly: Assembly, part: GuardrailsPart) -> GuardRules:
    changes: list[Change] = []
    for name, category in part.categories.items():
        path = ("guardrails", "categories", name)
        sides = ((Side.INPUT, category.input), (Side.OUTPUT, category.output))
        for side, action in sides:
            if action is None:
                continue
            if action.line and action.action in (None, Verb.NOTE, Verb.MASK):
                said = action.action or _OFF
                assembly.complain((*path, side.value, "line"), f"{said} says nothing: remove it")
            changes.append(Change(name, side, action.action, action.line))
    return GuardRules(part.packs, tuple(changes))
