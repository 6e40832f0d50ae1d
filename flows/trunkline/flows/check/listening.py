"""What callers may say and key: wishes nobody hears, examples and keys in each other's way."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from trunkline.flows.check.findings import Report
from trunkline.flows.check.graph import Graph
from trunkline.flows.compile import intents_at
from trunkline.flows.flow import Flow
from trunkline.flows.keypad import from_keypad
from trunkline.flows.schema.source import YamlPath
from trunkline.flows.slots import BadValue, Slot, SlotKind
from trunkline.flows.steps import CollectStep, SayStep, Step, listening_of

_WORD: Final = re.compile(r"[a-z0-9']+")
_COURTESY: Final = frozenset({"please", "thanks", "thank", "you", "um", "uh", "well", "so", "okay"})
_YES_NO: Final = ("yes", "no")


def check_listening(flow: Flow, graphs: Sequence[Graph], report: Report) -> None:
    """Looks at every step that listens and that a call comes to, sub-flows' included."""
    heard: set[str] = set()
    for graph in graphs:
        reached = graph.reachable({graph.start})
        for name, place in graph.places.items():
            if name in reached and place.listens:
                heard |= intents_at(flow, place.step).keys()
                _check_examples(flow, place.step, report)
                _check_keys(flow, place.step, place.path, report)
    for name, intent in flow.intents.items():
        if name not in heard and not intent.is_global:
            report.warning(
                "intent_unheard",
                ("intents", name),
                f"no step that a call comes to listens for {name!r}",
                "List it under listen.intents of a step, write everywhere: true, or remove it.",
            )


def _normal(example: str) -> tuple[str, ...]:
    words = tuple(_WORD.findall(example.lower()))
    return tuple(word for word in words if word not in _COURTESY) or words


def _check_examples(flow: Flow, step: Step, report: Report) -> None:
    if not isinstance(step, SayStep | CollectStep):
        return
    answers: dict[tuple[str, ...], str] = {}
    for slot in step.slots if isinstance(step, CollectStep) else ():
        for said in _answers(slot):
            answers.setdefault(_normal(said), f"an answer to {slot.name}")
    for name in intents_at(flow, step):
        for place, example in enumerate(flow.intents[name].examples):
            normal = _normal(example)
            other = answers.setdefault(normal, name)
            if other == name:
                continue
            report.error(
                "examples_collide",
                ("intents", name, "examples", place),
                f"{example!r} means {name!r} and {other} alike",
                f"Drop it from one of them, or listen for only one of them in {step.name!r}.",
            )


def _answers(slot: Slot) -> tuple[str, ...]:
    if slot.kind is SlotKind.YES_NO:
        return _YES_NO
    return tuple(said for value, others in slot.choices.items() for said in (value, *others))


def _check_keys(flow: Flow, step: Step, path: YamlPath, report: Report) -> None:
    if not isinstance(step, SayStep | CollectStep):
        return
    listening = listening_of(step)
    own = listening.keys if listening else {}
    for key, goto in own.items():
        if flow.keys.get(key, goto) != goto:
            report.warning(
                "key_shadowed",
                (*path, "listen", "keys", key),
                f"{key} leads to {goto!r} here and to {flow.keys[key]!r} everywhere else",
                "Choose another key, or drop one of the two.",
            )
    for slot in step.slots if isinstance(step, CollectStep) else ():
        for key in {**flow.keys, **own}:
            if _takes(slot, key):
                where: YamlPath = (*path, "listen", "keys", key) if key in own else ("keys", key)
                report.warning(
                    "key_shadowed",
                    where,
                    f"in {step.name!r} the key {key} is an answer to {slot.name} and never leads "
                    "on",
                    "Choose another key, or do without it in this step.",
                )


def _takes(slot: Slot, key: str) -> bool:
    try:
        from_keypad(slot, key)
    except BadValue:
        return False
    return True
