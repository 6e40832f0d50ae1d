"""Types, where they are known: arguments against schemas, result paths against ``returns``."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from enum import Enum
from typing import Any, Final

from jinja2 import nodes
from jsonschema import Draft202012Validator

from trunkline.flows.builtins import SetVariableBuiltin
from trunkline.flows.check.findings import Report
from trunkline.flows.check.graph import Graph, Text
from trunkline.flows.check.offers import offer_path
from trunkline.flows.check.reads import parse
from trunkline.flows.flow import CALL_VARIABLES, Flow
from trunkline.flows.offers import offers_at
from trunkline.flows.prompts import Expression, Prompt
from trunkline.flows.schema.parts import did_you_mean
from trunkline.flows.schema.source import YamlPath
from trunkline.flows.slots import property_schema
from trunkline.flows.steps import BranchStep, CallStep, CollectStep, SetStep, ToolStep, scope_of
from trunkline.flows.tools import HttpTransport, ToolSpec

Schema = Mapping[str, Any]
_ANY: Final[frozenset[str]] = frozenset()
_BOOLEAN: Final = frozenset({"boolean"})
_NUMBER: Final = frozenset({"number"})
_STRING: Final = frozenset({"string"})
_NUMERIC_FILTERS: Final = frozenset({"abs", "float", "int", "length", "round"})
_TEXT_FILTERS: Final = frozenset(
    {"capitalize", "join", "lower", "string", "title", "trim", "upper"}
)
_ORDERINGS: Final = frozenset({"gt", "gteq", "lt", "lteq"})
_PYTHON: Final = {bool: "boolean", int: "number", float: "number", str: "string"}


def check_types(flow: Flow, graph: Graph, report: Report) -> None:
    """Every text of every place; an unknown type fits everything."""
    known = schemas_of(flow, graph.scope)
    for place in graph.places.values():
        for text in (*place.texts, *(text for edge in place.edges for text in edge.texts)):
            _Typing(known, text, report).visit(parse(text.compiled))
        step = place.step
        if isinstance(step, BranchStep):
            for number, case in enumerate(step.cases):
                path = (*place.path, "branch", number, "when")
                _check_condition(known, case.when.expression, path, report)
        elif isinstance(step, ToolStep):
            for name, value in step.arguments.items():
                _check_argument(known, step.tool, name, value, (*place.path, "arguments"), report)
        for name, offer in offers_at(step).items():
            at = (*offer_path(place.path, name), "arguments")
            for argument, value in offer.arguments.items():
                _check_argument(known, offer.tool, argument, value, at, report)


def schemas_of(flow: Flow, scope: str = "") -> dict[str, list[Schema]]:
    """Variable of the flow or a sub-flow to the schemas of everything that may be in it."""
    known: dict[str, list[Schema]] = {name: [{"type": "string"}] for name in CALL_VARIABLES}
    for name, value in flow.variables.items():
        known[name] = [{"type": _PYTHON.get(type(value), "null")}]
    for step in flow.steps.values():
        if scope_of(step.name) != scope:
            continue
        if isinstance(step, CollectStep):
            for slot in step.slots:
                known.setdefault(slot.name, []).append(property_schema(slot))
        elif isinstance(step, ToolStep) and step.save_as:
            known.setdefault(step.save_as, []).append(result_schema(step.tool))
        elif isinstance(step, SetStep):
            for name in step.values:
                known.setdefault(name, []).append({})
        elif isinstance(step, CallStep):
            for name in step.returns:
                known.setdefault(name, []).append({})
        for offer in offers_at(step).values():
            if offer.save_as is not None:
                known.setdefault(offer.save_as, []).append(result_schema(offer.tool))
            if isinstance(offer.tool.transport, SetVariableBuiltin):
                for name, schema in offer.tool.transport.values.items():
                    known.setdefault(name, []).append(schema)
    for name in flow.subflows[scope].parameters if scope else ():
        known.setdefault(name, []).append({})
    for fetch in flow.before_answer:
        known.setdefault(fetch.save_as, []).append({})
    return known


def result_schema(tool: ToolSpec) -> Schema:
    """What a tool's result looks like: its ``returns``, and the names its mapping gives."""
    mapped = tool.transport.result if isinstance(tool.transport, HttpTransport) else {}
    schema: dict[str, Any] = dict(tool.returns or {})
    if mapped:
        properties: dict[str, Any] = {name: {} for name in mapped}
        properties |= schema.get("properties", {})
        required = [*schema.get("required", ()), *mapped]
        schema |= {"type": "object", "properties": properties, "required": required}
    return schema


