"""The parts of JSON Schema that a planner walks, and the smallest value that satisfies one."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from trunkline.domain.events import Json

_MAX_REFERENCES: Final = 32
_MAX_DEPTH: Final = 16
_FORMATS: Final[Mapping[str, str]] = {
    "date": "2000-01-01",
    "time": "00:00:00Z",
    "date-time": "2000-01-01T00:00:00Z",
    "email": "nobody@example.com",
    "uri": "https://example.com",
    "uuid": "00000000-0000-0000-0000-000000000000",
    "ipv4": "127.0.0.1",
    "hostname": "example.com",
    "duration": "PT0S",
}


def resolve(node: Mapping[str, Json], root: Mapping[str, Json]) -> Mapping[str, Json]:
    """Follow local ``$ref`` (``#/$defs/…``) and merge what stands beside; foreign ones go."""
    for _ in range(_MAX_REFERENCES):
        reference = node.get("$ref")
        if not isinstance(reference, str) or not reference.startswith("#"):
            return node
        target: Json = root
        for part in reference[1:].strip("/").split("/"):
            key = part.replace("~1", "/").replace("~0", "~")
            if not key:
                continue
            if not isinstance(target, Mapping) or key not in target:
                return _without_reference(node)
            target = target[key]
        beside = _without_reference(node)
        if not isinstance(target, Mapping):
            return beside
        node = {**target, **beside}
    return _without_reference(node)


def _without_reference(node: Mapping[str, Json]) -> Mapping[str, Json]:
    return {key: value for key, value in node.items() if key != "$ref"}


def declared_values(schema: Mapping[str, Json]) -> Iterator[Json]:
    """Values the schema itself offers, best first: const, default, examples, enum."""
    if "const" in schema:
        yield schema["const"]
    if "default" in schema:
        yield schema["default"]
    for key in ("examples", "enum"):
        values = schema.get(key)
        if isinstance(values, Sequence) and not isinstance(values, str):
            yield from values
    if "example" in schema:
        yield schema["example"]


def smallest(schema: Mapping[str, Json], root: Mapping[str, Json], depth: int = 0) -> Json:
    """A declared value, else the smallest one of the schema's type; required members only."""
    node = _merged(resolve(schema, root), root)
    for value in declared_values(node):
        return value
    if depth > _MAX_DEPTH:
        return None
    for key in ("anyOf", "oneOf"):
        branches = node.get(key)
        if isinstance(branches, Sequence) and branches and isinstance(branches[0], Mapping):
            rest = {name: value for name, value in node.items() if name != key}
            return smallest({**rest, **resolve(branches[0], root)}, root, depth + 1)
    match type_of(node):
        case "object":
            return _smallest_object(node, root, depth)
        case "array":
            return _smallest_array(node, root, depth)
        case "string":
            return _smallest_string(node)
        case "integer":
            return int(_smallest_number(node, step=1))
        case "number":
            return _smallest_number(node, step=0.5)
        case "boolean":
            return False
    return None


def type_of(node: Mapping[str, Json]) -> str:
    """The declared type, the first that is not null of several, or what its keywords imply."""
    declared = node.get("type")
    if isinstance(declared, str):
        return declared
    if isinstance(declared, Sequence):
        return next((str(each) for each in declared if each != "null"), "null")
    if "properties" in node:
        return "object"
    if "items" in node:
        return "array"
    return "string" if declared is None and {"pattern", "minLength", "format"} & node.keys() else ""


def _merged(node: Mapping[str, Json], root: Mapping[str, Json]) -> Mapping[str, Json]:
    """``allOf`` folded in: properties and required lists joined, other keywords overlaid."""
    branches = node.get("allOf")
    if not isinstance(branches, Sequence):
        return node
    merged = {key: value for key, value in node.items() if key != "allOf"}
    for branch in branches:
        if not isinstance(branch, Mapping):
            continue
        part = _merged(resolve(branch, root), root)
        properties = {**merged.get("properties", {}), **part.get("properties", {})}
        required = [*merged.get("required", []), *part.get("required", [])]
        merged = {**merged, **part}
        if properties:
            merged["properties"] = properties
        if required:
            merged["required"] = list(dict.fromkeys(required))
    return merged


def _smallest_object(
    node: Mapping[str, Json], root: Mapping[str, Json], depth: int
) -> dict[str, Json]:
    properties = node.get("properties")
    known = properties if isinstance(properties, Mapping) else {}
    required = node.get("required")
    names = [str(name) for name in required] if isinstance(required, Sequence) else []
    return {
        name: smallest(known[name] if isinstance(known.get(name), Mapping) else {}, root, depth + 1)
        for name in names
    }


def _smallest_array(node: Mapping[str, Json], root: Mapping[str, Json], depth: int) -> list[Json]:
    count = node.get("minItems", 0)
    items = node.get("items")
    element = items if isinstance(items, Mapping) else {}
    return [
        smallest(element, root, depth + 1) for _ in range(count if isinstance(count, int) else 0)
    ]


def _smallest_string(node: Mapping[str, Json]) -> str:
    pattern = node.get("pattern")
    if isinstance(pattern, str):
        made = string_for(pattern)
        if made is not None:
            return made
    form = node.get("format")
    if isinstance(form, str) and form in _FORMATS:
        return _FORMATS[form]
    length = node.get("minLength", 0)
    return "x" * length if isinstance(length, int) else ""


def _smallest_number(node: Mapping[str, Json], step: float) -> float:
    low = node.get("minimum")
    above = node.get("exclusiveMinimum")
    high = node.get("maximum")
    below = node.get("exclusiveMaximum")
    multiple = node.get("multipleOf")
    value: float = 0
    if isinstance(low, int | float) and value < low:
        value = low
    if isinstance(above, int | float) and value <= above:
        value = above + step
    if isinstance(high, int | float) and value > high:
        value = high
    if isinstance(below, int | float) and value >= below:
        value = below - step
    if isinstance(multiple, int | float) and multiple > 0 and value % multiple:
        value += multiple - value % multiple
    return value


_PIECE: Final = re.compile(
    r"(\[(?:\\.|[^\]\\])+\]|\\[dwsD.\-+()/]|[^\\()\[\]{}|?*+^$])(\{\d+(?:,\d*)?\}|[?*+])?"
)


def string_for(pattern: str) -> str | None:
    """A string for a plain pattern (classes, literals, counts); None for what is beyond that.

    The result is checked, so a pattern read wrongly gives None.
    """
    body = pattern.removeprefix("^").removesuffix("$")
    made, position = "", 0
    while position < len(body):
        match = _PIECE.match(body, position)
        if match is None:
            return None
        made += _example_of(match[1]) * _count_of(match[2] or "")
        position = match.end()
    return made if re.search(pattern, made) else None


def _count_of(quantifier: str) -> int:
    if quantifier.startswith("{"):
        return int(quantifier[1:].rstrip("}").split(",")[0])
    return 0 if quantifier in ("?", "*") else 1


def _example_of(piece: str) -> str:
    match piece:
        case r"\d":
            return "0"
        case r"\w" | r"\D" | ".":
            return "a"
        case r"\s":
            return " "
    if piece.startswith("\\"):
        return piece[1]
    if piece.startswith("["):
        inner = piece[1:-1]
        if inner.startswith("^"):
            return next((c for c in "a0 -" if re.match(piece, c)), "a")
        return _example_of(inner[:2]) if inner.startswith("\\") else inner[0]
    return piece
