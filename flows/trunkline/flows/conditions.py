"""Conditions of branches: one expression over the flow's variables, without side effects."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from trunkline.domain.events import Json
from trunkline.flows.prompts import Expression, PromptError, compile_expression


@dataclass(frozen=True, slots=True)
class Condition:
    """Holds or does not; whatever the expression yields must be true or false already.

    A text or a number is not a condition: ``bill.owed`` alone would hold for "0.00".
    """

    expression: Expression

    @property
    def source(self) -> str:
        return self.expression.source

    @property
    def variables(self) -> frozenset[str]:
        return self.expression.variables

    def holds(self, variables: Mapping[str, Json]) -> bool:
        """Raises PromptError when a name has no value, types do not fit, or it is no yes or no."""
        value = self.expression.evaluate(variables)
        if not isinstance(value, bool):
            raise PromptError(f"{self.source!r} is neither true nor false")
        return value


def compile_condition(source: str) -> Condition:
    """Raises PromptError naming what is not allowed in the expression."""
    return Condition(compile_expression(source))