def _resolve(schema: Schema, root: Schema) -> Schema:
    for _ in range(8):
        reference = schema.get("$ref")
        if not isinstance(reference, str):
            return schema
        found: Any = root
        for part in reference.removeprefix("#").strip("/").split("/"):
            found = found.get(part, {}) if isinstance(found, Mapping) else {}
        schema = found if isinstance(found, Mapping) else {}
    return {}


def _types(schema: Schema) -> frozenset[str]:
    kinds = schema.get("type")
    if "enum" in schema and kinds is None:
        kinds = [_PYTHON.get(type(value), "null") for value in schema["enum"]]
    if kinds is None:
        return _ANY
    names = [kinds] if isinstance(kinds, str) else kinds
    return frozenset("number" if name == "integer" else str(name) for name in names)


class _Has(Enum):
    """Whether an object has a field; NO is false."""

    NO = 0
    PERHAPS = 1
    SURELY = 2

    def __bool__(self) -> bool:
        return self is not _Has.NO


def _has(schema: Schema, field: str) -> _Has:
    kinds, properties = _types(schema), schema.get("properties")
    if kinds and "object" not in kinds:
        return _Has.NO
    if not isinstance(properties, Mapping) or not properties:
        return _Has.SURELY  # nothing is known of its fields, so there is nothing to say
    if field not in properties:
        return _Has.NO
    return _Has.SURELY if field in schema.get("required", ()) else _Has.PERHAPS


class _Typing:
    """Goes over one text and complains about what cannot fit."""

    def __init__(self, known: Mapping[str, list[Schema]], text: Text, report: Report) -> None:
        self._known = known
        self._text = text
        self._report = report

    def visit(self, node: nodes.Node) -> None:
        if isinstance(node, nodes.Getattr | nodes.Getitem):
            self._check_field(node)
        if isinstance(node, nodes.Compare):
            self._check_compare(node)
        for child in node.iter_child_nodes():
            self.visit(child)

    def _check_field(self, node: nodes.Getattr | nodes.Getitem) -> None:
        field = _field(node)
        if field is None:
            return
        found = [schema for schema, _ in schemas_at(node.node, self._known)]
        if not found:
            return
        verdicts = [_has(schema, field) for schema in found]
        if not any(verdicts):
            known = sorted({name for schema in found for name in schema.get("properties", ())})
            self._report.error(
                "unknown_field",
                self._text.path,
                f"{_shown(node.node)} has no {field!r}{did_you_mean(field, known)}",
                f"There are {', '.join(known)}." if known else "It is no object.",
            )
        elif not all(verdict is _Has.SURELY for verdict in verdicts):
            self._report.warning(
                "field_may_lack",
                self._text.path,
                f"{_shown(node)} may be missing: returns does not require it",
                f"Add {field} to required, or ask '{_shown(node)} is defined' first.",
            )

    def _check_compare(self, node: nodes.Compare) -> None:
        left = types_of(node.expr, self._known)
        for operand in node.ops:
            right = types_of(operand.expr, self._known)
            if left and right and not left & right:
                if operand.op in _ORDERINGS:
                    self._report.error(
                        "mistyped", self._text.path,
                        f"{_shown(node.expr)} is {_or(left)} and is compared with {_or(right)}",
                        "Compare like with like: {{ amount | float }} makes a number of text.",
                    )  # fmt: skip
                elif operand.op in ("eq", "ne") and "null" not in left | right:
                    self._report.warning(
                        "never_equal", self._text.path,
                        f"{_shown(node.expr)} is {_or(left)} and never equals {_or(right)}",
                        "Compare like with like.",
                    )  # fmt: skip
            left = right


def types_of(node: nodes.Node, known: Mapping[str, list[Schema]]) -> frozenset[str]:
    """JSON types that an expression may have; empty when nobody knows."""
    match node:
        case nodes.Const():
            return frozenset({_PYTHON.get(type(node.value), "null")})
        case nodes.Name() | nodes.Getattr() | nodes.Getitem():
            found = [_types(schema) for schema, _ in schemas_at(node, known)]
            return frozenset().union(*found) if found and all(found) else _ANY
        case nodes.Compare() | nodes.Test() | nodes.Not():
            return _BOOLEAN
        case nodes.And() | nodes.Or():
            sides = types_of(node.left, known), types_of(node.right, known)
            return sides[0] | sides[1] if all(sides) else _ANY
        case nodes.CondExpr() if node.expr2 is not None:
            sides = types_of(node.expr1, known), types_of(node.expr2, known)
            return sides[0] | sides[1] if all(sides) else _ANY
        case nodes.Neg() | nodes.Sub():
            return _NUMBER
        case nodes.Concat():
            return _STRING
        case nodes.Filter():
            if node.name in _NUMERIC_FILTERS:
                return _NUMBER
            if node.name in _TEXT_FILTERS or node.name.startswith("say_"):
                return _STRING
    return _ANY


