"""The parts of JSON Schema that a planner walks."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from trunkline.domain.events import Json

_MAX_REFERENCES: Final = 32


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
                return {k: v for k, v in node.items() if k != "$ref"}
            target = target[key]
        beside = {k: v for k, v in node.items() if k != "$ref"}
        if not isinstance(target, Mapping):
            return beside
        node = {**target, **beside}
    return {k: v for k, v in node.items() if k != "$ref"}
