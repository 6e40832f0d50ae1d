"""Prompts: Jinja2 with nothing in it but values, ``if`` and a few filters.

A template can neither loop, call, import nor multiply, so it cannot hang a call or reach for
internals; a variable without a value is an error, never an empty string in somebody's ear.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, Final, TypeVar

from jinja2 import StrictUndefined, Template, TemplateError, meta, nodes
from jinja2.sandbox import ImmutableSandboxedEnvironment

from trunkline.domain.events import Json
from trunkline.flows.spoken_filters import SPOKEN_FILTERS

MAX_SOURCE_CHARS: Final = 4000
MAX_RENDERED_CHARS: Final = 4000

_ALLOWED_NODES: Final = (
    nodes.Template,
    nodes.Output,
    nodes.TemplateData,
    nodes.If,
    nodes.Name,
    nodes.Const,
    nodes.List,
    nodes.Tuple,
    nodes.Getattr,
    nodes.Getitem,
    nodes.Filter,
    nodes.Test,
    nodes.Compare,
    nodes.Operand,
    nodes.And,
    nodes.Or,
    nodes.Not,
    nodes.Neg,
    nodes.Add,
    nodes.Sub,
    nodes.CondExpr,
    nodes.Concat,
    nodes.Keyword,
)
_STOCK_FILTERS: Final = (
    "abs", "capitalize", "d", "default", "first", "float", "int", "join", "last", "length",
    "lower", "round", "string", "title", "trim", "upper",
)  # fmt: skip
_STOCK_TESTS: Final = (
    "boolean", "defined", "eq", "even", "false", "ge", "gt", "in", "le", "lt", "mapping", "ne",
    "none", "number", "odd", "sequence", "string", "true", "undefined",
)  # fmt: skip
_T = TypeVar("_T")
_SPACES: Final = re.compile(r"[ \t\r\n]+")
_PLACES: Final = re.compile(r"\{\{.*?\}\}|\{%.*?%\}|\{#.*?#\}", re.S)


class PromptError(Exception):
    """A template that cannot be compiled or rendered; the message says what to fix."""


class _Environment(ImmutableSandboxedEnvironment):
    """``bill.items`` is the field of that name, never a method of the mapping it is in."""

    def getattr(self, obj: Any, attribute: str) -> Any:
        if isinstance(obj, Mapping):
            return self.getitem(obj, attribute)
        return super().getattr(obj, attribute)

    def getitem(self, obj: Any, argument: Any) -> Any:
        if isinstance(obj, Mapping):
            try:
                return obj[argument]
            except (KeyError, TypeError):
                return self.undefined(obj=obj, name=argument)
        return super().getitem(obj, argument)


def _make_environment() -> ImmutableSandboxedEnvironment:
    environment = _Environment(
        undefined=StrictUndefined, autoescape=False, cache_size=0, optimized=False
    )
    stock_filters, stock_tests = environment.filters, environment.tests
    environment.filters = {name: stock_filters[name] for name in _STOCK_FILTERS} | dict(
        SPOKEN_FILTERS
    )
    environment.tests = {name: stock_tests[name] for name in _STOCK_TESTS}
    environment.globals = {}
    return environment


_ENVIRONMENT: Final = _make_environment()

FILTERS: Final = frozenset(_ENVIRONMENT.filters)
"""Every filter a prompt or a condition may use."""


@dataclass(frozen=True, slots=True)
class Prompt:
    """A compiled template. ``variables`` are the names it reads; equality is by source.

    One that reads none was rendered when it was compiled.
    """

    source: str
    variables: frozenset[str]
    _template: Template = field(repr=False, compare=False)
    _text: str | None = field(default=None, repr=False, compare=False)

    @property
    def is_constant(self) -> bool:
        return not self.variables

    def render(self, variables: Mapping[str, Json]) -> str:
        """Text with runs of white space folded; raises PromptError for a missing or unfit value."""
        if self._text is not None:
            return self._text
        text = _guard(self.source, partial(self._template.render, variables))
        if len(text) > MAX_RENDERED_CHARS:
            raise PromptError(f"the text of {_short(self.source)} is over {MAX_RENDERED_CHARS}")
        return _SPACES.sub(" ", text).strip()


@dataclass(frozen=True, slots=True)
class Expression:
    """A compiled expression: a value out of variables, with no side effects."""

    source: str
    variables: frozenset[str]
    _evaluate: Callable[..., Any] = field(repr=False, compare=False)

    def evaluate(self, variables: Mapping[str, Json]) -> Json:
        """The value; raises PromptError when a name has no value or types do not fit."""
        value = _guard(self.source, partial(self._evaluate, variables))
        if isinstance(value, StrictUndefined):
            raise PromptError(f"{_short(self.source)} has no value")
        return value


def literal(source: str) -> str:
    """The words that a template says of itself, whatever its values are."""
    return _SPACES.sub(" ", _PLACES.sub(" ", source)).strip()


def compile_prompt(source: str) -> Prompt:
    """Compile a template; raises PromptError naming what is not allowed."""
    tree = _parse(source)
    _check(tree, source)
    template = _guard(source, partial(_ENVIRONMENT.from_string, tree))
    prompt = Prompt(source, frozenset(meta.find_undeclared_variables(tree)), template)
    if prompt.variables:
        return prompt
    try:
        return replace(prompt, _text=prompt.render({}))
    except PromptError:
        return prompt  # whoever renders it is told


def compile_expression(source: str) -> Expression:
    """Compile ``source`` as one expression (no braces); raises PromptError."""
    tree = _parse("{{ (" + source + ") }}", shown=source)
    if _only_expression(tree) is None:
        raise PromptError(f"{_short(source)} is not one expression")
    _check(tree, source)
    evaluate = _guard(
        source, partial(_ENVIRONMENT.compile_expression, source, undefined_to_none=False)
    )
    return Expression(source, frozenset(meta.find_undeclared_variables(tree)), evaluate)


def compile_value(source: str) -> Expression | Prompt:
    """An argument: ``{{ x }}`` alone keeps the type of ``x``, anything else becomes text."""
    tree = _parse(source)
    if _only_expression(tree) is not None:
        inner = source.strip().removeprefix("{{").removesuffix("}}").strip("-").strip()
        return compile_expression(inner)
    return compile_prompt(source)


def members_read(root: str, source: str, *, is_expression: bool) -> frozenset[str]:
    """The ``name`` of every ``root.name`` and ``root['name']`` in a text that has compiled."""
    tree = _parse("{{ (" + source + ") }}" if is_expression else source)
    found = set()
    for dotted in tree.find_all(nodes.Getattr):
        if isinstance(dotted.node, nodes.Name) and dotted.node.name == root:
            found.add(dotted.attr)
    for item in tree.find_all(nodes.Getitem):
        is_of_root = isinstance(item.node, nodes.Name) and item.node.name == root
        if is_of_root and isinstance(item.arg, nodes.Const) and isinstance(item.arg.value, str):
            found.add(item.arg.value)
    return frozenset(found)


def reads_bare(root: str, source: str, *, is_expression: bool) -> bool:
    """Whether a text that has compiled reads ``root`` itself, and not only members of it."""
    tree = _parse("{{ (" + source + ") }}" if is_expression else source)
    dotted = [node.node for node in tree.find_all(nodes.Getattr)]
    owners = [*dotted, *(node.node for node in tree.find_all(nodes.Getitem))]
    of_members = [one for one in owners if isinstance(one, nodes.Name) and one.name == root]
    named = [name for name in tree.find_all(nodes.Name) if name.name == root]
    return len(named) > len(of_members)


def _parse(source: str, shown: str = "") -> nodes.Template:
    if len(source) > MAX_SOURCE_CHARS:
        raise PromptError(f"a template may have at most {MAX_SOURCE_CHARS} characters")
    return _guard(shown or source, partial(_ENVIRONMENT.parse, source))


def _only_expression(tree: nodes.Template) -> nodes.Expr | None:
    if len(tree.body) != 1 or not isinstance(tree.body[0], nodes.Output):
        return None
    parts = tree.body[0].nodes
    if len(parts) != 1 or isinstance(parts[0], nodes.TemplateData):
        return None
    return parts[0]


def _check(tree: nodes.Template, source: str) -> None:
    for node in tree.find_all(nodes.Node):
        if not isinstance(node, _ALLOWED_NODES):
            raise PromptError(f"{type(node).__name__.lower()} is not allowed in {_short(source)}")
        if isinstance(node, nodes.Getattr) and node.attr.startswith("_"):
            raise PromptError(f"{node.attr!r} is not allowed in {_short(source)}")
        if isinstance(node, nodes.Filter) and node.name not in FILTERS:
            raise PromptError(
                f"unknown filter {node.name!r} in {_short(source)}; "
                f"there are {', '.join(sorted(FILTERS))}"
            )
        if isinstance(node, nodes.Test) and node.name not in _ENVIRONMENT.tests:
            raise PromptError(f"unknown test {node.name!r} in {_short(source)}")


def _guard(source: str, act: Callable[[], _T]) -> _T:
    try:
        return act()
    except PromptError:
        raise
    except TemplateError as exc:
        raise PromptError(f"{exc.message or exc} in {_short(source)}") from None
    except (TypeError, ValueError, ArithmeticError, LookupError, RecursionError) as exc:
        # A filter or an operator was given a value it cannot take: the template's fault.
        raise PromptError(f"{type(exc).__name__} in {_short(source)}") from None


def _short(source: str) -> str:
    folded = _SPACES.sub(" ", source).strip()
    return repr(folded if len(folded) <= 60 else folded[:57] + "...")