def schemas_at(node: nodes.Node, known: Mapping[str, list[Schema]]) -> list[tuple[Schema, Schema]]:
    """What may be in a name or a path, each with the schema its references are within."""
    if isinstance(node, nodes.Name):
        return [(_resolve(schema, schema), schema) for schema in known.get(node.name, ())]
    if isinstance(node, nodes.Getattr | nodes.Getitem):
        field = _field(node)
        found = []
        for schema, root in schemas_at(node.node, known):
            properties = schema.get("properties")
            inner = properties.get(field) if isinstance(properties, Mapping) else None
            found.append((_resolve(inner, root) if isinstance(inner, Mapping) else {}, root))
        return found
    return []


def _field(node: nodes.Getattr | nodes.Getitem) -> str | None:
    if isinstance(node, nodes.Getattr):
        return node.attr
    return (
        node.arg.value
        if isinstance(node.arg, nodes.Const) and isinstance(node.arg.value, str)
        else None
    )


def _shown(node: nodes.Node) -> str:
    match node:
        case nodes.Name():
            return node.name
        case nodes.Getattr():
            return f"{_shown(node.node)}.{node.attr}"
        case nodes.Const():
            return repr(node.value)
        case _:
            return "this"


def _or(kinds: Iterable[str]) -> str:
    return " or ".join(sorted(kinds))


def _check_condition(
    known: Mapping[str, list[Schema]], expression: Expression, path: YamlPath, report: Report
) -> None:
    kinds = types_of(parse(expression), known)
    if kinds and "boolean" not in kinds:
        report.error(
            "mistyped", path, f"{expression.source!r} is {_or(kinds)}, neither true nor false",
            "Compare it with something.",
        )  # fmt: skip


def _check_argument(
    known: Mapping[str, list[Schema]],
    tool: ToolSpec,
    name: str,
    value: Expression | Prompt,
    path: YamlPath,
    report: Report,
) -> None:
    properties = tool.parameters.get("properties")
    wanted = properties.get(name) if isinstance(properties, Mapping) else None
    if not isinstance(wanted, Mapping):
        return
    schema = _resolve(wanted, tool.parameters)
    at = (*path, name)
    tree = parse(value) if isinstance(value, Expression) else None
    constant = tree.value if isinstance(tree, nodes.Const) else None
    if isinstance(value, Prompt) and value.is_constant:
        constant = value.source
    if isinstance(tree, nodes.Const) or constant is not None:
        errors = [
            error.message for error in Draft202012Validator(dict(schema)).iter_errors(constant)
        ]
        if errors:
            report.error("mistyped", at, f"{tool.name} refuses it: {errors[0]}",
                         "Give a value that fits the tool's parameters.")  # fmt: skip
        return
    given = _STRING if tree is None else types_of(tree, known)
    types = _types(schema)
    if given and types and not given & types:
        report.error(
            "mistyped", at, f"{name} is to be {_or(types)}, and this is {_or(given)}",
            "Turn it into what the tool takes, or correct the tool's parameters.",
        )  # fmt: skip
        return
    _check_choices(known, tree, schema, tool, at, report)


def _check_choices(
    known: Mapping[str, list[Schema]],
    tree: nodes.Node | None,
    schema: Schema,
    tool: ToolSpec,
    path: YamlPath,
    report: Report,
) -> None:
    """A choice slot's values, each against the parameter's enum or pattern."""
    if not isinstance(tree, nodes.Name):
        return
    validator = Draft202012Validator(dict(schema))
    for source in known.get(tree.name, ()):
        for value in source.get("enum", ()):
            if not validator.is_valid(value):
                report.error(
                    "mistyped", path, f"{tool.name} refuses {value!r}, which {tree.name} may be",
                    "Make the choices and the tool's parameters agree.",
                )  # fmt: skip
