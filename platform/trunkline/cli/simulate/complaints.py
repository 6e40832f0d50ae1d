"""What is wrong with a simulation file, in plain words and with its lines."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from copy import deepcopy
from difflib import get_close_matches
from typing import Final, TypeVar

from pydantic import BaseModel, ValidationError

from trunkline.cli.simulate.document import ACTS, SimulationPart
from trunkline.domain.errors import Invalid
from trunkline.domain.events import Json
from trunkline.flows.schema.source import Complaint, Source, YamlPath

_M = TypeVar("_M", bound=BaseModel)

_MOST_ROUNDS: Final = 8
_NEEDED: Final[Mapping[str, Json]] = {
    "simulation": "?",
    "turns": [{"silence": 1}],
    "expect": {"says": "something"},
}
_ACT_FILLERS: Final[Mapping[str | int, Json]] = {
    "say": "something",
    "key": "0",
    "silence": 1,
    "mumble": 1,
    "backchannel": "mhm",
    "hang_up": True,
    "cough": True,
    "engine": "fails",
}

_PLAIN: Final[Mapping[str, str]] = {
    "string_type": "should be text",
    "int_type": "should be a whole number",
    "float_type": "should be a number",
    "bool_type": "should be true or false",
    "dict_type": "should be a mapping",
    "list_type": "should be a list",
    "model_type": "should be a mapping",
    "string_too_short": "must not be empty",
    "too_short": "must not be empty",
}


class SimulationsInvalid(Invalid):
    """Files with mistakes; ``complaints`` by file name, in order of their lines."""

    default_code = "simulation_invalid"

    def __init__(self, complaints: Mapping[str, tuple[Complaint, ...]]) -> None:
        lines = [f"{name}, {one}" for name, found in complaints.items() for one in found]
        super().__init__("\n".join(lines))
        self.complaints = dict(complaints)


def validated(source: Source, model: type[_M]) -> _M | None:
    """The document as its model; complaints go to ``source``.

    What cannot be read is complained about and taken out, so that the rest is checked all the same.
    """
    value = source.value
    if not isinstance(value, dict):
        if not source.complaints:
            message = "a simulation is a mapping with simulation, turns and expect"
            source.complain((), message)
        return None
    value = deepcopy(value)
    for _ in range(_MOST_ROUNDS):
        try:
            return model.model_validate(value)
        except ValidationError as exc:
            told: set[YamlPath] = set()
            for problem in exc.errors(include_url=False, include_input=False):
                where, message = _explain(problem["loc"], problem["type"], problem["msg"])
                if where not in told:  # the branches of a union complain about one value each
                    told.add(where)
                    source.complain(where, message)
            # Last first: what is taken out of a list must not move what stands before it.
            for path in sorted(told, key=_order, reverse=True):
                _take_out(value, path)
            for name, filler in _NEEDED.items():
                value.setdefault(name, deepcopy(filler))
    return None


def _order(path: YamlPath) -> list[tuple[int, str]]:
    return [(part, "") if isinstance(part, int) else (-1, part) for part in path]


def _take_out(value: Json, path: YamlPath) -> None:
    for place, part in enumerate(path):
        is_last = place == len(path) - 1
        if isinstance(value, dict) and part in value:
            if not is_last:
                value = value[part]
            elif part in _ACT_FILLERS:
                value[part] = _ACT_FILLERS[part]  # it was meant to be this kind of turn
            else:
                del value[part]
        elif isinstance(value, list) and isinstance(part, int) and part < len(value):
            if not is_last:
                value = value[part]
            elif len(path) > 2 and path[-2] == "say":
                value[part] = "something"
            else:
                del value[part]
        else:
            # A single value where a list may stand: pydantic counts into it, the file does not.
            if isinstance(part, int) and not is_last:
                continue
            return


def did_you_mean(wrong: str, known: Iterable[str]) -> str:
    """What is close to it, or all there is when that is little."""
    there = sorted(set(known))
    close = get_close_matches(wrong, there, n=1)
    if close:
        return f"; did you mean {close[0]!r}?"
    return f"; there are {', '.join(there)}" if 0 < len(there) <= 12 else ""


def _explain(loc: tuple[str | int, ...], kind: str, message: str) -> tuple[YamlPath, str]:
    path = _without_tags(loc)
    last = str(path[-1]) if path else ""
    if len(path) >= 4 and path[0] == "turns" and path[2] == "say":
        return path[:4], "is text, or a pause in seconds from 0 to 600"
    if kind == "extra_forbidden":
        return path, f"unknown key {last!r}{did_you_mean(last, _known_keys())}"
    if kind == "missing":
        return path[:-1], f"{last!r} is missing"
    if path and path[-1] == "key" and kind == "string_pattern_mismatch":
        return path, "is telephone keys: 0 to 9, *, #, at most 64"
    if kind == "string_pattern_mismatch":
        return path, "is not a name: lower-case letters, digits and _"
    if kind == "literal_error":
        return path, message.removeprefix("Input ")
    plain = _PLAIN.get(kind)
    return path, plain or message.removeprefix("Input ").removeprefix("Value error, ")


def _without_tags(loc: tuple[str | int, ...]) -> YamlPath:
    """Without what pydantic adds for unions and wrapped validators (``function-before[…]``)."""
    return tuple(part for part in loc if not (isinstance(part, str) and _is_tag(part)))


def _is_tag(part: str) -> bool:
    return "[" in part and part != "[key]" or part in ("constrained-str", "str", "float")


def _known_keys() -> set[str]:
    keys: set[str] = set(ACTS)
    waiting: list[type[BaseModel]] = [SimulationPart]
    while waiting:
        part = waiting.pop()
        waiting += part.__subclasses__()
        keys |= set(part.model_fields)
    return keys
