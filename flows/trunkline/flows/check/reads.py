"""What a template or an expression needs to have a value, and what a condition says about it.

``x | default('')`` and ``x is defined`` need nothing; in ``x is defined and x > 3`` the second
``x`` is safe; and behind ``when: x is undefined`` the other branch has it.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from jinja2 import Environment, nodes

from trunkline.flows.prompts import Expression, Prompt

_PARSER: Final = Environment(autoescape=False)  # parses only; rendering is the sandbox's
_NOTHING: Final[frozenset[str]] = frozenset()
_DEFAULTS: Final = frozenset({"d", "default"})


@dataclass(frozen=True, slots=True)
class Known:
    """Names that must have a value, and names that must have none, when a condition came out."""

    have: frozenset[str] = _NOTHING
    lack: frozenset[str] = _NOTHING

    def both(self, other: Known) -> Known:
        return Known(self.have | other.have, self.lack | other.lack)

    def either(self, other: Known) -> Known:
        return Known(self.have & other.have, self.lack & other.lack)


@lru_cache(maxsize=4096)
def parse(compiled: Prompt | Expression) -> nodes.Node:
    """The syntax tree; the text compiled once already, so it parses."""
    source = compiled.source
    if isinstance(compiled, Expression):
        output = _PARSER.parse("{{ (" + source + ") }}").body[0]
        assert isinstance(output, nodes.Output)
        return output.nodes[0]
    return _PARSER.parse(source)


@lru_cache(maxsize=4096)
def reads(compiled: Prompt | Expression) -> frozenset[str]:
    """The names without which evaluating it fails on some path through it."""
    needed: set[str] = set()
    _visit(parse(compiled), _NOTHING, needed)
    return frozenset(needed)


def known_when(condition: Expression, outcome: bool) -> Known:
    """What having come out ``outcome`` says about its names."""
    tree = parse(condition)
    known = _known(tree, outcome)
    # Evaluating it did not fail, so what it reads whatever happens has a value.
    return Known(known.have | _always(tree), known.lack)


def _visit(node: nodes.Node, known: frozenset[str], needed: set[str]) -> None:
    match node:
        case nodes.Name():
            if node.ctx == "load" and node.name not in known:
                needed.add(node.name)
        case nodes.Filter() if node.name in _DEFAULTS and isinstance(node.node, nodes.Name):
            for child in (*node.args, *node.kwargs):
                _visit(child, known, needed)
        case nodes.Test() if node.name in ("defined", "undefined"):
            if not isinstance(node.node, nodes.Name):
                _visit(node.node, known, needed)
        case nodes.And():
            _visit(node.left, known, needed)
            _visit(node.right, known | _known(node.left, True).have, needed)
        case nodes.Or():
            _visit(node.left, known, needed)
            _visit(node.right, known | _known(node.left, False).have, needed)
        case nodes.CondExpr():
            _visit(node.test, known, needed)
            _visit(node.expr1, known | _known(node.test, True).have, needed)
            if node.expr2 is not None:
                _visit(node.expr2, known | _known(node.test, False).have, needed)
        case nodes.If():
            _visit_if(node, known, needed)
        case _:
            for child in node.iter_child_nodes():
                _visit(child, known, needed)


def _visit_if(node: nodes.If, known: frozenset[str], needed: set[str]) -> None:
    _visit(node.test, known, needed)
    for child in node.body:
        _visit(child, known | _known(node.test, True).have, needed)
    known |= _known(node.test, False).have
    for other in node.elif_:
        _visit(other.test, known, needed)
        for child in other.body:
            _visit(child, known | _known(other.test, True).have, needed)
        known |= _known(other.test, False).have
    for child in node.else_:
        _visit(child, known, needed)


def _known(node: nodes.Node, outcome: bool) -> Known:
    match node:
        case nodes.Test() if node.name in ("defined", "undefined"):
            if not isinstance(node.node, nodes.Name):
                return Known()
            name = frozenset({node.node.name})
            return Known(have=name) if (node.name == "defined") is outcome else Known(lack=name)
        case nodes.Not():
            return _known(node.node, not outcome)
        case nodes.And():
            sides = _known(node.left, outcome), _known(node.right, outcome)
            return sides[0].both(sides[1]) if outcome else sides[0].either(sides[1])
        case nodes.Or():
            sides = _known(node.left, outcome), _known(node.right, outcome)
            return sides[0].either(sides[1]) if outcome else sides[0].both(sides[1])
        case _:
            return Known()


def _always(node: nodes.Node) -> frozenset[str]:
    """Names that are read on every path through an expression."""
    match node:
        case nodes.Name():
            return frozenset({node.name})
        case nodes.Filter() if node.name in _DEFAULTS and isinstance(node.node, nodes.Name):
            return _NOTHING
        case nodes.Test() if node.name in ("defined", "undefined"):
            return _NOTHING
        case nodes.And() | nodes.Or():
            return _always(node.left)
        case nodes.CondExpr():
            return _always(node.test)
        case _:
            return _NOTHING.union(*(_always(child) for child in node.iter_child_nodes()))
