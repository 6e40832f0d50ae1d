"""Templates say values and nothing else."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trunkline.flows.conditions import compile_condition
from trunkline.flows.prompts import (
    Expression,
    PromptError,
    compile_expression,
    compile_prompt,
    compile_value,
)


@pytest.mark.parametrize(
    ("source", "variables", "text"),
    [
        ("You owe {{ owed | say_amount }}.", {"owed": 182.40},
         "You owe one hundred and eighty two dollars and forty cents."),
        ("{{ owed | say_amount('GBP') }}", {"owed": "1.05"}, "one pound and five pence"),
        ("{{ n | say_digits }}", {"n": "44172908"}, "four four one seven, two nine zero eight"),
        ("{{ n | say_digits }}", {"n": 12}, "one two"),
        ("{{ t | say_time }}", {"t": "08:30"}, "eight thirty in the morning"),
        ("{{ d | say_date('2026-11-21') }}", {"d": "2026-12-01"}, "Tuesday, December first"),
        ("{% if x %}yes{% else %}no{% endif %}", {"x": False}, "no"),
        ("  folded \n\n  {{ x }}  ", {"x": "a  b"}, "folded a b"),
        ("{{ a.b[0].c }}", {"a": {"b": [{"c": 3}]}}, "3"),
        ("{{ x | default('nobody') }}", {}, "nobody"),
        ("I have {value}.", {}, "I have {value}."),
    ],
)  # fmt: skip
def test_a_prompt_renders(source: str, variables: dict[str, object], text: str) -> None:
    assert compile_prompt(source).render(variables) == text


@pytest.mark.parametrize(
    "source",
    [
        "{% for x in y %}{{ x }}{% endfor %}",
        "{{ x() }}",
        "{{ ''.__class__ }}",
        "{{ x._private }}",
        "{{ 'a' * 1000000000 }}",
        "{{ 2 ** 100000 }}",
        "{% set x = 1 %}",
        "{% include 'x' %}",
        "{% import 'x' as y %}",
        "{% macro m() %}{% endmacro %}",
        "{{ x | attr('y') }}",
        "{{ x | map('upper') }}",
        "{{ x | no_such_filter }}",
        "{{ x is callable }}",
        "{{ unclosed",
        "{% if x %}",
        "{{ x[1:2] }}",
        "x" * 5000,
    ],
)
def test_a_template_that_could_do_more_than_say_values_is_refused(source: str) -> None:
    with pytest.raises(PromptError):
        compile_prompt(source)


@pytest.mark.parametrize(
    ("source", "variables"),
    [
        ("{{ x }}", {}),
        ("{{ x.y }}", {"x": {}}),
        ("{{ x | say_amount }}", {"x": "a great deal"}),
        ("{{ x | say_amount }}", {"x": None}),
        ("{{ x | say_amount }}", {"x": float("nan")}),
        ("{{ x | say_amount('XYZ') }}", {"x": 1}),
        ("{{ x | say_digits }}", {"x": "12a"}),
        ("{{ x | say_date }}", {"x": "2026-02-30"}),
        ("{{ x | say_time }}", {"x": "25:00"}),
        ("{{ x + 1 }}", {"x": "a"}),
        ("{{ x['__class__'] }}", {"x": {}}),
        ("{{ x }}", {"x": "y" * 5000}),
    ],
)
def test_a_value_that_is_missing_or_unfit_is_an_error_and_never_silence(
    source: str, variables: dict[str, object]
) -> None:
    with pytest.raises(PromptError):
        compile_prompt(source).render(variables)


def test_an_error_names_the_template_and_never_the_value() -> None:
    with pytest.raises(PromptError) as caught:
        compile_prompt("Card {{ card | say_digits }}").render({"card": "secret-4417"})
    assert "card | say_digits" in str(caught.value)
    assert "4417" not in str(caught.value)


def test_a_prompt_names_what_it_reads() -> None:
    prompt = compile_prompt("{{ a.b }} {% if c %}{{ d | upper }}{% endif %}")
    assert prompt.variables == {"a", "c", "d"}
    assert compile_prompt("plain").is_constant


@pytest.mark.parametrize(
    ("source", "value"),
    [
        ("{{ x }}", 5),
        ("{{ x.y }}", [1]),
        ("{{ 'a' ~ x }}", "a5"),
        ("n{{ x }}", "n5"),
        ("plain", "plain"),
        ("{{ x }}{{ x }}", "55"),
    ],
)
def test_an_argument_that_is_one_expression_keeps_its_type(source: str, value: object) -> None:
    compiled = compile_value(source)

    class Five(int):
        y = None

    variables = {"x": {"y": [1]}} if "y" in source else {"x": 5}
    if isinstance(compiled, Expression):
        assert compiled.evaluate(variables) == value
    else:
        assert compiled.render(variables) == value


@pytest.mark.parametrize(
    ("source", "variables", "holds"),
    [
        ("bill.owed > 0", {"bill": {"owed": 1}}, True),
        ("bill.owed > 0 and kind == 'gas'", {"bill": {"owed": 1}, "kind": "power"}, False),
        ("x in ['a', 'b']", {"x": "b"}, True),
        ("not done", {"done": False}, True),
        ("x is defined", {}, False),
        ("x is none", {"x": None}, True),
    ],
)
def test_a_condition_holds_or_does_not(
    source: str, variables: dict[str, object], holds: bool
) -> None:
    assert compile_condition(source).holds(variables) is holds


@pytest.mark.parametrize(
    ("source", "variables"),
    [
        ("bill.owed", {"bill": {"owed": "0.00"}}),
        ("bill.owed > 0", {"bill": {"owed": "182.40"}}),
        ("bill.owed > 0", {"bill": {}}),
        ("x", {}),
    ],
)
def test_a_condition_that_is_no_yes_or_no_is_an_error(
    source: str, variables: dict[str, object]
) -> None:
    with pytest.raises(PromptError):
        compile_condition(source).holds(variables)


@pytest.mark.parametrize("source", ["", "a b", "a }} {{ b", "f(x)", "x = 1", "}}{{"])
def test_what_is_not_one_expression_is_refused(source: str) -> None:
    with pytest.raises(PromptError):
        compile_condition(source)


@given(st.text(alphabet="{}%()[].|+-*/='\"\n #_abx019", max_size=40))
def test_no_text_breaks_the_compiler(source: str) -> None:
    for compiler in (compile_prompt, compile_expression, compile_value):
        try:
            compiled = compiler(source)
        except PromptError:
            continue
        assert isinstance(compiled.variables, frozenset)
