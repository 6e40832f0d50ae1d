"""Pydantic's complaints in the protocol's words: a code, a message and a dotted path."""

from __future__ import annotations

from collections.abc import Sequence

from pydantic import ValidationError

from trunkline.domain.events import Json

_CODES = {
    "missing": "missing_required_parameter",
    "extra_forbidden": "unknown_parameter",
    "union_tag_not_found": "missing_required_parameter",
    "union_tag_invalid": "invalid_value",
    "literal_error": "invalid_value",
    "string_too_long": "string_above_max_length",
    "string_too_short": "string_below_min_length",
    "too_long": "array_above_max_length",
    "too_short": "array_below_min_length",
}


def complaint(exc: ValidationError, document: Json, *, root: str) -> tuple[str, str, str]:
    """The first error as (code, message, dotted param such as ``session.audio.input.format``)."""
    errors = exc.errors(include_url=False)
    # An unknown key says most; a failed union member says least.
    first = next((error for error in errors if error["type"] == "extra_forbidden"), errors[0])
    kind = first["type"]
    param = _path(first["loc"], document, root, is_key=kind in ("missing", "extra_forbidden"))
    code = _CODES.get(kind) or _range_code(kind, first.get("input"))
    if kind == "extra_forbidden":
        message = f"Unknown parameter: '{param}'."
    elif code == "missing_required_parameter":
        param = param if kind == "missing" else f"{param}.type"
        message = f"Missing required parameter: '{param}'."
    else:
        message = f"Invalid value for '{param}': {first['msg']}."
    return code, message, param


def _range_code(kind: str, value: object) -> str:
    number = "integer" if isinstance(value, int) and not isinstance(value, bool) else "decimal"
    if kind in ("greater_than_equal", "greater_than"):
        return f"{number}_below_min_value"
    if kind in ("less_than_equal", "less_than"):
        return f"{number}_above_max_value"
    if kind.endswith(("_type", "_parsing")):
        return "invalid_type"
    return "invalid_value"


def _path(loc: Sequence[int | str], document: Json, root: str, *, is_key: bool) -> str:
    """Pydantic puts union tags into the location; only keys of the document itself are kept, and
    the last one when it is the key (``is_key``) that is missing or too much."""
    steps = [root] if root else []
    here = document
    for position, step in enumerate(loc):
        is_last = position == len(loc) - 1
        if isinstance(here, dict):
            if step in here:
                here = here[step]
            elif is_last and is_key:
                steps.append(str(step))
                break
            else:
                continue
        elif isinstance(here, list | tuple) and isinstance(step, int) and step < len(here):
            here = here[step]
        else:
            continue
        steps.append(str(step))
    return ".".join(steps)
