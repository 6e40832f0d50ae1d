"""What assembling shares: known names, and complaints with the line of what they are about."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from typing import Final, TypeVar

from trunkline.flows.conditions import Condition, compile_condition
from trunkline.flows.flow import CALL_VARIABLES
from trunkline.flows.prompts import (
    Expression,
    Prompt,
    PromptError,
    compile_expression,
    compile_prompt,
    compile_value,
)
from trunkline.flows.schema.document import FallbackPart, LinePart
from trunkline.flows.schema.parts import Parts, did_you_mean
from trunkline.flows.schema.source import Source, YamlPath
from trunkline.flows.steps import Fallback, Line

_C = TypeVar("_C", bound=Prompt | Expression | Condition)
_NOTHING: Final = compile_prompt("")
_NEVER: Final = compile_condition("false")


class Assembly:
    """Compiles texts and checks names; a fault is noted and a harmless stand-in returned."""

    def __init__(self, source: Source, parts: Parts) -> None:
        self.source = source
        self.parts = parts
        written = _written(source)
        self.variables = {*CALL_VARIABLES, *parts.variable_names} | written
        self.constants = set(parts.variable_names) - written

    def complain(self, path: YamlPath, message: str) -> None:
        self.source.complain(path, message)

    def prompt(self, text: str, path: YamlPath, known: Collection[str] | None = None) -> Prompt:
        return self._compile(compile_prompt, text, path, known) or _NOTHING

    def value(
        self,
        value: str | int | float | bool | None,
        path: YamlPath,
        known: Collection[str] | None = None,
    ) -> Expression | Prompt:
        """An argument: text is a template, anything else is itself."""
        if isinstance(value, str):
            return self._compile(compile_value, value, path, known) or _NOTHING
        if value is None or isinstance(value, bool):
            return compile_expression({None: "none", True: "true", False: "false"}[value])
        return compile_expression(repr(value))

    def condition(self, text: str, path: YamlPath) -> Condition:
        return self._compile(compile_condition, text, path, None) or _NEVER

    def _compile(
        self,
        compiler: Callable[[str], _C],
        text: str,
        path: YamlPath,
        known: Collection[str] | None,
    ) -> _C | None:
        try:
            compiled = compiler(text)
        except PromptError as exc:
            self.complain(path, str(exc))
            return None
        names = self.variables if known is None else known
        for name in sorted(compiled.variables - set(names)):
            hint = did_you_mean(name, names)
            self.complain(path, f"nothing ever sets the variable {name!r}{hint}")
        return compiled

    def lines(self, parts: Sequence[LinePart], path: YamlPath) -> tuple[Line, ...]:
        return tuple(
            Line(self.prompt(part.text, (*path, place, "text")), part.interruptible)
            for place, part in enumerate(parts)
        )

    def texts(self, texts: Sequence[str], path: YamlPath) -> tuple[Prompt, ...]:
        return tuple(self.prompt(text, (*path, place)) for place, text in enumerate(texts))

    def step(self, name: str, path: YamlPath) -> str:
        """The name, after a complaint when there is no such step."""
        if name not in self.parts.step_names:
            hint = did_you_mean(name, self.parts.step_names)
            self.complain(path, f"there is no step {name!r}{hint}")
        return name

    def optional_step(self, name: str | None, path: YamlPath) -> str | None:
        return None if name is None else self.step(name, path)

    def fallback(self, part: FallbackPart, path: YamlPath) -> Fallback:
        return Fallback(
            lines=self.lines(part.say, (*path, "say")),
            goto=self.optional_step(part.goto, (*path, "goto")),
        )


def _written(source: Source) -> set[str]:
    """Variables that some step writes, steps with mistakes included."""
    names: set[str] = set()
    steps = source.value.get("steps") if isinstance(source.value, dict) else None
    for step in steps.values() if isinstance(steps, dict) else ():
        if not isinstance(step, dict):
            continue
        collect = step.get("collect")
        if isinstance(collect, dict | list):
            names |= {name for name in collect if isinstance(name, str)}
        if isinstance(step.get("save_as"), str):
            names.add(step["save_as"])
    return names
