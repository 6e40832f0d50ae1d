"""Arguments and results against JSON Schema: the first mistake, named by path, never by value."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from jsonschema import Draft202012Validator

from trunkline.domain.events import Json, ToolOutcome
from trunkline.flows.tools import ToolError, ToolFault, ToolSpec

_MISSING: Final = object()
_MAX_WANTED_CHARS: Final = 200


def check_arguments(tool: ToolSpec, arguments: Mapping[str, Json]) -> None:
    """Raises ToolFault INVALID for the first mistake."""
    fault = invalid_arguments(tool.parameters, arguments)
    if fault is not None:
        raise ToolFault(fault, ToolOutcome.INVALID)


def invalid_arguments(
    parameters: Mapping[str, Json], arguments: Mapping[str, Json]
) -> ToolError | None:
    problem = first_problem(parameters, dict(arguments))
    if problem is None:
        return None
    where, message = problem
    return ToolError("invalid_arguments", message, param=where or None)


def first_problem(schema: Mapping[str, Json], value: Json) -> tuple[str, str] | None:
    """Where (a dotted path, empty for the whole) and what is wrong; None when ``value`` fits."""
    try:
        error = next(Draft202012Validator(dict(schema)).iter_errors(value), None)
    except RecursionError:
        return "", "the whole is nested too deeply"
    if error is None:
        return None
    where = ".".join(str(part) for part in error.absolute_path)
    if error.validator == "required":
        missing = [name for name in error.validator_value if name not in error.instance]
        return where, f"{where or 'the whole'} lacks {', '.join(missing)}"
    wanted = str(error.validator_value)[:_MAX_WANTED_CHARS]
    return where, f"{where or 'the whole'} breaks {error.validator}: {wanted}"


def mapped_result(
    mapping: Mapping[str, str],
    returns: Mapping[str, Json] | None,
    answer: Json,
    status: int | None = None,
) -> Json:
    """The answer, mapped by dotted paths and checked; raises ToolFault ``bad_answer``."""
    result: Any = answer
    if mapping:
        result = {name: _at(answer, path) for name, path in mapping.items()}
        missing = [mapping[name] for name, value in result.items() if value is _MISSING]
        if missing:
            raise bad_answer(f"the answer lacks {', '.join(missing)}", status)
    if returns is not None and (problem := first_problem(returns, result)) is not None:
        raise bad_answer(f"in the answer, {problem[1]}", status)
    return result


def bad_answer(message: str, status: int | None = None) -> ToolFault:
    return ToolFault(ToolError("bad_answer", message, status), blames_service=True)


def _at(value: Json, path: str) -> Json:
    """What lies at a dotted path (numbers index lists); _MISSING when nothing does."""
    for part in path.split(".") if path else ():
        if isinstance(value, dict):
            value = value.get(part, _MISSING)
        elif isinstance(value, list) and part.isdigit() and int(part) < len(value):
            value = value[int(part)]
        else:
            return _MISSING
    return value


def schema_conflicts(own: Mapping[str, Json], theirs: Mapping[str, Json]) -> list[str]:
    """Where arguments that satisfy ``own`` cannot satisfy ``theirs``, as far as names and types
    tell: what a flow wrote about a tool, against what the tool's server says of it today.
    """
    return list(_conflicts(own, theirs))


def _conflicts(own: Mapping[str, Json], theirs: Mapping[str, Json]) -> Iterator[str]:
    mine = own.get("properties") or {}
    known = theirs.get("properties") or {}
    for name in theirs.get("required") or ():
        if name not in mine:
            yield f"the server requires {name!r}, which the flow does not declare"
        elif name not in (own.get("required") or ()):
            yield f"the server requires {name!r}, which the flow makes optional"
    for name, schema in mine.items():
        if name not in known:
            if theirs.get("additionalProperties") is False or known:
                yield f"the server knows no {name!r}"
            continue
        here, there = _types(schema), _types(known[name])
        if here and there and not here <= there:
            yield f"{name!r} is {' or '.join(sorted(here))} here, and the server wants " + (
                " or ".join(sorted(there))
            )


def _types(schema: Json) -> frozenset[str]:
    """The JSON types a schema admits by ``type``; empty when it does not say. An integer is also a
    number."""
    if not isinstance(schema, Mapping):
        return frozenset()
    if isinstance(schema.get("anyOf"), list):
        parts = [_types(part) for part in schema["anyOf"]]
        return frozenset().union(*parts) if all(parts) else frozenset()
    said = schema.get("type")
    types = frozenset([said] if isinstance(said, str) else said or ())
    return types | {"integer"} if "number" in types else types
