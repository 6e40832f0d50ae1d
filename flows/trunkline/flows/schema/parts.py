"""A document's parts, each validated on its own, so that one mistake hides no other."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import Any, Final, TypeVar

from pydantic import ValidationError

from trunkline.domain.events import Json
from trunkline.flows.schema.document import (
    BranchPart,
    FlowPart,
    IntentPart,
    Part,
    StepPart,
)
from trunkline.flows.schema.source import Source, YamlPath
from trunkline.flows.schema.step_kinds import STEP_PARTS, PrefetchPart, SubFlowPart
from trunkline.flows.schema.tool_document import ToolPart
from trunkline.flows.steps import RETURN

_P = TypeVar("_P", bound=Part)

_PLAIN_WORDS: Final[Mapping[str, str]] = {
    "missing": "is missing",
    "string_type": "should be text",
    "int_type": "should be a whole number",
    "bool_type": "should be true or false",
    "dict_type": "should be a mapping",
    "list_type": "should be a list",
    "tuple_type": "should be a list",
    "model_type": "should be a mapping",
    "string_too_short": "must not be empty",
    "too_short": "must not be empty",
}
_NAME_RULE: Final = (
    "a name is lower-case letters, digits and _, at most 40, and begins with a letter"
)


@dataclass(slots=True)
class Parts:
    """What could be read; ``names`` are all that were written, readable or not."""

    flow: FlowPart | None
    intents: dict[str, IntentPart] = field(default_factory=dict)
    tools: dict[str, ToolPart] = field(default_factory=dict)
    steps: dict[str, StepPart | BranchPart] = field(default_factory=dict)
    before_answer: dict[int, PrefetchPart] = field(default_factory=dict)  # by place
    subflows: dict[str, SubFlowPart] = field(default_factory=dict)
    subflow_steps: dict[str, dict[str, StepPart | BranchPart]] = field(default_factory=dict)
    subflow_names: tuple[str, ...] = ()
    step_names: tuple[str, ...] = ()
    intent_names: tuple[str, ...] = ()
    tool_names: tuple[str, ...] = ()
    variable_names: tuple[str, ...] = ()


def read_parts(source: Source) -> Parts:
    """Validate every part of a read document; complaints go to ``source``."""
    value = source.value
    if not isinstance(value, dict):
        if not source.complaints:
            source.complain((), "a flow file is a mapping with agent, start and steps")
        return Parts(None)
    parts = Parts(
        flow=validate_part(source, FlowPart, value, ()),
        step_names=_names(value, "steps"),
        intent_names=_names(value, "intents"),
        tool_names=_names(value, "tools"),
        variable_names=_names(value, "variables"),
        subflow_names=_names(value, "flows"),
    )
    for name, entry in _entries(value, "intents"):
        if intent := validate_part(source, IntentPart, entry, ("intents", name)):
            parts.intents[name] = intent
    for name, entry in _entries(value, "tools"):
        if tool := validate_part(source, ToolPart, entry, ("tools", name)):
            parts.tools[name] = tool
    parts.steps = _read_steps(source, value, ())
    for name, entry in _entries(value, "flows"):
        if subflow := validate_part(source, SubFlowPart, entry, ("flows", name)):
            parts.subflows[name] = subflow
            parts.subflow_steps[name] = _read_steps(source, entry, ("flows", name))
    fetches = value.get("before_answer")
    for place, entry in enumerate(fetches if isinstance(fetches, list) else ()):
        if fetch := validate_part(source, PrefetchPart, entry, ("before_answer", place)):
            parts.before_answer[place] = fetch
    return parts


def _read_steps(
    source: Source, value: Mapping[str, Json], base: YamlPath
) -> dict[str, StepPart | BranchPart]:
    steps: dict[str, StepPart | BranchPart] = {}
    for name, entry in _entries(value, "steps"):
        path = (*base, "steps", name)
        part = _step_part(source, path, entry)
        if part and (step := validate_part(source, part, entry, path)):
            steps[name] = step
    return steps


def _step_part(source: Source, path: YamlPath, entry: Json) -> type[StepPart | BranchPart] | None:
    if path[-1] == RETURN:
        source.complain(path, f"{RETURN!r} ends a sub-flow and can be no step: choose another name")
    kinds = [part.kind_key for part in STEP_PARTS]
    if not isinstance(entry, dict):
        source.complain(path, f"a step is a mapping with one of {', '.join(kinds)}")
        return None
    found = [part for part in STEP_PARTS if part.kind_key in entry]
    others = [part.kind_key for part in found if part.kind_key != "say"]
    if not found:
        source.complain(path, f"what kind of step is it? It needs one of {', '.join(kinds)}")
        return None
    if len(others) > 1:
        source.complain(path, f"a step is of one kind, and this has {' and '.join(others)}")
        return None
    return found[0]


def _entries(value: Mapping[str, Json], section: str) -> Iterable[tuple[str, Json]]:
    entries = value.get(section)
    return entries.items() if isinstance(entries, dict) else ()


def _names(value: Mapping[str, Json], section: str) -> tuple[str, ...]:
    return tuple(name for name, _ in _entries(value, section))


def validate_part(source: Source, part: type[_P], value: Json, path: YamlPath) -> _P | None:
    try:
        return part.model_validate(value)
    except ValidationError as exc:
        for problem in exc.errors(include_url=False, include_input=False):
            at = (*path, *problem["loc"])
            source.complain(*_explain(at, problem["type"], problem["msg"], _known_keys()))
        return None


def _explain(path: YamlPath, kind: str, message: str, known: Sequence[str]) -> tuple[YamlPath, str]:
    if path and path[-1] == "[key]":
        where, key = path[:-1], path[-2]
        if "keys" in path:
            return where, f"{key!r} is no telephone key: use 0 to 9 or *"
        if "errors" in path:
            return where, f"{key!r} is no HTTP status from 300 to 599"
        return where, f"{key!r} is not a good name: {_NAME_RULE}"
    if kind == "extra_forbidden":
        return path, f"unknown key {str(path[-1])!r}{did_you_mean(str(path[-1]), known)}"
    if kind == "missing":
        return path[:-1], f"{str(path[-1])!r} is missing"
    if kind == "string_pattern_mismatch" and "[a-z0-9_]" in message:
        return path, f"not a good name: {_NAME_RULE}"
    plain = _PLAIN_WORDS.get(kind)
    return path, plain or message.removeprefix("Input ").removeprefix("Value error, ")


def did_you_mean(wrong: str, known: Iterable[str]) -> str:
    """ "; did you mean 'menu'?" or nothing."""
    close = get_close_matches(wrong, list(known), n=1)
    return f"; did you mean {close[0]!r}?" if close else ""


def _known_keys() -> tuple[str, ...]:
    keys: dict[str, None] = {}
    waiting: list[type[Any]] = [Part]
    while waiting:
        part = waiting.pop()
        waiting += part.__subclasses__()
        keys |= dict.fromkeys(part.model_fields)
    return tuple(keys)
