"""Forced calls satisfy their schema and own up to what nobody said."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from tests.unit.model_cascade.builders import AGENT, BALANCE, Talk

from trunkline.domain.errors import Invalid
from trunkline.model.cascade.forced_calls import force_call
from trunkline.model.cascade.json_schema import smallest, string_for

TODAY = date(2026, 11, 21)


def tool(schema: dict[str, Any], name: str = "do_it") -> dict[str, Any]:
    return {"type": "function", "name": name, "parameters": schema}


def force(schema: dict[str, Any], *said: str) -> Any:
    talk = Talk()
    for text in said:
        talk.caller(text, None)
    call = force_call([tool(schema)], "required", talk.items, TODAY)
    Draft202012Validator(schema).validate(dict(call.arguments))
    return call


def properties(**schemas: Any) -> dict[str, Any]:
    return {"type": "object", "properties": schemas, "required": list(schemas)}


def test_values_come_from_the_conversation_by_type() -> None:
    schema = properties(
        city={"type": "string"},
        day={"type": "string", "format": "date"},
        people={"type": "integer"},
    )
    call = force(schema, "Book a table in Paris tomorrow for 4 people")
    assert call.arguments == {"city": "Paris", "day": "2026-11-22", "people": 4}
    assert call.synthesised == ()


def test_two_values_of_one_type_are_taken_in_order() -> None:
    schema = properties(low={"type": "integer"}, high={"type": "integer"})
    assert force(schema, "between 3 and 9").arguments == {"low": 3, "high": 9}


def test_what_nobody_said_is_made_up_and_owned_up_to() -> None:
    schema = properties(
        code={"type": "string", "const": "A1"},
        unit={"type": "string", "enum": ["c", "f"], "default": "f"},
        note={"type": "string", "examples": ["hello"]},
        mode={"type": "string", "enum": ["fast", "slow"]},
        count={"type": "integer", "minimum": 3},
        nested=properties(deep={"type": "boolean"}),
    )
    call = force(schema, "go")
    assert call.arguments == {
        "code": "A1", "unit": "f", "note": "hello", "mode": "fast", "count": 3,
        "nested": {"deep": False},
    }  # fmt: skip
    assert call.synthesised == ("/code", "/unit", "/note", "/mode", "/count", "/nested/deep")


def test_local_references_are_followed() -> None:
    schema = {
        "type": "object",
        "properties": {"where": {"$ref": "#/$defs/place"}},
        "required": ["where"],
        "$defs": {"place": properties(name={"$ref": "#/$defs/name"}), "name": {"type": "string",
                  "minLength": 2}},
    }  # fmt: skip
    assert force(schema, "go to Oslo").arguments == {"where": {"name": "Oslo"}}


def test_a_value_that_breaks_its_schema_is_not_taken() -> None:
    schema = properties(people={"type": "integer", "maximum": 6})
    call = force(schema, "for 40 people")
    assert call.synthesised == ("/people",)


def test_the_named_tool_is_called_whatever_was_said() -> None:
    tools = [tool({"type": "object"}, "first"), tool({"type": "object"}, "second")]
    call = force_call(tools, {"type": "function", "name": "second"}, Talk().items, TODAY)
    assert call.name == "second"


def test_required_calls_the_tool_that_was_meant() -> None:
    talk = Talk().caller("operator please", None)
    assert force_call([BALANCE, AGENT], "required", talk.items, TODAY).name == "intent_agent"


def test_impossible_demands_are_named() -> None:
    with pytest.raises(Invalid, match="nowhere"):
        force_call([AGENT], {"type": "function", "name": "nowhere"}, [], TODAY)
    with pytest.raises(Invalid, match="no tools"):
        force_call([], "required", [], TODAY)
    impossible = properties(it={"type": "integer", "minimum": 5, "maximum": 2})
    with pytest.raises(Invalid, match="do_it"):
        force_call([tool(impossible)], "required", [], TODAY)


@pytest.mark.parametrize(
    "pattern",
    [
        "^[0-9]{8}$",
        r"^\d{3}-\d{4}$",
        "^[A-Z]{2,3}$",
        "^abc+$",
        r"^[0-9]{1,6}[.][0-9]{2}$",
        "^[^0-9]x?$",
    ],
)
def test_plain_patterns_get_a_string(pattern: str) -> None:
    made = string_for(pattern)
    assert made is not None
    Draft202012Validator({"type": "string", "pattern": pattern}).validate(made)


def test_patterns_beyond_that_get_none() -> None:
    assert string_for("^(?:a|b)+$") is None


_LEAVES = st.one_of(
    st.builds(lambda low: {"type": "integer", "minimum": low}, st.integers(-5, 99)),
    st.builds(lambda high: {"type": "number", "exclusiveMaximum": high}, st.floats(-9, 9)),
    st.builds(lambda n: {"type": "string", "minLength": n}, st.integers(0, 9)),
    st.builds(lambda values: {"enum": values}, st.lists(st.integers(), min_size=1)),
    st.just({"type": "boolean"}),
    st.just({"type": ["null", "string"]}),
    st.sampled_from([{"type": "string", "format": f} for f in ("date", "email", "uuid")]),
)
_SCHEMAS = st.recursive(
    _LEAVES,
    lambda inner: st.one_of(
        st.dictionaries(st.text("abc/~", min_size=1, max_size=3), inner, max_size=3).map(
            lambda fields: {"type": "object", "properties": fields, "required": list(fields)}
        ),
        st.builds(lambda item, n: {"type": "array", "items": item, "minItems": n}, inner,
                  st.integers(0, 2)),
        st.builds(lambda first, second: {"anyOf": [first, second]}, inner, inner),
    ),
    max_leaves=6,
)  # fmt: skip


@given(_SCHEMAS)
def test_the_smallest_value_always_satisfies_the_schema(schema: dict[str, Any]) -> None:
    Draft202012Validator(schema).validate(smallest(schema, schema))
